"""Every way in which the API server lets somebody write: judged alike, and refused alike."""

import hashlib
import json

import pytest
import samples as s
from lending import account, give_evidence, govern, named, refusal
from samples import DANA, HOME, PROD, VERA, VICTOR
from world import Installation, wait_until

API = "/apis/countersign.dev/v1alpha1"
RECORD = "sha256-" + "9" * 64
LOWER = {"spec": {"decision": {"threshold": "0.4"}}}  # what nobody has signed for


@pytest.fixture(scope="module")
def site():
    site = Installation(workloads=True)
    try:
        govern(site)
        site.apply(named(give_evidence(site, "live", "live"), "live"), user=account(site, DANA))
        site.apply(s.incident("alarm", "elsewhere"), s.report("live-load", "live", "live"),
                   s.waiver("live-waiver", "live", "live"))  # fmt: skip
        record = s.obj("ModelRecord", RECORD, "", {"digest": RECORD.replace("-", ":")})
        site.apply(record, user=site.operator_user)
        yield site
    finally:
        site.close()


def get(site, kind, name, namespace=PROD):
    return json.loads(site.cluster.run("get", kind, name, "-n", namespace, "-o", "json").stdout)


def write(site, verb, kind, name, change, namespace=PROD, subresource="", user=None):
    """Makes `change` (a merge patch) by a verb; gives what kubectl said."""
    more = [f"--subresource={subresource}"] if subresource else []
    where = [kind, name, "-n", namespace, *more]
    if verb == "replace":
        value = s.merged(get(site, kind, name, namespace), change)
        return site.cluster.run("replace", *more, "-f", "-", input=json.dumps(value), user=user,
                                check=False)  # fmt: skip
    if verb == "apply":
        found = get(site, kind, name, namespace)
        value = {key: found[key] for key in ("apiVersion", "kind")}
        value["metadata"] = {"name": name, "namespace": namespace}
        return site.cluster.run("apply", "--server-side", "--force-conflicts", *more, "-f", "-",
                                input=json.dumps(s.merged(value, change)), user=user,
                                check=False)  # fmt: skip
    body = change
    if verb == "json":
        # `add` replaces what is there.
        body = [{"op": "add", "path": "/" + "/".join(path), "value": value}
                for path, value in leaves(change)]  # fmt: skip
    return site.cluster.run("patch", *where, f"--type={verb}", "-p", json.dumps(body), user=user,
                            check=False)  # fmt: skip


def leaves(change, path=()):
    """Paths of the second level and what stands there: deep enough for what is there already."""
    for key, inner in change.items():
        if isinstance(inner, dict) and len(path) < 1:
            yield from leaves(inner, (*path, key))
        else:
            yield (*path, key.replace("~", "~0").replace("/", "~1")), inner


VERBS = ("json", "merge", "replace", "apply")


@pytest.mark.parametrize("verb", VERBS)
def test_a_model_that_nobody_signed_for_comes_in_by_no_verb(site, verb):
    before = get(site, "mdeploy", "live")["spec"]
    done = write(site, verb, "mdeploy", "live", LOWER, user=account(site, DANA))
    assert done.returncode != 0 and "[SignOffForOtherRevision]" in done.stderr, done
    assert get(site, "mdeploy", "live")["spec"] == before


def test_strategic_merge_is_not_known_for_custom_resources(site):
    before = get(site, "mdeploy", "live")["spec"]
    done = write(site, "strategic", "mdeploy", "live", LOWER, user=account(site, DANA))
    assert done.returncode != 0 and "is not supported by" in done.stderr
    assert get(site, "mdeploy", "live")["spec"] == before


def test_apply_that_creates_is_judged_as_creation(site):
    bare = json.dumps(s.deployment("bare", model="bare"))
    done = site.cluster.run("apply", "--server-side", "-f", "-", input=bare, check=False,
                            user=account(site, DANA))  # fmt: skip
    assert done.returncode != 0 and "admission.countersign.dev" in done.stderr
    assert "[" in done.stderr and "decision " in done.stderr
    assert site.cluster.run("get", "mdeploy", "bare", "-n", PROD, check=False).returncode != 0


@pytest.mark.parametrize("verb", VERBS)
def test_evidence_that_changes_is_refused_with_403_by_every_verb(site, verb):
    done = write(site, verb, "biastest", "live-fair", {"spec": {"protocol": "other"}}, HOME)
    assert done.returncode != 0 and "(Forbidden)" in done.stderr, done
    assert "evidence may not be changed once it is made" in done.stderr
    assert get(site, "biastest", "live-fair", HOME)["spec"]["protocol"] == "holdout"


@pytest.mark.parametrize("kind, name", [("signoff", "live-vera"), ("biastest", "live-fair"), ("waiver", "live-waiver"),
                                        ("incident", "alarm"), ("evidence", "live-load"),
                                        ("reproducibilitysnapshot", "live-snap")])
def test_nobody_has_the_garbage_collector_delete_evidence_or_a_finalizer_keep_it(site, kind, name):
    """Who may patch it, but not delete it: by an owner that is not there it would be gone in a second."""
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "11111111-2222-3333-4444-555555555555"}
    for change, why in (({"ownerReferences": [owner]}, "evidence belongs to no other object"),
                        ({"finalizers": ["tenant.example/keep"]}, "evidence has no finalizers")):
        for verb in VERBS:
            done = write(site, verb, kind, name, {"metadata": change}, HOME)
            assert done.returncode != 0 and "(Forbidden)" in done.stderr and why in done.stderr, done
        made = s.merged(get(site, kind, name, HOME), {"metadata": {"name": "another", "uid": None, **change}})
        for field in ("resourceVersion", "creationTimestamp", "managedFields", "generation", "annotations"):
            made["metadata"].pop(field, None)
        done = site.cluster.run("create", "-f", "-", input=json.dumps(made), check=False)
        assert done.returncode != 0 and why in done.stderr, done
    assert get(site, kind, name, HOME)["metadata"].get("deletionTimestamp") is None


def test_two_model_deployments_do_not_share_what_the_operator_makes(site):
    """Whoever knows how a dotted name is shortened calls another so."""
    dotted = named(give_evidence(site, "dotted", "dotted"), "a.b")
    site.apply(dotted, user=account(site, DANA))
    shortened = "m-a-b-" + hashlib.sha256(b"a.b").hexdigest()[:10]
    done = site.apply(named(dotted, shortened), user=account(site, DANA), check=False)
    assert done.returncode != 0 and "[ChildNameTaken]" in done.stderr, done
    assert f"named '{shortened}', as what it makes of ModelDeployment 'a.b'" in done.stderr, done
    site.cluster.run("delete", "mdeploy", "a.b", "-n", PROD)


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_takes_a_stamp_away_or_forges_one(site, verb):
    stamp = get(site, "signoff", "live-vera", HOME)["metadata"]["annotations"]
    for value in ("forged", None):
        if verb != "json" or value:
            write(site, verb, "signoff", "live-vera",
                  {"metadata": {"annotations": {"countersign.dev/stamp": value}}}, HOME)  # fmt: skip
        assert get(site, "signoff", "live-vera", HOME)["metadata"]["annotations"] == stamp


KINDS = [("mdeploy", "live", PROD), ("usecase", "live", HOME), ("signoff", "live-vera", HOME),
         ("biastest", "live-fair", HOME), ("repsnap", "live-snap", HOME), ("incident", "alarm", HOME),
         ("evidence", "live-load", HOME), ("waiver", "live-waiver", HOME),
         ("modelrecord", RECORD, ""), ("govpol", "lending", "")]  # fmt: skip


def test_kinds_are_all_there_are(site):
    listed = site.cluster.run("api-resources", "--api-group=countersign.dev", "-o", "name").stdout.split()
    short = site.cluster.run("api-resources", "--api-group=countersign.dev", "--no-headers").stdout
    assert len(listed) == len(KINDS)
    assert all(any(kind in line.lower() for kind, _, _ in KINDS) for line in short.splitlines())


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind, name, namespace", KINDS)
def test_status_is_written_by_the_operator_alone(site, verb, kind, name, namespace):
    status = {"status": {"observedGeneration": 7}}
    done = write(site, verb, kind, name, status, namespace, "status")
    assert done.returncode != 0 and "(Forbidden)" in done.stderr, done
    assert "status may be written by the operator alone" in done.stderr
    done = write(site, verb, kind, name, status, namespace, "status", site.operator_user)
    assert done.returncode == 0, done.stderr


def test_status_that_comes_with_an_object_is_dropped(site):
    mine = s.snapshot("with-status", "live", "live")
    site.apply({**mine, "status": {"firstSeen": "2001-01-01T00:00:00Z"}}, user=account(site, DANA))
    stored = get(site, "repsnap", "with-status", HOME)
    assert "firstSeen" not in stored.get("status", {}), stored["status"]


@pytest.mark.parametrize("verb", VERBS)
def test_scale_is_judged(site, verb):
    def scale(replicas):
        return write(site, verb, "mdeploy", "live", {"spec": {"replicas": replicas}}, PROD, "scale",
                     account(site, DANA))  # fmt: skip

    if verb in ("apply", "replace"):  # kubectl has neither for a Scale; the API server has
        def scale(replicas):  # noqa: F811
            raw = f"{API}/namespaces/{PROD}/modeldeployments/live/scale"
            value = json.loads(site.cluster.run("get", "--raw", raw).stdout)
            value["spec"]["replicas"] = replicas
            return site.cluster.run("replace", "--raw", raw, "-f", "-", input=json.dumps(value),
                                    user=account(site, DANA), check=False)  # fmt: skip

    told = scale(9)
    assert told.returncode != 0 and "[ScaleOutsideApproval]" in told.stderr, told
    wanted = 4 if verb in ("json", "apply") else 3
    assert scale(wanted).returncode == 0
    assert get(site, "mdeploy", "live")["spec"]["serving"]["replicas"] == wanted
    # The webhook judges by what it has seen.
    wait_until(lambda: scale(wanted).returncode == 0, "the replicas to be known")


def test_a_sign_off_without_a_name_of_its_own_counts(site):
    mdeploy = named(give_evidence(site, "generated", "generated", skip=("vera", "victor")),
                    "generated")  # fmt: skip
    for signer in (VERA, VICTOR):
        anonymous = s.sign_off(mdeploy, signer)
        anonymous["metadata"] = {"generateName": "approval-", "namespace": HOME}
        assert "approval-" in site.apply(anonymous, user=account(site, signer)).stdout
    site.apply(mdeploy, user=account(site, DANA))
    nameless = s.deployment(model="nameless", case="live")
    nameless["metadata"] = {"generateName": "scorer-", "namespace": PROD}
    assert "[BiasTestForOtherModel]" in refusal(site, nameless, user=account(site, DANA))


def test_what_is_being_deleted_loses_its_finalizers_and_gains_nothing(site):
    mdeploy = named(give_evidence(site, "leaving", "leaving"), "leaving")
    mdeploy["metadata"]["finalizers"] = ["gitops.example/children"]
    site.apply(mdeploy, user=account(site, DANA))
    site.cluster.run("delete", "signoff", "leaving-vera", "-n", HOME)
    # Of what lives, finalizers come and go although its evidence is gone.
    for finalizers in (["gitops.example/children", "b.example/x"], ["gitops.example/children"]):
        done = write(site, "merge", "mdeploy", "leaving", {"metadata": {"finalizers": finalizers}})
        assert done.returncode == 0, done.stderr
    site.cluster.run("delete", "mdeploy", "leaving", "-n", PROD, "--wait=false")
    done = write(site, "merge", "mdeploy", "leaving", LOWER, user=account(site, DANA))
    assert done.returncode != 0 and "[SignOff" in done.stderr, done
    done = write(site, "json", "mdeploy", "leaving", {"metadata": {"finalizers": []}})
    assert done.returncode == 0, done.stderr
    wait_until(lambda: site.cluster.run("get", "mdeploy", "leaving", "-n", PROD,
                                        check=False).returncode != 0, "it to be gone")  # fmt: skip


def test_foreground_deletion_goes_through(site):
    site.apply(named(give_evidence(site, "front", "front"), "front"), user=account(site, DANA))
    site.cluster.run("delete", "mdeploy", "front", "-n", PROD, "--cascade=foreground",
                     "--timeout=60s")  # fmt: skip


def deletions(site):
    return [(r["object"]["kind"], r["object"]["name"], r["requester"]["username"], r["allowed"])
            for r in site.webhook.records if r["operation"] == "DELETE"]  # fmt: skip


def test_deletion_is_recorded_with_who_did_it(site):
    site.apply(s.report("gone", "live", "live"), user=account(site, DANA))
    site.cluster.run("delete", "evidence", "gone", "-n", HOME, "--dry-run=server")
    site.cluster.run("delete", "evidence", "gone", "-n", HOME)
    wanted = ("Evidence", "gone", "kubernetes-admin", True)
    assert deletions(site).count(wanted) == 2
    dry = [r["dryRun"] for r in site.webhook.records
           if r["operation"] == "DELETE" and r["object"]["name"] == "gone"]  # fmt: skip
    assert dry == [True, False]


def test_what_goes_with_its_namespace_is_not_asked_about(site):
    """While a large one goes, the API server does not wait for us at each object."""
    site.cluster.run("create", "namespace", "leaving")
    case = s.use_case("leaving")
    case["metadata"]["namespace"] = "leaving"
    by_hand = s.merged(case, {"metadata": {"name": "by-hand"}})
    site.apply(case, by_hand)
    site.cluster.run("delete", "usecase", "by-hand", "-n", "leaving")
    site.cluster.run("delete", "namespace", "leaving", "--timeout=60s")
    # One that is asked about, so that all before are in the log.
    site.apply(s.report("after", "live", "live"), user=account(site, DANA))
    site.cluster.run("delete", "evidence", "after", "-n", HOME)
    wait_until(lambda: ("Evidence", "after", "kubernetes-admin", True) in deletions(site), "the record")
    assert [name for kind, name, _, _ in deletions(site)
            if kind == "UseCase" and name in ("by-hand", "leaving")] == ["by-hand"]  # fmt: skip


def test_deleting_all_at_once_is_deleting_each(site):
    for name in ("one", "two"):
        site.apply(s.report(name, "live", "live"), user=account(site, DANA))
    site.cluster.run("delete", "--raw", f"{API}/namespaces/{HOME}/evidence")
    for name in ("one", "two"):
        assert ("Evidence", name, "kubernetes-admin", True) in deletions(site)
    done = site.cluster.run("delete", "--raw", f"{API}/namespaces/{HOME}/incidents", check=False)
    assert done.returncode != 0 and "closed, not deleted" in done.stderr
    assert get(site, "incident", "alarm", HOME)


def test_an_incident_for_no_use_case_is_raised_with_a_warning(site):
    done = site.apply(s.incident("lost", "no-such-case"))
    assert "Warning: spec.useCase: no UseCase 'no-such-case' is known" in done.stderr
    assert any(r["object"]["name"] == "lost" and r["allowed"] for r in site.webhook.records)


def test_our_kinds_have_nothing_to_connect_to(site):
    for verb in ("proxy", "exec", "attach"):
        path = f"{API}/namespaces/{PROD}/modeldeployments/live/{verb}"
        done = site.cluster.run("create", "--raw", path, "-f", "-", input="{}", check=False)
        assert done.returncode != 0 and "NotFound" in done.stderr


def test_acting_as_somebody_else_is_seen_in_record_and_audit_log(site):
    mdeploy = s.deployment(model="acted", case="live")
    forged = json.dumps(s.sign_off(mdeploy, VICTOR, "acted"))
    site.cluster.run("create", "-f", "-", "--as=victor", "--as-group=model-risk", input=forged)
    record = next(r for r in site.webhook.records if r["object"]["name"] == "acted")
    assert record["requester"]["username"] == "victor"
    assert record["requester"]["credentialId"] == ""
    honest = next(r for r in site.webhook.records if r["object"]["name"] == "live-victor")
    assert honest["requester"]["credentialId"].startswith("X509SHA256=")

    def event():
        return [e for e in site.cluster.audit_events() if e.get("annotations", {}).get(
            "admission.countersign.dev/decision-id") == record["decisionId"]]  # fmt: skip

    (found,) = wait_until(event, "the decision in the audit log")
    assert found["user"]["username"] == "kubernetes-admin"
    assert found["impersonatedUser"]["username"] == "victor"


def test_another_served_version_is_no_way_around(site):
    """The API server converts to the version that our rules name."""
    crds = json.loads(site.cluster.run("get", "crd", "-o", "json").stdout)["items"]
    versions = {}

    def replace(crd):
        crd["metadata"].pop("resourceVersion", None)
        site.cluster.run("replace", "-f", "-", input=json.dumps(crd))

    for crd in crds:
        name = crd["metadata"]["name"]
        if name.split(".", 1)[1] == "countersign.dev":
            versions[name] = crd["spec"]["versions"]
            other = {**crd["spec"]["versions"][0], "name": "v2", "storage": False}
            crd["spec"]["versions"] = [*versions[name], other]
            replace(crd)
    try:
        raw = f"/apis/countersign.dev/v2/namespaces/{PROD}/modeldeployments"
        wait_until(lambda: site.cluster.run("get", "--raw", raw, check=False).returncode == 0,
                   "the other version to be served")  # fmt: skip
        other = {**s.deployment("sly", model="sly", case="live"),
                 "apiVersion": "countersign.dev/v2"}  # fmt: skip

        def told(*arguments, value):
            done = site.cluster.run(*arguments, "-f", "-", input=json.dumps(value), check=False)
            assert done.returncode != 0
            return done.stderr

        wait_until(lambda: "[BiasTestForOtherModel]" in told("create", "--raw", raw, value=other),
                   "it to be judged by its evidence")  # fmt: skip
        scale = json.loads(site.cluster.run("get", "--raw", f"{raw}/live/scale").stdout)
        scale["spec"]["replicas"] = 9
        assert "ScaleOutsideApproval" in told("replace", "--raw", f"{raw}/live/scale", value=scale)
        live = json.loads(site.cluster.run("get", "--raw", f"{raw}/live").stdout)
        live["status"] = {"observedGeneration": 9}
        assert "the operator alone" in told("replace", "--raw", f"{raw}/live/status", value=live)
        raw = f"/apis/countersign.dev/v2/namespaces/{HOME}/biastests/live-fair"
        test = json.loads(site.cluster.run("get", "--raw", raw).stdout)
        test["spec"]["protocol"] = "other"
        assert "may not be changed" in told("replace", "--raw", raw, value=test)
        raw = f"/apis/countersign.dev/v2/namespaces/{HOME}/incidents/alarm"
        done = site.cluster.run("delete", "--raw", raw, check=False)
        assert done.returncode != 0 and "closed, not deleted" in done.stderr
    finally:
        for crd in crds:
            if crd["metadata"]["name"] in versions:
                crd["spec"]["versions"] = versions[crd["metadata"]["name"]]
                replace(crd)


@pytest.mark.parametrize("label", [
    "app.kubernetes.io/part-of=countersign",
    "app.kubernetes.io/managed-by=countersign-operator",
    "app.kubernetes.io/name=countersign-webhook",
    "countersign.dev/ignore=true",
    "admission.countersign.dev/ignore=true",
    "control-plane=controller-manager",
    "pod-security.kubernetes.io/enforce=privileged",
])  # fmt: skip
def test_no_label_of_a_namespace_or_an_object_exempts_it(site, label):
    site.cluster.run("label", "namespace", PROD, label, "--overwrite")
    key, value = label.split("=")
    bare = s.deployment("labelled", model="labelled", case="live")
    bare["metadata"]["labels"] = {key: value}
    assert "[BiasTestForOtherModel]" in refusal(site, bare, user=account(site, DANA))
    site.cluster.run("label", "namespace", PROD, f"{key}-")


def test_a_namespace_cannot_take_another_name_by_its_label(site):
    site.cluster.run("label", "namespace", PROD, "--overwrite",
                     "kubernetes.io/metadata.name=countersign-system", check=False)  # fmt: skip
    label = get(site, "namespace", PROD)["metadata"]["labels"]["kubernetes.io/metadata.name"]
    assert label == PROD


def test_entries_exempt_by_name_or_not_at_all(site):
    for kind in ("mutating", "validating"):
        for entry in get(site, f"{kind}webhookconfiguration", "countersign")["webhooks"]:
            assert entry["matchPolicy"] == "Equivalent", entry["name"]
            assert not entry.get("objectSelector"), entry["name"]
            for one in (entry.get("namespaceSelector") or {}).get("matchExpressions", []):
                assert one["key"] == "kubernetes.io/metadata.name" and one["operator"] == "NotIn"
            assert not (entry.get("namespaceSelector") or {}).get("matchLabels"), entry["name"]
            foreign = [rule for rule in entry["rules"] if rule["apiGroups"] != ["countersign.dev"]]
            if foreign:  # what a restart of ours may need
                (own,) = entry["namespaceSelector"]["matchExpressions"]
                assert {"countersign-system", "kube-system"} <= set(own["values"]), entry["name"]


def test_without_the_admission_policies_the_webhook_refuses_the_same(site):
    names = site.cluster.run("get", "validatingadmissionpolicybinding", "-o", "name").stdout.split()
    kept = site.cluster.run("get", "validatingadmissionpolicybinding", "-o", "json").stdout
    site.cluster.run("delete", *names)
    try:
        status = {"status": {"observedGeneration": 8}}

        def told(verb, *arguments):
            return lambda: write(site, verb, *arguments).stderr

        wait_until(lambda: "[StatusNotYours]" in told("merge", "usecase", "live", status, HOME,
                                                      "status")(), "the webhook's word")  # fmt: skip
        assert "(Forbidden)" in told("apply", "usecase", "live", status, HOME, "status")()
        done = site.cluster.run("delete", "incident", "alarm", "-n", HOME, check=False)
        assert "[IncidentStays]" in done.stderr and "approve --incident alarm" in done.stderr
        change = {"spec": {"summary": "Nothing happened."}}
        assert "[EvidenceIsFinal]" in told("merge", "incident", "alarm", change, HOME)()
        change = {"spec": {"rationale": "not looked at"}}
        assert "[EvidenceIsFinal]" in told("replace", "signoff", "live-vera", change, HOME)()
    finally:
        again = json.loads(kept)
        for one in again["items"]:
            for key in ("resourceVersion", "uid", "managedFields"):
                one["metadata"].pop(key, None)
        site.cluster.run("create", "-f", "-", input=json.dumps(again))


def test_a_sign_off_whose_credential_the_api_server_does_not_show_can_be_refused(site):
    site.webhook.stop()
    site.start_webhook("--require-credential-id")
    mdeploy = s.deployment(model="unshown", case="live")
    forged = json.dumps(s.sign_off(mdeploy, VICTOR, "unshown"))

    def told():
        return site.cluster.run("create", "-f", "-", "--as=victor", "--as-group=model-risk",
                                input=forged, check=False).stderr  # fmt: skip

    wait_until(lambda: "[CredentialUnknown]" in told(), "the refusal")
    site.apply(s.sign_off(mdeploy, VERA, "shown"), user=account(site, VERA))
