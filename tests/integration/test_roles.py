"""Roles for people, on a real API server: who may do what is what the page says, and no more."""

import functools
import json
import re

import controlplane
import pytest
from chart_site import CHART, ROOT, SYSTEM, helm, rendered

KINDS = {
    "GovernancePolicy": "governancepolicies", "UseCase": "usecases",
    "ModelDeployment": "modeldeployments", "`/scale`": "modeldeployments/scale",
    "SignOff": "signoffs", "reports": "biastests", "Waiver": "waivers", "Incident": "incidents",
    "any `/status`": "modeldeployments/status",
}  # fmt: skip
LETTERS = {"R": "get", "C": "create", "U": "update", "D": "delete"}
ROLES = ("viewer", "deployer", "developer", "approver", "policy-admin", "auditor")


@functools.cache
def allowed(role):
    """(group, resource, verb) that the chart's role grants."""
    rules = rendered()["ClusterRole", f"countersign-{role}"]["rules"]
    return {(group, resource, verb) for rule in rules for group in rule["apiGroups"]
            for resource in rule["resources"] for verb in rule["verbs"]}  # fmt: skip


def matrix():
    rows = ["| | " + " | ".join(ROLES) + " |", "| --- " * (len(ROLES) + 1) + "|"]
    for kind, resource in KINDS.items():
        cells = []
        for role in ROLES:
            may = allowed(role)
            cells.append("".join(letter for letter, verb in LETTERS.items()
                                 if ("countersign.dev", resource, verb) in may))  # fmt: skip
        rows.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def test_the_page_says_what_the_roles_grant():
    page = (ROOT / "docs" / "installation.md").read_text()
    (table,) = re.findall(r"<!-- matrix -->\n(.*?)\n<!-- /matrix -->", page, re.DOTALL)
    assert table == matrix()


def test_every_report_is_granted_alike():
    for role in ROLES:
        for verb in LETTERS.values():
            some = {("countersign.dev", resource, verb) in allowed(role) for resource in
                    ("biastests", "evidence", "reproducibilitysnapshots")}  # fmt: skip
            assert len(some) == 1, (role, verb)


@pytest.fixture(scope="module")
def cluster():
    cluster = controlplane.start()
    try:
        helm("install", "release", CHART, "-n", SYSTEM, "--create-namespace",
             kubeconfig=cluster.kubeconfig)  # fmt: skip
        cluster.run("create", "namespace", "team")
        for role in ROLES:
            cluster.run("create", "rolebinding", role, "-n", "team", f"--user={role}",
                        f"--clusterrole=countersign-{role}")  # fmt: skip
        cluster.run("create", "clusterrolebinding", "auditor", "--user=auditor",
                    "--clusterrole=countersign-auditor")  # fmt: skip
        cluster.run("create", "rolebinding", "owner", "-n", "team", "--user=owner",
                    "--clusterrole=admin")  # fmt: skip
        yield cluster
    finally:
        cluster.stop()


def may(cluster, user, namespace="team"):
    """(resource, verb) that the API server would let the user do in a namespace."""
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
              "spec": {"namespace": namespace}}  # fmt: skip
    done = cluster.run("create", "--validate=false", "-f", "-", "-o", "json",
                       input=json.dumps(review), user=cluster.user(user))  # fmt: skip
    status = json.loads(done.stdout)["status"]
    assert not status["incomplete"]
    return {(resource, verb) for rule in status["resourceRules"] for resource in rule["resources"]
            for verb in rule["verbs"]}  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_a_bound_role_does_what_it_says_and_no_more(cluster, role):
    granted = may(cluster, role)
    ours = {resource for resource, _ in granted if resource in KINDS.values()}
    for resource in ours:
        for verb in LETTERS.values():
            wanted = ("countersign.dev", resource, verb) in allowed(role)
            assert ((resource, verb) in granted) == wanted, (resource, verb)
    elsewhere = {pair for pair in may(cluster, role, "default") if pair[0] in KINDS.values()}
    assert role == "auditor" or not elsewhere
    assert not {pair for pair in granted if pair[0].endswith("/status")}
    assert not {pair for pair in granted if pair[0] in ("secrets", "*") or pair[1] == "*"}


def test_an_auditor_changes_nothing_and_sees_what_guards(cluster):
    granted = may(cluster, "auditor", "default")
    basic = {pair for pair in granted if pair[0].startswith("self")}  # what anybody may ask about themselves
    assert {verb for _, verb in granted - basic} == {"get", "list", "watch"}
    user = cluster.user("auditor")
    for kind in ("validatingwebhookconfigurations", "validatingadmissionpolicies", "crds",
                 "clusterroles", "deployments", "modeldeployments", "events.events.k8s.io"):  # fmt: skip
        cluster.run("get", kind, "-A", user=user)
    for kind in ("secrets", "configmaps"):
        assert cluster.run("get", kind, "-A", user=user, check=False).returncode != 0


def test_whoever_runs_a_namespace_is_no_approver(cluster):
    granted = wait_for_aggregation(cluster)
    assert ("modeldeployments", "create") in granted and ("signoffs", "get") in granted
    for resource, verb in (("signoffs", "create"), ("signoffs", "delete"), ("biastests", "delete"),
                           ("incidents", "delete"), ("governancepolicies", "create"),
                           ("modeldeployments/status", "update")):  # fmt: skip
        assert (resource, verb) not in granted
    # Nor can they make one of themselves.
    done = cluster.run("create", "rolebinding", "mine", "-n", "team", "--user=owner",
                       "--clusterrole=countersign-approver", user=cluster.user("owner"),
                       check=False)  # fmt: skip
    assert done.returncode != 0 and "attempting to grant RBAC permissions not currently held" in done.stderr


def wait_for_aggregation(cluster):
    """The controller manager adds our roles to `admin` after they are there."""
    return controlplane.wait_until(
        lambda: (granted := may(cluster, "owner")) and ("modeldeployments", "create") in granted
        and granted, "the aggregated roles")  # fmt: skip
