"""Certificates, several signers and signed models on a real API server."""

import copy
import json
import subprocess

import model_signing
import pytest
import samples as s
from samples import DANA, DEV, HOME, PROD, QA, VERA
from signer_authority import Authority
from world import Installation, run, wait_until

ROBOT = ("system:serviceaccount:argocd:argocd-application-controller", ["robots"])


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
        site.bank = Authority(site.folder)
        site.stranger = Authority(site.folder, "stranger")
        site.vera = site.bank.issue("vera", "email:vera@bank.example")
        site.thief = site.bank.issue("thief", "email:thief@bank.example")
        site.revoked = site.bank.issue("once-vera", "email:vera@bank.example")
        site.unknown = site.stranger.issue("vera", "email:vera@bank.example")
        site.revocations = site.bank.revocations(site.revoked[1]).read_text()
        site.keys = {}
        for name in ("trainer", "auditor"):
            path = site.folder / f"{name}.pem"
            for command in (["genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                             "-out", path],
                            ["pkey", "-in", path, "-pubout", "-out", f"{path}.pub"]):  # fmt: skip
                subprocess.run(["openssl", *command], check=True, timeout=60, capture_output=True)
            site.keys[name] = path
        site.model = site.folder / "model"
        site.model.mkdir()
        (site.model / "weights.bin").write_text("weights")
        model_signing.sign("key", site.model, site.model / "model.sig",
                           "--private_key", site.keys["trainer"])  # fmt: skip
        site.root = run("digest", site.model, "-o", "digest").stdout.strip()
        apply_policy(site)
        case = s.use_case()
        site.apply(case, user=account(site, DANA))
        site.apply(s.answers_sign_off(case), user=account(site, VERA))
        yield site
    finally:
        site.close()


def account(site, person):
    return site.cluster.user(*person)


def public(site, name):
    return (site.folder / f"{name}.pem.pub").read_text()


def policy(site, **vera):
    measures = s.policy()["spec"]["measures"]
    for measure in measures:
        if measure["name"] == "validation":
            measure["require"]["signOff"].update(count=1, assurance="Signed")
        if measure["name"] == "bias":
            measure["require"]["biasTest"].update(
                assurance="Signed", signers=2,
                issuers=[{"kind": "Person", "name": n} for n in ("trainer", "auditor")])  # fmt: skip
        if measure["name"] == "reproducible":
            measure["applies"]["environments"] = ["qa"]
    measures.append({
        "name": "signed-model", "step": "PreProduction", "accountable": "ml-engineer",
        "applies": {"classes": ["high"], "environments": ["prod"]},
        "require": {"modelSignature": {"issuers": [{"kind": "Person", "name": "trainer"}]}}})  # fmt: skip
    return s.policy({
        "certificateAuthorities": [{
            "name": "bank", "certificate": site.bank.certificate.read_text(),
            "revocationLists": [site.revocations]}],
        "people": [
            {"name": "vera", "accounts": ["vera"], "groups": ["model-risk"],
             "certificates": [{"authority": "bank", "email": "vera@bank.example", **vera}]},
            *({"name": name, "accounts": [f"system:serviceaccount:ci:{name}"],
               "keys": [{"publicKey": public(site, name)}]} for name in ("trainer", "auditor")),
        ],
        "measures": measures,
    })  # fmt: skip


def apply_policy(site, **vera):
    site.cluster.run("apply", "--server-side", "--force-conflicts", "-f", "-",
                     input=json.dumps(policy(site, **vera)))  # fmt: skip


def signed(obj, key, *more):
    done = run("sign", "-f", "-", "--key", key, "-o", "json", *more, input=json.dumps(obj))
    return json.loads(done.stdout)


def by_certificate(obj, pair):
    return signed(obj, pair[0], "--certificate-chain", pair[1])


def refusal(site, obj, user=ROBOT):
    done = site.apply(obj, user=account(site, user), check=False)
    assert done.returncode != 0, f"was let through: {done.stdout}"
    return done.stderr


def deployment(site, name="trusted"):
    model = {"digest": site.root, "digestType": "modelSigningRoot",
             "uri": f"oci://registry.example/scorer@{site.root}"}  # fmt: skip
    return s.deployment(name, patch={"model": model})


def bias_test(site, name):
    model = {"digest": site.root, "digestType": "modelSigningRoot"}
    return s.bias_test(name, patch={"model": model})


def model_evidence(site):
    done = run("verify", "--model", site.model, "--key", f"{site.keys['trainer']}.pub",
               "--use-case", "credit", "-n", HOME, "-o", "json")  # fmt: skip
    return json.loads(done.stdout)


def test_what_a_chain_several_signers_and_a_bundle_prove_makes_a_model_go_live(site):
    mdeploy = deployment(site)
    text = refusal(site, mdeploy, DANA)
    assert "an Evidence of type 'ModelSignature' about this model" in text
    site.apply(model_evidence(site), user=account(site, ROBOT))
    once = signed(bias_test(site, "fair"), site.keys["trainer"])
    site.apply(once, user=account(site, ROBOT))
    text = refusal(site, mdeploy, DANA)
    assert "signed by 2 people among its issuers, and it is by 1" in text
    assert "ModelSignature" not in text
    twice = copy.deepcopy(once)
    twice["metadata"]["name"] = "fair-2"
    site.apply(signed(twice, site.keys["auditor"], "--add"), user=account(site, ROBOT))
    site.apply(by_certificate(s.sign_off(mdeploy, VERA), site.vera), user=account(site, ROBOT))
    site.apply(mdeploy, user=account(site, DANA))

    def serves():
        got = site.cluster.run("get", "mdeploy", "trusted", "-n", PROD, "-o", "json").stdout
        return json.loads(got).get("status", {}).get("verdict") == "Allow"

    wait_until(serves, "the model to be allowed")
    # A name that the policy trusts no longer takes back what was first seen since.
    apply_policy(site, revokedAt="2020-01-01T00:00:00Z")

    def not_signed():
        got = site.cluster.run("get", "mdeploy", "trusted", "-n", PROD, "-o", "json").stdout
        gates = json.loads(got)["status"].get("gates", [])
        return any("is revoked since 2020" in gate["message"] for gate in gates)

    try:
        wait_until(not_signed, "the operator to see that the certificate is not trusted")
    finally:
        apply_policy(site)


def test_certificates_that_prove_nothing_are_refused_with_the_reason(site):
    mdeploy = deployment(site, "certificates")
    approval = s.sign_off(mdeploy, VERA, "by-certificate")
    said = refusal(site, by_certificate(approval, site.thief))
    assert "[SignerCertificateUnknown]" in said and "names nobody in the policy's" in said
    assert "is revoked since" in refusal(site, by_certificate(approval, site.revoked))
    said = refusal(site, by_certificate(approval, site.unknown))
    assert "[SignerCertificateUntrusted]" in said, said
    assert "unable to get local issuer certificate" in said
    for_another = s.sign_off(mdeploy, ("victor", []), "by-certificate")
    said = refusal(site, by_certificate(for_another, site.vera))
    assert "[SignerNotKeyHolder]" in said and "nobody signs in another person's name" in said
    good = by_certificate(approval, site.vera)
    damaged = copy.deepcopy(good)
    damaged["spec"]["signature"]["certificateChain"] = "-----BEGIN CERTIFICATE-----\nAAAA\n"
    assert "spec.signature.certificateChain has something that is no certificate" in refusal(
        site, damaged)  # fmt: skip
    site.apply(good, user=account(site, ROBOT))
    together = copy.deepcopy(good)
    together["metadata"]["name"] = "together"
    together["spec"]["signature"]["cosigners"] = [{"publicKey": public(site, "auditor")}]
    assert "each person signs off for themselves" in refusal(site, together)


def test_what_was_changed_beside_its_signature_is_refused_with_what_was(site):
    good = signed(bias_test(site, "edited"), site.keys["trainer"])
    for path, value, text in (
        (("spec", "useCase"), "other", "it was made for spec.useCase 'credit', is 'other'"),
        (("spec", "model", "digest"), "sha256:" + "1" * 64, "it was made for spec.model.digest"),
        (("spec", "protocol"), "other", "spec.protocol was changed after it"),
        (("metadata", "namespace"), QA, "it was made for namespace 'lending'"),
    ):
        edited = copy.deepcopy(good)
        inner = edited
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        assert text in refusal(site, edited), path
    cosigned = signed(good, site.keys["auditor"], "--add")
    cosigned["spec"]["signature"]["cosigners"][0]["publicKey"] = public(site, "trainer")
    site.apply(cosigned, user=account(site, ROBOT))  # one key twice: it counts once


def test_a_bundle_for_another_model_or_with_words_beside_it_is_refused(site):
    good = model_evidence(site)
    other = copy.deepcopy(good)
    other["spec"]["model"]["digest"] = "sha256:" + "1" * 64
    assert "it was made for model " + site.root in refusal(site, other)
    unsigned = copy.deepcopy(good)
    bundle = json.loads(unsigned["spec"]["modelSignature"]["bundle"])
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA"
    unsigned["spec"]["modelSignature"]["bundle"] = json.dumps(bundle)
    unsigned["metadata"]["name"] = "forged"
    assert "does not hold for this content" in refusal(site, unsigned)
    words = copy.deepcopy(good)
    words["spec"]["claims"] = [{"name": "accuracy", "number": "1"}]
    words["metadata"]["name"] = "words"
    done = site.apply(words, user=account(site, ROBOT), check=False)
    assert done.returncode != 0 and "nothing else may be said beside it" in done.stderr
    huge = copy.deepcopy(good)
    huge["metadata"]["name"] = "huge"
    huge["spec"]["modelSignature"]["bundle"] = "x" * (600 * 1024)
    done = site.apply(huge, user=account(site, ROBOT), check=False)
    assert done.returncode != 0 and "524288" in done.stderr
