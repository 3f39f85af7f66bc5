"""The operator on a real control plane: it serves what is approved, and nothing else."""

import copy
import datetime
import hashlib
import json
import os
import subprocess

import pytest

from operator_world import Kubectl, Operator, World, digest, eventually, now, rfc3339

BIN = os.environ.get("COUNTERSIGN_BIN", os.path.join(os.path.dirname(__file__), "../../build/bin"))
ROOT = os.path.join(os.path.dirname(__file__), "../..")
USER = "countersign-operator"


class Stage:
    """The control plane with our kinds, the operator's account and key, and one operator."""

    def __init__(self, cluster, directory):
        self.cluster = cluster
        self.directory = directory
        self.admin = Kubectl(cluster.admin)
        self.admin("apply", "--server-side", "-f", os.path.join(ROOT, "crds"))
        for kind in ("modeldeployments", "usecases", "governancepolicies", "signoffs", "biastests",
                     "reproducibilitysnapshots", "evidence"):
            self.admin("wait", "--for=condition=Established", f"crd/{kind}.countersign.dev")
        self.admin("apply", "-f", os.path.join(ROOT, "operator/rbac.yaml"))
        self.admin.apply({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": USER}, "subjects": [{"kind": "User", "name": USER}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                        "name": USER}})
        self.admin("create", "namespace", "countersign-system", check=False)
        self.admin.apply({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": USER, "namespace": "countersign-system"},
            "subjects": [{"kind": "User", "name": USER}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                        "name": USER + "-lease"}})
        self.key = str(directory / "installation.pem")
        self.stamp_tool = os.path.join(BIN, "stamp_tool")
        subprocess.run([self.stamp_tool, "--make-key", self.key], check=True)
        self.kubeconfig = cluster.kubeconfig(USER)
        self.started = []
        self.operator = None

    def start(self, *flags):
        operator = Operator(os.path.join(BIN, "countersign-operator"), self.kubeconfig, self.key,
                            str(self.directory / f"operator-{len(self.started)}.log"), *flags)
        self.started.append(operator)
        return operator

    def restart(self):
        """The operator that the tests share, anew; it must not wait for an old Lease."""
        self.operator = self.start("--no-leader-elect")
        return self.operator


@pytest.fixture(scope="module")
def stage(cluster, tmp_path_factory):
    stage = Stage(cluster, tmp_path_factory.mktemp("operator"))
    stage.restart()
    yield stage
    codes = [operator.stop() for operator in stage.started]
    assert all(code in (0, -9) for code in codes), codes


@pytest.fixture
def world(stage):
    world = World(stage.admin, stage.stamp_tool, stage.key)
    yield world
    world.close()


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
    world.put_use_case(lifecycle="Retired")
    world.until(phase="Suspended", Governed="UseCaseRetired")


# Who else touches things.


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
    world.until(phase="Serving", Ready="Serving")


def test_somebody_elses_workload_of_that_name_is_left_alone(world):
    labels = {"app": "mine"}
    world.kubectl.create({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "scorer", "namespace": world.env},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels},
                              "spec": {"containers": [{"name": "c", "image": "mine"}]}}}})
    world.put_policy()
    world.put_use_case()
    world.put_deployment()
    world.approve()
    world.until(Ready="ChildNameTaken", Stalled="ChildNameTaken")
    assert world.child()["spec"]["template"]["spec"]["containers"][0]["image"] == "mine"
    world.kubectl("delete", "deployment", "scorer", "-n", world.env)
    # Foreign objects are not watched; it is looked at again when something of ours changes.
    world.kubectl("label", "mdeploy", "scorer", "-n", world.env, "poke=1")
    world.until(phase="Serving", Ready="Serving")


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


# Configuration and what the API server refuses.


def test_configuration_is_served_only_with_the_content_that_was_approved(world):
    content = {"data": {"threshold": "0.5"}}
    canonical = json.dumps(content, separators=(",", ":"), sort_keys=True)
    wanted = "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
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


# The program itself.


def test_nothing_is_written_at_rest(world, stage):
    world.serve()

    def writes():
        return [e for e in stage.cluster.audit()
                if e.get("user", {}).get("username") == USER
                and e["verb"] in ("create", "update", "patch", "delete")
                and e.get("objectRef", {}).get("namespace") in (world.env, world.home)]
    versions = [world.child()["metadata"]["resourceVersion"],
                world.read()["metadata"]["resourceVersion"],
                world.child("service")["metadata"]["resourceVersion"]]
    before = len(writes())
    done = 'countersign_reconciles_total{controller="modeldeployment",result="done"}'
    # Others write labels; each makes the operator look again. Five looks, no write.
    for i in range(5):
        seen = stage.operator.metric(done)
        world.kubectl("label", "usecase", "credit", "-n", world.home, "--overwrite", f"look={i}")
        eventually(lambda: stage.operator.metric(done) > seen, "another look")
    assert len(writes()) == before, writes()[before:]
    assert versions == [world.child()["metadata"]["resourceVersion"],
                        world.read()["metadata"]["resourceVersion"],
                        world.child("service")["metadata"]["resourceVersion"]]


def test_killed_and_restarted_it_goes_on_and_repeats_no_write(world, stage):
    world.serve()
    world.put_policy(onViolation="Suspend")
    world.until(phase="Serving", Ready="Serving")
    serving = world.child()["metadata"]["resourceVersion"]
    stage.operator.kill()
    # While nobody looks: what is approved serves on, a hand changes it, and nothing else happens.
    assert world.child()["spec"]["replicas"] == 2
    stage.restart()
    eventually(lambda: stage.operator.http("/readyz")[0] == 200, "readiness")
    eventually(lambda: stage.operator.metric('countersign_deployments{verdict="Allow"}'), "a look")
    world.until(phase="Serving", Ready="Serving")
    assert world.child()["metadata"]["resourceVersion"] == serving

    stage.operator.kill()
    world.kubectl("delete", "signoff", "approval-1", "-n", world.home)
    world.kubectl("patch", "deployment", "scorer", "-n", world.env, "-p",
                  '{"spec": {"template": {"spec": {"containers": '
                  '[{"name": "server", "command": ["evil"]}]}}}}')
    stage.restart()
    world.until(phase="Suspended")
    container = world.child()["spec"]["template"]["spec"]["containers"][0]
    assert "command" not in container and world.child()["spec"]["replicas"] == 0


def test_of_two_operators_one_leads_and_the_other_takes_over(world, stage):
    world.put_policy()
    world.put_use_case()
    world.put_deployment()
    stage.operator.stop()
    first, second = stage.start(), stage.start()
    leading = eventually(
        lambda: next((o for o in (first, second) if o.metric("countersign_leader") == 1), None),
        "a leader")
    standby = second if leading is first else first
    eventually(lambda: standby.http("/readyz")[0] == 200, "the standby's readiness")
    assert standby.metric("countersign_leader") == 0
    world.approve()
    world.until(phase="Serving", Ready="Serving")
    assert standby.metric(
        'countersign_reconciles_total{controller="modeldeployment",result="done"}') is None
    lease = world.kubectl.get("lease", "countersign-operator", "countersign-system")
    holder = lease["spec"]["holderIdentity"]
    assert leading.stop() == 0
    # Released, not waited for: the other leads well before the Lease would have run out.
    eventually(lambda: standby.metric("countersign_leader") == 1, "the other to lead")
    lease = world.kubectl.get("lease", "countersign-operator", "countersign-system")
    assert lease["spec"]["holderIdentity"] not in ("", holder)
    world.kubectl("delete", "signoff", "approval-1", "-n", world.home)
    world.until(Governed="SignOffMissing")
    assert standby.stop() == 0
    stage.restart()


def test_probes_metrics_and_records_say_what_happens(world, stage):
    world.serve()
    assert stage.operator.http("/healthz")[0] == 200
    assert stage.operator.http("/readyz")[0] == 200
    assert stage.operator.http("/elsewhere")[0] == 404
    text = stage.operator.http("/metrics")[1]
    for name in ("countersign_reconcile_duration_seconds_bucket", "countersign_queue_depth",
                 "countersign_gates_expiring", "countersign_build_info", "countersign_leader 1"):
        assert name in text, name
    records = [r for r in stage.operator.records if r["object"]["namespace"] == world.env]
    assert [r["allowed"] for r in records][-1] is True and len(records) >= 2
    assert all(r["source"] == "operator" and r["decisionId"] for r in records)


def test_the_other_kinds_say_whether_they_count(world):
    world.serve()
    policy = eventually(lambda: (world.kubectl.get("govpol", world.policy) or {}).get("status", {})
                        .get("conditions"), "the policy's status")
    assert policy[0]["reason"] == "InForce"
    use_case = eventually(lambda: world.kubectl.get("usecase", "credit", world.home)["status"]
                          .get("conditions") and
                          world.kubectl.get("usecase", "credit", world.home)["status"], "status")
    assert use_case["classes"] == ["any"] and use_case["answersApproved"] is False
    assert use_case["answersDigest"].startswith("sha256:")

    def status(name):
        return eventually(
            lambda: "conditions" in world.kubectl.get("signoff", name, world.home)["status"]
            and world.kubectl.get("signoff", name, world.home)["status"], "the sign-off's status")
    assert status("approval-1")["stampedUser"] == "vera@bank.example"
    unstamped = world.kubectl.get("signoff", "approval-1", world.home)
    unstamped["metadata"] = {"name": "unstamped", "namespace": world.home}
    unstamped.pop("status")
    world.kubectl.create(unstamped)
    condition = {c["type"]: c for c in status("unstamped")["conditions"]}
    assert condition["Stalled"]["reason"] == "NotStamped"
    assert "stampedUser" not in status("unstamped")
