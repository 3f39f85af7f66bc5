"""Admission on a real API server, as separate users through RBAC."""

import json
import threading

import pytest
import samples as s
from exposition import check_counters
from lending import account, give_evidence, govern, named, refusal
from samples import DAN, DANA, DEV, HOME, PROD, QA, VERA, VICTOR
from world import Installation, run, wait_until

MALLORY = ("mallory", ["system:masters"])


@pytest.fixture(scope="module")
def site():
    site = Installation()
    try:
        govern(site, "elsewhere")
        yield site
    finally:
        site.close()


def put(site, value, check=True):
    """Replaces an object that is there."""
    return site.cluster.run("replace", "-f", "-", input=json.dumps(value), check=check)


def counted(outcomes):
    """A bias test of one group's cell by label: {(outcome, label): count}."""
    return [{"outcome": out, "label": label, "count": n} for (out, label), n in outcomes.items()]


def several_outcomes(name, case, female):
    male = {("approved", "approved"): 80, ("referred", "refused"): 40, ("refused", "refused"): 80}
    test = s.bias_test(name, case, case, patch={"outcomes": ["approved", "referred", "refused"]})
    test["spec"]["cells"] = [
        {"groups": {"sex": sex}, "outcomes": counted(outcomes)}
        for sex, outcomes in (("female", female), ("male", male))
    ]
    return test


def test_outcomes_of_several_classes_are_judged_and_the_latest_attempt_governs(site):
    mdeploy = named(give_evidence(site, "classes", "classes", skip=("bias",)), "classes")
    fair = {("approved", "approved"): 70, ("referred", "approved"): 20, ("refused", "refused"): 110}
    site.apply(several_outcomes("classes-fair", "classes", fair), user=account(site, DANA))
    site.apply(mdeploy, user=account(site, DANA), dry_run=True)
    hard = {("approved", "approved"): 50, ("refused", "approved"): 40, ("refused", "refused"): 110}
    site.apply(several_outcomes("classes-hard", "classes", hard), user=account(site, DANA))

    def refused():
        done = site.apply(mdeploy, user=account(site, DANA), check=False, dry_run=True)
        return done.returncode != 0 and done.stderr

    told = wait_until(refused, "the later result to govern")
    assert "selection rate 50/200 against 80/200" in told
    assert "'classes-hard' is attempt 2 of protocol 'holdout' on data set 'test'" in told
    assert "earlier results: 'classes-fair' passed" in told


def test_a_bias_test_that_contradicts_itself_is_refused_with_its_path(site):
    test = s.bias_test("wrong-sum", "m1", "credit")
    test["spec"]["dataSet"]["rows"] += 1
    told = refusal(site, test, user=account(site, DANA))
    assert "spec.dataSet.rows: must be the sum of all cells, which is 400, is 401" in told
    test = s.bias_test("no-counts", "m1", "credit")
    del test["spec"]["cells"][1]["fn"]
    told = refusal(site, test, user=account(site, DANA))
    assert "spec.cells[1].fn: is required: the four counts belong together" in told


def test_a_policy_is_told_which_metrics_cannot_be_judged_so(site):
    bias = s.policy(name="parity")
    bias["spec"]["environments"] = [
        {"name": "far", "namespaces": ["elsewhere"], "enforcement": "Warn"}
    ]
    for measure in bias["spec"]["measures"]:
        measure["applies"]["environments"] = ["far"]
    asked = bias["spec"]["measures"][2]["require"]["biasTest"]
    asked["metrics"] = [{"name": "equalizedOddsDifference", "max": "0.1"}]
    asked["judge"] = "WholeInterval"
    told = refusal(site, bias)
    assert "spec.measures[2].require.biasTest.judge: equalizedOddsDifference has no" in told
    asked["judge"] = "PointEstimate"
    asked["metrics"].append({"name": "predictiveParityRatio", "min": "0.8"})
    told = site.apply(bias, dry_run=True).stderr
    assert "Warning: spec.measures[2].require.biasTest.metrics: predictive parity here" in told


def test_a_deployment_with_all_its_evidence_is_admitted_at_once(site):
    # Applied in one go: the caches have not seen the last sign-off when the deployment comes.
    mdeploy = named(give_evidence(site, "complete", "complete"), "complete")
    assert "created" in site.apply(mdeploy, user=account(site, DANA)).stdout


@pytest.mark.parametrize(
    "missing, reason",
    [
        ("snapshot", "SnapshotMissing"),
        ("bias", "BiasTestMissing"),
        ("vera", "SignOffMissing"),
    ],
)
def test_each_missing_piece_is_named_with_who_can_give_it(site, missing, reason):
    case = f"without-{missing}"
    mdeploy = named(give_evidence(site, case, case, skip=(missing,)), case)
    text = refusal(site, mdeploy, user=account(site, DANA))
    assert f"[{reason}]" in text and "Remedy:" in text
    assert text.count("- [") == 1, text  # nothing else is wrong
    # The same verdict in dry run.
    assert f"[{reason}]" in refusal(site, mdeploy, user=account(site, DANA), dry_run=True)


def test_unapproved_answers_mean_that_every_class_applies(site):
    mdeploy = named(give_evidence(site, "unasked", "unasked", skip=("answers", "bias")), "unasked")
    text = refusal(site, mdeploy, user=account(site, DANA))
    assert "they do not count yet" in text and "approve --use-case unasked" in text


def test_a_failed_bias_test_is_refused_with_the_numbers(site):
    mdeploy = named(give_evidence(site, "biased", "biased", skip=("bias",)), "biased")
    site.apply(
        s.bias_test("biased-fair", "biased", "biased", female=(50, 10, 50, 90)),
        user=account(site, DANA),
    )
    text = refusal(site, mdeploy, user=account(site, DANA))
    assert "[BiasOutOfBounds]" in text and "0.6000" in text


def test_evidence_for_another_digest_does_not_count(site):
    give_evidence(site, "swapped", "swapped")
    other = named(s.deployment(case="swapped", model="another"), "swapped")
    text = refusal(site, other, user=account(site, DANA))
    for reason in ("SignOffForOtherRevision", "SnapshotForOtherModel", "BiasTestForOtherModel"):
        assert f"[{reason}]" in text
    mismatched = s.merged(other, {"spec": {"model": {"uri": "oci://r/x@" + s.digest("y")}}})
    assert "[ModelDigestMismatch]" in refusal(site, mismatched, user=account(site, DANA))


def test_a_developers_sign_off_does_not_count(site):
    mdeploy = named(give_evidence(site, "insider", "insider", skip=("victor",)), "insider")
    site.apply(s.sign_off(mdeploy, DAN, "insider-dan"), user=account(site, DAN))
    text = refusal(site, mdeploy, user=account(site, DANA))
    assert "[SignOffNotIndependent]" in text and "'dan' does not count" in text


def test_a_namespace_in_no_environment_admits_nothing(site):
    lost = s.deployment("lost", "elsewhere")
    assert "[NoEnvironment]" in refusal(site, lost)


def test_nobody_signs_in_another_name_without_the_role_or_as_a_robot(site):
    mdeploy = s.deployment(case="complete", model="complete")
    forged = s.sign_off(mdeploy, VICTOR, "forged")
    assert "[SignerNotRequester]" in refusal(site, forged, user=account(site, VERA))
    site.cluster.run(
        "create", "clusterrolebinding", "eve", "--clusterrole=countersign-approver", "--user=eve"
    )
    outsider = s.sign_off(mdeploy, ("eve", []), "outsider")
    assert "[SignerNotInRole]" in refusal(site, outsider, user=account(site, ("eve", [])))
    # Even a cluster administrator is nobody's colleague.
    admin = s.sign_off(mdeploy, MALLORY, "admin")
    assert "[SignerNotInRole]" in refusal(site, admin, user=account(site, MALLORY))
    nothing = s.sign_off(mdeploy, VERA, "nothing", patch={"role": "chief"})
    said = refusal(site, nothing, user=account(site, VERA))
    assert "[RoleUnknown]" in said and "'chief' is not a role of any policy" in said
    site.cluster.run("create", "serviceaccount", "robot", "-n", HOME)
    site.cluster.run(
        "create", "clusterrolebinding", "robot", "--clusterrole=countersign-approver",
        f"--serviceaccount={HOME}:robot",
    )  # fmt: skip
    robot = f"system:serviceaccount:{HOME}:robot"
    token = site.cluster.service_account(HOME, "robot")
    assert "[SignerIsRobot]" in refusal(
        site, s.sign_off(mdeploy, (robot, []), "robot"), user=token
    )


def test_a_role_that_was_created_in_the_same_breath_is_known(site):
    council = s.policy({"roles": [{"name": "council", "level": "Strategic",
                                   "subjects": [{"kind": "Group", "name": "model-risk"}]},
                                  *s.policy()["spec"]["roles"]],
                        "environments": [{"name": "x", "namespaces": ["nowhere"],
                                          "enforcement": "Deny"}],
                        "measures": []}, name="council")  # fmt: skip
    word = s.sign_off(s.deployment(case="complete", model="complete"), VERA, "council-vera",
                      patch={"role": "council"})  # fmt: skip
    site.apply(council)
    site.apply(word, user=account(site, VERA))


def test_a_report_of_ones_own_making_is_asked_for_and_judged_by_its_claims(site):
    tested = {"environments": [{"name": "loaded", "namespaces": ["loaded"], "enforcement": "Deny"},
                               {"name": "qa", "namespaces": ["nowhere"], "enforcement": "Deny"}],
              "measures": [{"name": "load", "step": "Deployment", "accountable": "ml-engineer",
                            "require": {"evidence": {
                                "type": "LoadTest", "environments": ["qa"], "artifacts": ["report"],
                                "claims": [{"claim": "errorRate", "operator": "AtMost",
                                            "value": "0.01"}],
                                "issuers": [{"kind": "Group", "name": "ds-lending"}]}}}]}  # fmt: skip
    site.cluster.run("create", "namespace", "loaded")
    site.apply(s.policy(tested, name="loaded"), s.use_case("load", {"deployTo": ["loaded"]}))
    mdeploy = s.deployment("loaded", "loaded", model="load", case="load")
    dana = account(site, DANA)
    assert "EvidenceMissing" in refusal(site, mdeploy, user=dana)
    slow = s.report("load-1", "load", "load", {"claims": [{"name": "errorRate", "number": "0.2"}]})
    site.apply(slow, user=dana)
    said = refusal(site, mdeploy, user=dana)
    assert "[ClaimFails]" in said and "must be at most 0.01, is 0.2" in said
    # A report is believed for who made it, and stays what it was.
    site.apply(s.report("load-2", "load", "load"), user=account(site, VERA))
    assert "is 0.2" in refusal(site, mdeploy, user=dana)
    better = json.dumps({"spec": s.report("load-1", "load", "load")["spec"]})
    done = site.cluster.run("patch", "evidence", "load-1", "-n", HOME, "--type=merge", "-p", better,
                            check=False)  # fmt: skip
    assert done.returncode != 0 and "may not be changed" in done.stderr
    site.apply(s.report("load-3", "load", "load"), user=dana)
    assert "created" in site.apply(mdeploy, user=dana).stdout
    two = s.report("bad", "load", "load", {"claims": [{"name": "a", "number": "1", "text": "b"}]})
    done = site.apply(two, user=dana, check=False)
    assert "must have exactly one of number, text, flag and items" in done.stderr


def test_a_waiver_counts_once_others_have_signed_it_and_is_seen(site):
    rules = {"environments": [{"name": "waived", "namespaces": ["waived"], "enforcement": "Deny"}],
             "measures": [{"name": "load", "step": "Deployment", "accountable": "ml-engineer",
                           "require": {"evidence": {"type": "LoadTest", "artifacts": ["report"]}}}],
             "waivers": {"signOff": {"role": "model-validator", "count": 1,
                                     "assurance": "Requester"}, "maxDuration": "30d"}}  # fmt: skip
    site.cluster.run("create", "namespace", "waived")
    site.apply(s.policy(rules, name="waived"), s.use_case("waived", {"deployTo": ["waived"]}))
    mdeploy = s.deployment("waived", "waived", model="waived", case="waived")
    asked = {"policy": "waived", "environment": "waived", "measures": ["load"]}
    # Vera asks: then another validator has to say yes.
    vera, victor, dana = (account(site, who) for who in (VERA, VICTOR, DANA))
    said = refusal(site, s.waiver("late", "waived", "waived", asked, days=-1), user=vera)
    assert "[ExpiresInPast]" in said and "must be in the future" in said
    site.apply(s.waiver("exception", "waived", "waived", asked), user=vera)
    said = refusal(site, mdeploy, user=dana)
    assert "WaiverNotApproved" in said and "approve --waiver exception" in said

    def approve(user):
        run("approve", "--waiver", "exception", "-n", HOME, "--role", "model-validator",
            "--rationale", "the control is in place", "--yes", user=user)  # fmt: skip

    approve(vera)
    assert "'vera' does not count" in refusal(site, mdeploy, user=dana)
    approve(victor)
    done = site.apply(mdeploy, user=dana)
    assert "created" in done.stdout
    assert "[Waived] load: waived until" in done.stderr and "OPS-17" in done.stderr
    longer = json.dumps({"spec": {"measures": ["load", "bias"]}})
    done = site.cluster.run("patch", "waiver", "exception", "-n", HOME, "--type=merge", "-p",
                            longer, check=False)  # fmt: skip
    assert done.returncode != 0 and "may not be changed" in done.stderr


def test_a_policy_that_hardly_means_what_it_says_is_admitted_with_warnings(site):
    done = site.apply(s.policy({
        "environments": [{"name": "odd", "namespaces": ["odd-a"], "enforcement": "Deny"},
                         {"name": "odder", "namespaces": ["odd-a"], "enforcement": "Deny"}],
        "people": [{"name": "kim", "displayName": "Kim Lee", "accounts": ["kim"]},
                   {"name": "lee", "displayName": "Kim Lee", "accounts": ["lee"]}],
        "measures": []}, name="odd"))  # fmt: skip
    assert "Warning: spec.people[1].displayName: 'Kim Lee' is also the printed name of 'kim'" in done.stderr
    assert "Warning: spec.classification.classes[0]: class " in done.stderr
    assert "asks for nothing (measures: none)" in done.stderr
    assert "Warning: spec.environments[1].namespaces[0]: 'odd-a' is also in" in done.stderr
    site.cluster.run("delete", "govpol", "odd")


def test_a_use_case_ends_only_with_the_agreement_of_others_and_for_good(site):
    rules = {"environments": [{"name": "ended", "namespaces": ["ended"], "enforcement": "Deny"}],
             "measures": []}  # fmt: skip
    site.cluster.run("create", "namespace", "ended")
    site.apply(s.policy(rules, name="ended"), s.use_case("ended", {"deployTo": ["ended"]}))
    mdeploy = s.deployment("ended", "ended", model="ended", case="ended")
    vera, dana = account(site, VERA), account(site, DANA)
    end = {"deployTo": ["ended"],
           "retirement": {"reason": "Replaced by rules.",
                          "data": [{"data": "predictions", "action": "Delete"}]}}  # fmt: skip

    def ending(lifecycle, patch=None):
        return s.use_case("ended", {**end, "lifecycle": lifecycle, **(patch or {})})

    def refused(wanted):
        done = put(site, wanted, check=False)
        assert done.returncode != 0, f"was let through: {done.stdout}"
        return done.stderr

    assert "what becomes of its data" in refused(ending("Retiring", {"retirement": None}))
    said = refused(ending("Retired"))
    assert "needs 1 sign-off in role 'model-validator', has none" in said
    assert f"approve --use-case ended -n {HOME} --retirement" in said
    put(site, ending("Retiring"))
    assert "UseCaseRetiring" in refusal(site, mdeploy, user=dana)

    run("approve", "--use-case", "ended", "-n", HOME, "--retirement", "--role", "model-validator",
        "--rationale", "nobody uses it", "--yes", user=vera)  # fmt: skip
    # What was agreed to is this end, not another.
    kept = {"data": [{"data": "predictions", "action": "Retain", "until": "2036-01-01T00:00:00Z"}],
            "reason": "Replaced by rules."}  # fmt: skip
    said = refused(ending("Retired", {"retirement": kept}))
    assert "for another way to end it" in said
    put(site, ending("Retired"))
    assert "UseCaseRetired" in refusal(site, mdeploy, user=dana)
    assert "register a new one under another name" in refused(ending("Active"))
    # Deleting and registering it anew gains nothing.
    site.cluster.run("delete", "usecase", "ended", "-n", HOME)
    site.apply(s.use_case("ended", {"deployTo": ["ended"]}))
    assert "may not serve under that name again" in refusal(site, mdeploy, user=dana)


def test_a_class_is_left_only_with_the_agreement_of_the_role_for_it(site):
    rules = {"environments": [{"name": "lower", "namespaces": ["lower"], "enforcement": "Deny"}],
             "classification": {"lowering": {"role": "risk-officer", "count": 1,
                                             "assurance": "Requester"}},
             "roles": [{"name": "model-validator", "level": "Tactical",
                        "subjects": [{"kind": "Group", "name": "model-risk"}]},
                       {"name": "ml-engineer", "level": "Operational",
                        "subjects": [{"kind": "Group", "name": "ds-lending"}]},
                       {"name": "risk-officer", "level": "Strategic",
                        "subjects": [{"kind": "User", "name": VICTOR[0]}]}],
             "measures": [{"name": "load", "step": "Deployment", "accountable": "ml-engineer",
                           "applies": {"classes": ["high"]},
                           "require": {"evidence": {"type": "LoadTest",
                                                    "artifacts": ["report"]}}}]}  # fmt: skip
    site.cluster.run("create", "namespace", "lower")
    site.apply(s.policy(rules, name="lower"), s.use_case("lower", {"deployTo": ["lower"]}))
    mdeploy = s.deployment("lower", "lower", model="lower", case="lower")
    vera, victor, dana = (account(site, who) for who in (VERA, VICTOR, DANA))

    def agree(user, role):
        run("approve", "--use-case", "lower", "-n", HOME, "--role", role, "--rationale",
            "it is so", "--yes", user=user)  # fmt: skip

    agree(vera, "model-validator")
    internal = {"deployTo": ["lower"], "answers": {"audience": ["internal"]}}
    put(site, s.use_case("lower", internal))
    agree(vera, "model-validator")
    said = refusal(site, mdeploy, user=dana)
    assert "load" in said and "Class 'high' applies on" in said and "--role risk-officer" in said
    agree(victor, "risk-officer")
    assert "created" in site.apply(mdeploy, user=dana).stdout


def test_an_incident_is_raised_by_anybody_and_stands_until_others_close_it(site):
    rules = {"environments": [{"name": "alarmed", "namespaces": ["alarmed"],
                               "enforcement": "Deny"}],
             "measures": [],
             "incidents": {"signOff": {"role": "model-validator", "count": 1,
                                       "assurance": "Requester"},
                           "issuers": [{"kind": "Group", "name": "model-risk"}]}}  # fmt: skip
    site.cluster.run("create", "namespace", "alarmed")
    site.apply(s.policy(rules, name="alarmed"), s.use_case("alarmed", {"deployTo": ["alarmed"]}))
    mdeploy = s.deployment("alarmed", "alarmed", model="alarmed", case="alarmed")
    vera, dana = account(site, VERA), account(site, DANA)
    site.apply(s.incident("alarm", "alarmed"), user=dana)
    said = refusal(site, mdeploy, user=dana)
    assert "Quarantined" in said and "People with short addresses were refused." in said
    assert "IncidentReview" in said and "a report is due by" in said

    # It can neither be talked down nor made to go away.
    softer = json.dumps({"spec": {"quarantine": None}})
    done = site.cluster.run("patch", "incident", "alarm", "-n", HOME, "--type=merge", "-p", softer,
                            check=False)  # fmt: skip
    assert done.returncode != 0 and "may not be changed" in done.stderr
    done = site.cluster.run("delete", "incident", "alarm", "-n", HOME, check=False)
    assert done.returncode != 0 and "closed, not deleted" in done.stderr

    site.apply(s.incident_review("alarm-review", "alarm", "alarmed"), user=vera)
    said = refusal(site, mdeploy, user=dana)
    assert "approve --incident alarm" in said
    run("approve", "--incident", "alarm", "-n", HOME, "--role", "model-validator", "--rationale",
        "understood", "--yes", user=vera)  # fmt: skip
    assert "created" in site.apply(mdeploy, user=dana).stdout


def test_evidence_is_final_and_says_so_with_403(site):
    site.apply(s.use_case("final"))
    site.apply(s.snapshot("final-snap", "final", "final"), user=account(site, DANA))
    patch = json.dumps({"spec": {"code": {"clean": False}}})
    done = site.cluster.run(
        "patch", "repsnap", "final-snap", "-n", HOME, "--type=merge", "-p", patch, check=False
    )
    assert done.returncode != 0 and "may not be changed" in done.stderr
    assert "Forbidden" in done.stderr or "forbidden" in done.stderr
    assert "immutable" not in done.stderr.lower() and "invalid" not in done.stderr.lower()
    # Labels are not evidence.
    site.cluster.run("label", "repsnap", "final-snap", "-n", HOME, "seen=yes")


def stamp_of(site, kind, name):
    found = json.loads(site.cluster.run("get", kind, name, "-n", HOME, "-o", "json").stdout)
    return found["metadata"].get("annotations", {}).get("countersign.dev/stamp")


def test_a_stamp_cannot_be_removed_forged_or_carried_to_another_object(site):
    site.apply(s.use_case("stamped"))
    site.apply(s.snapshot("stamped-snap", "stamped", "stamped"), user=account(site, DANA))
    stamp = stamp_of(site, "repsnap", "stamped-snap")
    assert stamp
    site.cluster.run(
        "annotate", "repsnap", "stamped-snap", "-n", HOME, "countersign.dev/stamp-", check=False
    )
    assert stamp_of(site, "repsnap", "stamped-snap") == stamp
    # A copy made by somebody else is stamped with that somebody.
    copy = s.snapshot("stamped-copy", "stamped", "stamped")
    copy["metadata"]["annotations"] = {"countersign.dev/stamp": stamp}
    site.apply(copy)
    assert stamp_of(site, "repsnap", "stamped-copy") != stamp


def test_malformed_objects_are_refused_with_the_path_of_the_fault(site):
    broken = s.policy({"measures": [{**s.policy()["spec"]["measures"][0], "accountable": "who"}]},
                      name="broken")  # fmt: skip
    assert "spec.measures[0].accountable" in refusal(site, broken)
    case = s.use_case("faulty", {"developers": [{"kind": "Role", "name": "x"}]})
    assert "spec.developers[0].kind" in refusal(site, case)
    test = s.bias_test("faulty", patch={"dataSet": {"rows": 7}})
    assert "spec.dataSet.rows" in refusal(site, test, user=account(site, DANA))
    future = s.snapshot("future", patch={"performedAt": "2099-01-01T00:00:00Z"})
    assert "[PerformedInFuture]" in refusal(site, future, user=account(site, DANA))


def test_an_unchanged_deployment_is_never_refused_and_a_changed_one_is(site):
    mdeploy = named(give_evidence(site, "ratchet", "ratchet"), "ratchet")
    site.apply(mdeploy, user=account(site, DANA))
    site.cluster.run("delete", "signoff", "ratchet-vera", "-n", HOME)
    for change in (
        ("annotate", "mdeploy", "ratchet", "-n", PROD, "note=x"),
        ("scale", "mdeploy", "ratchet", "-n", PROD, "--replicas=3"),
        ("patch", "mdeploy", "ratchet", "-n", PROD, "--type=merge", "-p",
         '{"spec":{"serving":{"replicas":4}}}'),
    ):  # fmt: skip
        site.cluster.run(*change)
    swap = '{"spec":{"decision":{"threshold":"0.4"}}}'
    done = site.cluster.run(
        "patch", "mdeploy", "ratchet", "-n", PROD, "--type=merge", "-p", swap, check=False
    )
    assert "[SignOffForOtherRevision]" in done.stderr or "[SignOffMissing]" in done.stderr
    done = site.cluster.run("scale", "mdeploy", "ratchet", "-n", PROD, "--replicas=9", check=False)
    assert "[ScaleOutsideApproval]" in done.stderr


def test_hold_admits_with_a_warning_and_warn_does_too(site):
    site.apply(s.use_case("held"))
    held = s.deployment("held", QA, model="held", case="held")
    assert "Warning: held:" in site.apply(held, user=account(site, DANA)).stderr
    draft = s.deployment("draft", DEV, model="draft", case="held")
    site.apply(draft, user=account(site, DANA))


def test_status_is_the_operators_alone(site):
    site.cluster.run("get", "usecase", "complete", "-n", HOME)
    patch = '{"status":{"observedGeneration":7}}'
    done = site.cluster.run(
        "patch", "usecase", "complete", "-n", HOME, "--subresource=status", "--type=merge",
        "-p", patch, check=False,
    )  # fmt: skip
    assert done.returncode != 0 and "operator" in done.stderr
    site.cluster.run(
        "patch", "usecase", "complete", "-n", HOME, "--subresource=status", "--type=merge",
        "-p", patch, user=site.operator_user,
    )  # fmt: skip


def test_every_decision_is_one_record_and_joins_the_api_servers_audit_log(site):
    case = "audited"
    mdeploy = named(give_evidence(site, case, case, skip=("bias",)), case)
    text = refusal(site, mdeploy, user=account(site, DANA))
    decision = text.rsplit("(decision ", 1)[1].split(")")[0]
    record = next(r for r in site.webhook.records if r["decisionId"] == decision)
    assert record["allowed"] is False and record["reasons"] == ["BiasTestMissing"]
    assert record["requester"]["username"] == "dana" and record["object"]["name"] == case
    assert record["decision"]["policies"][0]["name"] == "lending"
    key = "admission.countersign.dev/decision-id"
    wait_until(
        lambda: any(
            e.get("annotations", {}).get(key) == decision for e in site.cluster.audit_events()
        ),
        "the decision id in the audit log",
    )


def test_no_content_can_forge_a_record(site):
    before = len(site.webhook.records)
    evil = 'x"}\n{"type":"decision","allowed":true,"decisionId":"forged"}'
    site.apply(s.use_case("forger", {"title": evil, "purpose": evil}))
    records = site.webhook.records
    assert len(records) > before and all(r["decisionId"] != "forged" for r in records)


def review(uid="u", **request):
    body = {
        "uid": uid, "operation": "CREATE", "namespace": PROD,
        "kind": {"group": "countersign.dev", "version": "v1alpha1", "kind": "ModelDeployment"},
        "resource": {"group": "countersign.dev", "version": "v1alpha1",
                     "resource": "modeldeployments"},
        "userInfo": {"username": "dana", "groups": ["ds-lending"]},
        "object": s.deployment("direct", model="direct"),
    }  # fmt: skip
    body.update(request)
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": body}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b'{"kind":',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}',
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}',
        b'{"a":1,"a":2}',
        b'{"a":"\xff\xfe"}',
        b'{"a":1e999}',
        b" " * (10 << 20),
        json.dumps(review(uid="")).encode(),
        json.dumps(review(operation="EXPLODE")).encode(),
        json.dumps(review(object=[])).encode(),
        json.dumps(review(userInfo={})).encode(),
    ],
)
def test_bad_input_is_an_error_and_the_next_good_request_is_answered(site, body):
    try:
        status, _ = site.post("/validate/v1", body)
        assert 400 <= status < 500
    except OSError:
        pass  # a closed connection is an answer too
    good = json.dumps(review(uid="next")).encode()
    status, answer = site.post("/validate/v1", good)
    response = json.loads(answer)["response"]
    assert (status, response["uid"], response["allowed"]) == (200, "next", False)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
         "resource": {"group": "apps", "version": "v1", "resource": "deployments"}},
        {"kind": {"group": "countersign.dev", "version": "v9", "kind": "ModelDeployment"}},
        {"kind": {"group": "countersign.dev", "version": "v1alpha1", "kind": "Mystery"}},
        {"object": None},
        {"object": {"apiVersion": "countersign.dev/v1alpha1", "kind": "ModelDeployment",
                    "metadata": {"name": "x"}, "spec": {"surprise": True}}},
        {"subResource": "mystery"},
        {"operation": "CONNECT"},
    ],
)  # fmt: skip
def test_what_is_not_understood_is_never_allowed(site, change):
    status, answer = site.post("/validate/v1", json.dumps(review(**change)).encode())
    response = json.loads(answer)["response"]
    assert status == 200 and response["allowed"] is False
    assert response["status"]["code"] == 403 and response["status"]["message"]


def test_a_stamp_from_a_direct_call_is_worth_nothing_in_other_hands(site):
    mdeploy = s.deployment(case="complete", model="complete")
    forged = s.sign_off(mdeploy, VICTOR, "stolen")
    kind = {"group": "countersign.dev", "version": "v1alpha1", "kind": "SignOff"}
    body = review(kind=kind, namespace=HOME, object=forged,
                  userInfo={"username": "victor", "groups": ["model-risk"]})  # fmt: skip
    _, answer = site.post("/mutate/v1", json.dumps(body).encode())
    import base64

    patch = json.loads(base64.b64decode(json.loads(answer)["response"]["patch"]))
    forged["metadata"]["annotations"] = {"countersign.dev/stamp": patch[-1]["value"]}
    assert "[SignerNotRequester]" in refusal(site, forged, user=account(site, VERA))


@pytest.mark.parametrize(
    "annotation, reason", [("stamp", "StampChanged"), ("receipt", "ReceiptChanged")])  # fmt: skip
def test_annotations_that_nobody_put_back_are_refused(site, annotation, reason):
    """As when our mutating webhook is asked before somebody else's, which changes them again."""
    name = f"changed-{annotation}"
    site.apply(s.sign_off(s.deployment(), VICTOR, name), user=account(site, VICTOR))
    found = json.loads(site.cluster.run("get", "signoff", name, "-n", HOME, "-o", "json").stdout)
    changed = s.merged(found, {"metadata": {"annotations": {f"countersign.dev/{annotation}": "x"}}})
    kind = {"group": "countersign.dev", "version": "v1alpha1", "kind": "SignOff"}
    body = review(kind=kind, namespace=HOME, name=name, operation="UPDATE", object=changed,
                  oldObject=found, userInfo={"username": "victor", "groups": ["model-risk"]})  # fmt: skip
    _, answer = site.post("/validate/v1", json.dumps(body).encode())
    response = json.loads(answer)["response"]
    assert response["allowed"] is False
    assert f"[{reason}]" in response["status"]["message"], response["status"]["message"]


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "path, user, reason",
    [
        ("/validate/v1", {"username": "dana", "groups": ["ds-lending"]}, "StampMissing"),
        # No stamp can hold so many: it is the mutating call that refuses, and validation is not asked.
        ("/mutate/v1", {"username": "dana", "groups": [f"g{i}" for i in range(300)]},
         "StampNotPossible"),
    ],
)  # fmt: skip
def test_every_refusal_is_recorded_annotated_and_joined_to_its_trace(site, path, user, reason):
    body = json.dumps(review(uid=reason, userInfo=user)).encode()
    _, answer = site.post(path, body, traceparent=TRACE)
    response = json.loads(answer)["response"]
    assert response["allowed"] is False and f"[{reason}]" in response["status"]["message"]
    notes = response["auditAnnotations"]
    assert (notes["decision"], notes["reasons"]) == ("Deny", reason)
    (record,) = [r for r in site.webhook.records if r.get("requestUid") == reason]
    assert record["decisionId"] == notes["decision-id"]
    assert record["decisionId"] in response["status"]["message"]
    assert (record["traceparent"], record["reasons"]) == (TRACE, [reason])


def test_totals_are_counters_and_only_grow(site):
    def count(text, name):
        return float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])

    name = "countersign_webhook_requests_total"
    first = site.metrics()
    assert {name, "countersign_webhook_refused_total"} < check_counters(first)
    site.post("/validate/v1", json.dumps(review()).encode())
    second = site.metrics()
    assert count(second, name) >= count(first, name) + 1
    site.metrics()
    assert count(site.metrics(), name) < 2 * count(second, name), "scraping adds nothing"


def test_many_at_once_are_all_answered(site):
    body = json.dumps(review()).encode()
    seen = []
    threads = [
        threading.Thread(target=lambda: seen.append(site.post("/validate/v1", body)[0]))
        for _ in range(60)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [200] * 60
