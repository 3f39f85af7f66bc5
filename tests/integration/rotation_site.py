"""The chart with its built-in certificate authority, several replicas of the webhook, and load.

Requests go the whole way: client, API server, TLS to the webhook with the caBundle that stands in
the configurations then. Also the stage of bench/rotations.py.
"""

import base64
import http.client
import json
import socket
import ssl
import subprocess
import threading
import time

import controlplane
import samples as s
from balancer import Balancer
from chart_site import SYSTEM, ChartSite
from samples import HOME
from world import wait_until

SECRET = "countersign-webhook-ca"
ADMISSION = "/apis/admissionregistration.k8s.io/v1/"
CONFIGURATIONS = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")


class Api:
    """Calls to the API server over one connection, as the administrator: far cheaper than kubectl."""

    def __init__(self, cluster):
        self._port = cluster.port
        self._context = ssl.create_default_context(cafile=str(cluster.authority.certificate))
        admin = cluster.authority.client("kubernetes-admin", ["system:masters"])
        self._context.load_cert_chain(admin.certificate, admin.key)
        self._connection = None

    def call(self, method, path, body=None, content_type="application/json"):
        """(status, answer); a connection that broke is made anew once."""
        for attempt in range(2):
            try:
                if self._connection is None:
                    self._connection = http.client.HTTPSConnection(
                        "127.0.0.1", self._port, context=self._context, timeout=30)  # fmt: skip
                data = None if body is None else json.dumps(body)
                self._connection.request(method, path, data, {"Content-Type": content_type})
                answer = self._connection.getresponse()
                return answer.status, json.loads(answer.read())
            except (OSError, http.client.HTTPException):
                self._connection = None
                if attempt:
                    raise

    def get(self, path):
        status, answer = self.call("GET", path)
        return answer if status == 200 else None

    def merge(self, path, body):
        return self.call("PATCH", path, body, "application/merge-patch+json")


class Load:
    """Good requests, one after the other in each thread, until stop(). `lost` are the answers to
    those that were not let through."""

    def __init__(self, cluster, threads=4, pause=0.0):
        self.answered, self.lost = 0, []
        self._pause = pause
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(Api(cluster), i), daemon=True)
                         for i in range(threads)]  # fmt: skip
        for thread in self._threads:
            thread.start()

    def _run(self, api, number):
        case = s.use_case(f"load-{number}")
        path = f"/apis/countersign.dev/v1alpha1/namespaces/{HOME}/usecases?dryRun=All"
        while not self._stopping.is_set():
            try:
                status, answer = api.call("POST", path, case)
            except OSError as e:
                status, answer = 0, repr(e)
            if status != 201:
                self.lost.append((time.time(), status, answer))
            self.answered += 1
            if self._pause:
                time.sleep(self._pause)

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        return self.lost


class RotationSite(ChartSite):
    # Lost is what is refused, not what a busy machine answers late.
    values = ("--set", "webhook.timeoutSeconds=30")

    def __init__(self, replicas=2, flags=(), **more):
        self.flags = flags
        self.count = replicas
        self.replicas = {}  # port: program
        super().__init__(operator=True, built_in=True, **more)
        self.cluster.run("create", "namespace", HOME)

    def start_webhook(self):
        self.api = Api(self.cluster)
        self.balancer = Balancer(self.port, lambda: list(self.replicas))
        for _ in range(self.count):
            self.start_replica()

    def start_replica(self):
        port = controlplane.free_port()
        self.webhook = self.webhook_program(port, *self.flags)
        self.webhook.await_log("serving admission reviews")
        self.replicas[port] = self.webhook
        return port

    def end_replica(self, port):
        """As a node that fails: at once."""
        program = self.replicas.pop(port)
        program.process.kill()
        program.process.wait()

    def probes(self, port):
        return self.replicas[port].field("serving admission reviews", "probePort")

    @property
    def secret_path(self):
        return f"/api/v1/namespaces/{SYSTEM}/secrets/{SECRET}"

    def secret(self):
        """Parts of the authority, PEM; None without a Secret."""
        found = self.api.get(self.secret_path)
        if found is None:
            return None
        return {key: base64.b64decode(value).decode()
                for key, value in (found.get("data") or {}).items()}  # fmt: skip

    def bundles(self):
        """The caBundle of every entry of both configurations."""
        return [base64.b64decode(entry["clientConfig"].get("caBundle", "")).decode()
                for plural in CONFIGURATIONS
                for entry in self.api.get(f"{ADMISSION}{plural}/countersign")["webhooks"]]  # fmt: skip

    def ask_for_rotation(self):
        annotation = {"metadata": {"annotations": {"countersign.dev/rotate": "now"}}}
        assert self.api.merge(self.secret_path, annotation)[0] == 200

    def at_rest(self, but=None):
        """Whether one authority is served and trusted, another than `but`."""
        data = self.secret()
        return (data and set(data) == {"ca.crt", "ca.key", "tls.crt", "tls.key"}
                and data["ca.crt"] != but and set(self.bundles()) == {data["ca.crt"]})  # fmt: skip

    def rotate(self, seconds=60):
        before = self.secret()["ca.crt"]
        self.ask_for_rotation()
        wait_until(lambda: self.at_rest(but=before), "the rotation", seconds)

    def served(self, port):
        """The certificate that this replica shows, PEM, verified by the bundle that is published."""
        context = ssl.create_default_context(cadata=self.bundles()[0])
        raw = socket.create_connection(("127.0.0.1", port), 10)
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))

    def close(self):
        for program in self.replicas.values():
            program.process.kill()
            program.process.wait()
        if hasattr(self, "balancer"):
            self.balancer.close()
        super().close()


def openssl(*arguments, input):
    done = subprocess.run(["openssl", *arguments], input=input, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
