"""Objects as users write them: a lending policy, a use case, a model and its evidence."""

import copy
import datetime
import hashlib
import json

API = "countersign.dev/v1alpha1"
HOME, DEV, QA, PROD = "lending", "lending-dev", "lending-qa", "lending-prod"
IMAGE = "registry.example/server@sha256:" + "c" * 64

VERA = ("vera", ["model-risk"])
VICTOR = ("victor", ["model-risk"])
DANA = ("dana", ["ds-lending"])
DAN = ("dan", ["ds-lending", "model-risk"])  # validates elsewhere, develops here
REPRO = ("rita", ["reproducers"])


def digest(text):
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def canonical_digest(value):
    """RFC 8785 for the values used here: ASCII keys, strings, integers, booleans."""
    return digest(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def merged(base, patch):
    """RFC 7386 merge patch."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    out = copy.deepcopy(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merged(out.get(key), value)
    return out


def obj(kind, name, namespace, spec):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}


def policy(patch=None, name="lending"):
    validator = {"role": "model-validator", "distinctFrom": ["developers", "requester"]}
    spec = {
        "ethics": {"prohibitedPurposes": ["social-scoring"], "protectedAttributes": ["sex"]},
        "environments": [
            {"name": "dev", "namespaces": [DEV], "enforcement": "Warn"},
            {"name": "qa", "namespaces": [QA], "enforcement": "Hold"},
            {"name": "prod", "namespaces": [PROD], "enforcement": "Deny"},
        ],
        "roles": [
            {"name": "model-validator", "level": "Tactical",
             "subjects": [{"kind": "Group", "name": "model-risk"}]},
            {"name": "ml-engineer", "level": "Operational",
             "subjects": [{"kind": "Group", "name": "ds-lending"}]},
        ],
        "classification": {
            "signOff": {**validator, "count": 1, "distinctFrom": ["developers"],
                        "assurance": "Requester"},
            "questions": [{"name": "audience", "options": {"public": 3, "internal": 1}}],
            "classes": [
                {"name": "high", "when": {"answer": "audience", "includes": "public"}},
                {"name": "low", "when": {"otherwise": True}},
            ],
        },
        "measures": [
            {"name": "validation", "step": "PreProduction", "accountable": "model-validator",
             "applies": {"classes": ["high"], "environments": ["qa", "prod"]},
             "require": {"signOff": {**validator, "count": 2, "assurance": "Requester"}}},
            {"name": "reproducible", "step": "Development", "accountable": "ml-engineer",
             "applies": {"classes": ["high"], "environments": ["qa", "prod"]},
             "require": {"reproducibility": {
                 "level": "FullSnapshot", "issuers": [{"kind": "Group", "name": "ds-lending"}]}}},
            {"name": "bias", "step": "Development", "accountable": "ml-engineer",
             "applies": {"classes": ["high"], "environments": ["qa", "prod"]},
             "require": {"biasTest": {
                 "favorableOutcome": "approved",
                 "attributes": [{"name": "sex", "groups": ["female", "male"],
                                 "reference": "male"}],
                 "metrics": [{"name": "disparateImpact", "min": "0.8", "max": "1.25"}],
                 "issuers": [{"kind": "Group", "name": "ds-lending"}]}}},
        ],
    }  # fmt: skip
    return obj("GovernancePolicy", name, None, merged(spec, patch or {}))


def use_case(name="credit", patch=None):
    spec = {
        "title": "Credit", "purpose": "Decides on loans.", "purposeCategory": "credit-decision",
        "owner": "ana", "developers": [{"kind": "Group", "name": "ds-lending"}],
        "lifecycle": "Active", "answers": {"audience": ["public"]},
        "deployTo": [DEV, QA, PROD],
    }  # fmt: skip
    return obj("UseCase", name, HOME, merged(spec, patch or {}))


ANSWERS = ("answers", "developers", "owner", "purpose", "purposeCategory")


def answers_digest(case):
    return canonical_digest({key: case["spec"][key] for key in ANSWERS})


def deployment(name="scorer", namespace=PROD, model="m1", case="credit", patch=None):
    d = digest(model)
    spec = {
        "useCaseRef": {"namespace": HOME, "name": case},
        "model": {"name": "scorer", "version": "1.0", "digest": d, "digestType": "ociManifest",
                  "uri": f"oci://registry.example/scorer@{d}"},
        "serving": {"backend": "Deployment", "replicas": 2, "minReplicas": 1, "maxReplicas": 4,
                    "port": 8080, "template": {"spec": {"containers": [
                        {"name": "server", "image": IMAGE}]}}},
    }  # fmt: skip
    return obj("ModelDeployment", name, namespace, merged(spec, patch or {}))


def governed_digest(mdeploy):
    """As the documentation says: everything but replicas within bounds, labels and annotations that
    only describe."""
    spec = copy.deepcopy(mdeploy["spec"])
    serving = spec["serving"]
    if serving.get("minReplicas", 1e9) <= serving["replicas"] <= serving.get("maxReplicas", -1):
        serving["replicas"] = None
    metadata = serving["template"].get("metadata", {})
    kept = {k: v for k, v in metadata.items() if k not in ("labels", "annotations")}
    describing = ("prometheus.io/", "checksum/", "kubectl.kubernetes.io/", "app.kubernetes.io/",
                  "argocd.argoproj.io/")  # fmt: skip
    governed = {k: v for k, v in metadata.get("annotations", {}).items()
                if not k.startswith(describing)}  # fmt: skip
    if governed:
        kept["annotations"] = governed
    serving["template"].pop("metadata", None)
    if kept:
        serving["template"]["metadata"] = kept
    return canonical_digest(spec)


def sign_off(mdeploy, signer, name=None, environment="prod", patch=None):
    spec = {
        "subject": {
            "kind": "ModelDeployment", "useCase": mdeploy["spec"]["useCaseRef"]["name"],
            "environment": environment,
            "model": {k: mdeploy["spec"]["model"][k] for k in ("digest", "digestType")},
            "governedDigest": governed_digest(mdeploy),
        },
        "role": "model-validator", "decision": "Approve", "signer": {"username": signer[0]},
        "rationale": "reviewed",
    }  # fmt: skip
    return obj("SignOff", name or f"{signer[0]}-approves", HOME, merged(spec, patch or {}))


def answers_sign_off(case, signer=VERA, name=None):
    spec = {
        "subject": {"kind": "UseCase", "useCase": case["metadata"]["name"],
                    "answersDigest": answers_digest(case)},
        "role": "model-validator", "decision": "Approve", "signer": {"username": signer[0]},
        "rationale": "answers checked",
        "shown": {"useCase": {key: case["spec"][key] for key in ANSWERS}},
    }  # fmt: skip
    return obj("SignOff", name or case["metadata"]["name"] + "-answers", HOME, spec)


def snapshot(name="snap", model="m1", case="credit", patch=None):
    spec = {
        "useCase": case, "model": {"digest": digest(model), "digestType": "ociManifest"},
        "performedAt": now(),
        "code": {"repository": "https://git.example/scorer", "commit": "a" * 40, "clean": True,
                 "entryPoint": "python train.py", "artifactDigest": digest("code")},
        "data": [{"name": "train", "digest": digest("train"), "role": "Training",
                  "split": "half", "seed": 7},
                 {"name": "test", "digest": digest("test"), "role": "Test",
                  "split": "the other half", "seed": 7}],
        "environment": {"lockFileDigest": digest("lock"), "runtime": "CPython 3.11",
                        "hardware": "x86_64"},
        "parameters": {"C": "1.0"}, "metrics": {"accuracy": "0.9"},
    }  # fmt: skip
    return obj("ReproducibilitySnapshot", name, HOME, merged(spec, patch or {}))


def bias_test(name="fair", model="m1", case="credit", female=(80, 20, 20, 80), patch=None):
    cells = [
        {"groups": {"sex": sex}, **dict(zip(("tp", "fp", "fn", "tn"), counts))}
        for sex, counts in (("female", female), ("male", (80, 20, 20, 80)))
    ]
    rows = sum(cell[k] for cell in cells for k in ("tp", "fp", "fn", "tn"))
    spec = {
        "useCase": case, "model": {"digest": digest(model), "digestType": "ociManifest"},
        "performedAt": now(), "protocol": "holdout",
        "dataSet": {"name": "test", "digest": digest("test"), "rows": rows},
        "favorableOutcome": "approved", "attributes": [{"name": "sex"}], "cells": cells,
    }  # fmt: skip
    return obj("BiasTest", name, HOME, merged(spec, patch or {}))


def report(name="load", model="m1", case="credit", patch=None):
    spec = {
        "useCase": case, "type": "LoadTest", "performedAt": now(), "environment": "qa",
        "model": {"digest": digest(model), "digestType": "ociManifest"},
        "claims": [{"name": "errorRate", "number": "0.002"}],
        "artifacts": [{"name": "report", "uri": "https://reports.example/17",
                       "digest": digest("report")}],
    }  # fmt: skip
    return obj("Evidence", name, HOME, merged(spec, patch or {}))


def incident(name="wrong", case="credit", patch=None):
    spec = {
        "useCase": case, "severity": "High", "category": "SeriousIncident", "awareAt": now(),
        "summary": "People with short addresses were refused.", "quarantine": {"scope": "UseCase"},
    }  # fmt: skip
    return obj("Incident", name, HOME, merged(spec, patch or {}))


def incident_review(name="review", incident="wrong", case="credit"):
    said = {"incident": incident, "cause": "A bug.", "remedy": "A fix.", "lesson": "A test."}
    spec = {
        "useCase": case, "type": "IncidentReview", "performedAt": now(),
        "claims": [{"name": name, "text": text} for name, text in said.items()],
    }  # fmt: skip
    return obj("Evidence", name, HOME, spec)


def waiver(name="exception", model="m1", case="credit", patch=None, days=10):
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    spec = {
        "useCase": case, "policy": "lending", "environment": "prod", "measures": ["bias"],
        "model": {"digest": digest(model), "digestType": "ociManifest"},
        "reason": "The test is being repeated.", "ticket": "OPS-17",
        "compensatingControl": "A person looks at every refusal.",
        "expiresAt": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    return obj("Waiver", name, HOME, merged(spec, patch or {}))
