"""Starts the webhook and the operator on this machine, and ends them by their process ids."""

import contextlib
import pathlib
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from story.checks import StepFailed, wait_for

# Longer than any shutdown of ours takes (2 s); after it the process is killed.
STOP_SECONDS = 10


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


class Program:
    """One running program with its log file and its probe port."""

    def __init__(self, name: str, command: list[str], log: pathlib.Path, probe: str):
        self.name, self.log, self._probe = name, log, probe
        # If this script is killed outright, the kernel ends what it started.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with log.open("wb") as sink:
            self._process = subprocess.Popen(
                [*guard, *command], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )

    def wait_ready(self, seconds: float = 30) -> None:
        def ready() -> tuple[bool, str]:
            code = self._process.poll()
            if code is not None:
                raise StepFailed(f"{self.name} to run", f"it ended with code {code}: {self.tail()}")
            try:
                with urllib.request.urlopen(f"http://{self._probe}/readyz", timeout=2) as answer:
                    return answer.status == 200, f"HTTP {answer.status}"
            except urllib.error.HTTPError as refusal:
                return False, f"HTTP {refusal.code} {refusal.read(300).decode(errors='replace')}"
            except OSError as problem:
                return False, str(problem)

        wait_for(f"{self.name} to be ready", ready, seconds)

    def tail(self) -> str:
        with contextlib.suppress(OSError):
            return " / ".join(self.log.read_text(errors="replace").splitlines()[-3:])
        return ""

    def stop(self) -> None:
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
