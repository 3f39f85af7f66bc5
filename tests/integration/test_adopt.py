"""An estate that serves already, brought in: Audit first, then its evidence, then Deny."""

import json

import pytest
import samples as s
import yaml
from lending import account, govern
from samples import DANA, HOME, VERA, VICTOR
from test_guard import TABLE, crd, refused, workload
from world import Installation, run, wait_until

SHOP, BANK, VAULT = "shop", "bank", "vault"
KSERVE = next(p for p in TABLE["profiles"] if p["name"] == "kserve-inference-service")
SERVER = "registry.example/server:1"
PULLED = f"registry.example/server@{s.digest('server')}"


def serving(model, image):
    return {"containers": [{"name": "server", "image": image, "ports": [{"containerPort": 9000}],
                            "volumeMounts": [{"name": "weights", "mountPath": "/mnt/weights"}]}],
            "volumes": [{"name": "weights",
                         "image": {"reference": f"registry.example/{model}@{s.digest(model)}"}}]}  # fmt: skip


def service(name, namespace):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 9000}]}}  # fmt: skip


@pytest.fixture(scope="module")
def site():
    site = Installation(workloads=True)
    try:
        site.start_operator("--scan-seconds", "1")
        site.apply(crd(KSERVE))
        site.cluster.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        govern(site, SHOP, BANK, VAULT)
        site.apply(
            workload("chat", serving("chat", SERVER), SHOP), service("chat", SHOP),
            workload("hub", {"containers": [{"name": "c", "image": f"vllm/vllm-openai@{s.digest('v')}",
                                             "args": ["--model", "org/m"]}]}, SHOP),
            workload("score", serving("score", PULLED), BANK),
            workload("safe", serving("safe", PULLED), VAULT),
            {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
             "metadata": {"name": "isvc", "namespace": BANK},
             "spec": {"predictor": {"model": {"storageUri": "s3://models/isvc"}}}})  # fmt: skip
        strict = policy("vault", VAULT, "Deny")
        site.apply(strict)
        wait_until(lambda: report_images(site), "Pods of chat", 120)
        yield site
    finally:
        site.close()


def policy(name, namespace, enforcement):
    environments = [{"name": "dev", "namespaces": [f"{name}-dev"], "enforcement": "Warn"},
                    {"name": "qa", "namespaces": [f"{name}-qa"], "enforcement": "Hold"},
                    {"name": "prod", "namespaces": [namespace], "enforcement": enforcement}]  # fmt: skip
    return s.policy({"environments": environments}, name=name)


def report_images(site):
    """What a node says of the images that it pulled."""
    done = site.cluster.run("get", "pods", "-n", SHOP, "-l", "app=chat", "-o", "json")
    pods = [p for p in json.loads(done.stdout)["items"]
            if "countersign.dev/model-deployment" not in p["metadata"]["labels"]]  # fmt: skip
    for pod in pods:
        if pod["status"].get("phase") != "Running":
            return False
        status = {"status": {"containerStatuses": [
            {"name": "server", "image": SERVER, "imageID": PULLED, "ready": True, "restartCount": 0,
             "started": True, "state": {"running": {}}}]}}  # fmt: skip
        site.cluster.run("patch", "pod", pod["metadata"]["name"], "-n", SHOP, "--subresource=status",
                         "--type=merge", "-p", json.dumps(status))  # fmt: skip
    return bool(pods)


def adopt(site, *arguments, code=None, user=None):
    done = run("adopt", *arguments, user=user or site.cluster.kubeconfig, check=False)
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done


def get(site, kind, name, namespace=None):
    where = ["-n", namespace] if namespace else []
    done = site.cluster.run("get", kind, name, *where, "-o", "json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def available(site, name, namespace):
    found = get(site, "deployment", name, namespace)
    return found and found.get("status", {}).get("availableReplicas", 0) > 0


def test_the_folder_is_to_be_reviewed_and_a_second_run_changes_nothing(site, tmp_path):
    arguments = ("-n", SHOP, "--dir", tmp_path, "--home", HOME, "--owner", "ana",
                 "--developers", "ds-lending")  # fmt: skip
    site.cluster.run("create", "clusterrolebinding", "audit", "--user=audrey",
                     "--clusterrole=countersign-auditor")  # fmt: skip
    audrey = site.cluster.user("audrey")
    done = adopt(site, *arguments, code=1, user=audrey)
    files = {str(f.relative_to(tmp_path)): f.read_text() for f in tmp_path.rglob("*.yaml")}
    assert set(files) == {"policy-adoption.yaml", f"{HOME}/usecase-chat.yaml", f"{SHOP}/chat-governed.yaml"}  # fmt: skip
    made = yaml.safe_load(files[f"{SHOP}/chat-governed.yaml"])
    (container,) = made["spec"]["serving"]["template"]["spec"]["containers"]
    assert container["image"] == PULLED and made["spec"]["serving"]["port"] == 9000
    assert made["spec"]["model"]["digest"] == s.digest("chat")
    environment = yaml.safe_load(files["policy-adoption.yaml"])["spec"]["environments"]
    assert environment == [{"name": "adopted", "namespaces": [SHOP], "enforcement": "Audit",
                            "guard": {"mode": "Audit"}}]  # fmt: skip
    assert "model 'hf://org/m'" in done.stdout and f"--model {SHOP}/hub=oci://" in done.stdout
    again = adopt(site, *arguments, code=1, user=audrey)
    assert again.stderr.count("unchanged") == 3 and "wrote" not in again.stderr
    assert {str(f.relative_to(tmp_path)): f.read_text() for f in tmp_path.rglob("*.yaml")} == files
    assert get(site, "govpol", "adoption") is None


def test_what_is_mistyped_is_an_error_that_names_what_there_is(site):
    model = f"oci://registry.example/m@{s.digest('m')}"
    done = adopt(site, "-n", SHOP, "--model", f"{SHOP}/typo={model}", code=2)
    assert f"'{SHOP}/typo', which is none of what can be brought in: {SHOP}/chat, {SHOP}/hub" in done.stderr
    image = f"registry.example/server@{s.digest('server')}"
    done = adopt(site, "-n", SHOP, "--image", f"{SHOP}/chat/typo={image}", code=2)
    assert "none of its containers and image volumes: server, weights" in done.stderr


def test_a_second_namespace_in_the_same_folder_is_in_the_policy_too(site, tmp_path):
    arguments = ("--dir", tmp_path, "--home", HOME)
    adopt(site, "-n", SHOP, *arguments, code=1)
    adopt(site, "-n", BANK, *arguments, code=1)
    (environment,) = yaml.safe_load((tmp_path / "policy-adoption.yaml").read_text())["spec"]["environments"]
    assert environment["namespaces"] == [BANK, SHOP]
    # What people wrote there is kept, and what it lacks is told.
    case = tmp_path / HOME / "usecase-score.yaml"
    case.write_text(case.read_text().replace(f"- {BANK}", "- elsewhere"))
    done = adopt(site, "-n", BANK, *arguments, code=1)
    assert f"usecase-score.yaml' is kept as it is, and does not have namespace '{BANK}'" in done.stdout


def test_no_name_in_a_file_leads_out_of_the_folder_or_into_a_shell(site, tmp_path):
    odd = workload("chat", serving("chat", PULLED), "../../../escape")
    shell = workload("run", serving("chat", "x:v1$(touch pwn)"), SHOP)
    estate = tmp_path / "estate.yaml"
    estate.write_text("\n---\n".join(map(json.dumps, (odd, shell))))
    folder = tmp_path / "a" / "b" / "c"
    done = adopt(site, "-f", estate, "--dir", folder, code=1)
    assert "no object can have this name in this namespace" in done.stdout
    assert "that is no name of an image" in done.stdout and "docker://x" not in done.stdout
    assert [f.name for f in tmp_path.rglob("*.yaml")].count("estate.yaml") == 1
    assert not (tmp_path / "escape").exists() and not list(tmp_path.rglob("*chat*"))


def versions(site):
    done = site.cluster.run("get", "govpol,usecases,mdeploy", "-A", "-o", "json")
    return [(o["kind"], o["metadata"]["name"], o["metadata"]["generation"], o["spec"])
            for o in json.loads(done.stdout)["items"]]  # fmt: skip


def test_applied_it_serves_under_audit_and_loosens_nothing(site):
    arguments = ("--apply", "--home", HOME, "--owner", "ana", "--developers", "ds-lending")
    done = adopt(site, *arguments, code=1)
    assert f"namespace '{VAULT}' is in environment 'prod' of policy 'vault' (enforcement Deny, guard Deny)" in done.stdout  # fmt: skip
    assert "InferenceService bank/isvc" in done.stdout
    # What its evidence is asked for is refused as ever.
    assert "safe-governed" in done.stderr and "denied the request" in done.stderr
    assert get(site, "mdeploy", "safe-governed", VAULT) is None
    (environment,) = get(site, "govpol", "adoption")["spec"]["environments"]
    assert environment["namespaces"] == [BANK, SHOP] and environment["enforcement"] == "Audit"
    for name, namespace in (("chat-governed", SHOP), ("score-governed", BANK)):
        wait_until(lambda n=name, ns=namespace: available(site, n, ns), f"{name} to serve", 90)
    before = versions(site)
    again = adopt(site, *arguments, code=1)
    assert "there already, left as it is" in again.stdout
    assert versions(site) == before
    for kind in ("signoffs", "biastests", "reproducibilitysnapshots", "waivers"):
        assert json.loads(site.cluster.run("get", kind, "-A", "-o", "json").stdout)["items"] == []
    done = site.apply(workload("more", serving("more", PULLED), SHOP))
    assert "Warning" not in done.stderr
    site.cluster.run("delete", "deployment", "more", "-n", SHOP)


def test_the_old_one_can_go_when_the_new_one_serves_behind_its_service(site):
    answer = json.loads(adopt(site, "-n", SHOP, "--retire", "-o", "json").stdout)
    (chat,) = answer["workloads"]  # score of another namespace was not looked at
    assert chat["namespace"] == SHOP and chat["known"]
    assert chat["ready"] and chat["modelDeployment"] == "chat-governed" and not chat["gone"]
    other = service("other", SHOP)
    other["spec"]["selector"] = {"app": "chat", "old": "yes"}
    site.cluster.run("patch", "deployment", "chat", "-n", SHOP, "--type=merge", "-p", json.dumps(
        {"spec": {"template": {"metadata": {"labels": {"old": "yes"}}}}}))  # fmt: skip
    site.apply(other)
    said = adopt(site, "-n", SHOP, "--retire", code=1).stdout
    assert "Service 'other' does not lead to its Pods" in said
    site.cluster.run("delete", "service", "other", "-n", SHOP)
    said = adopt(site, "-n", SHOP, "--retire").stdout
    assert f"Next: kubectl delete deployment chat -n {SHOP}" in said
    site.cluster.run("delete", "deployment", "chat", "-n", SHOP)
    assert "is gone" in adopt(site, "-n", SHOP, "--retire").stdout
    # Who may not list Deployments does not know that.
    site.cluster.run("create", "clusterrole", "blind", "--verb=list,get",
                     "--resource=modeldeployments.countersign.dev,services,governancepolicies.countersign.dev,"
                     "usecases.countersign.dev,signoffs.countersign.dev,waivers.countersign.dev,"
                     "biastests.countersign.dev,reproducibilitysnapshots.countersign.dev,"
                     "evidence.countersign.dev,incidents.countersign.dev,modelrecords.countersign.dev")  # fmt: skip
    site.cluster.run("create", "clusterrolebinding", "blind", "--clusterrole=blind", "--user=bea")
    done = adopt(site, "-n", SHOP, "--retire", "-o", "json", code=1, user=site.cluster.user("bea"))
    (chat,) = json.loads(done.stdout)["workloads"]
    assert not chat["known"] and not chat["gone"] and not chat["ready"]
    assert "deployments of the namespace were looked at" in chat["missing"][0]["what"]


def toward(site, name="chat-governed"):
    plan = json.loads(adopt(site, "-n", SHOP, "-o", "json").stdout)
    (one,) = [w for w in plan["adopted"] if w["modelDeployment"] == name]
    return one["beforeDeny"]


def unmet(decision):
    return {g["measure"] for g in decision["gates"] if g["state"] not in ("Passed", "Waived", "NotApplicable")}  # fmt: skip


def test_from_audit_by_evidence_to_deny(site):
    assert toward(site) is None
    site.apply(policy(SHOP, SHOP, "Audit"))
    decision = wait_until(lambda: toward(site), "the policy")
    assert decision["verdict"] == "Deny"
    assert {"validation", "reproducible", "bias"} <= unmet(decision)

    # Their owner fills in what the skeleton lacks; others sign.
    case = get(site, "usecase", "chat", HOME)
    case["spec"]["answers"] = {"audience": ["public"]}
    site.cluster.run("replace", "-f", "-", input=json.dumps(case))
    made = get(site, "mdeploy", "chat-governed", SHOP)
    site.apply(s.answers_sign_off(case), user=account(site, VERA))
    site.apply(s.snapshot("chat-snap", "chat", "chat"), s.bias_test("chat-fair", "chat", "chat"),
               user=account(site, DANA))  # fmt: skip
    for signer in (VERA, VICTOR):
        site.apply(s.sign_off(made, signer, f"chat-{signer[0]}"), user=account(site, signer))
    decision = wait_until(lambda: (d := toward(site))["verdict"] == "Allow" and d, "all evidence")
    assert unmet(decision) == set()

    # What nobody brings in goes; then the namespace denies.
    site.cluster.run("delete", "deployment", "hub", "-n", SHOP)
    wait_until(lambda: run("scan", "-n", SHOP, user=site.cluster.kubeconfig, check=False).returncode
               == 0, "nothing to serve outside", 60)  # fmt: skip
    deny = [{"op": "replace", "path": "/spec/environments/2/enforcement", "value": "Deny"}]
    site.cluster.run("patch", "govpol", SHOP, "--type=json", "-p", json.dumps(deny))
    site.cluster.run("delete", "govpol", "adoption")
    shadow = workload("shadow", serving("shadow", PULLED), SHOP)
    wait_until(lambda: site.apply(shadow, check=False, dry_run=True).returncode != 0, "Deny")
    assert "[ShadowDeployment]" in refused(site, shadow)
    wait_until(lambda: get(site, "mdeploy", "chat-governed", SHOP)["status"]["verdict"] == "Allow",
               "the operator's word")  # fmt: skip
    assert available(site, "chat-governed", SHOP)
    # Where nobody gave evidence, what only audited serves nothing new once it is gone.
    bank = s.deployment("next", BANK, "next", "score")
    wait_until(lambda: "NoEnvironment" in site.apply(bank, check=False, dry_run=True).stderr,
               "the end of the policy")  # fmt: skip
