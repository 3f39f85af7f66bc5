"""The chapters after admission: serving, a swapped digest, expiry, and the light use case."""

import datetime
import json
import time

import yaml

from story import models
from story.checks import expect
from story.outcome import (
    accepted,
    condition_is,
    decision_id,
    deployment_asks,
    deployment_has,
    event,
    mounted_model,
    refused,
)
from story.stage import BUILT, HOME, PROD, ROOT, ROUTER, SCORER, Stage

# Long enough to show the model serving on it, short enough to wait for.
SHORT_SIGN_OFF_SECONDS = 12


def serves(stage: Stage) -> None:
    console, dana = stage.console, stage.people["dana"]
    console.chapter("The model serves")
    console.say("The operator runs what was approved, and only that.")
    deployment = _running(stage, SCORER, 2)
    condition_is(dana, "mdeploy", SCORER, PROD, "Ready", "True")
    dana.must("get", "mdeploy", "-n", PROD)
    model = mounted_model(deployment)
    digest = _spec(stage.deployment_file("2.0.0"))["model"]["digest"]
    expect(model.endswith("@" + digest), f"the pods to mount {digest}", model)
    console.seen(f"{_pods(stage, 2)} with the approved model mounted by digest: …{model[-71:]}")


def digest_swapped(stage: Stage) -> None:
    console, dana = stage.console, stage.people["dana"]
    console.chapter("The digest is swapped")
    console.say(
        """The deployment is approved; what if its model is exchanged now for the first one?
        Approvals and evidence are bound to the bytes they were given for, so they do not come
        along:"""
    )
    first = _spec(stage.deployment_file("1.0.0"))["model"]
    patch = json.dumps({"spec": {"model": {key: first[key] for key in ("digest", "uri")}}})
    answer = dana.run("patch", "mdeploy", SCORER, "-n", PROD, "--type=merge", "-p", patch)
    refused(answer, "SignOffForOtherRevision", "ReproductionMissing")
    stage.decision_id = decision_id(answer)
    digest = _spec(stage.deployment_file("2.0.0"))["model"]["digest"]
    served = mounted_model(_running(stage, SCORER, 2))
    expect(served.endswith("@" + digest), "version 2.0.0 to go on serving", served)
    console.seen("refused; version 2.0.0 serves on")


def expiry(stage: Stage) -> None:
    console, victor = stage.console, stage.people["victor"]
    console.chapter("Evidence expires")
    console.say(
        f"""Approvals age. Victor limits his to {SHORT_SIGN_OFF_SECONDS} seconds from now
        (elsewhere it would be months); his latest word is the one that counts."""
    )
    models.validate_again(
        stage,
        "victor",
        "For as long as I am here; vacation follows.",
        "--expires-in",
        f"{SHORT_SIGN_OFF_SECONDS}s",
    )
    until = _end_of_sign_off(stage)
    condition_is(victor, "mdeploy", SCORER, PROD, "Governed", "True")
    _running(stage, SCORER, 2)
    console.seen(f"still governed and serving; the sign-off ends at {until:%H:%M:%S}")

    condition = condition_is(
        victor, "mdeploy", SCORER, PROD, "Governed", "False", SHORT_SIGN_OFF_SECONDS + 30
    )
    late = (datetime.datetime.now(datetime.UTC) - until).total_seconds()
    expect(late >= 0, "nothing to happen before the sign-off ends", f"{-late:.1f} s before it")
    _running(stage, SCORER, 0)
    victor.must("get", "mdeploy", SCORER, "-n", PROD)
    console.output(f"Governed=False  {condition['reason']}: {condition['message']}")
    console.say(
        """Nobody was at a keyboard. The policy says what happens when independent validation runs
        out: the model is suspended at that instant, and underwriters decide, as the deployment's
        fallback names them."""
    )
    note = event(victor, PROD, SCORER, "ServingSuspended")
    console.output(f"Event: {note}")
    console.seen(
        f"Governed=False, seen {late:.1f} s after the sign-off ended; no pods left, and an Event "
        "says why"
    )

    console.say("Victor looks at it again and renews his approval:")
    models.validate_again(stage, "victor", "Reviewed after the first weeks; nothing has changed.")
    condition_is(victor, "mdeploy", SCORER, PROD, "Governed", "True")
    _running(stage, SCORER, 2)
    console.seen(f"governed again, {_pods(stage, 2)} back")


def light_use_case(stage: Stage) -> None:
    console, dana = stage.console, stage.people["dana"]
    console.chapter("Little is asked of the small")
    console.say(
        """Same policy, same namespace: the mail router advises a clerk, and its class is low. No
        evidence, no sign-off, one command."""
    )
    started = time.monotonic()
    accepted(dana.run("apply", "-f", f"{BUILT}/deployments/prod/mail-router.yaml"))
    _running(stage, ROUTER, 1)
    took = time.monotonic() - started
    dana.must("get", "mdeploy", "-n", PROD)
    console.seen(f"{_pods(stage, 1)} after {took:.1f} s, and no human was asked")


def _running(stage: Stage, name: str, pods: int) -> dict:
    """The Deployment with that many pods: available ones where the nodes can run them."""
    if stage.simulated_nodes or pods == 0:
        return deployment_has(stage.admin, name, PROD, pods)
    return deployment_asks(stage.admin, name, PROD, pods)


def _pods(stage: Stage, pods: int) -> str:
    many = f"{pods} pod{'' if pods == 1 else 's'}"
    return f"{many} available" if stage.simulated_nodes else f"{many} asked for"


def _end_of_sign_off(stage: Stage) -> datetime.datetime:
    items = stage.people["victor"].get("signoffs", "-n", HOME)["items"]
    ends = [item["spec"]["expiresAt"] for item in items if "expiresAt" in item["spec"]]
    expect(len(ends) == 1, "one sign-off with an end", json.dumps(ends))
    return datetime.datetime.fromisoformat(ends[0])


def _spec(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text())["spec"]
