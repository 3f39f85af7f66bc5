"""Versions of a policy on a real API server: published, approved, superseded and deleted, as separate
users through RBAC, with webhook and operator at work."""

import datetime
import json

import pytest
import samples as s
from operator_world import eventually, rfc3339
from world import Installation, run

PETRA = ("petra", ["policy-admins"])  # writes policies
OLGA = ("olga", ["board"])  # approves the second version
MARTA = ("marta", ["auditors"])  # approves what comes after the second
SYSTEM = "governance-records"


def version(name, label, role, group, supersedes=None, namespace="versioned-prod", **more):
    """A policy that asks for nothing but has its successor approved by `role`."""
    number = {"label": label, **({"supersedes": supersedes} if supersedes else {}), **more}
    return s.obj("GovernancePolicy", name, None, {
        "version": number,
        "succession": {"signOff": {"role": role, "count": 1, "distinctFrom": ["requester"],
                                   "assurance": "Requester"}},
        "environments": [{"name": "prod", "namespaces": [namespace], "enforcement": "Deny"}],
        "roles": [{"name": role, "level": "Strategic",
                   "subjects": [{"kind": "Group", "name": group}]}],
        "classification": {"signOff": {"role": role, "count": 1, "assurance": "Requester"},
                           "classes": [{"name": "any", "when": {"otherwise": True}}]},
    })


@pytest.fixture(scope="module")
def site():
    site = Installation(operator=True)
    try:
        site.cluster.run("create", "namespace", SYSTEM)
        for group, role in (("policy-admins", "countersign-policy-admin"),
                            ("board", "countersign-approver"),
                            ("auditors", "countersign-approver")):
            site.cluster.run("create", "clusterrolebinding", group, f"--clusterrole={role}",
                             f"--group={group}")
        yield site
    finally:
        site.close()


def account(site, person):
    return site.cluster.user(*person)


def publish(site, *policies, check=True):
    text = "\n---\n".join(json.dumps(policy) for policy in policies)
    return site.cluster.run("apply", "-f", "-", input=text, user=account(site, PETRA), check=check)


def countersign(site, person, *args, check=True):
    return run(*args, user=account(site, person), check=check)


def approve(site, person, policy, role, *flags, check=True):
    return countersign(site, person, "approve", "--policy", policy, "--role", role, "--rationale",
                       "Read and agreed.", "--yes", "-n", SYSTEM, *flags, check=check)


def get(site, name):
    done = site.cluster.run("get", "govpol", name, "-o", "json", "--ignore-not-found")
    return json.loads(done.stdout) if done.stdout else None


def in_force(site, name):
    """The condition, once the operator has said it."""
    conditions = (get(site, name) or {}).get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == "InForce"), None)


def await_state(site, name, state):
    eventually(lambda: (get(site, name) or {}).get("status", {}).get("state") == state,
               lambda: f"{name} to be {state}, is {get(site, name)}")


def test_a_first_version_takes_effect_at_once_and_says_who_published_it(site):
    done = publish(site, version("first-1", "1", "board", "board"))
    assert "takes effect at once, as the first version of its line" in done.stderr
    await_state(site, "first-1", "InForce")
    stored = get(site, "first-1")
    assert stored["status"]["publishedBy"] == "petra"
    assert stored["metadata"]["finalizers"] == ["countersign.dev/policy-version"]
    assert in_force(site, "first-1")["reason"] == "Bootstrap"


def test_a_published_version_cannot_be_changed(site):
    publish(site, version("final-1", "1", "board", "board"))
    changed = version("final-1", "1", "board", "board", namespace="elsewhere")
    done = publish(site, changed, check=False)
    assert done.returncode != 0 and "spec.version.supersedes" in done.stderr, done.stderr
    assert "Forbidden" in done.stderr or "forbidden" in done.stderr, done.stderr
    # Neither can it lose its version, which would make it changeable.
    del changed["spec"]["version"]
    assert publish(site, changed, check=False).returncode != 0
    # Labels are no part of it.
    site.cluster.run("label", "govpol", "final-1", "owner=risk", user=account(site, PETRA))


def test_a_successor_waits_for_the_role_of_the_version_before_it(site):
    publish(site, version("chain-1", "1", "board", "board"))
    done = publish(site, version("chain-2", "2", "auditor", "auditors", supersedes="chain-1"))
    assert "not in force: needs 1 sign-off in role 'board'" in done.stderr
    await_state(site, "chain-2", "Pending")
    await_state(site, "chain-1", "InForce")
    refused = approve(site, MARTA, "chain-2", "auditor", check=False)
    assert "signed off by role 'board', not 'auditor'" in refused.stderr
    waits = countersign(site, OLGA, "policies").stdout
    assert "needs 1 sign-off in role 'board'" in waits
    assert "approve --policy chain-2 -n NAMESPACE --role board" in waits
    # Not where somebody happens to work: with that namespace the version would go out of force.
    nowhere = countersign(site, OLGA, "approve", "--policy", "chain-2", "--role", "board", "--rationale",
                          "Read and agreed.", "--yes", check=False)  # fmt: skip
    assert nowhere.returncode == 2 and "--namespace: is required" in nowhere.stderr, nowhere
    assert not [s for s in json.loads(site.cluster.run("get", "signoffs", "-n", "default", "-o",
                                                       "json").stdout)["items"]]  # fmt: skip
    shown = approve(site, OLGA, "chain-2", "board").stdout
    assert "- roles.board" in shown and "+ roles.auditor" in shown, shown
    await_state(site, "chain-2", "InForce")
    # The next one belongs beside it, as everybody is told.
    publish(site, version("chain-3", "3", "auditor", "auditors", supersedes="chain-2"))
    assert f"approve --policy chain-3 -n {SYSTEM} --role auditor" in countersign(site, OLGA, "policies").stdout
    lost = countersign(site, MARTA, "approve", "--policy", "chain-3", "--role", "auditor", "--rationale",
                       "Read and agreed.", "--yes", check=False)  # fmt: skip
    assert lost.returncode == 2 and f"there are some in '{SYSTEM}'" in lost.stderr, lost
    await_state(site, "chain-1", "Superseded")
    events = eventually(
        lambda: [e for e in json.loads(site.cluster.run(
            "get", "events.events.k8s.io", "-n", "default", "-o", "json").stdout)["items"]
            if e["regarding"].get("name") == "chain-2" and e["reason"] == "InForce"],
        "the event that tells of it")
    assert "signed off by 'olga'" in events[0]["note"]


def test_it_takes_effect_at_the_instant_that_it_says(site):
    publish(site, version("timed-1", "1", "board", "board"))
    at = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + \
        datetime.timedelta(seconds=40)
    publish(site, version("timed-2", "2", "board", "board", supersedes="timed-1",
                          effectiveFrom=rfc3339(at)))
    approve(site, OLGA, "timed-2", "board")
    await_state(site, "timed-2", "Approved")
    stored = get(site, "timed-2")
    assert stored["status"]["nextChange"] == rfc3339(at)
    future = countersign(site, OLGA, "policies", "--at", rfc3339(at), "-o", "json").stdout
    by_name = {p["name"]: p for p in json.loads(future)["policies"]}
    assert by_name["timed-2"]["inForce"] and not by_name["timed-1"]["inForce"]
    # Nothing is touched until then: its own timer wakes the operator.
    await_state(site, "timed-2", "InForce")
    condition = in_force(site, "timed-2")
    assert condition["lastTransitionTime"] >= rfc3339(at)
    assert get(site, "timed-2")["status"]["since"] == rfc3339(at)
    await_state(site, "timed-1", "Superseded")


def test_deleting_the_version_in_force_ends_nothing(site):
    publish(site, version("kept-1", "1", "board", "board"))
    await_state(site, "kept-1", "InForce")
    site.cluster.run("delete", "govpol", "kept-1", "--wait=false", user=account(site, PETRA))
    eventually(lambda: "it is in force" in get(site, "kept-1")["status"].get("keptBecause", ""),
               "the status to say why it stays")
    assert in_force(site, "kept-1")["status"] == "True"
    # Nobody strips the finalizer, not even an administrator of the cluster.
    for user in (account(site, PETRA), None):
        done = site.cluster.run("patch", "govpol", "kept-1", "--type=merge", "-p",
                                '{"metadata":{"finalizers":null}}', user=user, check=False)
        assert done.returncode != 0 and "finalizer" in done.stderr, done.stderr
    # Its own role withdraws it; then it goes.
    approve(site, OLGA, "kept-1", "board", "--withdraw")
    eventually(lambda: get(site, "kept-1") is None, "the version to go")


def test_a_version_that_was_never_approved_goes_at_once(site):
    publish(site, version("idle-1", "1", "board", "board"))
    publish(site, version("idle-2", "2", "board", "board", supersedes="idle-1"))
    await_state(site, "idle-2", "Pending")
    site.cluster.run("delete", "govpol", "idle-2", "--wait=false", user=account(site, PETRA))
    eventually(lambda: get(site, "idle-2") is None, "the version to go")
    await_state(site, "idle-1", "InForce")


def test_a_superseded_version_stays_while_another_rests_on_it(site):
    publish(site, version("root-1", "1", "board", "board"),
            version("root-2", "2", "board", "board", supersedes="root-1"))
    approve(site, OLGA, "root-2", "board")
    await_state(site, "root-1", "Superseded")
    site.cluster.run("delete", "govpol", "root-1", "--wait=false", user=account(site, PETRA))
    eventually(lambda: "rests on its roles" in get(site, "root-1")["status"].get("keptBecause", ""),
               "the status to say why it stays")
    await_state(site, "root-2", "InForce")


def test_sign_offs_on_policies_stay(site):
    publish(site, version("signed-1", "1", "board", "board"),
            version("signed-2", "2", "board", "board", supersedes="signed-1"))
    approve(site, OLGA, "signed-2", "board")
    name = json.loads(site.cluster.run(
        "get", "signoffs", "-n", SYSTEM, "--field-selector", "spec.subject.policy=signed-2", "-o",
        "json").stdout)["items"][0]["metadata"]["name"]
    done = site.cluster.run("delete", "signoff", name, "-n", SYSTEM, check=False)
    assert done.returncode != 0 and "a sign-off on a policy stays" in done.stderr, done.stderr


def test_a_policy_without_a_version_is_warned_about(site):
    policy = version("loose", "1", "board", "board", namespace="loose-prod")
    del policy["spec"]["version"]
    done = publish(site, policy)
    assert "Warning: spec.version: is missing" in done.stderr
    await_state(site, "loose", "Unversioned")
    # It may become a first version, of which it is known who made it so.
    publish(site, version("loose", "1", "board", "board", namespace="loose-prod"))
    await_state(site, "loose", "InForce")
    assert get(site, "loose")["status"]["publishedBy"] == "petra"
