"""`countersign keys rotate` and `retire` on a real API server, with the Secret as kubelet mounts it.

No kubelet runs here: the test writes the Secret's entries to the folder that the programs read, and
makes the Pods that the command looks at.
"""

import base64
import json

import pytest
import samples as s
from samples import DANA, DEV, HOME, PROD, QA, VERA
from world import Installation, run, wait_until

SYSTEM, SECRET = "countersign-system", "countersign-stamp-key"
STAMP = "countersign.dev/stamp"


@pytest.fixture(scope="module")
def site():
    site = Installation(operator=True)
    try:
        for namespace in (HOME, DEV, QA, PROD):
            site.cluster.run("create", "namespace", namespace)
        for role, group in (("countersign-approver", "model-risk"),
                            ("countersign-developer", "ds-lending")):
            site.cluster.run("create", "clusterrolebinding", group, f"--clusterrole={role}",
                             f"--group={group}")
        site.apply(s.policy())
        site.case = s.use_case()
        site.apply(site.case, user=site.cluster.user(*DANA))
        site.cluster.run("create", "serviceaccount", "default", "-n", SYSTEM)
        site.cluster.run("create", "secret", "generic", SECRET, "-n", SYSTEM,
                         f"--from-file=key.pem={site.key}")
        yield site
    finally:
        site.close()


def get(site, kind, name, namespace=HOME):
    return json.loads(site.cluster.run("get", kind, name, "-n", namespace, "-o", "json").stdout)


def entries(site):
    return {name: base64.b64decode(text).decode()
            for name, text in get(site, "secret", SECRET, SYSTEM)["data"].items()}


def mount(site):
    """As kubelet does, some time after the Secret changed."""
    for name, text in entries(site).items():
        path = site.key if name == "key.pem" else site.key.with_name(name)
        path.write_text(text)


def restart_webhook(site):
    site.webhook.stop()
    site.start_webhook()


def restart_operator(site):
    site.operator.stop()
    site.start_operator()


def keys(site, *arguments, check=True):
    return run("keys", *arguments, "-n", SYSTEM, user=site.cluster.kubeconfig, check=check)


def made(site, name):
    """Whether a sign-off of now is the signer's, as the operator sees it."""
    vote = s.answers_sign_off(site.case)
    vote["metadata"]["name"] = name
    site.apply(vote, user=site.cluster.user(*VERA))
    return counts(site, name)


def counts(site, name):
    """Once the operator has looked: whether it counts."""
    def seen():
        return get(site, "signoff", name).get("status", {}).get("conditions")
    wait_until(seen, f"the status of {name}", 60)
    return next(c for c in seen() if c["type"] == "Ready")["status"] == "True"


def pod(site, name, started):
    """A pod of ours that started then."""
    site.cluster.run("apply", "-f", "-", input=json.dumps({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": SYSTEM,
                     "labels": {"app.kubernetes.io/part-of": "countersign"}},
        "spec": {"containers": [{"name": "c", "image": "registry.example/c"}]}}))
    site.cluster.run("patch", "pod", name, "-n", SYSTEM, "--subresource=status", "--type=merge",
                     "-p", json.dumps({"status": {"startTime": started}}))


def fingerprints(done):
    lines = (line.split() for line in done.stdout.splitlines())
    return {what: fingerprint for what, fingerprint in lines}


def test_a_key_is_replaced_and_nothing_stops_to_count(site):
    assert made(site, "before")
    old = fingerprints(keys(site, "rotate"))
    assert set(old) == {"signing", "next"} and old["signing"] != old["next"]
    assert set(entries(site)) == {"key.pem", "next.pem", "trusted.pem"}
    assert entries(site)["key.pem"] == site.key.read_text(), "nothing signs with the next one yet"

    # What still runs has not read the Secret: the second step must wait.
    waits = keys(site, "rotate", check=False)
    assert waits.returncode == 2 and f"no pod of webhook or operator is in namespace '{SYSTEM}'" in waits.stderr
    pod(site, "webhook-0", "2026-01-01T00:00:00Z")
    waits = keys(site, "rotate", check=False)
    assert waits.returncode == 2 and "started before the next key was trusted: webhook-0" in waits.stderr
    assert "rollout restart deployment -l app.kubernetes.io/part-of=countersign" in waits.stderr
    assert "key.pem" in entries(site) and entries(site)["key.pem"] == site.key.read_text()
    pod(site, "webhook-0", "2099-01-01T00:00:00Z")

    mount(site)
    restart_webhook(site)  # the operator has not read it: each trusts the other's signatures
    assert made(site, "between")
    restart_operator(site)
    now = fingerprints(keys(site, "rotate"))
    assert now == {"signing": old["next"], "trusted": old["signing"]}
    assert set(entries(site)) == {"key.pem", "trusted.pem"}

    mount(site)
    restart_webhook(site)  # signs with the next key, the operator still with the one before
    assert made(site, "after")
    restart_operator(site)
    for name in ("before", "between", "after"):
        site.cluster.run("annotate", "signoff", name, "-n", HOME, "looked=again")
        assert counts(site, name)
    assert made(site, "later")


def test_a_key_is_retired_when_nothing_rests_on_it_or_by_force(site):
    for name in ("scorer", "other"):
        site.apply(s.deployment(name, namespace=DEV), user=site.cluster.user(*DANA))
    old = fingerprints(keys(site, "rotate"))["signing"]
    keys(site, "rotate", "--restarted")
    mount(site)
    restart_webhook(site)
    restart_operator(site)
    assert made(site, "new")

    def said():
        return keys(site, "retire", old, "--installation", "test", check=False)
    # The operator gives evidence receipts by the new key; who made the deployment the old one says.
    wait_until(lambda: "SignOff" not in said().stderr, "the new receipts", 60)
    assert said().returncode == 1
    assert "2 ModelDeployment" in said().stderr and "--force" in said().stderr

    # Admission signs anew what a stamp by the key before says, for whoever touches the object.
    (renew,) = [line.strip() for line in said().stderr.splitlines() if "kubectl annotate" in line]
    assert renew == "kubectl annotate --overwrite --all -A modeldeployments countersign.dev/renewed=$(date +%s)"

    def stamp(name):
        return get(site, "modeldeployment", name, DEV)["metadata"]["annotations"][STAMP]
    before = stamp("scorer")
    annotate = ("annotate", "--overwrite", "modeldeployment", "scorer", "-n", DEV)
    # What was printed is a command. It would renew both; one stays by the old key, for what is below.
    done = site.cluster.run(*renew.replace("$(date +%s)", "1").split()[1:], "--dry-run=server")
    assert all(f"/{name} annotate" in done.stdout for name in ("scorer", "other")), done.stdout
    site.cluster.run(*annotate, "countersign.dev/renewed=1")
    renewed = stamp("scorer")
    claims = [json.loads(base64.b64decode(json.loads(one)["payload"])) for one in (before, renewed)]
    assert before != renewed and claims[0] == claims[1] and claims[0]["user"] == DANA[0]
    # Another's stamp does not stand in for it.
    site.cluster.run(*annotate, f"{STAMP}={stamp('other')}")
    assert stamp("scorer") == renewed
    assert "1 ModelDeployment" in said().stderr
    wait_until(lambda: "ModelRecord" not in said().stderr, "records to be signed by the new key", 60)
    unknown = keys(site, "retire", "SHA256:nobody", check=False)
    assert unknown.returncode == 2 and "is no key of this installation" in unknown.stderr

    def author_is_known(name):
        status = get(site, "modeldeployment", name, DEV).get("status", {})
        gate = next((g for g in status.get("gates", []) if g["measure"] == "author"), None)
        return gate and gate["state"] == "Passed"
    wait_until(lambda: author_is_known("other"), "the author to be known", 60)
    keys(site, "retire", old, "--installation", "test", "--force")
    mount(site)
    restart_webhook(site)
    restart_operator(site)
    wait_until(lambda: not author_is_known("other"), "the author to be unknown", 60)
    wait_until(lambda: author_is_known("scorer"), "the author of what was renewed to be known", 60)
    for name in ("later", "new"):
        site.cluster.run("annotate", "signoff", name, "-n", HOME, "--overwrite", "looked=anew")
        assert counts(site, name)
    assert old not in keys(site, "rotate", "-o", "json").stdout
