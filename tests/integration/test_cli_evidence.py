"""What evidence there is, whose it is, and a deployment as a bill of materials."""

import json

import pytest
import samples as s
import schemas
from cli import run, write
from samples import VERA, VICTOR

POLICY = s.policy({"people": [{"name": "vera", "displayName": "Vera Jansen", "accounts": ["vera"]}]})


@pytest.fixture
def files(tmp_path):
    """A deployment that passes, with a bias test that a later one corrects."""
    case, mdeploy = s.use_case(), s.deployment()
    wrong = s.bias_test("fair-1", female=(20, 20, 80, 80))
    wrong["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    supersedes = {"name": "fair-1", "digest": s.canonical_digest(wrong["spec"]),
                  "reason": "Labels were swapped."}  # fmt: skip
    right = s.bias_test("fair-2", patch={"supersedes": supersedes})
    return write(
        tmp_path / "all.yaml", POLICY, case, s.answers_sign_off(case), mdeploy,
        s.sign_off(mdeploy, VERA), s.sign_off(mdeploy, VICTOR), s.snapshot(), wrong, right,
        s.bias_test("stray", "m-other"),
    )  # fmt: skip


def listed(*arguments):
    done = run("evidence", "list", "-o", "json", *arguments)
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)["items"]}


def test_lists_who_stands_behind_what_and_which_gates_rest_on_it(files):
    found = listed("-f", files)
    approval = found["vera-approves"]
    assert approval["counts"] and approval["uses"] == [
        {"deployment": "lending-prod/scorer", "gate": "lending/validation", "state": "Passed"}
    ]
    signatory = approval["signatory"]
    assert signatory["printedName"] == "Vera Jansen" and signatory["account"] == "vera"
    assert signatory["meaning"] == "Approve as model-validator" == approval["about"]
    assert found["victor-approves"]["signatory"]["printedName"] == "victor"
    assert found["fair-2"]["counts"] and found["fair-2"]["supersedes"] == "fair-1"
    assert found["fair-2"]["correction"] == "Labels were swapped."
    assert not found["fair-1"]["counts"] and found["fair-1"]["supersededBy"] == "fair-2"
    assert "'fair-2' is newer and about the same" in found["fair-1"]["whyNot"]
    assert found["stray"]["whyNot"] == ["no deployment is of its model"]
    table = run("evidence", "list", "-f", files).stdout
    assert "Vera Jansen (vera)" in table and "yes: lending-prod/scorer" in table
    assert "no: no deployment is of its model" in " ".join(table.split())


def test_narrows_the_list(files):
    assert set(listed("-f", files, "--kind", "BiasTest")) == {"fair-1", "fair-2", "stray"}
    assert set(listed("-f", files, "--model-digest", s.digest("m-other"))) == {"stray"}
    assert listed("-f", files, "--use-case", "lending/other") == {}
    assert "no such evidence" in run("evidence", "list", "-f", files, "--use-case", "a/b").stdout
    done = run("evidence", "list", "-f", files, "--use-case", "credit")
    assert done.returncode == 2 and "--use-case" in done.stderr


def test_shows_one(files):
    text = run("evidence", "show", "fair-2", "-f", files).stdout
    assert text.startswith("BiasTest lending/fair-2\n")
    assert "supersedes" in text and "fair-1: Labels were swapped." in text
    assert "lending-prod/scorer, lending/bias Passed" in text
    assert s.digest("m1") in text
    done = run("evidence", "show", "nothing", "-f", files)
    assert done.returncode == 2 and "no evidence named 'nothing'" in done.stderr


def exported(files, *more):
    done = run("evidence", "export", "--cyclonedx", "scorer", "-f", files, *more)
    assert done.returncode == 0, done.stderr
    bom = json.loads(done.stdout)
    assert schemas.faults("cyclonedx-1.6", bom) == []
    return bom


def references(value, key, found):
    """Everything under `key`, wherever it stands."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name == key:
                found.append(one)
            references(one, key, found)
    elif isinstance(value, list):
        for one in value:
            references(one, key, found)
    return found


def test_exports_a_bill_of_materials_that_its_schema_takes(files):
    bom = exported(files)
    model = bom["metadata"]["component"]
    assert model["type"] == "machine-learning-model" and model["name"] == "scorer"
    assert model["hashes"] == [{"alg": "SHA-256", "content": s.digest("m1")[7:]}]
    card = model["modelCard"]
    assert {"type": "accuracy", "value": "0.9"} in card["quantitativeAnalysis"]["performanceMetrics"]
    assert card["considerations"]["fairnessAssessments"][0]["groupAtRisk"] == "sex"
    assert card["considerations"]["useCases"] == ["Credit: Decides on loans."]
    data = {c["name"]: c for c in bom["components"] if c["type"] == "data"}
    assert data["train"]["hashes"][0]["content"] == s.digest("train")[7:]
    assert [d["ref"] for d in card["modelParameters"]["datasets"]] == ["data:train", "data:test"]
    images = [c for c in bom["components"] if c["type"] == "container"]
    assert images[0]["hashes"][0]["content"] == "c" * 64

    said = bom["declarations"]
    claims = {one["bom-ref"]: one for one in said["claims"]}
    bias = next(c for c in claims.values() if c["predicate"].startswith("bias is Passed"))
    assert bias["evidence"] == ["evidence:BiasTest/lending/fair-2"]
    decided, *signed = said["attestations"]
    assert decided["summary"].startswith("verdict Allow")
    assert len(decided["map"]) == len(claims)
    vera = next(a for a in signed if "Vera Jansen (vera)" in a["summary"])
    assert "Approve as model-validator" in vera["summary"]
    assert vera["map"][0]["conformance"] == {"score": 1, "rationale": "reviewed"}
    assert claims[vera["map"][0]["claims"][0]]["predicate"].startswith("validation is Passed")
    names = {a["bom-ref"]: a["organization"]["name"] for a in said["assessors"]}
    assert names[vera["assessor"]] == "Vera Jansen"

    # Whatever is referred to is there, once.
    refs = references(bom, "bom-ref", [])
    assert len(refs) == len(set(refs))
    used = references(bom, "requirement", []) + references(bom, "assessor", [])
    used += references(bom, "target", []) + references(bom, "ref", [])
    used += [r for key in ("claims", "counterClaims", "evidence", "dependsOn")
             for found in references(bom, key, []) for r in found if isinstance(r, str)]  # fmt: skip
    assert set(used) <= set(refs)
    assert exported(files)["serialNumber"] != bom["serialNumber"]


def test_what_nobody_authenticated_is_not_passed_on_as_attested(files):
    bom = exported(files)
    granted = [p["value"] for p in bom["metadata"]["properties"]
               if p["name"] == "countersign:takenForGranted"]  # fmt: skip
    told = run("evidence", "export", "--cyclonedx", "scorer", "-f", files).stderr.splitlines()
    assert granted and told == [f"taken for granted: {one}" for one in granted]
    for attestation in bom["declarations"]["attestations"]:
        assert attestation["summary"].endswith(
            "; not authenticated, see countersign:takenForGranted in metadata.properties")  # fmt: skip


def test_a_component_has_the_card_and_the_data_of_its_own_run(tmp_path):
    parts = []
    for name, role in (("adapter", "Adapter"), ("base", "BaseModel")):
        digest = s.digest(name)
        parts.append({"name": name, "role": role, "artifact": {
            "uri": f"oci://registry.example/{name}@{digest}", "digest": digest,
            "digestType": "ociManifest"}})  # fmt: skip
    identities = [{**p, "artifact": {k: p["artifact"][k] for k in ("digest", "digestType")}}
                  for p in parts]  # fmt: skip
    model = s.deployment(patch={"model": {"digestType": "composite", "components": parts, "uri": None,
                                          "digest": s.canonical_digest(identities)}})  # fmt: skip
    policy = s.policy()
    [measure] = [m for m in policy["spec"]["measures"] if m["name"] == "reproducible"]
    measure.update(subject="Each")
    measure["require"]["reproducibility"]["level"] = "MetricsOnly"
    runs = []
    for name, data, accuracy in (("adapter", "preferences", "0.61"), ("base", "crawl", "0.93")):
        files = [{"name": data, "digest": s.digest(data), "role": "Training"},
                 {"name": "test", "digest": s.digest("test of " + name), "role": "Test"}]  # fmt: skip
        runs.append(s.snapshot(name + "-run", name, patch={"data": files,
                                                           "metrics": {"accuracy": accuracy}}))  # fmt: skip
    bom = exported(write(tmp_path / "all.yaml", policy, s.use_case(), model, *runs))
    own = bom["metadata"]["component"]["modelCard"]
    assert "modelParameters" not in own and "quantitativeAnalysis" not in own
    found = {c["name"]: c for c in bom["components"] if c["type"] == "machine-learning-model"}
    needs = {one["ref"]: one["dependsOn"] for one in bom["dependencies"]}
    refs = {c["bom-ref"]: c for c in bom["components"] if c["type"] == "data"}
    for name, data, accuracy in (("adapter", "preferences", "0.61"), ("base", "crawl", "0.93")):
        card = found[name]["modelCard"]
        assert {"type": "accuracy", "value": accuracy} in (
            card["quantitativeAnalysis"]["performanceMetrics"])  # fmt: skip
        listed = [one["ref"] for one in card["modelParameters"]["datasets"]]
        assert listed == needs[found[name]["bom-ref"]]
        assert [refs[ref]["hashes"][0]["content"] for ref in listed] == [
            s.digest(data)[7:], s.digest("test of " + name)[7:]]  # fmt: skip
    assert needs["model"] == ["component:adapter", "component:base"]


def test_what_is_not_met_is_a_counter_claim(files, tmp_path):
    no = s.sign_off(s.deployment(), VICTOR, "victor-no", patch={"decision": "Reject"})
    bom = exported(files, "-f", write(tmp_path / "no.yaml", no))
    said = bom["declarations"]
    assert said["attestations"][0]["summary"].startswith("verdict Deny")
    counter = [m for m in said["attestations"][0]["map"] if "counterClaims" in m]
    assert [m["requirement"] for m in counter] == ["requirement:lending/validation"]
    assert counter[0]["conformance"] == {"score": 0, "rationale": "SignOffRejected"}
    victor = next(a for a in said["attestations"] if "Reject as model-validator" in a["summary"])
    assert victor["map"][0]["conformance"]["score"] == 0
    done = run("evidence", "export", "--cyclonedx", "nothing", "-f", files)
    assert done.returncode == 2 and "no ModelDeployment 'nothing'" in done.stderr
    done = run("evidence", "export", "scorer", "-f", files)
    assert done.returncode == 2 and "--cyclonedx" in done.stderr
