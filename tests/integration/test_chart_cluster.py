"""The chart on a cluster that is set up as clusters are: Pods of the system's classes are limited, as on
GKE, the API server shows the webhook a certificate, nodes are drained, namespaces hold Pods to rules."""

import http.client
import json
import re
import signal
import socket
import ssl
import time
import urllib.error
import urllib.request

import certificates
import controlplane
import pytest
import samples as s
import yaml
from chart_site import CHART, ROOT, SYSTEM, ChartSite, Program, wait_until

PROGRAMS = ("countersign-webhook", "countersign-operator")
CALLER = "kube-apiserver"
PAGE = ROOT / "docs" / "operations" / "client-certificates.md"
# What GKE and others configure.
LIMITED = {
    "apiVersion": "apiserver.config.k8s.io/v1", "kind": "ResourceQuotaConfiguration",
    "limitedResources": [{"resource": "pods", "matchScopes": [
        {"scopeName": "PriorityClass", "operator": "In",
         "values": ["system-node-critical", "system-cluster-critical"]}]}],
}  # fmt: skip


class Callers:
    """The files of the page, for a webhook that has an address instead of a Service."""

    def __init__(self, folder, port):
        self.authority = certificates.Authority(folder / "callers")
        self.kubeconfig, self.file = folder / "webhooks.kubeconfig", folder / "admission.yaml"
        config, users = (yaml.safe_load(text) for text in re.findall(
            r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL))  # fmt: skip
        for plugin in config["plugins"]:
            plugin["configuration"]["kubeConfigFile"] = str(self.kubeconfig)
        config["plugins"].append({"name": "ResourceQuota", "configuration": LIMITED})
        self.file.write_text(yaml.safe_dump(config))
        (user,) = users["users"]
        assert user["name"] == f"countersign-webhook.{SYSTEM}.svc"
        user["name"] = f"127.0.0.1:{port}"
        self._users = users
        self.show(CALLER)

    def show(self, name):
        """What the API server shows from its next start on; None: nothing."""
        users = {**self._users, "users": []}
        if name:
            pair = self.authority.client(name)
            users["users"] = [{"name": self._users["users"][0]["name"], "user": {
                "client-certificate": str(pair.certificate), "client-key": str(pair.key)}}]  # fmt: skip
        self.kubeconfig.write_text(yaml.safe_dump(users))


class Site(ChartSite):
    values = ("--set", f"tls.clientCaSecret=callers,tls.allowedClients={{{CALLER}}}", "--set",
              "networkPolicy.apiServerCidrs={192.0.2.0/24}")  # fmt: skip

    def __init__(self, folder):
        self.port = controlplane.free_port()
        self.callers = Callers(folder, self.port)
        super().__init__(workloads=True, apiserver=(
            f"--admission-control-config-file={self.callers.file}",))  # fmt: skip

    def _arguments(self, program, replaced, more=()):
        if program == "countersign-webhook":
            replaced = replaced | {"--client-ca": self.callers.authority.certificate}
        return super()._arguments(program, replaced, more)

    def stored(self, kind, name):
        return json.loads(self.cluster.run("get", kind, name, "-n", SYSTEM, "-o", "json").stdout)

    def rolled_out(self):
        for program in PROGRAMS:
            self.cluster.run("rollout", "status", f"deployment/{program}", "-n", SYSTEM, "--timeout=120s")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("admission"))
    try:
        site.cluster.run("create", "namespace", s.HOME)
        site.rolled_out()
        yield site
    finally:
        site.close()


def test_pods_of_a_system_class_are_admitted_beside_the_charts_quota(site):
    """That they came up, the fixture has seen. Elsewhere nobody may have any."""
    spec = json.dumps({"spec": {"priorityClassName": "system-cluster-critical"}})

    def run(namespace):
        return site.cluster.run("run", "x", "--image=registry.example/x", f"--overrides={spec}", "-n",
                                namespace, "--dry-run=server", check=False)  # fmt: skip

    done = run("default")
    assert done.returncode != 0 and "insufficient quota to match these scopes" in done.stderr
    assert run(SYSTEM).returncode == 0
    site.cluster.run("delete", "resourcequota", "countersign-critical-pods", "-n", SYSTEM)
    wait_until(lambda: "insufficient quota" in run(SYSTEM).stderr, "the quota to be gone")
    site.point("service")  # as Helm knows it
    site.helm("upgrade", "release", CHART, "--reset-then-reuse-values")
    site.point()
    wait_until(lambda: run(SYSTEM).returncode == 0, "the quota to be back")


def classified(site, program, path):
    """By which FlowSchema and at which priority level the API server takes a request."""
    token = site.cluster.run("create", "token", program, "-n", SYSTEM).stdout.strip()
    context = ssl.create_default_context(cafile=str(site.cluster.authority.certificate))
    connection = http.client.HTTPSConnection("127.0.0.1", site.cluster.port, context=context)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    answer.read()
    found = []
    for kind, header in (("flowschema", "FlowSchema"), ("prioritylevelconfiguration", "PriorityLevel")):
        listed = json.loads(site.cluster.run("get", kind, "-o", "json").stdout)["items"]
        found += [one["metadata"]["name"] for one in listed
                  if one["metadata"]["uid"] == answer.headers[f"X-Kubernetes-PF-{header}-UID"]]  # fmt: skip
    return tuple(found)


LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/countersign-operator"
KIND = "/apis/countersign.dev/v1alpha1/usecases"


@pytest.mark.parametrize("program, path, schema, level", [
    ("countersign-operator", LEASE, "countersign-leases", "leader-election"),
    ("countersign-operator", KIND, "countersign", "workload-high"),
    ("countersign-webhook", KIND, "countersign", "workload-high"),
])  # fmt: skip
def test_what_we_ask_for_does_not_wait_behind_tenants(site, program, path, schema, level):
    wait_until(lambda: classified(site, program, path) == (schema, level), "the FlowSchema to be used")
    condition = {c["type"]: c["status"] for c in site.stored("flowschema", schema)["status"]["conditions"]}
    assert condition["Dangling"] == "False"


def test_the_network_lets_in_reviews_and_probes_and_nothing_else(site):
    """As the API server stored them: nobody enforces them here."""
    metrics = {"ports": [{"port": "probes", "protocol": "TCP"}], "from": [{"namespaceSelector": {}}]}
    reviews = {"ports": [{"port": "https", "protocol": "TCP"}],
               "from": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}  # fmt: skip
    for program, wanted in zip(PROGRAMS, ([reviews, metrics], [metrics]), strict=True):
        spec = site.stored("networkpolicy", program)["spec"]
        assert spec["policyTypes"] == ["Ingress"] and spec["ingress"] == wanted
        template = site.stored("deployment", program)["spec"]["template"]
        assert spec["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        (container,) = template["spec"]["containers"]
        names = {port["name"] for port in container["ports"]}
        assert {port["port"] for rule in wanted for port in rule["ports"]} <= names


def test_the_notes_say_how_the_namespace_holds_pods_to_rules(site):
    notes = site.helm("get", "notes", "release").stdout
    (command,) = re.findall(r"^  kubectl (label namespace .*)$", notes, re.MULTILINE)
    site.cluster.run(*command.split())
    privileged = json.dumps({"spec": {"hostNetwork": True}})
    done = site.cluster.run("run", "x", "--image=registry.example/x", f"--overrides={privileged}", "-n",
                            SYSTEM, "--dry-run=server", check=False)  # fmt: skip
    assert done.returncode != 0 and "violates PodSecurity" in done.stderr
    for program in PROGRAMS:
        site.cluster.run("rollout", "restart", f"deployment/{program}", "-n", SYSTEM)
    site.rolled_out()
    again = site.helm("upgrade", "release", CHART, "--reset-then-reuse-values", "--dry-run=server").stdout
    assert "NOTES:" in again and "label namespace" not in again


def pods(site, program):
    listed = json.loads(site.cluster.run("get", "pods", "-n", SYSTEM, "-l", f"app.kubernetes.io/name={program}",
                                         "-o", "json").stdout)["items"]  # fmt: skip
    return [p["metadata"]["name"] for p in listed if "deletionTimestamp" not in p["metadata"]]


def evict(site, pod):
    """As a drain does; the status that the API server answers with."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": SYSTEM}}
    path = f"/api/v1/namespaces/{SYSTEM}/pods/{pod}/eviction"
    return site.cluster.run("create", "--raw", path, "-f", "-", input=json.dumps(eviction), check=False)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_drain_takes_one_replica_at_a_time_and_ends_also_with_one_replica(site, program):
    def allowed(number):
        budget = site.stored("poddisruptionbudget", program)
        same = budget["status"].get("observedGeneration") == budget["metadata"]["generation"]
        return same and budget["status"]["expectedPods"] == number and \
            budget["status"]["disruptionsAllowed"] == 1  # fmt: skip

    wait_until(lambda: allowed(2), "both replicas to be there")
    site.cluster.run("scale", "deployment", program, "-n", SYSTEM, "--replicas=1")
    wait_until(lambda: allowed(1), "one replica to be there")
    (only,) = pods(site, program)
    assert evict(site, only).returncode == 0
    site.cluster.run("scale", "deployment", program, "-n", SYSTEM, "--replicas=2")
    site.rolled_out()


def probe(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()
    except OSError:
        return 0, ""


def test_a_webhook_that_has_not_seen_the_cluster_is_alive_and_not_ready(site):
    port, serving = controlplane.free_port(), controlplane.free_port()
    arguments = site.webhook_arguments(serving, f"--probe-listen=127.0.0.1:{port}")
    site.cluster.kill("kube-apiserver", signal.SIGSTOP)
    try:
        webhook = Program(site.folder, "countersign-webhook", *arguments)
        wait_until(lambda: probe(port, "/healthz")[0] == 200, "it to live")
        assert probe(port, "/readyz") == (503, "caches are not synced yet\n")
    finally:
        site.cluster.kill("kube-apiserver", signal.SIGCONT)
    try:
        # Asked without a pause: whoever says that it is ready answers from that moment on.
        seen = []
        deadline = time.monotonic() + 120
        while not seen or seen[-1][0] != 200:
            seen.append(probe(port, "/readyz"))
            assert time.monotonic() < deadline, seen[-1]
        socket.create_connection(("127.0.0.1", serving), 5).close()
        webhook.await_log("serving admission reviews")
    finally:
        webhook.stop()


@pytest.mark.parametrize("shown, complaint", [
    (None, "tls: certificate required"),
    ("somebody-else", "tls: handshake failure"),
])  # fmt: skip
def test_the_webhook_answers_whoever_shows_the_certificate_and_nobody_else(site, shown, complaint):
    def judged():
        return site.apply(s.deployment("m", s.HOME), check=False, dry_run=True).stderr

    assert "[NoEnvironment]" in judged()
    site.callers.show(shown)
    site.cluster.restart("kube-apiserver")
    try:
        wait_until(lambda: complaint in judged(), "the API server to be turned away")
        assert "failed calling webhook" in judged()
    finally:
        site.callers.show(CALLER)
        site.cluster.restart("kube-apiserver")
    wait_until(lambda: "[NoEnvironment]" in judged(), "the API server to be answered again")
