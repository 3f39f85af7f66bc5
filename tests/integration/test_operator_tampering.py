"""The operator among others who touch what is its own."""

import base64
import copy
import json
import subprocess

import pytest

from operator_world import digest, eventually, now, rfc3339

# Children.


@pytest.mark.parametrize("patch", [
    {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "evil"}]}}}},
    # A field that the operator does not render: apply alone would leave it there.
    {"spec": {"template": {"spec": {"containers": [{"name": "server", "command": ["evil"]}]}}}},
    {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "evil"}]}}}},
    {"spec": {"replicas": 7}},
    {"metadata": {"ownerReferences": None, "labels": {"countersign.dev/revision": "9"}}},
    {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
])
def test_a_child_changed_by_hand_is_made_right_again(world, patch):
    world.serve()
    before = world.child()
    world.kubectl("patch", "deployment", "scorer", "-n", world.env, "-p", json.dumps(patch))

    def right():
        seen = world.child()
        return (seen["spec"] == before["spec"] and all(
            seen["metadata"].get(part) == before["metadata"][part]
            for part in ("labels", "ownerReferences")))
    eventually(right, lambda: json.dumps(world.child(), indent=1))
    eventually(lambda: "ChildReverted" in world.events(), "the event")
    world.until(phase="Serving", Ready="Serving")


def test_deleted_children_and_a_redirected_service_come_back(world):
    world.serve()
    before = world.child("service")["spec"]
    world.kubectl("patch", "service", "scorer", "-n", world.env, "-p",
                  json.dumps({"spec": {"selector": {"app.kubernetes.io/instance": "other"},
                                       "externalIPs": ["192.0.2.1"]}}))
    eventually(lambda: world.child("service")["spec"] == before, "the Service to be ours again")
    uid = world.child()["metadata"]["uid"]
    world.kubectl("delete", "deployment", "scorer", "-n", world.env)
    eventually(lambda: world.child() and world.child()["metadata"]["uid"] != uid, "a new one")
    world.kubectl("delete", "service", "scorer", "-n", world.env)
    eventually(lambda: world.child("service"), "a new Service")
    assert world.child("service")["spec"]["selector"] == before["selector"]
    world.until(phase="Serving", Ready="Serving")


def foreign(kind, **metadata):
    """An object of the child's name that the operator did not make."""
    labels = {"app": "mine"}
    pods = {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "c", "image": "mine"}]}}
    return {"apiVersion": "apps/v1" if kind == "Deployment" else "v1", "kind": kind,
            "metadata": {"name": "scorer", **metadata},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": pods}
            if kind == "Deployment" else {"selector": labels, "ports": [{"port": 1}]}}


@pytest.mark.parametrize("kind", ["Deployment", "Service"])
@pytest.mark.parametrize("owned", [False, True])
def test_somebody_elses_object_of_that_name_is_left_alone(world, kind, owned):
    metadata = {"namespace": world.env}
    if owned:
        # With our labels even: whose it is, its owner says.
        world.kubectl("create", "configmap", "owner", "-n", world.env)
        owner = world.kubectl.get("configmap", "owner", world.env)
        metadata["ownerReferences"] = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner",
                                        "uid": owner["metadata"]["uid"], "controller": True}]
        metadata["labels"] = {"app.kubernetes.io/managed-by": "countersign-operator",
                              "countersign.dev/model-deployment": "scorer"}
    world.kubectl.create(foreign(kind, **metadata))
    before = world.child(kind)
    world.put_policy()
    world.put_use_case()
    world.put_deployment()
    world.approve()
    world.until(Ready="ChildNameTaken", Stalled="ChildNameTaken")
    assert f"{kind} '{world.env}/scorer'" in world.conditions()["Stalled"]["message"]
    assert "servingRevision" not in world.read()["status"]
    after = world.child(kind)
    assert after["spec"] == before["spec"]
    assert after["metadata"].get("ownerReferences") == before["metadata"].get("ownerReferences")
    other = "Service" if kind == "Deployment" else "Deployment"
    assert world.child(other) is None, "half of it would serve nobody"
    world.kubectl("delete", kind, "scorer", "-n", world.env)
    # Foreign objects are not watched; it is looked at again when something of ours changes.
    world.kubectl("label", "mdeploy", "scorer", "-n", world.env, "poke=1")
    world.until(phase="Serving", Ready="Serving")


def test_while_an_approved_update_cannot_roll_out_what_serves_is_guarded_and_judged(world):
    world.serve()
    world.put_policy(onViolation="Suspend")
    content = {"data": {"threshold": "0.5"}}
    wanted = world.config_digest(content)
    world.put_deployment(model="2", config=[{"name": "scorer-config", "digest": wanted}])
    world.approve(model="2")
    status = world.until(phase="Held", Ready="ConfigMissing", Governed="Approved")["status"]
    assert status["approvedRevision"] == 2
    assert status["servingRevision"] == 1 and status["servingVersion"] == "1.0.0"

    evil = {"containers": [{"name": "server", "command": ["evil"]}]}
    world.kubectl("patch", "deployment", "scorer", "-n", world.env, "-p",
                  json.dumps({"spec": {"template": {"spec": evil}}}))
    eventually(lambda: "command" not in world.child()["spec"]["template"]["spec"]["containers"][0],
               "the old revision to be restored")
    world.kubectl("delete", "signoff", "approval-1", "-n", world.home)
    world.until(phase="Suspended", Ready="ConfigMissing")
    assert world.child()["spec"]["replicas"] == 0
    assert world.model_of_child().endswith(digest("1"))

    world.kubectl.create({"apiVersion": "v1", "kind": "ConfigMap",
                          "metadata": {"name": "scorer-config", "namespace": world.env}, **content})
    assert world.until(phase="Serving", Ready="Serving")["status"]["servingRevision"] == 2
    assert world.model_of_child().endswith(digest("2"))


# Revisions.


def test_revisions_and_status_that_others_wrote_count_for_nothing(world):
    world.serve()
    genuine = world.revisions()[0]
    world.put_deployment(model="2")
    world.until(phase="Held")
    # Copied under a newer number, with another spec inside or as it was.
    for number, data in ((8, genuine["data"]), (9, {"spec": world.read()["spec"]})):
        forged = copy.deepcopy(genuine)
        forged["metadata"] = {
            "name": f"scorer-{number}", "namespace": world.env,
            "labels": genuine["metadata"]["labels"],
            "ownerReferences": genuine["metadata"]["ownerReferences"]}
        forged["revision"] = number
        forged["data"] = data
        world.kubectl.create(forged)
    eventually(lambda: "RevisionIgnored" in world.events(), "the event")
    # Whoever may write status cannot approve anything by it.
    world.kubectl("patch", "mdeploy", "scorer", "-n", world.env, "--subresource=status",
                  "--type=merge", "-p", json.dumps({"status": {
                      "verdict": "Allow", "phase": "Serving", "approvedRevision": 9,
                      "servingRevision": 9}}))
    status = world.until(phase="Held", Ready="AwaitingEvidence")["status"]
    assert status["servingRevision"] == status["approvedRevision"] == 1
    assert world.model_of_child().endswith(digest("1"))
    # The numbers that strangers took are passed over.
    world.approve(model="2")
    assert world.until(phase="Serving", Ready="Serving")["status"]["servingRevision"] == 10


def forged(genuine, key, number, change):
    """A ControllerRevision with a changed payload, signed by `key` as DSSE wants it
    (https://github.com/secure-systems-lab/dsse) while it claims to be by the genuine one's;
    without key, with the genuine signature."""
    envelope = copy.deepcopy(genuine["data"])
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload.update(change, number=number)
    body = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    envelope["payload"] = base64.b64encode(body).decode()
    if key:
        kind = envelope["payloadType"].encode()
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=signed,
                                   capture_output=True, check=True).stdout
        envelope["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    return {"apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": number,
            "data": envelope,
            "metadata": {"name": f"scorer-{number}", "namespace": genuine["metadata"]["namespace"],
                         "labels": genuine["metadata"]["labels"],
                         "ownerReferences": genuine["metadata"]["ownerReferences"]}}


def held_update(world):
    """What serves is model 1; what is asked for is model 2. Gives the payload that would let it."""
    world.serve()
    world.put_deployment(model="2", version="2.0.0")
    world.until(phase="Held")
    obj = world.read()
    return {"spec": obj["spec"], "governedDigest": obj["status"]["governedDigest"]}


def test_the_forgery_of_these_tests_would_be_believed_with_the_right_key(world, stage):
    payload = held_update(world)
    world.kubectl.create(forged(world.revisions()[0], stage.key, 2, payload))
    eventually(lambda: world.settled()["status"].get("approvedRevision") == 2, "revision 2")


@pytest.mark.parametrize("number", [2, 2**63 - 1])
@pytest.mark.parametrize("signed", [False, True])
def test_a_forged_revision_is_never_served(world, stage, signed, number):
    payload = held_update(world)
    key = stage.make_key("another-installation") if signed else None
    world.kubectl.create(forged(world.revisions()[0], key, number, payload))
    eventually(lambda: "RevisionIgnored" in world.events(), "the Event")
    # Not by one that knows nothing else, either.
    stage.restart()
    eventually(lambda: stage.operator.metric('countersign_deployments{verdict="Deny"}'), "a look")
    status = world.until(phase="Held", Ready="AwaitingEvidence")["status"]
    assert status["servingRevision"] == status["approvedRevision"] == 1
    assert len(status["history"]) == 1
    assert world.model_of_child().endswith(digest("1"))
    # It is in nobody's way.
    world.approve(model="2")
    status = world.until(phase="Serving", Ready="Serving")["status"]
    assert status["servingRevision"] == (3 if number == 2 else 2)


def test_a_revision_replaced_by_a_forgery_takes_what_it_served_with_it(world, stage):
    payload = held_update(world)
    genuine = world.revisions()[0]
    world.kubectl("delete", "controllerrevision", "scorer-1", "-n", world.env)
    eventually(lambda: world.child() is None and world.child("service") is None, "no children")
    eventually(lambda: "RevisionMissing" in world.events(), "the Event")
    world.kubectl.create(forged(genuine, stage.make_key("another-installation"), 1, payload))
    world.until(phase="Nothing", Ready="RevisionsUnverified", Stalled="RevisionsUnverified")
    assert "scorer-1" in world.conditions()["Stalled"]["message"]
    assert world.child() is None
    world.approve(model="2")
    assert world.until(phase="Serving", Ready="Serving")["status"]["servingRevision"] == 2
    assert world.model_of_child().endswith(digest("2"))


def test_a_revision_without_its_labels_counts_again_when_it_has_them(world):
    held_update(world)
    world.kubectl("label", "controllerrevision", "scorer-1", "-n", world.env,
                  "app.kubernetes.io/managed-by-")
    eventually(lambda: world.child() is None, "what nothing approves to go")
    eventually(lambda: "RevisionMissing" in world.events(), "the Event")
    assert "servingRevision" not in world.until(phase="Nothing")["status"]
    world.kubectl("label", "controllerrevision", "scorer-1", "-n", world.env,
                  "app.kubernetes.io/managed-by=countersign-operator")
    assert world.until(phase="Held")["status"]["servingRevision"] == 1
    eventually(lambda: world.child() and world.model_of_child().endswith(digest("1")), "it serves")


def test_a_deleted_revision_of_an_approved_spec_is_recorded_again(world):
    world.serve()
    uid = world.child()["metadata"]["uid"]
    world.kubectl("delete", "controllerrevision", "scorer-1", "-n", world.env)
    eventually(lambda: len(world.revisions()) == 1, "another")
    world.until(phase="Serving", Ready="Serving")
    assert world.child()["metadata"]["uid"] == uid, "it served all the time"


def test_old_revisions_go_but_never_the_one_that_serves(world, stage):
    world.serve()
    world.put_policy(onViolation="Rollback")
    # Approved one after the other, and refused by the API server: the first serves on.
    for i in range(1, 11):
        if i == 10:
            stage.restart()  # what serves is not in its memory now
        obj = world.deployment(model="2", version=f"2.{i}.0")
        container = obj["spec"]["serving"]["template"]["spec"]["containers"][0]
        container["ports"][0]["containerPort"] = 99999
        world.kubectl.apply(world.stamped(obj, "dan@bank.example"))
        world.approve(model="2")
        eventually(lambda: world.settled()["status"].get("approvedRevision") == i + 1,
                   f"revision {i + 1}")
    kept = [1, *range(3, 12)]
    eventually(lambda: sorted(r["revision"] for r in world.revisions()) == kept,
               lambda: [r["revision"] for r in world.revisions()])
    status = world.until(phase="Held", Ready="RenderRefused")["status"]
    assert status["servingRevision"] == 1
    assert world.model_of_child().endswith(digest("1"))
    # One that can be served replaces it, and then it goes too.
    world.put_deployment(model="3")
    world.approve(model="3")
    world.until(phase="Serving", Ready="Serving")
    kept = list(range(3, 13))
    eventually(lambda: sorted(r["revision"] for r in world.revisions()) == kept,
               lambda: [r["revision"] for r in world.revisions()])


# Specs that cannot be read.


def test_an_unreadable_spec_is_not_served_and_what_was_approved_is_still_judged(world, stage):
    world.serve()
    world.put_policy(onViolation="Suspend")
    name = "modeldeployments.countersign.dev"
    crd = stage.admin.get("crd", name)
    loose = copy.deepcopy(crd)
    version = loose["spec"]["versions"][0]
    version.pop("selectableFields")  # of fields that there are no more
    version["schema"]["openAPIV3Schema"]["properties"]["spec"] = {
        "type": "object", "x-kubernetes-preserve-unknown-fields": True}
    stage.admin("replace", "-f", "-", stdin=json.dumps(loose))
    patch = ("patch", "mdeploy", "scorer", "-n", world.env, "--type=merge", "-p")
    try:
        bad = {"spec": {"model": {"digest": 42}, "serving": {"port": "none"}}}
        eventually(lambda: world.kubectl(*patch, json.dumps(bad), check=False).returncode == 0,
                   "the schema to be loose")
        status = world.until(phase="Held", Governed="SpecUnreadable", Ready="GateBlocked")["status"]
        assert status["servingRevision"] == 1
        assert "spec" in status["whyNot"] and world.model_of_child().endswith(digest("1"))
        world.kubectl("delete", "signoff", "approval-1", "-n", world.home)
        world.until(phase="Suspended", Governed="SpecUnreadable")
        assert world.child()["spec"]["replicas"] == 0
        # Nor is it served where nothing was approved before.
        other = world.deployment()
        other["metadata"]["name"] = "other"
        other["spec"]["serving"]["port"] = "none"
        world.kubectl.create(other)
        eventually(lambda: "SpecUnreadable" in json.dumps(
            world.kubectl.get("mdeploy", "other", world.env).get("status")), "the other's status")
        assert world.kubectl.get("deployment", "other", world.env) is None
        world.kubectl("delete", "mdeploy", "other", "-n", world.env)
    finally:
        crd["metadata"].pop("resourceVersion")
        stage.admin("replace", "-f", "-", stdin=json.dumps(crd))
    world.put_deployment()
    world.approve()
    world.until(phase="Serving", Ready="Serving", Governed="Approved")


# Status that others write.


def timeless(status):
    return {**status, "conditions": [{**c, "lastTransitionTime": None}
                                     for c in status["conditions"]]}


@pytest.mark.parametrize("nonsense", [
    {"verdict": "Allow", "phase": "Serving", "approvedRevision": 1, "servingRevision": 1,
     "servingVersion": "1.0.0", "gates": [], "gatesPassed": "7/7", "nextChange":
     "2099-01-01T00:00:00Z", "history": [
         {"revision": 1, "governedDigest": digest("e"), "modelVersion": "1.0.0",
          "author": "mallory", "approvedAt": "2020-01-01T00:00:00Z"}]},
    {"conditions": [{"type": kind, "status": "True", "reason": "Approved", "message": "so I say",
                     "lastTransitionTime": "2099-01-01T00:00:00Z"}
                    for kind in ("Ready", "Governed", "Reconciling", "Blessed")]},
    None])
def test_status_that_others_wrote_is_put_right_and_believed_by_nobody(world, nonsense):
    world.put_policy()
    world.put_use_case()
    world.put_deployment()
    right = world.until(phase="Nothing", Ready="AwaitingEvidence")["status"]
    world.kubectl("patch", "mdeploy", "scorer", "-n", world.env, "--subresource=status",
                  "--type=merge", "-p", json.dumps({"status": nonsense}))
    eventually(lambda: timeless(world.settled()["status"]) == timeless(right),
               lambda: f"{json.dumps(right)} again, found {json.dumps(world.read()['status'])}")
    assert all(c["lastTransitionTime"] <= rfc3339(now())
               for c in world.read()["status"]["conditions"])
    assert world.child() is None and world.revisions() == []


def test_status_of_evidence_that_others_wrote_is_put_right(world):
    world.serve()

    def status():
        return world.kubectl.get("signoff", "approval-1", world.home).get("status", {})
    right = eventually(lambda: "conditions" in status() and status(), "the sign-off's status")
    world.kubectl("patch", "signoff", "approval-1", "-n", world.home, "--subresource=status",
                  "--type=merge", "-p", json.dumps({"status": {
                      "stampedUser": "mallory", "conditions": [
                          {"type": "Blessed", "status": "True", "reason": "So", "message": "",
                           "lastTransitionTime": "2020-01-01T00:00:00Z"}]}}))
    eventually(lambda: timeless(status()) == timeless(right), lambda: json.dumps(status()))
