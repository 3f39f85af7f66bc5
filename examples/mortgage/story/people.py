"""Gives each person of the story a client certificate of their own, through the cluster's own API.

A CertificateSigningRequest for the signer kubernetes.io/kube-apiserver-client, approved by the
cluster's administrator: works on any cluster that signs, and the API server then authenticates dana
as dana. Keys stay in the demo's temporary folder.
"""

import base64
import json
import pathlib
import subprocess

from story.checks import CannotStart, wait_for
from story.kubectl import Person

# name -> (account, groups). The policy and the role bindings speak of these.
ACCOUNTS = {
    "dana": ("dana@bank.example", ["ds-lending"]),
    "dan": ("dan@bank.example", ["model-risk"]),
    "vera": ("vera@bank.example", ["model-risk"]),
    "victor": ("victor@bank.example", ["model-risk"]),
    "ana": ("ana@bank.example", []),
}

# The signer may give less, never more; the demo takes minutes.
LIFETIME_SECONDS = 3600


def certificate(admin: Person, name: str, run_id: str, folder: pathlib.Path) -> pathlib.Path:
    """Requests, approves and fetches one certificate; gives the person's kubeconfig."""
    account, groups = ACCOUNTS[name]
    key, request = folder / f"{name}.key", folder / f"{name}.csr"
    subject = "".join(f"/O={group}" for group in groups) + f"/CN={account}"
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
    key.chmod(0o600)
    _openssl("req", "-new", "-key", str(key), "-subj", subject, "-out", str(request))

    object_name = f"countersign-demo-{run_id}-{name}"
    admin.must(
        "create",
        "-f",
        "-",
        show=False,
        stdin=json.dumps(
            {
                "apiVersion": "certificates.k8s.io/v1",
                "kind": "CertificateSigningRequest",
                "metadata": {"name": object_name},
                "spec": {
                    "request": base64.b64encode(request.read_bytes()).decode(),
                    "signerName": "kubernetes.io/kube-apiserver-client",
                    "usages": ["client auth"],
                    "expirationSeconds": LIFETIME_SECONDS,
                },
            }
        ),
    )
    admin.must("certificate", "approve", object_name, show=False)

    def signed() -> tuple[bool, str]:
        status = admin.get("csr", object_name).get("status", {})
        return bool(status.get("certificate")), status.get("certificate") or json.dumps(status)

    chain = wait_for(f"a certificate for {account}, signed by the cluster", signed)
    admin.run("delete", "csr", object_name, show=False)
    user = {
        "client-certificate-data": chain,
        "client-key-data": base64.b64encode(key.read_bytes()).decode(),
    }
    return _kubeconfig(admin, name, user, folder)


def service_account(admin: Person, namespace: str, name: str, folder: pathlib.Path) -> pathlib.Path:
    """A kubeconfig with a token of this service account."""
    answer = admin.must(
        "create", "token", name, "-n", namespace, f"--duration={LIFETIME_SECONDS}s", show=False
    )
    return _kubeconfig(admin, name, {"token": answer.stdout.strip()}, folder)


def _kubeconfig(admin: Person, name: str, user: dict, folder: pathlib.Path) -> pathlib.Path:
    """The administrator's cluster entry with these credentials and nobody else's."""
    view = admin.must("config", "view", "--raw", "--minify", "--flatten", "-o", "json", show=False)
    cluster = json.loads(view.stdout)["clusters"][0]["cluster"]
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": "demo", "cluster": cluster}],
        "contexts": [{"name": name, "context": {"cluster": "demo", "user": name}}],
        "users": [{"name": name, "user": user}],
    }
    path = folder / f"{name}.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


def _openssl(*arguments: str) -> None:
    try:
        done = subprocess.run(
            ["openssl", *arguments], capture_output=True, text=True, check=False, timeout=30
        )
    except FileNotFoundError:
        raise CannotStart(
            "the program `openssl` is missing: install Debian's package openssl"
        ) from None
    if done.returncode != 0:
        raise CannotStart(f"openssl {arguments[0]} failed: {done.stderr.strip()}")
