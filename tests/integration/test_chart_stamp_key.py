"""The key that stamps evidence is nobody's but the cluster's once it is made: no command of Helm's, and none of
the documentation's, brings back the one that a release began with."""

import json
import os
import re
import shlex
import shutil
import subprocess

import controlplane
import pytest
from chart_site import BIN, CHART, ROOT, SYSTEM, helm

NAME = "countersign-stamp-key"
OUTAGE = (ROOT / "docs" / "operations" / "outage.md").read_text()


@pytest.fixture(scope="module")
def cluster():
    cluster = controlplane.start(workloads=False)
    try:
        yield cluster
    finally:
        cluster.stop()


def run(cluster, *arguments, check=True):
    return helm(*arguments, "-n", SYSTEM, kubeconfig=cluster.kubeconfig, check=check)


def stored(cluster):
    return json.loads(cluster.run("get", "secret", NAME, "-n", SYSTEM, "-o", "json").stdout)["data"]


def rotate(cluster):
    """Both steps of it; what signs now, and what is trusted."""
    before = stored(cluster)["key.pem"]
    for more in ([], ["--restarted"]):  # no Pod runs here
        subprocess.run([BIN / "countersign", "keys", "rotate", *more, "--kubeconfig", cluster.kubeconfig],
                       check=True, capture_output=True)  # fmt: skip
    now = stored(cluster)
    assert now["key.pem"] != before and "trusted.pem" in now
    return now


def run_page(cluster, folder, containing):
    """The one block of the page that has this, without asking the programs, which do not run here."""
    blocks = re.findall(r"^ *```\n(.*?)^ *```$", OUTAGE, re.MULTILINE | re.DOTALL)
    (text,) = [one for one in blocks if containing in one]
    text = "\n".join(line for line in text.splitlines() if "countersign doctor" not in line)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, capture_output=True, text=True, env=os.environ | {
        "PATH": f"{controlplane.assets()}:{os.environ['PATH']}", "KUBECONFIG": str(cluster.kubeconfig)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def before_hooks(folder):
    """The chart as it was when the key was part of what a release applies."""
    chart = folder / "before"
    shutil.copytree(CHART, chart)
    path = chart / "templates" / "secrets.yaml"
    text = path.read_text()
    text = text.replace("{{- if not $old }}", "{{- if true }}")
    text = re.sub(r"^    helm.sh/hook.*\n", "", text, flags=re.MULTILINE)
    text = text.replace('{{ genPrivateKey "ecdsa" | b64enc }}',
                        '{{ if $old }}{{ index $old.data "key.pem" }}{{ else }}{{ genPrivateKey "ecdsa" | b64enc }}{{ end }}')  # fmt: skip
    path.write_text(text)
    path = chart / "templates" / "webhook.yaml"
    text = path.read_text()
    assert "    countersign.dev/stamp-key: hook\n" in text
    path.write_text(text.replace("    countersign.dev/stamp-key: hook\n", "    before: hooks\n"))
    return chart


def test_what_puts_a_release_back_leaves_the_key_that_signs(cluster, tmp_path):
    run(cluster, "install", "countersign", CHART, "--create-namespace")
    first = stored(cluster)["key.pem"]
    run(cluster, "upgrade", "countersign", CHART, "--set", "webhook.replicas=3")
    assert stored(cluster) == {"key.pem": first}
    rotated = rotate(cluster)
    run_page(cluster, tmp_path, "helm get manifest")
    assert stored(cluster) == rotated
    for flags in (("--force-conflicts",), ("--server-side=false",)):
        run(cluster, "rollback", "countersign", "1", *flags)
        assert stored(cluster) == rotated, flags
    run(cluster, "upgrade", "countersign", CHART, "--server-side=true", "--force-conflicts")
    assert stored(cluster) == rotated
    for revision in ("1", "2"):
        assert "key.pem:" not in run(cluster, "get", "manifest", "countersign", "--revision", revision).stdout

    run(cluster, "uninstall", "countersign", "--wait")
    assert stored(cluster) == rotated
    run(cluster, "install", "countersign", CHART)
    assert stored(cluster) == rotated, "evidence from before counts on"


def test_a_release_that_had_the_key_in_its_manifest_gives_it_away(cluster, tmp_path):
    run(cluster, "uninstall", "countersign", "--wait")
    cluster.run("delete", "secret", NAME, "-n", SYSTEM)
    chart = before_hooks(tmp_path)
    run(cluster, "install", "countersign", chart)
    assert "key.pem:" in run(cluster, "get", "manifest", "countersign").stdout
    rotated = rotate(cluster)
    run(cluster, "upgrade", "countersign", CHART)
    assert stored(cluster) == rotated

    done = run(cluster, "rollback", "countersign", "1", check=False)
    assert done.returncode != 0 and "conflict" in done.stderr and ".data.key.pem" in done.stderr
    assert stored(cluster) == rotated
    run(cluster, "upgrade", "countersign", CHART)
    assert stored(cluster) == rotated

    # Replaced by hand, it has lost what keeps Helm from deleting it.
    plain = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME, "namespace": SYSTEM}, "data": rotated}
    cluster.run("replace", "-f", "-", input=json.dumps(plain))
    run(cluster, "upgrade", "countersign", CHART)
    assert stored(cluster) == rotated, "it is no part of the release that runs"
    run(cluster, "upgrade", "countersign", chart, "--force-conflicts", "--take-ownership")
    cluster.run("replace", "-f", "-", input=json.dumps(plain))
    done = run(cluster, "upgrade", "countersign", CHART, check=False)
    assert done.returncode != 0 and stored(cluster) == rotated
    (command,) = re.findall(r"kubectl (annotate secret .*=keep)", done.stderr)
    cluster.run(*shlex.split(command))
    run(cluster, "upgrade", "countersign", CHART)
    assert stored(cluster) == rotated


def test_a_key_that_was_there_before_the_chart_is_taken(cluster):
    run(cluster, "uninstall", "countersign", "--wait")
    own = stored(cluster)["key.pem"]
    cluster.run("delete", "secret", NAME, "-n", SYSTEM)
    plain = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME, "namespace": SYSTEM},
             "data": {"key.pem": own}}  # fmt: skip
    cluster.run("create", "-f", "-", input=json.dumps(plain))
    run(cluster, "install", "countersign", CHART)
    assert stored(cluster) == {"key.pem": own}
    run(cluster, "upgrade", "countersign", CHART)
    assert stored(cluster) == {"key.pem": own}
