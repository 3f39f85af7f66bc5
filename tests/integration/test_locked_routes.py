"""What only requesters change in a locked environment: each kind that the lock is asked about, by the real
API server. CRDs of other stacks are minimal ones of our own writing."""

import json

import pytest
import samples as s
from lending import account
from test_guard import TABLE, crd
from world import ROOT, Installation, wait_until

LOCKED = "vault"
RELEASE = ("robin", ["release-robots"])
BUILT_IN = ("", "apps", "autoscaling", "batch", "discovery.k8s.io", "networking.k8s.io")

# Groups of which everything is locked, and kinds that they have, or had.
WHOLE = {
    "agentgateway.dev": ["agentgatewaybackends", "agentgatewaypolicies"],
    "aigateway.envoyproxy.io": ["aigatewayroutes", "aiservicebackends", "backendsecuritypolicies"],
    "apisix.apache.org": ["apisixroutes", "apisixupstreams", "apisixpluginconfigs"],
    "extensions.istio.io": ["wasmplugins"],
    "gateway.envoyproxy.io": ["backends", "backendtrafficpolicies", "envoyextensionpolicies",
                              "envoypatchpolicies", "httproutefilters"],
    "gateway.kgateway.dev": ["backends", "trafficpolicies"],
    "gateway.networking.k8s.io": ["gateways", "httproutes", "grpcroutes", "tcproutes", "tlsroutes",
                                  "udproutes", "backendtlspolicies", "listenersets",
                                  "referencegrants"],
    "gateway.networking.x-k8s.io": ["xlistenersets", "xbackendtrafficpolicies"],
    "gateway.nginx.org": ["snippetsfilters", "upstreamsettingspolicies"],
    "gateway.solo.io": ["virtualservices", "routetables"],
    "getambassador.io": ["mappings", "tcpmappings", "hosts"],
    "inference.networking.k8s.io": ["inferencepools"],
    "inference.networking.x-k8s.io": ["inferencepools", "inferencemodels", "inferenceobjectives",
                                      "inferencemodelrewrites"],
    "k8s.nginx.org": ["virtualservers", "virtualserverroutes", "transportservers"],
    "networking.istio.io": ["virtualservices", "destinationrules", "serviceentries", "envoyfilters",
                            "workloadentries", "gateways", "sidecars", "workloadgroups"],
    "projectcontour.io": ["httpproxies", "extensionservices"],
    "route.openshift.io": ["routes"],
    "specs.smi-spec.io": ["httproutegroups"],
    "split.smi-spec.io": ["trafficsplits"],
    "traefik.containo.us": ["ingressroutes"],
    "traefik.io": ["ingressroutes", "ingressroutetcps", "ingressrouteudps", "traefikservices",
                   "middlewares", "serverstransports"],
}  # fmt: skip
# Groups of which only these are: the rest, controllers write all the time.
SOME = {
    "": ["services", "endpoints"],
    "autoscaling": ["horizontalpodautoscalers"],
    "cilium.io": ["ciliumenvoyconfigs", "ciliumlocalredirectpolicies"],
    "configuration.konghq.com": ["kongingresses", "kongplugins", "kongpluginbindings", "kongroutes",
                                 "kongservices", "kongtargets", "kongupstreams",
                                 "kongupstreampolicies", "tcpingresses", "udpingresses"],
    "discovery.k8s.io": ["endpointslices"],
    "incubator.ingress-controller.konghq.com": ["kongservicefacades"],
    "kuma.io": ["meshhttproutes", "meshtcproutes", "meshproxypatches"],
    "linkerd.io": ["serviceprofiles"],
    "networking.internal.knative.dev": ["ingresses", "serverlessservices"],
    "networking.k8s.io": ["ingresses"],
    "policy.linkerd.io": ["httproutes"],
    "serving.knative.dev": ["configurations", "domainmappings", "routes"],
    "workload.linkerd.io": ["externalworkloads"],
    # By which others run what they run.
    "mlops.seldon.io": ["servers", "serverconfigs"],
    "ray.io": ["rayclusters", "rayjobs"],
    "serving.kserve.io": ["servingruntimes", "llminferenceserviceconfigs"],
}  # fmt: skip
NOT_LOCKED = [("cilium.io", "ciliumendpoints"), ("kuma.io", "dataplanes")]


def meta(name):
    return {"name": name, "namespace": LOCKED}


def of_kubernetes(name):
    """Routes that need no CRD."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    service = {"service": {"name": "web", "port": {"number": 80}}}
    return {
        ("", "services"): {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}},
        ("", "endpoints"): {"apiVersion": "v1", "kind": "Endpoints"},
        ("discovery.k8s.io", "endpointslices"): {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "endpoints": []},
        ("networking.k8s.io", "ingresses"): {
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": {"defaultBackend": service}},
        ("autoscaling", "horizontalpodautoscalers"): {
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "spec": {"maxReplicas": 2, "scaleTargetRef": target}},
    }  # fmt: skip


def defined():
    """By group and plural: what needs a CRD, as a profile of the table has it."""
    kinds = {(p["group"], p["resource"]): p for p in TABLE["profiles"]}
    more = [(group, plural) for lists in (WHOLE, SOME) for group in lists for plural in lists[group]]
    for group, plural in more + NOT_LOCKED:
        kinds.setdefault((group, plural), {
            "group": group, "resource": plural, "kind": plural[:-1].capitalize(),
            "versions": ["v1"]})  # fmt: skip
    return {key: kind for key, kind in kinds.items() if key[0] not in BUILT_IN}


DEFINED = defined()
ROUTES = sorted(set(DEFINED) - set(NOT_LOCKED)) + sorted(of_kubernetes(""))
SCALED = sorted((p["group"], p["resource"]) for p in TABLE["profiles"] if p["group"] not in BUILT_IN)


def objects(name):
    made = [{"apiVersion": f"{group}/{kind['versions'][0]}", "kind": kind["kind"],
             "spec": {"replicas": 1}} for (group, _), kind in DEFINED.items()]  # fmt: skip
    return [{**one, "metadata": meta(name)} for one in [*made, *of_kubernetes(name).values()]]


class Tried:
    """What came of it that each was made by somebody, and by a requester, and then scaled."""

    def __init__(self, site):
        self.site = site
        self.robin = account(site, RELEASE)
        unknown = ("no matches for kind", "could not find the requested resource")

        def all_served():
            done = site.apply(*objects("theirs"), check=False)
            return done.stderr if not any(one in done.stderr for one in unknown) else None

        self.theirs = wait_until(all_served, "all kinds to be served", 60)
        self.ours = site.apply(*objects("ours"), user=self.robin, check=False)

    def scale(self, group, plural, user=None):
        return self.site.cluster.run(
            "patch", f"{plural}.{group}", "ours", "-n", LOCKED, "--subresource=scale", "--type=merge",
            "-p", json.dumps({"spec": {"replicas": 3}}), user=user, check=False)  # fmt: skip


@pytest.fixture(scope="module")
def tried():
    site = Installation()
    try:
        crds = [crd(kind) for kind in DEFINED.values()]
        for one in crds:
            one["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, of a test"}
            for version in one["spec"]["versions"]:
                version["subresources"]["status"] = {}
        site.apply(*crds)
        site.cluster.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        site.cluster.run("create", "namespace", LOCKED)
        site.cluster.run("create", "clusterrolebinding", "release", "--clusterrole=cluster-admin",
                         f"--group={RELEASE[1][0]}")  # fmt: skip
        policy = s.policy(name="vault")
        policy["spec"]["environments"] = [
            {"name": "vault", "namespaces": [LOCKED], "enforcement": "Warn",
             "locked": {"requesters": [{"kind": "Group", "name": RELEASE[1][0]}]}}]  # fmt: skip
        policy["spec"]["measures"] = []
        site.apply(policy)
        probe = of_kubernetes("probe")["", "services"] | {"metadata": meta("probe")}
        wait_until(lambda: site.apply(probe, check=False, dry_run=True).returncode != 0,
                   "the lock to take effect")  # fmt: skip
        yield Tried(site)
    finally:
        site.close()


def name_of(group, plural):
    return f"{plural}.{group}" if group else plural


def refusals_of(text, group, plural, name):
    return [line for line in text.splitlines()
            if f' {name_of(group, plural)} "{name}" is forbidden' in line]  # fmt: skip


@pytest.mark.parametrize("group, plural", ROUTES)
def test_by_a_requester_alone_it_is_made(tried, group, plural):
    (refused,) = refusals_of(tried.theirs, group, plural, "theirs")
    assert "environment 'vault' of policy 'vault' is locked" in refused
    assert refusals_of(tried.ours.stderr, group, plural, "ours") == []
    made = tried.site.cluster.run("get", name_of(group, plural), "ours", "-n", LOCKED, check=False)
    assert made.returncode == 0, tried.ours.stderr


@pytest.mark.parametrize("group, plural", SCALED)
def test_by_a_requester_alone_it_is_scaled(tried, group, plural):
    done = tried.scale(group, plural)
    assert done.returncode != 0 and "environment 'vault' of policy 'vault' is locked" in done.stderr
    assert "is locked" not in tried.scale(group, plural, tried.robin).stderr


@pytest.mark.parametrize("group, plural", NOT_LOCKED)
def test_what_controllers_write_for_each_pod_is_not_asked_about(tried, group, plural):
    assert refusals_of(tried.theirs, group, plural, "theirs") == []
    tried.site.cluster.run("get", name_of(group, plural), "theirs", "-n", LOCKED)


@pytest.mark.parametrize("group, plural", [("gateway.networking.k8s.io", "httproutes"),
                                           ("cilium.io", "ciliumenvoyconfigs")])  # fmt: skip
def test_its_controller_writes_the_status(tried, group, plural):
    done = tried.site.cluster.run(
        "patch", name_of(group, plural), "ours", "-n", LOCKED, "--subresource=status", "--type=merge",
        "-p", json.dumps({"status": {"parents": []}}), check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_lock_is_asked_about_these_and_nothing_else(tried):
    """A rule that is gone, or one that no row above tries, is seen here."""
    found = tried.site.cluster.run("get", "validatingadmissionpolicy", "countersign-locked-environments",
                                   "-o", "json").stdout  # fmt: skip
    asked = {}
    for rule in json.loads(found)["spec"]["matchConstraints"]["resourceRules"]:
        assert rule["scope"] == "Namespaced" and rule["apiVersions"] == ["*"]
        (group,) = rule["apiGroups"]
        operations = tuple(sorted(rule["operations"]))
        asked.setdefault(operations, set()).update((group, one) for one in rule["resources"])
    wanted = {(group, "*") for group in WHOLE}
    wanted |= {(group, one) for group, some in SOME.items() for one in some}
    for profile in TABLE["profiles"]:
        wanted |= {(profile["group"], profile["resource"] + more) for more in ("", "/scale")}
    wanted |= {("", "pods/ephemeralcontainers"), ("", "pods/resize")}
    ways_in = ("pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy")
    assert asked == {("CREATE", "UPDATE"): wanted, ("CONNECT",): {("", one) for one in ways_in}}


def test_the_page_names_every_group_that_is_locked_as_a_whole():
    page = (ROOT / "docs" / "shadow-deployments.md").read_text()
    said = page[page.index("### Routes"):page.index("## What is recognised")]
    assert [group for group in WHOLE if f"`{group}`" not in said] == []
