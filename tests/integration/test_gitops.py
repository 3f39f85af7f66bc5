"""What Argo CD, Flux and Helm read of our objects: health checks run by a Lua interpreter, and kstatus as
Helm's `--wait` has it."""

import datetime
import json
import pathlib
import re
import subprocess

import controlplane
import pytest
import samples as s
import yaml
from chart_site import ROOT, SYSTEM, ChartSite, helm, rendered
from lending import account, give_evidence, govern, named
from samples import DANA, HOME, PROD, QA
from world import wait_until

KINDS = sorted(yaml.safe_load(path.read_text())["spec"]["names"]["kind"]
               for path in (ROOT / "crds").glob("*.yaml"))  # fmt: skip


def lua(value):
    """A value as a Lua expression."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{lua(k)}] = {lua(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(lua(one) for one in value) + "}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nil"}[value]
    if isinstance(value, str):
        # Escapes by number: Lua has none of JSON's for characters beyond ASCII.
        return '"' + "".join(f"\\{byte:03}" for byte in value.encode()) + '"'
    return json.dumps(value)


def health(script, obj):
    """(status, message), with no more of Lua's libraries than Argo CD gives."""
    program = f"""
local check = assert(loadstring({lua(script)}))
setfenv(check, {{obj = {lua(obj)}, ipairs = ipairs, pairs = pairs, type = type, next = next,
                 tostring = tostring, tonumber = tonumber, table = table}})
local found = check()
io.write(found.status, "\\n", found.message or "")
"""
    done = subprocess.run(["lua5.1", "-"], input=program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tuple(done.stdout.split("\n", 1))


def checks():
    config = rendered("--set", "argocd.healthChecks=true")["ConfigMap", "countersign-argocd-health"]
    return {key.removeprefix("resource.customizations.health.countersign.dev_"): text
            for key, text in config["data"].items()}  # fmt: skip


def test_every_kind_has_a_health_check():
    assert sorted(checks()) == KINDS
    assert ("ConfigMap", "countersign-argocd-health") not in rendered()


def condition(kind, status, reason):
    return {"type": kind, "status": status, "reason": reason, "message": f"because of {reason}"}


READY = [condition("Governed", "True", "Approved"), condition("Ready", "True", "Serving")]
ROLLING = [condition("Ready", "False", "RollingOut"), condition("Reconciling", "True", "RollingOut")]
WAITING = [condition("Ready", "False", "AwaitingEvidence"),
           condition("Reconciling", "True", "AwaitingEvidence")]  # fmt: skip
HELD = [condition("Governed", "False", "SignOffMissing"), condition("Ready", "True", "Serving")]
STALLED = [condition("Ready", "False", "Suspended"), condition("Stalled", "True", "Suspended")]


@pytest.mark.parametrize("status, wanted", [
    (None, "Progressing"),
    ({}, "Progressing"),
    ({"observedGeneration": -1}, "Progressing"),
    ({"observedGeneration": 1, "conditions": READY}, "Progressing"),
    ({"observedGeneration": 2}, "Progressing"),
    ({"observedGeneration": 2, "conditions": READY}, "Healthy"),
    ({"observedGeneration": 2, "conditions": HELD}, "Healthy"),
    ({"observedGeneration": 2, "conditions": ROLLING}, "Progressing"),
    ({"observedGeneration": 2, "conditions": WAITING}, "Suspended"),
    ({"observedGeneration": 2, "conditions": STALLED}, "Degraded"),
    ({"observedGeneration": 2, "conditions": [condition("Ready", "Unknown", "X")]}, "Progressing"),
])  # fmt: skip
def test_health_is_what_the_conditions_say(status, wanted):
    obj = {"metadata": {"generation": 2}, **({} if status is None else {"status": status})}
    for kind, script in checks().items():
        assert health(script, obj)[0] == wanted, kind


def test_what_serves_although_it_is_allowed_no_more_says_so():
    obj = {"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "conditions": HELD}}
    assert health(checks()["ModelDeployment"], obj) == (
        "Healthy", "serves, but is allowed no more: because of SignOffMissing")  # fmt: skip
    obj["status"]["conditions"] = READY
    assert health(checks()["ModelDeployment"], obj) == ("Healthy", "because of Serving")


class Site(ChartSite):
    values = ("--set", "argocd.healthChecks=true")


@pytest.fixture(scope="module")
def site():
    site = Site(workloads=True, operator=True)
    try:
        govern(site)
        yield site
    finally:
        site.close()


def release(site, name, *objects):
    """A chart that holds these objects and nothing else."""
    chart = pathlib.Path(site.folder) / name
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
    (chart / "templates" / "all.yaml").write_text(yaml.safe_dump_all(objects))
    return chart


def install(site, chart, *, wait, check=True):
    return helm("install", chart.name, chart, "-n", PROD, "--wait=watcher", f"--timeout={wait}",
                kubeconfig=site.cluster.user(*DANA), check=check)  # fmt: skip


def let_helm_write(site):
    """Helm keeps its releases in Secrets."""
    site.cluster.run("create", "rolebinding", "helm", "-n", PROD, "--clusterrole=edit", "--user=dana")


def stored(site, kind, name, namespace):
    return json.loads(site.cluster.run("get", kind, name, "-n", namespace, "-o", "json").stdout)


def settled(site, kind, name, namespace):
    def look():
        found = stored(site, kind, name, namespace)
        same = found["status"]["observedGeneration"] == found["metadata"]["generation"]
        return found if same else None

    return wait_until(look, f"the operator to look at {kind} {name}")


def test_kstatus_and_argo_agree_on_what_serves_waits_and_does_not_count(site):
    let_helm_write(site)
    model = named(give_evidence(site, "live", "live"), "live")
    install(site, release(site, "serving", model), wait="120s")
    found = stored(site, "mdeploy", "live", PROD)
    script = checks()["ModelDeployment"]
    assert health(script, found)[0] == "Healthy"

    waiting = s.deployment("waiting", QA, model="unknown", case="live")
    done = install(site, release(site, "waiting", waiting), wait="5s", check=False)
    assert done.returncode != 0 and "InProgress" in done.stderr, done.stderr
    status, message = health(script, settled(site, "mdeploy", "waiting", QA))
    assert status == "Suspended" and "no revision was approved yet" in message

    # Evidence that counts is Current, and what does not is Failed: nothing will change that.
    fair = settled(site, "biastest", "live-fair", HOME)
    assert health(checks()["BiasTest"], fair)[0] == "Healthy"
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
    short = s.waiver("short", case="live", patch={"expiresAt": ends.strftime("%Y-%m-%dT%H:%M:%SZ")})
    site.apply(short, user=account(site, DANA))
    check = checks()["Waiver"]
    wait_until(lambda: health(check, settled(site, "waiver", "short", HOME))[0] == "Degraded",
               "the waiver to be over")  # fmt: skip


def test_the_page_merges_the_health_checks_into_those_of_argo(site):
    page = (ROOT / "docs" / "gitops.md").read_text()
    (command,) = re.findall(r"```\n(kubectl patch configmap argocd-cm.*?)```", page, re.DOTALL)
    site.cluster.run("create", "namespace", "argocd")
    site.cluster.run("create", "configmap", "argocd-cm", "-n", "argocd", "--from-literal=url=x")
    done = subprocess.run(["bash", "-ec", command], capture_output=True, text=True, env={
        "PATH": f"{controlplane.assets()}:/usr/bin:/bin", "KUBECONFIG": str(site.cluster.kubeconfig)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = stored(site, "configmap", "argocd-cm", "argocd")["data"]
    assert data["url"] == "x" and len(data) == len(KINDS) + 1
    made = stored(site, "configmap", "countersign-argocd-health", SYSTEM)["data"]
    assert made.items() <= data.items()
