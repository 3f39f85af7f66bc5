#!/usr/bin/python3
"""Ten times what one replica can do: who is answered, who is sent away, and how soon it is well again.

The capacity of one replica is measured in a closed loop; then ten times as much is offered whatever the
answers do, for half a minute, on more connections than its queue is long. Every fourth request is a
bad one that makes the replica look at the API server. No request may be answered wrongly, every one
that is sent must be answered within its timeout or sent away by 429 with Retry-After, probes must be answered all
the time and memory stay within the chart's limit; 2 s after the load all must be well. Needs Go.
Exit 0: so it was; 1: it was not; 3: the machine could not offer as much.
"""

import argparse
import http.client
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
import samples as s  # noqa: E402
from run import memory, percentile, show  # noqa: E402
from samples import DANA, PROD  # noqa: E402
from side_by_side import build, deployment, evidence, review  # noqa: E402
from world import Installation, wait_until  # noqa: E402

TIMEOUT = 5  # seconds, the chart's webhook.timeoutSeconds
LIMIT_MIB = 256  # the chart's webhook.resources.limits.memory
CONNECTIONS = 1024  # four times the queue
RECOVERY = 2  # seconds


def more_policies(site, count):
    """That say the same of the same environment, so that a decision costs what it does in a large
    organisation."""
    for i in range(count):
        policy = s.policy(name=f"more-{i}")
        policy["spec"]["environments"] = [{"name": "prod", "namespaces": [PROD], "enforcement": "Deny"}]
        for measure in policy["spec"]["measures"]:
            measure["applies"]["environments"] = ["prod"]
        site.apply(policy)


class Watch:
    """Memory, and how long the probe listener takes, while it runs."""

    def __init__(self, site):
        self.site, self.mib, self.probes, self.silent = site, [], [], 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stopping.wait(0.1):
            self.mib.append(memory(self.site.webhook.process))
            begin = time.perf_counter()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.site.probe_port}/healthz", timeout=5):
                    self.probes.append((time.perf_counter() - begin) * 1000)
            except (OSError, urllib.error.URLError):
                self.silent += 1

    def stop(self):
        self.stopping.set()
        self.thread.join()


def recovery(site, body, patience=20):
    """Seconds from now to the first second of good answers alone; None if there is none."""
    context = ssl.create_default_context(cafile=str(site.folder / "tls" / "ca.crt"))
    begin, well_since = time.perf_counter(), None
    connection = None
    while time.perf_counter() - begin < patience:
        asked = time.perf_counter()
        try:
            if connection is None:
                connection = http.client.HTTPSConnection("127.0.0.1", site.port, context=context, timeout=2)
            connection.request("POST", f"/validate/v1?timeout={TIMEOUT}s", body,
                               {"Content-Type": "application/json"})  # fmt: skip
            answer = connection.getresponse()
            good = answer.status == 200 and b'"allowed":true' in answer.read()
        except (OSError, http.client.HTTPException):
            good, connection = False, None
        if not good or time.perf_counter() - asked > 1:
            well_since = None
        elif well_since is None:
            well_since = asked
        if well_since is not None and time.perf_counter() - well_since >= 1:
            return well_since - begin
        time.sleep(0.02)
    return None


def capacity(load, requests):
    begin = time.perf_counter()
    subprocess.run([*load, "--connections=32", f"--requests={requests}"], check=True)
    return requests / (time.perf_counter() - begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=float, default=10, help="the capacity")
    parser.add_argument("--seconds", type=float, default=25)
    parser.add_argument("--policies", type=int, default=50, help="that each decision looks at")
    parser.add_argument("--requests", type=int, default=5000, help="to measure the capacity with")
    arguments = parser.parse_args()
    good = deployment(4.0)
    bad = s.merged(good, {"spec": {"decision": {"threshold": "0.4"}}})
    site = Installation()
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as place:
        try:
            evidence(site, good)
            more_policies(site, arguments.policies - 1)
            dana = site.cluster.user(*DANA)
            wait_until(lambda: site.apply(good, user=dana, check=False, dry_run=True).returncode == 0,
                       "the deployment to pass under all policies")  # fmt: skip
            folder = pathlib.Path(place)
            build(folder)
            for name, obj in (("good", good), ("bad", bad)):
                (folder / f"{name}.json").write_bytes(review(obj))
            load = [folder / "load", f"--ca={site.folder / 'tls' / 'ca.crt'}", f"--body={folder / 'good.json'}",
                    f"--url=https://127.0.0.1:{site.port}/validate/v1?timeout={TIMEOUT}s"]  # fmt: skip
            capacity(load, 500)  # warm
            able = capacity(load, arguments.requests)
            rate = able * arguments.times
            before = memory(site.webhook.process)
            watch = Watch(site)
            done = subprocess.run(
                [*load, f"--bad={folder / 'bad.json'}", f"--connections={CONNECTIONS}", f"--rate={rate}",
                 f"--seconds={arguments.seconds}", f"--timeout={TIMEOUT}s"],
                stdout=subprocess.PIPE, text=True, check=True,
                timeout=arguments.seconds + 60)  # fmt: skip
            well = recovery(site, (folder / "good.json").read_bytes())
            watch.stop()
            alive = site.webhook.process.poll() is None
            after = given_back(site) if alive else 0
            return report(json.loads(done.stdout), able, rate, (before, after), watch, well, alive, arguments)
        finally:
            site.close()


def given_back(site):
    """Resident once nobody has asked anything for half a minute."""
    time.sleep(30)
    return memory(site.webhook.process)


def report(found, able, rate, resident, watch, well, alive, arguments):
    """Prints all; gives the exit code."""
    before, after = resident
    table = [("capacity of one replica, closed loop, good requests", f"{able:.0f}/s", ""),
             (f"offered for {arguments.seconds:.0f} s", f"{rate:.0f}/s", f"{arguments.times:.0f} times")]  # fmt: skip
    faults = []
    unsent = found["good"]["unsent"] + found["bad"]["unsent"]
    reached = (found["offered"] - unsent) / found["seconds"]
    table.append((f"of that sent, with {CONNECTIONS} connections always busy", f"{reached:.0f}/s, "
                  f"{reached / able:.1f} times", ">= 2 times"))  # fmt: skip

    def row(what, number, none=True):
        table.append((what, f"{number}", "0" if none else ""))
        if none and number:
            faults.append(f"{what}: {number}")

    for kind, right, wrong in (("good", "allowed", "denied"), ("bad", "denied", "allowed")):
        one = found[kind]
        row(f"{kind}: {right}", one[right], False)
        row(f"{kind}: {wrong}", one[wrong])
        row(f"{kind}: sent away with 429 and Retry-After", one["shed"], False)
        row(f"{kind}: no answer within {TIMEOUT} s", one["late"] + one["expired"])
        row(f"{kind}: connection broken", one["broken"])
        row(f"{kind}: any other answer {one['example']}", one["other"])
        row(f"{kind}: not sent, no connection was free", one["unsent"], False)
        table.append((f"{kind}: answered p50, p99, p99.9",
                      ", ".join(f"{one[p]:.0f}" for p in ("p50", "p99", "p999")) + " ms",
                      f"< {TIMEOUT * 1000} ms"))  # fmt: skip
        table.append((f"{kind}: sent away p99", f"{one['shedP99']:.0f} ms", ""))
    row("probes without an answer in 5 s", watch.silent)
    table.append(("probes answered: p50, p99", f"{percentile(watch.probes, 0.5):.0f}, "
                  f"{percentile(watch.probes, 0.99):.0f} ms", ""))  # fmt: skip
    table.append(("resident before, at most", f"{before:.0f}, {max(watch.mib):.0f} MiB", f"< {LIMIT_MIB} MiB"))
    most = before + (max(watch.mib) - before) / 4
    table.append(("resident half a minute later", f"{after:.0f} MiB", f"< {most:.0f} MiB, a quarter of the rise"))
    table.append(("until all is well", "never" if well is None else f"{well:.2f} s", f"< {RECOVERY} s"))
    show(table)
    if max(watch.mib) >= LIMIT_MIB:
        faults.append("memory beyond the chart's limit")
    if after >= most:
        faults.append("what the load took was not given back")
    if well is None or well >= RECOVERY:
        faults.append("it took too long to be well again")
    if not alive:
        faults.append("the replica ended")
    for fault in faults:
        print(f"fault: {fault}")
    if faults:
        return 1
    if reached < 2 * able:
        print("too slow a machine: what reached the replica was no overload")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
