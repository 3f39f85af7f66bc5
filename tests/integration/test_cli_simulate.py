"""`countersign simulate` on files: what new policies, or time, would change."""

import json

import pytest

import samples
from cli import run, write

NOW, LATER = "2026-11-20T00:00:00Z", "2027-06-01T00:00:00Z"


def policy(count=2, max_age=None, **patch):
    measure = dict(samples.policy()["spec"]["measures"][0])
    require = dict(measure["require"]["signOff"], count=count)
    if max_age:
        require["maxAge"] = max_age
    measure["require"] = {"signOff": require}
    return samples.policy({"measures": [measure], **patch})


def signed(mdeploy, who, since="2026-11-01T00:00:00Z"):
    one = samples.sign_off(mdeploy, who)
    one["metadata"]["creationTimestamp"] = since
    return one


@pytest.fixture
def against(tmp_path):
    mdeploy = samples.deployment()
    write(tmp_path / "live" / "all.yaml", policy(), samples.use_case(), mdeploy,
          samples.deployment("draft", samples.DEV, model="m2"), signed(mdeploy, samples.VERA),
          signed(mdeploy, samples.VICTOR))  # fmt: skip
    return tmp_path / "live"


def simulate(against, *arguments):
    done = run("simulate", "--against", against, "--now", NOW, "-o", "json", *arguments)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def test_a_stricter_policy_is_for_the_worse_gate_by_gate(against, tmp_path):
    new = write(tmp_path / "new.yaml", policy(count=3))
    code, answer, _ = simulate(against, "-f", new)
    assert code == 1
    assert (answer["apiVersion"], answer["kind"]) == ("cli.countersign.dev/v1", "Simulation")
    changed = [d for d in answer["deployments"] if d["changed"]]
    assert [d["deployment"] for d in changed] == ["lending-prod/scorer"]
    assert changed[0]["verdict"] == {"before": "Allow", "after": "Deny"}
    gate = changed[0]["gates"][0]
    assert (gate["gate"], gate["forTheWorse"]) == ("lending/validation", True)
    assert (gate["before"]["state"], gate["after"]["state"]) == ("Passed", "Missing")
    assert changed[0]["reaction"] == "Hold"
    text = run("simulate", "--against", against, "--now", NOW, "-f", new).stdout
    assert "2 deployments: 1 unchanged, 1 changed, 1 of them for the worse" in text
    assert "lending/validation: Passed SignedOff -> Missing SignOffMissing" in text
    assert "nobody was authenticated" in text


def test_a_milder_policy_changes_nothing_for_the_worse(against, tmp_path):
    new = write(tmp_path / "new.yaml", policy(count=1))
    code, answer, _ = simulate(against, "-f", new)
    assert code == 0
    assert not any(d["changed"] for d in answer["deployments"])


def test_a_policy_of_another_name_adds_to_those_in_force(against, tmp_path):
    added = policy(count=3)
    added["metadata"]["name"] = "group-wide"
    code, answer, _ = simulate(against, "-f", write(tmp_path / "new.yaml", added))
    assert code == 1
    scorer = answer["deployments"][1]
    assert [(g["gate"], g["before"]) for g in scorer["gates"]] == [("group-wide/validation", None)]


def test_a_measure_that_goes_away_is_not_for_the_worse(against, tmp_path):
    rest = policy(measures=[dict(policy()["spec"]["measures"][0], name="other",
                                 applies={"classes": ["low"], "environments": ["qa"]})])
    code, answer, _ = simulate(against, "-f", write(tmp_path / "new.yaml", rest))
    assert code == 0
    gates = answer["deployments"][1]["gates"]
    assert [(g["gate"], g["after"]) for g in gates] == [("lending/validation", None)]


def test_time_says_what_expires_when(against, tmp_path):
    write(against / "all.yaml", policy(max_age="90d"), samples.use_case(), samples.deployment(),
          signed(samples.deployment(), samples.VERA),
          signed(samples.deployment(), samples.VICTOR, "2026-11-10T00:00:00Z"))  # fmt: skip
    code, answer, _ = simulate(against, "--at", LATER)
    assert code == 1
    assert answer["expiries"] == [{"at": "2027-01-30T00:00:00Z", "gate": "lending/validation",
                                   "deployment": "lending-prod/scorer"}]
    assert answer["deployments"][0]["gates"][0]["after"]["state"] == "Expired"
    code, answer, _ = simulate(against, "--at", "2027-01-29T00:00:00Z")
    assert (code, answer["expiries"]) == (0, [])
    text = run("simulate", "--against", against, "--now", NOW, "--at", LATER).stdout
    assert "2027-01-30T00:00:00Z  lending-prod/scorer  lending/validation" in text


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], "-f or --at"),
        (["--at", "2026-01-01T00:00:00Z"], "--at: must not be before 2026-11-20T00:00:00Z"),
        (["--at", "tomorrow"], "--at: "),
        (["-f", "/nowhere.yaml"], "cannot read '/nowhere.yaml'"),
    ],
)
def test_wrong_calls_are_errors(against, arguments, found):
    code, answer, error = simulate(against, *arguments)
    assert (code, answer) == (2, None)
    assert found in error


def test_what_is_no_policy_is_refused(against, tmp_path):
    code, answer, error = simulate(against, "-f", write(tmp_path / "a.yaml", samples.use_case()))
    assert (code, answer) == (2, None)
    assert "a.yaml: kind: must be a GovernancePolicy, is 'UseCase'" in error


def test_without_a_deployment_there_is_nothing_to_say(tmp_path):
    write(tmp_path / "p.yaml", policy())
    code, answer, error = simulate(tmp_path, "-f", tmp_path / "p.yaml")
    assert (code, answer) == (2, None)
    assert "there is no ModelDeployment" in error
