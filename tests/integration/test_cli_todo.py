"""`countersign todo` on files: who must do what next, and what expires."""

import json
import shlex
import subprocess

import pytest

import samples
from cli import run, write

NOW = "2026-11-20T00:00:00Z"


def todo(folder, *arguments):
    done = run("todo", "-f", folder, "--now", NOW, "-o", "json", *arguments)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def tasks(answer):
    return {a["name"]: [(t["gate"], t["state"], t.get("due")) for t in a["tasks"]]
            for a in answer["actors"]}  # fmt: skip


def since(one, when="2026-11-01T00:00:00Z"):
    one["metadata"]["creationTimestamp"] = when
    return one


@pytest.fixture
def folder(tmp_path):
    """Signed by Vera, snapshot there, bias test missing, second sign-off missing."""
    case, mdeploy = samples.use_case(), samples.deployment()
    snapshot = samples.snapshot(patch={"performedAt": "2026-11-01T00:00:00Z"})
    write(tmp_path / "all.yaml", samples.policy(), case, mdeploy,
          since(samples.answers_sign_off(case)), since(snapshot),
          since(samples.sign_off(mdeploy, samples.VERA)))  # fmt: skip
    return tmp_path


def test_tasks_stand_with_those_who_can_do_them(folder):
    code, answer, error = todo(folder)
    assert code == 0, error
    assert (answer["apiVersion"], answer["kind"]) == ("cli.countersign.dev/v1", "Todo")
    assert tasks(answer) == {
        "model-validator": [("lending/validation", "Missing", None)],
        "ds-lending": [("lending/bias", "Missing", None)],
    }
    validator = next(a for a in answer["actors"] if a["name"] == "model-validator")
    assert (validator["kind"], validator["policy"]) == ("Role", "lending")
    assert validator["holders"] == [{"kind": "Group", "name": "model-risk"}]
    task = validator["tasks"][0]
    assert task["blocking"] and task["deployment"] == "lending-prod/scorer"
    # From the file: the cluster may have another revision of that name.
    assert task["next"].endswith(
        f"kubectl countersign approve scorer -f {folder}/all.yaml -n lending-prod --role model-validator "
        "--rationale \"…\"")  # fmt: skip
    text = run("todo", "-f", folder, "--now", NOW).stdout
    assert "role 'model-validator' of policy 'lending' (group 'model-risk')" in text
    assert "now: lending-prod/scorer in prod, lending/validation Missing" in text


@pytest.mark.parametrize(
    ("user", "groups", "expected"),
    [
        ("victor", ["model-risk"], {"model-validator"}),
        # She has signed already.
        ("vera", ["model-risk"], set()),
        # He is in the role, and develops this model: his sign-off would not count.
        ("dan", ["ds-lending", "model-risk"], {"ds-lending"}),
        ("eve", [], set()),
    ],
)
def test_a_person_sees_what_waits_for_them(folder, user, groups, expected):
    arguments = [a for g in groups for a in ("--group", g)]
    _, answer, _ = todo(folder, "--user", user, *arguments)
    assert set(tasks(answer)) == expected


def test_a_deputy_sees_what_waits_for_the_lender(folder):
    lent = samples.obj("SignOff", "lent", samples.HOME, {
        "subject": {"kind": "Delegation", "useCase": "credit", "deputy": "otto"},
        "role": "model-validator", "decision": "Approve", "signer": {"username": "victor"},
        "rationale": "Away.", "expiresAt": "2026-11-25T00:00:00Z"})  # fmt: skip
    write(folder / "lent.yaml", since(lent, "2026-11-15T00:00:00Z"))
    # The policy lets nobody lend the role.
    assert todo(folder, "--user", "otto")[1]["actors"] == []
    text = (folder / "all.yaml").read_text()
    (folder / "all.yaml").write_text(text.replace(
        "  - name: model-validator\n    level: Tactical\n",
        "  - name: model-validator\n    level: Tactical\n    delegation: {maxDuration: 21d}\n"))  # fmt: skip
    _, answer, error = todo(folder, "--user", "otto")
    assert set(tasks(answer)) == {"model-validator"}, error
    assert answer["actors"][0]["deputies"] == [
        {"deputy": "otto", "lender": "victor", "until": "2026-11-25T00:00:00Z"}]
    shown = run("todo", "-f", folder, "--now", NOW).stdout
    assert "deputy 'otto' for 'victor' until 2026-11-25T00:00:00Z" in shown
    assert todo(folder, "--user", "olga")[1]["actors"] == []


def test_the_next_command_signs_the_file_as_it_is_typed(folder, tmp_path):
    """Of several in one file, whose name a shell would take apart."""
    text = (folder / "all.yaml").read_text()
    other = samples.deployment(namespace=samples.DEV)
    other["metadata"]["name"] = "other"
    (folder / "all.yaml").unlink()
    write(folder / "it's all.yaml", other)
    (folder / "it's all.yaml").write_text((folder / "it's all.yaml").read_text() + "\n---\n" + text)
    _, answer, _ = todo(folder)
    validator = next(a for a in answer["actors"] if a["name"] == "model-validator")
    task = next(t for t in validator["tasks"] if t["deployment"] == "lending-prod/scorer")
    command = shlex.split(task["next"].split("can run: kubectl ")[1])
    assert command[0] == "countersign"
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    # Where no cluster is asked, from the same file, which has the policies.
    done = run(*command[1:], "--sign-with", key, "--print", "--signer", "victor", "--without-evidence", "--yes")
    assert done.returncode == 0, done.stderr
    assert "ModelDeployment 'lending-prod/scorer'" in done.stderr and "kind: SignOff" in done.stdout, done
    # So do the gates that are shown before signing.
    assert "Remedy: group 'model-risk' can run: kubectl countersign approve scorer -f '" in done.stderr, done.stderr
    # Of what comes by a pipe nobody knows the file.
    piped = run("todo", "-f", "-", "--now", NOW, stdin=(folder / "it's all.yaml").read_text())
    assert "approve scorer -f FILE -n lending-prod" in piped.stdout, piped.stdout + piped.stderr


def test_a_role_sees_its_own(folder):
    _, answer, _ = todo(folder, "--role", "model-validator")
    assert set(tasks(answer)) == {"model-validator"}
    _, answer, _ = todo(folder, "--role", "ml-engineer")
    assert answer["actors"] == []


def test_unsigned_answers_are_a_task_with_its_command(tmp_path):
    write(tmp_path / "all.yaml", samples.policy(), samples.use_case(),
          samples.deployment(namespace=samples.DEV))  # fmt: skip
    _, answer, _ = todo(tmp_path)
    assert tasks(answer)["model-validator"] == [("answers", "Missing", None)]
    assert answer["actors"][0]["tasks"][0]["next"].endswith(
        "kubectl countersign approve --use-case credit -n lending --role model-validator --rationale \"…\"")


def test_what_will_expire_is_told_before_with_the_remedy(tmp_path):
    case, mdeploy = samples.use_case(), samples.deployment()
    measure = dict(samples.policy()["spec"]["measures"][0])
    require = dict(measure["require"]["signOff"], maxAge="30d", count=1)
    policy = samples.policy({"measures": [dict(measure, require={"signOff": require})]})
    write(tmp_path / "all.yaml", policy, case, mdeploy, since(samples.answers_sign_off(case)),
          since(samples.sign_off(mdeploy, samples.VERA)))  # fmt: skip
    assert run("check", "-f", tmp_path, "--now", NOW).returncode == 0
    _, answer, _ = todo(tmp_path, "--within", "5d")
    assert answer["actors"] == []
    assert "nothing expires within 5d" in run("todo", "-f", tmp_path, "--now", NOW, "--within",
                                              "5d").stdout  # fmt: skip
    _, answer, _ = todo(tmp_path, "--within", "14d")
    assert tasks(answer) == {
        "model-validator": [("lending/validation", "Passed", "2026-12-01T00:00:00Z")]}
    task = answer["actors"][0]["tasks"][0]
    assert f"countersign approve scorer -f {tmp_path}/all.yaml -n lending-prod --role model-validator" in task["next"]
    # Who has signed may sign again.
    _, answer, _ = todo(tmp_path, "--within", "14d", "--user", "vera", "--group", "model-risk")
    assert set(tasks(answer)) == {"model-validator"}


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--mine"], "--mine: needs a cluster"),
        (["--within", "soon"], "--within: "),
        (["--group", "a"], "--user"),
    ],
)
def test_wrong_calls_say_so(folder, arguments, found):
    code, answer, error = todo(folder, *arguments)
    assert (code, answer) == (2, None)
    assert found in error


def test_advice_is_asked_of_those_who_are_consulted_and_answers_of_those_who_approve(tmp_path):
    patch = {"roles": [
        {"name": "model-validator", "level": "Tactical",
         "subjects": [{"kind": "Group", "name": "model-risk"}]},
        {"name": "privacy", "level": "Tactical", "subjects": [{"kind": "Group", "name": "dpo"}]}],
        "measures": [{"name": "validation", "step": "PreProduction",
                      "accountable": "model-validator", "require": {"signOff": {
                          "role": "model-validator", "count": 1, "assurance": "Requester",
                          "consultation": {"roles": ["privacy"]}}}}]}  # fmt: skip
    case, mdeploy = samples.use_case(), samples.deployment()
    write(tmp_path / "all.yaml", samples.policy(patch), case, mdeploy,
          since(samples.answers_sign_off(case)),
          since(samples.sign_off(mdeploy, samples.VERA)))  # fmt: skip
    _, answer, error = todo(tmp_path)
    assert set(tasks(answer)) == {"privacy"}, error
    assert "--role privacy --advise --severity" in answer["actors"][0]["tasks"][0]["next"]
    advice = {"role": "privacy", "decision": "Advise", "severity": "Major"}
    write(tmp_path / "advice.yaml",
          since(samples.sign_off(mdeploy, ("paul", ["dpo"]), "advice", patch=advice)))
    # Vera has approved; now she is asked again, for an answer.
    _, answer, _ = todo(tmp_path, "--user", "vera", "--group", "model-risk")
    assert set(tasks(answer)) == {"model-validator"}
    assert "--respond advice=TEXT" in answer["actors"][0]["tasks"][0]["next"]
