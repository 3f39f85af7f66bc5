"""Installs Countersign for the length of the story: CRDs, roles, webhook entries, two programs.

Each step leaves behind how it is undone; undo() runs those in reverse order and goes on past a step
that fails, so that one leftover does not become ten.
"""

import os
import pathlib
import secrets
import subprocess
from collections.abc import Callable

from story import cluster, people
from story.checks import CannotStart, StepFailed, wait_for
from story.console import Console
from story.kubectl import Person
from story.programs import Program, free_port
from story.stage import DEV, HOME, PROD, ROOT

SYSTEM = "countersign-system"
PROGRAMS = ("countersign", "countersign-webhook", "countersign-operator")


def find_programs() -> dict[str, pathlib.Path]:
    folder = pathlib.Path(os.environ.get("COUNTERSIGN_BIN") or ROOT / "build" / "release" / "bin")
    found = {name: (ROOT / folder / name).resolve() for name in PROGRAMS}
    for name, path in found.items():
        if not path.exists():
            raise CannotStart(f"{path} does not exist: `make demo` builds {name} first")
    return found


class Installation:
    def __init__(
        self,
        admin: Person,
        found: cluster.Cluster,
        programs: dict[str, pathlib.Path],
        folder: pathlib.Path,
        logs: pathlib.Path,
        console: Console,
    ):
        self._admin, self._cluster, self._programs = admin, found, programs
        self._folder, self._logs, self._console = folder, logs, console
        self._undo: list[Callable[[], None]] = []
        # The cluster's API server must reach the webhook here. 127.0.0.1 is right when both are on
        # one machine and not in containers; elsewhere the user names an address.
        self._address = os.environ.get("COUNTERSIGN_DEMO_ADDRESS") or "127.0.0.1"
        self.run_id = secrets.token_hex(4)

    def install(self) -> None:
        admin = self._admin
        if not cluster.has_crds(admin):
            self._undo.append(lambda: self._delete("-f", str(ROOT / "crds")))
        admin.must("apply", "--server-side", "-f", "crds/")
        admin.must("wait", "--for=condition=Established", "-f", "crds/", show=False)

        key = self._folder / "installation.key"
        self._tool("keygen", "--out", str(key))
        certificate, private = self._folder / "webhook.crt", self._folder / "webhook.key"
        _self_signed(self._address, certificate, private)
        listen = f"{self._address}:{free_port(self._address)}"
        # Accounts and roles first: both programs run as their service accounts, with the rights
        # that they would have in the cluster and no more.
        self._apply_entries(f"https://{listen}", certificate)
        stamp = ("--stamp-key", str(key), "--installation", "demo")
        self._start(
            "countersign-webhook",
            *("--listen", listen, "--tls-cert", str(certificate), "--tls-key", str(private)),
            # No endpoints to wait for: the API server calls this one address.
            *("--drain-seconds", "0"),
            *stamp,
        )
        self._start("countersign-operator", *stamp, "--namespace", SYSTEM)
        wait_for("the API server to ask the webhook", self._asked, seconds=30)
        self._undo.append(self._remove_story)

    def undo(self) -> None:
        problems = []
        while self._undo:
            step = self._undo.pop()
            try:
                step()
            except StepFailed as problem:  # the rest must still be removed
                problems.append(problem.found)
        if problems:
            raise StepFailed("everything to be removed from the cluster", "; ".join(problems))

    def _apply_entries(self, url: str, certificate: pathlib.Path) -> None:
        """Accounts, roles, webhook configurations and admission policies."""
        entries = self._folder / "install.yaml"
        entries.write_text(self._tool("install", "--url", url, "--ca-file", str(certificate)))
        self._undo.append(lambda: self._delete("-f", str(entries)))
        self._console.command(
            "platform",
            f"countersign install --url {url} --ca-file {certificate.name}"
            " | kubectl apply --server-side -f -",
        )
        answer = self._admin.must("apply", "--server-side", "-f", str(entries), show=False)
        many = len(answer.stdout.splitlines())
        self._console.output(
            f"({many} objects: service accounts, roles, admission policies, webhook configurations)"
        )

    def _start(self, name: str, *arguments: str) -> None:
        probe = f"127.0.0.1:{free_port()}"
        account = people.service_account(self._admin, SYSTEM, name, self._folder)
        program = Program(
            name,
            [
                *(str(self._programs[name]), "--kubeconfig", str(account)),
                *("--probe-listen", probe, *arguments),
            ],
            self._logs / f"{name.removeprefix('countersign-')}.log",
            probe,
        )
        self._undo.append(program.stop)
        program.wait_ready()

    def _asked(self) -> tuple[bool, str]:
        """A policy that the schema accepts and the webhook must refuse."""
        text = (ROOT / "examples" / "mortgage" / "manifests" / "policy.yaml").read_text()
        wrong = text.replace("accountable: model-validator", "accountable: nobody-at-all")
        answer = self._admin.run("apply", "--dry-run=server", "-f", "-", show=False, stdin=wrong)
        if "failed calling webhook" in answer.text:
            raise CannotStart(
                f"the cluster's API server does not reach this machine at {self._address}: set "
                "COUNTERSIGN_DEMO_ADDRESS to an address of this machine that it reaches (for kind, "
                f"the gateway of its network). It says: {answer.stderr.strip()}"
            )
        return "nobody-at-all" in answer.stderr, answer.text

    def _remove_story(self) -> None:
        """While the operator still runs: it takes its children along."""
        self._delete("modeldeployments.countersign.dev", "--all", "-n", DEV)
        self._delete("modeldeployments.countersign.dev", "--all", "-n", PROD)
        self._delete("namespace", HOME, DEV, PROD)
        self._delete("-f", str(ROOT / "examples" / "mortgage" / "manifests" / "policy.yaml"))
        self._delete("clusterrolebinding", "lending-policy-readers")

    def _delete(self, *arguments: str) -> None:
        if self._cluster.own:
            return  # it goes as a whole
        answer = self._admin.run(
            "delete", *arguments, "--ignore-not-found", "--timeout=45s", show=False
        )
        if not answer.ok:
            raise StepFailed(f"`kubectl delete {' '.join(arguments)}` to work", answer.text)

    def _tool(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(self._programs["countersign"]), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if done.returncode != 0:
            raise StepFailed(f"`countersign {' '.join(arguments)}` to work", done.stderr)
        return done.stdout


def _self_signed(address: str, certificate: pathlib.Path, key: pathlib.Path) -> None:
    """A certificate that is its own authority, for one address and one day."""
    kind = "IP" if address.replace(".", "").isdigit() or ":" in address else "DNS"
    done = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=countersign-demo"),
            *("-addext", f"subjectAltName={kind}:{address}"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if done.returncode != 0:
        raise CannotStart(f"openssl could not make a certificate: {done.stderr.strip()}")
    key.chmod(0o600)
