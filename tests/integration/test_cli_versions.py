"""Versions of policies offline: `policies`, and what `check`, `simulate`, `matrix` and `todo` make of
them."""

import json

import pytest

import samples
from cli import run, write

NOW = "2026-11-20T00:00:00Z"


def version(name, label, supersedes=None, count=1, created="2026-11-01T00:00:00Z", **more):
    """A policy that asks for so many sign-offs."""
    measure = dict(samples.policy()["spec"]["measures"][0])
    measure["require"] = {"signOff": dict(measure["require"]["signOff"], count=count)}
    number = {"label": label, **({"supersedes": supersedes} if supersedes else {}), **more}
    policy = samples.policy(
        {"measures": [measure], "version": number,
         "succession": {"signOff": {"role": "ml-engineer", "count": 1, "assurance": "Requester"}}},
        name,
    )  # fmt: skip
    policy["metadata"]["creationTimestamp"] = created
    return policy


def approval(policy, created="2026-11-15T00:00:00Z"):
    made = samples.obj("SignOff", f"{policy['metadata']['name']}-approved", samples.HOME, {
        "subject": {"kind": "GovernancePolicy", "policy": policy["metadata"]["name"],
                    "policyDigest": samples.canonical_digest(policy["spec"])},
        "role": "ml-engineer", "decision": "Approve", "signer": {"username": "dana"},
        "rationale": "Better.",
    })  # fmt: skip
    made["metadata"]["creationTimestamp"] = created
    return made


@pytest.fixture
def folder(tmp_path):
    """One sign-off: enough for the first version, not for the second."""
    case, mdeploy = samples.use_case(), samples.deployment()
    write(tmp_path / "live" / "all.yaml", version("lending-1", "1"), case, mdeploy,
          samples.answers_sign_off(case), samples.sign_off(mdeploy, samples.VERA))  # fmt: skip
    return tmp_path / "live"


def policies(folder, *arguments):
    done = run("policies", "-f", folder, "-o", "json", *arguments)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["apiVersion"], answer["kind"]) == ("cli.countersign.dev/v1", "PolicyVersions")
    return {p["name"]: (p["inForce"], p["state"], p["reason"]) for p in answer["policies"]}


def check(folder):
    return run("check", "-f", folder, "--now", NOW).returncode


def test_a_version_counts_once_it_is_signed_off(folder):
    assert check(folder) == 0
    second = version("lending-2", "2", "lending-1", count=2)
    write(folder / "second.yaml", second)
    assert check(folder) == 0  # an unapproved version changes nothing
    assert policies(folder, "--at", NOW) == {
        "lending-1": (True, "InForce", "Bootstrap"),
        "lending-2": (False, "Pending", "SignOffMissing"),
    }
    write(folder / "approval.yaml", approval(second))
    assert check(folder) == 1
    assert policies(folder, "--at", NOW) == {
        "lending-1": (False, "Superseded", "Superseded"),
        "lending-2": (True, "InForce", "SignedOff"),
    }
    # The same question about another time.
    assert policies(folder, "--at", "2026-11-14T00:00:00Z") == {
        "lending-1": (True, "InForce", "Bootstrap"),
        "lending-2": (False, "Pending", "SignOffMissing"),
    }


def test_what_will_be_in_force_can_be_asked(folder):
    second = version("lending-2", "2", "lending-1", effectiveFrom="2027-01-01T00:00:00Z",
                     transition="10d")  # fmt: skip
    write(folder / "second.yaml", second, approval(second))
    states = [{name: state for name, (_, state, _) in policies(folder, "--at", at).items()}
              for at in (NOW, "2027-01-01T00:00:00Z", "2027-01-11T00:00:00Z")]  # fmt: skip
    assert states == [
        {"lending-1": "InForce", "lending-2": "Approved"},
        {"lending-1": "Ending", "lending-2": "InTransition"},
        {"lending-1": "Superseded", "lending-2": "InForce"},
    ]
    text = run("policies", "-f", folder, "--at", NOW).stdout
    assert "lending-2: not in force yet: signed off by 'dana', takes effect at 2027-01-01" in text


def test_simulate_takes_a_new_version_for_approved(folder, tmp_path):
    new = write(tmp_path / "new.yaml", version("lending-2", "2", "lending-1", count=2))
    done = run("simulate", "-f", new, "--against", folder, "--now", NOW, "-o", "json")
    assert done.returncode == 1, done.stderr
    gates = json.loads(done.stdout)["deployments"][0]["gates"]
    assert {g["gate"]: (g["before"] and g["before"]["state"], g["after"] and g["after"]["state"])
            for g in gates} == {
        "lending-1/validation": ("Passed", None),
        "lending-2/validation": (None, "Missing"),
    }  # fmt: skip


def test_matrix_and_todo_know_which_version_counts(folder):
    write(folder / "second.yaml", version("lending-2", "2", "lending-1", count=2))
    assert json.loads(run("matrix", "-f", folder, "-o", "json").stdout)["policies"] == ["lending-1"]
    answer = json.loads(run("todo", "-f", folder, "--now", NOW, "-o", "json").stdout)
    waiting = {a["name"]: [(t["deployment"], t["gate"]) for t in a["tasks"]]
               for a in answer["actors"]}  # fmt: skip
    assert waiting == {"ml-engineer": [("GovernancePolicy lending-2", "version")]}
    assert "approve --policy lending-2 -n NAMESPACE --role ml-engineer" in answer["actors"][0]["tasks"][0]["next"]


def test_faults_are_one_sentence(tmp_path, folder):
    done = run("policies", "-f", folder, "--at", "tomorrow")
    assert done.returncode == 2 and "--at" in done.stderr and len(done.stderr.splitlines()) == 1
    write(tmp_path / "none" / "case.yaml", samples.use_case())
    done = run("policies", "-f", tmp_path / "none")
    assert done.returncode == 2 and "there is no GovernancePolicy" in done.stderr
    broken = version("lending-1", "1")
    del broken["spec"]["succession"]
    done = run("policies", "-f", write(tmp_path / "broken" / "p.yaml", broken))
    assert done.returncode == 2 and "spec.succession: is required" in done.stderr
