"""What is suspended stays so until it passes, and nothing that others write keeps it running."""

import json

import pytest

from operator_world import digest, eventually

INCIDENTS = {"signOff": {"role": "validator", "count": 1, "assurance": "Requester"},
             "issuers": [{"kind": "Group", "name": "model-risk"}]}
FINALIZER = json.dumps({"metadata": {"finalizers": ["tenant.example/keep"]}})
NO_FINALIZER = '{"metadata": {"finalizers": null}}'


def serve(world):
    world.serve()
    world.put_policy(incidents=INCIDENTS)


def replicas(world):
    return (world.child() or {"spec": {"replicas": None}})["spec"]["replicas"]


def suspended(world, reason):
    """Suspended, and said to be for a gate with this reason."""
    world.until(phase="Suspended", Governed=reason)
    eventually(lambda: replicas(world) == 0, "no Pods")


def tampered(world):
    """Somebody starts it by hand, as something else; the operator undoes it."""
    evil = {"spec": {"replicas": 7, "template": {"spec": {
        "containers": [{"name": "server", "image": "evil"}]}}}}
    world.kubectl("patch", "deployment", "scorer", "-n", world.env, "-p", json.dumps(evil))
    eventually(lambda: (spec := world.child()["spec"])["replicas"] == 0 and
               spec["template"]["spec"]["containers"][0]["image"] != "evil", "it to be undone")


def test_a_quarantine_outlasts_its_use_case(world):
    serve(world)
    world.raise_incident()
    suspended(world, "Quarantined")
    world.put_use_case(deployTo=["elsewhere"])
    suspended(world, "UseCaseNotAvailable")
    world.kubectl("delete", "usecase", "credit", "-n", world.home)
    suspended(world, "UseCaseNotAvailable")
    tampered(world)
    world.put_use_case()
    suspended(world, "Quarantined")
    world.close_incident()
    world.until(phase="Serving", Ready="Serving")
    assert replicas(world) == 2


def test_a_use_case_that_is_gone_does_not_hide_a_quarantine(world):
    serve(world)
    world.kubectl("delete", "usecase", "credit", "-n", world.home)
    world.until(phase="Serving", Governed="UseCaseNotAvailable")
    assert replicas(world) == 2, "that alone takes nothing down"
    world.raise_incident()
    suspended(world, "UseCaseNotAvailable")


@pytest.mark.parametrize("deleted", [True, False])
def test_whoever_takes_the_use_case_away_does_not_keep_it_running(world, deleted):
    """Or what a measure would suspend went on when its evidence was taken back afterwards."""
    serve(world)
    world.put_policy(onViolation="Suspend")
    if deleted:
        world.kubectl("delete", "usecase", "credit", "-n", world.home)
    else:
        world.put_use_case(deployTo=["elsewhere"])
    suspended(world, "UseCaseNotAvailable")
    tampered(world)
    world.put_use_case()
    world.until(phase="Serving", Ready="Serving")
    assert replicas(world) == 2


def test_what_is_suspended_does_not_start_by_what_only_holds(world, stage):
    serve(world)
    world.raise_incident()
    suspended(world, "Quarantined")
    world.kubectl("delete", "signoff", "approval-1", "-n", world.home)
    world.close_incident()
    suspended(world, "SignOffMissing")
    # Whoever starts it while nobody looks does not make it what serves.
    stage.operator.stop()
    world.kubectl("scale", "deployment", "scorer", "-n", world.env, "--replicas=2")
    stage.restart()
    suspended(world, "SignOffMissing")
    stage.operator.stop()
    world.kubectl("delete", "deployment", "scorer", "-n", world.env)
    stage.restart()
    eventually(lambda: stage.operator.metric('countersign_deployments{verdict="Deny"}'), "a look")
    world.until(phase="Suspended")
    assert not replicas(world)
    world.approve()
    world.until(phase="Serving", Ready="Serving")
    assert replicas(world) == 2


@pytest.mark.parametrize("kind", ["deployment", "service"])
@pytest.mark.parametrize("restarted", [False, True])
def test_another_owner_keeps_nothing_running(world, stage, kind, restarted):
    serve(world)
    if restarted:
        stage.operator.stop()
    world.kubectl("create", "configmap", "mine", "-n", world.env)
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "mine", "controller": True,
             "uid": world.kubectl.get("configmap", "mine", world.env)["metadata"]["uid"]}
    metadata = {"ownerReferences": [owner]}
    if restarted:
        # Nothing is left of it by which the operator would know it, but who made it.
        metadata["labels"] = None
        metadata["annotations"] = None
    world.kubectl("patch", kind, "scorer", "-n", world.env, "--type=merge", "-p",
                  json.dumps({"metadata": metadata}))
    if restarted:
        stage.restart()
    world.raise_incident()
    suspended(world, "Quarantined")
    tampered(world)
    eventually(lambda: [o["kind"] for o in world.child(kind)["metadata"]["ownerReferences"]] ==
               ["ModelDeployment"], "it to be ours again")


def take_off(world, owner):
    """All that says whose it is, but for its selector, which nobody can change."""
    changes = {"labels": {}, "annotations": {}, "managedFields": [{}]} | ({"ownerReferences": []} if owner else {})
    world.kubectl("patch", "deployment", "scorer", "-n", world.env, "--type=json", "-p", json.dumps(
        [{"op": "add", "path": f"/metadata/{name}", "value": value} for name, value in changes.items()]))


@pytest.mark.parametrize("owner", [False, True])
def test_a_deployment_that_says_no_more_whose_it_is_is_suspended(world, stage, owner):
    serve(world)
    stage.operator.kill()  # the next one remembers nothing
    take_off(world, owner)
    world.raise_incident()
    stage.restart()
    suspended(world, "Quarantined")
    assert world.model_of_child().endswith(digest("1"))


def test_a_deletion_takes_away_also_what_lost_its_labels(world, stage):
    serve(world)
    stage.operator.kill()
    take_off(world, owner=False)
    world.kubectl("patch", "mdeploy", "scorer", "-n", world.env, "--type=merge", "-p", FINALIZER)
    world.kubectl("delete", "mdeploy", "scorer", "-n", world.env, "--wait=false")
    stage.restart()
    eventually(lambda: world.child() is None and world.child("service") is None, "no children")
    world.until(phase="Nothing", Ready="BeingDeleted")
    world.kubectl("patch", "mdeploy", "scorer", "-n", world.env, "--type=merge", "-p", NO_FINALIZER)


def test_a_finalizer_keeps_nothing_running(world):
    serve(world)
    uid = world.child()["metadata"]["uid"]
    world.kubectl("patch", "deployment", "scorer", "-n", world.env, "--type=merge", "-p", FINALIZER)
    world.kubectl("delete", "deployment", "scorer", "-n", world.env, "--wait=false")
    eventually(lambda: world.child() and world.child()["metadata"]["uid"] != uid, "a new one")

    patch = ("patch", "mdeploy", "scorer", "-n", world.env, "--type=merge", "-p")
    world.kubectl(*patch, FINALIZER)
    world.kubectl("delete", "mdeploy", "scorer", "-n", world.env, "--wait=false")
    try:
        eventually(lambda: world.child() is None and world.child("service") is None, "no children")
        world.until(phase="Nothing", Ready="BeingDeleted")
    finally:
        world.kubectl(*patch, NO_FINALIZER)
    eventually(lambda: world.read() is None, "it to go")


def test_what_is_refused_of_the_service_keeps_nothing_running(world):
    serve(world)
    policy, binding = ({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": {"name": f"no-services-{world.id}"}, "spec": spec,
    } for kind, spec in (
        ("ValidatingAdmissionPolicy", {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.env}},
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
                                   "operations": ["UPDATE"], "resources": ["services"]}]},
            "validations": [{"expression": "'countersign.dev/revision' in object.metadata.labels "
                                           "&& object.metadata.labels['countersign.dev/revision'] "
                                           "== 'none'", "message": "somebody says no"}]}),
        ("ValidatingAdmissionPolicyBinding", {
            "policyName": f"no-services-{world.id}", "validationActions": ["Deny"]}),
    ))  # fmt: skip
    world.kubectl.create(policy)
    world.kubectl.create(binding)
    patch = ("patch", "service", "scorer", "-n", world.env, "--type=merge", "-p")
    try:
        probe = json.dumps({"metadata": {"labels": {"probe": "1"}}})
        eventually(lambda: "somebody says no" in world.kubectl(
            *patch, probe, "--dry-run=server", check=False).stderr, "the policy to be in force")
        # What somebody whom that policy lets through wrote.
        world.kubectl(*patch, json.dumps({
            "metadata": {"labels": {"countersign.dev/revision": "none"}},
            "spec": {"externalIPs": ["192.0.2.1"]}}))
        world.raise_incident()
        world.until(phase="Suspended", Ready="RenderRefused")
        eventually(lambda: replicas(world) == 0, "no Pods")
        message = world.conditions()["Ready"]["message"]
        assert "somebody says no" in message and "serving is suspended" in message
        tampered(world)
    finally:
        for obj in (binding, policy):
            world.kubectl("delete", obj["kind"], obj["metadata"]["name"])


def test_a_forged_revision_in_place_of_the_genuine_one_keeps_nothing_running(world):
    serve(world)
    world.put_deployment(model="2", version="2.0.0")
    world.until(phase="Held")
    genuine = world.revisions()[0]
    world.kubectl.create({
        "apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": 99,
        "data": genuine["data"],
        "metadata": {"name": "scorer-99", "namespace": world.env,
                     "labels": genuine["metadata"]["labels"],
                     "ownerReferences": genuine["metadata"]["ownerReferences"]}})
    eventually(lambda: "RevisionIgnored" in world.events(), "the Event")
    world.kubectl("delete", "controllerrevision", "scorer-1", "-n", world.env)
    eventually(lambda: world.child() is None and world.child("service") is None, "no children")


def test_what_takes_the_place_of_a_lost_revision_must_pass(world):
    serve(world)
    world.put_deployment(model="2", version="2.0.0")
    world.approve(model="2")
    world.until(phase="Serving", Ready="Serving")
    world.kubectl("delete", "signoff", "approval-1", "-n", world.home)
    world.put_deployment(model="3", version="3.0.0")
    world.until(phase="Held")
    world.kubectl("delete", "controllerrevision", "scorer-2", "-n", world.env)
    world.until(phase="Suspended", Ready="Suspended")
    assert replicas(world) == 0
    assert world.model_of_child().endswith(digest("2"))


@pytest.mark.parametrize("reaction, phase, left", [("Hold", "Serving", 2), ("Suspend", "Suspended", 0)])
def test_a_config_map_that_changes_under_what_serves(world, reaction, phase, left):
    config = {"apiVersion": "v1", "kind": "ConfigMap",
              "metadata": {"name": "scorer-config", "namespace": world.env}}
    content = {"data": {"threshold": "0.5"}}
    world.kubectl.apply({**config, **content})
    world.put_policy(onViolation=reaction)
    world.put_use_case()
    world.put_deployment(
        config=[{"name": "scorer-config", "digest": world.config_digest(content)}])
    world.approve()
    world.until(phase="Serving", Ready="Serving")
    world.kubectl.apply({**config, "data": {"threshold": "0.1"}})
    world.until(phase=phase, Governed="ConfigMismatch")
    assert replicas(world) == left
    world.kubectl.apply({**config, **content})
    world.until(phase="Serving", Ready="Serving", Governed="Approved")


def test_what_a_deletion_leaves_behind_is_told(world):
    serve(world)
    world.kubectl("delete", "mdeploy", "scorer", "-n", world.env, "--cascade=orphan")

    def told():
        events = json.loads(world.kubectl("get", "events.events.k8s.io", "-n", world.env, "-o",
                                          "json"))["items"]
        return any(e["reason"] == "LeftBehind" and e["regarding"]["kind"] == "Deployment"
                   for e in events)
    eventually(told, "the Event")
