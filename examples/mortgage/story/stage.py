"""What every chapter works with."""

import dataclasses
import pathlib

from story.console import Console
from story.kubectl import Person

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Shown to the reader as they are typed from the top folder.
EXAMPLE = "examples/mortgage"
BUILT = "build/example"

HOME, DEV, PROD = "lending", "lending-dev", "lending-prod"
SCORER, ROUTER = "mortgage-scorer", "mail-router"
USE_CASE, MAIL_USE_CASE = "mortgage-preapproval", "mail-routing"
VALIDATOR, OWNER = "model-validator", "business-owner"


@dataclasses.dataclass
class Stage:
    console: Console
    admin: Person
    people: dict[str, Person]
    logs: pathlib.Path
    # Whether the cluster's nodes are simulated, so that pods run without any image being pulled.
    simulated_nodes: bool
    # The API server's audit log, where this script can read it.
    audit_log: pathlib.Path | None
    # Of the refusal that the chapter about the record looks up.
    decision_id: str = ""

    def deployment_file(self, version: str, environment: str = "prod") -> str:
        return f"{BUILT}/deployments/{environment}/mortgage-{version}.yaml"

    def evidence_file(self, version: str, name: str) -> str:
        return f"{BUILT}/evidence/{version}/{name}.yaml"
