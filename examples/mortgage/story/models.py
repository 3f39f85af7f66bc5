"""The chapters about two models: one that may not decide about people, and one that may."""

import subprocess

from story.checks import StepFailed, expect
from story.kubectl import Answer
from story.outcome import accepted, no_deployment, refused
from story.stage import (
    EXAMPLE,
    HOME,
    OWNER,
    PROD,
    ROOT,
    SCORER,
    VALIDATOR,
    Stage,
)


def train(stage: Stage) -> None:
    console = stage.console
    console.chapter("Two models")
    console.say(
        """Dana trains on 2,380 real mortgage applications, Boston 1990. The label is what the
        lender decided, not who paid back. The first model is an honest plain one; the second was
        mitigated on training and validation data only. Both are judged once on people that no
        choice was made on."""
    )
    console.command("dana", f"{EXAMPLE}/train.py")
    console.output(_train(stage))
    console.seen("both models are trained and packed; their evidence lies in build/example")


def first_model(stage: Stage) -> None:
    console, dana = stage.console, stage.people["dana"]
    console.chapter("The first model is refused")
    console.say("In dev the policy only warns: things are tried out there.")
    answer = dana.run("apply", "-f", stage.deployment_file("1.0.0", "dev"))
    accepted(answer)
    expect("created" in answer.text, "the ModelDeployment to be created", answer.text)
    expect("Warning: [BiasTestMissing]" in answer.text, "a warning about the bias", answer.text)
    console.seen("admitted in dev, with a warning of what will be asked for")

    console.say("Production refuses it, and says what is missing and who can give it:")
    file = stage.deployment_file("1.0.0")
    refused(
        dana.run("apply", "-f", file),
        "SnapshotMissing",
        "BiasTestMissing",
        "SignOffMissing",
        "Remedy:",
    )
    no_deployment(stage.admin, SCORER, PROD)
    console.seen("refused by the API server; nothing runs")

    console.say("Dana hands in the evidence that her training wrote, and tries again:")
    for name in ("snapshot", "bias-test"):
        accepted(dana.run("apply", "-f", stage.evidence_file("1.0.0", name)))
    answer = dana.run("apply", "-f", file)
    refused(answer, "BiasOutOfBounds", "disparateImpact", "black", "equalOpportunityDifference")
    no_deployment(stage.admin, SCORER, PROD)
    console.seen(
        """the numbers were recomputed from the counts: black applicants are approved 0.763 times
        as often as others, where the policy wants at least 0.8"""
    )
    expect("0.763" in answer.text, "the refusal to show 0.763", answer.text)


def second_model(stage: Stage) -> None:
    console, dana, vera = stage.console, stage.people["dana"], stage.people["vera"]
    console.chapter("The second model earns its evidence")
    console.say(
        """No bound was moved. Version 2.0.0 leaves out what another company decided about the
        applicant, is trained on reweighed rows, and uses one threshold for everyone. Dana hands in
        its evidence; Vera, who did not build it, trains it again and gets the same bytes."""
    )
    for name in ("snapshot", "bias-test"):
        accepted(dana.run("apply", "-f", stage.evidence_file("2.0.0", name)))
    console.command("vera", f"{EXAMPLE}/train.py --verify")
    console.output(_train(stage, "--verify"))
    accepted(vera.run("apply", "-f", stage.evidence_file("2.0.0", "reproduction")))

    answer = dana.run("apply", "-f", stage.deployment_file("2.0.0"))
    refused(answer, "SignOffMissing", "independent-validation", "business-sign-off")
    for gone in ("BiasOutOfBounds", "BiasTestMissing", "ReproductionMissing", "SnapshotMissing"):
        expect(gone not in answer.text, f"no {gone} any more", answer.text)
    console.seen("bias and reproducibility pass on the numbers; people have not approved it yet")


def sign_offs(stage: Stage) -> None:
    console, people = stage.console, stage.people
    console.chapter("Who may approve, and whose approval counts")
    file = stage.deployment_file("2.0.0")

    console.say("Dana cannot approve her own model: nobody gave her the right to sign off.")
    refused(_approve(stage, "dana", VALIDATOR, "Looks good to me."))
    console.say("Victor may sign off, but not in a role that he does not hold:")
    refused(
        _approve(stage, "victor", OWNER, "The business will not mind."),
        "SignerNotInRole",
        "ana@bank.example",
    )
    console.seen("both are refused when they try, by RBAC and by the policy's roles")

    console.say(
        """Dan does hold the role. His sign-off is stored, because it is his and true. It does not
        count, because the use case lists him as a developer:"""
    )
    accepted(_approve(stage, "dan", VALIDATOR, "I know this code well."))
    console.say(
        """Vera signs too. Her sign-off names the digests of all that she was shown, so that it
        says for ever what she said yes to:"""
    )
    accepted(
        _approve(stage, "vera", VALIDATOR, "Retrained it; same bytes, same counts.", last=None)
    )
    answer = people["dana"].run("apply", "-f", file)
    refused(answer, "vera@bank.example", "'dan@bank.example' does not count", "developer")
    no_deployment(stage.admin, SCORER, PROD)
    console.seen("one of two: Vera's sign-off counts, Dan's does not, and both are on record")

    console.say("Victor is independent, and Ana answers for the business:")
    accepted(_approve(stage, "victor", VALIDATOR, "Attacked the proxies; found none left."))
    accepted(_approve(stage, "ana", OWNER, "Half the refusals of 1.0.0; the risk is ours to take."))
    people["ana"].must("get", "signoffs", "-n", HOME)
    accepted(people["dana"].run("apply", "-f", file))
    console.seen("admitted in production, with two independent validators and the owner behind it")


def validate_again(stage: Stage, who: str, rationale: str, *more: str) -> None:
    accepted(_approve(stage, who, VALIDATOR, rationale, *more))


def _approve(
    stage: Stage, who: str, role: str, rationale: str, *more: str, last: int | None = 2
) -> Answer:
    return stage.people[who].countersign(
        "approve",
        "-f",
        stage.deployment_file("2.0.0"),
        "--role",
        role,
        "--rationale",
        rationale,
        "--yes",
        *more,
        last=last,
    )


def _train(stage: Stage, *arguments: str) -> str:
    done = subprocess.run(
        ["/usr/bin/python3", str(ROOT / EXAMPLE / "train.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StepFailed("the training to work", done.stderr)
    if "clean: false" in done.stdout:
        raise StepFailed("training code as committed", done.stdout[-300:])
    return done.stdout
