"""charts/countersign: what it renders, and what a real API server makes of it."""

import base64
import json
import re
import subprocess

import controlplane
import pytest
import yaml
from chart_site import CHART, ROOT, SYSTEM, arguments_of, helm, installed, rendered
from cli import BIN

PROGRAMS = ("countersign-webhook", "countersign-operator")


def pod(objects, program):
    return objects["Deployment", program]["spec"]["template"]["spec"]


def test_lint_finds_nothing():
    done = helm("lint", CHART, "--strict")
    assert "0 chart(s) failed" in done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_pods_run_as_nobody_with_nothing(program):
    spec = pod(rendered(), program)
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]}}  # fmt: skip
    assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]
    assert all(mount["readOnly"] for mount in container["volumeMounts"])


@pytest.mark.parametrize("program", PROGRAMS)
def test_replicas_stay_apart_and_some_stay(program):
    objects = rendered()
    deployment = objects["Deployment", program]["spec"]
    assert deployment["replicas"] == 2
    labels = deployment["selector"]["matchLabels"]
    spec = pod(objects, program)
    assert spec["priorityClassName"] == "system-cluster-critical"
    (spread,) = spec["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == labels
    (apart,) = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert apart["podAffinityTerm"]["labelSelector"]["matchLabels"] == labels
    budget = objects["PodDisruptionBudget", program]["spec"]
    assert budget["selector"]["matchLabels"] == labels and budget["maxUnavailable"] == 1
    assert objects["NetworkPolicy", program]["spec"]["podSelector"]["matchLabels"] == labels


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_know_the_arguments_that_the_chart_gives_them(program):
    known = subprocess.run([BIN / program, "--help"], capture_output=True, text=True).stdout
    objects = rendered("--set", "tls.clientCaSecret=ca,tls.allowedClients={apiserver}",
                       "--set", "webhook.requireCredentialId=true")  # fmt: skip
    flags = [one.split("=")[0] for one in arguments_of(objects["Deployment", program])]
    assert flags and [flag for flag in flags if flag not in known] == []


def test_values_that_an_umbrella_chart_shares_with_all_its_parts_are_taken():
    shared = rendered("--set", "global.imageRegistry=registry.example,global.team.name=platform")
    assert shared == rendered()


def test_what_countersign_install_prints_is_what_the_chart_installs():
    objects = rendered()
    for item in installed().values():
        if item["kind"] == "Namespace":
            continue  # helm makes it, or it is there
        mine = objects[item["kind"], item["metadata"]["name"]]
        for part in ("spec", "rules", "roleRef", "subjects"):
            assert mine.get(part) == item.get(part), (item["kind"], item["metadata"]["name"], part)
        for theirs, own in zip(item.get("webhooks", []), mine.get("webhooks", []), strict=True):
            assert own == theirs and "caBundle" not in own["clientConfig"]


def test_the_certificate_is_for_the_service_and_signed_by_what_the_api_server_trusts(tmp_path):
    objects = rendered("--set", "tls.source=Helm")
    data = objects["Secret", "countersign-webhook-tls"]["data"]
    for name, text in data.items():
        (tmp_path / name).write_bytes(base64.b64decode(text))
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        webhooks = objects[kind, "countersign"]["webhooks"]
        assert {one["clientConfig"]["caBundle"] for one in webhooks} == {data["ca.crt"]}
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", tmp_path / "ca.crt", "-purpose", "sslserver",
         "-verify_hostname", f"countersign-webhook.{SYSTEM}.svc", tmp_path / "tls.crt"],
        capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr


def authority_roles(objects):
    return sorted(key for key in objects if key[1].endswith("-ca"))


def test_the_built_in_authority_comes_with_its_rights_and_nothing_else_has_them():
    objects = rendered()
    assert [kind for kind, _ in authority_roles(objects)] == [
        "ClusterRole", "ClusterRole", "ClusterRoleBinding", "ClusterRoleBinding",
        "Role", "Role", "RoleBinding", "RoleBinding"]  # fmt: skip
    for name in ("countersign-webhook-ca", "countersign-operator-ca"):
        for rule in objects["ClusterRole", name]["rules"] + objects["Role", name]["rules"]:
            # Nothing of anybody else: names, but for what is to be created.
            assert rule.get("resourceNames") in (["countersign"], ["countersign-webhook-ca"]) or \
                rule["verbs"] == ["create"]  # fmt: skip
    spec = pod(objects, "countersign-webhook")
    assert [volume["name"] for volume in spec["volumes"]] == ["stamp"]
    for source in ("Helm", "CertManager"):
        others = rendered("--set", f"tls.source={source}")
        assert authority_roles(others) == []
        for program in PROGRAMS:
            assert not any("--ca-secret" in one
                           for one in arguments_of(others["Deployment", program]))  # fmt: skip


def test_cert_manager_issues_and_injects():
    objects = rendered("--set", "tls.source=CertManager")
    assert ("Secret", "countersign-webhook-tls") not in objects
    certificate = objects["Certificate", "countersign-webhook"]["spec"]
    assert certificate["secretName"] == "countersign-webhook-tls"
    assert f"countersign-webhook.{SYSTEM}.svc" in certificate["dnsNames"]
    # Signed by a key that stays: what is trusted does not change with each certificate.
    assert certificate["issuerRef"]["name"] == "countersign-webhook"
    root = objects["Certificate", "countersign-webhook-root"]["spec"]
    assert objects["Issuer", "countersign-webhook"]["spec"] == {"ca": {"secretName": root["secretName"]}}
    assert root["isCA"] is True and root["privateKey"]["rotationPolicy"] == "Never"
    assert root["secretName"] not in (certificate["secretName"], "countersign-webhook-ca")
    assert objects["Issuer", root["issuerRef"]["name"]]["spec"] == {"selfSigned": {}}
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        own = objects[kind, "countersign"]
        assert not any("caBundle" in one["clientConfig"] for one in own["webhooks"])
        assert own["metadata"]["annotations"]["cert-manager.io/inject-ca-from"] == \
            f"{SYSTEM}/countersign-webhook"  # fmt: skip
    named = rendered("--set", "tls.source=CertManager,tls.certManager.issuerRef.name=corp,"
                     "tls.certManager.issuerRef.kind=ClusterIssuer")  # fmt: skip
    assert not any(kind == "Issuer" for kind, _ in named)
    assert [name for kind, name in named if kind == "Certificate"] == ["countersign-webhook"]
    assert named["Certificate", "countersign-webhook"]["spec"]["issuerRef"]["kind"] == "ClusterIssuer"


@pytest.mark.parametrize("setting, complaint", [
    ("webhook.replicas=0", "/webhook/replicas"),
    ("webhook.failurePolicy=Perhaps", "/webhook/failurePolicy"),
    ("image.digest=latest", "/image/digest"),
    ("tls.source=Secret", "/tls"),
    ("tls.builtIn.leafLifetime=never", "/tls/builtIn/leafLifetime"),
    ("installation=Not A Name", "/installation"),
    ("webhok.replicas=2", "webhok"),
    ("operator.replicas=0", "/operator/replicas"),
    ("webhook.drainSeconds=0", "/webhook/drainSeconds"),
    ("guard.trustedControllers={*}", "/guard/trustedControllers/0"),
    ("guard.trustedControllers={system:serviceaccounts:kserve}", "/guard/trustedControllers/0"),
    ("webhook.extraArgs={--workers,4}", "/webhook/extraArgs/1"),
    # What fits alone and not together, or is refused by a program alone.
    ("tls.allowedClients={apiserver}", "tls.allowedClients needs tls.clientCaSecret"),
    ("tls.builtIn.leafLifetime=900d,tls.builtIn.authorityLifetime=1d",
     "tls.builtIn.leafLifetime (900d) must be at most tls.builtIn.authorityLifetime (1d)"),
    ("podDisruptionBudget.maxUnavailable=2,operator.replicas=3", "must be less than webhook.replicas (2)"),
    ("podDisruptionBudget.maxUnavailable=2,webhook.replicas=3", "must be less than operator.replicas (2)"),
    ("tls.source=Helm,tls.validDays=10,tls.renewBeforeDays=90",
     "tls.renewBeforeDays (90) must be less than tls.validDays (10)"),
    ("tls.source=CertManager,tls.certManager.renewBefore=3000h",
     "tls.certManager.renewBefore (3000h) must be less than tls.certManager.duration"),
    ("tls.source=CertManager,tls.certManager.duration=59m59s,tls.certManager.renewBefore=30m",
     "tls.certManager.duration (59m59s) must be at least 1h"),
    ("tls.source=CertManager,tls.certManager.renewBefore=4m59s",
     "tls.certManager.renewBefore (4m59s) at least 5m"),
    ("tls.source=CertManager,tls.certManager.duration=90d", "/tls/certManager/duration"),
    ("guard.trustedControllers={kserve}", "guard.trustedControllers[0] must be an account"),
    ("networkPolicy.apiServerCidrs={10.0.0.0/33}", "/networkPolicy/apiServerCidrs/0"),
    ("networkPolicy.apiServerCidrs={999.1.1.1/8}", "/networkPolicy/apiServerCidrs/0"),
    ("networkPolicy.apiServerCidrs={10.0.0.0/8,10.1.1.1/8}",
     "networkPolicy.apiServerCidrs[1] (10.1.1.1/8) has bits beyond its prefix"),
    ("networkPolicy.apiServerCidrs={192.0.2.130/25}", "has bits beyond its prefix"),
    ("networkPolicy.apiServerCidrs={fd00::1/64}", "(fd00::1/64) has bits beyond its prefix"),
    ("networkPolicy.apiServerCidrs={2001:db8:8000::/32}", "has bits beyond its prefix"),
    ("networkPolicy.apiServerCidrs={fd00:10:96:ffff:ffff:ffff:ffff:fffe/126}", "has bits beyond its prefix"),
    ("networkPolicy.apiServerCidrs={fd00:10:96/64}", "is no network of IPv6"),
    ("networkPolicy.apiServerCidrs={fd00::10::/64}", "is no network of IPv6"),
    ("webhook.nodeSelector.a=true", "/webhook/nodeSelector/a"),
    ("operator.nodeSelector.a=1", "/operator/nodeSelector/a"),
    ("webhook.extraArgs={--listen=127.0.0.1:1}", "webhook.extraArgs has --listen, which the chart gives itself"),
    ("operator.extraArgs={--ca-secret=a/b}", "operator.extraArgs has --ca-secret"),
    ("operator.extraArgs={--no-leader-elect}", "operator.extraArgs has --no-leader-elect: two operators"),
    ("operator.extraArgs={--leader-elect=false}", "operator.extraArgs has --leader-elect=false: two operators"),
    ("operator.extraArgs={--operator-user=mallory}", "operator.extraArgs has --operator-user=mallory: the operator"),
])  # fmt: skip
def test_values_that_make_no_sense_are_refused(setting, complaint):
    done = helm("template", "release", CHART, "--set", setting, check=False)
    assert done.returncode != 0 and complaint in done.stderr


def test_no_value_that_has_a_default_may_be_null():
    """Helm takes a default away for it: a flag without its value takes the next one for it."""
    values = dict(values_of(yaml.safe_load((CHART / "values.yaml").read_text())))
    paths = [path for path, default in values.items()
             if default not in ("", [], {}) and path != "priorityClassName"]  # fmt: skip
    assert {"installation", "operator.workers", "webhook.drainSeconds", "crds.keep", "tls.source"} <= set(paths)
    for path in [*paths, *{path.split(".")[0] for path in paths if "." in path}]:
        done = helm("template", "release", CHART, "--set", f"{path}=null", check=False)
        assert done.returncode != 0 and f"missing property '{path.split('.')[-1]}'" in done.stderr, (path, done.stderr)
    # None of what is empty is rendered without its value.
    empty = ",".join(f"{path}=null" for path, default in values.items() if default in ("", []))
    for program in PROGRAMS:
        assert not [one for one in arguments_of(rendered("--set", empty)["Deployment", program]) if one.endswith("=")]


def test_every_network_that_is_one_may_be_given():
    networks = ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.128/25", "192.0.2.130/31", "255.255.255.255/32",
                "2001:db8::/32", "::/0", "::1/128", "fd00:10:96::/112", "2001:DB8:8000::/33",
                "fd00:1:2:3:4:5:6:fffe/127"]  # fmt: skip
    objects = rendered("--set", f"networkPolicy.apiServerCidrs={{{','.join(networks)}}}")
    first = objects["NetworkPolicy", "countersign-webhook"]["spec"]["ingress"][0]
    assert [one["ipBlock"]["cidr"] for one in first["from"]] == networks


@pytest.mark.parametrize("text, complaint", [
    ("-----BEGIN CERTIFICATE-----\nYWJj\n", "1 begin, 0 are whole certificates"),
    ("-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n", "malformed certificate"),
])  # fmt: skip
def test_an_authority_that_is_none_is_refused(tmp_path, text, complaint):
    (tmp_path / "ca.crt").write_text(text)
    done = helm("template", "release", CHART, "--set", "tls.source=Secret,tls.existingSecret=own",
                "--set-file", f"tls.caBundle={tmp_path / 'ca.crt'}", check=False)  # fmt: skip
    assert done.returncode != 0 and "tls.caBundle" in done.stderr and complaint in done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_flag_of_the_charts_own_is_refused_as_an_extra_one(program):
    """A program ends at a flag that is there twice."""
    text = (CHART / "templates" / "_arguments.tpl").read_text()
    name = program.removeprefix("countersign-")
    (own,) = re.findall(rf'define "countersign.{name}Arguments".*?define|'
                        rf'define "countersign.{name}Arguments".*', text, re.DOTALL)  # fmt: skip
    checks = (CHART / "templates" / "checks.yaml").read_text()
    (refused,) = re.findall(rf'"{name}" \(list ([^)]*)\)', checks)
    assert set(re.findall(r"--([a-z][-a-z]*)", own)) <= set(re.findall(r'"([^"]+)"', refused))
    # And one that is not the chart's own reaches the program.
    extra = {"webhook": "--workers=2", "operator": "--verbose"}[name]
    given = arguments_of(rendered("--set", f"{name}.extraArgs={{{extra}}}")["Deployment", program])
    assert given[-1] == extra and len(given) == len({one.split("=")[0] for one in given})


def test_what_is_rendered_without_a_cluster_is_the_same_each_time():
    """Argo CD renders for each sync: with a new stamp key all evidence would be worthless."""
    assert rendered() == rendered()
    assert ("Secret", "countersign-stamp-key") not in rendered()
    for program in PROGRAMS:
        (stamp,) = [v for v in pod(rendered(), program)["volumes"] if v["name"] == "stamp"]
        assert stamp["secret"]["secretName"] == "countersign-stamp-key"


def test_metrics_are_found_by_the_prometheus_operator():
    objects = rendered("--set", "metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.interval=15s,"
                       "metrics.serviceMonitor.labels.release=prom")  # fmt: skip
    monitor = objects["ServiceMonitor", "countersign"]
    assert monitor["metadata"]["namespace"] == SYSTEM
    assert monitor["metadata"]["labels"]["release"] == "prom"
    spec = monitor["spec"]
    assert spec["endpoints"] == [{"port": "probes", "path": "/metrics", "interval": "15s"}]
    names, instances = spec["selector"]["matchExpressions"]
    for program in PROGRAMS:
        service = objects["Service", program]
        labels = service["metadata"]["labels"]
        for wanted in (names, instances):
            assert wanted["operator"] == "In" and labels[wanted["key"]] in wanted["values"]
        (port,) = [p for p in service["spec"]["ports"] if p["name"] == "probes"]
        (container,) = pod(objects, program)["containers"]
        assert port["targetPort"] in [p["name"] for p in container["ports"]]


def test_a_quota_comes_with_a_class_of_the_systems_alone():
    quota = rendered()["ResourceQuota", "countersign-critical-pods"]["spec"]
    assert quota["hard"] == {"pods": "100"}
    assert quota["scopeSelector"]["matchExpressions"] == [
        {"scopeName": "PriorityClass", "operator": "In", "values": ["system-cluster-critical"]}]  # fmt: skip
    # kube-system may have such Pods anyway, and a quota there would count everybody's.
    for arguments in (("--set", "priorityClassName=ours"), ("--set", "priorityClassName="),
                      ("--set", "resourceQuota.enabled=false"), ("-n", "kube-system")):  # fmt: skip
        assert not [kind for kind, _ in rendered(*arguments) if kind == "ResourceQuota"], arguments


def test_an_image_is_named_by_digest_where_one_is_given():
    pinned = "sha256:" + "a" * 64
    spec = pod(rendered("--set", f"image.digest={pinned}"), "countersign-webhook")
    assert spec["containers"][0]["image"].endswith("@" + pinned)


def values_of(value, prefix=""):
    """Path and default of every value; resources and labels are one."""
    whole = ("webhook.resources", "operator.resources", "metrics.dashboard.labels")
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if isinstance(inner, dict) and inner and path not in whole:
            yield from values_of(inner, path + ".")
        else:
            yield path, inner


def test_every_value_is_described_with_its_default_and_nothing_else_is():
    values = dict(values_of(yaml.safe_load((CHART / "values.yaml").read_text())))
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) ?\|", (CHART / "README.md").read_text(), re.MULTILINE)
    assert [path for path, _ in rows if path not in values] == []
    assert len(rows) == len(dict(rows)) and set(dict(rows)) == set(values)
    for path, default in rows:
        if re.fullmatch(r"`[^`]*`", default):
            assert yaml.safe_load(default.strip("`")) == values[path], path
        else:  # in words, of what is empty or has several parts
            assert not values[path] or isinstance(values[path], (dict, list)), path


@pytest.fixture(scope="module")
def cluster():
    cluster = controlplane.start(workloads=False)
    yield cluster
    cluster.stop()


def secret(cluster, name):
    done = cluster.run("get", "secret", name, "-n", SYSTEM, "-o", "json")
    return json.loads(done.stdout)["data"]


def test_a_cluster_without_the_definitions_is_left_alone(cluster):
    """The API server would refuse every workload there, the chart's own too."""
    done = helm("install", "countersign", CHART, "-n", SYSTEM, "--create-namespace", "--set",
                "crds.enabled=false", kubeconfig=cluster.kubeconfig, check=False)  # fmt: skip
    assert done.returncode != 0 and "kubectl apply --server-side -f crds/" in done.stderr
    assert cluster.run("get", "validatingadmissionpolicy", "-o", "name").stdout == ""
    # Whoever renders without a cluster does not know what it knows; Argo CD passes it on.
    rendered("--set", "crds.enabled=false")
    done = helm("template", "release", CHART, "--set", "crds.enabled=false", "--api-versions",
                "apiregistration.k8s.io/v1", check=False)  # fmt: skip
    assert done.returncode != 0 and "does not know GovernancePolicies" in done.stderr
    rendered("--set", "crds.enabled=false", "--api-versions", "apiregistration.k8s.io/v1",
             "--api-versions", "countersign.dev/v1alpha1/GovernancePolicy")  # fmt: skip


def test_install_upgrade_and_uninstall_keep_what_evidence_rests_on(cluster):
    def run_helm(*arguments):
        return helm(*arguments, "-n", SYSTEM, kubeconfig=cluster.kubeconfig)

    run_helm("install", "countersign", CHART, "--create-namespace", "--set", "tls.source=Helm")
    cluster.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    key, tls = secret(cluster, "countersign-stamp-key"), secret(cluster, "countersign-webhook-tls")
    run_helm("upgrade", "countersign", CHART, "--set", "tls.source=Helm,webhook.replicas=3")
    assert secret(cluster, "countersign-stamp-key") == key
    assert secret(cluster, "countersign-webhook-tls") == tls
    # Close to its end a certificate is made anew, by a CA that is trusted beside the one before.
    run_helm("upgrade", "countersign", CHART, 
             "--set", "tls.source=Helm,tls.validDays=367,tls.renewBeforeDays=366")  # fmt: skip
    renewed = secret(cluster, "countersign-webhook-tls")
    assert renewed["tls.crt"] != tls["tls.crt"]
    bundle = base64.b64decode(renewed["ca.crt"]).decode()
    assert bundle.count("BEGIN CERTIFICATE") == 2
    assert base64.b64decode(tls["ca.crt"]).decode().strip() in bundle
    # At once, by what the runbook says: no value stays behind that would make one with each upgrade.
    (command,) = re.findall(r"`kubectl (annotate secret [^`]*countersign.dev/not-after-)`",
                            (ROOT / "docs/operations/certificates.md").read_text())  # fmt: skip
    cluster.run(*command.split())
    for changed in (True, False):
        before = secret(cluster, "countersign-webhook-tls")
        run_helm("upgrade", "countersign", CHART, "--reset-then-reuse-values", "--set",
                 "tls.validDays=365,tls.renewBeforeDays=90")  # fmt: skip
        assert (secret(cluster, "countersign-webhook-tls")["tls.crt"] != before["tls.crt"]) == changed
    run_helm("rollback", "countersign", "1")
    assert secret(cluster, "countersign-stamp-key") == key
    run_helm("uninstall", "countersign", "--wait")
    left = cluster.run("get", "crd", "-o", "name").stdout
    assert "governancepolicies.countersign.dev" in left
    assert secret(cluster, "countersign-stamp-key") == key
    # Nothing of ours stands in the way of anybody any more.
    for kind in ("validatingwebhookconfiguration", "mutatingwebhookconfiguration",
                 "validatingadmissionpolicy", "clusterrole"):  # fmt: skip
        names = cluster.run("get", kind, "-o", "name", "-l", "app.kubernetes.io/part-of=countersign")
        assert names.stdout == "", kind
    run_helm("install", "countersign", CHART)
    assert secret(cluster, "countersign-stamp-key") == key, "evidence from before counts on"



def test_helm_does_not_delete_the_definitions_unasked(cluster):
    def upgrade(crds, check=True):
        return helm("upgrade", "--install", "countersign", CHART, "-n", SYSTEM, "--create-namespace",
                    "--set", crds, kubeconfig=cluster.kubeconfig, check=check)  # fmt: skip

    upgrade("crds.keep=false")
    done = upgrade("crds.enabled=false", check=False)
    assert done.returncode != 0 and "crds.enabled=true,crds.keep=true first" in done.stderr
    upgrade("crds.keep=true")
    upgrade("crds.enabled=false")
    assert "governancepolicies.countersign.dev" in cluster.run("get", "crd", "-o", "name").stdout
