"""The operator as a process: at rest, killed, stopped, one of two."""

import contextlib
import json
import os
import pathlib
import signal
import socket

from exposition import check_counters
from operator_world import eventually

# At rest.


def test_nothing_is_written_at_rest(world, stage):
    world.serve()
    versions = [world.child()["metadata"]["resourceVersion"],
                world.read()["metadata"]["resourceVersion"],
                world.child("service")["metadata"]["resourceVersion"]]
    before = len(stage.writes(world.env, world.home))
    done = 'countersign_reconciles_total{controller="modeldeployment",result="done"}'
    # Others write labels; each makes the operator look again. Five looks, no write.
    for i in range(5):
        seen = stage.operator.metric(done)
        world.kubectl("label", "usecase", "credit", "-n", world.home, "--overwrite", f"look={i}")
        eventually(lambda: stage.operator.metric(done) > seen, "another look")
    writes = stage.writes(world.env, world.home)
    assert len(writes) == before, writes[before:]
    assert versions == [world.child()["metadata"]["resourceVersion"],
                        world.read()["metadata"]["resourceVersion"],
                        world.child("service")["metadata"]["resourceVersion"]]


def test_a_leader_with_nothing_to_do_writes_its_lease_alone(world, stage):
    stage.alone()
    leader = stage.lead()
    world.serve(podDisruptionBudget={"maxUnavailable": 1})
    eventually(lambda: {"RevisionHeld", "RevisionApproved"} <= world.events(), "the Events")
    eventually(lambda: "conditions" in world.kubectl.get("signoff", "approval-1", world.home)
               .get("status", {}), "the sign-off's status")

    def versions():
        kinds = ("mdeploy,deployments,services,poddisruptionbudgets,controllerrevisions,"
                 "signoffs,usecases")
        return {(i["kind"], i["metadata"]["name"]): i["metadata"]["resourceVersion"]
                for namespace in (world.env, world.home)
                for i in world.kubectl.list(kinds, namespace)} | {
                    "policy": world.kubectl.get("govpol", world.policy)["metadata"][
                        "resourceVersion"]}

    def during_two_renewals():
        """What was written while the Lease was renewed twice."""
        before = len(stage.writes(world.env, world.home))
        for _ in range(2):
            renewed = stage.lease()["spec"]["renewTime"]
            eventually(lambda: stage.lease()["spec"]["renewTime"] != renewed, "a renewal")
        return stage.writes(world.env, world.home)[before:]
    eventually(lambda: not during_two_renewals(), "everything to settle")
    settled = versions()
    assert len(settled) == 8
    assert during_two_renewals() == []
    assert versions() == settled
    assert leader.stop() == 0


# One of two.


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
    stage.alone()
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


def test_a_killed_leader_is_replaced_and_what_happened_meanwhile_is_acted_upon(world, stage):
    stage.alone()
    leader = stage.lead()
    world.serve()
    world.put_policy(onViolation="Suspend")
    standby = stage.start()
    eventually(lambda: standby.http("/readyz")[0] == 200, "the standby's readiness")
    before = stage.lease()["spec"]
    leader.kill()
    # Nobody acts now, and nobody gave the Lease back.
    world.kubectl("delete", "signoff", "approval-1", "-n", world.home)
    world.kubectl("delete", "service", "scorer", "-n", world.env)
    assert stage.lease()["spec"]["holderIdentity"] == before["holderIdentity"]
    world.until(phase="Suspended", Ready="Suspended", Governed="SignOffMissing")
    assert world.child()["spec"]["replicas"] == 0
    eventually(lambda: world.child("service"), "the Service to come back")
    assert standby.metric("countersign_leader") == 1
    after = stage.lease()["spec"]
    assert after["holderIdentity"] != before["holderIdentity"]
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1
    assert standby.stop() == 0


def test_a_standby_that_is_stopped_leaves_the_leader_its_lease(world, stage):
    stage.alone()
    leader = stage.lead()
    standby = stage.start()
    eventually(lambda: "leader seen" in open(standby.log_path).read(), "it to stand by")
    holder = stage.lease()["spec"]["holderIdentity"]
    assert standby.stop() == 0
    assert stage.lease()["spec"]["holderIdentity"] == holder
    assert leader.stop() == 0
    assert "holderIdentity" not in stage.lease()["spec"], "given back"


# Stopped, whatever it waits for. That it ends at all is the point: `stop` gives it twenty seconds.


def kubeconfig_for(stage, tmp_path, change):
    """The operator's kubeconfig, changed."""
    config = json.loads(stage.admin("config", "view", "--raw", "--kubeconfig", stage.kubeconfig,
                                    "-o", "json"))
    change(config)
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    return str(path)


def test_stopped_while_the_api_server_does_not_answer(stage, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        def change(config):
            config["clusters"][0]["cluster"]["server"] = (
                f"https://127.0.0.1:{silent.getsockname()[1]}")
        operator = stage.start(kubeconfig=kubeconfig_for(stage, tmp_path, change))
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(1)  # it greets, and gets no answer
            assert operator.http("/readyz")[0] == 503
            assert operator.stop() == 0


def test_stopped_while_there_is_no_api_server(stage, tmp_path):
    def change(config):
        config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    operator = stage.start(kubeconfig=kubeconfig_for(stage, tmp_path, change))
    eventually(lambda: "watch failed, will try again" in open(operator.log_path).read(), "a try")
    assert operator.stop() == 0


def test_stopped_while_a_credential_plugin_takes_its_time(stage, tmp_path):
    def change(config):
        config["users"][0]["user"] = {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "sleep", "args": ["600"],
            "interactiveMode": "Never"}}
    operator = stage.start(kubeconfig=kubeconfig_for(stage, tmp_path, change))

    def plugins():
        tasks = pathlib.Path(f"/proc/{operator.process.pid}/task").glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]
    running = eventually(plugins, "the plugin to run")
    assert operator.stop() == 0
    assert not any(os.path.exists(f"/proc/{pid}") for pid in running), "the plugin ended too"


def test_stopped_as_leader_while_the_api_server_hangs(stage):
    stage.alone()
    leader = stage.lead()
    stage.cluster.plane.kill("kube-apiserver", signal.SIGSTOP)
    try:
        assert leader.stop() == 0
    finally:
        stage.cluster.plane.kill("kube-apiserver", signal.SIGCONT)
    assert "the Lease could not be written" in open(leader.log_path).read()


def test_stopped_while_a_scraper_holds_its_connection(stage):
    stage.alone()
    operator = stage.start()
    with socket.create_connection(("127.0.0.1", operator.port)) as scraper:
        scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: ")
        assert operator.http("/healthz")[0] == 200  # others are served meanwhile
        assert operator.stop() == 0


def test_stopped_while_nobody_reads_its_records(world, stage):
    stage.alone()
    reader, writer = os.pipe()
    with open(reader, "rb"), open(writer, "wb") as full:
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"\n")
        os.set_blocking(writer, True)
        operator = stage.start("--no-leader-elect", stdout=full)
        world.put_policy()
        world.put_use_case()
        world.put_deployment()
        world.settled()  # the record comes after the status, and gets stuck
        assert operator.stop() == 1, "a worker was cut off"


# What it says of itself.


def test_records_that_cannot_be_written_are_counted_and_told(world, stage):
    stage.alone()
    with open("/dev/full", "wb") as full:
        operator = stage.start("--no-leader-elect", stdout=full)
        world.put_policy()
        world.put_use_case()
        world.put_deployment()
        world.settled()
        eventually(lambda: operator.metric("countersign_decision_records_lost_total"), "a loss")
        assert operator.stop() == 0, "it goes on without"
    assert "decision records cannot be written to stdout" in open(operator.log_path).read()


def test_probes_metrics_and_records_say_what_happens(world, stage):
    world.serve()
    assert stage.operator.http("/healthz")[0] == 200
    assert stage.operator.http("/readyz")[0] == 200
    assert stage.operator.http("/elsewhere")[0] == 404
    text = stage.operator.http("/metrics")[1]
    for name in ("countersign_reconcile_duration_seconds_bucket", "countersign_queue_depth",
                 "countersign_gates_expiring", "countersign_build_info", "countersign_leader 1"):
        assert name in text, name
    assert "countersign_reconciles_total" in check_counters(text)
    records = [r for r in stage.operator.records if r["object"]["namespace"] == world.env]
    assert [r["allowed"] for r in records][-1] is True and len(records) >= 2
    assert all(r["source"] == "operator" and r["decisionId"] for r in records)


def test_the_other_kinds_say_whether_they_count(world):
    world.serve()
    policy = eventually(lambda: (world.kubectl.get("govpol", world.policy) or {}).get("status", {})
                        .get("conditions"), "the policy's status")
    reasons = {condition["type"]: condition["reason"] for condition in policy}
    assert reasons == {"Ready": "InForce", "InForce": "Unversioned"}
    use_case = eventually(lambda: world.kubectl.get("usecase", "credit", world.home)["status"]
                          .get("conditions") and
                          world.kubectl.get("usecase", "credit", world.home)["status"], "status")
    assert use_case["classSummary"] == "any"
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
