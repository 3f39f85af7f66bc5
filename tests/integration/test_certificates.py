"""The built-in certificate authority on a real API server: it begins, renews, survives what people do
to its Secret and to the caBundle, and no good request is refused for it."""

import base64
import datetime
import re
import urllib.error
import urllib.request

import pytest
import samples as s
from chart_site import CHART, SYSTEM
from rotation_site import ADMISSION, CONFIGURATIONS, SECRET, Load, RotationSite, openssl
from samples import HOME
from world import ROOT, wait_until

FLAGS = ("--ca-settle=1s", "--ca-retire=2s")


@pytest.fixture(scope="module")
def site():
    site = RotationSite(flags=FLAGS)
    try:
        yield site
    finally:
        site.close()


@pytest.fixture(autouse=True)
def at_rest(site):
    wait_until(site.at_rest, "the rotation before to end", 60)


@pytest.fixture
def load(site):
    load = Load(site.cluster)
    yield load
    assert load.stop() == [], f"of {load.answered}"
    assert load.answered


def ready(site, port):
    """Why it is not; empty if it is."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{site.probes(port)}/readyz") as answer:
            return "" if answer.status == 200 else answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.read().decode()


def metric(site, port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{site.probes(port)}/metrics") as answer:
        text = answer.read().decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
    return float(found.group(1)) if found else None


def ends(pem):
    text = openssl("x509", "-noout", "-enddate", input=pem).strip().removeprefix("notAfter=")
    return datetime.datetime.strptime(text, "%b %d %H:%M:%S %Y %Z").replace(
        tzinfo=datetime.timezone.utc)  # fmt: skip


def good_request_passes(site):
    path = f"/apis/countersign.dev/v1alpha1/namespaces/{HOME}/usecases?dryRun=All"
    return site.api.call("POST", path, s.use_case("good"))[0] == 201


def test_a_fresh_installation_has_one_authority_that_every_replica_serves(site):
    data = site.secret()
    for port in site.replicas:
        wait_until(lambda port=port: ready(site, port) == "", f"replica {port} to be ready")
        assert site.served(port) == data["tls.crt"]
        assert metric(site, port, "countersign_certificate_expiry_timestamp_seconds") == \
            ends(data["tls.crt"]).timestamp()  # fmt: skip
        assert metric(site, port, "countersign_certificate_authority_expiry_timestamp_seconds") == \
            ends(data["ca.crt"]).timestamp()  # fmt: skip
    assert "--ca-retire is '2s'" in site.webhook.log, "which is for tests alone"
    text = openssl("x509", "-noout", "-text", input=data["tls.crt"])
    assert "prime256v1" in text and "ecdsa-with-SHA256" in text
    assert good_request_passes(site)


def test_the_operator_owns_the_bundle_and_nothing_else(site):
    for plural in CONFIGURATIONS:
        status, found = site.api.call("GET", f"{ADMISSION}{plural}/countersign")
        assert status == 200
        (owned,) = [m for m in found["metadata"]["managedFields"] if m["manager"] == "countersign-ca"]
        assert owned["operation"] == "Apply"
        entries = owned["fieldsV1"]["f:webhooks"]
        assert len(entries) == len(found["webhooks"])
        for name, fields in entries.items():
            assert name.startswith("k:") and fields.pop(".", {}) == {}
            assert fields == {"f:clientConfig": {"f:caBundle": {}}, "f:name": {}}
        assert list(owned["fieldsV1"]) == ["f:webhooks"]


def test_rotations_lose_no_request(site, load):
    for _ in range(4):
        before = site.secret()
        site.rotate()
        after = site.secret()
        assert after["ca.key"] != before["ca.key"] and after["tls.key"] != before["tls.key"]
        for port in site.replicas:
            wait_until(lambda port=port: site.served(port) == after["tls.crt"], "the new leaf", 10)


def test_a_bundle_that_somebody_takes_away_is_put_back(site):
    for plural in CONFIGURATIONS:
        path = f"{ADMISSION}{plural}/countersign"
        found = site.api.get(path)
        for entry in found["webhooks"]:
            entry["clientConfig"].pop("caBundle")
        found["metadata"].pop("managedFields")
        assert site.api.call("PUT", path, found)[0] == 200
    wait_until(site.at_rest, "the bundle to be put back", 20)
    wait_until(lambda: good_request_passes(site), "admission to work again", 20)
    # Taken away again and again, it is put back without a fight at full speed.
    site.api.call("PUT", path, {**found, "metadata": {"name": "countersign"}})
    wait_until(site.at_rest, "the bundle to be put back again", 20)
    site.operator.await_log("somebody changed the caBundle; it is put back")


def test_a_deleted_secret_is_put_back_and_new_keys_follow(site, load):
    before = site.secret()["ca.crt"]
    assert site.api.call("DELETE", site.secret_path)[0] == 200
    wait_until(lambda: site.at_rest(but=before), "new keys", 60)


def test_a_spoilt_secret_is_replaced_and_reported(site, load):
    before = site.secret()["ca.crt"]
    spoilt = {"data": {"tls.key": None, "ca.crt": "bm90aGluZw=="}}
    assert site.api.merge(site.secret_path, spoilt)[0] == 200
    wait_until(lambda: site.at_rest(but=before), "new keys", 60)
    # Whoever replaced it saw it; another may only have come to see what it was replaced by.
    reported = 0
    for port, program in site.replicas.items():
        told = "data[ca.crt]: must be a certificate in PEM" in program.log
        counted = metric(site, port, "countersign_certificate_authority_unreadable_total")
        assert counted == (1 if told else 0)
        reported += told
        assert "PRIVATE KEY" not in program.log
    assert reported > 0


def test_a_replica_that_dies_in_the_middle_of_a_rotation_leaves_it_to_the_others(site):
    threads = 4
    load = Load(site.cluster, threads)
    before = site.secret()["ca.crt"]
    site.ask_for_rotation()
    wait_until(lambda: "next-ca.crt" in site.secret(), "the next authority")
    site.end_replica(next(iter(site.replicas)))
    wait_until(lambda: site.at_rest(but=before), "the rotation", 60)
    port = site.start_replica()
    assert site.served(port) == site.secret()["tls.crt"]
    # What was under way in the one that was killed may have been refused.
    assert len(load.stop()) <= threads


def test_short_leaves_are_renewed_by_themselves_and_one_that_expired_at_the_start(site):
    for port in list(site.replicas):
        site.end_replica(port)
    before = site.secret()["ca.crt"]
    site.api.call("DELETE", site.secret_path)
    site.flags = (*FLAGS, "--leaf-lifetime=10s", "--ca-lifetime=1h")
    port = site.start_replica()
    wait_until(lambda: site.at_rest(but=before), "an authority", 30)
    wait_until(lambda: good_request_passes(site), "admission", 20)
    load = Load(site.cluster)
    first = site.secret()
    wait_until(lambda: site.secret()["tls.crt"] != first["tls.crt"], "a new leaf", 30)
    assert load.stop() == []
    assert site.secret()["ca.crt"] == first["ca.crt"]

    site.end_replica(port)
    leaf = site.secret()["tls.crt"]
    wait_until(lambda: ends(leaf) < datetime.datetime.now(datetime.timezone.utc), "its end", 30)
    site.flags = FLAGS
    for _ in range(2):
        port = site.start_replica()
        assert site.served(port) == site.secret()["tls.crt"] != leaf
    assert good_request_passes(site)


def test_the_command_to_renew_in_the_docs_is_the_one_that_works(site):
    page = (ROOT / "docs" / "installation.md").read_text()
    (command,) = re.findall(r"^kubectl (annotate secret .*)$", page, re.M)
    before = site.secret()["ca.crt"]
    site.cluster.run(*command.split())
    wait_until(lambda: site.at_rest(but=before), "the rotation", 60)
    assert SECRET in command


def test_a_replica_says_what_it_waits_for_when_nobody_publishes(site):
    before = site.secret()["ca.crt"]
    site.operator.stop()
    for port in list(site.replicas):
        site.end_replica(port)
    site.api.call("DELETE", site.secret_path)
    port = site.start_replica()
    assert site.secret()["ca.crt"] != before
    wait_until(lambda: "is not in the caBundle" in ready(site, port), "the reason", 20)
    assert not good_request_passes(site), "an unverified answer must not count"
    site.start_operator()
    wait_until(lambda: ready(site, port) == "", "the replica to be ready", 60)
    wait_until(lambda: good_request_passes(site), "admission", 20)


def test_helm_takes_over_once_the_operator_is_stopped(site):
    """Last, because nothing of the built-in authority is left. The page's commands."""
    page = (ROOT / "docs" / "installation.md").read_text()
    (scale,) = re.findall(r"^kubectl (scale deployment .*?)  #", page, re.M)
    (flags,) = re.findall(r"^helm upgrade .*--set (tls.source=Helm) \\\n  (.*)$", page, re.M)
    upgrade = ["upgrade", "release", CHART, "--reset-then-reuse-values", "--set", flags[0]]
    site.point("service")  # as Helm knows it
    done = site.helm(*upgrade, check=False)
    assert done.returncode != 0 and 'with "countersign-ca"' in done.stderr
    site.cluster.run(*scale.split())
    site.operator.stop()
    site.helm(*upgrade, *flags[1].split())
    secret = site.api.get(f"/api/v1/namespaces/{SYSTEM}/secrets/countersign-webhook-tls")
    assert set(site.bundles()) == {base64.b64decode(secret["data"]["ca.crt"]).decode()}
    deployment = site.api.get(f"/apis/apps/v1/namespaces/{SYSTEM}/deployments/countersign-operator")
    assert deployment["spec"]["replicas"] == 2, "it runs again"
