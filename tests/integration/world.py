"""A cluster with Countersign installed: what tests of the programs share."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "controlplane"))
import controlplane  # noqa: E402
from controlplane import wait_until  # noqa: E402

BIN = pathlib.Path(os.environ.get("COUNTERSIGN_BIN", ROOT / "build/release/bin"))
INSTALLATION = "test"


class Program:
    """One of our programs. `records` are its lines on stdout, `log` what it wrote to stderr."""

    def __init__(self, folder, name, *arguments):
        self.name = name
        self.out = pathlib.Path(folder) / f"{name}-{time.monotonic_ns()}.out"
        self.err = self.out.with_suffix(".err")
        with self._stdout() as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [BIN / name, *map(str, arguments)],
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                preexec_fn=controlplane._die_with_parent,
            )

    def _stdout(self):
        return open(self.out, "wb")

    @property
    def log(self):
        return self.err.read_text(errors="replace")

    @property
    def records(self):
        lines = self.out.read_text().split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def await_log(self, text, seconds=30):
        def seen():
            assert self.process.poll() is None, f"{self.name} ended: {self.log}"
            return text in self.log

        wait_until(seen, f"'{text}' in the log of {self.name}:\n{self.log}", seconds)

    def field(self, message, name):
        """A field of the log line with this message."""
        for line in self.log.splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                entry = json.loads(line)
                if entry.get("message") == message:
                    return entry[name]
        raise AssertionError(f"no log line '{message}' in {self.log}")

    def stop(self, sig=signal.SIGTERM, seconds=20):
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.name} did not stop within {seconds} s") from None
        return self.process.returncode


def run(*arguments, check=True, user=None, input=None):
    """Runs the `countersign` program."""
    environment = dict(os.environ, **({"KUBECONFIG": str(user)} if user else {}))
    done = subprocess.run(
        [BIN / "countersign", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        input=input,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"countersign {arguments}: {done.stdout}{done.stderr}")
    return done


class Installation:
    """A control plane with CRDs, admission and (if asked for) the operator."""

    def __init__(self, workloads=False, operator=False, apiserver=()):
        self.cluster = controlplane.start(workloads=workloads, apiserver=apiserver)
        try:
            self._install(operator)
        except BaseException:
            self.cluster.stop()
            raise

    def _install(self, operator):
        c = self.cluster
        self.folder = c.folder
        self.key = c.folder / "installation.pem"
        run("keygen", "--out", self.key)
        c.run("apply", "--server-side", "-f", ROOT / "crds")
        c.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        c.run("create", "namespace", "countersign-system")
        self.operator_user = c.user("countersign-operator", ["system:masters"])
        self.start_webhook()
        manifests = run(
            "install", "--url", f"https://127.0.0.1:{self.port}", "--ca-file",
            c.folder / "tls" / "ca.crt", "--operator-user", "countersign-operator",
        ).stdout  # fmt: skip
        c.run("apply", "--server-side", "-f", "-", input=manifests)
        self.operator = None
        if operator:
            self.start_operator()
        self._await_admission()

    def start_webhook(self, *more):
        port = getattr(self, "port", None) or controlplane.free_port()
        self.webhook = Program(
            self.folder, "countersign-webhook",
            "--kubeconfig", self.cluster.kubeconfig,
            "--listen", f"127.0.0.1:{port}", "--probe-listen", "127.0.0.1:0",
            "--self-signed", self.folder / "tls", "--stamp-key", self.key,
            "--installation", INSTALLATION, "--operator-user", "countersign-operator",
            "--drain-seconds", "0", *more,
        )  # fmt: skip
        self.webhook.await_log("serving admission reviews")
        self.port = self.webhook.field("serving admission reviews", "port")
        self.probe_port = self.webhook.field("serving admission reviews", "probePort")

    def start_operator(self, *more):
        self.operator = Program(
            self.folder, "countersign-operator",
            "--kubeconfig", self.operator_user, "--probe-listen", "127.0.0.1:0",
            "--stamp-key", self.key, "--installation", INSTALLATION,
            "--namespace", "countersign-system", *more,
        )  # fmt: skip

    def _await_admission(self):
        # The API server takes in webhook configurations and policies with a delay.
        probe = {
            "apiVersion": "countersign.dev/v1alpha1",
            "kind": "UseCase",
            "metadata": {"name": "probe", "namespace": "default"},
            "spec": {
                "title": "p", "purpose": "p", "purposeCategory": "p", "owner": "p",
                "developers": [{"kind": "Role", "name": "p"}], "lifecycle": "Active",
            },
        }  # fmt: skip

        def refused():
            done = self.cluster.run(
                "create", "--dry-run=server", "-f", "-", input=json.dumps(probe), check=False
            )
            return "admission.countersign.dev" in done.stderr

        wait_until(refused, "the webhook configuration to take effect")

    def apply(self, *objects, user=None, check=True, dry_run=False):
        text = "\n---\n".join(json.dumps(o) for o in objects)
        more = ["--dry-run=server"] if dry_run else []
        return self.cluster.run("create", *more, "-f", "-", input=text, user=user, check=check)

    def post(self, path, body, content_type="application/json", patience=20, **headers):
        """A direct call, as the API server would make it: (status, body)."""
        context = ssl.create_default_context(cafile=str(self.folder / "tls" / "ca.crt"))
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}", data=body, method="POST",
            headers={"Content-Type": content_type, **headers},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, context=context, timeout=patience) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.probe_port}/metrics") as response:
            return response.read().decode()

    def close(self):
        for program in (self.operator, self.webhook):
            if program is not None and program.process.poll() is None:
                program.process.kill()
                program.process.wait()
        self.cluster.stop()
