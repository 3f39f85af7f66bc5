"""The Kubernetes objects that say what was trained, on what, and how it treats each group.

Every digest is of bytes that lie in the build folder; every count comes from the test set. The one
value that differs from run to run is performedAt (fixed by SOURCE_DATE_EPOCH).
"""

import dataclasses
import os
import pathlib
import platform
import time
from fractions import Fraction

import yaml

from training import environment, fairness, model, source
from training.data import SEED, Split

API_VERSION = "countersign.dev/v1alpha1"
HOME, USE_CASE = "lending", "mortgage-preapproval"
MAIL_USE_CASE = "mail-routing"
REGISTRY = "registry.bank.example/lending"
# Stands in for the bank's scoring server: no registry of that name exists, and the demo's nodes
# (kwok) pull nothing. The digest is that of the text "scoring-server", so that nobody takes it for
# an image.
SERVER = (
    "registry.bank.example/serving/scoring-server"
    "@sha256:242363b38068d0d983f36c713e5bd13c873180fc01ab19839164361cbd00c52c"
)


@dataclasses.dataclass(frozen=True)
class Trained:
    """One model with its artefact's digest and its counts on the test set."""

    model: model.Model
    digest: str
    cells: fairness.Cells

    @property
    def accuracy(self) -> Fraction:
        return fairness.total(self.cells.values()).accuracy

    @property
    def slug(self) -> str:
        return f"{self.model.name}-{self.model.version.replace('.', '-')}"


def now() -> str:
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(fixed) if fixed else None))


def decimal(value: Fraction, places: int = 6) -> str:
    return f"{round(value * 10**places) / 10**places:.{places}f}"


def bias_test(trained: Trained, split: Split) -> dict:
    return _object(
        "BiasTest",
        HOME,
        trained.slug,
        {
            "useCase": USE_CASE,
            "model": {"digest": trained.digest, "digestType": "ociManifest"},
            "performedAt": now(),
            "protocol": "holdout-v1",
            "dataSet": {
                "name": "boston-hmda-1990-test",
                "digest": split.test.digest,
                "rows": len(split.test.rows),
            },
            "favorableOutcome": "approved",
            "decisionThreshold": trained.model.threshold,
            "attributes": [{"name": fairness.RACE}, {"name": fairness.MARITAL_STATUS}],
            "cells": [
                {
                    "groups": {fairness.RACE: race, fairness.MARITAL_STATUS: status},
                    **dataclasses.asdict(counts),
                }
                for (race, status), counts in trained.cells.items()
            ],
        },
    )


def snapshot(trained: Trained, split: Split, reproduction: bool) -> dict:
    code = source.find()
    parts = ((split.train, "Training"), (split.validation, "Validation"), (split.test, "Test"))
    spec = {
        "useCase": USE_CASE,
        "model": {"digest": trained.digest, "digestType": "ociManifest"},
        "performedAt": now(),
        "code": {
            "repository": code.repository,
            "commit": code.commit,
            "clean": code.clean,
            "entryPoint": "examples/mortgage/train.py",
            "artifactDigest": code.digest,
        },
        "data": [
            {
                "name": f"boston-hmda-1990-{part.name}",
                "digest": part.digest,
                "role": role,
                "rows": len(part.rows),
                "split": "30/30/40, stratified by race, marital status and decision",
                "seed": SEED,
            }
            for part, role in parts
        ],
        "environment": {
            "lockFileDigest": environment.lock_digest(),
            "unpinned": [],
            "runtime": f"{platform.python_implementation()} {platform.python_version()}",
            "hardware": platform.machine(),
        },
        "parameters": {
            "C": str(model.INVERSE_PENALTY),
            "solver": "newton-cholesky",
            "inputs": " ".join(trained.model.coefficients),
            "threshold": trained.model.threshold,
        },
        "metrics": {"accuracy": decimal(trained.accuracy)},
    }
    name = trained.slug
    if reproduction:
        spec["reproductionOf"] = name
        name += "-reproduction"
    return _object("ReproducibilitySnapshot", HOME, name, spec)


def deployment(trained: Trained, namespace: str) -> dict:
    return _deployment(
        USE_CASE,
        namespace,
        trained.model.name,
        trained.model.version,
        trained.digest,
        extra={
            "decision": {
                "threshold": trained.model.threshold,
                "preprocessing": "yes and no become 1 and 0; race and marital status are not read",
                "postprocessing": "at or above the threshold pre-approved, else to an underwriter",
            },
            "fallback": {
                "kind": "Human",
                "description": "underwriters decide every application, as before the model",
            },
        },
        replicas=2,
    )


def mail_deployment(digest: str, namespace: str) -> dict:
    return _deployment(MAIL_USE_CASE, namespace, "mail-router", "1.0.0", digest, {}, replicas=1)


def write(path: pathlib.Path, *objects: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump_all(objects, sort_keys=False, width=100)
    path.write_text("# Made by examples/mortgage/train.py.\n" + text)


def _deployment(
    use_case: str, namespace: str, name: str, version: str, digest: str, extra: dict, replicas: int
) -> dict:
    return _object(
        "ModelDeployment",
        namespace,
        name,
        {
            "useCaseRef": {"namespace": HOME, "name": use_case},
            "model": {
                "name": name,
                "version": version,
                "uri": f"oci://{REGISTRY}/{name}@{digest}",
                "digest": digest,
                "digestType": "ociManifest",
            },
            **extra,
            "serving": {
                "backend": "Deployment",
                "replicas": replicas,
                "minReplicas": 1,
                "maxReplicas": 4,
                "port": 8080,
                "template": {
                    "metadata": {"labels": {"app.kubernetes.io/name": name}},
                    "spec": {
                        "containers": [
                            {
                                "name": "server",
                                "image": SERVER,
                                "args": ["--model=/models"],
                                "ports": [{"name": "http", "containerPort": 8080}],
                                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
                            }
                        ]
                    },
                },
            },
        },
    )


def _object(kind: str, namespace: str, name: str, spec: dict) -> dict:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
