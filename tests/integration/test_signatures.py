"""Signed sign-offs and evidence on a real API server, whoever applies them."""

import copy
import json
import os
import subprocess

import cli
import pytest
import samples as s
import yaml
from samples import DAN, DANA, DEV, HOME, PROD, QA, VERA, VICTOR
from world import Installation, run, wait_until

ROBOT = ("system:serviceaccount:argocd:argocd-application-controller", ["robots"])
NAMES = {"vera": "Vera Jansen"}  # the policy's; victor has none there


@pytest.fixture(scope="module")
def site():
    site = Installation(operator=True)
    try:
        for namespace in (HOME, DEV, QA, PROD):
            site.cluster.run("create", "namespace", namespace)
        for name, role, who in (
            ("model-risk", "countersign-approver", "--group=model-risk"),
            ("ds-lending", "countersign-developer", "--group=ds-lending"),
            ("robots-approve", "countersign-approver", "--group=robots"),
            ("robots-develop", "countersign-developer", "--group=robots"),
        ):
            site.cluster.run("create", "clusterrolebinding", name, f"--clusterrole={role}", who)
        site.keys = {}
        for person in ("vera", "victor", "pipeline", "stranger"):
            path = site.folder / person
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", person, "-f", path],
                check=True, timeout=60,
            )  # fmt: skip
            site.keys[person] = path
        site.apply(policy(site))
        case = s.use_case()
        site.apply(case, user=account(site, DANA))
        site.apply(s.answers_sign_off(case), user=account(site, VERA))
        yield site
    finally:
        site.close()


def account(site, person):
    return site.cluster.user(*person)


def person(site, name, accounts, groups, **key):
    public = (site.folder / f"{name}.pub").read_text().strip()
    return {"name": name, "displayName": NAMES.get(name, ""), "accounts": accounts,
            "groups": groups,
            "keys": [{"publicKey": public, **key}]}  # fmt: skip


def policy(site, **vera):
    measures = s.policy()["spec"]["measures"]
    for measure in measures:
        if measure["name"] == "validation":
            measure["require"]["signOff"].update(count=1, assurance="Signed", maxAge="30d")
        if measure["name"] == "bias":
            measure["require"]["biasTest"].update(
                assurance="Signed", issuers=[{"kind": "Person", "name": "pipeline"}]
            )
        if measure["name"] == "reproducible":
            measure["applies"]["environments"] = ["qa"]
    return s.policy({
        "people": [
            person(site, "vera", ["vera", "vera-admin"], ["model-risk"], **vera),
            person(site, "victor", ["victor"], ["ds-lending"]),
            person(site, "pipeline", ["system:serviceaccount:ci:trainer"], []),
        ],
        "measures": measures,
    })  # fmt: skip


def signed(site, obj, by):
    done = run("sign", "-f", "-", "--key", site.keys[by], "-o", "json", input=json.dumps(obj))
    return json.loads(done.stdout)


def refusal(site, obj, user=ROBOT):
    done = site.apply(obj, user=account(site, user), check=False)
    assert done.returncode != 0, f"was let through: {done.stdout}"
    assert "Forbidden" in done.stderr, done.stderr
    return done.stderr


def test_a_robot_applies_what_people_signed_and_the_model_serves(site):
    mdeploy = s.deployment("signed", model="m-signed")
    text = refusal(site, mdeploy, DANA)
    assert "--sign-with KEYFILE" in text and "EvidenceMissing" not in text
    site.apply(signed(site, s.bias_test("fair-signed", "m-signed"), "pipeline"),
               user=account(site, ROBOT))  # fmt: skip
    # As the person at the keyboard does it: sign, print, and let Git carry it.
    path = site.folder / "signed.json"
    path.write_text(json.dumps(mdeploy))
    done = run("approve", "-f", path, "--role", "model-validator", "--rationale", "I have looked.",
               "--sign-with", site.keys["vera"], "--print", "--yes",
               user=account(site, VERA))  # fmt: skip
    assert "Gates before this sign-off" in done.stderr
    approval = next(yaml.safe_load_all(done.stdout))
    assert approval["metadata"]["name"] and "generateName" not in approval["metadata"]
    site.apply(approval, user=account(site, ROBOT))
    site.apply(mdeploy, user=account(site, DANA))

    def explained():
        done = run("explain", "signed", "-n", PROD, user=account(site, VERA), check=False)
        return done.returncode == 0 and "'vera'" in done.stdout

    wait_until(explained, "the operator to find that vera's key signed")
    signing_key = run("keys", f"{site.keys['vera']}.pub").stdout.split()[0]

    def shown():
        got = site.cluster.run("get", "signoff", "-n", HOME, approval["metadata"]["name"], "-o",
                               "json").stdout  # fmt: skip
        status = json.loads(got)["status"]
        ready = [c for c in status.get("conditions", []) if c["type"] == "Ready"]
        return (ready and ready[0]["status"] == "True" and ready[0]["reason"] == "Signed"
                and status["signingKey"] == signing_key and status["stampedUser"] == ROBOT[0])  # fmt: skip

    wait_until(shown, "the status of the sign-off to name the key and who applied it")
    check_manifestation(site, approval["metadata"]["name"], signing_key)

    # Revoking the key takes back what was first seen since.
    site.cluster.run(
        "apply", "--server-side", "--force-conflicts", "-f", "-",
        input=json.dumps(policy(site, revokedAt="2020-01-01T00:00:00Z")),
    )  # fmt: skip

    def gates_say(text):
        got = site.cluster.run("get", "mdeploy", "signed", "-n", PROD, "-o", "json").stdout
        gates = json.loads(got)["status"].get("gates", [])
        return any(text in gate["message"] for gate in gates)

    try:
        wait_until(lambda: gates_say("is revoked since 2020"),
                   "the operator to see that the key is revoked")
    finally:
        site.cluster.run(
            "apply", "--server-side", "--force-conflicts", "-f", "-",
            input=json.dumps(policy(site)),
        )  # fmt: skip
    wait_until(lambda: not gates_say("is revoked since 2020"), "the key to count again")

    # Taken away and put there again by the robot: a signature cannot tell that its maker wants it.
    site.cluster.run("delete", "signoff", "-n", HOME, approval["metadata"]["name"])
    wait_until(lambda: gates_say("needs 1 sign-off"), "the operator to miss it")
    site.apply(approval, user=account(site, ROBOT))
    wait_until(lambda: gates_say("it was withdrawn at"), "the operator to see it again")


def check_manifestation(site, name, key):
    """Printed name, time and meaning wherever the signature shows (21 CFR 11.50)."""
    approval = json.loads(
        site.cluster.run("get", "signoff", "-n", HOME, name, "-o", "json").stdout
    )
    wanted = {
        "printedName": "Vera Jansen", "account": "vera", "at": approval["spec"]["performedAt"],
        "meaning": "Approve as model-validator", "key": key, "assurance": "Signed",
    }  # fmt: skip
    assert approval["status"]["signatory"] == wanted
    table = site.cluster.run("get", "signoff", "-n", HOME, name).stdout
    assert "Vera Jansen" in table and wanted["at"] in table
    gate = json.loads(site.cluster.run("get", "mdeploy", "signed", "-n", PROD, "-o", "json").stdout)
    gates = {one["measure"]: one for one in gate["status"]["gates"]}
    assert gates["validation"]["evidence"][0]["signatory"] == wanted
    assert gates["bias"]["evidence"][0]["signatory"]["account"] == "system:serviceaccount:ci:trainer"
    text = run("explain", "signed", "-n", PROD, user=account(site, VERA)).stdout
    line = f"Approve as model-validator: Vera Jansen (vera), {wanted['at']}, Signed by key {key}"
    assert line in text
    records = [r for r in site.webhook.records if r["object"]["name"] == "signed" and r["allowed"]]
    recorded = {g["measure"]: g for g in records[0]["decision"]["gates"]}
    assert recorded["validation"]["evidence"][0]["signatory"] == wanted


def test_an_approval_that_was_made_without_a_cluster_counts(site):
    mdeploy = s.deployment("offline", model="m-offline")
    fair = signed(site, s.bias_test("fair-offline", "m-offline"), "pipeline")
    case = s.use_case()
    files = cli.write(site.folder / "offline" / "all.yaml", policy(site), case, mdeploy, fair)
    nowhere = {"PATH": os.environ["PATH"]}
    decide = ("-f", files, "--role", "model-validator", "--rationale", "I have looked.",
              "--sign-with", site.keys["vera"], "-o", "yaml", "--yes")  # fmt: skip
    done = cli.run("approve", *decide, env=nowhere)
    assert done.returncode == 2 and done.stdout == ""
    assert "--signer" in done.stderr and "'vera', 'vera-admin'" in done.stderr
    done = cli.run("approve", *decide, "--signer", "vera", env=nowhere)
    assert done.returncode == 0, done.stderr
    assert "no cluster was asked" in done.stderr
    assert f"BiasTest '{HOME}/fair-offline' of {files}" in done.stderr
    approval = next(yaml.safe_load_all(done.stdout))

    robot, dana = account(site, ROBOT), account(site, DANA)
    site.apply(fair, user=robot)
    assert "--sign-with KEYFILE" in refusal(site, mdeploy, DANA)
    site.apply(approval, user=robot)
    site.apply(mdeploy, user=dana)
    # A rejection likewise: what was let in would not be again.
    done = cli.run("reject", *decide, "--signer", "vera", env=nowhere)
    assert done.returncode == 0, done.stderr
    site.apply(next(yaml.safe_load_all(done.stdout)), user=robot)
    site.cluster.run("delete", "mdeploy", "offline", "-n", PROD)
    assert "reject" in refusal(site, mdeploy, DANA)


def test_a_withdrawn_approval_stays_so_however_its_signature_is_spelled(site):
    mdeploy = s.deployment("spelled", model="m-spelled")
    site.apply(signed(site, s.bias_test("fair-spelled", "m-spelled"), "pipeline"),
               user=account(site, ROBOT))  # fmt: skip
    yes = s.sign_off(mdeploy, VERA, "spelled-yes", patch={"performedAt": s.now()})
    site.apply(signed(site, yes, "vera"), user=account(site, ROBOT))
    site.apply(mdeploy, user=account(site, DANA))
    approval = json.loads(
        site.cluster.run("get", "signoff", "spelled-yes", "-n", HOME, "-o", "json").stdout
    )

    def entry():
        name = s.digest("m-spelled").replace(":", "-")
        done = site.cluster.run("get", "modelrec", name, "-o", "json", check=False)
        spec = json.loads(done.stdout)["spec"] if done.returncode == 0 else {}
        return next((d for d in spec.get("decisions", []) if d["name"] == "spelled-yes"), {})

    wait_until(entry, "the approval to be recorded")
    site.cluster.run("delete", "signoff", "spelled-yes", "-n", HOME)
    wait_until(lambda: entry().get("withdrawnAt"), "the withdrawal to be recorded")
    approval["metadata"] = {"name": "spelled-again", "namespace": HOME}
    approval["spec"]["signature"]["value"] = approval["spec"]["signature"]["value"].replace("\n", "\r\n")
    site.apply(approval, user=account(site, ROBOT))
    again = s.deployment("spelled-again", model="m-spelled")
    wait_until(lambda: "SignOffWithdrawn" in refusal(site, again, DANA), "the same to be known")


def test_a_robot_applies_a_waiver_that_somebody_signed(site):
    waiver = signed(site, s.waiver("signed-exception"), "victor")
    edited = copy.deepcopy(waiver)
    edited["spec"]["reason"] = "Another one."
    refused = site.apply(edited, user=account(site, ROBOT), check=False)
    assert refused.returncode != 0 and "[SignedContentChanged]" in refused.stderr, refused.stderr
    site.apply(waiver, user=account(site, ROBOT))

    def ready():
        got = site.cluster.run("get", "waiver", "signed-exception", "-n", HOME, "-o", "json").stdout
        conditions = json.loads(got).get("status", {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["reason"] == "Signed" for c in conditions)

    wait_until(ready, "the operator to see the signature")
    shown = run("evidence", "show", "signed-exception", "-n", HOME, user=account(site, VERA)).stdout
    assert "victor" in shown


def test_what_is_merely_created_does_not_do(site):
    mdeploy = s.deployment("created", model="m-created")
    site.apply(s.sign_off(mdeploy, VERA, "created-vera"), user=account(site, VERA))
    text = refusal(site, mdeploy, DANA)
    assert "the measure wants it signed by a key of its maker" in text
    # The stamp of the pipeline is not the pipeline's signature.
    site.apply(s.bias_test("fair-created", "m-created"), user=account(site, ROBOT))
    assert "is not among the measure's issuers" in refusal(site, mdeploy, DANA)


def test_signatures_that_prove_nothing_are_refused_when_they_are_applied(site):
    mdeploy = s.deployment("bad", model="m-bad")
    good = signed(site, s.sign_off(mdeploy, VERA, "bad-vera"), "vera")

    def edited(**fields):
        out = copy.deepcopy(good)
        out["spec"].update(fields)
        return out

    elsewhere = copy.deepcopy(good)
    elsewhere["metadata"]["namespace"] = QA
    assert "it was made for namespace 'lending'" in refusal(site, elsewhere)
    assert "spec.decision was changed after it" in refusal(site, edited(decision="Reject"))
    assert "spec.signer" in refusal(site, edited(signer={"username": "vera-admin"}))
    damaged = copy.deepcopy(good)
    damaged["spec"]["signature"]["value"] = "-----BEGIN SSH SIGNATURE-----\n"
    assert "spec.signature.value" in refusal(site, damaged)
    test = signed(site, s.bias_test("fair-bad", "m-bad"), "pipeline")
    test["spec"]["protocol"] = "other"
    assert "spec.protocol was changed after it" in refusal(site, test)
    # Without what was signed beside it, it says what it must have been made for.
    del test["spec"]["signature"]["payload"]
    assert "[SignatureInvalid]" in refusal(site, test)
    unsigned = copy.deepcopy(good)
    del unsigned["spec"]["signature"]
    assert "service accounts do not sign off" in refusal(site, unsigned)


def test_a_key_signs_for_its_owner_alone(site):
    mdeploy = s.deployment("owner", model="m-owner")
    by_stranger = signed(site, s.sign_off(mdeploy, VERA, "owner-a"), "stranger")
    said = refusal(site, by_stranger)
    assert "[SignerKeyUnknown]" in said and "belongs to nobody" in said
    in_her_name = signed(site, s.sign_off(mdeploy, VERA, "owner-b"), "victor")
    said = refusal(site, in_her_name)
    assert "[SignerNotKeyHolder]" in said and "nobody signs in another person's name" in said
    # victor holds the role by group as the API server knows him; his key says he is elsewhere.
    not_in_role = signed(site, s.sign_off(mdeploy, VICTOR, "owner-c"), "victor")
    said = refusal(site, not_in_role)
    assert "[SignerNotInRole]" in said and "does not hold role 'model-validator'" in said
    by_robot = s.sign_off(mdeploy, ("system:serviceaccount:ci:trainer", []), "owner-d")
    assert "service accounts do not sign off" in refusal(site, signed(site, by_robot, "pipeline"))
    future = s.sign_off(mdeploy, VERA, "owner-e", patch={"performedAt": "2099-01-01T00:00:00Z"})
    assert "must not be in the future" in refusal(site, signed(site, future, "vera"))
    # Who applies it needs no role and no name in it.
    mine = signed(site, s.sign_off(mdeploy, VERA, "owner-f"), "vera")
    site.apply(mine, user=account(site, DAN))
    site.apply(mine | {"metadata": {**mine["metadata"], "name": "owner-g"}},
               user=account(site, ROBOT))  # fmt: skip


def test_a_dry_run_answers_alike_and_late_records_do_not_count(site):
    mdeploy = s.deployment("late", model="m-late")
    bad = signed(site, s.sign_off(mdeploy, VERA, "late-a"), "stranger")
    done = site.apply(bad, user=account(site, ROBOT), dry_run=True, check=False)
    assert done.returncode != 0 and "belongs to nobody" in done.stderr
    late = s.sign_off(mdeploy, VERA, "late-b", patch={"performedAt": "2026-01-01T00:00:00Z"})
    late = signed(site, late, "vera")
    site.apply(late, user=account(site, ROBOT), dry_run=True)
    site.apply(late, user=account(site, ROBOT))
    site.apply(signed(site, s.bias_test("fair-late", "m-late"), "pipeline"),
               user=account(site, ROBOT))  # fmt: skip
    assert "more than 7d later" in refusal(site, mdeploy, DANA)
