"""Somebody weakens admission: the operator says what differs, where people look, and how to put it
right; the command that it gives does."""

import json
import os
import re
import subprocess
import tempfile
import urllib.request

import pytest
import samples as s
from chart_site import BIN, CHART, SYSTEM, ChartSite
from world import wait_until

VALIDATING, MUTATING = "validatingwebhookconfiguration", "mutatingwebhookconfiguration"
POLICY, BINDING = "validatingadmissionpolicy", "validatingadmissionpolicybinding"
NONE = {VALIDATING + "s": 0, MUTATING + "s": 0, "validatingadmissionpolicies": 0, BINDING + "s": 0}


# With a table of one's own: what is made from it is as installed, and stays so.
OWN = {"name": "own", "group": "models.example", "kind": "Served", "resource": "serveds",
       "versions": ["v1"], "serves": "Always"}  # fmt: skip


class OwnTable(ChartSite):
    def _apply(self, tls):
        self.table = self.folder / "table.yaml"
        table = (CHART / "files" / "serving-profiles.yaml").read_text()
        table = table.replace("profiles:\n", f"profiles:\n- {json.dumps(OWN)}\n", 1)
        self.table.write_text(table.replace("  labels:\n", "  labels:\n  - {match: bank/serves}\n", 1))
        values = self.folder / "values.yaml"
        values.write_text(subprocess.run(
            [BIN / "countersign", "install", "--serving-profiles", self.table, "--chart-values"],
            check=True, capture_output=True, text=True).stdout)  # fmt: skip
        self.values = ("--values", values, "--set", "guard.scanSeconds=1")
        super()._apply(tls)

    def webhook_program(self, port, *more):
        return super().webhook_program(port, f"--serving-profiles={self.table}", *more)

    def start_operator(self, *more):
        super().start_operator(f"--serving-profiles={self.table}", *more)


@pytest.fixture(scope="module")
def site():
    site = OwnTable(operator=True, built_in=True)
    try:
        site.apply(s.policy())
        yield site
    finally:
        site.close()


@pytest.fixture(autouse=True)
def as_installed(site):
    wait_until(lambda: enforced(site)["status"] == "True", "admission to be as it was installed", 30)
    assert differences(site) == NONE


def enforced(site, policy="lending"):
    found = json.loads(site.cluster.run("get", "govpol", policy, "-o", "json").stdout)
    conditions = {c["type"]: c for c in found.get("status", {}).get("conditions", [])}
    return conditions.get("Enforced", {"status": "Unknown", "message": ""})


def differences(site):
    port = site.operator.field("answering probes", "port")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    return {name: int(float(value)) for name, value in re.findall(
        r'^countersign_admission_differences\{configuration="(\w+)"\} (\S+)$', text, re.M)}  # fmt: skip


def complaints(site):
    """What the operator logged of this, in order."""
    lines = [json.loads(line) for line in site.operator.log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["message"] == "admission is not as it was installed"]


def put_right(site, command):
    environment = dict(os.environ, KUBECONFIG=str(site.cluster.kubeconfig),
                       PATH=f"{BIN}:{site.cluster.assets}:{os.environ['PATH']}")  # fmt: skip
    with tempfile.TemporaryDirectory() as empty:  # all that the command needs it brings
        done = subprocess.run(["bash", "-c", "set -o pipefail; " + command], capture_output=True,
                              text=True, env=environment, cwd=empty)  # fmt: skip
    assert done.returncode == 0, done.stderr


def weaken(site, kind, *patch):
    site.cluster.run("patch", kind, "countersign", "--type=json", "-p", json.dumps(patch))


WAYS = [
    ("failurePolicy", {"op": "replace", "value": "Ignore"}, '"Ignore"', '"Fail"'),
    ("timeoutSeconds", {"op": "replace", "value": 30}, "30", "5"),
    ("matchPolicy", {"op": "replace", "value": "Exact"}, '"Exact"', '"Equivalent"'),
    ("namespaceSelector", {"op": "add", "value": {"matchLabels": {"governed": "yes"}}},
     '{"governed":"yes"}', "absent"),
    ("objectSelector", {"op": "add", "value": {"matchLabels": {"governed": "yes"}}},
     '{"governed":"yes"}', "absent"),
    ("rules/0/operations", {"op": "replace", "value": ["CREATE"]}, '["CREATE"]',
     '["CREATE","UPDATE"]'),
    ("matchConditions/0/expression", {"op": "replace", "value": "false"}, '"false"', None),
    ("clientConfig/url", {"op": "replace", "value": "https://127.0.0.1:1/yes"},
     '"https://127.0.0.1:1/yes"', None),
]  # fmt: skip


def test_helm_and_the_doctor_keep_to_the_table(site):
    def rules():
        found = json.loads(site.cluster.run("get", VALIDATING, "countersign", "-o", "json").stdout)
        (entry,) = [w for w in found["webhooks"] if w["name"] == "guard.countersign.dev"]
        return [group for rule in entry["rules"] for group in rule["apiGroups"]]

    assert "models.example" in rules()
    site.tell_operator()
    done = subprocess.run(
        [BIN / "countersign", "doctor", "-n", SYSTEM, "-o", "json"], capture_output=True, text=True,
        env=dict(os.environ, KUBECONFIG=str(site.cluster.kubeconfig)))  # fmt: skip
    found = json.loads(done.stdout)["findings"]
    assert [f for f in found if f["area"] == "admission" and f["health"] != "good"] == []
    site.tell_operator("service")
    site.point("service")  # as Helm knows it
    site.helm("upgrade", "release", CHART, "--reset-then-reuse-values")
    assert "models.example" in rules()
    site.point()
    done = site.helm("upgrade", "release", CHART, "--reset-then-reuse-values", "--set-string",
                     "guard.profiles=another", check=False)  # fmt: skip
    assert done.returncode != 0 and "--chart-values" in done.stderr


@pytest.mark.parametrize("kind", [VALIDATING, MUTATING])
@pytest.mark.parametrize("path, change, found, expected", WAYS, ids=[way[0] for way in WAYS])
def test_each_way_to_weaken_it_is_told_with_the_command_that_puts_it_right(
    site, kind, path, change, found, expected
):
    before = len(complaints(site))
    weaken(site, kind, {**change, "path": f"/webhooks/0/{path}"})
    wait_until(lambda: len(complaints(site)) > before, "the complaint", 30)
    complaint = complaints(site)[-1]
    (difference,) = complaint["differences"]
    assert path.split("/")[0] in difference["path"] and difference["found"] == found
    assert expected is None or difference["expected"] == expected
    wait_until(lambda: enforced(site)["status"] == "False", "the condition", 30)
    assert enforced(site)["reason"] == "AdmissionWeakened"
    assert difference["path"] in enforced(site)["message"]
    assert differences(site)[kind + "s"] == 1
    put_right(site, complaint["command"])


def test_what_is_gone_is_told_too_and_comes_back(site):
    before = len(complaints(site))
    site.cluster.run("delete", VALIDATING, "countersign")
    wait_until(lambda: len(complaints(site)) > before, "the complaint", 30)
    assert complaints(site)[-1]["differences"][0]["found"] == "absent"
    wait_until(lambda: enforced(site)["status"] == "False", "the condition", 30)
    told = enforced(site)["message"]
    assert "Put it right: kubectl get configmap" in told and "--serving-profiles profiles.yaml" in told
    put_right(site, complaints(site)[-1]["command"])
    wait_until(lambda: enforced(site)["status"] == "True", "the end of it", 30)
    site._await_admission()

    weaken(site, VALIDATING, {"op": "remove", "path": "/webhooks/1"})
    wait_until(lambda: enforced(site)["status"] == "False", "the condition", 30)
    put_right(site, complaints(site)[-1]["command"])


POLICY_WAYS = [
    (POLICY, "model-records", {"op": "replace", "path": "/spec/failurePolicy", "value": "Ignore"},
     "spec.failurePolicy", '"Ignore"', '"Fail"'),
    (POLICY, "evidence-is-final", {"op": "replace", "path": "/spec/validations/0/expression", "value": "true"},
     "spec.validations[0].expression", '"true"', '"object.spec == oldObject.spec"'),
    (POLICY, "locked-environments", {"op": "add", "path": "/spec/matchConstraints/objectSelector",
                                     "value": {"matchLabels": {"locked": "yes"}}},
     "spec.matchConstraints.objectSelector.matchLabels", '{"locked":"yes"}', "nothing"),
    (BINDING, "owners", {"op": "replace", "path": "/spec/validationActions", "value": ["Audit"]},
     "spec.validationActions", '["Audit"]', '["Deny","Audit"]'),
    (BINDING, "incidents-stay", {"op": "add", "path": "/spec/matchResources",
                                 "value": {"namespaceSelector": {"matchLabels": {"stay": "yes"}}}},
     "spec.matchResources", None, "nothing"),
]  # fmt: skip


@pytest.mark.parametrize("kind, name, change, path, found, expected", POLICY_WAYS,
                         ids=[f"{way[1]}-{way[3]}" for way in POLICY_WAYS])  # fmt: skip
def test_admission_policies_are_looked_at_too(site, kind, name, change, path, found, expected):
    before = len(complaints(site))
    site.cluster.run("patch", kind, f"countersign-{name}", "--type=json", "-p", json.dumps([change]))
    wait_until(lambda: len(complaints(site)) > before, "the complaint", 30)
    complaint = complaints(site)[-1]
    assert complaint["configuration"].lower() == f"{kind} countersign-{name}"
    (difference,) = complaint["differences"]
    assert (difference["path"], difference["expected"]) == (path, expected)
    assert found is None or difference["found"] == found
    wait_until(lambda: enforced(site)["status"] == "False", "the condition", 30)
    assert f"countersign-{name}: {path}" in enforced(site)["message"]
    put_right(site, complaint["command"])


@pytest.mark.parametrize("kind", [POLICY, BINDING])
def test_an_admission_policy_that_is_gone_comes_back(site, kind):
    before = len(complaints(site))
    site.cluster.run("delete", kind, "countersign-model-records")
    wait_until(lambda: len(complaints(site)) > before, "the complaint", 30)
    (difference,) = complaints(site)[-1]["differences"]
    assert (difference["path"], difference["found"]) == ("spec", "absent")
    put_right(site, complaints(site)[-1]["command"])
    wait_until(lambda: enforced(site)["status"] == "True", "the end of it", 30)


def test_events_are_about_the_configuration(site):
    weaken(site, MUTATING, {"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"})

    def events(reason):
        listed = site.cluster.run("get", "events.events.k8s.io", "-A", "-o", "json").stdout
        return [e for e in json.loads(listed)["items"] if e["reason"] == reason
                and e["regarding"]["kind"] == "MutatingWebhookConfiguration"]  # fmt: skip

    wait_until(lambda: events("AdmissionWeakened"), "the Event", 30)
    (event, *_) = events("AdmissionWeakened")
    assert event["type"] == "Warning" and event["regarding"]["name"] == "countersign"
    put_right(site, complaints(site)[-1]["command"])
    wait_until(lambda: events("AdmissionRestored"), "the end of it", 30)


def test_what_others_add_is_nobodys_business(site):
    site.cluster.run("label", VALIDATING, "countersign", "team=platform")
    site.cluster.run("annotate", MUTATING, "countersign", "note=ours")
    site.operator.stop()
    site.start_operator()
    site.operator.await_log("answering probes")
    wait_until(lambda: differences(site) == NONE, "a look", 60)
    assert complaints(site) == []


def exempt(site):
    """What stands in the exempt namespace and should not, by the operator's metric."""
    port = site.operator.field("answering probes", "port")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    return {name: int(float(value)) for name, value in re.findall(
        r'^countersign_exempt_namespace\{what="(\w+)"\} (\S+)$', text, re.M)}  # fmt: skip


def test_what_is_governed_in_the_namespace_of_countersign_itself_is_told(site):
    """The guard is not asked there, whichever namespace that is."""
    wait_until(lambda: exempt(site) == {"environments": 0, "objects": 0}, "a look", 60)
    everywhere = s.policy(name="everywhere")
    everywhere["spec"]["environments"][0]["namespaces"] = ["*"]  # means no namespace in particular
    site.apply(everywhere)
    wait_until(lambda: enforced(site, "everywhere")["status"] == "True", "it to be looked at", 30)

    beside = s.policy(name="beside")
    beside["spec"]["environments"][2]["namespaces"] = ["countersign-*"]
    site.apply(beside)
    wait_until(lambda: enforced(site, "beside")["status"] == "False", "the condition", 30)
    assert enforced(site, "beside")["reason"] == "NamespaceExempt"
    assert f"environment 'prod' holds namespace '{SYSTEM}'" in enforced(site, "beside")["message"]
    assert enforced(site)["status"] == "True", "other policies are not concerned"
    wait_until(lambda: exempt(site)["environments"] == 1, "the next look", 60)

    server = {"containers": [{"name": "c", "image": "vllm/vllm-openai:v0.9.1"}]}
    labels = {"app": "chat"}
    site.apply({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "chat", "namespace": SYSTEM},
                "spec": {"selector": {"matchLabels": labels},
                         "template": {"metadata": {"labels": labels}, "spec": server}}})  # fmt: skip
    wait_until(lambda: exempt(site)["objects"] == 1, "the next look", 60)
    listed = json.loads(site.cluster.run("get", "events.events.k8s.io", "-A", "-o", "json").stdout)
    (event, *_) = [e for e in listed["items"] if e["reason"] == "NamespaceExempt"]
    assert event["regarding"]["kind"] == "Namespace" and event["regarding"]["name"] == SYSTEM
    site.operator.await_log("something that is governed is in the exempt namespace")

    site.cluster.run("delete", "deployment", "chat", "-n", SYSTEM)
    site.cluster.run("delete", "govpol", "beside", "everywhere")
    wait_until(lambda: exempt(site) == {"environments": 0, "objects": 0}, "the next look", 60)
