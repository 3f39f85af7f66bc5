"""The webhook is dead. What was refused stays refused, alarms are raised, namespaces go, and nothing
stands in the way of a new start or of an uninstall."""

import json

import pytest
import samples as s
from chart_site import CHART, SYSTEM, ChartSite
from lending import account, give_evidence, govern, named
from samples import DANA, DEV, HOME, PROD
from world import wait_until

API = "/apis/countersign.dev/v1alpha1"


@pytest.fixture(scope="module")
def site():
    site = ChartSite(workloads=True)
    try:
        govern(site)
        site.apply(named(give_evidence(site, "live", "live"), "live"), user=account(site, DANA))
        site.apply(s.incident("alarm", "elsewhere"), s.report("live-load", "live", "live"),
                   s.waiver("live-waiver", "live", "live"))  # fmt: skip
        finalized = s.deployment("finalized", DEV, model="live", case="live")
        finalized["metadata"]["finalizers"] = ["gitops.example/children"]
        site.apply(finalized, user=account(site, DANA))
        # A version that people published, and a sign-off on it.
        version = s.policy({
            "version": {"label": "1"},
            "environments": [{"name": "far", "namespaces": ["far"], "enforcement": "Warn"}],
            "succession": {"signOff": {"role": "model-validator", "count": 1,
                                       "assurance": "Requester"}}}, "published")  # fmt: skip
        for measure in version["spec"]["measures"]:
            measure["applies"]["environments"] = ["far"]
        site.apply(version)
        site.webhook.process.kill()
        site.webhook.process.wait()
        yield site
    finally:
        site.close()


def patch(site, kind, name, change, *more, namespace=HOME):
    return site.cluster.run("patch", kind, name, "-n", namespace, "--type=merge", "-p",
                            json.dumps(change), *more, check=False)  # fmt: skip


def gone(site, kind, name, *where):
    return site.cluster.run("get", kind, name, *where, check=False).returncode != 0


@pytest.mark.parametrize("kind, name, change", [
    ("biastest", "live-fair", {"spec": {"protocol": "other"}}),
    ("signoff", "live-vera", {"spec": {"rationale": "other"}}),
    ("repsnap", "live-snap", {"spec": {"code": {"clean": False}}}),
    ("incident", "alarm", {"spec": {"summary": "Nothing."}}),
    ("evidence", "live-load", {"spec": {"environment": "prod"}}),
    ("waiver", "live-waiver", {"spec": {"reason": "other"}}),
])  # fmt: skip
def test_evidence_that_changes_is_refused_with_403(site, kind, name, change):
    done = patch(site, kind, name, change)
    assert done.returncode != 0 and "(Forbidden)" in done.stderr, done
    assert "evidence may not be changed once it is made" in done.stderr


@pytest.mark.parametrize("kind, name, namespace", [
    ("mdeploy", "live", PROD), ("usecase", "live", HOME), ("signoff", "live-vera", HOME),
    ("incident", "alarm", HOME)])  # fmt: skip
def test_status_is_refused_with_403(site, kind, name, namespace):
    done = patch(site, kind, name, {"status": {"observedGeneration": 7}}, "--subresource=status",
                 namespace=namespace)  # fmt: skip
    assert done.returncode != 0 and "(Forbidden)" in done.stderr, done
    assert "status may be written by the operator alone" in done.stderr


def test_models_neither_come_nor_change(site):
    done = site.apply(s.deployment("new", model="live", case="live"), check=False)
    assert done.returncode != 0 and "failed calling webhook" in done.stderr
    for change in ({"spec": {"decision": {"threshold": "0.4"}}}, {"spec": {"serving": {"replicas": 3}}}):
        done = patch(site, "mdeploy", "live", change, namespace=PROD)
        assert done.returncode != 0 and "failed calling webhook" in done.stderr
    done = site.cluster.run("scale", "mdeploy", "live", "-n", PROD, "--replicas=3", check=False)
    assert done.returncode != 0 and "failed calling webhook" in done.stderr


def test_what_the_operator_sees_of_a_model_it_writes_down_and_nobody_else_does(site):
    name = s.digest("live").replace(":", "-")
    assert gone(site, "modelrec", name)
    record = {"apiVersion": "countersign.dev/v1alpha1", "kind": "ModelRecord", "metadata": {"name": name},
              "spec": {"digest": s.digest("live")}}  # fmt: skip
    done = site.cluster.run("create", "-f", "-", input=json.dumps(record), check=False)
    assert done.returncode != 0 and "(Forbidden)" in done.stderr, done
    assert "the records of models are the operator's alone" in done.stderr
    site.start_operator()
    try:
        wait_until(lambda: not gone(site, "modelrec", name), "the record")
        site.cluster.run("delete", "signoff", "live-victor", "-n", HOME)

        def withdrawn():
            stored = json.loads(site.cluster.run("get", "modelrec", name, "-o", "json").stdout)
            return [d["name"] for d in stored["spec"].get("decisions", []) if d.get("withdrawnAt")]

        wait_until(lambda: withdrawn() == ["live-victor"], "its withdrawal to be recorded")
    finally:
        site.operator.process.kill()
        site.operator.process.wait()
    done = patch(site, "modelrec", name, {"spec": {"decisions": None}})
    assert done.returncode != 0 and "(Forbidden)" in done.stderr, done


def test_a_published_version_stays_as_it_is(site):
    for change in ({"metadata": {"finalizers": None}}, {"spec": {"measures": []}}):
        done = site.cluster.run("patch", "govpol", "published", "--type=merge", "-p",
                                json.dumps(change), check=False)  # fmt: skip
        assert done.returncode != 0


def test_an_alarm_is_raised_and_stays(site):
    site.apply(s.incident("fire", "live"), user=account(site, DANA))
    done = site.cluster.run("delete", "incident", "fire", "-n", HOME, check=False)
    assert done.returncode != 0 and "closed, not deleted" in done.stderr
    assert not gone(site, "incident", "fire", "-n", HOME)


def test_deletions_and_finalizers_of_what_is_deleted_go_through(site):
    site.cluster.run("delete", "biastest", "live-fair", "-n", HOME)
    site.cluster.run("delete", "mdeploy", "finalized", "-n", DEV, "--wait=false")
    done = patch(site, "mdeploy", "finalized", {"metadata": {"finalizers": None}}, namespace=DEV)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: gone(site, "mdeploy", "finalized", "-n", DEV), "it to be gone")


@pytest.mark.parametrize("namespace", [PROD, HOME])
def test_a_namespace_goes_with_all_that_is_in_it(site, namespace):
    site.cluster.run("delete", "namespace", namespace, "--timeout=90s")


def test_what_a_new_start_needs_is_written_without_us(site):
    run = site.cluster.run
    run("rollout", "restart", "deployment/countersign-webhook", "deployment/countersign-operator",
        "-n", SYSTEM)  # fmt: skip
    run("delete", "pods", "--all", "-n", SYSTEM, "--timeout=60s")
    for program in ("countersign-webhook", "countersign-operator"):
        run("rollout", "status", f"deployment/{program}", "-n", SYSTEM, "--timeout=90s")
    run("create", "secret", "generic", "tls", "-n", SYSTEM, "--from-literal=a=b")
    run("create", "configmap", "any", "-n", SYSTEM, "--from-literal=a=b")
    run("create", "-f", "-", input=json.dumps({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "any", "namespace": SYSTEM}, "spec": {}}))  # fmt: skip


def test_the_chart_upgrades_and_a_started_webhook_judges_again(site):
    site.point("service")
    site.helm("upgrade", "release", CHART, "--reuse-values", "--set", "webhook.replicas=3")
    site.point()
    site.start_webhook()
    bare = s.deployment("bare", DEV, model="bare", case="nowhere")

    def judged():
        done = site.apply(bare, user=account(site, DANA), check=False)
        return "failed calling webhook" not in done.stderr and (
            "[" in done.stderr or done.returncode == 0)  # fmt: skip

    wait_until(judged, "the webhook to be asked again")
    site.webhook.process.kill()
    site.webhook.process.wait()


def test_uninstalling_works_and_leaves_nothing_that_refuses(site):
    site.helm("uninstall", "release", "--wait", "--timeout", "60s")
    after = {**s.use_case(), "metadata": {"name": "after", "namespace": "default"}}
    wait_until(lambda: site.apply(after, check=False).returncode == 0, "a write that nobody judges")
    # The end for good, as the chart's page says: nobody is left who would take the finalizers off.
    names = site.cluster.run("get", "govpol", "-o", "name").stdout.split()
    assert names
    let_go = ("patch", *names, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    wait_until(lambda: site.cluster.run(*let_go, check=False).returncode == 0, "them to be let go")
    site.cluster.run("delete", "crd", "-l", "app.kubernetes.io/part-of=countersign",
                     "--timeout=90s")  # fmt: skip
    assert "countersign.dev" not in site.cluster.run("get", "crd", "-o", "name").stdout
    site.cluster.run("delete", "namespace", SYSTEM, "--timeout=90s")
