"""Whatever comes behind the Service of an approved model by its labels is judged: also what another stack makes
of a covered object, and what is being deleted."""

import json

import pytest
import samples as s
from lending import account, give_evidence, govern, named
from samples import DANA, PROD
from test_guard import MODEL, TABLE, available, crd, get, judged, pod_spec, refused
from world import Installation, wait_until

KSERVE = "kserve-controller"
MANAGER, INSTANCE = "app.kubernetes.io/managed-by", "app.kubernetes.io/instance"
SERVER = "kserve/sklearnserver@sha256:" + "5" * 64
HOLD = "tests.example/hold"


def joining(name):
    return {MANAGER: "countersign-operator", INSTANCE: name}


@pytest.fixture(scope="module")
def site():
    site = Installation(workloads=True)
    try:
        site.webhook.stop()
        site.start_webhook("--trusted-controller", KSERVE)
        site.start_operator("--scan-seconds", "1")
        site.apply(*[crd(p) for p in TABLE["profiles"] if p.get("group") == "serving.kserve.io"])
        site.cluster.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        govern(site)
        for name in ("live", "beta"):
            mdeploy = s.deployment(case=name, model=name)
            site.apply(named(give_evidence(site, name, name, mdeploy), name), user=account(site, DANA))
            wait_until(lambda: available(site, name), f"{name} to serve", 120)
        yield site
    finally:
        site.close()


def behind(site, service):
    """Names of the Pods that the Service sends requests to."""
    found = json.loads(site.cluster.run("get", "endpointslices", "-n", PROD, "-o", "json", "-l",
                                        f"kubernetes.io/service-name={service}").stdout)["items"]
    return {end["targetRef"]["name"] for one in found for end in one.get("endpoints") or []}


def test_what_a_covered_object_of_another_stack_makes_joins_no_service_by_labels_of_its_own(site):
    """Of an InferenceService those of its Pods stand in spec.predictor.labels."""
    service = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
               "metadata": {"name": "is", "namespace": PROD},
               "spec": {"predictor": {"labels": joining("beta"),
                                      "model": {"modelFormat": {"name": "sklearn"}, "storageUri": f"oci://{MODEL}"}}}}
    site.apply(service)
    kserve = site.cluster.user(KSERVE, ["system:masters"])
    owner = {"apiVersion": service["apiVersion"], "kind": service["kind"], "name": "is", "controller": True,
             "uid": get(site, "inferenceservice", "is")["metadata"]["uid"]}

    def made(labels):
        spec = pod_spec()
        spec["containers"][0] |= {"name": "kserve-container", "image": SERVER, "args": ["--model_name=is"]}
        selector = {"app": "isvc.is"}
        return {"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "is-predictor", "namespace": PROD, "ownerReferences": [owner]},
                "spec": {"replicas": 1, "selector": {"matchLabels": selector},
                         "template": {"metadata": {"labels": selector | labels}, "spec": spec}}}

    wait_until(lambda: site.apply(made({}), user=kserve, check=False, dry_run=True).returncode == 0,
               "the webhook to know the InferenceService")
    said = refused(site, made(joining("beta")), user=kserve)
    assert f"[AnswersForAnother] spec.template.metadata.labels['{INSTANCE}']: " in said, said
    site.apply(made({}), user=kserve)
    wait_until(lambda: available(site, "is-predictor"), "what it makes to come up", 60)
    assert judged(site, "is-predictor-", 0) == ["OwnerGoverned"]
    # Nor by a change.
    said = refused(site, made(joining("beta")), user=kserve)
    assert "[AnswersForAnother]" in said, said
    assert not any(name.startswith("is-predictor") for name in behind(site, "beta"))
    site.cluster.run("delete", "deployment", "is-predictor", "-n", PROD)
    site.cluster.run("delete", "inferenceservice", "is", "-n", PROD)


def ending(site, name):
    """Somebody's finalizer keeps it."""
    site.cluster.run("patch", "pod", name, "-n", PROD, "--type=merge", "-p",
                     json.dumps({"metadata": {"finalizers": [HOLD]}}))
    site.cluster.run("delete", "pod", name, "-n", PROD, "--wait=false")
    assert get(site, "pod", name)["metadata"]["deletionTimestamp"]


def label(site, name, labels):
    said = [f"{key}={value}" for key, value in labels.items()]
    return site.cluster.run("label", "--overwrite", "pod", name, "-n", PROD, *said, check=False)


def released(site, name):
    site.cluster.run("patch", "pod", name, "-n", PROD, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    wait_until(lambda: get(site, "pod", name) is None, f"{name} to go", 60)


def test_what_is_being_deleted_joins_no_service_and_still_goes_while_nobody_answers(site):
    site.apply({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", "image": "bank/app:1"}]},
                "metadata": {"name": "plain", "namespace": PROD, "labels": {"app": "plain"}}})
    serves = site.cluster.run("get", "pods", "-n", PROD, "-l", f"{INSTANCE}=live", "-o", "name").stdout.split()[0]
    serves = serves.removeprefix("pod/")
    for name in ("plain", serves):
        ending(site, name)
    for name, labels in (("plain", joining("live")), (serves, {INSTANCE: "beta"})):
        done = label(site, name, labels)
        assert done.returncode != 0 and "guard.countersign.dev" in done.stderr, done
    # One after the other, of which the first says nothing.
    assert label(site, "plain", {INSTANCE: "live"}).returncode == 0
    done = label(site, "plain", {MANAGER: "countersign-operator"})
    assert done.returncode != 0 and "[ShadowDeployment]" in done.stderr, done
    assert label(site, "plain", {"team": "one"}).returncode == 0
    assert "plain" not in behind(site, "live") and serves not in behind(site, "beta")
    site.webhook.stop()
    try:
        assert label(site, "plain", {MANAGER: "countersign-operator"}).returncode != 0
        # What leaves a Service is asked about no more than what goes.
        site.cluster.run("label", "pod", serves, "-n", PROD, f"{INSTANCE}-")
        for name in ("plain", serves):
            released(site, name)
    finally:
        site.start_webhook("--trusted-controller", KSERVE)
