"""What stands around decisions, on a real API server: traces that go on in our records, and a replica
that is told to stop."""

import http.client
import json
import os
import pathlib
import re
import signal
import ssl
import tempfile
import urllib.error
import urllib.request

import controlplane
import pytest
import samples as s
from lending import govern
from samples import DANA, PROD
from world import INSTALLATION, Installation, Program, wait_until

TRACING = """
apiVersion: apiserver.config.k8s.io/v1
kind: TracingConfiguration
endpoint: 127.0.0.1:{port}
samplingRatePerMillion: 1000000
"""


@pytest.fixture(scope="module")
def site():
    with tempfile.TemporaryDirectory(prefix="countersign-tracing-") as folder:
        config = pathlib.Path(folder) / "tracing.yaml"
        # Nobody listens there: spans are lost, and still have their context.
        config.write_text(TRACING.format(port=controlplane.free_port()))
        site = Installation(apiserver=(f"--tracing-config-file={config}",))
        try:
            govern(site)
            yield site
        finally:
            site.close()


def probe(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_trace_of_the_api_server_goes_on_in_our_record(site):
    mdeploy = s.deployment("traced", model="traced")
    done = site.apply(mdeploy, user=site.cluster.user(*DANA), check=False)
    assert done.returncode != 0
    (record,) = [r for r in site.webhook.records
                 if r["object"] == {**r["object"], "kind": "ModelDeployment", "name": "traced"}]  # fmt: skip
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", record["traceparent"]), record


REVIEW = json.dumps({
    "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "namespace": PROD,
        "kind": {"group": "countersign.dev", "version": "v1alpha1", "kind": "ModelDeployment"},
        "resource": {"group": "countersign.dev", "version": "v1alpha1",
                     "resource": "modeldeployments"},
        "userInfo": {"username": "dana", "groups": ["ds-lending"]},
        "object": s.deployment("direct", model="direct")}}).encode()  # fmt: skip


def test_what_five_api_servers_keep_open_costs_nobody_anything(site):
    """25 idle connections each (client-go), all proven by a request that was answered."""
    context = ssl.create_default_context(cafile=str(site.folder / "tls" / "ca.crt"))

    def judged(connection):
        connection.request("POST", "/validate/v1?timeout=10s", REVIEW,
                           {"Content-Type": "application/json"})  # fmt: skip
        answer = connection.getresponse()
        return answer.status == 200 and json.loads(answer.read())["response"]["allowed"] is False

    def number(what):
        return int(re.search(rf'^countersign_webhook_server{{what="{what}"}} (\d+)$',
                             site.metrics(), re.M).group(1))  # fmt: skip

    threads = f"/proc/{site.webhook.process.pid}/task"
    before = len(os.listdir(threads))
    held = [http.client.HTTPSConnection("127.0.0.1", site.port, context=context, timeout=30)
            for _ in range(5 * 25)]  # fmt: skip
    for connection in held:
        assert judged(connection)
        connection.auto_open = 0  # never a new one in its place
    sockets = [connection.sock.getsockname() for connection in held]
    wait_until(lambda: number("idle_connections") >= len(held), "all to be idle")
    assert len(os.listdir(threads)) == before
    for _ in range(20):  # others go on, each on a connection of its own
        status, answer = site.post("/validate/v1", REVIEW)
        assert status == 200 and json.loads(answer)["response"]["allowed"] is False
    done = site.apply(s.deployment("beside", model="beside"), user=site.cluster.user(*DANA), check=False)
    assert "(decision " in done.stderr, "through the API server too"
    assert all(judged(connection) for connection in held)
    assert [connection.sock.getsockname() for connection in held] == sockets
    for connection in held:
        connection.close()
    wait_until(lambda: number("idle_connections") < 25, "them to be gone")


def test_a_replica_that_is_told_to_stop_first_says_so_and_serves_on(site):
    port = controlplane.free_port()
    replica = Program(
        site.folder, "countersign-webhook", "--kubeconfig", site.cluster.kubeconfig,
        "--listen", f"127.0.0.1:{port}", "--probe-listen", "127.0.0.1:0",
        "--tls-cert", site.folder / "tls" / "tls.crt", "--tls-key", site.folder / "tls" / "tls.key",
        "--stamp-key", site.key, "--installation", INSTALLATION,
        "--operator-user", "countersign-operator", "--drain-seconds", "20",
    )  # fmt: skip
    replica.await_log("serving admission reviews")
    probes = replica.field("serving admission reviews", "probePort")
    wait_until(lambda: probe(probes, "/readyz") == 200, "the replica to be ready")
    context = ssl.create_default_context(cafile=site.folder / "tls" / "ca.crt")
    held = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)

    def judged():
        """What the answer says of its connection."""
        held.request("POST", "/validate/v1", REVIEW, {"Content-Type": "application/json"})
        answer = held.getresponse()
        body = answer.read()
        assert answer.status == 200 and json.loads(body)["response"]["allowed"] is False
        return answer.getheader("Connection")

    try:
        assert judged() is None
        replica.process.send_signal(signal.SIGTERM)
        # Load balancers take it out by this; until they have, they send on.
        wait_until(lambda: probe(probes, "/readyz") == 503, "the replica to say that it ends")
        assert probe(probes, "/healthz") == 200, "it must not be killed for it"
        # Who is sent away at once comes back to it as long as nobody knows.
        assert judged() is None
        wait_until(lambda: judged() == "close", "callers to be sent elsewhere", 60)
        assert replica.process.poll() is None, "those who come all the same are answered"
        replica.process.send_signal(signal.SIGTERM)
        assert replica.process.wait(10) == 0, "who says it twice does not want to wait"
    finally:
        held.close()
        replica.stop()
