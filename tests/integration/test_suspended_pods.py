"""What is suspended gets no Pods, although nobody acts who would take them down again; what may go on comes up."""

import json

import pytest
import samples as s
from lending import account, give_evidence, govern, named
from samples import DANA, HOME, PROD, QA, VERA, VICTOR
from test_guard import available, get, judged
from world import Installation, run, wait_until


# Of what may be suspended.
ASKED = {"fallback": {"kind": "Human", "description": "the desk"}}


def reacting(reaction):
    """The lending policy, of which one measure asks for this of what serves."""
    policy = s.policy()
    policy["spec"]["measures"][0]["onViolation"] = reaction
    return policy


@pytest.fixture(scope="module")
def site():
    site = Installation(workloads=True)
    try:
        site.start_operator("--scan-seconds", "1")
        govern(site, policy=reacting("Suspend"))
        yield site
    finally:
        site.close()


@pytest.fixture
def served(site):
    """Makes one that serves; each of its own use case and model."""
    made = []

    def serve(name):
        mdeploy = named(give_evidence(site, name, name, s.deployment(case=name, model=name, patch=ASKED)), name)
        site.apply(mdeploy, user=account(site, DANA))
        made.append(name)
        wait_until(lambda: available(site, name), f"{name} to serve", 120)
        return mdeploy

    yield serve
    if site.operator.process.poll() is not None:
        site.start_operator("--scan-seconds", "1")
    for name in made:
        site.cluster.run("delete", "mdeploy", name, "-n", PROD)


@pytest.fixture
def earlier(site):
    """Makes one of which an earlier revision serves, while the spec that stands there waits for its sign-offs."""
    made = []

    def serve(name):
        mdeploy = s.deployment(name, QA, name, name, patch=ASKED)
        give_evidence(site, name, name, mdeploy, skip=(VERA[0], VICTOR[0]))
        for signer in (VERA, VICTOR):
            site.apply(s.sign_off(mdeploy, signer, f"{name}-{signer[0]}", "qa"), user=account(site, signer))
        site.apply(mdeploy, user=account(site, DANA))
        made.append(name)
        wait_until(lambda: available(site, name, QA), f"{name} to serve", 120)
        # They differ in nothing that runs, and the one that waits asks for Suspend.
        replace(site, s.merged(mdeploy, {"spec": {"decision": {"threshold": "0.7"}}}), user=account(site, DANA))
        wait_until(lambda: get(site, "mdeploy", name, QA)["status"]["phase"] == "Held", "the spec to wait", 60)
        return mdeploy

    yield serve
    if site.operator.process.poll() is not None:
        site.start_operator("--scan-seconds", "1")
    for name in made:
        site.cluster.run("delete", "mdeploy", name, "-n", QA)


def pods(site, name, namespace=PROD):
    done = site.cluster.run("get", "pods", "-n", namespace, "-o", "json", "-l", f"app.kubernetes.io/instance={name}")
    return json.loads(done.stdout)["items"]


def replicas(site, name, namespace=PROD):
    return get(site, "deployment", name, namespace)["spec"]["replicas"]


def replace(site, changed, user=None):
    site.cluster.run("replace", "-f", "-", input=json.dumps(changed), user=user)


def taken_down(site, name, namespace=PROD):
    wait_until(lambda: replicas(site, name, namespace) == 0 and not pods(site, name, namespace),
               f"{name} to be suspended", 60)


def started_by_hand(site, name, namespace=PROD, count=2):
    """The reasons for which its Pods are let in or not while no operator acts."""
    if site.operator.process.poll() is None:
        site.operator.stop()
    since = len(site.webhook.records)
    site.cluster.run("scale", "deployment", name, "-n", namespace, f"--replicas={count}")
    wait_until(lambda: judged(site, name, since), f"a Pod of {name} to be judged", 60)
    return judged(site, name, since)


def made_anew(site, name, namespace=PROD):
    since = len(site.webhook.records)
    site.cluster.run("delete", "pods", "-n", namespace, "-l", f"app.kubernetes.io/instance={name}", "--force",
                     "--grace-period=0")
    wait_until(lambda: judged(site, name, since), f"a Pod of {name} to be judged", 60)
    return judged(site, name, since)


def test_whose_sign_off_was_taken_back_starts_once_it_is_given_again(site, served):
    mdeploy = served("returns")
    word = f"returns-{VERA[0]}"
    site.cluster.run("delete", "signoff", word, "-n", HOME)
    taken_down(site, "returns")
    assert started_by_hand(site, "returns") == ["DeploymentSuspended"]
    assert not pods(site, "returns")

    def told():
        """To who looks why there are none."""
        done = site.cluster.run("get", "events.events.k8s.io", "-n", PROD, "-o", "json")
        return [e["note"] for e in json.loads(done.stdout)["items"]
                if e["reason"] == "FailedCreate" and "[DeploymentSuspended]" in e["note"]]

    note = wait_until(told, "an Event")[0]
    assert "ModelDeployment 'returns'" in note and "validation" in note and "countersign explain" in note
    site.apply(s.sign_off(mdeploy, VERA, word + "-again"), user=account(site, VERA))
    site.start_operator("--scan-seconds", "1")
    wait_until(lambda: available(site, "returns"), "it to serve again", 120)


@pytest.mark.parametrize("deleted", [True, False])
def test_whoever_takes_its_use_case_away_starts_nothing(site, served, deleted):
    name = "gone" if deleted else "unlisted"
    served(name)
    site.cluster.run("delete", "signoff", f"{name}-{VERA[0]}", "-n", HOME)
    taken_down(site, name)
    site.operator.stop()
    if deleted:
        site.cluster.run("delete", "usecase", name, "-n", HOME)
    else:
        site.cluster.run("patch", "usecase", name, "-n", HOME, "--type=merge", "-p", '{"spec": {"deployTo": []}}')
    assert started_by_hand(site, name) == ["DeploymentSuspended"]
    assert not pods(site, name)


def test_what_is_held_comes_up_again_while_nobody_acts(site, served):
    served("held")
    replace(site, reacting("Hold"))
    site.cluster.run("delete", "signoff", f"held-{VERA[0]}", "-n", HOME)

    def governed():
        (found,) = [c for c in get(site, "mdeploy", "held")["status"]["conditions"] if c["type"] == "Governed"]
        return found["status"]

    wait_until(lambda: governed() == "False", "the operator to see it")
    site.operator.stop()
    assert made_anew(site, "held") == ["OwnerGoverned"]
    replace(site, reacting("Suspend"))
    wait_until(lambda: made_anew(site, "held") == ["DeploymentSuspended"], "the policy to be known", 60)


def serves(site, name, model):
    made = [get(site, "deployment", name)["spec"]["template"], *pods(site, name)]
    return all(s.digest(model) in json.dumps(one["spec"]) for one in made) and available(site, name)


def change_model(site, name, model):
    """To one that is approved as well."""
    changed = named(s.deployment(case=name, model=model, patch=ASKED), name)
    for evidence in (s.snapshot(f"{model}-snap", model, name), s.bias_test(f"{model}-fair", model, name)):
        site.apply(evidence, user=account(site, DANA))
    for signer in (VERA, VICTOR):
        site.apply(s.sign_off(changed, signer, f"{model}-{signer[0]}"), user=account(site, signer))
    replace(site, changed, user=account(site, DANA))
    wait_until(lambda: serves(site, name, model), "the next model to serve", 120)


def quarantine(site, name, model, response):
    about = {"scope": "Version", "response": response,
             "model": {"digest": s.digest(model), "digestType": "ociManifest"}}
    site.apply(s.incident(f"{name}-alarm", name, {"quarantine": about}))


def test_what_serves_again_comes_up_in_the_place_of_what_is_quarantined(site, served):
    served("rolled")
    change_model(site, "rolled", "rolled-next")
    quarantine(site, "rolled", "rolled-next", "Rollback")
    wait_until(lambda: serves(site, "rolled", "rolled"), "the model before to serve again, and the other no more", 120)
    site.operator.stop()
    assert made_anew(site, "rolled") == ["OwnerGoverned"]


def test_what_is_quarantined_stays_down_when_the_spec_before_is_put_back(site, served):
    before = served("back")
    change_model(site, "back", "back-next")
    quarantine(site, "back", "back-next", "Suspend")
    taken_down(site, "back")
    site.operator.stop()
    replace(site, before, user=account(site, DANA))
    assert started_by_hand(site, "back") == ["DeploymentSuspended"]
    refusal = next(r["message"] for r in reversed(site.webhook.records) if r["reasons"] == ["DeploymentSuspended"])
    assert "back-alarm" in refusal
    site.start_operator("--scan-seconds", "1")
    wait_until(lambda: serves(site, "back", "back"), "the model before to serve again", 120)


def test_what_an_incident_is_about_is_started_by_nobody(site, served):
    served("alarmed")
    site.apply(s.incident("alarmed", "alarmed"))
    taken_down(site, "alarmed")
    assert started_by_hand(site, "alarmed") == ["DeploymentSuspended"]
    refusal = next(r["message"] for r in reversed(site.webhook.records) if r["reasons"] == ["DeploymentSuspended"])
    assert "incident" in refusal and not pods(site, "alarmed")


def below_child(site, name, kind, annotations=True):
    """What nobody's controller makes for the child, but says that the child owns it: it asks for no Pods yet."""
    child = get(site, "deployment", name)
    template = child["spec"]["template"]
    template["metadata"]["labels"] = {"by": f"hand-{kind.lower()}"}
    if not annotations:
        del template["metadata"]["annotations"]
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": child["metadata"]["uid"],
             "controller": True}  # fmt: skip
    made = {"apiVersion": "apps/v1", "kind": kind, "metadata": {
                "name": f"{name}-{kind.lower()}", "namespace": PROD, "ownerReferences": [owner]},
            "spec": {"template": template}}  # fmt: skip
    if kind == "Job":
        template["spec"]["restartPolicy"] = "Never"
        return s.merged(made, {"apiVersion": "batch/v1", "spec": {"suspend": True}})
    spec = {"replicas": 0, "selector": {"matchLabels": {"by": f"hand-{kind.lower()}"}}}
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return s.merged(made, {"spec": spec})


def test_what_says_that_the_child_owns_it_starts_nothing_that_is_suspended(site, served):
    """While the operator acts, who takes down only what it made."""
    served("below")
    made_up = {"countersign.dev/governed-digest": s.digest("made-up")}
    for kind in ("StatefulSet", "Job", "ReplicaSet"):
        below = below_child(site, "below", kind, annotations=kind != "ReplicaSet")
        if kind != "ReplicaSet":
            below["spec"]["template"]["metadata"]["annotations"] |= made_up
        # It is covered while that is approved, but answers for nothing.
        site.apply(below)
        joined = s.merged(below, {"spec": {"template": {"metadata": {"labels": {
            "app.kubernetes.io/instance": "below", "app.kubernetes.io/managed-by": "countersign-operator"}}}}})
        done = site.apply(joined, check=False)
        assert done.returncode != 0 and "[AnswersForAnother]" in done.stderr
    site.cluster.run("delete", "signoff", f"below-{VERA[0]}", "-n", HOME)
    wait_until(lambda: replicas(site, "below") == 0, "it to be suspended", 60)
    since = len(site.webhook.records)
    site.cluster.run("scale", "statefulset", "below-statefulset", "-n", PROD, "--replicas=1")
    site.cluster.run("scale", "replicaset", "below-replicaset", "-n", PROD, "--replicas=1")
    site.cluster.run("patch", "job", "below-job", "-n", PROD, "--type=merge", "-p", '{"spec": {"suspend": false}}')

    def reasons(kind):
        return {r["reasons"][0] for r in site.webhook.records[since:]
                if r["object"]["kind"] == "Pod" and r["object"]["name"].startswith(f"below-{kind}") and r["reasons"]}

    for kind in ("statefulset", "job", "replicaset"):
        wait_until(lambda k=kind: reasons(k), f"a Pod of the {kind} to be judged", 60)
        assert reasons(kind) <= {"DeploymentSuspended", "ShadowDeployment"}, kind
    made = json.loads(site.cluster.run("get", "pods", "-n", PROD, "-o", "json").stdout)["items"]
    assert not [p for p in made if p["metadata"]["labels"].get("by", "").startswith("hand-")]
    found = run("scan", "-n", PROD, "-o", "json", check=False, user=site.cluster.kubeconfig).stdout
    for kind in ("statefulset", "replicaset"):
        assert f'"below-{kind}"' in found, found
    for kind in ("statefulset", "replicaset", "job"):
        site.cluster.run("delete", kind, f"below-{kind}", "-n", PROD)


def test_a_spec_that_waits_keeps_no_pods_of_the_one_before_from_coming_up(site, earlier):
    earlier("waits")
    assert made_anew(site, "waits", QA) == ["OwnerGoverned"]


def sign_off_taken_back(site, name):
    site.cluster.run("delete", "signoff", f"{name}-{VERA[0]}", "-n", HOME)
    taken_down(site, name, QA)


def test_an_earlier_revision_starts_only_while_it_passes_itself(site, earlier):
    mdeploy = earlier("before")
    sign_off_taken_back(site, "before")
    assert started_by_hand(site, "before", QA) == ["DeploymentSuspended"]
    assert not pods(site, "before", QA)
    refusal = next(r["message"] for r in reversed(site.webhook.records) if r["reasons"] == ["DeploymentSuspended"])
    assert "the earlier spec that it was made from no longer meets policy, validation: " in refusal
    site.apply(s.sign_off(mdeploy, VERA, "before-again", "qa"), user=account(site, VERA))
    # What is scaled is tried at once, and not when the next try is due.
    site.cluster.run("scale", "deployment", "before", "-n", QA, "--replicas=3")
    wait_until(lambda: available(site, "before", QA), "it to come up, although nobody acts", 60)
    assert site.operator.process.poll() is not None


def test_of_an_earlier_revision_whose_record_is_gone_nobody_knows_whether_it_passes(site, earlier):
    """As before there were records; docs/limits.md says so."""
    earlier("lost")
    sign_off_taken_back(site, "lost")
    assert started_by_hand(site, "lost", QA) == ["DeploymentSuspended"]
    site.cluster.run("delete", "controllerrevisions", "-n", QA, "-l", "countersign.dev/model-deployment=lost")
    site.cluster.run("scale", "deployment", "lost", "-n", QA, "--replicas=3")
    wait_until(lambda: available(site, "lost", QA), "it to come up", 60)


def test_where_our_own_key_is_another_one_nothing_is_taken_for_suspended(site, served, earlier):
    served("signed")
    earlier("recorded")
    site.operator.stop()
    site.webhook.stop()
    key, site.key = site.key, site.folder / "another.pem"
    run("keygen", "--out", site.key)
    try:
        site.start_webhook()
        assert made_anew(site, "signed") == ["OwnerGoverned"]
        assert made_anew(site, "recorded", QA) == ["OwnerGoverned"]
    finally:
        site.webhook.stop()
        site.key = key
        site.start_webhook()
