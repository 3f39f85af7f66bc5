"""Commands of docs/operations that run Helm, as the pages have them, on a real API server."""

import base64
import json
import os
import re
import subprocess

import controlplane
import pytest
from chart_site import CHART, ROOT, SYSTEM, helm

PAGES = ROOT / "docs" / "operations"


@pytest.fixture(scope="module")
def cluster():
    cluster = controlplane.start(workloads=False)
    try:
        yield cluster
    finally:
        cluster.stop()


def run_page(cluster, page, containing):
    """The one block of the page that has this; no program runs here that `countersign doctor` could ask."""
    blocks = re.findall(r"^( *)```\n(.*?)^ *```$", (PAGES / page).read_text(), re.MULTILINE | re.DOTALL)
    (text,) = [text for _, text in blocks if containing in text]
    text = "\n".join(line for line in text.splitlines() if "countersign doctor" not in line)
    environment = os.environ | {"PATH": f"{controlplane.assets()}:{os.environ['PATH']}",
                                "KUBECONFIG": str(cluster.kubeconfig)}  # fmt: skip
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=cluster.pages, env=environment,
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def run(cluster, *arguments, check=True):
    return helm(*arguments, "-n", SYSTEM, kubeconfig=cluster.kubeconfig, check=check)


@pytest.fixture(scope="module", autouse=True)
def pages(cluster, tmp_path_factory):
    """A clone, as the pages have it before them, with an administrator's files."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("charts", "crds"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "values.yaml").write_text("installation: default\n")
    (folder / "ca.crt").write_bytes(cluster.authority.certificate.read_bytes())
    cluster.pages = folder


def test_a_restore_takes_over_what_kubectl_put_there(cluster):
    cluster.run("create", "namespace", SYSTEM)
    key = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "countersign-stamp-key", "namespace": SYSTEM},
           "data": {"key.pem": base64.b64encode(b"of before").decode()}}  # fmt: skip
    cluster.run("create", "-f", "-", input=json.dumps(key))
    page = (PAGES / "backup-and-restore.md").read_text()
    (command,) = re.findall(r"^2\. CustomResourceDefinitions alone: `kubectl (.*)`$", page, re.MULTILINE)
    cluster.run(*command.replace("crds/", str(ROOT / "crds")).split())
    run_page(cluster, "backup-and-restore.md", "helm install")
    stored = json.loads(cluster.run("get", "secret", "countersign-stamp-key", "-n", SYSTEM, "-o", "json").stdout)
    assert stored["data"] == key["data"]
    run(cluster, "upgrade", "countersign", CHART)


def test_client_certificates_are_asked_for_and_no_more_by_the_page(cluster):
    run_page(cluster, "client-certificates.md", "tls.clientCaSecret=countersign-callers")
    kept = json.loads(run(cluster, "get", "values", "countersign", "-o", "json").stdout)
    assert kept["tls"] == {"clientCaSecret": "countersign-callers", "allowedClients": ["kube-apiserver"]}
    run_page(cluster, "client-certificates.md", "--set tls.clientCaSecret= ")
    assert "--client-ca" not in run(cluster, "get", "manifest", "countersign").stdout
    assert "--allowed-client" not in run(cluster, "get", "manifest", "countersign").stdout


def policies(cluster):
    listed = cluster.run("get", "mutatingwebhookconfiguration,validatingwebhookconfiguration", "-o", "json").stdout
    return {entry["failurePolicy"] for one in json.loads(listed)["items"] for entry in one["webhooks"]
            if not entry["name"].startswith(("incidents.", "deletions.", "controllers."))}  # fmt: skip


def test_the_last_resort_is_undone_by_the_page_and_by_the_command_that_doctor_names(cluster):
    assert policies(cluster) == {"Fail"}
    run_page(cluster, "outage.md", "kubectl replace -f -")
    assert policies(cluster) == {"Ignore"}
    run_page(cluster, "outage.md", "helm get manifest")
    assert policies(cluster) == {"Fail"}

    run_page(cluster, "outage.md", "kubectl replace -f -")
    doctors = ("upgrade", "countersign", CHART, "--reset-then-reuse-values", "--set", "webhook.failurePolicy=Fail")
    done = run(cluster, *doctors, check=False)
    assert done.returncode != 0 and "conflict" in done.stderr
    page = " ".join((PAGES / "outage.md").read_text().split())
    assert "the one that `doctor` names while the entries say `Ignore`, takes the fields back by `--force-conflicts`" in page
    run(cluster, *doctors, "--force-conflicts")
    assert policies(cluster) == {"Fail"}
