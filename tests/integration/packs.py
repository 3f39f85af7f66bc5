"""The policy packs with their fixtures, as files that name digests instead of $(digest …)."""

import re

import samples
import yaml
from cli import ROOT, write

PACKS = ROOT / "examples" / "policies"
AT = "2026-11-20T00:00:00Z"  # when the fixtures are fresh


def _digest(objects, kind, name):
    namespace, name = name.split("/")
    found = next(o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name
                 and o["metadata"]["namespace"] == namespace)  # fmt: skip
    if kind == "ModelDeployment":
        return samples.governed_digest(found)
    return samples.answers_digest(found) if kind == "UseCase" else samples.canonical_digest(found["spec"])


def fixtures(pack, change=None):
    """The objects of a pack's fixtures; `change(objects)` edits them before they are signed."""
    objects = list(yaml.safe_load_all((PACKS / pack / "fixtures.yaml").read_text()))
    if change:
        objects = change(objects)
    text = yaml.safe_dump_all(objects)
    return list(yaml.safe_load_all(re.sub(
        r"\$\(digest (\w+) ([^)]+)\)", lambda m: _digest(objects, m[1], m[2]), text)))  # fmt: skip


def folder(tmp_path, pack, change=None):
    """Policy and fixtures in one folder, for -f."""
    write(tmp_path / "fixtures.yaml", *fixtures(pack, change))
    (tmp_path / "policy.yaml").write_text((PACKS / pack / "policy.yaml").read_text())
    return tmp_path
