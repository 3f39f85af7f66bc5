"""docs/measures.md: its examples hold together, and each piece of evidence in them matters."""

import json
import re

import pytest
import samples
import yaml
from cli import ROOT, run, write

MODEL = "sha256:" + "1" * 64
AT = "2026-11-20T00:00:00Z"


def examples():
    text = (ROOT / "docs" / "measures.md").read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.S)]
    measures = [measure for block in blocks if isinstance(block, list) for measure in block]
    evidence = [block for block in blocks if isinstance(block, dict)]
    return measures, evidence


MEASURES, EVIDENCE = examples()
NAMES = [one["metadata"]["name"] for one in EVIDENCE]


def judged(tmp_path, evidence):
    deployment = samples.deployment(patch={
        "model": {"digest": MODEL, "uri": f"oci://registry.example/scorer@{MODEL}"},
        "serving": {"minReplicas": 2}})  # fmt: skip
    objects = [{**one, "apiVersion": samples.API,
                "metadata": {**one["metadata"], "namespace": samples.HOME}} for one in evidence]
    file = write(tmp_path / "all.yaml", samples.policy({"measures": MEASURES}), samples.use_case(),
                 deployment, *objects)  # fmt: skip
    done = run("check", "-f", file, "--now", AT, "-o", "json")
    assert done.returncode in (0, 1), done.stderr
    (result,) = json.loads(done.stdout)["deployments"]
    return {gate["measure"]: gate for gate in result["decision"]["gates"] if gate.get("step")}


def test_every_measure_is_met_by_the_evidence_beside_it(tmp_path):
    gates = judged(tmp_path, EVIDENCE)
    assert set(gates) == {measure["name"] for measure in MEASURES}
    assert {name: gate["message"] for name, gate in gates.items() if gate["state"] != "Passed"} == {}


@pytest.mark.parametrize("name", NAMES)
def test_without_a_piece_of_evidence_a_gate_is_closed_and_says_what_opens_it(tmp_path, name):
    gates = judged(tmp_path, [one for one in EVIDENCE if one["metadata"]["name"] != name])
    closed = [gate for gate in gates.values() if gate["state"] != "Passed"]
    assert closed, f"{name} is asked for by no measure"
    assert all(gate["message"] and gate["remedy"] for gate in closed)


def test_every_kind_of_requirement_has_an_example_or_a_page():
    text = (ROOT / "docs" / "measures.md").read_text()
    schema = yaml.safe_load((ROOT / "crds" / "countersign.dev_governancepolicies.yaml").read_text())
    spec = schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    kinds = spec["properties"]["measures"]["items"]["properties"]["require"]["properties"]
    assert {kind for kind in kinds if f"{kind}" not in text} == set()
