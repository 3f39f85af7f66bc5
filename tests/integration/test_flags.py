"""Flags of the programs that contradict each other or mean nothing: refused before anything starts."""

import subprocess

import pytest
from cli import BIN, ROOT

PROFILES = ROOT / "charts" / "countersign" / "files" / "serving-profiles.yaml"
BUILT_IN = ("--ca-secret=system/ca", "--tls-name=webhook.system.svc")


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "key.pem"
    subprocess.run([BIN / "countersign", "keygen", "--out", path], check=True)
    return path


def refused(program, *arguments):
    """What it says; it must not try to reach any cluster."""
    done = subprocess.run(
        [BIN / program, "--kubeconfig=/nowhere", "--installation=test", *arguments],
        capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode != 0 and "/nowhere" not in done.stderr, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("arguments, complaint", [
    (("--self-signed=tls", "--allowed-client=apiserver"), "--allowed-client requires --client-ca"),
    ((*BUILT_IN, "--leaf-lifetime=900d", "--ca-lifetime=1d"), "--leaf-lifetime: must be at most --ca-lifetime (1d)"),
    ((*BUILT_IN, "--leaf-lifetime=1h", "--ca-settle=2h"), "--ca-settle: must be less than --leaf-lifetime (1h)"),
    ((*BUILT_IN, "--ca-lifetime=1h", "--leaf-lifetime=1h", "--ca-retire=20m"), "at most a quarter of --ca-lifetime (1h)"),
    ((*BUILT_IN, "--ca-retire=0s"), "--ca-retire: must be at least 1s, is '0s'"),
    ((*BUILT_IN, "--trusted-controller=*"), "--trusted-controller: must be one account"),
    ((*BUILT_IN, "--trusted-controller=system:serviceaccounts:kserve"), "not a pattern or a group"),
    ((*BUILT_IN, "--trusted-controller=system:serviceaccount:kserve"), "system:serviceaccount:NAMESPACE:NAME"),
    ((*BUILT_IN, "--drain-seconds=-1"), "--drain-seconds"),
    ((*BUILT_IN, "--workers=-1"), "--workers"),
])  # fmt: skip
def test_the_webhook_refuses(key, arguments, complaint):
    assert complaint in refused("countersign-webhook", f"--stamp-key={key}", *arguments)


def test_the_operator_refuses_a_timeout_that_no_entry_can_have(key):
    assert "--webhook-timeout" in refused(
        "countersign-operator", f"--stamp-key={key}", "--webhook-timeout=31")  # fmt: skip


def test_the_page_has_every_flag_as_the_programs_have_it(tmp_path):
    """Else: make manifests."""
    subprocess.run([ROOT / "scripts" / "flags.py", BIN, tmp_path / "flags.md"], check=True)
    made = (tmp_path / "flags.md").read_text()
    for program in ("countersign-webhook", "countersign-operator", "countersign keys rotate"):
        help = subprocess.run([BIN / program.split()[0], *program.split()[1:], "--help"], capture_output=True, text=True).stdout
        section = made.split(f"## `{program}`\n")[1].split("\n## ")[0]
        flags = {line.split()[0].split(",")[-1].split("{")[0] for line in help.splitlines() if line.startswith("  -")}
        assert flags - {"--help"} and [one for one in flags - {"--help"} if f"`{one}`" not in section] == []
    assert (ROOT / "docs" / "reference" / "flags.md").read_text() == made


@pytest.mark.parametrize("program, flags, complaint", [
    ("countersign-webhook", ("--installation=", "--stamp-key=key.pem"), "--installation: must not be empty"),
    ("countersign-webhook", ("--trusted-controller=", "--require-credential-id"), "--trusted-controller: must not be empty"),
    ("countersign-webhook", ("--client-ca=", "--allowed-client=a"), "--client-ca: must not be empty"),
    ("countersign-webhook", ("--require-credential-id=",), "--require-credential-id takes no value"),
    ("countersign-webhook", ("--workers=", "--drain-seconds=1"), "--workers"),
    ("countersign-webhook", ("--nonsense",), "'--nonsense' is not a command or flag"),
    ("countersign-webhook", (), "--stamp-key is required"),
    ("countersign-operator", ("--installation=", "--namespace=countersign-system"), "--installation: must not be empty"),
    ("countersign-operator", ("--guard-elsewhere=", "--scan-seconds=5"), "--guard-elsewhere: must not be empty"),
    ("countersign-operator", ("--no-leader-elect=",), "--no-leader-elect takes no value"),
    ("countersign-operator", (), "--stamp-key is required"),
])  # fmt: skip
def test_a_program_that_serves_refuses_what_is_empty(program, flags, complaint):
    done = subprocess.run([BIN / program, *flags], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.startswith(f"{program}: "), done.stderr
    assert complaint in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_an_empty_namespace_is_no_value_and_takes_none(tmp_path):
    """Else --kubeconfig would be the namespace, in whatever cluster the environment names."""
    done = subprocess.run([BIN / "countersign", "scan", "--namespace=", "--kubeconfig=/nowhere"],
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 2 and "/nowhere" in done.stderr, done.stdout + done.stderr


def test_the_generator_of_manifests_takes_no_flag_for_a_folder(tmp_path):
    for flag, code in (("--help", 0), ("-h", 0), ("--output=x", 2)):
        done = subprocess.run([BIN / "countersign-manifests", flag], cwd=tmp_path, text=True,
                              capture_output=True, timeout=60)  # fmt: skip
        assert done.returncode == code and "usage:" in done.stderr and not list(tmp_path.iterdir())


@pytest.mark.parametrize("program", ["countersign", "countersign-webhook", "countersign-operator"])
def test_programs_tell_their_version(program):
    done = subprocess.run([BIN / program, "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.split()[-1][0].isdigit()


@pytest.mark.parametrize("arguments", [
    ("install", "--crds", "--url", "https://127.0.0.1:9443", "--ca-file", "ca.pem"),
    ("install", "--chart-values", "--serving-profiles", PROFILES),
    ("version",), ("approve", "--help"), ("completion", "bash")])  # fmt: skip
def test_output_that_cannot_be_written_is_no_success(tmp_path, arguments):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=ca",
                    "-keyout", "ca.key", "-out", "ca.pem"], cwd=tmp_path, check=True, capture_output=True)  # fmt: skip
    run = lambda out: subprocess.run([BIN / "countersign", *arguments], cwd=tmp_path, stdout=out,  # noqa: E731
                                     stderr=subprocess.PIPE, text=True, timeout=60)  # fmt: skip
    whole = run(subprocess.DEVNULL)
    assert whole.returncode == 0, whole.stderr
    with open("/dev/full", "wb") as full:
        done = run(full)
    assert done.returncode == 2 and "standard output: could not be written" in done.stderr
