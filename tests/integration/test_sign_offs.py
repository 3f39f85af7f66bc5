"""Who signs off what beside whom, on a real API server, through the command line."""

import datetime
import json

import pytest
import samples as s
from samples import DANA, DEV, HOME, PROD, QA, VERA
from world import Installation, run, wait_until

ANA, PAUL = ("ana", []), ("paul", ["privacy"])


@pytest.fixture(scope="module")
def site():
    site = Installation(operator=True)
    try:
        for namespace in (HOME, DEV, QA, PROD):
            site.cluster.run("create", "namespace", namespace)
        for name, role, who in (
            ("model-risk", "countersign-approver", "--group=model-risk"),
            ("privacy", "countersign-approver", "--group=privacy"),
            ("owners", "countersign-approver", "--user=ana"),
            ("ds-lending", "countersign-developer", "--group=ds-lending"),
        ):
            site.cluster.run("create", "clusterrolebinding", name, f"--clusterrole={role}", who)
        yield site
    finally:
        site.close()


def account(site, person):
    return site.cluster.user(*person)


def role(name, kind, holder, level="Tactical"):
    return {"name": name, "level": level, "subjects": [{"kind": kind, "name": holder}]}


def asks(name, environments, **sign_off):
    required = {"count": 1, "assurance": "Requester", **sign_off}
    return {"name": name, "step": "PreProduction", "accountable": required["role"],
            "applies": {"environments": environments}, "require": {"signOff": required}}  # fmt: skip


def refusal(site, mdeploy):
    done = site.apply(mdeploy, user=account(site, DANA), check=False)
    assert done.returncode != 0, f"was let through: {done.stdout}"
    return done.stderr


class Signer:
    """Signs one manifest with `countersign approve`."""

    def __init__(self, site, mdeploy):
        self.site = site
        self.path = site.folder / f"{mdeploy['metadata']['name']}.json"
        self.path.write_text(json.dumps(mdeploy))

    def __call__(self, who, role, *more, check=True, rationale="I have looked."):
        return run("approve", "-f", self.path, "--role", role, "--rationale", rationale, "--yes",
                   "-o", "json", *more, user=account(self.site, who), check=check)  # fmt: skip


def test_advice_and_conditions_stand_beside_the_decision(site):
    site.apply(
        s.policy({
            "environments": [
                {"name": "dev", "namespaces": [DEV], "enforcement": "Warn"},
                {"name": "qa", "namespaces": [QA], "enforcement": "Deny"},
                {"name": "prod", "namespaces": [PROD], "enforcement": "Deny"},
            ],
            "roles": [role("model-validator", "Group", "model-risk"), role("owner", "User", "ana"),
                      role("privacy", "Group", "privacy")],
            "measures": [
                asks("validation", ["qa", "prod"], role="model-validator",
                     distinctFromRoles=["owner"], maxAge="180d"),
                asks("acceptance", ["prod"], role="owner", conditional="Allowed",
                     consultation={"roles": ["privacy"], "respondTo": "Major"}),
            ],
        })
    )  # fmt: skip
    case = s.use_case()
    site.apply(case)
    site.apply(s.answers_sign_off(case), user=account(site, VERA))
    in_qa, in_prod = s.deployment("scorer", QA), s.deployment("scorer", PROD)
    sign = Signer(site, in_prod)

    # One sign-off serves both environments.
    both = json.loads(sign(VERA, "model-validator", "--environments", "qa,prod").stdout)
    assert both["spec"]["subject"]["environments"] == ["qa", "prod"]
    assert "created" in site.apply(in_qa, user=account(site, DANA)).stdout
    said = refusal(site, in_prod)
    assert "SignOffMissing" in said and "validation" not in said

    sign(ANA, "owner", "--condition", "alarm=It rings at the desk.", "--conditions-due", "30d")
    said = refusal(site, in_prod)
    assert "AdviceMissing" in said and "--role privacy --advise --severity" in said
    advice = json.loads(
        sign(PAUL, "privacy", "--advise", "--severity", "Major", rationale="The notice is old.").stdout
    )["metadata"]["name"]
    said = refusal(site, in_prod)
    assert "AdviceUnanswered" in said and f"--respond {advice}=TEXT" in said
    done = sign(ANA, "owner", "--respond", "nothing=x", check=False)
    assert done.returncode == 2 and f"there is '{advice}'" in done.stderr
    sign(ANA, "owner", "--respond", f"{advice}=A new one is online.",
         "--condition", "alarm=It rings at the desk.", "--conditions-due", "30d")  # fmt: skip
    assert "created" in site.apply(in_prod, user=account(site, DANA)).stdout

    def explained():
        text = run("explain", "scorer", "-n", PROD, user=site.cluster.kubeconfig, check=False).stdout
        return text if "advised as" in text else None

    text = wait_until(explained, "the operator to say how it stands")
    assert "'paul' advised as 'privacy' (Major): The notice is old." in text
    assert "answered by 'ana': A new one is online." in text
    assert "on condition: 'alarm' is due by" in text and "due again by" in text


INGA, OTTO = ("inga", ["assessors"]), ("otto", ["treasury"])


def test_roles_are_lent(site):
    for name, who in (("assessors", "--group=assessors"), ("treasury", "--group=treasury")):
        site.cluster.run("create", "clusterrolebinding", name,
                         "--clusterrole=countersign-approver", who)  # fmt: skip
    site.cluster.run("create", "namespace", "lent")
    assessor = {**role("assessor", "Group", "assessors"), "delegation": {"maxDuration": "30d"}}
    rules = {"environments": [{"name": "lent", "namespaces": ["lent"], "enforcement": "Deny"}],
             "roles": [assessor, role("model-validator", "Group", "model-risk")],
             "measures": [asks("assessment", ["lent"], role="assessor")]}  # fmt: skip
    site.apply(s.policy(rules, name="lent"), s.use_case("lent", {"deployTo": ["lent"]}))
    mdeploy = s.deployment("lent", "lent", model="lent", case="lent")
    sign = Signer(site, mdeploy)

    def refused(done):
        assert done.returncode != 0, done.stdout
        return done.stderr

    def lend(who, to, *more, check=True):
        return run("delegate", "-n", HOME, "--use-case", "lent", "--role", "assessor", "--to", to,
                   "--rationale", "I am away.", "--yes", *more, user=account(site, who),
                   check=check)  # fmt: skip

    acting = ("--on-behalf-of", "inga")
    assert "countersign delegate" in refused(sign(OTTO, "assessor", check=False))
    assert "who has not lent it" in refused(sign(OTTO, "assessor", *acting, check=False))
    assert "for at most 30d" in refused(lend(INGA, "otto", "--for", "60d", check=False))
    assert "does not hold role" in refused(lend(OTTO, "otto2", "--for", "1d", check=False))
    done = lend(INGA, "otto", "--for", "14d", "--environments", "lent")
    assert "LEND THE ROLE" in done.stdout and "created in namespace lending" in done.stdout

    sign(OTTO, "assessor", *acting)
    assert "created" in site.apply(mdeploy, user=account(site, DANA)).stdout
    text = wait_until(
        lambda: next(
            (t for t in [run("explain", "lent", "-n", "lent", user=site.cluster.kubeconfig, check=False).stdout] if "otto" in t),
            None),
        "the operator to say who signed",
    )  # fmt: skip
    assert "signed off by 'otto' for 'inga'" in text

    lend(INGA, "otto", "--withdraw")
    assert "had withdrawn" in refused(sign(OTTO, "assessor", *acting, check=False))
    # What was signed stays signed.
    again = s.merged(mdeploy, {"metadata": {"name": "again"}})
    assert "created" in site.apply(again, user=account(site, DANA)).stdout


def test_a_delegation_that_policy_does_not_allow_is_refused(site):
    ends = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=60)).strftime(
        "%Y-%m-%dT%H:%M:%SZ")

    def delegation(patch):
        spec = {"subject": {"kind": "Delegation", "useCase": "lent", "deputy": "otto"},
                "role": "assessor", "decision": "Approve", "signer": {"username": "inga"},
                "rationale": "I am away.", "expiresAt": ends}  # fmt: skip
        done = site.apply(s.obj("SignOff", "odd", HOME, s.merged(spec, patch)),
                          user=account(site, INGA), check=False)  # fmt: skip
        assert done.returncode != 0, done.stdout
        return done.stderr

    assert "lets role 'assessor' be lent for at most 30d" in delegation({})
    robot = "system:serviceaccount:lending:bot"
    said = delegation({"subject": {"deputy": robot}})
    assert "[DeputyIsRobot]" in said and "service accounts do not sign off" in said
    assert "needs deputy" in delegation({"subject": {"deputy": None}})
    assert "somebody other than the signer" in delegation({"subject": {"deputy": "inga"}})
    assert "kind Delegation decides" in delegation({"expiresAt": None})
    assert "kind Delegation decides" in delegation({"onBehalfOf": "ana"})


@pytest.mark.parametrize(
    ("patch", "sentence"),
    [
        ({"decision": "Advise"}, "decision Advise needs severity"),
        ({"decision": "ApproveWithConditions"}, "decision ApproveWithConditions needs conditions"),
        ({"subject": {"environments": ["qa"]}}, "needs environment or environments"),
        ({"decision": "Reject", "responses": [{"advice": "a", "response": "b"}]},
         "responses belong to an approval"),
        ({"decision": "ApproveWithConditions", "conditions": [
            {"name": "a", "description": "b", "dueAt": "2020-01-01T00:00:00Z"}]},
         "[ConditionDueInPast] spec.conditions[0].dueAt: must be in the future"),
    ],
)  # fmt: skip
def test_sign_offs_that_say_too_much_or_too_little_are_refused(site, patch, sentence):
    sign_off = s.sign_off(s.deployment(), VERA, "odd", patch=patch)
    done = site.apply(sign_off, user=account(site, VERA), check=False)
    assert done.returncode != 0 and sentence in done.stderr
