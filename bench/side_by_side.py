#!/usr/bin/python3
"""A full decision of ours beside a controller-runtime webhook that only parses.

Both programs answer the same AdmissionReview of about 5 KiB over TLS on keep-alive connections, in
rounds that alternate. What counts is the CPU that each program spends on a request, from
/proc/PID/stat: callers and neighbours do not enter it. Throughput per core is its inverse.
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
import samples  # noqa: E402
from run import memory, show  # noqa: E402
from samples import DANA, VERA, VICTOR  # noqa: E402
from world import Installation, controlplane, wait_until  # noqa: E402

CONNECTIONS = 32
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def deployment(kib):
    """One that passes all gates once its evidence is there, made as long as real ones are."""
    padding = [{"name": f"SETTING_{i}", "value": "x" * 80} for i in range(int(kib * 1024 / 120))]
    container = {"name": "server", "image": samples.IMAGE, "env": padding}
    return samples.deployment(patch={"serving": {"template": {"spec": {"containers": [container]}}}})


def as_served(site, mdeploy):
    """As the API server sends it: with managedFields, and all that it fills in."""
    done = site.cluster.run("create", "--dry-run=server", "--show-managed-fields", "-o", "json", "-f", "-",
                            input=json.dumps(mdeploy), user=site.cluster.user(*DANA))  # fmt: skip
    return json.loads(done.stdout)


def review(obj):
    group, _, version = samples.API.partition("/")
    kind = {"group": group, "version": version, "kind": obj["kind"]}
    resource = {"group": group, "version": version, "resource": "modeldeployments"}
    return json.dumps({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": kind,
                    "resource": resource, "requestKind": kind, "requestResource": resource,
                    "name": obj["metadata"]["name"],
                    "namespace": obj["metadata"]["namespace"], "operation": "CREATE",
                    "userInfo": {"username": DANA[0], "groups": DANA[1]},
                    "object": obj, "oldObject": None, "dryRun": True,
                    "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1",
                                "dryRun": ["All"], "fieldManager": "kubectl-create",
                                "fieldValidation": "Strict"}}},
                   separators=(",", ":")).encode()  # fmt: skip


class Side:
    def __init__(self, name, process, url):
        self.name, self.process, self.url = name, process, url
        self.spent, self.requests = 0.0, 0

    def run(self, load, count):
        before = cpu_seconds(self.process)
        subprocess.run([*load, f"--url={self.url}", f"--requests={count}"], check=True)
        self.spent += cpu_seconds(self.process) - before
        self.requests += count

    @property
    def micros(self):
        return self.spent / self.requests * 1e6


def evidence(site, mdeploy):
    for namespace in (samples.HOME, samples.DEV, samples.QA, samples.PROD):
        site.cluster.run("create", "namespace", namespace)
    admin = {"developers": ("countersign-developer", "ds-lending"),
             "approvers": ("countersign-approver", "model-risk")}  # fmt: skip
    for name, (role, group) in admin.items():
        site.cluster.run("create", "clusterrolebinding", name, f"--clusterrole={role}",
                         f"--group={group}")  # fmt: skip
    site.apply(samples.policy())
    case = samples.use_case()
    dana = site.cluster.user(*DANA)
    site.apply(case, samples.snapshot(), samples.bias_test(), user=dana)
    site.apply(samples.answers_sign_off(case), user=site.cluster.user(*VERA))
    for signer in (VERA, VICTOR):
        site.apply(samples.sign_off(mdeploy, signer), user=site.cluster.user(*signer))
    wait_until(lambda: site.apply(mdeploy, user=dana, check=False, dry_run=True).returncode == 0,
               "the deployment to pass its gates")  # fmt: skip


def build(folder):
    subprocess.run(["go", "build", "-trimpath", "-o", f"{folder}/", "./..."], check=True,
                   cwd=ROOT / "bench" / "controller_runtime")  # fmt: skip


def peer(folder, site):
    """The webhook of bench/controller_runtime, with the certificate that ours serves."""
    port = controlplane.free_port()
    process = subprocess.Popen([folder / "controller_runtime", f"--port={port}", f"--cert-dir={site.folder / 'tls'}"])

    def listens():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    wait_until(listens, "the controller-runtime webhook to listen")
    return process, port


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=20000, help="of each program, a round")
    parser.add_argument("--kib", type=float, default=3.3, help="about how long the object is as it is written")
    arguments = parser.parse_args()
    mdeploy = deployment(arguments.kib)
    site, process = Installation(), None
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as place:
        try:
            evidence(site, mdeploy)
            body = review(as_served(site, mdeploy))
            folder = pathlib.Path(place)
            build(folder)
            process, port = peer(folder, site)
            (folder / "review.json").write_bytes(body)
            load = [folder / "load", f"--ca={site.folder / 'tls' / 'ca.crt'}",
                    f"--body={folder / 'review.json'}", f"--connections={CONNECTIONS}"]  # fmt: skip
            host = "https://127.0.0.1"
            ours = Side("countersign", site.webhook.process, f"{host}:{site.port}/validate/v1")
            theirs = Side("controller-runtime", process, f"{host}:{port}/validate")
            for side in (ours, theirs):
                side.run(load, 2000)
                side.spent, side.requests = 0.0, 0
            for _ in range(arguments.rounds):
                for side in (ours, theirs):
                    side.run(load, arguments.requests)
            size = f"{len(body) / 1024:.1f} KiB review"
            table = [(f"{size}, {side.name}: CPU of the program", f"{side.micros:.0f} µs a request", "")
                     for side in (ours, theirs)]  # fmt: skip
            table.append((f"{size}: throughput per core, a decision of ours / parsing of theirs",
                          f"{theirs.micros / ours.micros:.1f}", ">= 4"))  # fmt: skip
            rss = {side.name: memory(side.process) for side in (ours, theirs)}
            for name, mib in rss.items():
                table.append((f"{name}: resident after that", f"{mib:.1f} MiB", ""))
            ratio = rss[ours.name] / rss[theirs.name]
            table.append(("resident: ours / theirs", f"{ratio:.2f}", "<= 0.33"))
            show(table)
        finally:
            if process is not None:
                process.terminate()
                process.wait()
            site.close()


if __name__ == "__main__":
    main()
