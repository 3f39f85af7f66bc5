"""Break-glass on a real API server: who may, what it lets through, where it shows, how it is closed."""

import datetime
import json
import urllib.request

import pytest
import samples as s
from samples import DANA, DEV, HOME, PROD, QA, VERA
from world import Installation, run, wait_until

OSCAR = ("oscar", ["on-call"])


@pytest.fixture(scope="module")
def site():
    site = Installation(operator=True)
    try:
        for namespace in (HOME, DEV, QA, PROD):
            site.cluster.run("create", "namespace", namespace)
        for name, role in (("model-risk", "approver"), ("ds-lending", "developer"),
                           ("on-call", "developer")):  # fmt: skip
            site.cluster.run("create", "clusterrolebinding", name,
                             f"--clusterrole=countersign-{role}", f"--group={name}")  # fmt: skip
        roles = [*s.policy()["spec"]["roles"],
                 {"name": "on-call", "level": "Operational",
                  "subjects": [{"kind": "Group", "name": "on-call"}]}]  # fmt: skip
        # Never waived, and not asked for where these models go.
        acceptance = {"name": "acceptance", "step": "Deployment", "accountable": "on-call",
                      "applies": {"environments": ["qa"]},
                      "require": {"signOff": {"role": "on-call", "count": 1, "assurance": "Requester"}}}  # fmt: skip
        site.apply(
            s.policy({"roles": roles, "measures": [*s.policy()["spec"]["measures"], acceptance], "waivers": {
                "signOff": {"role": "model-validator", "count": 1, "assurance": "Requester"},
                "maxDuration": "30d", "never": ["acceptance"], "emergency": {"role": "on-call", "maxDuration": "8h"}}}))  # fmt: skip
        site.operator.await_log("answering probes")
        yield site
    finally:
        site.close()


def glass(name, model, hours=4):
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return s.waiver(name, model, model, {
        "emergency": True, "measures": ["validation", "reproducible", "bias"],
        "expiresAt": ends.strftime("%Y-%m-%dT%H:%M:%SZ")})  # fmt: skip


def stage(site, name):
    """A use case of which nothing is known but that it exists, and its model."""
    site.apply(s.use_case(name))
    return s.deployment(name, case=name, model=name)


def refusal(site, user, obj):
    done = site.apply(obj, user=site.cluster.user(*user), check=False)
    assert done.returncode != 0, done.stdout
    return done.stderr


def status(site, name):
    done = site.cluster.run("get", "mdeploy", name, "-n", PROD, "-o", "json")
    return json.loads(done.stdout).get("status", {})


def emergency(site, name):
    """The condition, or None; once the operator has looked at what is there now."""
    conditions = {c["type"]: c for c in status(site, name).get("conditions", [])}
    return conditions.get("Emergency") if conditions else None


def close(site, waiver, user=VERA, reject=False):
    return run("approve", "--waiver", waiver, "-n", HOME, "--role", "model-validator", "--rationale",
               "looked at it", "--yes", *(["--reject"] if reject else []),
               user=site.cluster.user(*user), check=False)  # fmt: skip


def events(site, name):
    done = site.cluster.run("get", "events.events.k8s.io", "-n", PROD, "-o", "json")
    return {e["reason"] for e in json.loads(done.stdout)["items"] if e["regarding"]["name"] == name}


def metric(site, state):
    port = site.operator.field("answering probes", "port")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        for line in response.read().decode().splitlines():
            if line.startswith(f'countersign_emergency_deployments{{state="{state}"}}'):
                return float(line.split()[-1])
    return None


def test_only_the_role_declares_one_and_for_hours(site):
    stage(site, "who")
    said = refusal(site, DANA, glass("by-dana", "who"))
    assert "[EmergencyNotInRole]" in said and "it is held by group 'on-call'" in said
    assert "[WaiverTooLong]" in refusal(site, OSCAR, glass("too-long", "who", hours=9))
    done = site.apply(glass("short", "who"), user=site.cluster.user(*OSCAR))
    assert "created" in done.stdout and "no ModelDeployment is of model sha256:" in done.stderr


@pytest.mark.parametrize("change, words", [
    ({"policy": "lendng"}, ("[PolicyUnknown]", "there is 'lending'")),
    ({"environment": "production"}, ("[EnvironmentUnknown]", "'prod'")),
    ({"measures": ["validation", "baias"]}, ("[MeasureUnknown]", "'bias'")),
    ({"measures": ["acceptance"]}, ("[WaiverNotAllowed]", "'acceptance'")),
])  # fmt: skip
def test_one_that_names_what_is_not_there_is_refused_since_it_would_stay(site, change, words):
    mistaken = glass("mistaken", "who")
    mistaken["spec"].update(change)
    said = refusal(site, OSCAR, mistaken)
    assert all(word in said for word in words), said


def test_it_lets_through_at_once_shows_everywhere_and_is_closed_by_others(site):
    mdeploy = stage(site, "night")
    assert "is not allowed" in refusal(site, DANA, mdeploy)
    site.apply(glass("inc-1", "night"), user=site.cluster.user(*OSCAR))
    wait_until(lambda: site.apply(mdeploy, check=False, dry_run=True).returncode == 0, "the waiver")
    done = site.apply(mdeploy, user=site.cluster.user(*DANA))
    assert "created" in done.stdout
    assert "[EmergencyWaived] validation: waived until" in done.stderr
    assert "kubectl countersign approve --waiver inc-1" in done.stderr

    found = wait_until(lambda: emergency(site, "night"), "the condition")
    assert (found["status"], found["reason"]) == ("True", "EmergencyOpen")
    assert "'inc-1' by 'oscar'" in found["message"] and "approve --waiver inc-1" in found["message"]
    gates = {g["measure"]: g for g in status(site, "night")["gates"]}
    assert (gates["bias"]["state"], gates["bias"]["reason"]) == ("Waived", "EmergencyWaived")
    assert gates["bias"]["unwaived"]["reason"] == "BiasTestMissing"
    wait_until(lambda: "EmergencyOpen" in events(site, "night"), "the Event")
    wait_until(lambda: metric(site, "open") == 1, "the metric")
    record = next(r for r in site.webhook.records
                  if r["object"]["name"] == "night" and r["object"]["kind"] == "ModelDeployment"
                  and r["allowed"] and not r["dryRun"])  # fmt: skip
    assert "EmergencyWaived" in record["reasons"]
    assert record["decision"]["emergencies"] == [f"{HOME}/inc-1"]
    notes = [e.get("annotations", {}) for e in site.cluster.audit_events()]
    assert any(n.get("admission.countersign.dev/emergencies") == f"{HOME}/inc-1" for n in notes)

    # Whoever restores it from a back-up, with its receipt, declares none: it stays Oscar's.
    def waiver():
        found = json.loads(site.cluster.run("get", "waiver", "inc-1", "-n", HOME, "-o", "json").stdout)
        return found if "countersign.dev/receipt" in found["metadata"]["annotations"] else None
    kept = wait_until(waiver, "the receipt")

    def restored(obj):
        _, answer = site.post("/validate/v1", json.dumps({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
                "uid": "restore", "operation": "CREATE", "namespace": HOME, "name": "inc-1",
                "kind": {"group": "countersign.dev", "version": "v1alpha1", "kind": "Waiver"},
                "resource": {"group": "countersign.dev", "version": "v1alpha1", "resource": "waivers"},
                "userInfo": {"username": "admin", "groups": ["system:masters"]},
                "object": obj}}).encode())  # fmt: skip
        return json.loads(answer)["response"]
    assert restored(kept)["allowed"], restored(kept)
    without = s.merged(kept, {"metadata": {"annotations": {"countersign.dev/receipt": None}}})
    assert "[EmergencyNotInRole]" in restored(without)["status"]["message"]

    # Nobody takes it back unseen, an administrator neither.
    gone = site.cluster.run("delete", "waiver", "inc-1", "-n", HOME, check=False)
    assert gone.returncode != 0 and "an emergency is closed, not deleted" in gone.stderr
    assert close(site, "inc-1", OSCAR).returncode != 0, "does not hold the role"
    assert emergency(site, "night")["reason"] == "EmergencyOpen"
    done = close(site, "inc-1")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: emergency(site, "night") is None, "it to be closed")
    wait_until(lambda: "EmergencyClosed" in events(site, "night"), "the Event")
    wait_until(lambda: metric(site, "open") == 0, "the metric")
    gates = {g["measure"]: g for g in status(site, "night")["gates"]}
    assert (gates["bias"]["state"], gates["bias"]["reason"]) == ("Waived", "Waived")


def test_a_rejected_one_ends_and_is_not_declared_anew(site):
    mdeploy = stage(site, "wrong")
    site.apply(glass("inc-2", "wrong"), user=site.cluster.user(*OSCAR))
    wait_until(lambda: site.apply(mdeploy, check=False, dry_run=True).returncode == 0, "the waiver")
    assert close(site, "inc-2", reject=True).returncode == 0
    wait_until(lambda: site.apply(mdeploy, check=False, dry_run=True).returncode != 0, "the no")
    site.apply(glass("inc-3", "wrong"), user=site.cluster.user(*OSCAR))
    said = refusal(site, DANA, mdeploy)
    assert "EmergencyRejected" in said and "an earlier one for this model" in said


def test_a_namespace_can_go_with_its_emergencies(site):
    stage(site, "passing")
    site.apply(glass("inc-4", "passing"), user=site.cluster.user(*OSCAR))
    site.cluster.run("delete", "waiver", "inc-4", "-n", HOME,
                     "--as=system:serviceaccount:kube-system:namespace-controller")  # fmt: skip
