"""The chapters before any model: who is who, what the policy asks, which use cases there are."""

from story import people
from story.checks import expect
from story.outcome import accepted, refused
from story.stage import EXAMPLE, HOME, MAIL_USE_CASE, ROOT, USE_CASE, VALIDATOR, Stage


def introduce_people(stage: Stage) -> None:
    console = stage.console
    console.chapter("The people")
    console.say(
        """A bank's lending department. Everyone below has a client certificate of their own,
        requested and approved through the cluster's certificate API, so that the API server knows
        who asks."""
    )
    roles = {
        "dana": "builds models",
        "dan": "validates models since last month; before that he wrote half of this one",
        "vera": "validates models, independent of those who build them",
        "victor": "the same",
        "ana": "business owner, answers for the decisions",
    }
    console.plain("")
    for name, role in roles.items():
        account, groups = people.ACCOUNTS[name]
        who = stage.people[name].must("auth", "whoami", "-o", "json", show=False)
        for expected in (account, *groups):
            expect(f'"{expected}"' in who.stdout, f"{expected} in who {name} is", who.stdout)
        console.plain(f"    {account:<22}{', '.join(groups) or '-':<14}{role}")
    console.plain("")
    console.seen("the API server authenticates all five by their certificates")


def set_rules(stage: Stage) -> None:
    console, admin = stage.console, stage.admin
    console.chapter("The rules")
    console.say(
        """The platform team makes the namespaces, binds the groups to Countersign's roles, and
        applies the policy that risk management wrote: who holds which role, what makes a use case
        high risk, and what a high-risk model owes before it serves in production. Read it, it is
        one page."""
    )
    for name in ("namespaces", "people", "policy"):
        admin.must("apply", "-f", f"{EXAMPLE}/manifests/{name}.yaml")

    console.say(
        """A policy that contradicts itself is refused when it is applied, not discovered months
        later when it is needed. Here the validators' role is misspelt in one place:"""
    )
    text = (ROOT / f"{EXAMPLE}/manifests/policy.yaml").read_text()
    broken = text.replace("        role: model-validator\n", "        role: model-validater\n", 1)
    draft = stage.logs / "policy-draft.yaml"
    draft.write_text(broken.replace("name: consumer-lending", "name: draft", 1))
    answer = admin.run("create", "--dry-run=server", "-f", str(draft.relative_to(ROOT)))
    refused(answer, "[SpecInvalid] spec.measures[2].require.signOff.role", "model-validater")
    console.seen("a policy with an unknown role is refused, with the field's path")

    console.say(
        """Dana registers two use cases: one decides about people, the other suggests which queue a
        letter belongs in. They answer the policy's questions; what class that makes them is not
        hers to say. A validator confirms the answers, and until then the worst they could mean
        applies."""
    )
    stage.people["dana"].must("apply", "-f", f"{EXAMPLE}/manifests/use-cases.yaml")
    for use_case in (USE_CASE, MAIL_USE_CASE):
        accepted(
            stage.people["vera"].countersign(
                "approve",
                "--use-case",
                use_case,
                "-n",
                HOME,
                "--role",
                VALIDATOR,
                "--rationale",
                "Answers checked with the owner.",
                "--yes",
            )
        )
    console.seen("both use cases are registered and their answers confirmed by Vera")
