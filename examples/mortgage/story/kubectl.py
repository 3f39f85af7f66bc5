"""kubectl as one person: runs it, shows it, and gives back what it said."""

import dataclasses
import json
import os
import pathlib
import shlex
import subprocess

from story.checks import StepFailed
from story.console import Console

# A real answer takes milliseconds; this is for a cluster that has stopped answering.
TIMEOUT_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Answer:
    code: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def text(self) -> str:
        return "\n".join(part.rstrip("\n") for part in (self.stdout, self.stderr) if part.strip())


class Person:
    """Someone with a kubeconfig of their own. `show` decides what the reader sees of a command."""

    def __init__(
        self,
        name: str,
        kubeconfig: pathlib.Path,
        programs: dict[str, pathlib.Path],
        console: Console,
        root: pathlib.Path,
    ):
        self.name = name
        self._kubeconfig = kubeconfig
        self._programs = programs
        self._console = console
        self._root = root

    def run(self, *arguments: str, show: bool = True, stdin: str | None = None) -> Answer:
        """Runs `kubectl …`; a refusal is an answer like any other."""
        return self._run("kubectl", arguments, show, stdin)

    def countersign(self, *arguments: str, last: int | None = None) -> Answer:
        """Runs the command line tool, which kubectl also finds as its plugin. `last`: how many
        lines of its answer are shown, where the reader has seen the like before."""
        return self._run("countersign", arguments, True, None, last)

    def must(self, *arguments: str, show: bool = True, stdin: str | None = None) -> Answer:
        """Runs kubectl where anything but success ends the story."""
        answer = self._run("kubectl", arguments, show, stdin)
        if not answer.ok:
            raise StepFailed(f"`kubectl {shlex.join(arguments)}` to work", answer.text)
        return answer

    def get(self, *arguments: str) -> dict:
        """An object or list as it is now; {} where there is none. Not shown."""
        answer = self.run("get", *arguments, "-o", "json", "--ignore-not-found", show=False)
        if not answer.ok:
            raise StepFailed(f"`kubectl get {shlex.join(arguments)}` to work", answer.text)
        return json.loads(answer.stdout) if answer.stdout.strip() else {}

    def _run(
        self,
        program: str,
        arguments: tuple[str, ...],
        show: bool,
        stdin: str | None,
        last: int | None = None,
    ) -> Answer:
        shown = "kubectl countersign" if program == "countersign" else program
        if show:
            self._console.command(self.name, f"{shown} {_typed(arguments)}")
        # kubectl finds its plugin in PATH and people type it that way; run directly, the plugin
        # gives the same answer and one process less.
        try:
            done = subprocess.run(
                [str(self._programs[program]), *arguments],
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_SECONDS,
                cwd=self._root,
                env=os.environ | {"KUBECONFIG": str(self._kubeconfig)},
            )
        except subprocess.TimeoutExpired as late:
            raise StepFailed(
                f"an answer to `{shown} {_typed(arguments)}`", f"none in {late.timeout:.0f} s"
            ) from late
        answer = Answer(done.returncode, done.stdout, done.stderr)
        if show:
            said = answer.text.split("\n")
            if last is not None and len(said) > last:
                said = ["…", *said[-last:]]
            self._console.output("\n".join(said), refusal=not answer.ok)
        return answer


def _typed(arguments: tuple[str, ...]) -> str:
    return " ".join(
        f'"{argument}"' if " " in argument and '"' not in argument else shlex.quote(argument)
        for argument in arguments
    )
