"""The cluster of the story: one of its own on this machine, or the user's by KUBECONFIG.

Either way the programs run here, beside the cluster, and everything that the story creates goes at
its end: on the user's cluster by name, and nothing that was there before.
"""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable

from story.checks import CannotStart
from story.console import Console
from story.kubectl import Person
from story.stage import DEV, HOME, PROD, ROOT

GROUP = "countersign.dev"
# Nodes that kwok simulates carry this annotation; their pods run without any image.
SIMULATED = "kwok.x-k8s.io/node"


@dataclasses.dataclass(frozen=True)
class Cluster:
    kubeconfig: pathlib.Path
    kubectl: pathlib.Path
    own: bool
    audit_log: pathlib.Path | None
    stop: Callable[[], None]


def find(console: Console, folder: pathlib.Path) -> Cluster:
    """Starts one unless KUBECONFIG names one. The caller calls stop()."""
    named = os.environ.get("KUBECONFIG")
    if named:
        console.say(
            f"Using the cluster of KUBECONFIG={named}. What is created there goes at the end."
        )
        kubectl = _kubectl()
        return Cluster(_flattened(kubectl, folder), kubectl, False, None, lambda: None)
    console.say(
        """Starting a Kubernetes control plane on this machine: etcd, API server, controller
        manager, scheduler, and kwok for a node. Loopback only, gone afterwards."""
    )
    sys.path.insert(0, str(ROOT / "tests" / "controlplane"))
    import controlplane

    try:
        running = controlplane.start()
    except controlplane.StartError as problem:
        raise CannotStart(str(problem)) from None
    return Cluster(
        pathlib.Path(running.kubeconfig),
        pathlib.Path(running.kubectl),
        True,
        pathlib.Path(running.audit_log),
        running.stop,
    )


def look_first(admin: Person) -> None:
    """Refuses a cluster that is not there, not ours to administer, or already has what we make."""
    answer = admin.run("get", "--raw", "/readyz", show=False)
    if not answer.ok:
        raise CannotStart(f"the cluster of KUBECONFIG does not answer: {answer.text}")
    answer = admin.run("auth", "can-i", "*", "*", "--all-namespaces", show=False)
    if answer.stdout.strip() != "yes":
        raise CannotStart(
            "the demo installs CRDs and webhooks, and the user of KUBECONFIG is not an "
            "administrator of the cluster"
        )
    for name in (HOME, DEV, PROD):
        if admin.get("namespace", name):
            raise CannotStart(f"the cluster has a namespace '{name}' already: use another cluster")
    for resource in ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"):
        for item in admin.get(resource).get("items", []):
            if any(
                GROUP in rule.get("apiGroups", [])
                for hook in item.get("webhooks", [])
                for rule in hook.get("rules", [])
            ):
                raise CannotStart(
                    "Countersign is installed on this cluster and the demo brings its own: "
                    "use another cluster"
                )


def has_crds(admin: Person) -> bool:
    items = admin.get("crd").get("items", [])
    return any(item["spec"]["group"] == GROUP for item in items)


def simulates_nodes(admin: Person) -> bool:
    nodes = admin.get("nodes").get("items", [])
    return bool(nodes) and all(
        SIMULATED in node["metadata"].get("annotations", {}) for node in nodes
    )


def _flattened(kubectl: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The user's current context in one file: KUBECONFIG may be a list, with paths of its own."""
    done = subprocess.run(
        [str(kubectl), "config", "view", "--raw", "--minify", "--flatten"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if done.returncode != 0:
        raise CannotStart(f"KUBECONFIG cannot be read: {done.stderr.strip()}")
    path = folder / "platform.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(done.stdout)
    return path


def _kubectl() -> pathlib.Path:
    folder = os.environ.get("COUNTERSIGN_ASSETS")
    found = shutil.which("kubectl", path=folder) or shutil.which("kubectl")
    if found is None:
        raise CannotStart("there is no kubectl in COUNTERSIGN_ASSETS or PATH: run `make demo`")
    return pathlib.Path(found)
