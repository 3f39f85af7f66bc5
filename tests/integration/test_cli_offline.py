"""The command line without a cluster: check, keygen, install, and how failures are told."""

import json
import os
import pathlib
import re
import stat
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("COUNTERSIGN_BIN", ROOT / "build" / "debug" / "bin"))
SAMPLES = ROOT / "tests" / "unit" / "governance" / "testdata" / "samples.yaml"
DIGEST = "sha256:" + "1" * 64

POLICY = {
    "apiVersion": "countersign.dev/v1alpha1",
    "kind": "GovernancePolicy",
    "metadata": {"name": "lending"},
    "spec": {
        "environments": [
            {"name": "dev", "namespaces": ["lending-dev"], "enforcement": "Warn"},
            {"name": "qa", "namespaces": ["lending-qa"], "enforcement": "Hold"},
            {"name": "prod", "namespaces": ["lending-prod"], "enforcement": "Deny"},
        ],
        "roles": [
            {"name": "validator", "level": "Tactical", "subjects": [{"kind": "Group", "name": "v"}]}
        ],
        "classification": {
            "signOff": {"role": "validator", "count": 1, "assurance": "Requester"},
            "classes": [{"name": "all", "when": {"otherwise": True}}],
        },
        "measures": [
            {
                "name": "validation",
                "step": "PreProduction",
                "accountable": "validator",
                "require": {
                    "signOff": {
                        "role": "validator",
                        "count": 1,
                        "maxAge": "30d",
                        "assurance": "Requester",
                    }
                },
            }
        ],
    },
}
USE_CASE = {
    "apiVersion": "countersign.dev/v1alpha1",
    "kind": "UseCase",
    "metadata": {"name": "credit", "namespace": "lending"},
    "spec": {
        "title": "Credit",
        "purpose": "Decides about credit.",
        "purposeCategory": "credit",
        "owner": "ana@bank.example",
        "developers": [{"kind": "User", "name": "dev@bank.example"}],
        "lifecycle": "Active",
        "deployTo": ["lending-dev", "lending-qa", "lending-prod"],
    },
}


def deployment(namespace):
    return {
        "apiVersion": "countersign.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "scorer", "namespace": namespace},
        "spec": {
            "useCaseRef": {"namespace": "lending", "name": "credit"},
            "model": {
                "name": "scorer",
                "version": "1.0.0",
                "uri": f"oci://registry.example/scorer@{DIGEST}",
                "digest": DIGEST,
                "digestType": "ociManifest",
            },
            "serving": {
                "backend": "Deployment",
                "replicas": 1,
                "port": 8080,
                "template": {
                    "spec": {"containers": [{"name": "s", "image": f"registry.example/s@{DIGEST}"}]}
                },
            },
        },
    }


def sign_off(environment, governed_digest):
    return {
        "apiVersion": "countersign.dev/v1alpha1",
        "kind": "SignOff",
        "metadata": {
            "name": "one",
            "namespace": "lending",
            "creationTimestamp": "2026-11-01T00:00:00Z",
        },
        "spec": {
            "subject": {
                "kind": "ModelDeployment",
                "useCase": "credit",
                "environment": environment,
                "model": {"digest": DIGEST, "digestType": "ociManifest"},
                "governedDigest": governed_digest,
            },
            "role": "validator",
            "decision": "Approve",
            "signer": {"username": "vera@bank.example"},
            "rationale": "Checked.",
        },
    }


def run(*arguments, stdin=None, program="countersign", env=None):
    return subprocess.run(
        [BIN / program, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=env,
    )


def check(folder, *objects, now="2026-11-10T00:00:00Z", more=()):
    for index, one in enumerate(objects):
        (folder / f"{index}.yaml").write_text(yaml.safe_dump(one))
    done = run("check", "-f", folder, "--now", now, "-o", "json", *more)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def decision(answer):
    return answer["deployments"][0]["decision"]


@pytest.mark.parametrize(
    ("namespace", "code", "verdict"),
    [("lending-prod", 1, "Deny"), ("lending-qa", 1, "Hold"), ("lending-dev", 0, "Warn")],
)
def test_exit_code_says_whether_it_would_serve(tmp_path, namespace, code, verdict):
    returned, answer, _ = check(tmp_path, POLICY, USE_CASE, deployment(namespace))
    assert (returned, decision(answer)["verdict"]) == (code, verdict)


def test_scores_by_bin_are_checked_without_a_cluster(tmp_path):
    policy = json.loads(json.dumps(POLICY))
    policy["spec"]["measures"] = [
        {
            "name": "calibration",
            "step": "PreProduction",
            "accountable": "validator",
            "require": {
                "biasTest": {
                    "favorableOutcome": "repaid",
                    "attributes": [{"name": "sex", "groups": ["f", "m"], "reference": "m"}],
                    "scoreBins": ["0.5"],
                    "metrics": [{"name": "expectedCalibrationErrorDifference", "max": "0.05"}],
                    "issuers": [{"kind": "Role", "name": "validator"}],
                }
            },
        }
    ]
    low, high = {"count": 100, "scores": "25", "positives": 25}, {"count": 100, "scores": "75"}
    test = {
        "apiVersion": "countersign.dev/v1alpha1",
        "kind": "BiasTest",
        "metadata": {"name": "scores", "namespace": "lending"},
        "spec": {
            "useCase": "credit",
            "model": {"digest": DIGEST, "digestType": "ociManifest"},
            "performedAt": "2026-11-01T00:00:00Z",
            "protocol": "calibration",
            "dataSet": {"name": "holdout", "digest": DIGEST, "rows": 400},
            "favorableOutcome": "repaid",
            "scoreBins": ["0.5"],
            "attributes": [{"name": "sex"}],
            "cells": [
                {"groups": {"sex": "m"}, "bins": [{**low}, {**high, "positives": 75}]},
                {"groups": {"sex": "f"}, "bins": [{**low}, {**high, "positives": 55}]},
            ],
        },
    }
    where = deployment("lending-prod")
    where["spec"]["model"]["digest"] = DIGEST
    returned, answer, _ = check(tmp_path, policy, USE_CASE, where, test)
    (gate,) = [g for g in decision(answer)["gates"] if g["measure"] == "calibration"]
    assert (returned, gate["state"], gate["reason"]) == (1, "Failed", "BiasOutOfBounds")
    assert "is 0.1000 (calibration error 0.1000 against 0.0000)" in gate["message"]
    test["spec"]["cells"][1]["bins"][1]["positives"] = 66
    returned, answer, _ = check(tmp_path, policy, USE_CASE, where, test)
    assert (returned, decision(answer)["verdict"]) == (0, "Allow")


def test_a_sign_off_allows_it_until_it_expires(tmp_path):
    _, answer, _ = check(tmp_path, POLICY, USE_CASE, deployment("lending-prod"))
    signed = sign_off("prod", decision(answer)["governedDigest"])
    returned, answer, _ = check(tmp_path, POLICY, USE_CASE, deployment("lending-prod"), signed)
    assert (returned, decision(answer)["verdict"]) == (0, "Allow")
    returned, answer, _ = check(
        tmp_path, POLICY, USE_CASE, deployment("lending-prod"), signed, now="2026-12-02T00:00:00Z"
    )
    assert returned == 1
    gate = decision(answer)["gates"][-1]
    assert (gate["state"], gate["expiredAt"]) == ("Expired", "2026-12-01T00:00:00Z")


def test_says_what_it_took_for_granted(tmp_path):
    _, answer, _ = check(tmp_path, POLICY, USE_CASE, deployment("lending-prod"))
    assert any("nobody was authenticated" in line for line in answer["assumptions"])
    done = run("check", "-f", tmp_path)
    assert "nobody was authenticated" in done.stdout


def test_table_shows_gate_reason_message_and_remedy(tmp_path):
    check(tmp_path, POLICY, USE_CASE, deployment("lending-prod"))
    text = run("check", "-f", tmp_path).stdout
    assert "ModelDeployment lending-prod/scorer" in text
    assert "SignOffMissing" in text
    assert "needs 1 sign-off in role 'validator', has none" in text
    file = re.search(r"approve scorer -f (\S+) -n lending-prod --role validator --rationale", text)
    assert file and pathlib.Path(file[1]).is_relative_to(tmp_path) and pathlib.Path(file[1]).is_file(), text


def test_reads_folders_recursively_streams_and_json(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "bad.yaml").write_text("{{{")
    (tmp_path / "notes.txt").write_text("{{{")
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all([POLICY, USE_CASE]))
    (tmp_path / "deep" / "er" / "d.json").write_text(json.dumps(deployment("lending-prod")))
    done = run("check", "-f", tmp_path, "-o", "json")
    assert json.loads(done.stdout)["deployments"][0]["source"].endswith("deep/er/d.json")


def test_reads_standard_input():
    done = run("check", "-f", "-", stdin=yaml.safe_dump_all([POLICY, deployment("lending-prod")]))
    assert done.returncode == 1
    assert "UseCaseNotAvailable" in done.stdout


def test_the_mortgage_example_is_well_formed(tmp_path):
    manifests = ROOT / "examples" / "mortgage" / "manifests"
    done = run("check", "-f", manifests)
    # No deployment is among them: those are made from the trained models.
    assert done.returncode == 2
    assert "there is no ModelDeployment" in done.stderr


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{{", "bad.yaml: "),
        ("apiVersion: countersign.dev/v1alpha1\nkind: UseCase\nmetadata: {name: a, namespace: b}\n"
         "spec: {titel: x}\n", "bad.yaml: spec.title: is required"),
        ("a: &x 1\nb: *x\n", "bad.yaml: "),
        ("just text", "bad.yaml: must be a Kubernetes object"),
        (b"kind: \xff\xfe", "bad.yaml: "),
        ("[" * 5000, "bad.yaml: "),
    ],
)
def test_malformed_manifests_are_an_error_with_file_and_path(tmp_path, text, found):
    path = tmp_path / "bad.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = run("check", "-f", tmp_path)
    assert done.returncode == 2
    assert found in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "-f", "/does/not/exist"],
        ["check"],
        ["check", "-f", SAMPLES, "--now", "yesterday"],
        ["check", "-f", SAMPLES, "-o", "xml"],
        ["frobnicate"],
        [],
        ["explain", "x", "--kubeconfig", "/does/not/exist"],
        ["approve", "x", "--role", "r", "--rationale", "y"],
        ["approve", "--role", "r", "--rationale", "y", "--yes"],
        ["approve", "x", "--use-case", "y", "--role", "r", "--rationale", "y", "--yes"],
    ],
)
def test_wrong_calls_are_one_sentence_and_exit_code_2(arguments):
    done = run(*arguments, stdin="")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("countersign: ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_server_that_does_not_answer_is_named(tmp_path):
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "a", "user": {"token": "x"}}],
    }
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    done = run("explain", "x", "--kubeconfig", path)
    assert done.returncode == 2
    assert "cannot reach the API server at https://127.0.0.1:1" in done.stderr


def test_keygen_writes_a_secret_file_once(tmp_path):
    out = tmp_path / "key.pem"
    done = run("keygen", "--out", out)
    assert done.returncode == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    derived = subprocess.run(
        ["openssl", "pkey", "-in", out, "-pubout"], capture_output=True, text=True, check=True
    )
    assert done.stdout == derived.stdout
    before = out.read_bytes()
    again = run("keygen", "--out", out)
    assert again.returncode == 2
    assert "not overwritten" in again.stderr
    assert out.read_bytes() == before


def test_install_prints_objects_that_can_be_applied(tmp_path):
    ca = tmp_path / "ca.crt"
    ca.write_text("-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n")
    done = run("install", "--url", "https://127.0.0.1:9443", "--ca-file", ca, "--crds")
    assert done.returncode == 0
    objects = list(yaml.safe_load_all(done.stdout))
    kinds = [o["kind"] for o in objects]
    assert kinds.count("CustomResourceDefinition") == 10
    assert kinds.index("Namespace") < kinds.index("ServiceAccount")
    assert {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"} <= set(kinds)
    assert "immutable" not in done.stdout
    assert run("install", "--ca-file", ca).returncode == 2
    assert run("install", "--url", "https://h", "--ca-file", "/no").returncode == 2


def test_is_a_plugin_of_kubectl():
    done = run("--help", program="kubectl-countersign")
    assert done.returncode == 0
    assert "Usage: kubectl countersign" in done.stdout
    assert "countersign 0" in run("version").stdout


@pytest.mark.parametrize("command", ["scan", "adopt"])
def test_a_namespace_narrows_files_as_it_does_a_cluster(tmp_path, command):
    labels = {"app": "chat"}
    container = {"name": "c", "image": "vllm/vllm-openai:v1"}
    workloads = [{"apiVersion": "apps/v1", "kind": "Deployment",
                  "metadata": {"name": "chat", "namespace": namespace},
                  "spec": {"selector": {"matchLabels": labels},
                           "template": {"metadata": {"labels": labels},
                                        "spec": {"containers": [container]}}}}
                 for namespace in ("lending-prod", "lending-dev")]  # fmt: skip
    path = tmp_path / "workloads.yaml"
    path.write_text("\n---\n".join(map(json.dumps, workloads)))
    both = run(command, "-f", path)
    assert "lending-dev" in both.stdout + both.stderr
    one = run(command, "-f", path, "-n", "lending-prod")
    assert one.returncode == 1 and "lending-dev" not in one.stdout + one.stderr
    none = run(command, "-f", path, "-n", "default")
    assert none.returncode == 2 and "in namespace 'default'" in none.stderr
