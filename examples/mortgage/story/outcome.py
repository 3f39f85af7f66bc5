"""What the story looks for in the cluster: refusals, gates, conditions, Deployments, Events."""

import json
import re

from story.checks import StepFailed, expect, wait_for
from story.kubectl import Answer, Person


def refused(answer: Answer, *must_say: str) -> None:
    """The API server said no, for the reasons named and in a way that a person can act on."""
    expect(not answer.ok, "a refusal", answer.text)
    # What a 403 is called by kubectl, by RBAC, and by the API server about a webhook.
    words = ("Forbidden", "forbidden", "denied the request")
    expect(any(word in answer.text for word in words), "a 403", answer.text)
    for phrase in must_say:
        expect(phrase in answer.text, f"the refusal to say {phrase!r}", answer.text)


def decision_id(answer: Answer) -> str:
    """The id that a refusal ends with, by which it is found in the logs."""
    found = re.search(r"\(decision ([0-9a-f-]{36})\)", answer.text)
    if found is None:
        raise StepFailed("a decision id in the refusal", answer.text)
    return found.group(1)


def accepted(answer: Answer) -> None:
    expect(answer.ok, "it to be accepted", answer.text)


def condition(thing: dict, kind: str) -> dict:
    found = thing.get("status", {}).get("conditions", [])
    return next((entry for entry in found if entry["type"] == kind), {})


def condition_is(
    who: Person,
    resource: str,
    name: str,
    namespace: str,
    kind: str,
    status: str,
    seconds: float = 60,
) -> dict:
    """Waits for the condition and gives it back, of the object's present generation."""
    last: dict = {}

    def look() -> tuple[bool, str]:
        nonlocal last
        thing = who.get(resource, name, "-n", namespace)
        last = condition(thing, kind)
        current = thing.get("metadata", {}).get("generation")
        judged = last.get("observedGeneration", thing.get("status", {}).get("observedGeneration"))
        there = last.get("status") == status and judged == current
        return there, json.dumps(thing.get("status", {}).get("conditions", thing.get("status")))

    wait_for(f"{resource} {namespace}/{name} to have {kind}={status}", look, seconds)
    return last


def deployment_has(
    who: Person, name: str, namespace: str, available: int, seconds: float = 60
) -> dict:
    """Waits until the Deployment asks for `available` replicas and has exactly that many."""
    last: dict = {}

    def look() -> tuple[bool, str]:
        nonlocal last
        last = who.get("deployment", name, "-n", namespace)
        status = last.get("status", {})
        settled = status.get("observedGeneration") == last.get("metadata", {}).get("generation")
        there = (
            settled
            and last.get("spec", {}).get("replicas") == available
            and status.get("availableReplicas", 0) == available
            and status.get("replicas", 0) == available
        )
        return bool(there), json.dumps(status) if last else "no such Deployment"

    wait_for(f"Deployment {namespace}/{name} with {available} available pods", look, seconds)
    return last


def no_deployment(who: Person, name: str, namespace: str) -> None:
    found = who.get("deployment", name, "-n", namespace)
    expect(not found, f"no Deployment {namespace}/{name}", json.dumps(found.get("spec")))


def mounted_model(deployment: dict) -> str:
    """The image that the pods mount as the model, from the volume that the operator adds."""
    volumes = deployment["spec"]["template"]["spec"].get("volumes", [])
    images = [volume["image"]["reference"] for volume in volumes if "image" in volume]
    if len(images) != 1:
        raise StepFailed("one image volume with the model", json.dumps(volumes))
    return images[0]


def event(who: Person, namespace: str, about: str, reason: str, seconds: float = 30) -> str:
    """Waits for an Event with this reason about the object; gives its note."""
    note = ""

    def look() -> tuple[bool, str]:
        nonlocal note
        items = who.get("events.events.k8s.io", "-n", namespace).get("items", [])
        mine = [entry for entry in items if entry.get("regarding", {}).get("name") == about]
        for entry in mine:
            if entry.get("reason") == reason:
                note = entry.get("note", "")
                return True, note
        return False, ", ".join(sorted({entry.get("reason", "") for entry in mine}))

    wait_for(f"an Event {reason} about {namespace}/{about}", look, seconds)
    return note


def deployment_asks(who: Person, name: str, namespace: str, replicas: int) -> dict:
    """Waits until the Deployment asks for so many pods, on nodes that cannot pull its image."""
    last: dict = {}

    def look() -> tuple[bool, str]:
        nonlocal last
        last = who.get("deployment", name, "-n", namespace)
        spec = last.get("spec", {})
        return spec.get("replicas") == replicas, json.dumps(spec.get("replicas"))

    wait_for(f"Deployment {namespace}/{name} to ask for {replicas} pods", look)
    return last
