"""Flags of the programs that contradict each other or mean nothing: refused before anything starts."""

import subprocess

import pytest
from cli import BIN, ROOT

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
