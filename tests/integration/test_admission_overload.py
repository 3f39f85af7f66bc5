"""A replica that cannot keep up, behind a real API server: what the API server makes of `429`, what people
see, and when the replica says that only a new start helps.

What keeps it from keeping up is its log: nobody reads its standard output for a while, as when a container
runtime stands still. A decision without a record is no decision, so its worker waits.
"""

import contextlib
import fcntl
import json
import os
import re
import select
import threading
import time
import urllib.error
import urllib.request

import pytest
import samples as s
from rotation_site import ADMISSION, Api
from samples import HOME
from world import INSTALLATION, Installation, Program, controlplane, wait_until

PATH = f"/apis/countersign.dev/v1alpha1/namespaces/{HOME}/usecases?dryRun=All"
OVERLOADED = 'countersign_webhook_refused_total{reason="overloaded"}'
REVIEW = json.dumps({
    "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "namespace": HOME,
        "kind": {"group": "countersign.dev", "version": "v1alpha1", "kind": "UseCase"},
        "resource": {"group": "countersign.dev", "version": "v1alpha1", "resource": "usecases"},
        "userInfo": {"username": "dana", "groups": []}, "object": s.use_case("direct")}}).encode()  # fmt: skip


class Leashed(Program):
    """Its standard output is the smallest of pipes, which is read while `reading` is set."""

    def _stdout(self):
        self.reading = threading.Event()
        self.reading.set()
        read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        threading.Thread(target=self._pump, args=(read,), daemon=True).start()
        return os.fdopen(write, "wb")

    def _pump(self, read):
        with open(self.out, "wb", buffering=0) as out, os.fdopen(read, "rb", buffering=0) as pipe:
            while True:
                self.reading.wait()
                if not select.select([pipe], [], [], 0.05)[0] or not self.reading.is_set():
                    continue
                data = pipe.read(65536)
                if not data:
                    return
                out.write(data)


class Site(Installation):
    def start_webhook(self):
        self.port = controlplane.free_port()
        self.webhook = Leashed(
            self.folder, "countersign-webhook", "--kubeconfig", self.cluster.kubeconfig,
            "--listen", f"127.0.0.1:{self.port}", "--probe-listen", "127.0.0.1:0",
            "--self-signed", self.folder / "tls", "--stamp-key", self.key,
            "--installation", INSTALLATION, "--operator-user", "countersign-operator",
            "--drain-seconds", "0", "--workers", "1",
        )  # fmt: skip
        self.webhook.await_log("serving admission reviews")
        self.probe_port = self.webhook.field("serving admission reviews", "probePort")

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.metrics(), re.M)
        return float(found.group(1)) if found else 0.0

    def waiting(self, what="in_flight"):
        return self.metric(f'countersign_webhook_server{{what="{what}"}}')

    def alive(self):
        """The status of /healthz and what it says."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.probe_port}/healthz") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    @contextlib.contextmanager
    def standstill(self):
        """The worker waits for the log, another request for the worker, and who comes is sent away.
        Those that were held up for it must all be answered in the end."""
        self.webhook.reading.clear()
        answers, threads, stands = [], [], None
        try:
            while 429 not in answers:
                assert len(threads) < 100
                threads.append(threading.Thread(
                    target=lambda: answers.append(
                        self.post("/validate/v1?timeout=30s", REVIEW, patience=300)[0])))  # fmt: skip
                threads[-1].start()
                wait_until(lambda: not threads[-1].is_alive()
                           or self.waiting() == sum(t.is_alive() for t in threads), "an answer or none")  # fmt: skip
                if self.waiting("queued"):
                    stands = stands or time.monotonic()
                    wait_until(lambda: time.monotonic() > stands + 1.5, "the queue to stand for long")
            yield
        finally:
            self.webhook.reading.set()
            for thread in threads:
                thread.join()
        assert set(answers) <= {200, 429, 503} and len(answers) == len(threads), answers

    @contextlib.contextmanager
    def entry(self, **fields):
        """The entry that judges our kinds, with other fields for a while."""
        path = f"{ADMISSION}validatingwebhookconfigurations/countersign"
        api = Api(self.cluster)
        webhooks = api.get(path)["webhooks"]
        (at,) = [i for i, w in enumerate(webhooks)
                 if w["failurePolicy"] == "Fail" and w["clientConfig"]["url"].endswith("/validate/v1")
                 and any("usecases" in r["resources"] for r in w["rules"])]  # fmt: skip

        def patch(values):
            patch = [{"op": "replace", "path": f"/webhooks/{at}/{name}", "value": value}
                     for name, value in values.items()]  # fmt: skip
            status, answer = api.call("PATCH", path, patch, "application/json-patch+json")
            assert status == 200, answer
        before = {name: webhooks[at][name] for name in fields}
        patch(fields)
        try:
            yield webhooks[at]["name"]
        finally:
            patch(before)

    def ask(self):
        """(status, message) of one good request through the API server."""
        status, answer = Api(self.cluster).call("POST", PATH, s.use_case("good"))
        return status, answer.get("message", "")

    def ask_aside(self):
        """The same, in a thread: (the thread, a list that will hold the answer)."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.ask()))
        thread.start()
        return thread, answers


@pytest.fixture(scope="module")
def site():
    site = Site()
    try:
        site.cluster.run("create", "namespace", HOME)
        wait_until(lambda: site.ask()[0] == 201, "good requests to pass")
        yield site
    finally:
        site.close()


def test_who_is_sent_away_is_asked_for_again_and_answered_in_the_end(site):
    with site.entry(timeoutSeconds=30), site.standstill():
        before = site.metric(OVERLOADED)
        thread, answers = site.ask_aside()
        wait_until(lambda: site.metric(OVERLOADED) >= before + 2, "the API server to ask again", 20)
        assert answers == [], "the user waits"
        assert site.alive()[0] == 200
        site.webhook.reading.set()
        thread.join()
    assert answers == [(201, "")]


def test_when_the_time_is_up_the_failure_policy_decides(site):
    with site.entry(timeoutSeconds=2) as name, site.standstill():
        status, message = site.ask()
        assert status == 500 and f'failed calling webhook "{name}"' in message, message
        print(message)
    with site.entry(timeoutSeconds=2, failurePolicy="Ignore"), site.standstill():
        assert site.ask() == (201, "")


def test_the_api_server_asks_eleven_times_and_a_standstill_of_a_minute_is_no_life(site):
    with site.entry(timeoutSeconds=30) as name, site.standstill():
        began = time.monotonic()
        before = site.metric(OVERLOADED)
        status, message = site.ask()
        assert status == 500 and f'failed calling webhook "{name}"' in message, message
        print(message)
        assert site.metric(OVERLOADED) - before == 11
        # Busy, full, sending everybody away: that is load, and no reason to be restarted …
        assert site.alive() == (200, "ok\n")
        # … until nothing has moved for longer than anything of ours takes.
        wait_until(lambda: site.alive()[0] == 503, "the replica to say that it is stuck", 120)
        assert time.monotonic() - began > 30
        assert "none has taken one up for " in site.alive()[1]
    wait_until(lambda: site.alive() == (200, "ok\n"), "the replica to live again")
    assert site.ask() == (201, "")
    assert site.webhook.log.count("only a new start can help") == 1
