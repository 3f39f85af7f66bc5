"""Signatures over evidence: what the real ssh-keygen and OpenSSL make, and what nobody should take."""

import base64
import copy
import hashlib
import json
import os
import subprocess

import pytest
import samples as s
from cli import run, write
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from signer_authority import Authority
from world import wait_until

FUTURE = "2099-01-01T00:00:00Z"
PAYLOAD = "application/vnd.in-toto+json"


def ssh_key(folder, *arguments, name="key"):
    path = folder / name
    subprocess.run(
        ["ssh-keygen", "-q", "-N", "", "-C", "", "-f", path, *arguments], check=True, timeout=60
    )
    return path


def pem_key(folder, key, name="key.pem"):
    path = folder / name
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def public_pem(key):
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )


def sign(folder, obj, key, *more):
    done = run("sign", "-f", write(folder / "in.yaml", obj), "--key", key, "-o", "json", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def statement(folder, obj):
    done = run("sign", "-f", write(folder / "in.yaml", obj), "--statement")
    assert done.returncode == 0, done.stderr
    return done.stdout.encode()


def verify(folder, *objects):
    done = run("verify", "-f", write(folder / "out.yaml", *objects), "-o", "json")
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)["objects"]
    assert done.returncode == (0 if all(one["holds"] for one in found) else 1)
    return found[0]


def why_not(folder, *objects):
    found = verify(folder, *objects)
    assert not found["holds"], found
    return f"[{found['reason']}] {found['problem']}"


def pae(payload, kind=PAYLOAD):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def b64(data, urlsafe=False):
    return (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(data).decode()


def enveloped(obj, key, payload, sig, kind=PAYLOAD, urlsafe=False, more=()):
    """`obj` with an envelope made by hand."""
    out = copy.deepcopy(obj)
    signatures = [*more, {"keyid": "believe me", "sig": b64(sig, urlsafe)}]
    value = {"payload": b64(payload, urlsafe), "payloadType": kind, "signatures": signatures,
             "unknown": {"field": 1}}  # fmt: skip
    out["spec"]["signature"] = {
        "format": "DSSE", "value": json.dumps(value), "publicKey": public_pem(key)
    }  # fmt: skip
    return out


@pytest.fixture
def key():
    return ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    "arguments", [("-t", "ed25519"), *(("-t", "ecdsa", "-b", b) for b in ("256", "384", "521"))]
)
def test_keys_of_openssh_sign(tmp_path, arguments):
    path = ssh_key(tmp_path, *arguments)
    signed = sign(tmp_path, s.bias_test(), path)
    found = verify(tmp_path, signed)
    printed = subprocess.run(
        ["ssh-keygen", "-lf", f"{path}.pub"], capture_output=True, text=True, check=True
    ).stdout
    assert found["key"] == printed.split()[1]
    assert found["assurance"] == "Signed"
    keys = json.loads(run("keys", f"{path}.pub", "-o", "json").stdout)["keys"]
    assert keys[0]["fingerprint"] == found["key"] and not keys[0]["hardware"]


def test_ssh_keygen_verifies_what_we_say_is_signed(tmp_path):
    path = ssh_key(tmp_path, "-t", "ed25519")
    signed = sign(tmp_path, s.bias_test(), path)
    (tmp_path / "sig").write_text(signed["spec"]["signature"]["value"])
    (tmp_path / "signers").write_text("vera " + (tmp_path / "key.pub").read_text())
    subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "signers", "-I", "vera",
         "-n", "countersign", "-s", tmp_path / "sig"],
        input=statement(tmp_path, signed), check=True, timeout=60,
    )  # fmt: skip


def test_a_key_with_a_pass_phrase_signs_through_the_agent(tmp_path):
    path = ssh_key(tmp_path, "-t", "ed25519")
    agent = subprocess.Popen(
        ["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL
    )
    try:
        env = {"SSH_AUTH_SOCK": str(tmp_path / "agent"), "PATH": "/usr/bin:/bin"}
        wait_until(
            lambda: subprocess.run(["ssh-add", "-q", path], env=env).returncode == 0,
            "the agent to take the key",
        )
        path.unlink()  # the agent alone has it now
        done = run("sign", "-f", write(tmp_path / "in.yaml", s.bias_test()), "--key",
                   f"{path}.pub", "-o", "json", env=env)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert verify(tmp_path, json.loads(done.stdout))["holds"]
    finally:
        agent.kill()
        agent.wait()


def test_keys_in_pem_sign(tmp_path):
    made = [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 3072)]
    made += [ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1(),
                                                          ec.SECP521R1())]  # fmt: skip
    for number, one in enumerate(made):
        signed = sign(tmp_path, s.report(), pem_key(tmp_path, one, f"{number}.pem"))
        assert signed["spec"]["signature"]["format"] == "DSSE"
        assert verify(tmp_path, signed)["holds"]


def test_either_alphabet_raw_ecdsa_and_pss_hold(tmp_path, key):
    obj = s.bias_test()
    payload = statement(tmp_path, obj)
    assert verify(tmp_path, enveloped(obj, key, payload, key.sign(pae(payload)), urlsafe=True))[
        "holds"
    ]
    junk = [{"keyid": "", "sig": b64(b"\xfb\xff junk")}]
    assert verify(tmp_path, enveloped(obj, key, payload, key.sign(pae(payload)), more=junk))[
        "holds"
    ]
    for curve, digest, size in (
        (ec.SECP256R1(), hashes.SHA256(), 32), (ec.SECP384R1(), hashes.SHA384(), 48),
        (ec.SECP521R1(), hashes.SHA512(), 66),
    ):  # fmt: skip
        ecdsa = ec.generate_private_key(curve)
        r, t = decode_dss_signature(ecdsa.sign(pae(payload), ec.ECDSA(digest)))
        raw = r.to_bytes(size, "big") + t.to_bytes(size, "big")
        assert verify(tmp_path, enveloped(obj, ecdsa, payload, raw))["holds"], curve.name
        short = enveloped(obj, ecdsa, payload, raw[:-1])
        assert "does not hold" in why_not(tmp_path, short), curve.name
    pss = rsa.generate_private_key(65537, 3072)
    sig = pss.sign(
        pae(payload), padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512()
    )
    assert verify(tmp_path, enveloped(obj, pss, payload, sig))["holds"]
    old = pss.sign(pae(payload), padding.PKCS1v15(), hashes.SHA256())
    assert "does not hold" in why_not(tmp_path, enveloped(obj, pss, payload, old))


def test_a_statement_may_say_more_beside_what_is_ours(tmp_path, key):
    obj = s.bias_test()
    said = {**json.loads(statement(tmp_path, obj)), "other": 1}
    said["subject"].insert(0, {"name": "else", "digest": {"sha256": "0" * 64}})
    payload = json.dumps(said, indent=1).encode()
    assert verify(tmp_path, enveloped(obj, key, payload, key.sign(pae(payload))))["holds"]


def changed(change):
    def apply(said):
        change(said)
        return json.dumps(said).encode()

    return apply


@pytest.mark.parametrize(
    "payload, why",
    [
        (changed(lambda x: x["predicate"]["spec"].update(protocol="other")), "another spec"),
        (changed(lambda x: x["predicate"].update(extra=1)), "another spec"),
        (changed(lambda x: x["predicate"].update(namespace="other")), "namespace 'other'"),
        (changed(lambda x: x.update(_type="https://in-toto.io/Statement/v0.1")), "Statement v1"),
        (changed(lambda x: x.update(predicateType="https://countersign.dev/attestations/SignOff/v1")),
         "attestations/SignOff/v1', must be"),
        (changed(lambda x: x.update(subject=[])), "its subject is not"),
        (changed(lambda x: x["subject"][0].update(digest={"md5": "0"})), "its subject is not"),
        (changed(lambda x: x["subject"][0]["digest"].update(
            sha256=x["subject"][0]["digest"]["sha256"].upper() + "A")), "its subject is not"),
        (changed(lambda x: x.pop("predicate")), "no predicate"),
        (lambda x: json.dumps(x).encode() + b"{}", "not JSON"),
        (lambda x: json.dumps(x)[:-1].encode() + b', "_type": "https://in-toto.io/Statement/v1"}',
         "not JSON"),
        (lambda x: b"", "not JSON"),
        (lambda x: b"[" * 100_000, "not JSON"),
    ],
)  # fmt: skip
def test_what_another_statement_says_does_not_count(tmp_path, key, payload, why):
    obj = s.bias_test()
    signed = payload(json.loads(statement(tmp_path, obj)))
    assert why in why_not(tmp_path, enveloped(obj, key, signed, key.sign(pae(signed))))


def test_envelopes_that_prove_nothing_do_not_count(tmp_path, key):
    obj = s.bias_test()
    payload = statement(tmp_path, obj)
    good = key.sign(pae(payload))
    other = ed25519.Ed25519PrivateKey.generate()
    assert "does not hold" in why_not(tmp_path, enveloped(obj, other, payload, good))
    assert "its type must be" in why_not(
        tmp_path, enveloped(obj, key, payload, key.sign(pae(payload, "x/y")), kind="x/y")
    )
    # Over the payload itself, not over the encoding that names its type.
    assert "does not hold" in why_not(tmp_path, enveloped(obj, key, payload, key.sign(payload)))
    for value, why in (
        ("", "no envelope"),
        ("{}", "its type must be"),
        (json.dumps({"payloadType": PAYLOAD, "payload": b64(payload), "signatures": []}), "1 to 16"),
        (json.dumps({"payloadType": PAYLOAD, "payload": "%%%", "signatures": [{"sig": "AA=="}]}),
         "its payload"),
        (json.dumps({"payloadType": PAYLOAD, "payload": b64(payload)}), "1 to 16"),
        ('{"payload": "", ' + json.dumps(
            {"payloadType": PAYLOAD, "payload": b64(payload), "signatures": [{"sig": b64(good)}]}
        )[1:], "no envelope"),
    ):  # fmt: skip
        bad = enveloped(obj, key, payload, good)
        bad["spec"]["signature"]["value"] = value
        assert why in why_not(tmp_path, bad), value[:60]


@pytest.mark.parametrize(
    "change, reason, why",
    [
        (lambda o: o["spec"].update(protocol="other"),
         "SignedContentChanged", "spec.protocol was changed after it"),
        (lambda o: o["spec"]["cells"][0].update(tp=o["spec"]["cells"][0]["tp"] + 1,
                                                fn=o["spec"]["cells"][0]["fn"] - 1),
         "SignedContentChanged", "spec.cells was changed after it"),
        (lambda o: o["spec"]["model"].update(digest=s.digest("m2")),
         "SignatureForOtherModel", "it was made for spec.model.digest"),
        (lambda o: o["metadata"].update(namespace="elsewhere"),
         "SignatureForOtherNamespace", "it was made for namespace '" + s.HOME + "'"),
        (lambda o: o["spec"].update(useCase="other"),
         "SignatureForOtherUseCase", "it was made for spec.useCase 'credit', is 'other'"),
    ],
)  # fmt: skip
def test_a_signature_stays_with_what_it_was_made_for(tmp_path, change, reason, why):
    signed = sign(tmp_path, s.bias_test(), ssh_key(tmp_path, "-t", "ed25519"))
    renamed = copy.deepcopy(signed)
    renamed["metadata"].update(name="another-name", labels={"a": "b"})
    assert verify(tmp_path, renamed)["holds"]
    change(signed)
    assert why in why_not(tmp_path, signed)
    assert verify(tmp_path, signed)["reason"] == reason
    # Without what was signed nothing but that it does not hold can be said, and for what it must be.
    del signed["spec"]["signature"]["payload"]
    found = verify(tmp_path, signed)
    assert found["reason"] == "SignatureInvalid"
    assert f"namespace '{signed['metadata']['namespace']}'" in found["problem"]
    assert f"spec.model.digest '{signed['spec']['model']['digest']}'" in found["problem"]


def test_a_signature_of_ssh_keygen_is_put_into_the_object(tmp_path):
    obj, path = s.bias_test(), ssh_key(tmp_path, "-t", "ed25519")
    (tmp_path / "statement").write_bytes(statement(tmp_path, obj))
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "countersign", "-f", path, tmp_path / "statement"],
        check=True, timeout=60,
    )  # fmt: skip
    file = tmp_path / "object.json"
    file.write_text(json.dumps(obj))
    attach = ("sign", "-f", file, "--signature", tmp_path / "statement.sig", "-o", "json")
    done = run(*attach)
    assert done.returncode == 0, done.stderr
    signed = json.loads(done.stdout)
    assert signed["spec"]["signature"]["payload"].encode() == (tmp_path / "statement").read_bytes()
    assert verify(tmp_path, signed)["assurance"] == "Signed"

    # An object that is not, or is no longer, what was signed: with the statement it says which field.
    obj["spec"]["useCase"] = "other"
    file.write_text(json.dumps(obj))
    assert "does not hold for spec.signature.payload" in run(*attach).stderr
    told = run(*attach, "--payload", tmp_path / "statement").stderr
    assert "--signature" in told and "it was made for spec.useCase 'credit'" in told
    assert run("sign", "-f", file, "--payload", "x").returncode == 2, "of no signature"


def resigned(tmp_path, obj, path, namespace):
    out = copy.deepcopy(obj)
    (tmp_path / "statement").write_bytes(statement(tmp_path, obj))
    (tmp_path / "statement.sig").unlink(missing_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", path, tmp_path / "statement"],
        check=True, timeout=60,
    )  # fmt: skip
    value = (tmp_path / "statement.sig").read_text()
    out["spec"]["signature"] = {"format": "SSHSIG", "value": value}
    return out


def test_what_was_signed_for_something_else_does_not_count(tmp_path):
    obj = s.bias_test()
    path = ssh_key(tmp_path, "-t", "ed25519")
    assert verify(tmp_path, resigned(tmp_path, obj, path, "countersign"))["holds"]
    for namespace in ("git", "file", "countersign2"):
        assert f"namespace '{namespace}'" in why_not(
            tmp_path, resigned(tmp_path, obj, path, namespace)
        )
    weak = ssh_key(tmp_path, "-t", "rsa", "-b", "3072", name="rsa")
    assert "RSA keys do not count" in why_not(tmp_path, resigned(tmp_path, obj, weak, "countersign"))


def test_damaged_ssh_signatures_do_not_count(tmp_path):
    obj = resigned(tmp_path, s.bias_test(), ssh_key(tmp_path, "-t", "ed25519"), "countersign")
    value = obj["spec"]["signature"]["value"]
    lines = value.splitlines()
    blob = base64.b64decode("".join(lines[1:-1]))

    def armored(data):
        return "\n".join([lines[0], base64.b64encode(data).decode(), lines[-1], ""])

    for text, why in (
        (value + "x", "nothing else"),
        (value + value, "base64"),
        (lines[0], "nothing else"),
        (armored(b""), "no SSHSIG"),
        (armored(blob[:-1]), "damaged"),
        (armored(blob + b"\0"), "damaged"),
        (armored(blob[:6] + b"\0\0\0\2" + blob[10:]), "version 1"),
        (armored(blob[:10] + b"\xff\xff\xff\xff" + blob[14:]), "damaged"),
        (armored(blob[:-1] + bytes([blob[-1] ^ 1])), "does not hold"),
        (armored(blob.replace(b"sha512", b"sha384")), "its hash is 'sha384'"),
        ("A" * 10_000, "larger than 8 KiB"),
    ):
        obj["spec"]["signature"]["value"] = text
        assert why in why_not(tmp_path, obj), text[:40]


def wire(*parts):
    return b"".join(len(p).to_bytes(4, "big") + p for p in parts)


def integer(number):
    """As SSH writes one (RFC 4251 section 5, mpint)."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


class Ed25519Device:
    name = b"sk-ssh-ed25519@openssh.com"

    def __init__(self):
        self.key = ed25519.Ed25519PrivateKey.generate()

    def public(self):
        return wire(self.key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw))  # fmt: skip

    def sign(self, data):
        return self.key.sign(data)


class EcdsaDevice:
    name = b"sk-ecdsa-sha2-nistp256@openssh.com"

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())

    def public(self):
        return wire(b"nistp256", self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint))  # fmt: skip

    def sign(self, data):
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return wire(integer(r), integer(s))


def hardware_signed(tmp_path, obj, flags, touched=None, application=b"ssh:", device=Ed25519Device):
    """As a security key signs, by OpenSSH's PROTOCOL.u2f; no such device is at hand."""
    key = device()
    name = key.name
    message = hashlib.sha512(statement(tmp_path, obj)).digest()
    data = b"SSHSIG" + wire(b"countersign", b"", b"sha512", message)
    counter = (7).to_bytes(4, "big")
    signed = key.sign(
        hashlib.sha256(application).digest() + bytes([flags]) + counter
        + hashlib.sha256(data).digest()
    )  # fmt: skip
    shown = flags if touched is None else touched
    signature = wire(name, signed) + bytes([shown]) + counter
    public = wire(name) + key.public() + wire(application)
    blob = b"SSHSIG" + (1).to_bytes(4, "big") + wire(public, b"countersign", b"", b"sha512",
                                                      signature)  # fmt: skip
    out = copy.deepcopy(obj)
    text = "\n".join(["-----BEGIN SSH SIGNATURE-----", base64.b64encode(blob).decode(),
                      "-----END SSH SIGNATURE-----", ""])  # fmt: skip
    out["spec"]["signature"] = {"format": "SSHSIG", "value": text}
    return out


@pytest.mark.parametrize("device", [Ed25519Device, EcdsaDevice])
def test_hardware_keys_tell_whether_they_were_touched(tmp_path, device):
    def signed(flags, **more):
        return hardware_signed(tmp_path, s.bias_test(), flags, device=device, **more)

    assert verify(tmp_path, signed(1))["assurance"] == "Reauthenticated"
    assert verify(tmp_path, signed(0))["assurance"] == "Signed"
    assert "does not hold" in why_not(tmp_path, signed(0, touched=1))


@pytest.mark.parametrize("flags, assurance", [(0, "Signed"), (1, "Reauthenticated"),
                                              (5, "Reauthenticated")])  # fmt: skip
@pytest.mark.parametrize("device", [Ed25519Device, EcdsaDevice])
def test_ssh_keygen_says_the_same_of_hardware_keys(tmp_path, device, flags, assurance):
    signed = hardware_signed(tmp_path, s.bias_test(), flags, device=device)
    value = signed["spec"]["signature"]["value"]
    blob = base64.b64decode("".join(value.splitlines()[1:-1]))
    public = blob[14 : 14 + int.from_bytes(blob[10:14], "big")]
    (tmp_path / "signers").write_text(f"vera {device.name.decode()} {b64(public)}\n")
    (tmp_path / "sig").write_text(value)

    def holds(message):
        return subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "signers", "-I", "vera",
             "-n", "countersign", "-s", tmp_path / "sig"],
            input=message, capture_output=True, timeout=60,
        ).returncode == 0  # fmt: skip

    message = statement(tmp_path, signed)
    assert holds(message) and not holds(message + b" ")
    assert verify(tmp_path, signed)["assurance"] == assurance


def lending(key, **more):
    person = {"name": "vera", "accounts": ["vera"], "groups": ["model-risk"],
              "keys": [{"publicKey": key, **more}]}  # fmt: skip
    return s.policy({"people": [person]})


def test_policies_say_whose_a_key_is(tmp_path):
    path = ssh_key(tmp_path, "-t", "ed25519")
    public = path.with_suffix(".pub").read_text()
    mdeploy = s.deployment()
    signed = sign(tmp_path, s.sign_off(mdeploy, s.VERA), path)
    assert verify(tmp_path, signed, lending(public))["signer"] == "vera"
    nobody = ed25519.Ed25519PrivateKey.generate()
    why = why_not(tmp_path, signed, lending(public_pem(nobody)))
    assert "[SignerKeyUnknown]" in why and "belongs to nobody" in why
    why = why_not(tmp_path, signed, lending(public, revokedAt="2020-01-01T00:00:00Z"))
    assert "[SignerKeyRevoked]" in why and "is revoked since" in why
    why = why_not(tmp_path, signed, lending(public, notBefore=FUTURE))
    assert "[SignerKeyNotYetValid]" in why and "counts from" in why
    why = why_not(tmp_path, signed, lending(public, notAfter="2020-01-01T00:00:00Z"))
    assert "[SignerKeyExpired]" in why and "counted until" in why
    other = sign(tmp_path, s.sign_off(mdeploy, s.VICTOR), path)
    why = why_not(tmp_path, other, lending(public))
    assert "[SignerNotKeyHolder]" in why and "the key is of 'vera'" in why


def test_one_key_is_one_persons(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    ssh = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    policy = lending(public_pem(key))
    policy["spec"]["people"].append(
        {"name": "victor", "accounts": ["victor"], "keys": [{"publicKey": ssh.decode()}]}
    )
    done = run("check", "-f", write(tmp_path / "p.yaml", policy, s.deployment(), s.use_case()))
    assert done.returncode == 2
    assert "spec.people[1].keys[0].publicKey" in done.stderr
    assert "already belongs to 'vera'" in done.stderr


def test_check_judges_signatures_without_a_cluster(tmp_path):
    path = ssh_key(tmp_path, "-t", "ed25519")
    public = path.with_suffix(".pub").read_text()
    policy = lending(public)
    policy["spec"]["measures"] = [
        {**m, "require": {"signOff": {**m["require"]["signOff"], "count": 1, "assurance": "Signed"}}}
        for m in policy["spec"]["measures"] if m["name"] == "validation"
    ]  # fmt: skip
    case, mdeploy = s.use_case(), s.deployment()
    approval = s.sign_off(mdeploy, s.VERA)
    world = [policy, case, mdeploy, s.answers_sign_off(case)]

    def check(*more):
        return run("check", "-f", write(tmp_path / "all.yaml", *world, *more))

    done = check(approval)
    assert done.returncode == 1 and "the measure wants it signed" in done.stdout
    assert "--sign-with KEYFILE" in done.stdout
    signed = sign(tmp_path, approval, path)
    done = check(signed)
    assert done.returncode == 0, done.stdout
    signed["spec"]["rationale"] = "Something else."
    done = check(signed)
    assert done.returncode == 1 and "its signature does not count" in done.stdout


def test_what_cannot_be_signed_is_told(tmp_path, key):
    path = pem_key(tmp_path, key)
    weak = pem_key(tmp_path, rsa.generate_private_key(65537, 2048), "weak.pem")

    def fails(obj, *arguments):
        done = run("sign", "-f", write(tmp_path / "in.yaml", obj), *arguments)
        assert done.returncode == 2 and done.stdout == ""
        return done.stderr

    assert "a signature is for one namespace" in fails(
        s.obj("BiasTest", "x", None, s.bias_test()["spec"]), "--key", path
    )
    assert "must be SignOff, BiasTest, Evidence" in fails(s.use_case(), "--key", path)
    assert "RSA of 3072 bits or more" in fails(s.bias_test(), "--key", weak)
    assert "--key" in fails(s.bias_test())
    broken = s.bias_test()
    del broken["spec"]["cells"]
    assert "cells" in fails(broken, "--key", path)
    done = run("verify", "-f", write(tmp_path / "nothing.yaml", s.use_case()))
    assert done.returncode == 2 and "there is no evidence in what was given" in done.stderr
    done = run("keys", path)
    assert done.returncode == 2 and "is a private key" in done.stderr


NOWHERE = {"PATH": os.environ["PATH"]}  # no kubeconfig, no HOME that might have one


def decide(folder, key, *objects, command="approve", more=()):
    path = write(folder / "all.yaml", *objects)
    return run(command, "-f", path, "--role", "model-validator", "--rationale", "Looked.", "--yes",
               "--sign-with", key, "--print", *more, env=NOWHERE)  # fmt: skip


@pytest.mark.parametrize("kind", ["ssh", "pem"])
@pytest.mark.parametrize("command", ["approve", "reject"])
def test_decides_where_there_is_no_cluster(tmp_path, kind, command):
    if kind == "ssh":
        path = ssh_key(tmp_path, "-t", "ed25519")
        public = path.with_suffix(".pub").read_text()
    else:
        private = ec.generate_private_key(ec.SECP256R1())
        path, public = pem_key(tmp_path, private), public_pem(private)
    policy, mdeploy = lending(public), s.deployment()
    done = decide(tmp_path, path, policy, s.use_case(), mdeploy, s.bias_test(), command=command,
                  more=("-o", "json"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["spec"]["signer"] == {"username": "vera"}
    assert made["spec"]["decision"] == command.capitalize()
    assert made["spec"]["subject"]["governedDigest"] == s.governed_digest(mdeploy)
    assert [e["name"] for e in made["spec"]["shown"]["evidence"]] == ["fair"]
    assert verify(tmp_path, made, policy)["signer"] == "vera"
    assert "Taken from files; no cluster was asked" in done.stderr
    assert "is of 'vera' by the policies among the files ('lending')" in done.stderr


@pytest.mark.parametrize("flags, complaint", [
    (("--rationale=", "--reject"), "--rationale: must not be empty"),
    (("--rationale", "--reject"), "--rationale: has the flag '--reject' for a value"),
    (("--rationale=No.", "--on-behalf-of=", "--reject"), "--on-behalf-of: must not be empty"),
    (("--rationale=No.", "--reject="), "--reject takes no value"),
    (("--rationale=Yes.", "--conditions-file="), "--conditions-file: must not be empty"),
    (("--rationale=Yes.", "--conditions-due=30d"), "--conditions-due requires --condition"),
    (("--rationale=Yes.", "--expires-in="), "--expires-in: must not be empty"),
])  # fmt: skip
def test_a_variable_that_is_empty_makes_no_other_decision(tmp_path, flags, complaint):
    path = ssh_key(tmp_path, "-t", "ed25519")
    policy = lending(path.with_suffix(".pub").read_text())
    files = write(tmp_path / "all.yaml", policy, s.use_case(), s.deployment(), s.bias_test())
    done = run("approve", "-f", files, "--role", "model-validator", *flags, "--yes",
               "--sign-with", path, "--print", env=NOWHERE)  # fmt: skip
    assert done.returncode == 2 and not done.stdout and complaint in done.stderr, done.stderr


def test_lends_a_role_where_there_is_no_cluster(tmp_path):
    path = ssh_key(tmp_path, "-t", "ed25519")
    policy = lending(path.with_suffix(".pub").read_text())
    policy["spec"]["roles"] = [
        {**role, "delegation": {"maxDuration": "21d"}} if role["name"] == "model-validator" else role
        for role in policy["spec"]["roles"]]  # fmt: skip

    def delegate(*objects, more=("--for", "14d")):
        return run("delegate", "-f", write(tmp_path / "all.yaml", *objects), "-n", s.HOME,
                   "--use-case", "credit", "--role", "model-validator", "--to", "otto@bank.example",
                   "--rationale", "Away.", "--yes", "--sign-with", path, "--print", "-o", "json", *more,
                   env=NOWHERE)  # fmt: skip

    done = delegate(policy, s.use_case())
    assert done.returncode == 0, done.stderr
    lent = json.loads(done.stdout)
    assert (lent["spec"]["subject"]["kind"], lent["spec"]["decision"]) == ("Delegation", "Approve")
    assert lent["spec"]["signer"] == {"username": "vera"}
    assert verify(tmp_path, lent, policy)["signer"] == "vera"
    done = delegate(policy, s.use_case(), more=("--withdraw",))
    assert json.loads(done.stdout)["spec"]["decision"] == "Reject"
    assert "may be lent for at most 21d" in delegate(policy, s.use_case(), more=("--for", "60d")).stderr
    assert "there is no UseCase 'credit'" in delegate(policy).stderr
    policy["spec"]["people"] = []
    assert "--signer: must say under which account" in delegate(policy, s.use_case()).stderr


def test_what_no_file_tells_is_asked_for(tmp_path):
    path = ssh_key(tmp_path, "-t", "ed25519")
    public = path.with_suffix(".pub").read_text()
    case, mdeploy, fair = s.use_case(), s.deployment(), s.bias_test()

    def asked(*objects, more=()):
        done = decide(tmp_path, path, *objects, more=more)
        assert done.returncode == 2 and done.stdout == "", done.stdout
        return done.stderr

    # Whose the key is.
    assert "--signer: must say under which account" in asked(s.policy(), case, mdeploy, fair)
    told = decide(tmp_path, path, s.policy(), case, mdeploy, fair, more=("--signer", "vera"))
    assert told.returncode == 0, told.stderr
    assert "--signer: must be an account of whoever has the key" in asked(
        lending(public), case, mdeploy, fair, more=("--signer", "victor")
    )
    # What the signer was shown.
    assert "--without-evidence" in asked(lending(public), case, mdeploy)
    told = decide(tmp_path, path, lending(public), case, mdeploy, more=("--without-evidence",))
    assert told.returncode == 0, told.stderr
    # What the policies and the use case say.
    assert "there is no UseCase 'credit' in namespace 'lending' among the files" in asked(
        lending(public), mdeploy, fair
    )
    assert "give the manifests, the policies among them, with -f" in asked(case, mdeploy, fair)
    # Nothing is let through that the API would refuse.
    fair["spec"]["colour"] = "red"
    assert "spec.colour" in asked(lending(public), case, mdeploy, fair)


def test_the_public_half_beside_a_key_is_not_believed(tmp_path):
    path = ssh_key(tmp_path, "-t", "ed25519")
    other = ssh_key(tmp_path, "-t", "ed25519", name="other").with_suffix(".pub")
    policy = lending(other.read_text())
    path.with_suffix(".pub").write_text(other.read_text())
    done = decide(tmp_path, path, policy, s.use_case(), s.deployment(), s.bias_test())
    assert done.returncode == 2 and done.stdout == "", done.stdout
    path.with_suffix(".pub").unlink()
    done = decide(tmp_path, path, policy, s.use_case(), s.deployment(), s.bias_test())
    assert done.returncode == 2 and "public half" in done.stderr, done.stderr


def test_answers_waivers_and_policies_are_signed_from_files_too(tmp_path):
    path = ssh_key(tmp_path, "-t", "ed25519")
    policy, case = lending(path.with_suffix(".pub").read_text()), s.use_case()
    done = decide(tmp_path, path, policy, case, more=("--use-case", "credit", "-o", "json"))
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["spec"]["subject"]["answersDigest"] == s.answers_digest(case)
    for subject, text in (
        (("--waiver", "none"), "there is no Waiver 'none' among the files"),
        (("--incident", "none"), "there is no Incident 'none' among the files"),
        (("--protocol", "none"), "there is no Evidence 'none' among the files"),
        (("--policy", "none"), "there is no GovernancePolicy 'none' among the files"),
    ):
        done = decide(tmp_path, path, policy, case, more=subject)
        assert done.returncode == 2 and text in done.stderr, done.stderr
    # Where a cluster is asked, files are for a deployment alone.
    done = decide(tmp_path, path, case, more=("--use-case", "credit"))
    assert done.returncode == 2 and "--filename" in done.stderr, done.stderr


def test_several_objects_are_signed_one_by_one_and_applied_as_a_list(tmp_path):
    path = ssh_key(tmp_path, "-t", "ed25519")
    files = write(tmp_path / "two.yaml", s.bias_test("a"), s.bias_test("b"))
    done = run("sign", "-f", files, "--key", path, "-o", "json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["apiVersion"], made["kind"]) == ("v1", "List")
    assert [one["metadata"]["name"] for one in made["items"]] == ["a", "b"]
    # A List is read like what it holds.
    (tmp_path / "list.json").write_text(done.stdout)
    done = run("verify", "-f", tmp_path / "list.json", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["objects"]) == 2
    # As YAML they are documents, which kubectl takes too.
    done = run("sign", "-f", files, "--key", path)
    assert done.stdout.count("\n---\n") == 1
    (tmp_path / "two-signed.yaml").write_text(done.stdout)
    assert run("verify", "-f", tmp_path / "two-signed.yaml").returncode == 0


def test_the_bytes_to_sign_are_of_one_object(tmp_path):
    files = write(tmp_path / "two.yaml", s.bias_test("a"), s.bias_test("b"))
    done = run("sign", "-f", files, "--statement")
    assert done.returncode == 2 and done.stdout == ""
    assert "--statement: goes with one object" in done.stderr and "has 2" in done.stderr


def test_each_object_is_told_what_stands_behind_it(tmp_path):
    path = ssh_key(tmp_path, "-t", "ed25519")
    signed = sign(tmp_path, s.bias_test("signed"), path)
    stamped, unsigned, typo = (s.bias_test(name) for name in ("stamped", "unsigned", "typo"))
    claims = {"kind": "BiasTest", "namespace": s.HOME, "user": "dana", "firstSeen": s.now(),
              "digest": s.canonical_digest(stamped["spec"])}  # fmt: skip
    stamp = {"payload": base64.b64encode(json.dumps(claims).encode()).decode()}
    stamped["metadata"]["annotations"] = {"countersign.dev/stamp": json.dumps(stamp)}
    typo["spec"]["protokol"] = "x"
    robot = s.sign_off(s.deployment(), ("system:serviceaccount:ci:robot", []))
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    policy = lending(path.with_suffix(".pub").read_text())
    objects = (policy, s.use_case(), foreign, signed, stamped, unsigned, typo, robot)
    files = ("verify", "-f", write(tmp_path / "all.yaml", *objects))
    done = run(*files, "-o", "json")
    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    found = {one["object"].split("'")[1]: one for one in answer["objects"]}
    told = {name: (one["proof"], one.get("reason")) for name, one in found.items()}
    assert told == {
        "signed": ("Signature", None), "stamped": ("Stamp", "StampNotVerified"),
        "unsigned": ("None", "NotSigned"), "typo": ("None", "SpecInvalid"),
        robot["metadata"]["name"]: ("None", "SignerIsRobot"),
    }  # fmt: skip
    assert "spec.protokol" in found["typo"]["problem"]
    assert found["stamped"]["stampedBy"] == "dana"
    assert [one["object"].split()[0] for one in answer["others"]] == [
        "GovernancePolicy", "UseCase", "ConfigMap"]  # fmt: skip
    text = run(*files).stdout
    assert "'unsigned' in namespace 'lending': does not count: it is neither signed nor" in text
    assert "ConfigMap 'x': no object of Countersign, and not looked at" in text
    # Each by itself: what was named and is not proved is never a success.
    for obj, accepted in ((signed, 0), (stamped, 0), (unsigned, 1), (typo, 1), (robot, 1)):
        one = write(tmp_path / "one.yaml", obj)
        assert run("verify", "-f", one).returncode == (0 if obj is signed else 1)
        assert run("verify", "-f", one, "--accept-stamps").returncode == accepted


def two_people(first, second):
    return s.policy({"people": [
        {"name": "vera", "accounts": ["vera"], "keys": [{"publicKey": public_pem(first)}]},
        {"name": "dan", "accounts": ["dan"], "keys": [{"publicKey": public_pem(second)}]},
    ]})  # fmt: skip


def test_a_second_signature_goes_into_the_same_envelope(tmp_path, key):
    other = ec.generate_private_key(ec.SECP256R1())
    once = sign(tmp_path, s.bias_test(), pem_key(tmp_path, key))
    twice = sign(tmp_path, once, pem_key(tmp_path, other, "other.pem"), "--add")
    envelope = json.loads(twice["spec"]["signature"]["value"])
    assert len(envelope["signatures"]) == 2
    found = verify(tmp_path, twice, two_people(key, other))
    assert found["holds"] and found["signer"] == "vera" and found["cosigners"] == ["dan"]
    # A key that the policy does not list takes nothing from the other.
    assert verify(tmp_path, twice, two_people(other, ec.generate_private_key(ec.SECP256R1())))[
        "signer"] == "vera"  # fmt: skip
    again = sign(tmp_path, once, pem_key(tmp_path, key), "--add")
    assert "cosigners" not in verify(tmp_path, again, two_people(key, other))


def test_the_list_and_the_check_say_that_signers_are_missing(tmp_path, key):
    other = ec.generate_private_key(ec.SECP256R1())
    policy = two_people(key, other)
    [bias] = [m["require"]["biasTest"] for m in policy["spec"]["measures"] if m["name"] == "bias"]
    bias.update(assurance="Signed", signers=2, issuers=[{"kind": "Person", "name": "vera"},
                                                        {"kind": "Person", "name": "dan"}])  # fmt: skip
    once = sign(tmp_path, s.bias_test(), pem_key(tmp_path, key))
    twice = sign(tmp_path, once, pem_key(tmp_path, other, "other.pem"), "--add")

    def listed(test):
        path = write(tmp_path / "all.yaml", policy, s.use_case(), s.deployment(), test)
        done = run("evidence", "list", "-f", path, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["items"][0]

    assert listed(twice)["counts"]
    [why] = listed(once)["whyNot"]
    assert "measure 'bias' of policy 'lending': the measure wants it signed by 2 people" in why
    assert "by keys in PEM (OpenSSH's sign alone)" in why

    def warned():
        path = write(tmp_path / "all.yaml", policy, s.use_case(), s.deployment(), twice)
        return run("check", "-f", path).stderr

    assert "signers" not in warned()
    bias["issuers"].pop()
    assert ".require: signers: 2 asks for more people than can sign: 1 of spec.people" in warned()


def test_policies_that_disagree_about_a_key_prove_nothing(tmp_path, key):
    signed = sign(tmp_path, s.bias_test(), pem_key(tmp_path, key))
    people = [{"name": "vera", "accounts": ["vera"], "keys": [{"publicKey": public_pem(key)}]}]
    good = s.policy({"people": copy.deepcopy(people)})
    people[0]["keys"][0]["revokedAt"] = "2026-01-01T00:00:00Z"
    revoked = s.policy({"people": people}, "stricter")
    for policies in ((good, revoked), (revoked, good)):
        said = why_not(tmp_path, signed, *policies)
        assert said.startswith("[SignerKeyRevoked] policy 'lending' believes it as of 'vera', policy "
                               "'stricter' does not: key ")  # fmt: skip
    assert verify(tmp_path, signed, good, s.policy(name="other"))["holds"]


def test_a_cosigner_who_has_not_signed_is_seen(tmp_path, key):
    once = sign(tmp_path, s.bias_test(), pem_key(tmp_path, key))
    once["spec"]["signature"]["cosigners"] = [
        {"publicKey": public_pem(ec.generate_private_key(ec.SECP256R1()))}
    ]
    found = verify(tmp_path, once)
    assert not found["holds"] and found["reason"] == "SignatureInvalid"
    # Admission refuses it with the same code.
    approval = s.sign_off(s.deployment(), s.VERA, patch={"performedAt": s.now()})
    approved = sign(tmp_path, approval, pem_key(tmp_path, key))
    approved["spec"]["signature"]["cosigners"] = [{"publicKey": public_pem(key)}]
    assert verify(tmp_path, approved)["reason"] == "SignOffCosigned"


def test_nothing_is_added_to_what_does_not_hold_or_signs_alone(tmp_path, key):
    path = pem_key(tmp_path, key)
    once = sign(tmp_path, s.bias_test(), path)
    once["spec"]["protocol"] = "other"
    by_ssh = sign(tmp_path, s.bias_test("ssh"), ssh_key(tmp_path, "-t", "ed25519"))
    approval = s.sign_off(s.deployment(), s.VERA, patch={"performedAt": s.now()})
    approved = sign(tmp_path, approval, path)
    for obj, text in (
        (approved, "each person signs off for themselves"),
        (once, "spec.protocol was changed after it"),
        (by_ssh, "must be DSSE to take a further signature"),
        (s.bias_test("plain"), "must be DSSE to take a further signature"),
    ):
        done = run("sign", "-f", write(tmp_path / "in.yaml", obj), "--key", path, "--add")
        assert done.returncode == 2 and text in done.stderr, done.stderr


def test_a_certificate_comes_along_instead_of_its_key(tmp_path, key):
    bank = Authority(tmp_path)
    private, certificate = bank.issue("vera", "email:vera@bank.example")
    signed = sign(tmp_path, s.bias_test(), private, "--certificate-chain", certificate)
    assert "publicKey" not in signed["spec"]["signature"]

    def lending(**more):
        return s.policy({
            "certificateAuthorities": [
                {"name": "bank", "certificate": bank.certificate.read_text(), **more}],
            "people": [{"name": "vera", "accounts": ["vera"],
                        "certificates": [{"authority": "bank", "email": "vera@bank.example"}]}],
        })  # fmt: skip

    found = verify(tmp_path, signed, lending())
    assert found["signer"] == "vera" and found["certificate"] == "'vera@bank.example'"
    found = verify(tmp_path, signed, lending(usages=["EmailProtection"]))
    assert found["reason"] == "SignerCertificateUntrusted"
    assert "extended key usage must be emailProtection" in found["problem"]
    found = verify(tmp_path, signed, s.policy())
    assert found["reason"] == "SignerCertificateUntrusted" and "no authority" in found["problem"]
    done = run("sign", "-f", write(tmp_path / "in.yaml", s.bias_test()), "--key",
               pem_key(tmp_path, key), "--certificate-chain", certificate)  # fmt: skip
    assert done.returncode == 2 and "the first certificate must be for the key" in done.stderr


def test_who_is_known_by_a_certificate_approves_with_it(tmp_path):
    bank = Authority(tmp_path)
    private, certificate = bank.issue("vera", "email:vera@bank.example")
    policy = s.policy({
        "certificateAuthorities": [{"name": "bank", "certificate": bank.certificate.read_text()}],
        "people": [{"name": "vera", "accounts": ["vera"],
                    "certificates": [{"authority": "bank", "email": "vera@bank.example"}]}],
    })  # fmt: skip
    objects = policy, s.use_case(), s.deployment(), s.bias_test()
    done = decide(tmp_path, private, *objects)
    assert done.returncode == 2 and "gives that with --certificate-chain" in done.stderr
    done = decide(tmp_path, private, *objects,
                  more=("--signer", "vera", "--certificate-chain", certificate, "-o", "json"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = verify(tmp_path, json.loads(done.stdout), policy)
    assert found["signer"] == "vera" and found["certificate"] == "'vera@bank.example'"


def test_a_policy_says_what_is_wrong_with_its_authorities(tmp_path):
    bank = Authority(tmp_path)
    pem = bank.certificate.read_text()
    name = {"authority": "bank", "email": "vera@bank.example"}
    person = {"name": "vera", "accounts": ["vera"], "certificates": [name]}
    for patch, text in (
        ({"certificateAuthorities": [{"name": "bank", "certificate": "x"}], "people": [person]},
         "spec.certificateAuthorities[0].certificate"),
        ({"certificateAuthorities": [
            {"name": "bank", "certificate": pem, "revocationLists": ["x"]}]},
         "spec.certificateAuthorities[0].revocationLists[0]"),
        ({"certificateAuthorities": [{"name": n, "certificate": pem} for n in ("bank", "b2")]},
         "is that of 'bank' too"),
        ({"people": [person]}, "'bank' is not one of spec.certificateAuthorities"),
        ({"certificateAuthorities": [{"name": "bank", "certificate": pem}],
          "people": [person, {"name": "dan", "accounts": ["dan"], "certificates": [name]}]},
         "already belong to 'vera'"),
    ):  # fmt: skip
        path = write(tmp_path / "policy.yaml", s.policy(patch))
        done = run("verify", "-f", path)
        assert done.returncode == 2 and text in done.stderr, done.stderr
