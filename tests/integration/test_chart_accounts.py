"""Both programs under the chart's service accounts, with tokens: they may do what they have to, and
nothing that they are granted goes unused."""

import json
import os
import subprocess

import pytest
import samples as s
from chart_site import BIN, SYSTEM, ChartSite, wait_until
from samples import DANA, DEV, HOME, PROD, VERA, VICTOR

ACCOUNTS = {f"system:serviceaccount:{SYSTEM}:{name}": name
            for name in ("countersign-webhook", "countersign-operator")}  # fmt: skip
OPERATOR = f"system:serviceaccount:{SYSTEM}:countersign-operator"


@pytest.fixture(scope="module")
def site():
    site = ChartSite(workloads=True, operator=True, built_in=True)
    try:
        for namespace in (HOME, DEV, PROD):
            site.cluster.run("create", "namespace", namespace)
        for name, role in (
            ("model-risk", "countersign-approver"),
            ("ds-lending", "countersign-developer"),
        ):
            site.cluster.run(
                "create", "clusterrolebinding", name, f"--clusterrole={role}", f"--group={name}"
            )
        yield site
    finally:
        site.close()


def policy():
    ran = {"name": "ran", "step": "Deployment", "accountable": "ml-engineer",
           "applies": {"environments": ["prod"]}, "enforcement": "Warn",
           "require": {"promotion": {"from": "dev",
                                     "issuers": [{"kind": "User", "name": OPERATOR}]}}}  # fmt: skip
    return s.policy({
        "version": {"label": "1"},
        "succession": {"signOff": {"role": "model-validator", "count": 1,
                                   "assurance": "Requester"}},
        "measures": [*s.policy()["spec"]["measures"], ran]})  # fmt: skip


def get(site, kind, name, namespace):
    done = site.cluster.run("get", kind, name, "-n", namespace, "-o", "json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def serves(site, name, namespace):
    found = get(site, "mdeploy", name, namespace)
    return found and any(c["type"] == "Ready" and c["status"] == "True"
                         for c in found.get("status", {}).get("conditions", []))  # fmt: skip


def go_live(site):
    dana, vera = site.cluster.user(*DANA), site.cluster.user(*VERA)
    victor = site.cluster.user(*VICTOR)
    case = s.use_case()
    site.apply(policy(), case)
    site.apply(s.answers_sign_off(case), user=vera)
    site.apply(s.deployment(namespace=DEV), user=dana)
    config = {"apiVersion": "v1", "kind": "ConfigMap",
              "metadata": {"name": "features", "namespace": PROD}, "data": {"names": "income"}}  # fmt: skip
    site.apply(config)
    model = s.deployment(patch={"serving": {"podDisruptionBudget": {"maxUnavailable": 1}}})
    site.apply(s.snapshot(), s.bias_test(), user=dana)
    site.apply(s.sign_off(model, VERA), user=vera)
    site.apply(s.sign_off(model, VICTOR), user=victor)
    wait_until(
        lambda: site.apply(model, user=dana, check=False, dry_run=True).returncode == 0,
        "the evidence to be enough", 60,
    )  # fmt: skip
    site.apply(model, user=dana)
    wait_until(lambda: serves(site, "scorer", PROD), "the model to serve", 90)
    return model


def served(site, name, namespace):
    (container,) = get(site, "deployment", name, namespace)["spec"]["template"]["spec"]["containers"]
    return container


def withdraw(site):
    """Those who decide on the next version say that there is none any more."""
    made = subprocess.run(
        [BIN / "countersign", "approve", "--policy", "lending", "--withdraw", "--role",
         "model-validator", "-n", HOME, "--rationale", "over", "--yes"],
        capture_output=True, text=True,
        env=dict(os.environ, KUBECONFIG=str(site.cluster.user(*VERA))))  # fmt: skip
    assert made.returncode == 0, made.stderr


def used(site, account):
    """(group, resource, verb) of what the account did, and what was refused."""
    done, refused = set(), []
    for event in site.cluster.audit_events():
        if event.get("user", {}).get("username") != account:
            continue
        ref = event.get("objectRef", {})
        resource = ref.get("resource", "")
        if ref.get("subresource"):
            resource += "/" + ref["subresource"]
        if event.get("responseStatus", {}).get("code") == 403:
            refused.append((ref.get("apiGroup", ""), resource, event["verb"],
                            event["responseStatus"].get("message", "")))  # fmt: skip
        done.add((ref.get("apiGroup", ""), resource, event["verb"]))
        if event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == 201:
            done.add((ref.get("apiGroup", ""), resource, "create"))  # server-side apply asks for both
    # Where the API server cannot stream a list, as before 1.34, a watch begins with a list.
    # The owner's finalizers are for a check that API servers make where they are told to
    # (OwnerReferencesPermissionEnforcement).
    done.add(("countersign.dev", "modeldeployments/finalizers", "update"))
    done |= {(group, resource, "list") for group, resource, verb in done if verb == "watch"}
    return done, refused


def granted(site, program):
    """By every binding that names the account, whatever role it is for."""

    def read(*what):
        return json.loads(site.cluster.run("get", *what, "-o", "json").stdout)

    account = {"kind": "ServiceAccount", "name": program, "namespace": SYSTEM}
    rules = []
    for kind in ("clusterrolebindings", "rolebindings"):
        for binding in read(kind, "-A")["items"]:
            if account not in binding.get("subjects", []):
                continue
            namespace = binding["metadata"].get("namespace")
            assert namespace in (None, SYSTEM), binding
            role = binding["roleRef"]
            where = ["-n", namespace] if role["kind"] == "Role" else []
            rules += read(role["kind"].lower(), role["name"], *where)["rules"]
    return {(group, resource, verb) for rule in rules for group in rule["apiGroups"]
            for resource in rule["resources"] for verb in rule["verbs"]}  # fmt: skip


def test_they_do_their_work_and_have_no_right_that_they_do_not_use(site):
    go_live(site)
    dana = site.cluster.user(*DANA)

    # New keys of the webhook's certificate authority.
    site.cluster.run("annotate", "secret", "countersign-webhook-ca", "-n", SYSTEM,
                     "countersign.dev/rotate=now")  # fmt: skip

    # What has no evidence is refused, after a look past the caches.
    bare = s.deployment("bare", model="m9")
    assert site.apply(bare, user=dana, check=False).returncode != 0

    # In an environment that only warns: parts that come and go, many revisions, foreign changes.
    def change(serving):
        site.cluster.run("patch", "mdeploy", "scorer", "-n", DEV, "--type=merge", "-p",
                         json.dumps({"spec": {"serving": serving}}), user=dana)  # fmt: skip

    change({"podDisruptionBudget": {"maxUnavailable": 1}})
    wait_until(lambda: get(site, "pdb", "scorer", DEV), "the budget", 60)
    budget = get(site, "pdb", "scorer", DEV)["spec"]
    site.cluster.run("patch", "pdb", "scorer", "-n", DEV, "--type=merge", "-p",
                     json.dumps({"spec": {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}}))  # fmt: skip
    wait_until(lambda: get(site, "pdb", "scorer", DEV)["spec"] == budget, "its own spec", 60)
    change({"podDisruptionBudget": None})
    wait_until(lambda: not get(site, "pdb", "scorer", DEV), "the end of the budget", 60)
    container = s.deployment()["spec"]["serving"]["template"]["spec"]["containers"][0]
    for i in range(11):
        env = [{"name": "ROUND", "value": str(i)}]
        change({"template": {"spec": {"containers": [{**container, "env": env}]}}})
        wait_until(lambda: env == served(site, "scorer", DEV).get("env"), f"revision {i}", 60)
    site.cluster.run("scale", "mdeploy", "scorer", "-n", PROD, "--replicas=3", user=dana)
    wait_until(lambda: get(site, "deployment", "scorer", PROD)["spec"]["replicas"] == 3,
               "the replicas", 60)  # fmt: skip

    # An alarm; then somebody deletes what was approved, and there is nothing to go back to.
    site.apply(s.incident())
    wait_until(lambda: get(site, "deployment", "scorer", PROD)["spec"]["replicas"] == 0,
               "the quarantine", 60)  # fmt: skip
    site.cluster.run("delete", "controllerrevisions", "--all", "-n", PROD)
    wait_until(lambda: get(site, "deployment", "scorer", PROD) is None, "it to be taken away", 60)
    site.apply(s.waiver(), user=dana)
    for namespace in (DEV, PROD):
        site.cluster.run("delete", "mdeploy", "scorer", "-n", namespace, user=dana)
    # A published version goes when nothing rests on it.
    wait_until(lambda: site.cluster.run("get", "govpol", "lending", "-o", "json").stdout.count(
        "policy-version"), "the finalizer", 30)  # fmt: skip
    withdraw(site)
    site.cluster.run("delete", "govpol", "lending", "--timeout=60s")

    wait_until(lambda: "next-ca.crt" in get(site, "secret", "countersign-webhook-ca", SYSTEM)["data"]
               or "previous-ca.crt" in get(site, "secret", "countersign-webhook-ca", SYSTEM)["data"],
               "the new keys", 30)  # fmt: skip

    left = {}
    for account, program in ACCOUNTS.items():
        assert used(site, account)[1] == [], f"{program} asked for what it may not"
        left[program] = sorted(granted(site, program) - used(site, account)[0])
    assert left == {program: [] for program in ACCOUNTS.values()}, f"granted, and not used: {left}"
