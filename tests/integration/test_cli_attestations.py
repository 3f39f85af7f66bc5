"""Statements that other tools sign, as evidence: what counts is what was signed."""

import base64
import copy
import json

import pytest
import samples as s
from cli import run, write
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

TESTS = "https://in-toto.io/attestation/test-result/v0.1"
SLSA = "https://slsa.dev/provenance/v1"
BOM = "https://cyclonedx.org/bom"
PAYLOAD = "application/vnd.in-toto+json"

OCI = ("--digest-type", "ociManifest")

PREDICATES = {
    TESTS: {"result": "PASSED", "passedTests": ["a", "b"], "url": "https://ci.example/7",
            "configuration": [{"name": "suite"}]},
    SLSA: {"buildDefinition": {"buildType": "https://ci.example/train/v1",
                               "resolvedDependencies": [{"uri": "s3://data", "digest": {"sha256": "d"}}]},
           "runDetails": {"builder": {"id": "https://ci.example/runner"},
                          "metadata": {"finishedOn": "2026-01-02T03:04:05Z"}}},
    BOM: {"bomFormat": "CycloneDX", "specVersion": "1.6",
          "metadata": {"timestamp": "2026-01-02T03:04:05Z"},
          "components": [{"type": "data", "name": "train"}]},
}  # fmt: skip


@pytest.fixture
def key(tmp_path):
    made = ed25519.Ed25519PrivateKey.generate()
    (tmp_path / "ci.pub").write_bytes(
        made.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return made


def envelope(tmp_path, key, kind, predicate=None, model="m1", subjects=None):
    """As cosign and witness write it."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects or [{"name": "model", "digest": {"sha256": s.digest(model)[7:]}}],
        "predicateType": kind, "predicate": predicate or PREDICATES[kind],
    }  # fmt: skip
    payload = json.dumps(statement).encode()
    pae = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)
    path = tmp_path / "envelope.json"
    path.write_text(json.dumps({
        "payload": base64.b64encode(payload).decode(), "payloadType": PAYLOAD,
        "signatures": [{"keyid": "", "sig": base64.b64encode(key.sign(pae)).decode()}],
    }))  # fmt: skip
    return path


def made(tmp_path, file, *more):
    return run("evidence", "attestation", file, "--public-key", tmp_path / "ci.pub", "--use-case",
               f"{s.HOME}/credit", "--name", "said", "-o", "json", *more)  # fmt: skip


def evidence(tmp_path, key, kind, **kwargs):
    more = ["--at", "2026-01-02T03:04:05Z"] if kind == TESTS else []
    done = made(tmp_path, envelope(tmp_path, key, kind, **kwargs), *OCI, *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def policy(tmp_path, claims, kind="TestResult"):
    public = (tmp_path / "ci.pub").read_text()
    return s.policy({
        "people": [{"name": "ci", "accounts": ["system:serviceaccount:ci:tests"],
                    "keys": [{"publicKey": public}]}],
        "measures": [{
            "name": "tested", "step": "Development", "accountable": "ml-engineer",
            "require": {"evidence": {"type": kind, "claims": claims, "assurance": "Signed",
                                     "issuers": [{"kind": "Person", "name": "ci"}]}}}],
    })  # fmt: skip


def gate(tmp_path, *objects):
    case = s.use_case()
    done = run("check", "-o", "json", "-f", write(tmp_path / "all.yaml", case,
               s.answers_sign_off(case), s.deployment(), *objects))  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    gates = json.loads(done.stdout)["deployments"][0]["decision"]["gates"]
    return next(one for one in gates if one["measure"] == "tested")


@pytest.mark.parametrize(
    ("kind", "type_", "claim"),
    [
        (TESTS, "TestResult", {"claim": "testsFailed", "operator": "Equals", "value": "0"}),
        (SLSA, "SlsaProvenance",
         {"claim": "builder", "operator": "Equals", "value": "https://ci.example/runner"}),
        (BOM, "CycloneDxBom", {"claim": "dataSets", "operator": "Includes", "values": ["train"]}),
    ],
)  # fmt: skip
def test_a_statement_of_another_tool_meets_a_measure(tmp_path, key, kind, type_, claim):
    said = evidence(tmp_path, key, kind)
    assert said["spec"]["type"] == type_
    found = gate(tmp_path, policy(tmp_path, [claim], type_), said)
    assert found["state"] == "Passed", found
    assert found["evidence"][0]["signatory"]["assurance"] == "Signed"
    verified = run("verify", "-f", write(tmp_path / "one.yaml", policy(tmp_path, [claim]), said))
    assert verified.returncode == 0 and "of 'system:serviceaccount:ci:tests'" in verified.stdout


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"claims": [{"name": "result", "text": "PASSED"}]}, "spec.claims must be what it says"),
        ({"type": "RedTeam"}, "spec.type must be what it says"),
        ({"environment": "prod"}, "spec.environment is nothing that it says"),
        ({"summary": "All is well."}, "spec.summary is nothing that it says"),
        ({"model": {"digest": s.digest("m2")}}, "no subject of it is the model"),
    ],
)
def test_nothing_beside_the_envelope_is_believed(tmp_path, key, change, why):
    failed = {"result": "FAILED", "failedTests": ["a"], "configuration": [{"name": "suite"}]}
    said = evidence(tmp_path, key, TESTS, predicate=failed)
    claim = [{"claim": "result", "operator": "Equals", "value": "PASSED"}]
    assert gate(tmp_path, policy(tmp_path, claim), said)["state"] == "Failed"
    edited = copy.deepcopy(said)
    edited["spec"] = s.merged(edited["spec"], change)
    done = run("verify", "-f", write(tmp_path / "edited.yaml", edited))
    assert done.returncode == 1 and why in done.stdout


def test_what_is_ambiguous_is_asked_for(tmp_path, key):
    done = made(tmp_path, envelope(tmp_path, key, TESTS), *OCI)
    assert done.returncode == 2 and "--at: is required" in done.stderr
    done = made(tmp_path, envelope(tmp_path, key, SLSA), *OCI, "--at", "2026-01-02T03:04:05Z")
    assert done.returncode == 2 and "--at: must be left out: the statement says" in done.stderr
    # A digest does not tell what it was taken over.
    done = made(tmp_path, envelope(tmp_path, key, SLSA))
    assert done.returncode == 2 and "--digest-type: is required: ociManifest" in done.stderr
    done = made(tmp_path, envelope(tmp_path, key, SLSA), "--digest-type", "tar")
    assert done.returncode == 2 and "--digest-type: must be ociManifest" in done.stderr
    two = [{"name": n, "digest": {"sha256": s.digest(n)[7:]}} for n in ("m1", "m2")]
    done = made(tmp_path, envelope(tmp_path, key, SLSA, subjects=two), *OCI)
    assert done.returncode == 2 and "which of its 2 subjects" in done.stderr
    assert "--model, --uri, --digest" in done.stderr
    done = made(tmp_path, envelope(tmp_path, key, SLSA, subjects=two), *OCI, "--digest",
                s.digest("m3"))  # fmt: skip
    assert done.returncode == 2 and f"is not about {s.digest('m3')}" in done.stderr
    done = made(tmp_path, envelope(tmp_path, key, SLSA, subjects=two), *OCI, "--digest",
                s.digest("m2"))  # fmt: skip
    assert json.loads(done.stdout)["spec"]["model"]["digest"] == s.digest("m2")
    done = made(tmp_path, envelope(tmp_path, key, "https://example.com/other", {"a": 1}), *OCI)
    assert done.returncode == 2 and "https://example.com/other" in done.stderr
    stranger = ed25519.Ed25519PrivateKey.generate()
    done = made(tmp_path, envelope(tmp_path, stranger, SLSA), *OCI)
    assert done.returncode == 2 and "does not hold" in done.stderr


def test_the_model_is_named_as_import_names_it(tmp_path, key):
    pushed = f"oci://registry.example/scorer@{s.digest('m1')}"
    done = made(tmp_path, envelope(tmp_path, key, SLSA), "--uri", pushed)
    assert json.loads(done.stdout)["spec"]["model"] == {
        "digest": s.digest("m1"), "digestType": "ociManifest"}  # fmt: skip
    (tmp_path / "model.bin").write_text("m1")
    out = tmp_path / "out" / "evidence.json"
    done = made(tmp_path, envelope(tmp_path, key, SLSA), "--model", tmp_path / "model.bin",
                "--out", out)  # fmt: skip
    assert done.returncode == 0 and done.stdout == "", done.stderr
    written = json.loads(out.read_text())
    assert written["spec"]["model"]["digestType"] == "file"
    assert written["metadata"]["namespace"] == s.HOME
    assert written["metadata"]["name"].startswith("said-slsa-provenance-")
    done = run("evidence", "attestation", envelope(tmp_path, key, SLSA), "--public-key",
               tmp_path / "ci.pub", *OCI)  # fmt: skip
    assert done.returncode == 2 and "--use-case: is required" in done.stderr
