"""The chapter about the record: one refusal, in the webhook's log and in the API server's."""

import json
import pathlib

from story.checks import expect, wait_for
from story.stage import Stage

# The webhook's annotations in the audit log are prefixed with its configuration's name.
ANNOTATION = "decision-id"


def recorded(stage: Stage) -> None:
    console, wanted = stage.console, stage.decision_id
    console.chapter("What was decided is on record")
    console.say(
        """Every decision, yes or no, is one JSON line of the webhook, and the API server's own
        audit log carries the same id. This is the refusal of the swapped digest:"""
    )
    members = ("decisionId", "time", "operation", "allowed", "requester", "object", "reasons")
    console.command(
        "platform", f"grep {wanted} build/demo/webhook.log | jq '{{{', '.join(members)}}}'"
    )
    line = _decision(stage.logs / "webhook.log", wanted)
    console.output(json.dumps({member: line[member] for member in members}, indent=2))
    expect(line["allowed"] is False, "a refusal", json.dumps(line["allowed"]))
    requester = line["requester"]["username"]
    expect(requester == "dana@bank.example", "Dana's request", requester)
    if stage.audit_log is None:
        console.seen("on record; the audit log of this cluster is not readable from here")
        return
    audit = stage.audit_log
    entry = wait_for(f"decision {wanted} in the audit log", lambda: _audited(audit, wanted))
    console.seen(f"on record twice, with the same id: the audit log says {entry}")


def _decision(log: pathlib.Path, wanted: str) -> dict:
    found: list[dict] = []

    def look() -> tuple[bool, str]:
        for text in log.read_text(errors="replace").splitlines():
            if wanted in text and '"type":"decision"' in text:
                found.append(json.loads(text))
                return True, ""
        return False, "no such line"

    wait_for(f"decision {wanted} in {log.name}", look)
    return found[0]


def _audited(log: pathlib.Path, wanted: str) -> tuple[bool, str]:
    for text in log.read_text(errors="replace").splitlines():
        if wanted not in text:
            continue
        event = json.loads(text)
        for key, value in event.get("annotations", {}).items():
            if key.endswith(ANNOTATION) and value == wanted:
                user, code = event["user"]["username"], event["responseStatus"]["code"]
                return True, f"{event['verb']} by {user}, code {code}"
    return False, "no event with it"
