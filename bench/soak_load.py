#!/usr/bin/python3
"""The load of soak.py: requests at a fixed rate, each of which must be let through or refused for its
reason. A process of its own, so that whatever else the soak does delays no request.

FOLDER/load.json says whom to ask and how much; FOLDER/scene.json what is expected while policy and
evidence change. One line a request goes to FOLDER/results.jsonl.
"""

import collections
import http.client
import itertools
import json
import pathlib
import queue
import random
import re
import select
import ssl
import sys
import threading
import time
import uuid

TESTS = pathlib.Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS / "integration"))
import samples as s  # noqa: E402
from samples import HOME, PROD, VERA, VICTOR  # noqa: E402

API = f"/apis/{s.API}/namespaces"
SWITCH = "lending-switch"  # where one policy is edited again and again
THREADS = 32
CALL_SECONDS = 40  # more than the webhook's timeout
TOO_LATE = 2  # seconds after its time a request is left out and counted
DRY = "?dryRun=All"
BACK_OFF = 0.25  # seconds of a caller that got no answer
STAMP = "countersign.dev/stamp"
MERGE = "application/merge-patch+json"
UNSETTLED = "?"  # either verdict is right just now

Request = collections.namedtuple(
    "Request", "kind user method path body type expect then recorded",
    defaults=("application/json", None, None, True))  # fmt: skip


def mdeploys(namespace, name="", dry=DRY):
    return f"{API}/{namespace}/modeldeployments{'/' if name else ''}{name}{dry}"


def home(plural, name="", dry=DRY):
    return f"{API}/{HOME}/{plural}{'/' if name else ''}{name}{dry}"


class Traffic:
    """Makes requests. What is not dry runs has steps: a later request does the next one."""

    def __init__(self, scene, stamp):
        self.scene, self.stamp = scene, stamp
        self.next_steps = collections.deque()
        self.number = itertools.count()
        self.mix = [(weight, make) for make, weight in (
            (self.good_deployment, 30), (self.good_sign_off, 8), (self.good_evidence, 6),
            (self.good_scale, 4), (self.good_update, 4), (self.life, 9), (self.changed_stamp, 2), (self.copied_stamp, 0.2),
            (self.sign_off_missing, 8), (self.bias_test_missing, 4), (self.other_model, 5),
            (self.update_to_other_model, 3), (self.unpinned, 4), (self.rejected, 5),
            (self.signed_for_another, 3), (self.scale_too_far, 3), (self.shadow, 4),
            (self.invalid, 2), (self.switched, 6), (self.approved, 5))]  # fmt: skip
        self.weights = list(itertools.accumulate(weight for weight, _ in self.mix))

    def make(self, rng):
        at = rng.uniform(0, self.weights[-1])
        index = next(i for i, weight in enumerate(self.weights) if at <= weight)
        return self.mix[index][1](f"soak-{next(self.number)}")

    @staticmethod
    def deploy(kind, name, expect=None, **shape):
        mdeploy = s.deployment(name, **shape)
        return Request(kind, "dana", "POST", mdeploys(mdeploy["metadata"]["namespace"]), mdeploy,
                       expect=expect)  # fmt: skip

    def good_deployment(self, name):
        return self.deploy("good deployment", name, model="live", case="live")

    def good_sign_off(self, name):
        mdeploy = s.deployment(model="live", case="live")
        return Request("good sign-off", "vera", "POST", home("signoffs"), s.sign_off(mdeploy, VERA, name))

    def good_evidence(self, name):
        return Request("good bias test", "dana", "POST", home("biastests"), s.bias_test(name, "live", "live"))

    def good_scale(self, name):
        return Request("good scale", "dana", "PATCH", mdeploys(PROD, "live/scale"),
                       {"spec": {"replicas": 3}}, MERGE)  # fmt: skip

    def good_update(self, name):
        return Request("good update", "dana", "PATCH", mdeploys(PROD, "live"),
                       {"spec": {"serving": {"replicas": 3}}}, MERGE)  # fmt: skip

    def life(self, name):
        """Objects that are made, changed and deleted: use cases and, of twenty, one deployment."""
        try:
            return self.next_steps.popleft()
        except IndexError:
            pass
        if int(name.rpartition("-")[2]) % 20:
            made, plural, user = s.use_case(name), "usecases", "admin"
            change = {"spec": {"title": "Credit, revised"}}
        else:
            none = {"serving": {"replicas": 0, "minReplicas": None, "maxReplicas": None}}
            made = s.deployment(name, s.DEV, model="live", case="live", patch=none)
            plural, user, change = "modeldeployments", "dana", {"metadata": {"labels": {"soak": "yes"}}}
        base = f"{API}/{made['metadata']['namespace']}/{plural}"
        delete = Request(f"delete of {plural}", "admin", "DELETE", f"{base}/{name}", None, recorded=None)
        update = Request(f"update of {plural}", user, "PATCH", f"{base}/{name}", change, MERGE, then=delete)
        return Request(f"create of {plural}", user, "POST", base, made, then=update)

    def changed_stamp(self, name):
        forged = {"metadata": {"annotations": {STAMP: "forged"}}}
        return Request("changed stamp", "admin", "PATCH", home("signoffs", "live-vera"), forged, MERGE,
                       "countersign-evidence-is-final", recorded=None)  # fmt: skip

    def copied_stamp(self, name):
        """Let through, but with a stamp that says who really came. A dry run would get none."""
        mine = s.sign_off(s.deployment(model="unsigned", case="unsigned"), VICTOR, name)
        mine["metadata"]["annotations"] = {STAMP: self.stamp}
        delete = Request("delete of signoffs", "admin", "DELETE", home("signoffs", name, ""), None, recorded=None)
        return Request("copied stamp", "victor", "POST", home("signoffs", dry=""), mine, then=delete)

    def sign_off_missing(self, name):
        return self.deploy("no sign-off", name, "SignOffMissing", model="unsigned", case="unsigned")

    def bias_test_missing(self, name):
        return self.deploy("no bias test", name, "BiasTestMissing", model="untested", case="untested")

    def other_model(self, name):
        return self.deploy("other model", name, "BiasTestForOtherModel", model="other", case="live")

    def update_to_other_model(self, name):
        spec = s.deployment(model="other", case="live")["spec"]
        return Request("update to other model", "dana", "PATCH", mdeploys(PROD, "live"),
                       {"spec": {"model": spec["model"]}}, MERGE, "BiasTestForOtherModel")  # fmt: skip

    def unpinned(self, name):
        tag = [{"name": "server", "image": "registry.example/server:latest"}]
        patch = {"serving": {"template": {"spec": {"containers": tag}}}}
        return self.deploy("unpinned", name, "ImageNotPinned", model="live", case="live", patch=patch)

    def rejected(self, name):
        return self.deploy("rejected", name, "SignOffRejected", model="rejected", case="rejected")

    def signed_for_another(self, name):
        mdeploy = s.deployment(model="live", case="live")
        return Request("sign-off in another's name", "victor", "POST", home("signoffs"),
                       s.sign_off(mdeploy, VERA, name), expect="SignerNotRequester")  # fmt: skip

    def scale_too_far(self, name):
        return Request("scale too far", "dana", "PATCH", mdeploys(PROD, "live/scale"),
                       {"spec": {"replicas": 9}}, MERGE, "ScaleOutsideApproval")  # fmt: skip

    def shadow(self, name):
        labels = {"app": name}
        pod = {"containers": [{"name": "server", "image": s.IMAGE}],
               "volumes": [{"name": "m", "image": {
                   "reference": f"registry.example/scorer@{s.digest('shadow')}"}}]}  # fmt: skip
        workload = {"apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": {"name": name, "namespace": PROD},
                    "spec": {"selector": {"matchLabels": labels},
                             "template": {"metadata": {"labels": labels}, "spec": pod}}}  # fmt: skip
        return Request("shadow deployment", "admin", "POST",
                       f"/apis/apps/v1/namespaces/{PROD}/deployments{DRY}", workload,
                       expect="ModelNotApproved")  # fmt: skip

    def invalid(self, name):
        nobody = s.use_case(name, {"developers": [{"kind": "Role", "name": "p"}]})
        return Request("invalid use case", "admin", "POST", home("usecases"), nobody, expect="SpecInvalid")

    def switched(self, name):
        return self.deploy("under an edited policy", name, self.scene()["switch"], namespace=SWITCH,
                           model="live", case="live")  # fmt: skip

    def approved(self, name):
        case = self.scene()["approval"]["case"]
        return self.deploy("with a sign-off that comes and goes", name, self.scene()["approval"]["expect"],
                           model=case, case=case)  # fmt: skip


def verdict(status, answer):
    """(outcome, decision id, reasons): allowed, denied by us, or what else it was."""
    if status < 300:
        return "allowed", None, []
    message = answer.get("message", "")
    if "failed calling webhook" in message:
        return "failed call", None, []
    if "failed to configure " in message:  # an API server that does not know our kinds yet
        return "not configured", None, []
    policy = re.search(r"ValidatingAdmissionPolicy '(countersign-[a-z-]+)'", message)
    if policy:
        return "denied by policy", None, [policy.group(1)]
    decision = re.search(r"\(decision (\S+)\)", message)
    if decision:
        return "denied", decision.group(1), re.findall(r"\[([A-Z]\w+)\]", message)
    return "other", None, []


class Client:
    """Connections of one thread, one a user."""

    def __init__(self, port, users, ca):
        self.port, self.connections = port, {}
        self.contexts = {}
        for user, (certificate, key) in users.items():
            context = ssl.create_default_context(cafile=ca)
            context.load_cert_chain(certificate, key)
            self.contexts[user] = context

    def call(self, request, audit_id):
        connection = self.connections.get(request.user)
        try:
            # Readable between two requests: the API server has ended it.
            if connection is None or select.select([connection.sock], [], [], 0)[0]:
                connection = http.client.HTTPSConnection(
                    "127.0.0.1", self.port, context=self.contexts[request.user],
                    timeout=CALL_SECONDS)  # fmt: skip
                self.connections[request.user] = connection
            body = None if request.body is None else json.dumps(request.body)
            connection.request(request.method, request.path, body,
                               {"Content-Type": request.type, "Audit-ID": audit_id})  # fmt: skip
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as e:
            self.connections.pop(request.user).close()
            return 0, {"message": repr(e)}


class Scene:
    """What is expected now; read again when it changed."""

    def __init__(self, path):
        self.path, self.seen, self.value = path, None, None
        self()

    def __call__(self):
        stamp = self.path.stat().st_mtime_ns
        if stamp != self.seen:
            self.value, self.seen = json.loads(self.path.read_text()), stamp
        return self.value


class Load:
    def __init__(self, folder):
        config = json.loads((folder / "load.json").read_text())
        self.config = config
        self.scene = Scene(folder / "scene.json")
        self.traffic = Traffic(self.scene, config["stamp"])
        self.due = queue.SimpleQueue()
        self.out = open(folder / "results.jsonl", "w", buffering=1)
        self.lock = threading.Lock()

    def run(self):
        threads = [threading.Thread(target=self.work, args=(i,)) for i in range(THREADS)]
        for thread in threads:
            thread.start()
        start, rate = time.time(), self.config["rate"]
        for i in range(int(self.config["seconds"] * rate)):
            at = start + i / rate
            time.sleep(max(0.0, at - time.time()))
            self.due.put(at)
        for _ in threads:
            self.due.put(None)
        for thread in threads:
            thread.join()
        self.write({"end": True})

    def work(self, number):
        rng = random.Random(f"{self.config['seed']}-{number}")
        client = Client(self.config["port"], self.config["users"], self.config["ca"])
        while (at := self.due.get()) is not None:
            if time.time() > at + TOO_LATE:
                self.write({"skipped": at})
                continue
            self.one(client, self.traffic.make(rng), at)

    def one(self, client, request, at):
        audit_id, sent, epoch = str(uuid.uuid4()), time.time(), self.scene()["epoch"]
        status, answer, ended = *client.call(request, audit_id), time.time()
        outcome, decision, reasons = ("no answer", None, []) if status == 0 else verdict(status, answer)
        if status == 0:
            time.sleep(BACK_OFF)
        if request.kind == "copied stamp" and outcome == "allowed":
            if answer["metadata"]["annotations"].get(STAMP) == self.traffic.stamp:
                outcome = "forged"
        expect = request.expect
        if "edited policy" in request.kind or "comes and goes" in request.kind:
            if epoch != self.scene()["epoch"]:
                expect = UNSETTLED
        if request.then is not None and outcome == "allowed":
            self.traffic.next_steps.append(request.then)
        line = {"kind": request.kind, "audit": audit_id, "at": at, "sent": sent, "end": ended,
                "outcome": outcome, "expect": expect, "recorded": request.recorded}  # fmt: skip
        if reasons:
            line |= {"decision": decision, "reasons": reasons}
        as_expected = (outcome == "allowed") if expect is None else (
            outcome.startswith("denied") and (expect == UNSETTLED or expect in reasons))  # fmt: skip
        if not as_expected:
            line |= {"status": status, "message": str(answer.get("message", ""))[:1500],
                     "method": request.method, "path": request.path, "body": request.body}  # fmt: skip
        self.write(line)

    def write(self, line):
        with self.lock:
            self.out.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    Load(pathlib.Path(sys.argv[1])).run()
