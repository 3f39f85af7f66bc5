#!/usr/bin/python3
"""A long run in which everything breaks: no wrong verdict, no lost decision, no refusal without need.

A real control plane, two replicas of the webhook behind one address, and the operator. Good and bad
requests come at a fixed rate, whatever the answers do, while in random order (by a seed that is
printed) replicas are restarted and killed, the operator, the API server and etcd too, the authority
rotates, a policy is edited and sign-offs come and go. Callers' answers, the API server's audit log
and the replicas' decision records must agree. Ends at the first finding. Exit 0: clean; 1: findings;
3: too slow a machine to say.
"""

import argparse
import json
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

TESTS = pathlib.Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "controlplane")]
import controlplane  # noqa: E402
import samples as s  # noqa: E402
from lending import account, admit_people, give_evidence, named  # noqa: E402
from rotation_site import RotationSite  # noqa: E402
from run import memory, percentile, show  # noqa: E402
from samples import DANA, DEV, HOME, PROD, QA, VERA, VICTOR  # noqa: E402
from soak_ledger import Ledger, Windows  # noqa: E402
from soak_load import STAMP, SWITCH, Traffic  # noqa: E402
from world import wait_until  # noqa: E402

DRAIN = 6  # seconds; --drain-seconds of the replicas
ENDPOINTS = 1.0  # seconds after which nobody sends new connections to a replica that ends
IN_FORCE = 5  # seconds after which an edit counts everywhere
AFTER_KILL = 2  # seconds in which what was under way in a killed replica may be refused
AFTER_OUTAGE = 5  # seconds after the API server is ready in which its clients still see its restart
PATIENCE = 300  # seconds for a control plane to start, which takes two where nobody else computes
SAMPLES = 5  # seconds between two looks at memory
LOST_LEASE = "operator started anew after it lost its Lease"
USERS = {"dana": DANA, "vera": VERA, "victor": VICTOR,
         "admin": ("kubernetes-admin", ["system:masters"])}  # fmt: skip
AUDIT = f"""
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: {json.dumps([name for name, _ in USERS.values()])}
  verbs: [create, update, patch, delete]
"""


def switch_policy(strict):
    """One environment of its own, in which a sign-off is asked for, or nothing."""
    policy = s.policy(name="soak-switch")
    policy["spec"]["environments"] = [{"name": "switch", "namespaces": [SWITCH], "enforcement": "Deny"}]
    validation = policy["spec"]["measures"][0]
    validation["applies"] = {"environments": ["switch"]}
    policy["spec"]["measures"] = [validation] if strict else []
    return policy


class SoakSite(RotationSite):
    def __init__(self, audit_policy):
        super().__init__(flags=("--ca-settle=3s", "--ca-retire=3s", f"--drain-seconds={DRAIN}"),
                         apiserver=(f"--audit-policy-file={audit_policy}",))  # fmt: skip
        for namespace in (DEV, QA, PROD, SWITCH):
            self.cluster.run("create", "namespace", namespace)
        admit_people(self)
        self.apply(s.policy(), switch_policy(False))
        for case, skip in (("live", ()), ("unsigned", ("vera",)), ("untested", ("bias",)), ("rejected", ())):
            give_evidence(self, case, case, skip=skip)
        for case in ("live",):
            wide = {"spec": {"deployTo": [DEV, QA, PROD, SWITCH]}}
            self.cluster.run("patch", "usecase", case, "-n", HOME, "--type=merge", "-p", json.dumps(wide))
        self.reject("rejected")
        self.apply(named(s.deployment(model="live", case="live"), "live"), user=account(self, DANA))
        wait_until(self.guards, "the API server to know the kinds that its own policies ask for")

    def guards(self):
        """Whether a Deployment that serves a model is refused for that alone."""
        shadow = Traffic(None, None).shadow("probe")
        return "ModelNotApproved" in self.api.call(shadow.method, shadow.path, shadow.body)[1].get("message", "")

    def reject(self, case):
        mdeploy = s.deployment(case=case, model=case)
        no = s.sign_off(mdeploy, VERA, f"{case}-no", patch={"decision": "Reject"})
        self.apply(no, user=account(self, VERA))

    def ready(self, program):
        port = program.field("serving admission reviews", "probePort")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.HTTPError):
            return False

    def add_replica(self):
        """Gets connections once it is ready, as behind a Service."""
        port = controlplane.free_port()
        program = self.webhook_program(port, *self.flags)
        program.await_log("serving admission reviews")
        wait_until(lambda: self.ready(program), f"{program.out.name} to be ready:\n{program.log}")
        self.replicas = {**self.replicas, port: program}
        return program

    def take_away(self, port):
        self.replicas = {p: program for p, program in self.replicas.items() if p != port}


class Disturbances:
    """Each method breaks or changes one thing, and returns when all is whole again."""

    def __init__(self, site, ledger, rng, scene_path):
        self.site, self.ledger, self.rng = site, ledger, rng
        self.scene_path = scene_path
        self.scene = {"epoch": 0, "switch": None, "approval": {"case": "live", "expect": None}}
        self.cases, self.done = 0, {}
        self.gave_up = None
        self.show_scene()
        self.all = [self.graceful_restart, self.graceful_restart, self.kill_replica, self.restart_operator,
                    self.kill_operator, self.restart_apiserver, self.restart_etcd, self.rotate,
                    self.edit_policy, self.change_approval]  # fmt: skip

    def show_scene(self, **changes):
        self.scene |= changes
        self.scene["epoch"] += 1
        fresh = self.scene_path.with_suffix(".new")
        fresh.write_text(json.dumps(self.scene))
        fresh.rename(self.scene_path)

    def tend(self):
        """As kubelet starts what has ended. An operator ends by itself when it lost its Lease, as it does
        while the API server is away for long; nothing else may."""
        for program in (self.site.operator, *self.site.replicas.values()):
            code = program.process.poll()
            if code is None:
                continue
            if program is not self.site.operator or "the Lease was lost" not in program.log:
                told = {"program": program.name, "code": code, "log": program.log[-2000:]}
                self.ledger.findings.append(("a program ended by itself", told))
                continue
            self.done[LOST_LEASE] = self.done.get(LOST_LEASE, 0) + 1
            self.site.start_operator()

    def _any_replica(self):
        return self.rng.choice(sorted(self.site.replicas))

    def _new_replica(self):
        self.ledger.watch(self.site.add_replica())

    def graceful_restart(self):
        port = self._any_replica()
        program = self.site.replicas[port]
        program.process.send_signal(signal.SIGTERM)
        time.sleep(ENDPOINTS)
        self.site.take_away(port)
        code = program.process.wait(DRAIN + 20)
        assert code == 0, f"a replica ended with {code}: {program.log[-2000:]}"
        self._new_replica()

    def kill_replica(self):
        window = self.ledger.windows.open("kill")
        port = self._any_replica()
        program = self.site.replicas[port]
        program.process.kill()
        program.process.wait()
        self.site.take_away(port)
        window["end"] = time.time() + AFTER_KILL
        self._new_replica()

    def restart_operator(self):
        self.tend()
        assert self.site.operator.stop() == 0, self.site.operator.log[-2000:]
        self.site.start_operator()

    def kill_operator(self):
        self.site.operator.process.kill()
        self.site.operator.process.wait()
        self.site.start_operator()

    def _outage(self, name):
        window = self.ledger.windows.open("outage")
        self.site.cluster.restart(name, PATIENCE)
        window["end"] = time.time() + AFTER_OUTAGE

    def restart_apiserver(self):
        self._outage("kube-apiserver")

    def restart_etcd(self):
        self._outage("etcd")

    def rotate(self):
        self.site.rotate()

    def _change(self, key, unsettled, change, settled):
        self.show_scene(**{key: unsettled})
        time.sleep(1)  # what was asked before is answered
        change()
        time.sleep(IN_FORCE)
        self.show_scene(**{key: settled})

    def edit_policy(self):
        strict = self.scene["switch"] is None
        self._change("switch", "?", lambda: self._put_policy(switch_policy(strict)),
                     "SignOffMissing" if strict else None)  # fmt: skip

    def _put_policy(self, policy):
        path = f"/apis/{s.API}/governancepolicies/{policy['metadata']['name']}"
        status, answer = self.site.api.merge(path, {"spec": policy["spec"]})
        assert status == 200, answer

    def change_approval(self):
        before = self.scene["approval"]
        if before["expect"] is None and before["case"] != "live":
            case = before["case"]
            change, expect = lambda: self.site.reject(case), "SignOffRejected"
        else:
            self.cases += 1
            case = f"approval-{self.cases}"
            change, expect = lambda: give_evidence(self.site, case, case), None
        self._change("approval", {"case": case, "expect": "?"}, change, {"case": case, "expect": expect})


class Memory:
    """Resident MiB of every program of ours, every few seconds."""

    def __init__(self, site):
        self.site, self.samples = site, []  # (time, program, pid, MiB)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            programs = [("operator", self.site.operator)]
            programs += [("webhook", program) for program in self.site.replicas.values()]
            for name, program in programs:
                try:
                    self.samples.append((time.time(), name, program.process.pid, memory(program.process)))
                except (OSError, AssertionError):
                    continue  # it has just ended
            time.sleep(SAMPLES)

    def flat(self, start, end, table):
        """Compares the second quarter with the last; True if nothing grew."""
        flat = True
        quarter = (end - start) / 4
        for name in ("webhook", "operator"):
            def median(i, name=name):
                of = [mib for at, n, _, mib in self.samples
                      if n == name and start + i * quarter <= at < start + (i + 1) * quarter]  # fmt: skip
                return statistics.median(of) if of else None

            second, last = median(1), median(3)
            if second is None or last is None:
                table.append((f"{name}: resident, second and last quarter", "not measured", ""))
                flat = False
                continue
            table.append((f"{name}: resident (median), second and last quarter",
                          f"{second:.1f}, {last:.1f} MiB", "flat"))  # fmt: skip
            flat = flat and last <= 1.2 * second + 4
            lives = {}
            for at, n, pid, mib in self.samples:
                if n == name:
                    lives.setdefault(pid, []).append((at, mib))
            longest = max(lives.values(), key=lambda life: life[-1][0] - life[0][0])
            table.append((f"{name}: longest life, resident after a quarter of it and at its end",
                          f"{(longest[-1][0] - longest[0][0]) / 60:.1f} min, "
                          f"{longest[len(longest) // 4][1]:.1f}, {longest[-1][1]:.1f} MiB", "flat"))  # fmt: skip
        return flat


def start_load(site, folder, arguments):
    users = {}
    for user, (name, groups) in USERS.items():
        pair = site.cluster.authority.client(name, groups)
        users[user] = [str(pair.certificate), str(pair.key)]
    stamp = site.api.get(f"/apis/{s.API}/namespaces/{HOME}/signoffs/live-vera")["metadata"]["annotations"]
    config = {"port": site.cluster.port, "ca": str(site.cluster.authority.certificate), "users": users,
              "rate": arguments.rate, "seconds": arguments.seconds, "seed": arguments.seed,
              "stamp": stamp[STAMP]}  # fmt: skip
    (folder / "load.json").write_text(json.dumps(config))
    return subprocess.Popen([sys.executable, pathlib.Path(__file__).with_name("soak_load.py"), folder],
                            preexec_fn=controlplane._die_with_parent)  # fmt: skip


def wait(seconds, ledger, load):
    """False when it is over: a finding, or the load has ended."""
    end = time.monotonic() + seconds
    while True:
        ledger.read()
        if ledger.findings or ledger.ended or load.poll() is not None:
            return False
        if time.monotonic() >= end:
            return True
        time.sleep(0.5)


def soak(site, folder, arguments, ledger, disturbances):
    load = start_load(site, folder, arguments)
    try:
        began = time.time()
        pending = []
        while wait(disturbances.rng.uniform(0.5, 1.5) * arguments.every, ledger, load):
            if time.time() - began > arguments.seconds - arguments.rest:
                continue
            if not pending:  # each once before any comes again
                pending = disturbances.rng.sample(disturbances.all, len(disturbances.all))
            disturbances.tend()
            one = pending.pop()
            if arguments.only and one.__name__ not in arguments.only:
                continue
            at = time.time()
            try:
                one()
            except (controlplane.StartError, TimeoutError) as e:
                disturbances.gave_up = f"{one.__name__}: {str(e).splitlines()[0]}"
                break
            except AssertionError as e:
                ledger.findings.append((f"{one.__name__} failed", {"message": str(e)}))
                break
            print(f"{at - began:7.1f} s  {one.__name__}: {time.time() - at:.1f} s, "
                  f"{sum(ledger.counts.values())} answers", flush=True)  # fmt: skip
            disturbances.done[one.__name__] = disturbances.done.get(one.__name__, 0) + 1
        return began, time.time()
    finally:
        load.terminate()
        load.wait()


def report(ledger, left, disturbances, memory, began, ended, arguments):
    """Prints all; gives the exit code."""
    table = []
    total = sum(ledger.counts.values())
    table.append(("requests answered", f"{total} in {ended - began:.0f} s, {total / (ended - began):.0f}/s",
                  f"{arguments.rate}/s"))  # fmt: skip
    table.append(("left out because the load generator was late", f"{ledger.skipped}", "0"))
    for kind, outcome in sorted(ledger.counts):
        table.append((f"{kind}: {outcome}", f"{ledger.counts[kind, outcome]}", ""))
    for what, number in sorted(ledger.excused.items()):
        table.append((f"excused: {what}", f"{number}", ""))
    for name, number in sorted(disturbances.done.items()):
        table.append((f"disturbance: {name}", f"{number}", ""))
    if ledger.latencies:
        for name, p in (("p50", 0.5), ("p99", 0.99)):
            table.append((f"allowed while nothing was down: {name}", f"{percentile(ledger.latencies, p):.1f} ms", ""))
    table.append(("decisions matched in answer, audit log and record", f"{left['matched']}", ""))
    table.append(("decisions without an answer to hold them against", f"{left['unclaimed']}", ""))
    table.append(("findings", f"{len(ledger.findings)}", "0"))
    flat = memory.flat(began, ended, table)
    show(table)
    for what, line in ledger.findings[:10]:
        print(f"\n{what}:\n{json.dumps(line, indent=1)}")
    if ledger.findings:
        return 1
    if disturbances.gave_up:
        print(f"too slow a machine, or a fault: gave up at {disturbances.gave_up}")
        return 3
    if not flat:
        print("memory is not flat, or was not measured")
        return 1
    if ledger.skipped > 0.05 * (total + ledger.skipped):
        print(f"too slow a machine: the rate of {arguments.rate}/s was not reached")
        return 3
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--rate", type=float, default=200, help="requests a second")
    parser.add_argument("--every", type=float, default=15, help="seconds between two disturbances, on average")
    parser.add_argument("--rest", type=float, default=30, help="seconds without any at the end")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--only", nargs="*", help="names of disturbances")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for the programs' logs")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    folder = pathlib.Path(subprocess.check_output(["mktemp", "-d", "-t", "countersign-soak-XXXXXX"], text=True).strip())
    (folder / "audit.yaml").write_text(AUDIT)
    site = SoakSite(folder / "audit.yaml")
    try:
        ledger = Ledger(folder / "results.jsonl", site.cluster.audit_log, Windows())
        for program in site.replicas.values():
            ledger.watch(program)
        disturbances = Disturbances(site, ledger, random.Random(arguments.seed), folder / "scene.json")
        watched = Memory(site)
        began, ended = soak(site, folder, arguments, ledger, disturbances)
        left = ledger.finish()
        return report(ledger, left, disturbances, watched, began, ended, arguments)
    finally:
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            subprocess.run(f"cp {site.folder}/*.err {site.folder}/*.log {folder}/* {arguments.keep}/", shell=True)
        site.close()
        subprocess.run(["rm", "-rf", folder])


if __name__ == "__main__":
    sys.exit(main())
