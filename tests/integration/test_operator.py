"""The operator on a real control plane: it serves what is approved, and nothing else."""

import datetime

import pytest

from operator_world import digest, eventually, now, rfc3339

# What serves.


def test_serves_only_once_a_person_has_approved(world):
    world.put_policy()
    world.put_use_case()
    world.put_deployment()
    world.until(phase="Nothing", Ready="AwaitingEvidence", Reconciling="AwaitingEvidence",
                Governed="SignOffMissing", Stalled=None)
    assert world.child() is None and world.revisions() == []

    world.approve()
    status = world.until(phase="Serving", Ready="Serving", Governed="Approved", Reconciling=None,
                         Stalled=None)["status"]
    assert status["servingRevision"] == status["approvedRevision"] == 1
    assert status["gatesPassed"] == "7/7" and status["availableReplicas"] == 2
    assert status["servingVersion"] == "1.0.0"
    assert status["history"][0]["author"] == "dan@bank.example"
    assert world.model_of_child() == f"registry.example/scorer@{digest('1')}"
    owner = world.child("service")["metadata"]["ownerReferences"][0]
    assert owner["uid"] == world.read()["metadata"]["uid"] and owner["controller"]
    assert {"RevisionHeld", "RevisionApproved"} <= eventually(
        lambda: {"RevisionHeld", "RevisionApproved"} <= world.events() and world.events(), "events")
    # kstatus and kubectl read the same.
    world.kubectl("wait", "--for=condition=Ready", "mdeploy/scorer", "-n", world.env,
                  "--timeout=10s")


def test_an_unstamped_deployment_is_never_served_whoever_approves(world):
    world.put_policy()
    world.put_use_case()
    world.put_deployment(stamped=False)
    world.approve()
    world.until(phase="Nothing", Governed="AuthorUnknown")
    assert world.child() is None


def test_an_approval_for_another_digest_changes_nothing(world):
    world.put_policy()
    world.put_use_case()
    world.put_deployment()
    world.approve(model="2")
    eventually(lambda: world.kubectl.get("signoff", "approval-1", world.home).get("status", {})
               .get("stampedUser"), "the sign-off's status")
    assert world.until(phase="Nothing")["status"]["gatesPassed"] == "6/7"


def test_a_held_update_leaves_the_old_revision_serving_until_it_is_approved(world):
    world.serve()
    world.put_deployment(model="2", version="2.0.0", replicas=3)
    status = world.until(phase="Held", Ready="AwaitingEvidence")["status"]
    assert status["servingRevision"] == 1 and status["servingVersion"] == "1.0.0"
    assert world.model_of_child().endswith(digest("1"))
    assert world.child()["spec"]["replicas"] == 2, "replicas are those that were approved"

    world.approve(model="2")
    status = world.until(phase="Serving", Ready="Serving")["status"]
    assert status["servingRevision"] == 2 and len(world.revisions()) == 2
    assert world.model_of_child().endswith(digest("2"))

    # Back to what was approved before: no new approval, a new number.
    world.put_deployment()
    status = world.until(phase="Serving", Ready="Serving")["status"]
    assert status["servingRevision"] == 3
    assert world.model_of_child().endswith(digest("1"))


def test_scaling_within_the_approved_bounds_needs_no_approval(world):
    world.serve(minReplicas=1, maxReplicas=4)
    world.kubectl("scale", "mdeploy/scorer", "-n", world.env, "--replicas=4")
    eventually(lambda: world.child()["spec"]["replicas"] == 4, "four replicas")
    assert world.until(phase="Serving", Ready="Serving")["status"]["servingRevision"] == 1
    world.kubectl("scale", "mdeploy/scorer", "-n", world.env, "--replicas=5")
    world.until(phase="Held")
    assert world.child()["spec"]["replicas"] == 2, "the revision's own"


def test_a_disruption_budget_comes_goes_and_is_asked_for(world):
    world.put_policy(require={"deploymentMode": {"podDisruptionBudget": True}})
    world.put_use_case()
    world.put_deployment()
    world.until(phase="Nothing", Governed="DisruptionBudgetMissing")
    world.put_deployment(podDisruptionBudget={"minAvailable": 2})
    world.until(phase="Nothing", Governed="DisruptionBudgetBlocksDrains")
    world.put_deployment(podDisruptionBudget={"maxUnavailable": 1})
    world.until(phase="Serving", Ready="Serving")

    budget = world.child("pdb")
    owner = budget["metadata"]["ownerReferences"][0]
    assert owner["uid"] == world.read()["metadata"]["uid"] and owner["controller"]
    assert budget["spec"]["maxUnavailable"] == 1
    # It counts the pods of this Deployment, as the cluster sees it too.
    assert budget["spec"]["selector"] == world.child()["spec"]["selector"]
    eventually(lambda: world.child("pdb").get("status", {}).get("expectedPods") == 2,
               lambda: world.child("pdb"))

    # A hand that loosens it is reverted, and what it adds.
    world.kubectl("patch", "pdb", "scorer", "-n", world.env, "--type=merge", "-p",
                  '{"spec": {"maxUnavailable": 2, "unhealthyPodEvictionPolicy": "IfHealthyBudget"}}')
    eventually(lambda: world.child("pdb")["spec"] == budget["spec"], lambda: world.child("pdb"))
    world.kubectl("patch", "pdb", "scorer", "-n", world.env, "--type=merge", "-p",
                  '{"spec": {"selector": {"matchLabels": {"not": "ours"}}}}')
    eventually(lambda: world.child("pdb")["spec"] == budget["spec"], lambda: world.child("pdb"))

    # Without the field, which is governed, the object goes; what serves stays.
    world.put_policy(require={"deploymentMode": {"minReplicas": 2}})
    world.put_deployment()
    eventually(lambda: world.child("pdb") is None, "the budget to go")
    assert world.until(phase="Serving", Ready="Serving")["status"]["servingRevision"] == 2


def test_deleting_the_deployment_takes_everything_with_it(world):
    world.serve()
    world.kubectl("delete", "mdeploy", "scorer", "-n", world.env)
    eventually(lambda: world.child() is None and world.child("service") is None
               and not world.revisions(), "the children to be collected")


# What happens when evidence or policy change.


def test_evidence_expires_at_its_instant_and_serving_is_suspended(world):
    world.put_policy(onExpiry={"action": "Suspend", "grace": "0s", "then": "Suspend"})
    world.put_use_case()
    world.put_deployment()
    expires = now() + datetime.timedelta(seconds=6)
    world.approve(expires_at=expires)
    obj = world.until(phase="Serving")
    assert obj["status"]["nextChange"] == rfc3339(expires)
    world.until(phase="Suspended", Ready="Suspended", Stalled="Suspended",
                Governed="SignOffExpired")
    assert world.conditions()["Stalled"]["lastTransitionTime"] >= rfc3339(expires)
    assert world.child()["spec"]["replicas"] == 0
    eventually(lambda: {"EvidenceExpired", "ServingSuspended"} <= world.events(), "events")
    # Renewed, it serves again.
    world.approve()
    world.until(phase="Serving", Ready="Serving")
    assert world.child()["spec"]["replicas"] == 2


def test_expiry_alerts_first_and_acts_when_the_grace_is_over(world):
    world.put_policy(onExpiry={"action": "Alert", "grace": "20s", "then": "Suspend"})
    world.put_use_case()
    world.put_deployment()
    expires = now() + datetime.timedelta(seconds=10)
    world.approve(expires_at=expires)
    world.until(phase="Serving", Governed="Approved")
    obj = world.until(phase="Serving", Governed="SignOffExpired")
    grace_ends = rfc3339(expires + datetime.timedelta(seconds=20))
    assert obj["status"]["nextChange"] == grace_ends
    world.until(phase="Suspended")
    assert world.conditions()["Stalled"]["lastTransitionTime"] >= grace_ends


def test_a_waiver_serves_until_the_instant_it_ends(world):
    world.put_policy(onViolation="Suspend", waivers={
        "signOff": {"role": "validator", "count": 1, "assurance": "Requester"},
        "maxDuration": "1h"})
    world.put_use_case()
    world.put_deployment()
    world.until(Governed="SignOffMissing")
    ends = now() + datetime.timedelta(seconds=8)
    world.waive(ends)
    status = world.until(phase="Serving", Governed="ApprovedWithWaivers")["status"]
    gate = next(g for g in status["gates"] if g["measure"] == "validation")
    assert gate["state"] == "Waived"
    assert gate["unwaived"] == {"state": "Missing", "reason": "SignOffMissing"}
    assert status["verdict"] == "Warn" and status["nextChange"] == rfc3339(ends)
    world.until(phase="Suspended", Governed="SignOffMissing")
    assert world.conditions()["Stalled"]["lastTransitionTime"] >= rfc3339(ends)


INCIDENTS = {"signOff": {"role": "validator", "count": 1, "assurance": "Requester"},
             "issuers": [{"kind": "Group", "name": "model-risk"}]}


def test_an_incident_suspends_what_it_quarantines_until_it_is_closed(world):
    world.serve()
    world.put_policy(incidents=INCIDENTS)
    world.raise_incident()
    status = world.until(phase="Suspended")["status"]
    gate = next(g for g in status["gates"] if g["measure"] == "incident")
    assert gate["reason"] == "Quarantined" and "Refused whom it should not." in gate["message"]
    assert world.child()["spec"]["replicas"] == 0
    incident = eventually(
        lambda: (seen := world.kubectl.get("incident", "wrong", world.home)).get("status", {}).get(
            "observedGeneration") == 1 and seen, "the incident's status")
    assert "a report is due by" in incident["status"]["conditions"][0]["message"]
    world.close_incident()
    world.until(phase="Serving", Ready="Serving")
    assert world.child()["spec"]["replicas"] == 2


def test_a_quarantined_version_goes_back_to_one_that_is_not(world):
    world.serve()
    world.put_deployment(model="2", version="2.0.0")
    world.approve(model="2")
    world.until(phase="Serving", Ready="Serving")
    world.raise_incident(quarantine={
        "scope": "Version", "model": {"digest": digest("2"), "digestType": "ociManifest"},
        "response": "Rollback"})
    world.until(phase="RolledBack")
    eventually(lambda: world.model_of_child().endswith(digest("1")), "the old model")


def test_frozen_changes_leave_what_serves_and_start_nothing_new(world):
    world.serve()
    world.raise_incident(quarantine=None, changeFreeze=True)
    world.until(phase="Serving", Governed="ChangeFrozen")
    world.put_deployment(model="2", version="2.0.0")
    world.approve(model="2")
    world.until(Governed="ChangeFrozen")
    assert world.model_of_child().endswith(digest("1"))


def test_withdrawn_evidence_rolls_back_to_what_still_holds(world):
    world.serve()
    world.put_policy(onViolation="Rollback")
    world.put_deployment(model="2", version="2.0.0")
    second = world.approve(model="2")
    world.until(phase="Serving", Ready="Serving")
    world.kubectl("delete", "signoff", second, "-n", world.home)
    status = world.until(phase="RolledBack", Ready="RolledBack", Stalled="RolledBack")["status"]
    assert status["servingRevision"] == 1 and status["approvedRevision"] == 2
    eventually(lambda: world.model_of_child().endswith(digest("1")), "the old model")
    eventually(lambda: "RolledBack" in world.events(), "the event")
    # The policy asks for less, which does not bring the withdrawn revision back.
    world.put_policy(onViolation="Alert")
    eventually(lambda: world.conditions()["Ready"]["reason"] == "RolledBack", "staying")
    world.kubectl("delete", "signoff", "approval-1", "-n", world.home)
    world.until(phase="RolledBack")
    assert world.model_of_child().endswith(digest("1"))


def test_a_rollback_with_nothing_to_go_back_to_suspends(world):
    world.serve()
    world.put_policy(onViolation="Rollback")
    world.kubectl("delete", "signoff", "approval-1", "-n", world.home)
    world.until(phase="Suspended")
    assert world.child()["spec"]["replicas"] == 0


@pytest.mark.parametrize("reaction, phase, replicas", [
    ("Alert", "Serving", 2), ("Hold", "Serving", 2), ("Suspend", "Suspended", 0)])
def test_a_tightened_policy_judges_what_serves(world, reaction, phase, replicas):
    world.serve()
    world.put_policy(count=2, onViolation=reaction)
    world.until(phase=phase, Governed="SignOffMissing")
    assert world.child()["spec"]["replicas"] == replicas
    world.approve(user="vito@bank.example")
    world.until(phase="Serving", Ready="Serving", Governed="Approved")


def test_a_use_case_that_retires_is_suspended(world):
    world.serve()
    world.put_use_case(lifecycle="Retired", retirement={
        "reason": "Replaced.", "data": [{"data": "predictions", "action": "Delete"}]})
    world.until(phase="Suspended", Governed="UseCaseRetired")


# Configuration and what the API server refuses.


def test_configuration_is_served_only_with_the_content_that_was_approved(world):
    content = {"data": {"threshold": "0.5"}}
    wanted = world.config_digest(content)
    config = {"apiVersion": "v1", "kind": "ConfigMap",
              "metadata": {"name": "scorer-config", "namespace": world.env}}
    world.put_policy()
    world.put_use_case()
    world.put_deployment(config=[{"name": "scorer-config", "digest": wanted}])
    world.approve()
    world.until(Ready="ConfigMissing", Stalled="ConfigMissing")
    world.kubectl.apply({**config, "data": {"threshold": "0.1"}})
    world.until(Ready="ConfigMismatch", Stalled="ConfigMismatch")
    assert world.child() is None
    world.kubectl.apply({**config, **content})
    world.until(phase="Serving", Ready="Serving", Stalled=None)


def test_what_the_api_server_refuses_stalls_and_leaves_the_old_revision_serving(world):
    world.serve()
    obj = world.deployment(model="2")
    obj["spec"]["serving"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] = 99999
    world.kubectl.apply(world.stamped(obj, "dan@bank.example"))
    world.approve(model="2")
    obj = world.until(Ready="RenderRefused", Stalled="RenderRefused", Governed="Approved")
    assert "containerPort" in world.conditions()["Stalled"]["message"]
    assert world.model_of_child().endswith(digest("1"))
    eventually(lambda: "RenderRefused" in world.events(), "the event")


def test_an_api_server_that_does_not_know_all_kinds_yet_stalls_nothing(world):
    """A policy of the API server whose parameters are of a kind that it does not know refuses
    everything for now, and nobody has to do anything about it."""
    policy, binding = ({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": {"name": f"early-{world.id}"}, "spec": spec,
    } for kind, spec in (
        ("ValidatingAdmissionPolicy", {
            "failurePolicy": "Fail",
            "paramKind": {"apiVersion": "early.example.com/v1", "kind": "NotYet"},
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.env}},
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
                                   "operations": ["CREATE"], "resources": ["services"]}]},
            "validations": [{"expression": "true"}]}),
        ("ValidatingAdmissionPolicyBinding", {
            "policyName": f"early-{world.id}", "validationActions": ["Deny"],
            "paramRef": {"selector": {}, "parameterNotFoundAction": "Allow"}}),
    ))  # fmt: skip
    world.kubectl.create(policy)
    world.kubectl.create(binding)
    try:
        def refused():
            done = world.kubectl("create", "service", "externalname", "probe", "-n", world.env,
                                 "--external-name=example.com", "--dry-run=server", check=False)
            return "paramKind" in done.stderr
        eventually(refused, "the policy to be in force")
        world.put_policy()
        world.put_use_case()
        world.put_deployment()
        world.approve()
        world.until(Ready="RenderRefused", Reconciling="RenderRefused", Governed="Approved")
        assert "Stalled" not in world.conditions()
    finally:
        world.kubectl("delete", "validatingadmissionpolicybinding", f"early-{world.id}")
        world.kubectl("delete", "validatingadmissionpolicy", f"early-{world.id}")
    # It tries again without being asked.
    world.until(phase="Serving", Ready="Serving")


def test_a_failing_webhook_of_somebody_else_is_said_and_overcome(world):
    name = f"broken-{world.id}"
    world.kubectl.create({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name}, "webhooks": [{
            "name": "broken.example.com", "admissionReviewVersions": ["v1"],
            "sideEffects": "None", "failurePolicy": "Fail",
            "clientConfig": {"url": "https://127.0.0.1:1"},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.env}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"],
                       "resources": ["services"]}]}]})
    try:
        def refused():
            done = world.kubectl("create", "service", "externalname", "probe", "-n", world.env,
                                 "--external-name=example.com", "--dry-run=server", check=False)
            return "broken.example.com" in done.stderr
        eventually(refused, "the webhook to be in force")
        world.put_policy()
        world.put_use_case()
        world.put_deployment()
        world.approve()
        world.until(Ready="RenderRefused", Stalled="RenderRefused", Governed="Approved")
        assert "broken.example.com" in world.conditions()["Stalled"]["message"]
        assert world.child() is None, "half of it would serve nobody"
    finally:
        world.kubectl("delete", "validatingwebhookconfiguration", name)
    eventually(lambda: not refused(), "the webhook to be out of force")
    world.kubectl("label", "mdeploy", "scorer", "-n", world.env, "poke=1")
    world.until(phase="Serving", Ready="Serving")
