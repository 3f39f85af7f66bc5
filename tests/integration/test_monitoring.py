"""Alert rules and dashboard, with the real promtool and a real Prometheus that scrapes the programs."""

import json
import pathlib
import re
import shutil
import subprocess
import urllib.parse
import urllib.request

import controlplane
import pytest
import samples as s
import yaml
from chart_site import CHART, SYSTEM, rendered
from exposition import check_counters
from samples import DANA, DEV, HOME, PROD, VERA
from world import ROOT, Installation, wait_until

RULES = CHART / "monitoring" / "alerts.yaml"
DASHBOARD = CHART / "monitoring" / "dashboard.json"
RUNBOOKS = ROOT / "docs" / "operations"
BASE = "https://countersign.dev/docs/operations"

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="no prometheus and promtool in PATH: scripts/packages.sh installs them")  # fmt: skip


def alerts():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def panels():
    return [p for p in json.loads(DASHBOARD.read_text())["panels"] if p["type"] != "row"]


def dashboard_queries():
    """(panel, query) with the variables that Grafana fills in."""
    return [(panel["title"], target["expr"].replace("$__rate_interval", "1m").replace("$__range", "1h"))
            for panel in panels() for target in panel["targets"]]  # fmt: skip


def promtool(*arguments):
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)


@needs_prometheus
def test_promtool_finds_nothing_wrong_with_the_rules():
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_prometheus
def test_alerts_fire_when_they_should_and_not_otherwise(tmp_path):
    # promtool compares annotations with their values filled in; here it is about when, not about words.
    rules = yaml.safe_load(RULES.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("annotations")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    cases = shutil.copy(ROOT / "tests" / "monitoring" / "alerts_test.yaml", tmp_path)
    done = promtool("test", "rules", cases)
    assert done.returncode == 0, done.stdout + done.stderr
    fires, silent = set(), set()
    for case in yaml.safe_load(pathlib.Path(cases).read_text())["tests"]:
        for rule in case["alert_rule_test"]:
            (fires if rule.get("exp_alerts") else silent).add(rule["alertname"])
    assert fires == silent == set(alerts()), "each alert has a case in which it fires, and one not"


def test_each_alert_leads_to_a_page_that_says_what_to_do():
    page = (RUNBOOKS / "alerts.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(alerts()), "sections of docs/operations/alerts.md, and alerts"
    for name, alert in alerts().items():
        assert alert["annotations"]["runbook_url"] == f"{BASE}/alerts.md#{name.lower()}"
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
        assert alert["labels"]["severity"] in ("critical", "warning", "info")
        assert len(sections[name].split()) > 25, f"{name}: says too little"


def test_the_chart_ships_both_where_asked_and_links_to_pages_of_ones_own():
    assert not {kind for kind, _ in rendered()} & {"PrometheusRule", "ServiceMonitor"}
    objects = rendered("--set", "metrics.rules.enabled=true,metrics.dashboard.enabled=true,"
                       "metrics.rules.runbooks=https://wiki.bank.example/cs,"
                       "metrics.rules.labels.release=prom")  # fmt: skip
    rule = objects["PrometheusRule", "countersign"]
    assert rule["metadata"]["labels"]["release"] == "prom" and rule["metadata"]["namespace"] == SYSTEM
    expected = yaml.safe_load(RULES.read_text().replace(BASE, "https://wiki.bank.example/cs"))
    assert rule["spec"]["groups"] == expected["groups"]
    dashboard = objects["ConfigMap", "countersign-dashboard"]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(dashboard["data"]["countersign.json"]) == json.loads(DASHBOARD.read_text())


@pytest.mark.parametrize(("timeout", "slow"), [(1, 0.5), (2, 1), (5, 2.5), (30, 2.5)])
def test_slow_is_judged_by_the_patience_of_the_api_server(timeout, slow):
    objects = rendered("--set", f"metrics.rules.enabled=true,webhook.timeoutSeconds={timeout}")
    groups = objects["PrometheusRule", "countersign"]["spec"]["groups"]
    (alert,) = [r for g in groups for r in g["rules"] if r.get("alert") == "CountersignWebhookSlow"]
    assert float(alert["expr"].rsplit(">", 1)[1]) == slow
    assert f"waits for {timeout} s" in alert["annotations"]["description"]


class Prometheus:
    """A real one, with the rules, that scrapes `targets` (job to port) each second."""

    def __init__(self, folder, targets):
        self.port = controlplane.free_port()
        folder.mkdir()
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
                for job, port in targets.items()
            ],
        }
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder / 'prometheus.yaml'}",
                 f"--storage.tsdb.path={folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                stdout=log, stderr=log, preexec_fn=controlplane._die_with_parent)  # fmt: skip
        wait_until(self._ready, "Prometheus to be ready")

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def ask(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}"
        try:
            with urllib.request.urlopen(url, timeout=20) as response:
                return json.load(response)
        except urllib.error.HTTPError as e:
            return json.load(e)

    def value(self, query):
        """Of the first series, or None."""
        result = self.ask("query", query=query)["data"]["result"]
        return float(result[0]["value"][1]) if result else None

    def state(self, alert):
        """inactive, pending or firing"""
        return self.rules()[alert]["state"]

    def rules(self):
        groups = self.ask("rules", type="alert")["data"]["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def site():
    site = Installation()
    try:
        site.start_operator("--webhook-url", f"https://127.0.0.1:{site.port}",
                            "--operator-user", "countersign-operator")  # fmt: skip
        for namespace in (HOME, DEV, PROD):
            site.cluster.run("create", "namespace", namespace)
        site.cluster.run("create", "clusterrolebinding", "approvers",
                         "--clusterrole=countersign-approver", "--group=model-risk")  # fmt: skip
        exercise(site)
        yield site
    finally:
        site.close()


def exercise(site):
    """What makes each of the counters count."""
    case = s.use_case()
    told = {"name": "tidy", "step": "Deployment", "accountable": "ml-engineer",
            "applies": {"environments": ["dev"]}, "enforcement": "Warn",
            "require": {"evidence": {"type": "Tidiness", "artifacts": ["report"],
                                     "issuers": [{"kind": "Group", "name": "sre"}]}}}  # fmt: skip
    site.apply(s.policy({"measures": [*s.policy()["spec"]["measures"], told]}), case)
    site.apply(s.answers_sign_off(case), user=site.cluster.user(*VERA))
    site.apply(s.deployment(namespace=DEV))
    assert site.apply(s.deployment(), check=False).returncode != 0
    assert site.apply(s.deployment(), check=False, dry_run=True).returncode != 0
    assert site.apply(s.snapshot(), user=site.cluster.user(*DANA), check=False).returncode != 0
    site.post("/nowhere", b"{}")
    site.post("/validate/v1", b"no json")


@pytest.fixture(scope="module")
def prometheus(site, tmp_path_factory):
    site.operator.await_log("answering probes")
    operator_port = site.operator.field("answering probes", "port")
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus") / "it", {
        "countersign-webhook": site.probe_port, "countersign-operator": operator_port})  # fmt: skip
    wait_until(lambda: prometheus.value("sum(up)") == 2, "both to be scraped")
    # Two scrapes at least, for rates.
    wait_until(lambda: (prometheus.value("min(count_over_time(up[1m]))") or 0) > 3, "some scrapes")
    yield prometheus
    prometheus.stop()


def operator_metrics(site):
    site.operator.await_log("answering probes")
    port = site.operator.field("answering probes", "port")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        return response.read().decode()


def test_series_are_few_after_everything_was_exercised(site):
    for program, text in {"webhook": site.metrics(), "operator": operator_metrics(site)}.items():
        check_counters(text)
        series = sum(not line.startswith("#") for line in text.splitlines())
        assert 50 < series <= 300, f"{program}: {series}"


SELECTOR = re.compile(r"(countersign_\w+|up)(?:\{([^}]*)\})?")


def selectors(query):
    """(metric, labels) of a query, labels of selectors and of `by` alike."""
    by = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", query))))
    for name, inner in SELECTOR.findall(query):
        yield name, set(re.findall(r"(\w+)\s*=", inner)) | by


def all_queries():
    return [(name, rule["expr"]) for name, rule in alerts().items()] + dashboard_queries()


@needs_prometheus
def test_queries_are_about_what_is_exposed(prometheus):
    for where, query in all_queries():
        assert prometheus.ask("format_query", query=query)["status"] == "success", (where, query)
        found = list(selectors(query))
        assert found, f"{where}: is about nothing: {query}"
        for name, labels in found:
            series = prometheus.ask("series", **{"match[]": name})["data"]
            assert series, f"{where}: nothing exposes {name}"
            unknown = labels - set().union(*series)
            assert not unknown, f"{where}: {name} has no label {unknown}"


@needs_prometheus
def test_panels_show_something(prometheus):
    for where, query in dashboard_queries():
        answer = prometheus.ask("query", query=query)
        assert answer["status"] == "success", (where, query, answer)
        assert answer["data"]["result"], f"{where}: {query} shows nothing"


@needs_prometheus
def test_rules_are_evaluated_and_a_healthy_installation_alarms_nobody(prometheus):
    wait_until(lambda: all(rule["health"] == "ok" for rule in prometheus.rules().values()),
               "all rules to be evaluated")  # fmt: skip
    assert set(prometheus.rules()) == set(alerts())
    active = {name for name, rule in prometheus.rules().items() if rule["state"] != "inactive"}
    assert active == set(), active


@needs_prometheus
def test_outages_are_noticed(site, prometheus):
    """Last: it ends both programs."""
    site.operator.process.kill()
    wait_until(lambda: prometheus.state("CountersignNoLeader") == "pending", "the operator's loss")
    assert prometheus.state("CountersignWebhookUnavailable") == "inactive"
    site.webhook.process.kill()
    wait_until(lambda: prometheus.state("CountersignWebhookUnavailable") == "pending",
               "the webhook's loss")  # fmt: skip
    wait_until(lambda: prometheus.state("CountersignWebhookReplicaNotReady") == "pending",
               "the replica's loss")  # fmt: skip
    (alert,) = prometheus.rules()["CountersignWebhookUnavailable"]["alerts"]
    assert alert["annotations"]["runbook_url"].endswith("#countersignwebhookunavailable")
