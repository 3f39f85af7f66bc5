"""What serves a model without being a ModelDeployment: refused, warned about or recorded, by the real
API server. CRDs of other stacks are minimal ones of our own writing."""

import copy
import datetime
import itertools
import json
import pathlib
import urllib.request

import pytest
import samples as s
import yaml
from lending import account, give_evidence, govern, named
from samples import DANA, DEV, HOME, IMAGE, PROD, VERA, VICTOR
from world import ROOT, Installation, run, wait_until

LOCKED, ELSEWHERE = "lending-vault", "research"
RELEASE = ("robin", ["release-robots"])
CASES = yaml.safe_load((ROOT / "tests/unit/serving/testdata/objects.yaml").read_text())["cases"]
MODEL = f"registry.example/scorer@{s.digest('live')}"
OTHER = f"registry.example/scorer@{s.digest('other')}"
LINES = yaml.safe_load((ROOT / "tests/unit/serving/examples/command_lines.yaml").read_text())
SIGNS = yaml.safe_load((ROOT / "tests/unit/serving/examples/signs.yaml").read_text())["signs"]
TABLE = yaml.safe_load(
    pathlib.Path(ROOT / "charts/countersign/files/serving-profiles.yaml").read_text()
)

SCALE = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}


def crd(profile):
    """As little as the API server takes."""
    plural, group = profile["resource"], profile["group"]
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced",
                 "names": {"plural": plural, "kind": profile["kind"],
                           "singular": profile["kind"].lower()},
                 "versions": [{"name": version, "served": True, "storage": i == 0,
                               "schema": schema, "subresources": {"scale": SCALE}}
                              for i, version in enumerate(profile["versions"])]},
    }  # fmt: skip


@pytest.fixture(scope="module")
def site():
    site = Installation(workloads=True)
    try:
        site.start_operator("--scan-seconds", "1")
        foreign = [crd(p) for p in TABLE["profiles"] if p.get("group") not in ("", "apps", "batch")]
        foreign.append(crd({"group": "serving.kserve.io", "resource": "servingruntimes",
                            "kind": "ServingRuntime", "versions": ["v1alpha1"]}))  # fmt: skip
        site.apply(*foreign)
        site.cluster.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        for namespace in (LOCKED, ELSEWHERE):
            site.cluster.run("create", "namespace", namespace)
        govern(site)
        locks = s.policy(name="vault")
        locks["spec"]["environments"] = [
            {"name": "vault", "namespaces": [LOCKED], "enforcement": "Deny",
             "locked": {"requesters": [{"kind": "Group", "name": RELEASE[1][0]}]}}]  # fmt: skip
        locks["spec"]["measures"] = []
        site.apply(locks)
        site.cluster.run("create", "clusterrolebinding", "release", "--clusterrole=cluster-admin",
                         f"--group={RELEASE[1][0]}")  # fmt: skip
        site.apply(named(give_evidence(site, "live", "live"), "live"), user=account(site, DANA))
        wait_until(lambda: available(site, "live"), "the approved model to serve", 120)
        yield site
    finally:
        site.close()


def get(site, kind, name, namespace=PROD):
    done = site.cluster.run("get", kind, name, "-n", namespace, "-o", "json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def available(site, name, namespace=PROD):
    found = get(site, "deployment", name, namespace)
    return found and found.get("status", {}).get("availableReplicas", 0) > 0


def put(value, namespace):
    value = copy.deepcopy(value)
    value["metadata"]["namespace"] = namespace
    return value


def workload(name, spec, namespace=PROD, **metadata):
    labels = {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace, **metadata},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels}, "spec": spec}}}  # fmt: skip


def pod_spec(model=MODEL, **container):
    """As the operator makes it."""
    mounts = [{"name": "m", "mountPath": "/models", "readOnly": True}]
    return {"containers": [{"name": "server", "image": IMAGE, "volumeMounts": mounts, **container}],
            "volumes": [{"name": "m", "image": {"reference": model}}]}  # fmt: skip


def refused(site, *objects, user=None, **more):
    done = site.apply(*objects, user=user, check=False, **more)
    assert done.returncode != 0, f"was let through: {done.stdout}"
    assert "guard.countersign.dev" in done.stderr, done.stderr
    return done.stderr


def test_what_the_operator_serves_comes_up_through_the_guard(site):
    pods = json.loads(site.cluster.run("get", "pods", "-n", PROD, "-o", "json").stdout)["items"]
    assert pods and all(p["spec"]["volumes"][0].get("image") for p in pods)
    reasons = [r["reasons"] for r in site.webhook.records
               if r["object"]["kind"] == "Pod" and r["allowed"]]  # fmt: skip
    assert ["OwnerGoverned"] in reasons


@pytest.mark.parametrize("case", [c for c in CASES if c.get("core") and c["serves"]],
                         ids=lambda c: c["name"])  # fmt: skip
def test_built_in_kinds_that_serve_are_refused(site, case):
    said = refused(site, put(case["object"], PROD), dry_run=True)
    assert "[ShadowDeployment]" in said and "kubectl countersign release" in said


@pytest.mark.parametrize("case", [c for c in CASES if c.get("plain")], ids=lambda c: c["name"])
def test_ordinary_workloads_never_reach_the_webhook(site, case):
    before = len(site.webhook.records)
    site.apply(put(case["object"], PROD), dry_run=True)
    names = [r["object"]["name"] for r in site.webhook.records[before:]]
    assert case["object"]["metadata"]["name"] not in names


def asked_about(site, objects):
    """Names of those that the API server asked us about, each created as a dry run."""
    before = len(site.webhook.records)
    site.apply(*objects, check=False, dry_run=True)
    return {r["object"]["name"] for r in site.webhook.records[before:]}


def test_whatever_is_recognised_in_a_command_line_is_asked_about(site):
    """The filter in the API server reads quotes and lines that go on as the recogniser does."""
    lines = [*LINES["serves"], *LINES["does_not_serve"]]
    objects = [
        workload(f"line-{i}", {"containers": [
            {"name": "c", "image": "bank/app:1", "command": ["sh", "-c", line]}]})
        for i, line in enumerate(lines)
    ]  # fmt: skip
    asked = asked_about(site, objects)
    assert [line for i, line in enumerate(LINES["serves"]) if f"line-{i}" not in asked] == []
    (judged,) = {r["reasons"][0] for r in site.webhook.records
                 if r["object"]["name"] == "line-0"}  # fmt: skip
    assert judged == "ShadowDeployment"


def test_every_sign_of_the_table_is_asked_about(site):
    signs = [one for one in SIGNS if one.get("certainty") != "Ignore"]
    objects = []
    for i, sign in enumerate(signs):
        container = {"name": "c", "image": "bank/app:1", **sign.get("container", {})}
        one = workload(f"sign-{i}", {"containers": [container], **sign.get("spec", {})})
        if "annotations" in sign.get("metadata", {}):
            # Of Deployments an admission policy refuses the annotations that the operator writes.
            one["kind"] = "DaemonSet"
            del one["spec"]["replicas"]
        objects.append(s.merged(one, {"spec": {"template": {"metadata": sign.get("metadata", {})}}}))
    asked = asked_about(site, objects)
    assert [sign["sign"] for i, sign in enumerate(signs) if f"sign-{i}" not in asked] == []


@pytest.mark.parametrize(
    "case", [c for c in CASES if c["serves"] and not c.get("core")
             and c["object"]["apiVersion"] not in ("v1", "serving.kserve.io/v2")],
    ids=lambda c: c["name"])  # fmt: skip
def test_kinds_of_other_stacks_that_serve_are_refused(site, case):
    assert "[ShadowDeployment]" in refused(site, put(case["object"], PROD), dry_run=True)


def test_what_changes_nothing_of_what_serves_never_reaches_the_webhook(site):
    site.apply(workload("tended", pod_spec(OTHER), DEV))
    wait_until(lambda: available(site, "tended", DEV), "its Pods", 60)

    def asked():
        """Why of each question; a patch that meets another write is asked about again."""
        marker = f"marker-{len(site.webhook.records)}"
        site.apply(workload(marker, pod_spec(OTHER), DEV))
        wait_until(lambda: any(r["object"]["name"] == marker for r in site.webhook.records),
                   "the last record")  # fmt: skip
        reasons = [r["reasons"][0] for r in site.webhook.records
                   if r["object"]["name"] == "tended" and r["object"]["kind"] == "Deployment"]  # fmt: skip
        return [reason for reason, _ in itertools.groupby(reasons)]

    at, kubectl = ["deployment", "tended", "-n", DEV], site.cluster.run
    kubectl("label", *at, "team=one")
    kubectl("annotate", *at, "note=two")
    kubectl("scale", *at, "--replicas=2")
    kubectl("patch", *at, "--type=merge", "-p", '{"spec": {"strategy": null, "replicas": 1}}')
    assert asked() == ["ShadowDeployment"], "its creation, and nothing that controllers wrote"
    kubectl("label", *at, "llm-d.ai/role=decode")
    assert asked() == ["ShadowDeployment", "ServingUnchanged"]
    kubectl("set", "env", "deployment/tended", "-n", DEV, "A=b")
    kubectl("label", *at, "llm-d.ai/role-")
    assert asked() == ["ShadowDeployment", "ServingUnchanged", "ShadowDeployment"]


LONG_KEYS = {("a" * 60 + ".") * 4 + f"x/{'n' * 50}{i:03}": "v" * 63 for i in range(120)}
LONG_RESOURCES = {f"{'a' * 40}{i:04}.example/{'r' * 59}{i:04}": "1" for i in range(1000)}
LONG_IMAGE = "registry.some-long-company-domain.example.com/platform/team/service@sha256:" + "a" * 64


@pytest.mark.parametrize("container, says", [
    ({"args": ["x" * 1000] * 100}, ""),
    ({"args": ["x"] * 20000}, ""),
    ({"env": [{"name": f"A_{i}", "value": "x" * 50} for i in range(4000)]}, ""),
    ({"args": ["x" * 1000] * 48, "env": [{"name": f"ANY_NAME_{i:04}", "value": "x" * 46}
                                         for i in range(1024)]}, ""),
    ({"env": [{"name": "A" * 200 + str(i), "value": "x"} for i in range(1000)]}, ""),
    ({"keys": LONG_KEYS, "count": 20, "image": LONG_IMAGE, "args": ["x" * 1000] * 2,
      "env": [{"name": f"THE_LONG_NAME_OF_A_VARIABLE_OF_SOME_SERVICE_{i:04}", "value": "x" * 40}
              for i in range(50)]}, ""),
    ({"args": ["x"] * 300000}, "longer than the 262144 bytes that are looked through"),
    ({"resources": {"limits": LONG_RESOURCES, "requests": LONG_RESOURCES}}, ""),
    ({"volumes": [{"name": f"v{i}", "hostPath": {"path": "/x" * 400}} for i in range(2000)]}, ""),
    ({"volumes": [{"name": f"v{i}"} for i in range(20000)]}, ""),
    ({"resources": {"limits": {**LONG_RESOURCES, "nvidia.com/gpu": "1"}}}, "[ShadowDeployment]"),
    ({"args": ["x" * 1000] * 600}, "longer than the 262144 bytes that are looked through"),
    ({"args": ["x" * 1000] * 100 + ["--served-model-name=a"]}, "[ShadowDeployment]"),
    ({"env": [{"name": f"A_{i}", "value": "x"} for i in range(4000)]
             + [{"name": "STORAGE_URI", "value": "s3://m"}]}, "[ShadowDeployment]"),
], ids=["arguments", "many arguments", "variables", "all at once", "long names", "long keys and images", "very many arguments", "resources", "folders", "volumes",
        "a sign among resources", "too many arguments", "a sign among arguments",
        "a sign among variables"])  # fmt: skip
def test_what_is_long_is_judged_and_not_refused_for_its_length(site, container, says):
    """An expression that costs the API server too much ends the request without a reason of ours."""
    keys, volumes = container.pop("keys", {}), container.pop("volumes", [])
    count = container.pop("count", 1)
    containers = [{"name": f"c{i}", "image": "nginx:1", **container} for i in range(count)]
    long = workload("long", {"containers": containers, "volumes": volumes})
    for metadata in (long["metadata"], long["spec"]["template"]["metadata"]):
        for of in ("labels", "annotations"):
            metadata[of] = {**metadata.get(of, {}), **keys}
    # Which says more of what it makes than other kinds do.
    template = copy.deepcopy(long["spec"]["template"])
    template["spec"]["restartPolicy"] = "Never"
    metadata = {key: long["metadata"][key] for key in ("labels", "annotations")}
    cron = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": long["metadata"],
            "spec": {"schedule": "1 1 1 1 1", "jobTemplate": {
                "metadata": metadata, "spec": {"template": template}}}}  # fmt: skip
    if says:
        assert says in refused(site, long, dry_run=True)
    else:
        site.apply(long, cron, dry_run=True)


def test_a_refusal_says_what_was_found_where_and_is_recorded(site):
    said = refused(site, workload("shadow", {"containers": [
        {"name": "c", "image": "vllm/vllm-openai:v0.9", "args": ["--model", "org/m"]}]}))  # fmt: skip
    assert "image '*vllm/vllm*': 'vllm/vllm-openai:v0.9' at " in said
    assert "[ModelNotPinned]" in said and "environment 'prod'" in said
    (record,) = [r for r in site.webhook.records if r["object"]["name"] == "shadow"]
    assert record["reasons"][0] == "ShadowDeployment" and not record["allowed"]
    assert record["decisionId"] in said
    annotation = "guard.countersign.dev/decision-id"
    assert any(e["annotations"].get(annotation) == record["decisionId"]
               for e in site.cluster.audit_events() if "annotations" in e)  # fmt: skip
    assert 'countersign_admission_reasons_total{allowed="false",dry_run="false",reason="ShadowDeployment"}' in site.metrics()  # fmt: skip


@pytest.mark.parametrize("namespace", [DEV, ELSEWHERE])
def test_where_nothing_is_enforced_it_warns(site, namespace):
    done = site.apply(workload("shadow", pod_spec(OTHER), namespace))
    assert "Warning: [ShadowDeployment]" in done.stderr


def test_an_approved_deployment_covers_its_model_with_its_containers_alone(site):
    site.apply(workload("covered", pod_spec()))
    wait_until(lambda: available(site, "covered"), "its Pods to be let in", 60)
    for name, spec in (
        ("model", pod_spec(OTHER)),
        ("tag", pod_spec("registry.example/scorer:1.0")),
        ("command", pod_spec(command=["sh", "-c", "serve something else"])),
        ("environment", pod_spec(envFrom=[{"configMapRef": {"name": "c"}}])),
        ("init", {**pod_spec(), "initContainers": [{"name": "i", "image": "busybox:1"}]}),
        ("claim", s.merged(pod_spec(), {"volumes": [
            {"name": "m", "image": {"reference": MODEL}},
            {"name": "w", "persistentVolumeClaim": {"claimName": "w"}}]})),
    ):  # fmt: skip
        refused(site, workload(name, spec))


def kept(names):
    def change(spec):
        spec["containers"] = [c for c in spec["containers"] if c["name"] in names]

    return change


def emptied(spec):
    for volume in spec["volumes"]:
        if volume.pop("image", None):
            volume["emptyDir"] = {}


def beside(spec):
    spec["containers"].append(spec.pop("initContainers")[0])


TOOLS = "registry.example/tools@sha256:" + "d" * 64


def test_what_was_approved_is_covered_whole_and_not_a_part_of_it(site):
    template = {"spec": {"initContainers": [{"name": "verify", "image": TOOLS}],
                         "containers": [{"name": "server", "image": IMAGE,
                                         "command": ["vllm", "serve", "/models"]},
                                        {"name": "guardrail", "image": TOOLS,
                                         "args": ["--block-pii"]}]}}  # fmt: skip
    whole = s.deployment(case="whole", model="whole", patch={"serving": {"template": template}})
    site.apply(named(give_evidence(site, "whole", "whole", whole), "whole"),
               user=account(site, DANA))  # fmt: skip
    wait_until(lambda: available(site, "whole"), "it to serve", 120)
    made = get(site, "deployment", "whole")["spec"]["template"]["spec"]

    def copy_of(change, kind="Deployment"):
        spec = copy.deepcopy(made)
        change(spec)
        if kind == "Pod":
            return {"apiVersion": "v1", "kind": "Pod", "spec": spec,
                    "metadata": {"name": "copy", "namespace": PROD}}  # fmt: skip
        return workload("copy", spec) | {"kind": kind}

    for kind in ("Deployment", "ReplicaSet", "Pod"):
        site.apply(copy_of(lambda spec: None, kind), dry_run=True)
    moved = {"nodeSelector": {"disk": "ssd"}, "priorityClassName": "", "tolerations": []}
    site.apply(copy_of(lambda spec: spec.update(moved)), dry_run=True)
    for change, reason, where in (
        (kept(["server"]), "ContainerLeftOut", "containers"),
        (lambda spec: spec.pop("initContainers"), "ContainerLeftOut", "initContainers"),
        (beside, "ContainerLeftOut", "initContainers"),
        (emptied, "NotAsApproved", "containers[0].volumeMounts"),
        (lambda spec: spec.update(hostNetwork=True), "NotAsApproved", "hostNetwork"),
        (lambda spec: spec.update(hostAliases=[{"ip": "192.0.2.9", "hostnames": ["hub.example"]}]),
         "NotAsApproved", "hostAliases"),
        (lambda spec: spec.update(serviceAccountName="other"),
         "NotAsApproved", "serviceAccountName"),
        (lambda spec: spec["containers"][0].update(securityContext={"privileged": True}),
         "NotAsApproved", "containers[0].securityContext"),
    ):  # fmt: skip
        for kind, root in (("Deployment", "spec.template.spec"), ("Pod", "spec")):
            changed = copy_of(change, kind)
            if kind == "Pod" and where == "serviceAccountName":
                continue  # The API server wants one that is there.
            said = refused(site, changed, dry_run=True)
            assert f"[{reason}] {root}.{where}: " in said, said
    # Behind the Service that the operator made.
    joins = copy_of(lambda spec: (kept(["server"])(spec), emptied(spec)), "Pod")
    joins["metadata"]["labels"] = {"app.kubernetes.io/instance": "whole"}
    refused(site, joins, dry_run=True)
    # As it is approved it goes behind no Service of the operator's, its own neither.
    ours = {"app.kubernetes.io/managed-by": "countersign-operator", "app.kubernetes.io/instance": "whole"}
    own = copy_of(lambda spec: None, "Pod")
    site.apply(own, dry_run=True)
    for one in ("whole", "live"):
        own["metadata"]["labels"] = ours | {"app.kubernetes.io/instance": one}
        said = refused(site, own, dry_run=True)
        assert "[AnswersForAnother] metadata.labels['app.kubernetes.io/instance']: " in said, said
    made_pod = site.cluster.run("get", "pods", "-n", PROD, "-o", "name", "-l",
                                "app.kubernetes.io/instance=whole").stdout.split()[0]  # fmt: skip
    label = ("label", made_pod, "-n", PROD, "--overwrite", "--dry-run=server")
    done = site.cluster.run(*label, "app.kubernetes.io/instance=live", check=False)
    assert done.returncode != 0 and "[AnswersForAnother]" in done.stderr, done
    site.cluster.run(*label, "app.kubernetes.io/instance-")
    # What was made of it comes up again.
    since = len(site.webhook.records)
    site.cluster.run("delete", "pods", "-n", PROD, "-l", "app.kubernetes.io/instance=whole",
                     "--force", "--grace-period=0")  # fmt: skip
    wait_until(lambda: judged(site, "whole-", since) == ["OwnerGoverned"], "its new Pods", 60)
    site.cluster.run("delete", "mdeploy", "whole", "-n", PROD)


def test_what_a_stateful_set_claims_for_its_pods_nobody_approved(site):
    plain = workload("claims", pod_spec(volumeMounts=[{"name": "w", "mountPath": "/models"}]))
    plain |= {"kind": "StatefulSet"}
    plain["spec"] |= {"serviceName": "claims", "volumeClaimTemplates": [
        {"metadata": {"name": "w"}, "spec": {"accessModes": ["ReadWriteOnce"],
                                             "resources": {"requests": {"storage": "1Gi"}}}}]}  # fmt: skip
    said = refused(site, plain)
    assert "[VolumeNotApproved]" in said and "volume 'w' of volumeClaimTemplates" in said
    del plain["spec"]["volumeClaimTemplates"]
    plain["spec"]["template"]["spec"] = pod_spec()
    site.apply(plain)


def assert_whole(stderr):
    """What the API server passes on of each warning is all of it."""
    told = [line.removeprefix("Warning: ") for line in stderr.splitlines() if line.startswith("Warning: ")]
    assert told and all(len(line.encode()) <= 250 and not line.endswith("...") for line in told), told


def test_covered_where_it_is_approved_and_nowhere_else(site):
    done = site.apply(workload("elsewhere", pod_spec(), DEV))
    assert "Warning: [ShadowDeployment]" in done.stderr
    assert_whole(done.stderr)
    assert f"kubectl countersign release -n {DEV}; kubectl countersign explain" in done.stderr


def test_another_stack_may_serve_an_approved_model_by_its_digest(site):
    service = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
               "metadata": {"name": "kserve", "namespace": PROD},
               "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"},
                                                "storageUri": f"oci://{MODEL}"}}}}  # fmt: skip
    site.apply(service)
    to_other = {"spec": {"predictor": {"model": {"storageUri": f"oci://{OTHER}"}}}}
    done = site.cluster.run("patch", "inferenceservices.serving.kserve.io",
                            "kserve", "-n", PROD, "--type=merge", "-p", json.dumps(to_other),
                            check=False)  # fmt: skip
    assert done.returncode != 0 and "[ModelNotApproved]" in done.stderr
    service["metadata"]["name"] = "kserve-more"
    for more, reason in (
        ({"model": {"args": ["--model_dir=/other"]}}, "ContainerNotApproved"),
        ({"sklearn": {"env": [{"name": "PYTHONPATH", "value": "/w"}]}}, "ContainerNotApproved"),
        ({"volumes": [{"name": "w", "persistentVolumeClaim": {"claimName": "w"}}]},
         "VolumeNotApproved"),
    ):  # fmt: skip
        said = refused(site, s.merged(service, {"spec": {"predictor": more}}), dry_run=True)
        assert f"[{reason}]" in said
    replicas = {"spec": {"predictor": {"minReplicas": 3, "labels": {"env": "prod"}}}}
    site.apply(s.merged(service, replicas), dry_run=True)


def test_owner_references_that_the_requester_writes_prove_nothing(site):
    mdeploy = get(site, "mdeploy", "live")
    child = get(site, "deployment", "live")
    replicas = json.loads(site.cluster.run(
        "get", "replicasets", "-n", PROD, "-l", "app.kubernetes.io/instance=live", "-o",
        "json").stdout)["items"][0]  # fmt: skip
    for kind, version, owner in (
        ("ModelDeployment", s.API, mdeploy),
        ("Deployment", "apps/v1", child),
        ("ReplicaSet", "apps/v1", replicas),
    ):
        reference = {"apiVersion": version, "kind": kind, "name": owner["metadata"]["name"],
                     "uid": owner["metadata"]["uid"], "controller": True}  # fmt: skip
        forged = workload("forged", pod_spec(OTHER), ownerReferences=[reference],
                          labels=child["metadata"]["labels"])  # fmt: skip
        if kind == "ModelDeployment":
            assert "countersign-owners" in site.apply(forged, check=False).stderr
        else:
            refused(site, forged)
        pod = {"apiVersion": "v1", "kind": "Pod",
               "metadata": {"generateName": "forged-", "namespace": PROD,
                            "ownerReferences": [reference]},
               "spec": pod_spec(OTHER)}  # fmt: skip
        assert "forged-" in refused(site, pod)


def shadow_spec():
    """Names no model that could be looked up."""
    return {"containers": [{"name": "server", "image": "vllm/vllm-openai:v0.9",
                            "args": ["--model", "/data/other"],
                            "volumeMounts": [{"name": "d", "mountPath": "/data"}]}],
            "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "other"}}]}  # fmt: skip


def stateful(name, spec, **more):
    made = workload(name, spec)
    made["kind"] = "StatefulSet"
    made["spec"] |= {"serviceName": name, **more}
    return made


def judged(site, name, since):
    """The reasons of the last decision about a Pod whose name begins so."""
    found = [r["reasons"] for r in site.webhook.records[since:] if r["object"]["kind"] == "Pod"
             and (r["object"]["name"] or "").startswith(name)]  # fmt: skip
    return found[-1] if found else []


def made_anew(site, name):
    since = len(site.webhook.records)
    site.cluster.run("delete", "pods", "-n", PROD, "-l", f"app={name}", "--force",
                     "--grace-period=0")  # fmt: skip
    wait_until(lambda: judged(site, name, since), f"a Pod of {name} to be judged", 60)
    return judged(site, name, since)


def test_a_pod_of_ones_own_becomes_no_jobs_by_naming_an_owner(site):
    """Its owner is written by whoever may change its metadata, and what it serves comes after."""
    kubectl = site.cluster.run
    kubectl("create", "job", "own", "-n", PROD, "--image=bank/train:1")
    job = get(site, "job", "own")
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "own",
             "uid": job["metadata"]["uid"], "controller": True}  # fmt: skip
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "by-hand", "namespace": PROD},
           "spec": {"restartPolicy": "Never", "containers": [
               {"name": "c", "image": "bank/x:1", "command": ["sleep", "inf"]}]}}  # fmt: skip
    added = {"name": "d", "image": "bank/x:1", "command": [
        "python", "srv.py", "--model-id", "org/m", "hf://org/m"]}  # fmt: skip
    enter = ["patch", "pod", "by-hand", "-n", PROD, "--subresource=ephemeralcontainers",
             "--type=strategic", "-p", json.dumps({"spec": {"ephemeralContainers": [added]}})]  # fmt: skip
    site.apply(pod)
    done = kubectl(*enter, check=False)
    assert done.returncode != 0 and "[ShadowDeployment]" in done.stderr
    kubectl("patch", "pod", "by-hand", "-n", PROD, "--type=merge", "-p",
            json.dumps({"metadata": {"ownerReferences": [owner]}}))  # fmt: skip
    done = kubectl(*enter, check=False)
    assert done.returncode != 0 and "[ShadowDeployment]" in done.stderr
    kubectl("delete", "job", "own", "-n", PROD)


def hooked(spec):
    spec["containers"][0]["lifecycle"] = {
        "postStart": {"exec": {"command": ["sh", "-c", "vllm serve other/model &"]}}}  # fmt: skip


@pytest.mark.parametrize("change", [lambda spec: spec.update(shadow_spec()), hooked],
                         ids=["containers", "a hook"])  # fmt: skip
def test_a_revision_that_somebody_wrote_makes_no_other_pods(site, change):
    kubectl = site.cluster.run
    site.apply(stateful("parted", pod_spec(), updateStrategy={
        "type": "RollingUpdate", "rollingUpdate": {"partition": 1}}))  # fmt: skip
    wait_until(lambda: get(site, "pod", "parted-0"), "its Pod", 60)
    assert made_anew(site, "parted") == ["OwnerGoverned"]
    kubectl("patch", "statefulset", "parted", "-n", PROD, "--type=merge", "-p",
            '{"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}}')  # fmt: skip

    def status():
        return get(site, "statefulset", "parted")["status"]

    wait_until(lambda: status()["currentRevision"] != status()["updateRevision"], "two revisions")
    revision = get(site, "controllerrevision", status()["currentRevision"])
    change(revision["data"]["spec"]["template"]["spec"])
    for key in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        revision["metadata"].pop(key, None)
    kubectl("delete", "controllerrevision", revision["metadata"]["name"], "-n", PROD)
    site.apply(revision)
    try:
        reasons = made_anew(site, "parted")
        assert reasons[:2] == ["ShadowDeployment", "OwnerDoesNotRun"]
    finally:
        kubectl("delete", "statefulset", "parted", "-n", PROD)


def test_what_is_left_from_a_milder_time_is_not_taken_for_its_owners(site):
    """A shadow StatefulSet that says the operator's Deployment owns it; and a shadow Deployment whose
    template is what is approved by now, while its ReplicaSet is not."""
    kubectl = site.cluster.run

    def mode(value):
        policy = json.loads(kubectl("get", "govpol", "lending", "-o", "json").stdout)
        environments = policy["spec"]["environments"]
        for environment in environments:
            if environment["name"] == "prod":
                environment["guard"] = {"mode": value}
        patch = json.dumps({"spec": {"environments": environments}})
        kubectl("patch", "govpol", "lending", "--type=merge", "-p", patch)

        def refuses():
            done = site.apply(workload("probe", shadow_spec()), dry_run=True, check=False)
            return done.returncode != 0

        wait_until(lambda: refuses() == (value == "Deny"), f"the guard to {value}", 60)

    mode("Warn")
    try:
        site.apply(stateful("left", shadow_spec()), workload("paused", shadow_spec()))
        wait_until(lambda: get(site, "pod", "left-0"), "its Pod", 60)
        wait_until(lambda: (get(site, "deployment", "paused").get("status") or {}).get("replicas"),
                   "its Pods", 60)  # fmt: skip
    finally:
        mode("Deny")
    child = get(site, "deployment", "live")
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "live",
             "uid": child["metadata"]["uid"], "controller": True}  # fmt: skip
    kubectl("patch", "statefulset", "left", "-n", PROD, "--type=merge", "-p",
            json.dumps({"metadata": {"ownerReferences": [owner]}}))  # fmt: skip
    kubectl("patch", "deployment", "paused", "-n", PROD, "--type=merge", "-p",
            '{"spec": {"paused": true}}')  # fmt: skip
    covered = [{"op": "replace", "path": f"/spec/template/spec/{key}", "value": value}
               for key, value in pod_spec().items()]  # fmt: skip
    kubectl("patch", "deployment", "paused", "-n", PROD, "--type=json", "-p", json.dumps(covered))
    try:
        for name in ("left", "paused"):
            reasons = made_anew(site, name)
            assert reasons[:2] == ["ShadowDeployment", "OwnerDoesNotRun"], name
    finally:
        kubectl("delete", "deployment/paused", "statefulset/left", "-n", PROD)


def test_what_the_leader_of_a_group_owns_comes_up(site):
    """As a LeaderWorkerSet's controller makes the workers: they belong to the leader's Pod."""
    trusted = site.cluster.user("system:serviceaccount:kube-system:statefulset-controller",
                                ["system:masters"])  # fmt: skip

    def owned_by(kind, of, made):
        made["metadata"]["ownerReferences"] = [
            {"apiVersion": of["apiVersion"], "kind": kind, "name": of["metadata"]["name"],
             "uid": of["metadata"]["uid"], "controller": True}]  # fmt: skip
        return made

    def leader(name, group=None, **labels):
        made = stateful(name, pod_spec())
        made["spec"]["template"]["metadata"]["labels"] |= labels
        site.apply(owned_by("LeaderWorkerSet", group, made) if group else made)
        return wait_until(lambda: get(site, "pod", f"{name}-0"), "the leader", 60)

    def workers(pod, spec=None, **container):
        variable = [{"name": "LWS_GROUP_SIZE", "value": "2"}]
        spec = spec or pod_spec(env=variable, **container)
        return owned_by("Pod", pod | {"apiVersion": "v1"}, stateful(pod["metadata"]["name"], spec))

    index = {"leaderworkerset.sigs.k8s.io/worker-index": "0"}
    site.apply({"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet",
                "metadata": {"name": "group", "namespace": PROD},
                "spec": {"leaderWorkerTemplate": {"size": 2, "workerTemplate": {"spec": pod_spec()}}}})  # fmt: skip
    led = leader("group", get(site, "leaderworkersets", "group"), **index)
    assert "[ContainerNotApproved]" in refused(site, workers(led))
    site.apply(workers(led), user=trusted)
    site.cluster.run("delete", "statefulset", led["metadata"]["name"], "-n", PROD)
    # Weights over the approved model, which the group does not mount.
    mounting = pod_spec(env=[{"name": "A", "value": "b"}])
    mounting["volumes"].append({"name": "w", "persistentVolumeClaim": {"claimName": "other"}})
    mounting["containers"][0]["volumeMounts"].append({"name": "w", "mountPath": "/models/x"})
    assert "[OwnerDoesNotMount]" in refused(site, workers(led, mounting), user=trusted)
    # An approved Pod that no group has, whatever its label says.
    alone = leader("alone", **index)
    said = wait_until(lambda: without("[OwnerUnknown]", refused(site, workers(alone), user=trusted)),
                      "the Pod to be known", 30)  # fmt: skip
    assert "leads no group" in said
    assert "[OwnerUnknown]" in refused(site, workers(leader("unmarked")), user=trusted)
    for name in ("group", "alone", "unmarked"):
        site.cluster.run("delete", "statefulset", name, "-n", PROD)
    site.cluster.run("delete", "leaderworkersets", "group", "-n", PROD)


def without(reason, said):
    return None if reason in said else said


def test_only_the_operator_says_that_a_model_deployment_owns_a_workload(site):
    mdeploy = get(site, "mdeploy", "live")
    owner = {"apiVersion": s.API, "kind": "ModelDeployment", "name": "live",
             "uid": mdeploy["metadata"]["uid"], "controller": True}  # fmt: skip
    plain = workload("owned", {"containers": [{"name": "c", "image": "bank/web:1"}]})
    site.apply(plain)
    patch = json.dumps({"metadata": {"ownerReferences": [owner]}})
    at = ["deployment", "owned", "-n", PROD]
    for more in ([], ["--subresource=status"]):
        done = site.cluster.run("patch", *at, *more, "--type=merge", "-p", patch, check=False)
        assert done.returncode != 0 and "only the operator may say" in done.stderr
    other = json.dumps({"metadata": {"ownerReferences": [
        owner | {"apiVersion": "other.example/v1"}]}})  # fmt: skip
    site.cluster.run("patch", *at, "--type=merge", "-p", other)
    done = site.cluster.run("patch", *at, "--type=merge", "-p", patch, check=False)
    assert done.returncode != 0 and "only the operator may say" in done.stderr
    site.cluster.run("delete", *at)
    # What it said before may be said again.
    site.cluster.run("annotate", "deployment", "live", "-n", PROD, "team=one")


@pytest.mark.parametrize("digest", [s.digest("another"), None])
def test_only_the_operator_says_which_spec_a_child_was_made_from(site, digest):
    annotations = {"annotations": {"countersign.dev/governed-digest": digest}}
    patch = json.dumps({"spec": {"template": {"metadata": annotations}}})
    made = site.cluster.run("get", "replicasets", "-n", PROD, "-o", "name", "-l",
                            "app.kubernetes.io/instance=live").stdout.split()  # fmt: skip
    for one in ("deployment.apps/live", made[0]):
        done = site.cluster.run("patch", one, "-n", PROD, "--type=merge", "-p", patch,
                                check=False)  # fmt: skip
        assert done.returncode != 0 and "change the ModelDeployment" in done.stderr


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet"])
def test_only_the_operator_says_of_a_new_one_which_spec_it_was_made_from(site, kind):
    """Such a ReplicaSet the controller of the child would take over, as an earlier revision."""
    claims = workload("claims", {"containers": [{"name": "c", "image": "bank/web:1"}]}) | {"kind": kind}
    for name in ("governed-digest", "model-digest"):
        said = s.merged(claims, {"spec": {"template": {"metadata": {"annotations": {
            f"countersign.dev/{name}": s.digest("another")}}}}})  # fmt: skip
        done = site.apply(said, check=False)
        assert done.returncode != 0 and "change the ModelDeployment" in done.stderr
    site.apply(claims)
    patch = json.dumps({"spec": {"template": {"metadata": {"annotations": {
        "countersign.dev/governed-digest": s.digest("another")}}}}})  # fmt: skip
    at = [f"{kind.lower()}/claims", "-n", PROD]
    done = site.cluster.run("patch", *at, "--type=merge", "-p", patch, check=False)
    assert done.returncode != 0 and "change the ModelDeployment" in done.stderr
    site.cluster.run("patch", *at, "--type=merge", "-p", '{"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}}')
    site.cluster.run("delete", *at)


def test_nobody_takes_a_child_from_the_operator_to_say_which_spec_it_was_made_from(site):
    free = json.dumps({"metadata": {"ownerReferences": None}})
    patch = json.dumps({"spec": {"template": {"metadata": {"annotations": {
        "countersign.dev/governed-digest": s.digest("another")}}}}})  # fmt: skip
    site.cluster.run("patch", "deployment", "live", "-n", PROD, "--type=merge", "-p", free)
    done = site.cluster.run("patch", "deployment", "live", "-n", PROD, "--type=merge", "-p", patch, check=False)
    assert done.returncode != 0 and "change the ModelDeployment" in done.stderr
    wait_until(lambda: get(site, "deployment", "live")["metadata"].get("ownerReferences"), "its owner to be back")


def test_our_children_are_not_made_to_serve_another_image(site):
    done = site.cluster.run("set", "image", "deployment/live", "-n", PROD,
                            "server=ollama/ollama:0.9", check=False)  # fmt: skip
    assert done.returncode != 0 and "guard.countersign.dev" in done.stderr
    pod = json.loads(site.cluster.run(
        "get", "pods", "-n", PROD, "-l", "app.kubernetes.io/instance=live", "-o",
        "json").stdout)["items"][0]["metadata"]["name"]  # fmt: skip
    debug = {"spec": {"ephemeralContainers": [{"name": "d", "image": "ollama/ollama:0.9"}]}}
    done = site.cluster.run("patch", "pod", pod, "-n", PROD, "--subresource=ephemeralcontainers",
                            "--type=strategic", "-p", json.dumps(debug), check=False)  # fmt: skip
    assert done.returncode != 0 and "guard.countersign.dev" in done.stderr


def test_what_was_there_before_goes_on_and_goes_away(site):
    """What an environment's stricter policy would refuse now: changed in nothing that serves."""
    site.apply(workload("before", pod_spec(OTHER), ELSEWHERE, finalizers=["example.com/hold"]))
    stricter = s.policy(name="strict")
    stricter["spec"]["environments"] = [
        {"name": "research", "namespaces": [ELSEWHERE], "enforcement": "Audit",
         "guard": {"mode": "Deny"}}]  # fmt: skip
    stricter["spec"]["measures"] = []
    site.apply(stricter)
    kubectl = site.cluster.run
    at = ["deployment", "before", "-n", ELSEWHERE]
    wait_until(
        lambda: kubectl("set", "image", "deployment/before", "-n", ELSEWHERE,
                        "server=ollama/ollama:1", "--dry-run=server", check=False).returncode != 0,
        "the policy to be known")  # fmt: skip
    kubectl("label", *at, "team=one")
    kubectl("scale", *at, "--replicas=3")
    wait_until(lambda: "controllers.guard.countersign.dev" in kubectl(
        "get", "events", "-n", ELSEWHERE, "-o", "yaml").stdout, "its new Pods to be refused", 60)  # fmt: skip
    kubectl("patch", *at, "--subresource=status", "--type=merge", "-p",
            '{"status": {"observedGeneration": 1}}')  # fmt: skip
    kubectl("delete", *at, "--wait=false")
    kubectl("patch", *at, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    wait_until(lambda: get(site, *at[:2], ELSEWHERE) is None, "it to go")
    site.cluster.run("delete", "govpol", "strict")


def test_a_waiver_that_others_signed_excepts_one_model(site):
    pilot = "lending-pilot"
    rules = {"environments": [{"name": "pilot", "namespaces": [pilot], "enforcement": "Deny"}],
             "measures": [],
             "waivers": {"signOff": {"role": "model-validator", "count": 1,
                                     "assurance": "Requester"}, "maxDuration": "30d",
                         "emergency": {"role": "model-validator", "maxDuration": "8h"}}}  # fmt: skip
    site.cluster.run("create", "namespace", pilot)
    site.apply(s.policy(rules, name="pilot"), s.use_case("pilot", {"deployTo": [pilot]}))
    service = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
               "metadata": {"name": "excepted", "namespace": pilot},
               "spec": {"predictor": {"model": {"storageUri": f"oci://{OTHER}"}}}}  # fmt: skip
    asked = {"policy": "pilot", "environment": "pilot", "measures": ["shadow-deployment"]}
    site.apply(s.waiver("pilot", "other", "pilot", asked), user=account(site, VERA))
    wait_until(lambda: "WaiverNotApproved" in refused(site, service, dry_run=True),
               "the waiver to be known")  # fmt: skip
    run("approve", "--waiver", "pilot", "-n", HOME, "--role", "model-validator", "--rationale",
        "until the bank's own server is there", "--yes", user=account(site, VICTOR))  # fmt: skip
    wait_until(lambda: site.apply(service, check=False, dry_run=True).returncode == 0,
               "its approval to be known")  # fmt: skip
    assert "Warning: [Waived]" in site.apply(service).stderr
    service["metadata"]["name"] = "another"
    service["spec"]["predictor"]["model"]["storageUri"] = f"oci://{MODEL}"
    assert "[ModelNotApproved]" in refused(site, service)

    # In an emergency before anybody signed, and everybody is told that it is one.
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=4)
    night = {**asked, "emergency": True, "expiresAt": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
    site.apply(s.waiver("night", "night", "pilot", night), user=account(site, VERA))
    service["metadata"]["name"] = "night"
    service["spec"]["predictor"]["model"]["storageUri"] = f"oci://registry.example/scorer@{s.digest('night')}"
    wait_until(lambda: site.apply(service, check=False, dry_run=True).returncode == 0,
               "the emergency to be known")  # fmt: skip
    said = site.apply(service).stderr
    assert "Warning: [EmergencyWaived]" in said and "until somebody signs it off" in said
    assert_whole(said)
    assert "Warning: … kubectl countersign approve --waiver night -n lending --role model-validator" in said

    def told():
        done = site.cluster.run("get", "events.events.k8s.io", "-n", pilot, "-o", "json")
        return [e["regarding"]["name"] for e in json.loads(done.stdout)["items"]
                if e["reason"] == "EmergencyOpen"]  # fmt: skip
    wait_until(lambda: told() == ["night"], "the scan to tell of it", 60)


def test_the_system_namespaces_are_exempt_by_name(site):
    for namespace in ("kube-system", "countersign-system"):
        done = site.apply(workload("gpu", pod_spec(OTHER), namespace), dry_run=True)
        assert "Warning" not in done.stderr


def test_a_node_tells_of_what_it_runs_already(site):
    """Refusing its mirror would only hide a static Pod."""
    (found, *_) = json.loads(site.cluster.run("get", "nodes", "-o", "json").stdout)["items"]
    name = found["metadata"]["name"]
    node = site.cluster.user(f"system:node:{name}", ["system:nodes", "system:masters"])
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": found["metadata"]["uid"],
             "controller": True}  # fmt: skip
    pod = {"apiVersion": "v1", "kind": "Pod",
           "metadata": {"name": f"static-{name}", "namespace": PROD, "ownerReferences": [owner],
                        "annotations": {"kubernetes.io/config.mirror": "x"}},
           "spec": {"nodeName": name, "containers": [{"name": "c", "image": "ollama/ollama:0.9"}]}}  # fmt: skip
    done = site.apply(pod, user=node, dry_run=True)
    assert "Warning: [ShadowDeployment]" in done.stderr
    refused(site, pod, dry_run=True)


def test_a_scan_finds_what_admission_let_in_and_names_it_once(site):
    """Each with an Event on the workload, not on its ReplicaSet and Pods; the governed one is none."""
    site.apply(workload("unseen", pod_spec(OTHER), "kube-system"))
    site.apply(workload("warned", pod_spec(OTHER), DEV))
    wait_until(lambda: available(site, "warned", DEV), "its Pods", 60)

    def events():
        done = site.cluster.run("get", "events.events.k8s.io", "-A", "-o", "json")
        return {(e["regarding"]["namespace"], e["regarding"]["kind"], e["regarding"]["name"])
                for e in json.loads(done.stdout)["items"] if e["reason"] == "ShadowDeployment"}  # fmt: skip

    found = {("kube-system", "Deployment", "unseen"), (DEV, "Deployment", "warned")}
    wait_until(lambda: found <= events(), "both to be found", 60)
    assert not any(name.startswith(("warned-", "unseen-")) for _, _, name in events())
    assert not any(namespace == PROD and name.startswith("live") for namespace, _, name in events())
    records = [r for r in site.operator.records if r["operation"] == "Scan"
               and r["object"]["name"] == "unseen"]  # fmt: skip
    assert [r["reasons"] for r in records] == [["ShadowDeployment"]]
    metrics = urllib.request.urlopen(
        f"http://127.0.0.1:{site.operator.field('answering probes', 'port')}/metrics").read().decode()  # fmt: skip
    assert 'countersign_shadow_deployments{mode="Warn"}' in metrics


def locked(done):
    assert done.returncode != 0, f"was let through: {done.stdout}"
    assert "environment 'vault' of policy 'vault' is locked" in done.stderr, done.stderr


def test_a_locked_environment_is_changed_by_its_requesters_alone(site):
    robin = account(site, RELEASE)
    plain = {"containers": [{"name": "c", "image": "nginx:1"}]}
    web = workload("web", plain, LOCKED)
    service = {"apiVersion": "v1", "kind": "Service",
               "metadata": {"name": "web", "namespace": LOCKED},
               "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}  # fmt: skip
    ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
               "metadata": {"name": "web", "namespace": LOCKED},
               "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}}  # fmt: skip
    wait_until(lambda: site.apply(web, check=False, dry_run=True).returncode != 0,
               "the lock to take effect")  # fmt: skip
    for value in (web, service, ingress):
        locked(site.apply(value, check=False))
        site.apply(value, user=robin)
    wait_until(lambda: available(site, "web", LOCKED), "controllers to do their work", 60)
    pod = json.loads(site.cluster.run("get", "pods", "-n", LOCKED, "-o", "json").stdout)["items"][0]
    name = pod["metadata"]["name"]
    kubectl = site.cluster.run
    locked(kubectl("set", "image", "deployment/web", "-n", LOCKED, "c=nginx:2", check=False))
    locked(kubectl("scale", "deployment", "web", "-n", LOCKED, "--replicas=2", check=False))
    locked(kubectl("exec", name, "-n", LOCKED, "--", "true", check=False))
    locked(kubectl("attach", name, "-n", LOCKED, check=False))
    locked(kubectl("port-forward", f"pod/{name}", "-n", LOCKED, ":8000", check=False))
    for target in (f"pods/{name}:8000", "services/web:80"):
        path = f"/api/v1/namespaces/{LOCKED}/{target}/proxy/v1/models"
        locked(kubectl("get", "--raw", path, check=False))
        assert "is locked" not in kubectl("get", "--raw", path, user=robin, check=False).stderr
    runtime = {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "ServingRuntime",
               "metadata": {"name": "own", "namespace": LOCKED}, "spec": {"containers": []}}  # fmt: skip
    locked(site.apply(runtime, check=False))
    site.apply(runtime, user=robin)
    rollout = workload("canary", {"containers": [{"name": "c", "image": "nginx:1"}]}, LOCKED)
    rollout |= {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
    site.apply(rollout, user=robin)
    scaled = json.dumps({"spec": {"replicas": 5}})
    locked(kubectl("patch", "rollouts.argoproj.io", "canary", "-n", LOCKED, "--subresource=scale",
                   "--type=merge", "-p", scaled, check=False))  # fmt: skip
    debug = {"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox:1"}]}}
    locked(kubectl("patch", "pod", name, "-n", LOCKED, "--subresource=ephemeralcontainers",
                   "--type=strategic", "-p", json.dumps(debug), check=False))  # fmt: skip
    kubectl("scale", "deployment", "web", "-n", LOCKED, "--replicas=2", user=robin)
    done = kubectl("exec", name, "-n", LOCKED, "--", "true", user=robin, check=False)
    assert "is locked" not in done.stderr
    kubectl("delete", "deployment", "web", "-n", LOCKED)


def test_what_is_being_deleted_goes_while_the_webhook_is_down(site):
    held = workload("held", pod_spec(), finalizers=["example.com/held"])
    workspace = {"apiVersion": "kaito.sh/v1beta1", "kind": "Workspace",
                 "metadata": {"name": "held", "namespace": ELSEWHERE,
                              "finalizers": ["example.com/held"]},
                 "inference": {"adapters": [{"source": {"image": MODEL}}]}}  # fmt: skip
    site.apply(held, workspace)
    site.cluster.run("delete", "deployment", "held", "-n", PROD, "--wait=false")
    site.cluster.run("delete", "workspaces.kaito.sh", "held", "-n", ELSEWHERE, "--wait=false")
    gone = json.dumps({"metadata": {"finalizers": None}})
    site.webhook.stop()
    try:
        done = site.cluster.run("label", "deployment", "live", "-n", PROD, "llm-d.ai/a=b",
                                check=False)  # fmt: skip
        assert done.returncode != 0 and "failed calling webhook" in done.stderr
        site.cluster.run("patch", "deployment", "held", "-n", PROD, "--type=merge", "-p", gone)
        at = ["workspaces.kaito.sh", "held", "-n", ELSEWHERE, "--type=merge", "-p"]
        other = json.dumps({"inference": {"preset": {"name": "phi-4"}}})
        done = site.cluster.run("patch", *at, other, check=False)
        assert done.returncode != 0 and "failed calling webhook" in done.stderr
        site.cluster.run("patch", *at, gone)
    finally:
        site.start_webhook()
    assert get(site, "deployment", "held") is None


def test_what_is_there_comes_up_again_while_the_webhook_is_down(site):
    """Where the guard warns, or what it let in serves, an outage of ours is not theirs."""
    site.apply(workload("warned-of", pod_spec(OTHER), DEV))
    wait_until(lambda: available(site, "warned-of", DEV), "its Pods", 60)
    kubectl = site.cluster.run

    def ready():
        found = get(site, "deployment", "warned-of", DEV)
        return found.get("status", {}).get("availableReplicas", 0)

    site.webhook.stop()
    try:
        kubectl("delete", "pods", "-n", DEV, "-l", "app=warned-of", "--wait=false")
        kubectl("scale", "deployment", "warned-of", "-n", DEV, "--replicas=3")
        wait_until(lambda: ready() == 3, "Pods without us", 60)
        kubectl("label", "deployment", "warned-of", "-n", DEV, "team=one")
        done = kubectl("set", "env", "deployment/warned-of", "-n", DEV, "A=b", check=False)
        assert done.returncode != 0
        assert 'failed calling webhook "guard.countersign.dev"' in done.stderr
        owner = get(site, "deployment", "warned-of", DEV)["metadata"]
        pod = {"apiVersion": "v1", "kind": "Pod",
               "metadata": {"name": "by-hand", "namespace": DEV, "ownerReferences": [
                   {"apiVersion": "apps/v1", "kind": "Deployment", "name": "warned-of",
                    "uid": owner["uid"], "controller": True}]},
               "spec": pod_spec(OTHER)}  # fmt: skip
        assert site.apply(pod, check=False).returncode != 0
    finally:
        site.start_webhook()


def test_a_lock_holds_while_the_webhook_is_down(site):
    site.webhook.stop()
    try:
        locked(site.apply({"apiVersion": "v1", "kind": "Service",
                           "metadata": {"name": "down", "namespace": LOCKED},
                           "spec": {"ports": [{"port": 80}]}}, check=False))  # fmt: skip
        done = site.apply(workload("down", pod_spec(OTHER)), check=False)
        assert done.returncode != 0 and "failed calling webhook" in done.stderr
        site.apply(workload("plain", {"containers": [{"name": "c", "image": "nginx:1"}]}))
    finally:
        site.start_webhook()
