"""A control plane with cert-manager's own programs, and our chart with its certificates.

cert-manager's controllers and cainjector are built from its Go modules (cert_manager/) and run with the
definitions, accounts and roles of its own chart. Our chart stays as it renders: the API server reaches
the webhook by the Service's name, through a proxy that stands in for the cluster's network.
"""

import base64
import contextlib
import json
import pathlib
import selectors
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "integration"), str(ROOT / "tests" / "controlplane")]
import controlplane  # noqa: E402
import yaml  # noqa: E402
from chart_site import CHART, SYSTEM, ChartSite, Program, helm  # noqa: E402
from rotation_site import ADMISSION, CONFIGURATIONS, Api  # noqa: E402
from test_certificate_files import Volume  # noqa: E402
from world import wait_until  # noqa: E402

GO = ROOT / "tests" / "e2e" / "cert_manager"
THEIRS = "cert-manager"
SOURCE = ("--set", "tls.source=CertManager,webhook.timeoutSeconds=30")
CERTIFICATES = f"/apis/cert-manager.io/v1/namespaces/{SYSTEM}/certificates/"
SECRETS = f"/api/v1/namespaces/{SYSTEM}/secrets/"
LEAF, AUTHORITY = "countersign-webhook", "countersign-webhook-root"
FILES = "countersign-webhook-tls"
KUBELET_SECONDS = 15  # as long as the webhook goes on with the files before


class Network:
    """Carries what the API server sends to Services (egress selector `cluster`) to the port here."""

    def __init__(self, folder, port):
        path = folder / "egress.sock"
        self.configuration = folder / "egress.yaml"
        self.configuration.write_text(json.dumps({
            "apiVersion": "apiserver.k8s.io/v1beta1", "kind": "EgressSelectorConfiguration",
            "egressSelections": [{"name": "cluster", "connection": {
                "proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(path)}}}}]}))  # fmt: skip

        class Connection(socketserver.StreamRequestHandler):
            def handle(self):
                while self.rfile.readline().strip():
                    pass
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as there:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    there.settimeout(None)
                    with selectors.DefaultSelector() as selector:
                        for one, other in ((self.request, there), (there, self.request)):
                            selector.register(one, selectors.EVENT_READ, other)
                        while True:
                            for key, _ in selector.select():
                                data = key.fileobj.recv(65536)
                                if not data:
                                    return
                                key.data.sendall(data)

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads, request_queue_size = True, 128

        threading.Thread(target=Server(str(path), Connection).serve_forever, daemon=True).start()


class Site(ChartSite):
    def __init__(self, folder, merging):
        self.merging = str(merging).lower()
        self.program, self.port = folder / "cert-manager", controlplane.free_port()
        subprocess.run(["go", "build", "-o", self.program, "."], check=True, cwd=GO)
        self.volume, self.theirs = Volume(folder / "tls"), []
        network = Network(folder, self.port)
        super().__init__(operator=True, apiserver=(f"--egress-selector-config-file={network.configuration}",))

    def _secret_of_ours(self):
        """cert-manager, before the chart."""
        self.api = Api(self.cluster)
        done = subprocess.run(["go", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager"],
                              check=True, cwd=GO, capture_output=True, text=True)  # fmt: skip
        text = helm("template", THEIRS, f"{done.stdout.strip()}/deploy/charts/cert-manager", "-n", THEIRS,
                    "--set", "crds.enabled=true,startupapicheck.enabled=false").stdout  # fmt: skip
        objects = [o for o in yaml.safe_load_all(text)
                   if o and o["kind"] not in ("Deployment", "Service") and "Webhook" not in o["kind"]]  # fmt: skip
        self.cluster.run("create", "namespace", THEIRS)
        self.cluster.run("apply", "--server-side", "-f", "-", input="\n---\n".join(map(json.dumps, objects)))
        self.cluster.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        injector = ["--cainjector", f"--feature-gates=CAInjectorMerging={self.merging}"]
        for account, more in ((THEIRS, []), (f"{THEIRS}-cainjector", injector)):
            log = open(self.cluster.folder / f"{account}.log", "wb")
            kubeconfig = self.cluster.service_account(THEIRS, account)
            self.theirs.append(subprocess.Popen([self.program, f"--kubeconfig={kubeconfig}", *more], stderr=log,
                                                stdout=log, preexec_fn=controlplane._die_with_parent))  # fmt: skip

    def _apply(self, tls):
        self.helm("install", "release", CHART, *SOURCE)
        wait_until(lambda: self.ready(LEAF) and self.ready(AUTHORITY), "cert-manager to issue", 60)
        done = self.cluster.run("get", "deployment", "countersign-webhook", "-n", SYSTEM, "-o", "json")
        volumes = json.loads(done.stdout)["spec"]["template"]["spec"]["volumes"]
        assert {"name": "tls", "secret": {"secretName": FILES, "defaultMode": 0o440}} in volumes
        self.volume.write(self.files())
        threading.Thread(target=self._kubelet, daemon=True).start()

    def point(self, where="service"):
        """Nothing: the API server finds the Service."""

    def _kubelet(self):
        written = None
        while True:
            with contextlib.suppress(OSError, TypeError, AssertionError):
                now = self.files()
                if written not in (None, now):
                    time.sleep(KUBELET_SECONDS)
                    self.volume.write(self.files())
                written = now
            time.sleep(0.5)

    def webhook_arguments(self, port, *more):
        tls = self.volume.folder
        return self._arguments("countersign-webhook", {
            "--listen": f"127.0.0.1:{port}", "--probe-listen": "127.0.0.1:0", "--stamp-key": self.key,
            "--tls-cert": tls / "tls.crt", "--tls-key": tls / "tls.key"}, more)  # fmt: skip

    def start_operator(self, *more):
        self.operator = Program(self.folder, "countersign-operator", *self._arguments(
            "countersign-operator", {"--probe-listen": "127.0.0.1:0", "--stamp-key": self.key}, more))  # fmt: skip

    def ready(self, name):
        status = (self.api.get(CERTIFICATES + name) or {}).get("status", {})
        return {"Ready": "True"}.items() <= {c["type"]: c["status"] for c in status.get("conditions", [])}.items()

    def files(self, name=FILES):
        data = Api(self.cluster).get(SECRETS + name)["data"]
        return {key: base64.b64decode(value) for key, value in data.items()}

    def configurations(self):
        api = Api(self.cluster)
        return [api.get(f"{ADMISSION}{plural}/countersign") for plural in CONFIGURATIONS]

    def bundles(self):
        """What the entries trust: one bundle, but for the moment in which it is written."""
        return {base64.b64decode(entry["clientConfig"].get("caBundle", "")).decode()
                for one in self.configurations() for entry in one["webhooks"]}  # fmt: skip

    def close(self):
        for process in self.theirs:
            process.kill()
            process.wait()
        super().close()

    def renew(self, name):
        """As `cmctl renew` does."""
        found = self.api.get(CERTIFICATES + name)
        before = found["status"]["revision"]
        found["status"]["conditions"].append({
            "type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "asked for",
            "lastTransitionTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})  # fmt: skip
        assert self.api.call("PUT", f"{CERTIFICATES}{name}/status", found)[0] == 200
        wait_until(lambda: self.api.get(CERTIFICATES + name)["status"]["revision"] > before, f"{name} anew")

    def replaced(self, name):
        self.cluster.run("delete", "secret", name, "-n", SYSTEM)
        wait_until(lambda: self.api.get(SECRETS + name), f"{name} to be made anew")

    def served(self):
        """What is shown under the Service's name to who trusts the caBundle; None if it is not trusted."""
        context = ssl.create_default_context(cadata="".join(self.bundles()))
        raw = socket.create_connection(("127.0.0.1", self.port), 10)
        with contextlib.suppress(ssl.SSLError), \
                context.wrap_socket(raw, server_hostname=f"countersign-webhook.{SYSTEM}.svc") as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))

    def at_rest(self):
        bundles = self.bundles()
        files = {key: value.decode() for key, value in self.files().items()}
        return len(bundles) == 1 and files["ca.crt"] in bundles.pop() and self.served() == files["tls.crt"]

    def versions(self):
        return [one["metadata"]["resourceVersion"] for one in self.configurations()]

    def managers(self):
        return {entry["manager"] for one in self.configurations() for entry in one["metadata"]["managedFields"]
                if "f:caBundle" in json.dumps(entry["fieldsV1"])}  # fmt: skip

    def check(self, load, what, lost=False):
        """That the bundle is cert-manager's, the new certificate is taken up and requests get through."""
        wait_until(self.at_rest, f"{what}: the certificate of the Secret to be served and trusted", 120)
        answered = load.answered
        wait_until(lambda: load.answered > answered + 50, "more requests", 60)
        assert self.managers() == {f"{THEIRS}-cainjector"}, self.managers()
        assert lost or load.lost == [], f"{what}: {load.lost[:3]}"
        print(f"  {what}: {load.answered} requests answered, {len(load.lost)} lost", flush=True)

