"""deploy/kustomize: the same rights and rules as the chart and `countersign install`, applied by kubectl."""

import json
import os
import re
import subprocess
import sys

import controlplane
import pytest
import samples as s
import yaml
from chart_site import BIN, HELM, ROOT, SYSTEM, ChartSite, by_name, installed, rendered, run
from lending import account, give_evidence, govern, refusal
from samples import DANA

BASE = ROOT / "deploy" / "kustomize"
KUBECTL = controlplane.assets() / "kubectl"
PARTS = ("rules", "roleRef", "subjects", "webhooks", "aggregationRule")
SPECS = ("CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


def kustomized(folder=BASE):
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return by_name(yaml.safe_load_all(done.stdout))


def judged_by(objects):
    """Who may do what, and what is refused: all of it, however it was brought."""
    found = {}
    for key, value in objects.items():
        parts = {part: value[part] for part in PARTS if part in value}
        if value["kind"] in SPECS:
            parts["spec"] = value["spec"]
        for webhook in parts.get("webhooks", []):
            webhook["clientConfig"].pop("caBundle", None)
        if parts:
            found[key] = parts
    return found


def test_it_is_what_the_chart_renders(tmp_path):
    subprocess.run([sys.executable, ROOT / "scripts" / "manifests.py", HELM, tmp_path], check=True)
    for name in ("installation.yaml", "programs.yaml"):
        assert (BASE / name).read_text() == (tmp_path / name).read_text(), "run `make manifests`"
    for name in ("Chart.yaml", "README.md"):
        chart = ROOT / "charts" / "countersign" / name
        assert chart.read_text() == (tmp_path / name).read_text(), "run `make manifests`"
    rest = rendered("-f", BASE / "values.yaml", "--set", "crds.enabled=true")
    assert set(kustomized()) - set(rest) == {("Namespace", SYSTEM)}
    assert set(rest) <= set(kustomized())


def test_the_three_ways_to_install_hold_the_same_rights_and_rules():
    base, chart, printed = kustomized(), rendered("-f", BASE / "values.yaml"), installed()
    crds = rendered("-f", BASE / "values.yaml", "--set", "crds.enabled=true")
    ours = judged_by(printed)
    assert len(ours) > 25
    for key, parts in ours.items():
        assert judged_by(base).get(key) == parts, key
        assert judged_by(crds).get(key) == parts, key
    # And none has more.
    assert set(judged_by(base)) == set(ours)
    assert set(judged_by(chart)) <= set(ours)


def test_nothing_of_it_is_helms():
    text = "".join((BASE / name).read_text() for name in ("installation.yaml", "programs.yaml"))
    assert "helm" not in text.replace("charts/countersign", "").lower()
    assert "Secret\n" not in text, "no key is in the repository"


def test_an_image_is_named_by_its_digest(tmp_path):
    """As the page says, and as tools that update images do."""
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay(tmp_path)))
    for program in ("countersign-webhook", "countersign-operator"):
        spec = kustomized(tmp_path)["Deployment", program]["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        assert re.search(r"@sha256:0{64}$", container["image"])


def overlay(folder):
    """The overlay of docs/installation.md, for a base that lies elsewhere; with its key."""
    page = (ROOT / "docs" / "installation.md").read_text()
    (text,) = re.findall(r"```yaml\n(resources:.*?)```", page, re.DOTALL)
    found = yaml.safe_load(text)
    (key,) = found["secretGenerator"][0]["files"]
    if not (folder / key).exists():
        subprocess.run([BIN / "countersign", "keygen", "--out", folder / key], check=True)
    found["resources"] = [os.path.relpath(BASE, folder.resolve())]
    for image in found["images"]:
        assert image["digest"].startswith("sha256:")
        image["digest"] = "sha256:" + "0" * 64
    return found


class KustomizeSite(ChartSite):
    """Applied with `kubectl apply -k`; the programs run with its arguments and accounts."""

    def _apply(self, tls):
        folder = self.folder / "site"
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay(folder)))
        self.cluster.run("apply", "--server-side", "--force-conflicts", "-k", folder)


@pytest.fixture(scope="module")
def site():
    site = KustomizeSite(operator=True, built_in=True)
    try:
        govern(site)
        yield site
    finally:
        site.close()


def test_what_kubectl_applies_judges_models(site):
    mdeploy = give_evidence(site, "credit", "m1")
    assert "[BiasTestForOtherModel]" in refusal(site, s.deployment("other", model="m2"),
                                                user=account(site, DANA))  # fmt: skip
    site.apply(mdeploy, user=account(site, DANA))
    done = site.cluster.run("patch", "mdeploy", "scorer", "-n", "lending-prod", "--type=merge",
                            "--subresource=status", "-p", '{"status":{"observedGeneration":7}}',
                            check=False)  # fmt: skip
    assert done.returncode != 0 and "the operator alone" in done.stderr
    accounts = site.cluster.run("get", "serviceaccount", "-n", SYSTEM, "-o", "name").stdout
    assert "countersign-webhook" in accounts and "countersign-operator" in accounts


def test_doctor_finds_it_as_it_should_be(site):
    site.tell_operator()
    done = run("doctor", "-n", SYSTEM, "-o", "json", user=site.cluster.kubeconfig, check=False)
    health = {}
    for one in json.loads(done.stdout)["findings"]:
        health.setdefault(one["area"], set()).add(one["health"])
    # Replicas and the certificate's name are those of no Pod here.
    for area in ("definitions", "admission", "rights", "stamp key", "leader", "probe"):
        assert health[area] == {"good"}, area
