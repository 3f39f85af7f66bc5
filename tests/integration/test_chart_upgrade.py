"""From one release of the chart to the next and back: custom resources and what people wrote stay."""

import base64
import itertools
import json
import re
import shutil
import subprocess

import controlplane
import pytest
import samples as s
import yaml
from chart_site import BIN, CHART, SYSTEM, helm
from world import wait_until


def older(folder):
    """The chart as of a release that did not know one of the fields, nor one of the kinds."""
    chart = folder / "older"
    shutil.copytree(CHART, chart)
    meta = yaml.safe_load((chart / "Chart.yaml").read_text()) | {"version": "0.0.9"}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(meta))
    path = chart / "files" / "crds" / "incidents.yaml"
    crd = yaml.safe_load(path.read_text())
    (version,) = crd["spec"]["versions"]
    del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["changeFreeze"]
    path.write_text(yaml.safe_dump(crd))
    (chart / "files" / "crds" / "waivers.yaml").unlink()
    return chart


@pytest.fixture(scope="module")
def cluster():
    cluster = controlplane.start(workloads=False)
    try:
        cluster.run("create", "namespace", s.HOME)
        yield cluster
    finally:
        cluster.stop()


def run(cluster, *arguments, namespace=SYSTEM, check=True):
    done = helm(*arguments, "-n", namespace, kubeconfig=cluster.kubeconfig, check=check)
    if done.returncode == 0 and arguments[0] != "uninstall":
        cluster.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        # Nobody would answer here.
        cluster.run("delete", "validatingwebhookconfiguration,mutatingwebhookconfiguration", "--all")
    return done


def raise_incident(cluster, name):
    incident = s.incident(name, patch={"changeFreeze": True})
    return cluster.run("create", "--validate=warn", "-f", "-", input=json.dumps(incident))


def freezes(cluster, name):
    found = json.loads(cluster.run("get", "incident", name, "-n", s.HOME, "-o", "json").stdout)
    return found["spec"].get("changeFreeze")


def test_an_upgrade_brings_fields_and_kinds_and_a_rollback_loses_nothing(cluster, tmp_path):
    run(cluster, "install", "countersign", older(tmp_path), "--create-namespace")
    raise_incident(cluster, "before")
    assert freezes(cluster, "before") is None, "the release does not know the field"
    assert cluster.run("get", "waivers", "-A", check=False).returncode != 0

    run(cluster, "upgrade", "countersign", CHART)
    numbers = itertools.count()

    def learned():
        name = f"after-{next(numbers)}"
        raise_incident(cluster, name)
        return freezes(cluster, name) and name

    name = wait_until(learned, "the new field")
    assert freezes(cluster, "before") is None
    cluster.run("get", "waivers", "-A")

    # The older schema hides what it does not know, and the newer one shows it again.
    run(cluster, "rollback", "countersign", "1")
    wait_until(lambda: freezes(cluster, name) is None, "the older schema")
    cluster.run("get", "waivers", "-A")  # a kind stays, with what people wrote
    run(cluster, "upgrade", "countersign", CHART)
    wait_until(lambda: freezes(cluster, name), "the newer schema")


def test_helm_goes_on_after_the_command_that_puts_admission_right(cluster, tmp_path):
    """Helm 4 applies on the server, and refuses to change what another has set."""
    print_install = [BIN / "countersign", "install", "-n", SYSTEM, "--service", f"{SYSTEM}/countersign-webhook"]
    objects = subprocess.run(print_install, capture_output=True, text=True, check=True).stdout
    apply = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    cluster.run(*apply, input=objects)
    run(cluster, "upgrade", "countersign", CHART)
    cluster.run(*apply, input=objects)
    run(cluster, "rollback", "countersign")
    # What a release changes of it, it takes back only when told.
    chart = older(tmp_path)
    installation = chart / "files" / "installation.yaml"
    text = installation.read_text()
    assert "evidence may not be changed" in text
    installation.write_text(text.replace("evidence may not be changed", "evidence is not to be changed"))
    cluster.run(*apply, input=objects)
    done = run(cluster, "upgrade", "countersign", chart, check=False)
    assert done.returncode != 0 and 'conflict with "kubectl"' in done.stderr
    run(cluster, "upgrade", "countersign", chart, "--force-conflicts")
    cluster.run(*apply, input=objects)
    run(cluster, "rollback", "countersign", "--force-conflicts")


def test_what_another_release_left_is_taken_over_only_when_told(cluster):
    run(cluster, "uninstall", "countersign", "--wait")
    cluster.run("get", "incident", "before", "-n", s.HOME)
    done = run(cluster, "install", "other", CHART, "--create-namespace", namespace="elsewhere", check=False)
    assert done.returncode != 0 and "invalid ownership metadata" in done.stderr
    run(cluster, "install", "other", CHART, "--create-namespace", "--take-ownership",
        namespace="elsewhere")  # fmt: skip
    cluster.run("get", "incident", "before", "-n", s.HOME)


def entries(cluster):
    found = json.loads(cluster.run("get", "validatingwebhookconfiguration", "countersign", "-o", "json").stdout)
    return [webhook["name"] for webhook in found["webhooks"]]


def test_a_release_with_fewer_webhook_entries_is_applied_by_helm_itself(cluster, tmp_path):
    """Who writes a caBundle owns the entry: the API server would keep it, and find it incomplete."""

    def run_helm(*arguments, check=True):
        return helm(*arguments, "-n", "elsewhere", kubeconfig=cluster.kubeconfig, check=check)

    def publish():
        bundles = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                   "metadata": {"name": "countersign"},
                   "webhooks": [{"name": name, "clientConfig": {"caBundle": ca}} for name in more]}  # fmt: skip
        cluster.run("apply", "--server-side", "--field-manager=countersign-ca", "-f", "-",
                    input=json.dumps(bundles))  # fmt: skip

    ca = base64.b64encode(cluster.authority.certificate.read_bytes()).decode()
    chart = tmp_path / "fewer"
    shutil.copytree(CHART, chart)
    path = chart / "files" / "installation.yaml"
    parts = re.split(r"^(?=  - admissionReviewVersions)|^(?=---$)", path.read_text(), flags=re.MULTILINE)
    path.write_text("".join(part for part in parts if "name: incidents.countersign.dev" not in part))
    run_helm("upgrade", "other", chart)
    fewer = entries(cluster)
    revision = json.loads(run_helm("history", "other", "-o", "json").stdout)[-1]["revision"]
    run_helm("upgrade", "other", CHART)
    more = entries(cluster)
    assert set(more) - set(fewer) == {"incidents.countersign.dev"}
    publish()
    run_helm("rollback", "other", revision, "--server-side=false")
    assert entries(cluster) == fewer

    run_helm("upgrade", "other", CHART, "--server-side=true")
    publish()
    done = run_helm("upgrade", "other", chart, check=False)
    assert done.returncode != 0 and "clientConfig: Required value" in done.stderr
    assert entries(cluster) == more
    run_helm("upgrade", "other", chart, "--server-side=false")
    assert entries(cluster) == fewer


def test_chart_and_programs_are_of_one_version():
    meta = yaml.safe_load((CHART / "Chart.yaml").read_text())
    said = subprocess.run([BIN / "countersign", "version", "-o", "json"], capture_output=True, text=True)
    assert json.loads(said.stdout)["version"] == meta["appVersion"]
