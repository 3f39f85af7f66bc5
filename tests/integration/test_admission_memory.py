"""What large requests and large objects may cost a replica: never more memory than the chart gives it, not
for good, and never so much time that the API server gives up on the answer.

Memory is what the kernel calls resident: what a container's limit counts, and shared pages of programs and
libraries besides. CRDs of other stacks are minimal ones of our own writing.
"""

import json
import pathlib
import re
import threading

import pytest
import yaml
from samples import DANA
from test_guard import TABLE, crd
from world import ROOT, Installation, wait_until

MIB = 1 << 20
LIMIT = yaml.safe_load((ROOT / "charts/countersign/values.yaml").read_text())["webhook"]["resources"]["limits"]
KIND = "InferenceService"


def size(text):
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", text).groups()
    return int(number) * {"Mi": MIB, "Gi": 1024 * MIB}[unit]


def nested(name, steps, containers):
    """An object of KServe's that is containers within containers: each step is a place where they serve."""
    spec = {"p": {"image": "a"}}
    for step in range(steps):
        listed = [{"name": "x", "image": f"r/x:{step}-{i}"} for i in range(containers)]
        spec = {"p": {"image": "a", "containers": listed}, "predictor": spec}
    return {"apiVersion": "serving.kserve.io/v1beta1", "kind": KIND,
            "metadata": {"name": name, "namespace": "default"}, "spec": {"predictor": spec}}  # fmt: skip


def dense(name, count):
    """As much memory for its length as an object can take: values that say nothing."""
    return {"apiVersion": "serving.kserve.io/v1beta1", "kind": KIND, "metadata": {"name": name, "namespace": "default"},
            "spec": {"predictor": {"model": {"args": [""] * count}}}}  # fmt: skip


def review(obj):
    gvk = {"group": "serving.kserve.io", "version": "v1beta1", "kind": KIND}
    return json.dumps({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "u", "operation": "CREATE", "namespace": "default", "kind": gvk,
            "resource": {"group": gvk["group"], "version": gvk["version"], "resource": "inferenceservices"},
            "userInfo": {"username": DANA[0], "groups": DANA[1]}, "object": obj}}).encode()  # fmt: skip


class Site(Installation):
    def memory(self, what):
        status = pathlib.Path(f"/proc/{self.webhook.process.pid}/status").read_text()
        return int(re.search(rf"^{what}:\s+(\d+) kB$", status, re.M).group(1)) * 1024

    def check_limit(self):
        most = self.memory("VmHWM")
        assert most <= size(LIMIT["memory"]), f"{most / MIB:.0f} MiB were resident"

    def create(self, obj):
        return self.cluster.run("create", "-f", "-", input=json.dumps(obj), check=False)


@pytest.fixture(scope="module")
def site():
    site = Site()
    try:
        (profile,) = [p for p in TABLE["profiles"] if p["kind"] == KIND]
        site.apply(crd(profile))
        site.cluster.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        yield site
    finally:
        site.close()


def test_what_a_burst_took_is_given_back(site):
    body = review(nested("burst", 40, 1500))
    assert 2 * MIB < len(body) < 3 * MIB
    before = site.memory("VmRSS")
    answers = []
    callers = [threading.Thread(target=lambda: answers.append(
        site.post("/guard/v1?timeout=30s", body, patience=60)[0])) for _ in range(12)]  # fmt: skip
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    # Some may be sent away to come again; none is left without an answer.
    assert len(answers) == len(callers) and 200 in answers and set(answers) <= {200, 429, 503}, answers
    site.check_limit()
    took = site.memory("VmHWM") - before
    assert took > 10 * MIB, "a burst that takes nothing proves nothing"
    wait_until(lambda: site.memory("VmRSS") - before < took / 4, "freed memory to be given back", 60)


@pytest.mark.parametrize("value", [b'{"":0}', b'[]', b'""', b'1'])
def test_a_body_of_values_that_say_nothing_is_refused(site, value):
    body = b'{"request":{"object":{"a":[' + b",".join([value] * (8_300_000 // (len(value) + 1))) + b"]}}}"
    for path in ("/validate/v1", "/guard/v1"):
        status, answer = site.post(path, body)
        assert status == 400, answer
    site.check_limit()


def test_an_object_of_values_that_say_nothing_costs_no_replica_its_life(site):
    """As long as the API server takes; several at once come from several, here from us: it needs gigabytes itself."""
    body = review(dense("dense", 900_000))
    answers = []
    callers = [threading.Thread(target=lambda: answers.append(
        site.post("/guard/v1?timeout=30s", body, patience=60)[0])) for _ in range(8)]  # fmt: skip
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(answers) == 8 and set(answers) <= {400, 429}, answers
    site.check_limit()
    # Not all of its memory: of the longest that is judged.
    assert site.post("/guard/v1?timeout=30s", review(dense("dense", 600_000)), patience=60)[0] == 200
    site.check_limit()


def test_whoever_makes_such_an_object_is_told_why_it_is_refused(site):
    error = site.create(dense("dense", 720_000)).stderr
    assert "has so many values that they take more than 64 MiB of memory" in error, error


def test_a_deep_object_is_judged_before_the_api_server_gives_up(site):
    done = site.create(nested("deep", 480, 60))
    assert "failed calling webhook" not in done.stderr, done.stderr
    last = site.webhook.records[-1]
    assert (last["object"]["kind"], last["object"]["name"]) == (KIND, "deep"), last
    assert last["allowed"] == (done.returncode == 0)
    site.check_limit()


def test_what_is_stored_costs_no_replica_its_life(site):
    """Each fills its caches with what anybody stored."""
    for i in range(5):
        done = site.create(nested(f"stored-{i}", 480, 18))
        assert done.returncode == 0, done.stderr
    site.check_limit()
    site.webhook.stop()
    site.start_webhook()
    site.check_limit()
    assert site.create(nested("after", 1, 1)).returncode == 0
