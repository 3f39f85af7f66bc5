"""Who stands behind what, on a real API server: corrections, off-boarding, traces, independence."""

import json

import pytest
import samples as s
from samples import DAN, DANA, DEV, HOME, PROD, QA, VERA, VICTOR
from world import Installation, wait_until

ROOT = ("root", ["model-risk", "system:masters"])


@pytest.fixture(scope="module")
def site():
    site = Installation(operator=True)
    try:
        for namespace in (HOME, DEV, QA, PROD):
            site.cluster.run("create", "namespace", namespace)
        for name, role, who in (
            ("model-risk", "countersign-approver", "--group=model-risk"),
            ("ds-lending", "countersign-developer", "--group=ds-lending"),
        ):
            site.cluster.run("create", "clusterrolebinding", name, f"--clusterrole={role}", who)
        put(site, policy())
        case = s.use_case()
        site.apply(case, user=account(site, DANA))
        site.apply(s.answers_sign_off(case), user=account(site, VERA))
        yield site
    finally:
        site.close()


def account(site, person):
    return site.cluster.user(*person)


def policy(validators=("vera", "victor", "root"), people=()):
    """Validators by name, so that one can leave; the bias measure only tells in prod."""
    base = s.policy()["spec"]
    measures = [m for m in base["measures"] if m["name"] in ("validation", "bias")]
    for measure in measures:
        if measure["name"] == "validation":
            measure["require"]["signOff"].update(
                count=1, distinctFrom=["developers", "requester", "clusterAdministrators"]
            )
    roles = [r for r in base["roles"] if r["name"] != "model-validator"]
    roles.append({"name": "model-validator", "level": "Tactical",
                  "subjects": [{"kind": "User", "name": name} for name in validators]})  # fmt: skip
    return s.policy({
        "people": [{"name": "vera", "displayName": "Vera Jansen", "accounts": ["vera"],
                    "aliases": ["vera@users.git.example"]}, *people],
        "roles": roles,
        "measures": measures,
    })  # fmt: skip


def put(site, obj):
    site.cluster.run("apply", "--server-side", "--force-conflicts", "-f", "-",
                     input=json.dumps(obj))  # fmt: skip


def stored(site, kind, name, namespace=HOME):
    return json.loads(site.cluster.run("get", kind, name, "-n", namespace, "-o", "json").stdout)


def refusal(site, obj, user):
    done = site.apply(obj, user=account(site, user), check=False)
    assert done.returncode != 0, f"was let through: {done.stdout}"
    assert "Forbidden" in done.stderr, done.stderr
    return done.stderr


def correcting(obj, earlier, **changed):
    """`obj` as a correction of what `earlier` says."""
    supersedes = {"name": earlier["metadata"]["name"],
                  "digest": s.canonical_digest(earlier["spec"]),
                  "reason": "It was about the wrong rows.", **changed}  # fmt: skip
    return s.merged(obj, {"spec": {"supersedes": supersedes}})


def test_a_correction_names_what_it_corrects_and_is_by_the_same_person(site):
    first = s.bias_test("fair-1", "m-fix")
    site.apply(first, user=account(site, DAN))
    second = s.bias_test("fair-2", "m-fix")
    # In one go, as kubectl apply -f of a folder does it: nobody waits for a cache.
    site.apply(correcting(second, first), user=account(site, DAN))

    third = s.bias_test("fair-3", "m-fix")
    assert "which 'dan' made" in refusal(site, correcting(third, first), DANA)
    said = refusal(site, correcting(third, first, name="fair-0"), DAN)
    assert "[SupersedesNothing]" in said and "'fair-0' is none" in said
    assert "which is one of digest" in refusal(
        site, correcting(third, first, digest=s.digest("other")), DAN
    )
    other_data = s.merged(third, {"spec": {"dataSet": {"digest": s.digest("elsewhere")}}})
    assert "which is about something else" in refusal(site, correcting(other_data, first), DAN)
    other_model = s.bias_test("fair-3", "m-else")
    assert "which is about something else" in refusal(site, correcting(other_model, first), DAN)
    empty = correcting(third, first, reason="")
    done = site.apply(empty, user=account(site, DAN), check=False)
    assert done.returncode != 0 and "spec.supersedes.reason" in done.stderr
    # There is no field for another namespace.
    abroad = correcting(third, first, namespace=PROD)
    done = site.apply(abroad, user=account(site, DAN), check=False)
    assert done.returncode != 0 and "namespace" in done.stderr

    mdeploy = s.deployment("fix", model="m-fix")
    no = s.sign_off(mdeploy, VICTOR, "fix-no", patch={"decision": "Reject"})
    site.apply(no, user=account(site, VICTOR))
    yes = s.sign_off(mdeploy, VERA, "fix-yes")
    assert "which 'victor' made" in refusal(site, correcting(yes, no), VERA)
    mine = correcting(s.sign_off(mdeploy, VICTOR, "fix-yes"), no)
    site.apply(mine, user=account(site, VICTOR))
    site.apply(mdeploy, user=account(site, DANA))


def test_a_correction_by_another_account_of_the_same_person_counts(site):
    put(site, policy(people=[{"name": "dan", "accounts": ["dan", "dan-at-home"]}]))
    try:
        first = s.bias_test("two-1", "m-two")
        site.apply(first, user=account(site, DAN))
        again = correcting(s.bias_test("two-2", "m-two"), first)
        wait_until(
            lambda: site.apply(again, user=account(site, ("dan-at-home", ["ds-lending"])),
                               check=False).returncode == 0,
            "the policy that knows both accounts to be in force",
        )  # fmt: skip
    finally:
        put(site, policy())


def test_whoever_leaves_takes_along_what_rests_on_them(site):
    mdeploy = s.deployment("leaver", model="m-leaver")
    site.apply(s.bias_test("leaver-fair", "m-leaver"), user=account(site, DAN))
    site.apply(s.sign_off(mdeploy, VERA, "leaver-vera"), user=account(site, VERA))
    site.apply(mdeploy, user=account(site, DANA))

    def gate(state):
        def there():
            status = stored(site, "mdeploy", "leaver", PROD)["status"]
            gates = {one["measure"]: one for one in status.get("gates", [])}
            one = gates.get("validation")
            return one if one and one["state"] == state else None

        return there

    passed = wait_until(gate("Passed"), "the deployment to be approved")
    assert passed["evidence"][0]["signatory"]["printedName"] == "Vera Jansen"
    put(site, policy(validators=("victor",)))
    try:
        left = wait_until(gate("Missing"), "the operator to judge again without vera")
        assert "'vera' does not hold role 'model-validator'" in left["message"]
        conditions = {c["type"]: c for c in
                      stored(site, "mdeploy", "leaver", PROD)["status"]["conditions"]}  # fmt: skip
        assert conditions["Ready"]["status"] == "False"
        # And it is somebody else's to decide.
        site.apply(s.sign_off(mdeploy, VICTOR, "leaver-victor"), user=account(site, VICTOR))
        wait_until(gate("Passed"), "victor's sign-off to stand in for vera's")
    finally:
        put(site, policy())


def test_groups_are_recorded_and_acting_as_somebody_else_leaves_a_trace(site):
    mdeploy = s.deployment("trace", model="m-trace")
    site.apply(s.sign_off(mdeploy, VERA, "trace-vera"), user=account(site, VERA))
    forged = s.sign_off(mdeploy, VICTOR, "trace-victor")
    site.cluster.run("create", "-f", "-", "--as=victor", "--as-group=model-risk",
                     input=json.dumps(forged))  # fmt: skip

    def status(name):
        def there():
            found = stored(site, "signoff", name).get("status", {})
            return found if found.get("signatory") else None

        return wait_until(there, f"the status of {name}")

    own, acted = status("trace-vera"), status("trace-victor")
    assert set(own["groups"]) >= {"model-risk", "system:authenticated"}
    assert own["signatory"] == {
        "printedName": "Vera Jansen", "account": "vera", "at": own["firstSeen"],
        "meaning": "Approve as model-validator", "assurance": "Requester",
    }  # fmt: skip
    assert own["credentialId"].startswith("X509SHA256=")
    assert acted["stampedUser"] == "victor" and "credentialId" not in acted
    assert acted["signatory"]["printedName"] == "victor"


def test_cluster_administrators_and_authors_of_the_code_are_not_independent(site):
    mdeploy = s.deployment("apart", model="m-apart")
    site.apply(s.bias_test("apart-fair", "m-apart", patch={"performedBy": ["vera@users.git.example"]}),
               user=account(site, DAN))  # fmt: skip
    site.apply(s.sign_off(mdeploy, ROOT, "apart-root"), user=account(site, ROOT))
    site.apply(s.sign_off(mdeploy, VERA, "apart-vera"), user=account(site, VERA))
    text = refusal(site, mdeploy, DANA)
    assert "'root' does not count: is a cluster administrator" in text
    assert "'vera' does not count: is a developer of the model" in text
