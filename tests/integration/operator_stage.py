"""The stage on which the operator's tests play: a control plane with our kinds, the operator's
account with the roles that `countersign install` gives it, a key, and what was started."""

import json
import os
import subprocess

from operator_world import Kubectl, Operator, eventually

ROOT = os.path.join(os.path.dirname(__file__), "../..")
BIN = os.environ.get("COUNTERSIGN_BIN", os.path.join(ROOT, "build/release/bin"))
USER = "countersign-operator"


class Stage:
    def __init__(self, cluster, directory):
        self.cluster = cluster
        self.directory = directory
        self.admin = Kubectl(cluster.admin)
        self.admin("apply", "--server-side", "-f", os.path.join(ROOT, "crds"))
        for kind in ("modeldeployments", "usecases", "governancepolicies", "signoffs", "biastests",
                     "reproducibilitysnapshots", "evidence", "waivers", "incidents",
                     "modelrecords"):
            self.admin("wait", "--for=condition=Established", f"crd/{kind}.countersign.dev")
        self._install()
        self.key = self.make_key("installation")
        self.kubeconfig = cluster.kubeconfig(USER)
        self.started = []
        self.operator = None

    def _install(self):
        """Accounts and roles as users install them. Not admission: here the tests stamp, and write
        what admission would refuse."""
        printed = subprocess.run(
            [os.path.join(BIN, "countersign"), "install", "--output", "json", "--operator-user",
             USER, "--url", "https://127.0.0.1:1", "--ca-file",
             self.cluster.plane.authority.certificate],
            capture_output=True, text=True, check=True).stdout
        objects = [o for o in json.loads(printed)["items"]
                   if not o["apiVersion"].startswith("admissionregistration.k8s.io/")]
        self.admin("apply", "--server-side", "-f", "-",
                   stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def make_key(self, name):
        path = str(self.directory / f"{name}.pem")
        self.stamp_tool = os.path.join(BIN, "stamp_tool")
        subprocess.run([self.stamp_tool, "--make-key", path], check=True)
        return path

    def start(self, *flags, **how):
        log = str(self.directory / f"operator-{len(self.started)}.log")
        operator = Operator(os.path.join(BIN, "countersign-operator"),
                            how.pop("kubeconfig", self.kubeconfig), self.key, log, *flags, **how)
        self.started.append(operator)
        return operator

    def restart(self):
        """The operator that the tests share, anew; it must not wait for an old Lease."""
        if self.operator:
            self.operator.stop()
        self.operator = self.start("--no-leader-elect")
        return self.operator

    def alone(self):
        """Stops the operator that the tests share, for tests that bring their own."""
        if self.operator:
            assert self.operator.stop() == 0
        self.operator = None

    def lead(self):
        """Starts an operator and waits until it leads."""
        operator = self.start()
        eventually(lambda: operator.metric("countersign_leader") == 1, "it to lead")
        return operator

    def lease(self):
        return self.admin.get("lease", "countersign-operator", "countersign-system")

    def writes(self, *namespaces):
        """What the operator wrote in these namespaces, from the API server's audit log."""
        return [e for e in self.cluster.audit()
                if e.get("user", {}).get("username") == USER
                and e["verb"] in ("create", "update", "patch", "delete")
                and e.get("objectRef", {}).get("namespace") in namespaces]

    def close(self):
        for operator in self.started:
            operator.end()
