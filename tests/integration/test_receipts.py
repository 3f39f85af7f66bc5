"""Receipts on a real API server: what a person has made stays theirs, whoever applies it again."""

import base64
import copy
import json
import subprocess
import uuid

import pytest
import samples as s
from samples import DANA, DEV, HOME, PROD, QA, VERA
from world import BIN, Installation, run, wait_until

ROBOT = ("system:serviceaccount:argocd:argocd-application-controller", ["robots"])
MALLORY = ("mallory", ["model-risk", "ds-lending"])  # may do what colleagues may
STAMP, RECEIPT = "countersign.dev/stamp", "countersign.dev/receipt"


@pytest.fixture(scope="module")
def site():
    site = Installation(operator=True)
    try:
        for namespace in (HOME, DEV, QA, PROD, "attic"):
            site.cluster.run("create", "namespace", namespace)
        for name, role, who in (
            ("model-risk", "countersign-approver", "--group=model-risk"),
            ("ds-lending", "countersign-developer", "--group=ds-lending"),
            ("robots-approve", "countersign-approver", "--group=robots"),
            ("robots-develop", "countersign-developer", "--group=robots"),
        ):
            site.cluster.run("create", "clusterrolebinding", name, f"--clusterrole={role}", who)
        site.apply(s.policy())
        site.case = s.use_case()
        site.apply(site.case, user=account(site, DANA))
        yield site
    finally:
        site.close()


def account(site, person):
    return site.cluster.user(*person)


def get(site, kind, name, namespace=HOME):
    return json.loads(site.cluster.run("get", kind, name, "-n", namespace, "-o", "json",
                                       "--show-managed-fields").stdout)


def annotation(obj, key):
    return obj["metadata"].get("annotations", {}).get(key)


def vote(site, name):
    """A sign-off by Vera on the use case's answers."""
    obj = s.answers_sign_off(site.case)
    obj["metadata"]["name"] = name
    return obj


def received(site, name, kind="signoff"):
    """The object once it has its receipt."""
    wait_until(lambda: annotation(get(site, kind, name), RECEIPT), f"the receipt of {name}", 60)
    return get(site, kind, name)


def exported(obj):
    """As it is kept in Git."""
    meta = obj["metadata"]
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "spec": obj["spec"],
            "metadata": {"name": meta["name"], "namespace": meta["namespace"],
                         "annotations": {k: v for k, v in meta["annotations"].items()
                                         if k in (STAMP, RECEIPT)}}}


def made(site, name):
    site.apply(vote(site, name), user=account(site, VERA))
    return received(site, name)


def status_of(site, name, namespace=HOME, kind="signoff"):
    wait_until(lambda: get(site, kind, name, namespace).get("status", {}).get("conditions"),
               "the status", 60)
    return get(site, kind, name, namespace)["status"]


def ready(status):
    return next(c for c in status["conditions"] if c["type"] == "Ready")


def test_a_robot_applies_what_a_person_made_and_it_stays_the_persons(site):
    kept = made(site, "carried")
    managers = {m["manager"] for m in kept["metadata"]["managedFields"]}
    assert "countersign-receipts" in managers
    first_seen = status_of(site, "carried")["firstSeen"]
    site.cluster.run("delete", "signoff", "carried", "-n", HOME)
    site.apply(exported(kept), user=account(site, ROBOT), dry_run=True)
    site.apply(exported(kept), user=account(site, ROBOT))
    again = get(site, "signoff", "carried")
    assert annotation(again, STAMP) == annotation(kept, STAMP)
    assert annotation(again, RECEIPT) == annotation(kept, RECEIPT)
    status = status_of(site, "carried")
    assert (status["stampedUser"], status["firstSeen"]) == (VERA[0], first_seen)
    # GitOps applies unchanged objects all the time, with and without our annotations.
    bare = copy.deepcopy(exported(kept))
    del bare["metadata"]["annotations"]
    for obj in (exported(kept), bare):
        for verb in (["apply", "--server-side", "--force-conflicts"], ["apply"], ["replace"]):
            site.cluster.run(*verb, "-f", "-", input=json.dumps(obj))
            assert annotation(get(site, "signoff", "carried"), RECEIPT) == annotation(kept, RECEIPT)


def test_without_a_receipt_nobody_carries_anothers_stamp(site):
    kept = exported(made(site, "alone"))
    site.cluster.run("delete", "signoff", "alone", "-n", HOME)
    del kept["metadata"]["annotations"][RECEIPT]
    for person in (ROBOT, MALLORY):
        done = site.apply(kept, user=account(site, person), check=False)
        assert done.returncode != 0 and "[Signer" in done.stderr, done.stderr


@pytest.mark.parametrize("change", ["namespace", "spec", "kind"])
def test_a_receipt_is_for_one_object_alone(site, change):
    name = f"bound-{change}"
    kept = exported(made(site, name))
    kept["metadata"]["name"] = f"copy-{change}"
    if change == "namespace":
        kept["metadata"]["namespace"] = "attic"
    elif change == "spec":
        kept["spec"]["rationale"] = "Something else."
    else:
        test = s.bias_test()
        kept.update(kind="BiasTest", spec=test["spec"])
    done = site.apply(kept, user=account(site, MALLORY), check=False)
    if change == "kind":
        # A report it may be, of whoever applied it.
        assert done.returncode == 0, done.stderr
        again = received(site, f"copy-{change}", "biastest")
        assert annotation(again, STAMP) != kept["metadata"]["annotations"][STAMP]
        assert annotation(again, RECEIPT) != kept["metadata"]["annotations"][RECEIPT]
        wait_until(lambda: get(site, "biastest", f"copy-{change}").get("status", {})
                   .get("stampedUser") == MALLORY[0], "the status", 60)
    else:
        assert done.returncode != 0 and "SignerNotRequester" in done.stderr, done.stderr


def test_only_the_operator_gives_and_takes_receipts(site):
    kept = made(site, "final")
    other = made(site, "other")
    for change in (f"{RECEIPT}-", f"{RECEIPT}={annotation(other, RECEIPT)}", f"{RECEIPT}=x"):
        site.cluster.run("annotate", "--overwrite", "signoff", "final", "-n", HOME, change,
                         check=False)
        assert annotation(get(site, "signoff", "final"), RECEIPT) == annotation(kept, RECEIPT)


def test_a_stamp_asked_for_directly_is_worth_nothing(site):
    """Anybody on the pod network may call the webhook and say that they are Vera."""
    obj = vote(site, "forged")
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": str(uuid.uuid4()), "operation": "CREATE", "namespace": HOME, "name": "forged",
        "kind": {"group": "countersign.dev", "version": "v1alpha1", "kind": "SignOff"},
        "resource": {"group": "countersign.dev", "version": "v1alpha1", "resource": "signoffs"},
        "userInfo": {"username": VERA[0], "groups": VERA[1]}, "object": obj}}
    code, body = site.post("/mutate/v1", json.dumps(review).encode())
    assert code == 200
    patch = json.loads(base64.b64decode(json.loads(body)["response"]["patch"]))
    stamp = next(p["value"] for p in patch if p["path"].endswith("~1stamp"))
    obj["metadata"]["annotations"] = {STAMP: stamp}
    genuine = made(site, "genuine")
    for receipt in (None, annotation(genuine, RECEIPT), stamp):
        if receipt:
            obj["metadata"]["annotations"][RECEIPT] = receipt
        for person in (MALLORY, ROBOT):
            done = site.apply(obj, user=account(site, person), check=False)
            assert done.returncode != 0 and "[Signer" in done.stderr, done.stderr
    # No receipt is made by the webhook at all, whatever it is asked.
    review["request"]["operation"] = "UPDATE"
    review["request"]["oldObject"] = obj
    review["request"]["userInfo"] = {"username": "countersign-operator", "groups": []}
    answer = json.loads(site.post("/mutate/v1", json.dumps(review).encode())[1])["response"]
    assert answer["allowed"] and "patch" not in answer
    # A report is stamped as whoever applies it.
    test = s.bias_test()
    test["metadata"].update(name="forged", annotations={STAMP: stamp})
    site.apply(test, user=account(site, MALLORY))
    wait_until(lambda: get(site, "biastest", "forged").get("status", {}).get("stampedUser")
               == MALLORY[0], "the status", 60)


def test_a_dry_run_gives_nothing_away(site):
    text = json.dumps(vote(site, "dry"))
    done = site.cluster.run("create", "--dry-run=server", "-o", "json", "-f", "-", input=text,
                            user=account(site, VERA))
    assert not json.loads(done.stdout)["metadata"].get("annotations")


def test_a_name_that_the_server_chooses_makes_no_difference(site):
    obj = vote(site, "x")
    obj["metadata"] = {"generateName": "chosen-", "namespace": HOME}
    done = site.cluster.run("create", "-o", "json", "-f", "-", input=json.dumps(obj),
                            user=account(site, VERA))
    name = json.loads(done.stdout)["metadata"]["name"]
    kept = exported(received(site, name))
    kept["metadata"]["name"] = "renamed"
    site.apply(kept, user=account(site, ROBOT))
    assert status_of(site, "renamed")["stampedUser"] == VERA[0]


def test_what_is_made_while_admission_is_away_does_not_count(site):
    old = exported(made(site, "old"))
    configurations = ["mutatingwebhookconfiguration/countersign",
                      "validatingwebhookconfiguration/countersign"]
    saved = site.cluster.run("get", *configurations, "-o", "json").stdout
    site.cluster.run("delete", "signoff", "old", "-n", HOME)
    site.cluster.run("delete", *configurations)
    try:
        unproven = vote(site, "unproven")
        wait_until(lambda: site.apply(unproven, user=account(site, MALLORY),
                                      check=False).returncode == 0, "admission to be away", 60)
        site.apply(old, user=account(site, MALLORY))
    finally:
        items = json.loads(saved)
        for item in items["items"]:
            item["metadata"] = {k: item["metadata"][k] for k in ("name", "labels")}
        site.cluster.run("apply", "--server-side", "-f", "-", input=json.dumps(items))
        site._await_admission()
    assert ready(status_of(site, "unproven"))["status"] == "False"
    # With its receipt it is Vera's all the same.
    assert status_of(site, "old")["stampedUser"] == VERA[0]


def foreign(site, obj, user, groups, installation="staging", time=None):
    """As it is exported from another cluster, with that one's stamp and receipt."""
    key = site.folder / "staging.pem"
    if not key.exists():
        run("keygen", "--out", key)
    done = subprocess.run(
        [BIN / "stamp_tool", "--key", key, "--installation", installation, "--user", user,
         "--groups", ",".join(groups), "--receipt", *(["--time", time] if time else [])],
        input=json.dumps(obj), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_another_installation_is_believed_as_far_as_a_policy_says(site):
    carried = foreign(site, vote(site, "from-staging"), *VERA)
    # The robot that syncs both clusters applies what Vera made in the other one.
    done = site.apply(carried, user=account(site, ROBOT), check=False)
    assert done.returncode != 0 and "[InstallationNotTrusted" in done.stderr, done.stderr
    assert "as installation 'staging' saw it" in done.stderr and "spec.trustedInstallations" in done.stderr

    public = subprocess.run(["openssl", "pkey", "-in", site.folder / "staging.pem", "-pubout"],
                            capture_output=True, text=True, check=True).stdout
    before = get(site, "govpol", "lending", "default")
    trusted = [{"name": "staging", "publicKeys": [public], "kinds": ["SignOff"],
                "environments": ["dev"]}]

    def trust(value):
        patch = [{"op": "add", "path": "/spec/trustedInstallations", "value": value}]
        site.cluster.run("patch", "govpol", before["metadata"]["name"], "--type=json", "-p",
                         json.dumps(patch))
    trust(trusted)
    try:
        wait_until(lambda: site.apply(carried, user=account(site, ROBOT), check=False).returncode == 0,
                   "the policy to be known", 30)
        kept = get(site, "signoff", "from-staging")
        assert annotation(kept, STAMP) == annotation(carried, STAMP)
        assert annotation(kept, RECEIPT) == annotation(carried, RECEIPT)
        status = status_of(site, "from-staging")
        assert (ready(status)["reason"], status["stampedUser"]) == ("Carried", VERA[0])

        # What it says it will see tomorrow, it did not see.
        done = site.apply(foreign(site, vote(site, "tomorrow"), *VERA, time="2126-01-01T00:00:00Z"),
                          user=account(site, ROBOT), check=False)
        assert done.returncode != 0 and "[StampInFuture" in done.stderr, done.stderr

        # A report that nobody trusts it for becomes whoever's applies it.
        report = {"apiVersion": "countersign.dev/v1alpha1", "kind": "Evidence",
                  "metadata": {"name": "from-staging", "namespace": HOME},
                  "spec": {"useCase": site.case["metadata"]["name"], "type": "LoadTest",
                           "performedAt": "2026-01-01T00:00:00Z"}}
        site.apply(foreign(site, report, *DANA), user=account(site, ROBOT))
        assert status_of(site, "from-staging", kind="evidence")["stampedUser"] == ROBOT[0]

        # Once it is believed in a no alone, the no still comes in as Vera's.
        trust([{**trusted[0], "trust": "RejectionsOnly"}])
        no = s.merged(vote(site, "no-from-staging"), {"spec": {"decision": "Reject"}})
        carried = foreign(site, no, *VERA)
        wait_until(lambda: "[InstallationNotTrusted" in site.apply(
            foreign(site, vote(site, "yes-from-staging"), *VERA), user=account(site, ROBOT),
            check=False).stderr, "the policy to be known", 30)
        site.apply(carried, user=account(site, ROBOT))
        assert annotation(get(site, "signoff", "no-from-staging"), STAMP) == annotation(carried, STAMP)
        assert status_of(site, "no-from-staging")["stampedUser"] == VERA[0]

        # Another key under the same name is another installation.
        forged = vote(site, "forged")
        (site.folder / "staging.pem").rename(site.folder / "real.pem")
        done = site.apply(foreign(site, forged, *VERA), user=account(site, MALLORY), check=False)
        assert done.returncode != 0 and "[InstallationNotTrusted" in done.stderr, done.stderr
    finally:
        trust([])
