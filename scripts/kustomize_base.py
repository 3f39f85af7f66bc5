#!/usr/bin/python3
"""Writes the objects of deploy/kustomize: what charts/countersign renders, without what is Helm's.

Usage: kustomize_base.py HELM [FOLDER]   (default: deploy/kustomize)
"""

import pathlib
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
BASE = ROOT / "deploy" / "kustomize"
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
        [helm, "template", "countersign", ROOT / "charts" / "countersign", "-n",
         "countersign-system", "-f", BASE / "values.yaml"],
        capture_output=True, text=True)  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"kustomize_base: {done.stderr.strip()}")
    return [without_helm(one) for one in yaml.safe_load_all(done.stdout) if one]


def main(helm, folder=BASE):
    found = objects(helm)
    for name, wanted in (("installation.yaml", True), ("programs.yaml", False)):
        chosen = [one for one in found if (one["kind"] in RULES) == wanted]
        chosen.sort(key=lambda one: (one["kind"], one["metadata"]["name"]))
        text = HEADER + yaml.safe_dump_all(chosen, sort_keys=True, width=120)
        (pathlib.Path(folder) / name).write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
