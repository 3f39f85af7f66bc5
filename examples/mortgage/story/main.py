"""Runs the chapters in order and sees to it that nothing is left behind."""

import contextlib
import os
import pathlib
import shutil
import signal
import sys
import tempfile

from story import cluster, models, people, record, rules, serving
from story.checks import CannotStart, StepFailed
from story.console import Console
from story.installation import Installation, find_programs
from story.kubectl import Person
from story.stage import ROOT, Stage

CHAPTERS = (
    rules.introduce_people,
    rules.set_rules,
    models.train,
    models.first_model,
    models.second_model,
    models.sign_offs,
    serving.serves,
    serving.digest_swapped,
    record.recorded,
    serving.expiry,
    serving.light_use_case,
)

LOGS = ROOT / "build" / "demo"
# Of the temporary folder with keys and kubeconfigs.
PREFIX = "countersign-demo-"


def main() -> int:
    console = Console()
    # A terminal's Ctrl-C and a supervisor's TERM end the story like a failure: with clean-up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    step = "finding the programs"
    try:
        with contextlib.ExitStack() as after:
            programs = find_programs()
            _sweep()
            folder = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX))
            after.callback(shutil.rmtree, folder, ignore_errors=True)
            (folder / "owner").write_text(str(os.getpid()))
            shutil.rmtree(LOGS, ignore_errors=True)
            LOGS.mkdir(parents=True)

            console.plain("Countersign: the mortgage example, on a real Kubernetes API server.")
            step = "starting a cluster"
            found = cluster.find(console, folder)
            after.callback(found.stop)
            programs["kubectl"] = found.kubectl
            step = "installing Countersign"
            stage = _set_up(console, found, programs, folder, after)
            for chapter in CHAPTERS:
                step = chapter.__name__.replace("_", " ")
                chapter(stage)
            _close(stage, len(CHAPTERS))
            step = "cleaning up"
        return 0
    except KeyboardInterrupt:
        console.failure("Interrupted; everything that was started is gone.")
        return 130
    except CannotStart as problem:
        console.failure(f"Cannot run the demo: {problem}.")
        return 1
    except StepFailed as failed:
        console.failure(
            f"The demo failed at: {step}\n"
            f"  expected: {failed.expected}\n"
            f"  found:    {failed.found}\n"
            f"  logs:     {os.path.relpath(LOGS)}/"
        )
        return 1


def _sweep() -> None:
    """Removes what a run that was killed outright could not."""
    for folder in pathlib.Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, ValueError):
            owner = int((folder / "owner").read_text())
            if not pathlib.Path("/proc", str(owner)).exists():
                shutil.rmtree(folder, ignore_errors=True)


def _set_up(
    console: Console,
    found: cluster.Cluster,
    programs: dict[str, pathlib.Path],
    folder: pathlib.Path,
    after: contextlib.ExitStack,
) -> Stage:
    admin = Person("platform", found.kubeconfig, programs, console, ROOT)
    if not found.own:
        cluster.look_first(admin)
    installation = Installation(admin, found, programs, folder, LOGS, console)
    after.callback(installation.undo)
    installation.install()
    console.seen("Countersign is installed: the API server asks its webhook")
    if found.audit_log:
        after.callback(_keep, found.audit_log)
    crowd = {
        name: Person(
            name,
            people.certificate(admin, name, installation.run_id, folder),
            programs,
            console,
            ROOT,
        )
        for name in people.ACCOUNTS
    }
    simulated = cluster.simulates_nodes(admin)
    if not simulated:
        console.say(
            """Note: this cluster's nodes are real, and the example's images exist in no registry.
            Where the story waits for pods, it looks at what the operator asks of the cluster
            instead."""
        )
    return Stage(console, admin, crowd, LOGS, simulated, found.audit_log)


def _keep(log: pathlib.Path) -> None:
    """The audit log goes with the control plane; a copy stays beside the programs' logs."""
    with contextlib.suppress(OSError):
        shutil.copy(log, LOGS / "audit.log")


def _close(stage: Stage, chapters: int) -> None:
    console = stage.console
    console.chapter("Where to look next")
    console.plain("")
    console.plain(
        "    examples/mortgage/README.md              the data, the numbers, their limits"
    )
    console.plain(
        "    examples/mortgage/manifests/policy.yaml  the policy: one page, change a bound"
    )
    console.plain("    build/example/                           models and evidence of this run")
    console.plain("    build/demo/webhook.log                   every decision, one JSON line each")
    console.plain("    docs/concepts.md                         what the words mean")
    console.plain("    CONTRIBUTING.md                          the map of the code")
    console.plain("")
    console.plain(f"All {chapters} steps were seen to happen.")
