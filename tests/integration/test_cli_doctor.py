"""`countersign doctor` on the chart's installation: it finds what is broken, and says what to do."""

import base64
import contextlib
import datetime
import json
import os
import subprocess

import pytest
import samples as s
from chart_site import BIN, SYSTEM, ChartSite
from lending import account, give_evidence, govern
from world import wait_until


@pytest.fixture(scope="module")
def site():
    site = ChartSite(workloads=True, operator=True)
    try:
        site.tell_operator()
        govern(site)
        give_evidence(site, "live", "live")
        site.cluster.run("create", "clusterrolebinding", "auditor", "--user=auditor",
                         "--clusterrole=countersign-auditor")  # fmt: skip
        for program in ("countersign-webhook", "countersign-operator"):
            site.cluster.run("rollout", "status", f"deployment/{program}", "-n", SYSTEM, "--timeout=90s")
        yield site
    finally:
        site.close()


def doctor(site, user=None, *more):
    return subprocess.run([BIN / "countersign", "doctor", "-n", SYSTEM, *more], capture_output=True,
                          text=True, env=dict(os.environ, KUBECONFIG=str(
                              user or site.cluster.kubeconfig)))  # fmt: skip


def findings(site, health, user=None):
    done = doctor(site, user, "-o", "json")
    answer = json.loads(done.stdout)
    assert answer["kind"] == "Doctor"
    return [f for f in answer["findings"] if f["health"] == health], done.returncode


def found(site, health, area, *words):
    """The finding of an area whose words are these."""
    def look():
        for one in findings(site, health)[0]:
            text = f"{one['subject']}: {one['message']}"
            if one["area"] == area and all(word in text for word in words):
                assert one["next"] or health == "good"
                return one
        return None

    return wait_until(look, f"a {health} in {area} that says {words}")


def edit(site, kind, name, change, *where):
    """Changes an object for a while: `change` takes the object and gives what is to stand there."""
    @contextlib.contextmanager
    def changed():
        before = json.loads(site.cluster.run("get", kind, name, *where, "-o", "json").stdout)
        for key in ("resourceVersion", "uid", "managedFields", "generation", "creationTimestamp"):
            before["metadata"].pop(key, None)
        after = json.loads(json.dumps(before))
        change(after)
        try:
            site.cluster.run("replace", "-f", "-", input=json.dumps(after))
            yield
        finally:
            site.cluster.run("replace", "-f", "-", input=json.dumps(before))

    return changed()


def test_a_healthy_installation_has_no_fault(site):
    wait_until(lambda: doctor(site).returncode == 0, "all to be well")
    assert findings(site, "fault") == ([], 0) and findings(site, "unknown")[0] == []
    good = {f["area"] for f in findings(site, "good")[0]}
    assert good == {"definitions", "admission", "rights", "programs", "certificates", "stamp key",
                    "leader", "clocks", "policies", "caches", "own namespace", "probe"}  # fmt: skip
    found(site, "good", "clocks", "the webhook and the API server agree")
    # The chart's default image has no digest.
    assert {f["area"] for f in findings(site, "warning")[0]} == {"programs"}
    text = doctor(site).stdout
    assert "Next: helm upgrade release charts/countersign" in text


def test_an_auditor_learns_all_but_what_is_in_secrets(site):
    unknown, code = findings(site, "unknown", account(site, ("auditor", [])))
    assert code == 2
    assert {f["area"] for f in unknown} == {"certificates", "stamp key", "probe"}
    assert all("doctor" in f["next"] or "UseCases" in f["next"] for f in unknown)


def test_a_namespace_without_an_installation_is_one_fault_and_no_command_that_moves_it(site):
    done = subprocess.run([BIN / "countersign", "doctor", "-n", "default", "-o", "json"],
                          capture_output=True, text=True,
                          env=dict(os.environ, KUBECONFIG=str(site.cluster.kubeconfig)))  # fmt: skip
    (only,) = json.loads(done.stdout)["findings"]
    assert done.returncode == 1 and f"'{SYSTEM}'" in only["message"]
    assert only["next"] == f"kubectl countersign doctor -n {SYSTEM}"


def entry(name, **change):
    def apply(configuration):
        (one,) = [w for w in configuration["webhooks"] if w["name"] == name]
        one.update(change)

    return apply


@pytest.mark.parametrize("change, words", [
    (entry("admission.countersign.dev", failurePolicy="Ignore"), ("failurePolicy is Ignore",)),
    (entry("admission.countersign.dev", objectSelector={"matchLabels": {"a": "b"}}),
     ("objectSelector", "should be nothing")),
    (entry("admission.countersign.dev", namespaceSelector={"matchExpressions": [
        {"key": "skip", "operator": "DoesNotExist"}]}), ("namespaceSelector", "skip")),
    (entry("admission.countersign.dev", matchConditions=[{"name": "never", "expression": "false"}]),
     ("matchConditions",)),
    (entry("status.countersign.dev", matchPolicy="Exact"), ("matchPolicy", "Exact")),
    (lambda c: c["webhooks"][0]["rules"][0].update(operations=["CREATE"]), ("rules[0].operations",)),
    (lambda c: c["webhooks"].pop(0), ("entry admission.countersign.dev", "is missing")),
])  # fmt: skip
def test_a_weakened_entry_is_a_fault(site, change, words):
    with edit(site, "validatingwebhookconfiguration", "countersign", change):
        told = found(site, "fault", "admission", *words)
        assert told["next"].startswith("helm upgrade release charts/countersign -n countersign-system")
        assert doctor(site).returncode == 1


@pytest.mark.parametrize("kind, name", [
    ("validatingwebhookconfiguration", "guard.countersign.dev"),
    ("validatingwebhookconfiguration", "status.countersign.dev"),
    ("mutatingwebhookconfiguration", "stamp.countersign.dev"),
])  # fmt: skip
@pytest.mark.parametrize("elsewhere", [
    {"url": "https://127.0.0.1:1/yes"},
    {"service": {"namespace": "default", "name": "yes-man", "path": "/yes", "port": 443}},
])  # fmt: skip
def test_an_entry_that_is_sent_elsewhere_is_a_fault_with_the_command_that_brings_it_back(site, kind, name, elsewhere):
    with edit(site, kind, "countersign", entry(name, clientConfig=elsewhere)):
        told = found(site, "fault", "admission", f"entry {name}", "yes")
        done = subprocess.run(["bash", "-euc", told["next"].replace("kubectl", str(site.cluster.kubectl))],
                              capture_output=True, text=True,
                              env=dict(os.environ, KUBECONFIG=str(site.cluster.kubeconfig)))  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert [f for f in findings(site, "fault")[0] if f["area"] == "admission"] == []


def test_what_was_written_past_admission_and_cannot_be_decoded_is_a_fault(site):
    stray = s.policy(name="stray")
    stray["spec"]["measures"][0]["applies"]["environments"] = ["of-no-policy"]

    def unasked(configuration):
        for one in configuration["webhooks"]:
            one["matchConditions"] = [{"name": "never", "expression": "false"}]

    with edit(site, "validatingwebhookconfiguration", "countersign", unasked):
        with edit(site, "mutatingwebhookconfiguration", "countersign", unasked):
            wait_until(lambda: site.apply(stray, check=False).returncode == 0, "it to be let in")
    told = found(site, "fault", "caches", "GovernancePolicy stray", "of-no-policy")
    assert told["next"] == "kubectl edit governancepolicies stray"
    wait_until(lambda: "Invalid" in site.cluster.run("get", "govpol", "stray", "-o", "yaml").stdout, "the operator")
    found(site, "fault", "caches", "GovernancePolicy stray", "of-no-policy")
    site.cluster.run("delete", "govpol", "stray")


def test_an_admission_policy_that_only_warns_is_a_fault(site):
    def change(binding):
        binding["spec"]["validationActions"] = ["Warn"]

    name = "countersign-evidence-is-final"
    with edit(site, "validatingadmissionpolicybinding", name, change):
        found(site, "fault", "admission", f"ValidatingAdmissionPolicyBinding {name}", "Warn")


def test_rights_that_are_missing_are_a_fault_and_more_are_a_warning(site):
    def less(role):
        role["rules"] = [r for r in role["rules"] if "leases" not in r["resources"]]

    def more(role):
        role["rules"].append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})

    with edit(site, "role", "countersign-operator", less, "-n", SYSTEM):
        found(site, "fault", "rights", "does not grant", "leases of coordination.k8s.io")
    with edit(site, "clusterrole", "countersign-webhook", more):
        found(site, "warning", "rights", "grants 'get' on secrets, which is not needed")


def test_a_definition_of_another_version_is_a_warning(site):
    def change(crd):
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        del schema["properties"]["spec"]["properties"]["changeFreeze"]

    with edit(site, "crd", "incidents.countersign.dev", change):
        found(site, "warning", "definitions", "incidents.countersign.dev", "changeFreeze")


def test_a_certificate_that_nobody_believes_is_a_fault(site):
    def no_bundle(configuration):
        for one in configuration["webhooks"]:
            del one["clientConfig"]["caBundle"]

    with edit(site, "validatingwebhookconfiguration", "countersign", no_bundle):
        found(site, "fault", "certificates", "has no caBundle")
    other = site.cluster.authority.server("other", ["other.example"])

    def wrong_name(secret):
        secret["data"]["tls.crt"] = base64.b64encode(other.certificate.read_bytes()).decode()

    with edit(site, "secret", "webhook-cert", wrong_name, "-n", SYSTEM):
        found(site, "fault", "certificates", "would not believe it", "ostname mismatch")


def test_a_stamp_key_that_did_not_make_the_stamps_is_a_fault(site, tmp_path):
    key = tmp_path / "other.pem"
    subprocess.run([BIN / "countersign", "keygen", "--out", key], check=True)

    def change(secret):
        secret["data"]["key.pem"] = base64.b64encode(key.read_bytes()).decode()

    with edit(site, "secret", "countersign-stamp-key", change, "-n", SYSTEM):
        told = found(site, "fault", "stamp key", "did not make the stamps", "count for nothing")
        assert "from its backup" in told["next"]


def test_programs_that_are_not_there_twice_are_told(site):
    site.cluster.run("scale", "deployment/countersign-webhook", "-n", SYSTEM, "--replicas=1")
    found(site, "warning", "programs", "countersign-webhook", "has one replica")
    site.cluster.run("scale", "deployment/countersign-webhook", "-n", SYSTEM, "--replicas=0")
    found(site, "fault", "programs", "countersign-webhook", "no replica is ready")
    site.cluster.run("scale", "deployment/countersign-webhook", "-n", SYSTEM, "--replicas=2")


def test_a_policy_for_every_namespace_is_said_to_leave_ours_out(site):
    everywhere = s.policy(name="everywhere")
    everywhere["spec"]["environments"][0]["namespaces"] = ["*"]
    site.apply(everywhere)
    found(site, "good", "own namespace", f"is for every namespace but '{SYSTEM}'")
    site.cluster.run("delete", "govpol", "everywhere")


def test_what_is_governed_beside_the_programs_is_a_fault(site):
    beside = s.policy(name="beside")
    beside["spec"]["environments"][2]["namespaces"] = [SYSTEM]
    site.apply(beside)
    told = found(site, "fault", "own namespace", "environment 'prod' holds namespace", SYSTEM)
    assert told["next"] == "kubectl edit govpol beside"
    site.cluster.run("delete", "govpol", "beside")
    site.cluster.run("create", "deployment", "chat", "-n", SYSTEM, "--image=vllm/vllm-openai:v0.9.1")
    told = found(site, "fault", "own namespace", "serve", "Deployment 'chat'")
    assert told["next"] == f"kubectl countersign scan -n {SYSTEM}"
    site.cluster.run("delete", "deployment", "chat", "-n", SYSTEM)
    wait_until(lambda: not [f for f in findings(site, "fault")[0] if f["area"] == "own namespace"], "its end")


def test_a_dead_webhook_and_one_that_is_not_asked_are_told(site):
    site.webhook.process.kill()
    site.webhook.process.wait()
    told = found(site, "fault", "probe", "cannot reach the webhook", "connection refused")
    assert told["next"].startswith("kubectl logs")

    def unasked(configuration):
        configuration["webhooks"] = configuration["webhooks"][1:]

    with edit(site, "validatingwebhookconfiguration", "countersign", unasked):
        found(site, "fault", "probe", "was let through")


def test_an_operator_that_does_not_lead_or_whose_clock_is_wrong_is_told(site):
    site.operator.process.kill()
    site.operator.process.wait()
    late = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    lease = ("patch", "lease", "countersign-operator", "-n", SYSTEM, "--type=merge", "-p")
    renewed = {"spec": {"renewTime": late.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}}
    site.cluster.run(*lease, json.dumps(renewed))
    found(site, "fault", "clocks", "operator's clock is", "s ahead of")
    site.cluster.run(*lease, '{"spec": {"holderIdentity": ""}}')
    found(site, "fault", "leader", "nobody holds it")
    site.cluster.run("delete", "lease", "countersign-operator", "-n", SYSTEM)
    found(site, "fault", "leader", "no operator has ever led")
