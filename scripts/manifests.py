#!/usr/bin/python3
"""Writes what is made from the chart: the objects of deploy/kustomize (what it renders, without what
is Helm's), what Chart.yaml tells Artifact Hub about the custom resources, and the table of values in
the chart's README, in which only what a value is for is written by hand.

Usage: manifests.py HELM [FOLDER]   (default: deploy/kustomize; another one is for comparing)
"""

import json
import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
BASE = ROOT / "deploy" / "kustomize"
CHART = ROOT / "charts" / "countersign"
HEADER = "# Written by `make manifests` from charts/countersign; change it there.\n"
RULES = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount",
         "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
         "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")  # fmt: skip


def without_helm(value):
    """Nobody keeps what Helm's labels and annotations say, where Helm is not."""
    if isinstance(value, list):
        return [without_helm(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: without_helm(one) for key, one in value.items()
            if not key.startswith("helm.sh/") and (key, one) != ("app.kubernetes.io/managed-by", "Helm")}  # fmt: skip


def objects(helm):
    done = subprocess.run(
        [helm, "template", "countersign", CHART, "-n",
         "countersign-system", "-f", BASE / "values.yaml"],
        capture_output=True, text=True)  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"manifests: {done.stderr.strip()}")
    return [without_helm(one) for one in yaml.safe_load_all(done.stdout) if one]


def described():
    """The custom resources as Artifact Hub wants them."""
    for path in sorted((CHART / "files" / "crds").glob("*.yaml")):
        crd = yaml.safe_load(path.read_text())
        (version,) = crd["spec"]["versions"]
        schema = version["schema"]["openAPIV3Schema"]
        yield {"kind": crd["spec"]["names"]["kind"], "version": version["name"],
               "name": crd["metadata"]["name"], "displayName": crd["spec"]["names"]["kind"],
               "description": schema["description"]}  # fmt: skip


def chart_yaml():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    crds = yaml.safe_dump(list(described()), sort_keys=False, width=1000)
    example = next(yaml.safe_load_all((ROOT / "examples/mortgage/manifests/use-cases.yaml").read_text()))
    chart["annotations"] |= {
        "artifacthub.io/images": yaml.safe_dump([{
            "name": "countersign", "image": f"ghcr.io/countersign/countersign:{chart['appVersion']}"}]),
        "artifacthub.io/crds": crds,
        "artifacthub.io/crdsExamples": yaml.safe_dump([example], sort_keys=False, width=100),
    }  # fmt: skip
    return "# `make manifests` writes what is here about images and custom resources.\n" + yaml.dump(
        chart, sort_keys=False, width=1000, Dumper=Blocks)  # fmt: skip


def values_of(value, prefix=""):
    """Path and default of every value; of resources and of labels the whole is one."""
    whole = ("webhook.resources", "operator.resources", "metrics.dashboard.labels")
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if isinstance(inner, dict) and inner and path not in whole:
            yield from values_of(inner, path + ".")
        else:
            yield path, inner


def readme():
    """Rows in the order of values.yaml. A default in words, for what is empty, is kept."""
    text = (CHART / "README.md").read_text()
    row = re.compile(r"^\| `([^`]+)` \| ?(.*?) ?\| ?(.*?) ?\|$", re.MULTILINE)
    written = {path: (default, what) for path, default, what in row.findall(text)}
    rows = []
    for path, value in values_of(yaml.safe_load((CHART / "values.yaml").read_text())):
        words, what = written.get(path, ("", ""))
        plain = value not in ("", [], {}) and not isinstance(value, (list, dict))
        default = f"`{json.dumps(value) if isinstance(value, bool) else value}`" if plain else words
        rows.append(" ".join(filter(None, ["|", f"`{path}`", "|", default, "|", what, "|"])) + "\n")
    begin, end = row.search(text).start(), [m.end() for m in row.finditer(text)][-1] + 1
    return text[:begin] + "".join(rows) + text[end:]


class Blocks(yaml.SafeDumper):
    """Texts of several lines as such."""


Blocks.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None))  # fmt: skip


def main(helm, folder=BASE):
    found = objects(helm)
    target = CHART if folder == BASE else pathlib.Path(folder)
    (target / "Chart.yaml").write_text(chart_yaml())
    (target / "README.md").write_text(readme())
    for name, wanted in (("installation.yaml", True), ("programs.yaml", False)):
        chosen = [one for one in found if (one["kind"] in RULES) == wanted]
        chosen.sort(key=lambda one: (one["kind"], one["metadata"]["name"]))
        text = HEADER + yaml.safe_dump_all(chosen, sort_keys=True, width=120)
        (pathlib.Path(folder) / name).write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
