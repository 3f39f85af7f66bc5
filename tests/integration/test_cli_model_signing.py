"""Signatures over models: bundles of the real model-signing package, and what nobody should take."""

import base64
import json
import os
import pty
import subprocess

import model_signing
import pytest
import samples as s
import yaml
from cli import run, write
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from signer_authority import Authority

FILES = {"config.json": "{}", "sub/tok.txt": "tok", "sub.txt": "beside", "sub-a/x": "x",
         "weights.bin": "w" * 3_000_000, "Zeta": "z", "empty": ""}  # fmt: skip


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def new_key(folder, curve=ec.SECP256R1, name="signer"):
    key = ec.generate_private_key(curve())
    private = folder / f"{name}.pem"
    private.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))  # fmt: skip
    public = folder / f"{name}.pub"
    public.write_bytes(key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))  # fmt: skip
    return private, public


def sign(model, private, *more, signature=None):
    signature = signature or model / "model.sig"
    model_signing.sign("key", model, signature, "--private_key", private, *more)
    return signature


def verify(model, *arguments):
    done = run("verify", "--model", model, *arguments, "-o", "json")
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert found["holds"] == (done.returncode == 0)
    return found


def why_not(model, *arguments):
    found = verify(model, *arguments)
    assert not found["holds"], found
    assert found["reason"] == found["faults"][0]["reason"]
    return found["problem"]


def reasons(model, *arguments):
    """Each reason with the paths that it is about; text output says the same."""
    found = verify(model, *arguments)["faults"]
    text = run("verify", "--model", model, *arguments).stdout
    for fault in found:
        assert f"{fault['problem']} [{fault['reason']}]" in text, text
    return {fault["reason"]: fault.get("paths") for fault in found}


def forge(model, private, change, signature=None):
    """The bundle with its statement changed, and signed anew by the same key."""
    path = signature or model / "model.sig"
    bundle = json.loads(path.read_text())
    envelope = bundle["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    payload = json.dumps(statement).encode()
    kind = envelope["payloadType"].encode()
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    key = serialization.load_pem_private_key(private.read_bytes(), None)
    envelope["payload"] = base64.b64encode(payload).decode()
    envelope["signatures"][0]["sig"] = base64.b64encode(
        key.sign(pae, ec.ECDSA(hashes.SHA256()))).decode()  # fmt: skip
    path.write_text(json.dumps(bundle))


def test_each_fault_has_a_reason_of_its_own(tmp_path, model):
    private, public = new_key(tmp_path)
    by = ("--key", public)
    sign(model, private)
    (model / "sub" / "tok.txt").write_text("tik")
    (model / "extra.py").write_text("import os")
    (model / "Zeta").unlink()
    assert reasons(model, *by) == {
        "ModelFileChanged": ["sub/tok.txt"], "ModelFileMissing": ["Zeta"],
        "ModelFileNotSigned": ["extra.py"]}  # fmt: skip
    (model / "extra.py").unlink()
    (model / "link").symlink_to("sub/tok.txt")
    assert reasons(model, *by) == {"ModelHasSymlinks": ["link"]}
    (model / "link").unlink()
    for name, text in FILES.items():
        (model / name).write_text(text)
    assert reasons(model, *by) == {}

    def predicate(change):
        sign(model, private)
        forge(model, private, lambda statement: change(statement["predicate"]))
        return [*reasons(model, *by)]

    def serialization_of(**changed):
        return predicate(lambda p: p["serialization"].update(changed))

    assert serialization_of(method="shards") == ["ModelSerializationUnsupported"]
    assert serialization_of(hash_type="blake3") == ["ModelSerializationUnsupported"]
    assert serialization_of(allow_symlinks=True) == ["ModelSymlinksFollowed"]
    assert serialization_of(ignore_paths=["sub"]) == ["ModelPathNotSigned"]
    assert serialization_of(ignore_paths=[f"p{i}" for i in range(65)]) == ["ModelIgnoresTooMuch"]
    assert predicate(lambda p: p["resources"].pop()) == ["ModelRootDiffers"]
    sign(model, private)
    old = "https://model_signing/Digests/v0.1"
    forge(model, private, lambda statement: statement.update(predicateType=old))
    assert [*reasons(model, *by)] == ["SignatureOutdated"]
    forge(model, private, lambda statement: statement.update(predicateType="https://x/y"))
    assert [*reasons(model, *by)] == ["SignatureOfOtherType"]
    sign(model, private)
    _, other = new_key(tmp_path, name="other")
    assert [*reasons(model, "--key", other)] == ["SignatureInvalid"]
    bank = Authority(tmp_path)
    chain = ("--certificate-chain", bank.certificate)
    assert [*reasons(model, *chain)] == ["SignatureKeyUnsupported"]
    (model / "model.sig").write_text("{}")
    assert [*reasons(model, *by)] == ["SignatureMalformed"]
    key, certificate = bank.issue("trainer", "email:trainer@bank.example")
    model_signing.sign("certificate", model, model / "model.sig", "--private_key", key,
                       "--signing_certificate", certificate,
                       "--certificate_chain", bank.certificate)  # fmt: skip
    assert reasons(model, *chain) == {}
    stranger = Authority(tmp_path, "stranger").certificate
    assert [*reasons(model, "--certificate-chain", stranger)] == ["SignerCertificateUntrusted"]


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
def test_what_the_package_signed_holds_and_has_our_digest(tmp_path, model, curve):
    private, public = new_key(tmp_path, curve)
    sign(model, private)
    found = verify(model, "--key", public)
    assert found["holds"] and found["files"] == len(FILES)
    digest = run("digest", model, "-o", "digest").stdout.strip()
    assert found["digest"] == digest and found["digestType"] == "modelSigningRoot"
    assert run("keys", public).stdout.split()[0] == found["key"]


def test_every_way_to_change_a_model_is_seen(tmp_path, model):
    private, public = new_key(tmp_path)
    sign(model, private)
    good = model / "sub" / "tok.txt"
    good.write_text("tik")
    assert why_not(model, "--key", public) == "not what was signed: 'sub/tok.txt'"
    good.write_text(FILES["sub/tok.txt"])
    (model / "extra.py").write_text("import os")
    assert why_not(model, "--key", public) == "not signed: 'extra.py'"
    (model / "extra.py").unlink()
    (model / "Zeta").unlink()
    assert why_not(model, "--key", public) == "missing: 'Zeta'"
    (model / "Zeta").symlink_to(model / "config.json")
    assert "symbolic links, and what they lead to may change: 'Zeta'" in why_not(model, "--key", public)
    (model / "Zeta").unlink()
    (model / "Zeta").write_text(FILES["Zeta"])
    _, other = new_key(tmp_path, name="other")
    assert "does not hold for this content and key" in why_not(model, "--key", other)
    assert verify(model, "--key", public)["holds"]


def test_a_model_that_is_one_file(tmp_path, model):
    private, public = new_key(tmp_path)
    signature = sign(model / "weights.bin", private, signature=tmp_path / "file.sig")
    arguments = ("--key", public, "--signature", signature)
    assert verify(model / "weights.bin", *arguments)["files"] == 1
    assert "is not what was signed" in why_not(model / "config.json", *arguments)
    assert "the signature is for one file" in why_not(model, *arguments)
    assert [*reasons(model, *arguments)] == ["SignatureForOtherModel"]
    whole = sign(model, private, signature=tmp_path / "folder.sig")
    assert "the signature is for a folder" in why_not(
        model / "weights.bin", "--key", public, "--signature", whole)  # fmt: skip


def test_what_a_signature_leaves_out_must_be_allowed(tmp_path, model):
    private, public = new_key(tmp_path)
    sign(model, private, "--ignore-paths", model / "sub")
    assert "the signature leaves out 'sub' of the model" in why_not(model, "--key", public)
    assert verify(model, "--key", public, "--ignore-path", "sub")["holds"]
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_text("ref: refs/heads/main")
    sign(model, private)
    assert verify(model, "--key", public)["holds"]


def test_links_are_followed_only_where_signature_and_caller_say_so(tmp_path, model):
    private, public = new_key(tmp_path)
    outside = tmp_path / "elsewhere.bin"
    outside.write_text("elsewhere")
    (model / "link").symlink_to(outside)
    signature = sign(model, private, "--allow_symlinks", signature=tmp_path / "links.sig")
    arguments = ("--key", public, "--signature", signature)
    assert "symbolic links were followed" in why_not(model, *arguments)
    assert verify(model, *arguments, "--allow-symlinks")["holds"]
    outside.write_text("changed")
    assert why_not(model, *arguments, "--allow-symlinks") == "not what was signed: 'link'"


SHARDS = """
import sys, model_signing
from model_signing import hashing, signing
config = hashing.Config().use_shard_serialization(chunk_size=4096, shard_size=1_000_000)
signing.Config().use_elliptic_key_signer(private_key=sys.argv[1]).set_hashing_config(config).sign(
    sys.argv[2], sys.argv[3])
"""
BLAKE = """
import sys
from model_signing import hashing, signing
config = hashing.Config().use_file_serialization(hashing_algorithm="blake2")
signing.Config().use_elliptic_key_signer(private_key=sys.argv[1]).set_hashing_config(config).sign(
    sys.argv[2], sys.argv[3])
"""


def test_other_ways_to_list_the_files_are_refused_with_a_reason(tmp_path, model):
    private, public = new_key(tmp_path)
    signature = tmp_path / "other.sig"
    arguments = ("--key", public, "--signature", signature)
    model_signing.script(SHARDS, private, model, signature)
    assert "method must be 'files', is 'shards'" in why_not(model, *arguments)
    model_signing.script(BLAKE, private, model, signature)
    assert "hash_type must be 'sha256'" in why_not(model, *arguments)


def test_a_bundle_by_certificate_needs_an_authority(tmp_path, model):
    bank = Authority(tmp_path)
    key, certificate = bank.issue("trainer", "email:trainer@bank.example")
    model_signing.sign("certificate", model, model / "model.sig", "--private_key", key,
                       "--signing_certificate", certificate,
                       "--certificate_chain", bank.certificate)  # fmt: skip
    found = verify(model, "--certificate-chain", bank.certificate)
    assert found["holds"] and found["certificate"] == "'trainer@bank.example'"
    other = Authority(tmp_path, "other")
    assert "self-signed certificate in" in why_not(model, "--certificate-chain", other.certificate)
    later = why_not(model, "--certificate-chain", bank.certificate, "--now", "2099-01-01T00:00:00Z")
    assert "certificate has expired" in later
    revoked = bank.revocations(certificate)
    assert "is revoked since" in why_not(
        model, "--certificate-chain", bank.certificate, "--revocation-list", revoked,
        "--now", later_today())  # fmt: skip
    # A policy says who that is; a certificate alone says nothing.
    policy = write(tmp_path / "policy.yaml", policy_with(bank))
    assert verify(model, "-f", policy)["signer"] == "trainer"
    done = run("verify", "--model", model, "-f", write(tmp_path / "plain.yaml", s.policy()))
    assert done.returncode == 1 and "leads to no authority" in done.stdout
    _, public = new_key(tmp_path)
    assert "does not hold" in why_not(model, "--key", public)


def later_today():
    import datetime

    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5)
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def policy_with(bank):
    return s.policy({
        "certificateAuthorities": [{"name": "bank", "certificate": bank.certificate.read_text()}],
        "people": [{"name": "trainer", "accounts": ["trainer"],
                    "certificates": [{"authority": "bank", "email": "trainer@bank.example"}]}],
    })  # fmt: skip


def test_evidence_of_a_bundle_carries_it_and_is_verified(tmp_path, model):
    private, public = new_key(tmp_path)
    sign(model, private)
    done = run("verify", "--model", model, "--key", public, "--use-case", "credit", "-n", s.HOME)
    assert done.returncode == 0, done.stderr
    evidence = yaml.safe_load(done.stdout)
    digest = run("digest", model, "-o", "digest").stdout.strip()
    assert evidence["spec"]["model"] == {"digest": digest, "digestType": "modelSigningRoot"}
    path = write(tmp_path / "evidence.yaml", evidence)
    found = json.loads(run("verify", "-f", path, "-o", "json").stdout)["objects"][0]
    assert found["holds"] and found["key"] == run("keys", public).stdout.split()[0]
    evidence["spec"]["model"]["digest"] = "sha256:" + "1" * 64
    write(path, evidence)
    found = json.loads(run("verify", "-f", path, "-o", "json").stdout)["objects"][0]
    assert not found["holds"] and found["reason"] == "SignatureForOtherModel"
    evidence["spec"]["summary"] = "The best model ever."
    write(path, evidence)
    done = run("check", "-f", path, "-n", s.HOME)
    assert "its bundle does not sign it" in done.stdout + done.stderr


def test_an_embedded_key_is_believed_by_nobody(tmp_path, model):
    private, public = new_key(tmp_path)
    sign(model, private)
    bundle = json.loads((model / "model.sig").read_text())
    attacker = ec.generate_private_key(ec.SECP256R1())
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    kind = bundle["dsseEnvelope"]["payloadType"].encode()
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    forged = base64.b64encode(attacker.sign(pae, ec.ECDSA(hashes.SHA256()))).decode()
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = forged
    bundle["verificationMaterial"]["publicKey"]["rawBytes"] = base64.b64encode(
        attacker.public_key().public_bytes(serialization.Encoding.PEM,
                                           serialization.PublicFormat.SubjectPublicKeyInfo)).decode()  # fmt: skip
    (model / "model.sig").write_text(json.dumps(bundle))
    assert "does not hold" in why_not(model, "--key", public)


def test_it_says_what_it_needs(tmp_path, model):
    for arguments, text in (
        (("--model", model), "--key, --certificate-chain or -f with a policy"),
        ((), "--filename or --model"),
        (("--model", model, "--key", tmp_path / "none"), "--signature"),
        (("--signature", tmp_path / "x", "-f", tmp_path), "--model"),
    ):
        done = run("verify", *arguments)
        assert done.returncode != 0 and text in done.stderr, done.stderr


def test_a_large_model_shows_on_a_terminal_how_far_it_is(tmp_path):
    folder = tmp_path / "large"
    folder.mkdir()
    for part in range(2):
        with (folder / f"part-{part}").open("wb") as file:
            file.truncate(150 << 20)  # holes: they take no space
    master, slave = pty.openpty()
    with subprocess.Popen([*map(str, (cli_path(), "digest", folder, "-o", "digest"))],
                          stdout=subprocess.PIPE, stderr=slave) as process:  # fmt: skip
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:  # its other end is closed
                break
            shown += piece
            if not piece:
                break
        out = process.stdout.read().decode().strip()
    os.close(master)
    assert process.returncode == 0 and out.startswith("sha256:")
    assert b" of 300 MiB" in shown


def cli_path():
    from cli import BIN

    return BIN / "countersign"
