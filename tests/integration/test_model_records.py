"""What a ModelRecord remembers on a real control plane: deleting evidence, its namespace, or applying
it again improves nothing."""

import datetime
import json

from operator_world import digest, eventually, now, rfc3339, spec_digest

VERA = ("vera@bank.example", "model-risk")
DAN = ("dan@bank.example", "ds-lending")


def record_of(world, model="1"):
    found = world.kubectl.get("modelrec", f"sha256-{model * 64}")
    return found and found["spec"]


def record_of_use_case(world):
    records = world.kubectl.list("modelrec", "default")
    return next((r["spec"] for r in records if r["spec"].get("useCase") == f"{world.home}/credit"), None)


def recorded(world, kind, name, look=record_of):
    """The entry about an object of this world."""
    entries = (look(world) or {}).get(kind, [])
    return next((e for e in entries if (e["namespace"], e["name"]) == (world.home, name)), None)


def reject(world, name="no", model="1"):
    governed = world.settled()["status"]["governedDigest"]
    spec = {"subject": {"kind": "ModelDeployment", "useCase": "credit", "environment": "prod",
                        "model": {"digest": digest(model), "digestType": "ociManifest"},
                        "governedDigest": governed},
            "role": "validator", "decision": "Reject", "signer": {"username": VERA[0]},
            "rationale": "It harms people."}
    world.kubectl.create(world.stamped(
        {"apiVersion": "countersign.dev/v1alpha1", "kind": "SignOff",
         "metadata": {"name": name, "namespace": world.home}, "spec": spec}, *VERA))


BIAS = {"biasTest": {
    "attributes": [{"name": "sex", "groups": ["female", "male"], "reference": "male"}],
    "favorableOutcome": "approved", "judge": "PointEstimate", "minGroupSize": 10,
    "minPositives": 1, "minNegatives": 1,
    "metrics": [{"name": "disparateImpact", "min": "0.8", "max": "1.25"}],
    "issuers": [{"kind": "Group", "name": "ds-lending"}]}}


def bias_test(world, name, women_approved):
    def cell(sex, approved):
        return {"groups": {"sex": sex}, "tp": approved, "fp": 0, "fn": 0, "tn": 100 - approved}
    spec = {"useCase": "credit", "model": {"digest": digest("1"), "digestType": "ociManifest"},
            "performedAt": rfc3339(now()), "protocol": "holdout", "favorableOutcome": "approved",
            "dataSet": {"name": "holdout", "digest": digest("7"), "rows": 200},
            "attributes": [{"name": "sex"}],
            "cells": [cell("female", women_approved), cell("male", 50)]}
    obj = world.stamped({"apiVersion": "countersign.dev/v1alpha1", "kind": "BiasTest",
                         "metadata": {"name": name, "namespace": world.home}, "spec": spec}, *DAN)
    world.kubectl.create(obj)
    return obj


def test_a_record_says_who_decided_and_where_the_model_serves(world):
    world.serve()
    entry = recorded(world, "decisions", "approval-1")
    assert (entry["by"]["user"], entry["decision"]) == (VERA[0], "Approve")
    serving = eventually(lambda: [s for s in record_of(world).get("serving", [])
                                  if s["deployment"] == f"{world.env}/scorer"], "where it serves")
    assert [(s["environment"], s["version"], s.get("until")) for s in serving] == \
        [("prod", "1.0.0", None)]
    world.kubectl("wait", "--for=condition=Ready", f"modelrec/sha256-{'1' * 64}", "--timeout=30s")

    world.kubectl("delete", "mdeploy", "scorer", "-n", world.env)
    eventually(lambda: all(s.get("until") for s in record_of(world)["serving"]
                           if s["deployment"] == f"{world.env}/scorer"), "it to serve no more")


def test_a_deleted_rejection_still_rejects_until_its_own_person_approves(world):
    world.put_policy()
    world.put_use_case()
    world.put_deployment()
    reject(world)
    world.until(Governed="SignOffRejected")
    eventually(lambda: recorded(world, "decisions", "no"), "the record")
    world.approve(user="victor@bank.example")
    world.kubectl("delete", "signoff", "no", "-n", world.home)
    eventually(lambda: recorded(world, "decisions", "no").get("withdrawnAt"), "the withdrawal")
    world.until(phase="Nothing", Governed="SignOffRejected")

    world.approve()
    world.until(phase="Serving", Ready="Serving")


def test_a_rejection_outlives_its_namespace(world):
    world.put_policy()
    world.put_use_case()
    world.put_deployment()
    reject(world)
    world.until(Governed="SignOffRejected")
    eventually(lambda: recorded(world, "decisions", "no"), "the record")
    world.kubectl("delete", "namespace", world.home)  # waits until it is gone
    world.kubectl("create", "namespace", world.home)
    world.put_use_case()
    world.until(phase="Nothing", Governed="SignOffRejected")


def test_a_deleted_rejection_of_a_waiver_still_rejects_it(world):
    world.put_policy(waivers={
        "signOff": {"role": "validator", "count": 1, "assurance": "Requester"},
        "maxDuration": "1h"})
    world.put_use_case()
    world.put_deployment()
    world.until(Governed="SignOffMissing")
    world.waive(now() + datetime.timedelta(minutes=50))
    world.until(phase="Serving", Governed="ApprovedWithWaivers")
    waiver = world.kubectl.get("waiver", "exception", world.home)["spec"]
    user = "victor@bank.example"
    world.kubectl.create(world.stamped(
        {"apiVersion": "countersign.dev/v1alpha1", "kind": "SignOff",
         "metadata": {"name": "no", "namespace": world.home},
         "spec": {"subject": {"kind": "Waiver", "useCase": "credit", "waiver": "exception",
                              "waiverDigest": spec_digest(waiver)},
                  "role": "validator", "decision": "Reject", "signer": {"username": user},
                  "rationale": "It harms people."}}, user, "model-risk"))
    world.until(Governed="SignOffMissing")
    eventually(lambda: recorded(world, "decisions", "no", record_of_use_case), "the record")
    world.kubectl("delete", "signoff", "no", "-n", world.home)
    eventually(lambda: recorded(world, "decisions", "no", record_of_use_case).get("withdrawnAt"),
               "the withdrawal")
    world.put_deployment(version="1.0.1")  # decided anew
    world.settled()
    world.until(Governed="SignOffMissing")


def prediction_log(world, name, days):
    user = ("lena@bank.example", "sre")
    world.kubectl.create(world.stamped(
        {"apiVersion": "countersign.dev/v1alpha1", "kind": "Evidence",
         "metadata": {"name": name, "namespace": world.home},
         "spec": {"useCase": "credit", "type": "PredictionLog", "performedAt": rfc3339(now()),
                  "claims": [{"name": "retentionDays", "number": days}]}}, *user))


def test_a_deleted_report_about_the_use_case_governs_models_that_came_later(world):
    world.put_policy(require={"evidence": {
        "type": "PredictionLog", "scope": "UseCase",
        "claims": [{"claim": "retentionDays", "operator": "AtLeast", "value": "90"}],
        "issuers": [{"kind": "Group", "name": "sre"}]}})
    world.put_use_case()
    prediction_log(world, "long", "90")
    eventually(lambda: recorded(world, "results", "long", record_of_use_case), "the record")
    prediction_log(world, "short", "7")
    eventually(lambda: recorded(world, "results", "short", record_of_use_case), "the record")
    world.kubectl("delete", "evidence.countersign.dev", "short", "-n", world.home)
    eventually(lambda: recorded(world, "results", "short", record_of_use_case).get("withdrawnAt"),
               "the withdrawal")
    world.put_deployment()
    world.until(phase="Nothing", Governed="EvidenceWithdrawn")
    prediction_log(world, "longer", "120")
    world.until(phase="Serving", Ready="Serving")


def test_an_approval_that_was_withdrawn_and_is_applied_again_does_not_count(world):
    world.serve()
    kept = world.kubectl.get("signoff", "approval-1", world.home)
    world.kubectl("delete", "signoff", "approval-1", "-n", world.home)
    eventually(lambda: recorded(world, "decisions", "approval-1").get("withdrawnAt"), "the record")
    world.kubectl.create({"apiVersion": kept["apiVersion"], "kind": kept["kind"],
                          "metadata": {"name": "approval-1", "namespace": world.home,
                                       "annotations": kept["metadata"]["annotations"]},
                          "spec": kept["spec"]})
    world.until(Governed="SignOffWithdrawn")
    world.approve()
    world.until(phase="Serving", Ready="Serving")


def test_a_failed_bias_test_that_was_deleted_governs_until_a_later_one(world):
    world.put_policy(require=BIAS)
    world.put_use_case()
    world.put_deployment()
    good = bias_test(world, "good", women_approved=50)
    world.until(phase="Serving", Ready="Serving")
    bias_test(world, "bad", women_approved=10)
    world.until(Governed="BiasOutOfBounds")
    eventually(lambda: recorded(world, "results", "bad")["verdicts"][0]["state"] == "Failed",
               "the verdict in the record")

    world.kubectl("delete", "biastest", "bad", "-n", world.home)
    world.until(Governed="BiasTestWithdrawn")
    gate = next(g for g in world.read()["status"]["gates"] if g["measure"] == "validation")
    assert "was Failed BiasOutOfBounds" in gate["message"] and "'bad'" in gate["message"]

    # The good one once more, as if it were new: the same result is no later one.
    world.kubectl("delete", "biastest", "good", "-n", world.home)
    del good["metadata"]["annotations"]
    world.kubectl.create(world.stamped(good, *DAN))
    eventually(lambda: world.kubectl.get("biastest", "good", world.home).get("status", {})
               .get("stampedUser"), "the operator to see it")
    world.until(Governed="BiasTestWithdrawn")

    # Nothing new is known, so nothing is written any more.
    versions = []

    def at_rest():
        name = f"sha256-{digest('1').removeprefix('sha256:')}"
        versions.append(world.kubectl.get("modelrec", name)["metadata"]["resourceVersion"])
        return len(versions) > 3 and len(set(versions[-3:])) == 1
    eventually(at_rest, "the record to stay as it is")

    bias_test(world, "better", women_approved=49)
    # What was approved before serves on meanwhile, so that alone says nothing.
    world.until(phase="Serving", Ready="Serving", Governed="Approved")
    gate = next(g for g in world.read()["status"]["gates"] if g["measure"] == "validation")
    assert "attempt 3 of protocol 'holdout'" in gate["message"], gate["message"]


def test_a_record_that_the_operator_did_not_write_holds_its_model(world):
    world.put_policy()
    world.put_use_case()
    world.kubectl.create({"apiVersion": "countersign.dev/v1alpha1", "kind": "ModelRecord",
                          "metadata": {"name": f"sha256-{'e' * 64}"},
                          "spec": {"digest": digest("e")}})
    world.put_deployment(model="e")
    status = world.until(phase="Nothing", Governed="FactsUnknown")["status"]
    assert "is not signed by this installation" in json.dumps(status["gates"])
    world.kubectl("delete", "modelrec", f"sha256-{'e' * 64}")
    world.approve(model="e")
    world.until(phase="Serving", Ready="Serving")
