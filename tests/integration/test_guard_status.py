"""What the API server takes in beside a status, and as a Pod is bound to its node: labels and
annotations, of which the guard is not asked. The API server refuses what matters by itself."""

import json

import pytest
from lending import account
from samples import DEV, PROD
from test_guard import LOCKED, RELEASE, available, get, locked, pod_spec, workload
from test_guard import site as site  # the fixture
from world import wait_until

OURS = {"app.kubernetes.io/managed-by": "countersign-operator", "app.kubernetes.io/instance": "live"}
PLAIN = {"containers": [{"name": "c", "image": "bank/web:1"}]}
NETWORK = {"k8s.v1.cni.cncf.io/network-status": "[]"}


def write(site, kind, name, body, namespace=PROD, sub="status", user=None, file=None):
    how = ["--patch-file", file] if file else ["-p", json.dumps(body)]
    return site.cluster.run("patch", kind, name, "-n", namespace, f"--subresource={sub}", "--type=merge",
                            *how, user=user, check=False)  # fmt: skip


def said(site, kind, name, metadata, namespace=PROD, **more):
    return write(site, kind, name, {"metadata": metadata}, namespace, **more)


def passes(done):
    assert done.returncode == 0, done.stderr


def refused(done, label="app.kubernetes.io/managed-by"):
    assert done.returncode != 0, f"was let through: {done.stdout}"
    # Of several labels in any order.
    by, known, _ = done.stderr.partition(" something is known to serve a model")
    assert known and label in by.rsplit("denied request: by ")[1].split(", "), done.stderr


def pod(site, name, namespace=PROD, user=None, **spec):
    site.apply({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
                "spec": {**PLAIN, **spec}}, user=user)  # fmt: skip


def bind(site, tmp_path, name, namespace=PROD, user=None, legacy=False, **metadata):
    nodes = json.loads(site.cluster.run("get", "nodes", "-o", "json").stdout)["items"]
    binding = {"apiVersion": "v1", "kind": "Binding",
               "metadata": {"name": name, "namespace": namespace, **metadata},
               "target": {"kind": "Node", "name": nodes[0]["metadata"]["name"]}}  # fmt: skip
    file = tmp_path / "binding.json"
    file.write_text(json.dumps(binding))
    of = "bindings" if legacy else f"pods/{name}/binding"
    return site.cluster.run("create", "--raw", f"/api/v1/namespaces/{namespace}/{of}", "-f", file,
                            user=user, check=False)  # fmt: skip


@pytest.mark.parametrize("namespace", [PROD, DEV])
def test_no_pod_joins_what_serves_by_its_status(site, namespace):
    pod(site, "joiner", namespace)
    refused(said(site, "pod", "joiner", {"labels": OURS}, namespace))
    site.webhook.stop()
    try:
        refused(said(site, "pod", "joiner", {"labels": OURS}, namespace))
        # Networks write annotations, nodes the status alone.
        passes(said(site, "pod", "joiner", {"labels": {"team": "one"}, "annotations": NETWORK}, namespace))
        passes(write(site, "pod", "joiner", {"status": {"reason": "Seen"}}, namespace))
    finally:
        site.start_webhook()
    labels = get(site, "pod", "joiner", namespace)["metadata"]["labels"]
    assert labels["team"] == "one" and not set(OURS) & set(labels)
    site.cluster.run("delete", "pod", "joiner", "-n", namespace, "--wait=false")


def test_what_serves_keeps_its_labels_with_its_status(site):
    (found, *_) = json.loads(site.cluster.run(
        "get", "pods", "-n", PROD, "-l", "app.kubernetes.io/managed-by=countersign-operator",
        "-o", "json").stdout)["items"]  # fmt: skip
    name = found["metadata"]["name"]
    passes(said(site, "pod", name, {"labels": {"team": "one"}, "annotations": NETWORK}))
    refused(said(site, "pod", name, {"labels": {"llm-d.ai/role": "decode"}}), "llm-d.ai/role")
    refused(said(site, "replicasets", found["metadata"]["ownerReferences"][0]["name"],
                 {"labels": {"seldon-app": "x"}}), "seldon-app")  # fmt: skip
    # Nor does it change the Service that finds it.
    instance = "app.kubernetes.io/instance"
    refused(said(site, "pod", name, {"labels": {instance: "other"}}), instance)
    passes(said(site, "pod", name, {"labels": {"team": "two"}}))
    pod(site, "plain")
    passes(said(site, "pod", "plain", {"labels": {instance: "other"}}))
    site.cluster.run("delete", "pod", "plain", "-n", PROD, "--wait=false")
    wait_until(lambda: available(site, "live"), "the approved model to serve on", 30)


def test_no_pod_joins_what_serves_as_it_is_bound(site, tmp_path):
    pod(site, "waiting", schedulerName="own")
    for legacy in (False, True):
        refused(bind(site, tmp_path, "waiting", legacy=legacy, labels=OURS))
    passes(bind(site, tmp_path, "waiting", labels={"team": "one"}, annotations={"own/bind-time": "1"}))
    assert get(site, "pod", "waiting")["metadata"]["labels"]["team"] == "one"
    site.cluster.run("delete", "pod", "waiting", "-n", PROD, "--wait=false")


def test_no_pod_is_bound_to_the_service_of_another_model(site, tmp_path):
    """The operator's name it may have already, which the Binding does not tell."""
    manager, instance = OURS
    covered = {"apiVersion": "v1", "kind": "Pod", "spec": {**pod_spec(), "schedulerName": "own"},
               "metadata": {"name": "half", "namespace": PROD, "labels": {manager: OURS[manager]}}}  # fmt: skip
    site.apply(covered)
    for legacy in (False, True):
        refused(bind(site, tmp_path, "half", legacy=legacy, labels={instance: "other"}), instance)
    passes(bind(site, tmp_path, "half", labels={"team": "one"}))
    labels = get(site, "pod", "half")["metadata"]["labels"]
    assert labels["team"] == "one" and instance not in labels
    site.cluster.run("delete", "pod", "half", "-n", PROD, "--wait=false")


def test_however_many_labels_there_are_a_status_is_written(site, tmp_path):
    """An expression that costs the API server too much would end the request."""
    pod(site, "labelled")
    file = tmp_path / "patch.json"
    many = {f"k{i:05}.example.com/{'n' * 40}": "v" * 60 for i in range(8000)}
    file.write_text(json.dumps({"metadata": {"labels": many}}))
    site.cluster.run("patch", "pod", "labelled", "-n", PROD, "--type=merge", "--patch-file", file)
    passes(write(site, "pod", "labelled", {"status": {"reason": "Seen"}}))
    passes(said(site, "pod", "labelled", {"labels": {"team": "one"}, "annotations": NETWORK}))
    refused(said(site, "pod", "labelled", {"labels": OURS}))
    few = {f"a{i:03}.example.com/{'n' * 20}": "v" * 20 for i in range(100)}
    file.write_text(json.dumps({"metadata": {"labels": few}}))
    passes(write(site, "pod", "labelled", None, file=file))
    # More than anybody sets at a time nobody looks through.
    many = {f"b{i:03}.example.com/{'n' * 20}": "v" for i in range(200)}
    file.write_text(json.dumps({"metadata": {"labels": many}}))
    done = write(site, "pod", "labelled", None, file=file)
    assert done.returncode != 0 and "something is known to serve a model" in done.stderr, done.stderr
    site.cluster.run("delete", "pod", "labelled", "-n", PROD, "--wait=false")


@pytest.fixture
def vault(site):
    """A workload and a way to it, in a locked environment."""
    robin = account(site, RELEASE)
    meta = {"name": "web", "namespace": LOCKED}
    web = [workload("web", PLAIN, LOCKED),
           {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 80}]}},
           {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta,
            "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}}]  # fmt: skip
    wait_until(lambda: site.apply(web[0], check=False, dry_run=True).returncode != 0,
               "the lock to take effect")  # fmt: skip
    site.apply(*web, user=robin)
    wait_until(lambda: available(site, "web", LOCKED), "controllers to do their work", 60)
    pods = json.loads(site.cluster.run("get", "pods", "-n", LOCKED, "-l", "app=web", "-o", "json").stdout)
    yield robin, pods["items"][0]["metadata"]["name"]
    for kind in ("deployment", "service", "ingress"):
        site.cluster.run("delete", kind, "web", "-n", LOCKED)


def service_account(site, namespace, name):
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:masters"]
    return site.cluster.user(f"system:serviceaccount:{namespace}:{name}", groups)


def test_a_lock_holds_for_what_is_written_with_a_status(site, vault):
    robin, name = vault
    annotations = {"annotations": {"nginx.ingress.kubernetes.io/canary": "true"}}
    locked(said(site, "pod", name, {"labels": {"app": "other"}}, LOCKED))
    for kind, of in (("deployment", "web"), ("service", "web"), ("ingress", "web"), ("pod", name)):
        locked(said(site, kind, of, annotations, LOCKED))
    passes(said(site, "ingress", "web", annotations, LOCKED, user=robin))
    passes(said(site, "pod", name, {"labels": {"team": "one"}}, LOCKED, user=robin))
    site.webhook.stop()
    try:
        locked(said(site, "pod", name, {"labels": {"app": "other"}}, LOCKED))
        passes(write(site, "pod", name, {"status": {"reason": "Seen"}}, LOCKED))
    finally:
        site.start_webhook()
    # So do load balancers.
    address = {"metadata": {"finalizers": ["service.kubernetes.io/load-balancer-cleanup"]},
               "status": {"loadBalancer": {}}}  # fmt: skip
    passes(write(site, "service", "web", address, LOCKED))
    passes(said(site, "service", "web", {"finalizers": None}, LOCKED))


def test_the_network_of_a_cluster_writes_annotations_of_pods_in_a_locked_environment(site, vault):
    _, name = vault
    network = service_account(site, "calico-system", "calico-node")
    passes(said(site, "pod", name, {"annotations": NETWORK}, LOCKED, user=network))
    passes(said(site, "pod", name, {"annotations": {"a": "b"}}, LOCKED,
                user=site.cluster.user("system:ovn-node:one", ["system:ovn-nodes", "system:masters"])))  # fmt: skip
    locked(said(site, "pod", name, {"labels": {"app": "other"}}, LOCKED, user=network))
    locked(said(site, "ingress", "web", {"annotations": NETWORK}, LOCKED, user=network))
    own = service_account(site, LOCKED, "default")
    locked(said(site, "pod", name, {"annotations": {"c": "d"}}, LOCKED, user=own))


def test_who_places_pods_in_a_locked_environment_says_no_more_of_them(site, vault, tmp_path):
    robin, _ = vault
    asks = [{**PLAIN["containers"][0], "resources": {"requests": {"cpu": "1m"}}}]
    pod(site, "waiting", LOCKED, robin, schedulerName="own", containers=asks)
    more = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "2m"}}}]}}
    done = site.cluster.run("patch", "pod", "waiting", "-n", LOCKED, "--subresource=resize",
                            "--type=strategic", "-p", json.dumps(more), check=False)  # fmt: skip
    locked(done)
    for legacy in (False, True):
        locked(bind(site, tmp_path, "waiting", LOCKED, legacy=legacy, labels={"app": "web"}))
        locked(bind(site, tmp_path, "waiting", LOCKED, legacy=legacy, annotations={"a": "b"}))
    scheduler = service_account(site, "volcano-system", "volcano-scheduler")
    locked(bind(site, tmp_path, "waiting", LOCKED, scheduler, labels={"app": "web"}))
    passes(bind(site, tmp_path, "waiting", LOCKED, scheduler, annotations={"a": "b"},
                labels={"topology.kubernetes.io/zone": "z"}))  # fmt: skip
    site.cluster.run("delete", "pod", "waiting", "-n", LOCKED, "--wait=false")
