"""What serves outside of Countersign, told by `countersign scan`: of a cluster, and of its objects in files."""

import json

import pytest
import samples as s
from lending import account, give_evidence, govern, named
from samples import DANA, DEV, PROD
from test_guard import crd, pod_spec, workload
from world import Installation, run, wait_until

FREE = "research"
OTHER = f"registry.example/scorer@{s.digest('other')}"
POOLS = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "inferencepools.inference.networking.k8s.io",
                 "annotations": {"api-approved.kubernetes.io": "unapproved, of a test"}},
    "spec": {"group": "inference.networking.k8s.io", "scope": "Namespaced",
             "names": {"plural": "inferencepools", "kind": "InferencePool", "singular": "inferencepool"},
             "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                 "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}  # fmt: skip


@pytest.fixture(scope="module")
def site():
    site = Installation(workloads=True)
    try:
        site.start_operator("--scan-seconds", "1")
        site.apply(POOLS)
        site.cluster.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        site.cluster.run("create", "namespace", FREE)
        govern(site)
        site.apply(named(give_evidence(site, "live", "live"), "live"), user=account(site, DANA))
        site.cluster.run("create", "clusterrolebinding", "audit", "--user=audrey",
                         "--clusterrole=countersign-auditor")  # fmt: skip
        wait_until(lambda: pods(site, PROD), "the approved model to serve", 120)
        yield site
    finally:
        site.close()


def pods(site, namespace):
    done = site.cluster.run("get", "pods", "-n", namespace, "-o", "json")
    return json.loads(done.stdout)["items"]


def told(site, name):
    done = site.cluster.run("get", "events.events.k8s.io", "-n", FREE, "-o", "json")
    return [e for e in json.loads(done.stdout)["items"]
            if e["reason"] == "ShadowDeployment" and e["regarding"]["name"] == name]  # fmt: skip


def scan(site, *arguments, user="audrey", code=None):
    done = run("scan", "-o", "json", *arguments, user=site.cluster.user(user), check=False)
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def names(answer):
    return [(one["kind"], one["namespace"], one["name"]) for one in answer["found"]]


def test_where_all_is_governed_nothing_is_found(site):
    answer = scan(site, code=0)
    assert answer["found"] == [] and answer["notLookedAt"] == [] and answer["lookedAt"] >= 3
    said = run("scan", user=site.cluster.user("audrey")).stdout
    assert "nothing serves a model outside of Countersign" in said


def test_each_shadow_is_named_once_with_what_it_lacks(site):
    site.apply(workload("chat", {"containers": [
        {"name": "c", "image": "vllm/vllm-openai:v0.9", "args": ["--model", "org/m"]}]}, FREE))  # fmt: skip
    site.apply(workload("warned", pod_spec(OTHER), DEV))
    wait_until(lambda: pods(site, FREE) and pods(site, DEV), "their Pods")
    answer = scan(site, code=1)
    assert sorted(names(answer)) == [("Deployment", DEV, "warned"), ("Deployment", FREE, "chat")]
    chat, warned = sorted(answer["found"], key=lambda one: one["name"])
    assert chat["models"][0]["reference"] == "hf://org/m" and not chat["models"][0]["pinned"]
    assert chat["environment"] == "" and chat["guard"] == "Warn" and chat["belongToIt"] >= 1
    assert [f["reason"] for f in chat["notCovered"]] == ["ModelNotPinned", "ContainerNotApproved"]
    assert warned["environment"] == "dev" and warned["guard"] == "Warn"
    assert warned["models"][0]["digest"] == s.digest("other")
    assert scan(site, "-n", FREE, code=1)["found"] == [chat]
    assert scan(site, "-n", PROD, code=0)["found"] == []
    said = run("scan", user=site.cluster.user("audrey"), check=False).stdout
    assert f"Deployment {FREE}/chat" in said and "taken for serving by image '*vllm/vllm*'" in said
    # The guard's own words.
    (event,) = wait_until(lambda: told(site, "chat"), "the operator's scan")
    assert chat["message"][:200] == event["note"][:200]


def test_pods_that_alone_show_what_they_serve(site):
    """A node pulled something that is known, and a pool takes Pods for model servers."""
    plain = {"containers": [{"name": "c", "image": "mirror.example/x:1"}]}
    for name in ("pulled", "pooled"):
        site.apply(workload(name, plain, FREE))
    site.apply({"apiVersion": "inference.networking.k8s.io/v1", "kind": "InferencePool",
                "metadata": {"name": "chat", "namespace": FREE},
                "spec": {"selector": {"matchLabels": {"app": "pooled"}}}})  # fmt: skip

    def of(name):
        return [p for p in pods(site, FREE) if p["metadata"]["labels"]["app"] == name]

    wait_until(lambda: of("pulled"), "the Pod")
    image = f"docker.io/vllm/vllm-openai@{s.digest('vllm')}"

    def report():
        """As a node would; the nodes here run nothing and may write over it."""
        status = {"status": {"containerStatuses": [
            {"name": "c", "image": "mirror.example/x:1", "imageID": image, "ready": True,
             "restartCount": 0, "state": {"running": {}}}]}}  # fmt: skip
        site.cluster.run("patch", "pod", of("pulled")[0]["metadata"]["name"], "-n", FREE,
                         "--subresource=status", "--type=merge", "-p", json.dumps(status),
                         check=False)  # fmt: skip
        answer = scan(site, "-n", FREE)
        return [one for one in answer["found"] if one["name"].startswith("pulled-")]

    (pulled,) = wait_until(report, "the node's word", 60)
    assert pulled["owner"] == {"kind": "Deployment", "name": "pulled"}
    assert pulled["recognisedBy"].endswith("status.containerStatuses[0].imageID")
    assert pulled["pulled"] == [image]
    (pooled,) = [o for o in scan(site, "-n", FREE)["found"] if o["name"].startswith("pooled-")]
    assert pooled["recognisedBy"].startswith("InferencePool 'chat': 'app=pooled'")
    # The operator's scan knows it too.
    wait_until(lambda: told(site, pooled["name"]), "the operator's scan")


def test_a_job_that_has_ended_serves_nothing_and_what_is_put_into_a_pod_is_looked_at(site):
    server = [{"name": "c", "image": "vllm/vllm-openai:v0.9", "args": ["serve", "org/m"],
               "ports": [{"containerPort": 8000}]}]  # fmt: skip
    # Suspended: nothing makes Pods of it, and its own controller lets its status be.
    site.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": FREE},
                "spec": {"suspend": True, "template": {"spec": {"restartPolicy": "Never", "containers": server}}}})  # fmt: skip

    def found(name):
        return [one for one in scan(site, "-n", FREE)["found"] if one["name"].startswith(name)]

    assert [one["kind"] for one in found("once")] == ["Job"]
    at = "2026-11-29T00:00:00Z"
    ended = [{"type": kind, "status": "True", "lastTransitionTime": at, "lastProbeTime": at,
              "reason": "PodFailurePolicy"} for kind in ("FailureTarget", "Failed")]  # fmt: skip
    site.cluster.run("patch", "job", "once", "-n", FREE, "--subresource=status", "--type=merge", "-p",
                     json.dumps({"status": {"startTime": at, "failed": 1, "conditions": ended}}))  # fmt: skip
    assert found("once") == []

    site.apply(workload("host", {"containers": [{"name": "c", "image": "mirror.example/x:1"}]}, FREE))
    (pod,) = wait_until(lambda: [p for p in pods(site, FREE) if p["metadata"]["labels"].get("app") == "host"],
                        "the Pod")  # fmt: skip
    name, image = pod["metadata"]["name"], f"docker.io/vllm/vllm-openai@{s.digest('vllm')}"
    debug = {"name": "debug", "image": "mirror.example/y:1", "terminationMessagePolicy": "File"}
    site.cluster.run("patch", "pod", name, "-n", FREE, "--subresource=ephemeralcontainers", "--type=strategic", "-p",
                     json.dumps({"spec": {"ephemeralContainers": [debug]}}))  # fmt: skip

    def report():
        status = {"status": {"ephemeralContainerStatuses": [
            {"name": "debug", "image": debug["image"], "imageID": image, "ready": False,
             "restartCount": 0, "state": {"running": {}}}]}}  # fmt: skip
        site.cluster.run("patch", "pod", name, "-n", FREE, "--subresource=status", "--type=merge", "-p",
                         json.dumps(status), check=False)  # fmt: skip
        return found("host-")

    (host,) = wait_until(report, "the node's word", 60)
    assert host["recognisedBy"].endswith("status.ephemeralContainerStatuses[0].imageID")


def test_what_one_may_not_list_is_said_and_is_not_taken_for_nothing(site):
    site.cluster.run("create", "clusterrolebinding", "viewer", "--user=vi",
                     "--clusterrole=countersign-viewer")  # fmt: skip
    answer = scan(site, user="vi", code=2)
    assert answer["found"] == [] and any("pods" in one for one in answer["notLookedAt"])


def test_objects_in_files_are_judged_alike(site, tmp_path):
    live = scan(site, "-n", DEV, code=1)
    for kinds in ("deployments,replicasets,pods", "mdeploy,usecases,govpol,signoffs,biastests",
                  "reproducibilitysnapshots"):  # fmt: skip
        text = site.cluster.run("get", kinds, "-A", "-o", "yaml").stdout
        (tmp_path / f"{kinds.split(',')[0]}.yaml").write_text(text)
    done = run("scan", "-f", tmp_path, "-o", "json", check=False)
    answer = json.loads(done.stdout)
    assert done.returncode == 1 and answer["assumptions"]
    assert [o for o in names(answer) if o[1] in (DEV, PROD)] == names(live)
    assert run("scan", "-f", tmp_path / "mdeploy.yaml", check=False).returncode == 2


def test_a_kind_that_is_served_in_an_unknown_version_alone_is_found_all_the_same(site):
    """A stack that is newer than the table is no stack that is not there."""
    newer = crd({"group": "serving.kserve.io", "resource": "inferenceservices",
                 "kind": "InferenceService", "versions": ["v7"]})  # fmt: skip
    pools = crd({"group": "inference.networking.x-k8s.io", "resource": "inferencepools",
                 "kind": "InferencePool", "versions": ["v7"]})  # fmt: skip
    pools["metadata"]["annotations"] = POOLS["metadata"]["annotations"]
    service = {"apiVersion": "serving.kserve.io/v7", "kind": "InferenceService",
               "metadata": {"name": "new", "namespace": FREE},
               "spec": {"predictor": {"model": {"storageUri": "s3://m/x"}}}}  # fmt: skip
    site.apply(newer, pools)
    try:
        site.cluster.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        wait_until(lambda: site.apply(service, check=False).returncode == 0, "the kind to be served")
        answer = scan(site, "-n", FREE, code=1)
        (found,) = [one for one in answer["found"] if one["kind"] == "InferenceService"]
        assert found["name"] == "new"
        assert "CannotBeRead" in [fault["reason"] for fault in found["notCovered"]]
        # What selects Pods there, nobody can say.
        (pool,) = answer["notLookedAt"]
        assert "inference.networking.x-k8s.io/v7" in pool
        wait_until(lambda: told(site, "new"), "the operator's scan")
    finally:
        for one in (newer, pools):
            site.cluster.run("delete", "crd", one["metadata"]["name"])
