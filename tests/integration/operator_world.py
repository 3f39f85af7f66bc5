"""What the tests of the operator share: objects as users write them, and the program itself.

A `World` is one tenant of the control plane: a home namespace, an environment namespace and a policy
of its own, so that tests do not meet. Objects are stamped by `stamp_tool`, as admission would.
"""

import datetime
import hashlib
import json
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid

INSTALLATION = "lab"
DEADLINE = 120  # seconds; far beyond what anything here takes on a busy machine


def eventually(look, what, deadline=DEADLINE):
    """Calls `look` until it gives something true; fails with what it gave last."""
    end = time.monotonic() + deadline
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < end, f"waited {deadline} s for {what() if callable(what) else what}"
        time.sleep(0.1)


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def rfc3339(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Kubectl:
    def __init__(self, kubeconfig):
        self.kubeconfig = kubeconfig

    def __call__(self, *args, stdin=None, check=True):
        done = subprocess.run(["kubectl", "--kubeconfig", self.kubeconfig, *args], input=stdin,
                              capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout if check else done

    def get(self, kind, name, namespace=None):
        """The object, or None."""
        where = ["-n", namespace] if namespace else []
        done = self("get", kind, name, *where, "-o", "json", "--ignore-not-found")
        return json.loads(done) if done else None

    def list(self, kind, namespace, selector=None):
        more = ["-l", selector] if selector else []
        return json.loads(self("get", kind, "-n", namespace, *more, "-o", "json"))["items"]

    def apply(self, obj):
        self("apply", "-f", "-", stdin=json.dumps(obj))

    def create(self, obj):
        self("create", "-f", "-", stdin=json.dumps(obj))


class Operator:
    """One running countersign-operator."""

    def __init__(self, binary, kubeconfig, key, log, *flags, stdout=subprocess.PIPE):
        self.log_path = log
        self.log = open(log, "ab")
        self.records = []
        self.process = subprocess.Popen(
            [binary, "--kubeconfig", kubeconfig, "--stamp-key", key, "--installation", INSTALLATION,
             "--probe-listen", "127.0.0.1:0", *flags], stdout=stdout, stderr=self.log)
        if stdout == subprocess.PIPE:
            threading.Thread(target=self._read, daemon=True).start()
        self.port = eventually(self._port, "the probe port")

    def _read(self):
        for line in self.process.stdout:
            self.records.append(json.loads(line))

    def _port(self):
        assert self.process.poll() is None, open(self.log_path).read()
        found = re.findall(r'"answering probes","port":(\d+)', open(self.log_path).read())
        return int(found[-1]) if found else None

    def http(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name):
        """Value of the series `name` (with its labels), or None."""
        for line in self.http("/metrics")[1].splitlines():
            if line.rsplit(" ", 1)[0] == name:
                return float(line.rsplit(" ", 1)[1])
        return None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Ends it as kubelet does; gives the exit code. One that does not end fails the test."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def end(self):
        """Whatever state it is in."""
        if self.process.poll() is None:
            self.kill()


def digest(character):
    return "sha256:" + character * 64


def spec_digest(spec):
    text = json.dumps(spec, separators=(",", ":"), sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


class World:
    def __init__(self, kubectl, stamp_tool, key):
        self.id = uuid.uuid4().hex[:8]
        self.home = f"home-{self.id}"
        self.env = f"env-{self.id}"
        self.policy = f"policy-{self.id}"
        self.kubectl = kubectl
        self.stamp_tool = stamp_tool
        self.key = key
        for namespace in (self.home, self.env):
            kubectl("create", "namespace", namespace)
        self.sign_offs = 0

    def close(self):
        self.kubectl("delete", "govpol", self.policy, "--ignore-not-found", "--wait=false")
        self.kubectl("delete", "namespace", self.home, self.env, "--wait=false")

    # Objects as their authors would have made them.

    def stamped(self, obj, user, *groups):
        return json.loads(subprocess.run(
            [self.stamp_tool, "--key", self.key, "--installation", INSTALLATION, "--user", user,
             *(["--groups", ",".join(groups)] if groups else [])],
            input=json.dumps(obj), capture_output=True, text=True, check=True).stdout)

    def put_policy(self, count=1, enforcement="Deny", waivers=None, incidents=None, **measure):
        sign_off = {"role": "validator", "count": count, "assurance": "Requester"}
        self.kubectl.apply({
            "apiVersion": "countersign.dev/v1alpha1", "kind": "GovernancePolicy",
            "metadata": {"name": self.policy},
            "spec": {
                "environments": [{"name": "prod", "namespaces": [self.env],
                                  "enforcement": enforcement}],
                "roles": [{"name": "validator", "level": "Tactical",
                           "subjects": [{"kind": "Group", "name": "model-risk"}]}],
                "classification": {
                    "signOff": {"role": "validator", "count": 1, "assurance": "Requester"},
                    "questions": [{"name": "audience", "options": {"public": 3, "internal": 1}}],
                    "classes": [{"name": "any", "when": {"otherwise": True}}]},
                "measures": [{"name": "validation", "step": "PreProduction",
                              "accountable": "validator", "require": {"signOff": sign_off},
                              **measure}],
                **({"waivers": waivers} if waivers else {}),
                **({"incidents": incidents} if incidents else {})}})

    def put_use_case(self, **spec):
        self.kubectl.apply({
            "apiVersion": "countersign.dev/v1alpha1", "kind": "UseCase",
            "metadata": {"name": "credit", "namespace": self.home},
            "spec": {"title": "Credit", "purpose": "Decides on credit.",
                     "purposeCategory": "credit-decision", "owner": "ana@bank.example",
                     "developers": [{"kind": "User", "name": "dan@bank.example"}],
                     "lifecycle": "Active", "answers": {"audience": ["public"]},
                     "deployTo": [self.env], **spec}})

    def deployment(self, model="1", replicas=2, version="1.0.0", **serving):
        container = {"name": "server", "image": f"registry.example/server@{digest('a')}",
                     "ports": [{"containerPort": 8080}]}
        return {
            "apiVersion": "countersign.dev/v1alpha1", "kind": "ModelDeployment",
            "metadata": {"name": "scorer", "namespace": self.env},
            "spec": {
                "useCaseRef": {"namespace": self.home, "name": "credit"},
                "model": {"name": "scorer", "version": version, "digest": digest(model),
                          "digestType": "ociManifest",
                          "uri": f"oci://registry.example/scorer@{digest(model)}"},
                "fallback": {"kind": "Human", "description": "The credit desk decides."},
                "serving": {"backend": "Deployment", "replicas": replicas, "port": 8080,
                            "template": {"spec": {"containers": [container]}}, **serving}}}

    def put_deployment(self, stamped=True, **shape):
        obj = self.deployment(**shape)
        self.kubectl.apply(self.stamped(obj, "dan@bank.example") if stamped else obj)

    def approve(self, expires_at=None, user="vera@bank.example", model="1"):
        """A sign-off on what is asked for now; gives its name."""
        # A spec that could not be read has no digest; one that was corrected soon has.
        status = eventually(lambda: (seen := self.settled()["status"]).get("governedDigest") and seen,
                            "the governed digest")
        self.sign_offs += 1
        name = f"approval-{self.sign_offs}"
        spec = {"subject": {"kind": "ModelDeployment", "useCase": "credit", "environment": "prod",
                            "model": {"digest": digest(model), "digestType": "ociManifest"},
                            "governedDigest": status["governedDigest"]},
                "role": "validator", "decision": "Approve", "signer": {"username": user},
                "rationale": "Looked at it."}
        if expires_at:
            spec["expiresAt"] = rfc3339(expires_at)
        self.kubectl.create(self.stamped(
            {"apiVersion": "countersign.dev/v1alpha1", "kind": "SignOff",
             "metadata": {"name": name, "namespace": self.home}, "spec": spec}, user, "model-risk"))
        return name

    def waive(self, ends):
        """A waiver of the measure, asked for by its developer and signed by a validator."""
        spec = {"useCase": "credit", "policy": self.policy, "environment": "prod",
                "measures": ["validation"], "reason": "The validators are ill.",
                "model": {"digest": digest("1"), "digestType": "ociManifest"}, "ticket": "OPS-17",
                "compensatingControl": "A person decides.", "expiresAt": rfc3339(ends)}
        word = {"subject": {"kind": "Waiver", "useCase": "credit", "waiver": "exception",
                            "waiverDigest": spec_digest(spec)},
                "role": "validator", "decision": "Approve", "rationale": "For a few seconds.",
                "signer": {"username": "vera@bank.example"}}
        for kind, name, spec, user in (("Waiver", "exception", spec, "dan@bank.example"),
                                       ("SignOff", "exception", word, "vera@bank.example")):
            self.kubectl.create(self.stamped(
                {"apiVersion": "countersign.dev/v1alpha1", "kind": kind,
                 "metadata": {"name": name, "namespace": self.home}, "spec": spec},
                user, "model-risk"))

    def raise_incident(self, **spec):
        """As anybody may: an alarm needs no stamp."""
        self.incident = {"useCase": "credit", "severity": "High", "category": "SeriousIncident",
                         "awareAt": rfc3339(now()), "summary": "Refused whom it should not.",
                         "quarantine": {"scope": "UseCase"}, **spec}
        self.kubectl.create({"apiVersion": "countersign.dev/v1alpha1", "kind": "Incident",
                             "metadata": {"name": "wrong", "namespace": self.home},
                             "spec": self.incident})

    def close_incident(self):
        claims = [{"name": "incident", "text": "wrong"}, {"name": "cause", "text": "A bug."},
                  {"name": "remedy", "text": "A fix."}, {"name": "lesson", "text": "A test."}]
        review = {"useCase": "credit", "type": "IncidentReview", "performedAt": rfc3339(now()),
                  "claims": claims}
        word = {"subject": {"kind": "Incident", "useCase": "credit", "incident": "wrong",
                            "incidentDigest": spec_digest(self.incident)},
                "role": "validator", "decision": "Approve", "rationale": "Understood.",
                "signer": {"username": "vera@bank.example"}}
        for kind, spec in (("Evidence", review), ("SignOff", word)):
            self.kubectl.create(self.stamped(
                {"apiVersion": "countersign.dev/v1alpha1", "kind": kind,
                 "metadata": {"name": "closing", "namespace": self.home}, "spec": spec},
                "vera@bank.example", "model-risk"))

    # What can be seen.

    def read(self):
        return self.kubectl.get("mdeploy", "scorer", self.env)

    def settled(self):
        """The ModelDeployment, once the operator has looked at it as it is now."""
        def look():
            obj = self.read()
            seen = obj and obj.get("status", {}).get("observedGeneration")
            return obj if seen == obj["metadata"]["generation"] else None
        return eventually(look, "the operator to look at the ModelDeployment")

    def conditions(self):
        return {c["type"]: c for c in self.settled()["status"].get("conditions", [])}

    def until(self, phase=None, **reasons):
        """Waits for conditions by reason (and the phase); None: the condition is absent."""
        def look():
            obj = self.settled()
            seen = {c["type"]: c["reason"] for c in obj["status"].get("conditions", [])}
            same = all(seen.get(kind) == reason for kind, reason in reasons.items())
            return obj if same and phase in (None, obj["status"].get("phase")) else None
        return eventually(
            look, lambda: f"{phase} {reasons}, last seen {json.dumps(self.read()['status'])} "
                    f"of {json.dumps((self.child() or {}).get('status'))}")

    def child(self, kind="deployment"):
        return self.kubectl.get(kind, "scorer", self.env)

    def model_of_child(self):
        volumes = self.child()["spec"]["template"]["spec"]["volumes"]
        return next(v for v in volumes if v["name"] == "model")["image"]["reference"]

    def revisions(self):
        return self.kubectl.list("controllerrevisions", self.env)

    def events(self):
        return {e["reason"] for e in json.loads(
            self.kubectl("get", "events.events.k8s.io", "-n", self.env, "-o", "json"))["items"]
            if e["regarding"]["kind"] == "ModelDeployment"}

    @staticmethod
    def config_digest(content):
        """As `spec.serving.config` names the content of a ConfigMap."""
        canonical = json.dumps(content, separators=(",", ":"), sort_keys=True)
        return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()

    def serve(self, **shape):
        """Policy, use case, and an approved deployment that serves."""
        self.put_policy()
        self.put_use_case()
        self.put_deployment(**shape)
        self.approve()
        return self.until(phase="Serving", Ready="Serving")
