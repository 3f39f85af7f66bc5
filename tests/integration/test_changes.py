"""A new model takes over from the one before, on a real API server: what is carried over, and what
is not."""

import datetime
import json

import pytest
import samples as s
from cli import write
from samples import DANA, HOME, PROD, VERA, VICTOR
from world import Installation, run, wait_until

STATED = {
    "algorithm": "LogisticRegression",
    "features": {"names": ["income", "debt"]},
    "purposeCategory": "credit-decision",
}


def policy():
    believed = [{"kind": "Group", "name": "ds-lending"}]
    measures = s.policy()["spec"]["measures"]
    for measure in measures:
        if measure["name"] == "bias":
            measure["carryOver"] = [{"kinds": ["DataRefresh"], "maxAge": "30d"}]
    protocols = {
        "signOff": {"role": "model-validator", "count": 1, "assurance": "Requester"},
        "measures": ["validation"], "kinds": ["DataRefresh"], "freshMeasures": ["bias"],
        "maxUses": 30, "maxDuration": "90d",
    }  # fmt: skip
    changes = {"protocols": protocols, "issuers": believed, "healthIssuers": believed, "maxSteps": 2, "maxTotal": "60d"}
    return s.policy({"measures": measures, "changes": changes})


@pytest.fixture(scope="module")
def site():
    site = Installation(operator=True)
    try:
        for namespace in (HOME, PROD):
            site.cluster.run("create", "namespace", namespace)
        for name, role in (
            ("model-risk", "countersign-approver"),
            ("ds-lending", "countersign-developer"),
        ):
            site.cluster.run(
                "create", "clusterrolebinding", name, f"--clusterrole={role}", f"--group={name}"
            )
        site.apply(policy())
        yield site
    finally:
        site.close()


def account(site, person):
    return site.cluster.user(*person)


def refreshed(model, previous=None, patch=None):
    """A snapshot of a nightly run: the same code on that night's data."""
    own = s.merged(STATED, patch or {})
    snapshot = s.snapshot(f"{model}-run", model, model.split(".")[0], own)
    snapshot["spec"]["data"][0]["digest"] = s.digest(f"data of {model}")
    if previous:
        snapshot["spec"]["previous"] = {"digest": s.digest(previous), "digestType": "ociManifest"}
    return snapshot


def served(model):
    case = model.split(".")[0]
    patch = {
        "type": "ServingRecord",
        "environment": "prod",
        "claims": [{"name": "healthy", "flag": True}],
        "artifacts": None,
    }
    return s.report(f"{model}-served", model, case, patch)


def first_model(site, case):
    """The use case, and all evidence about the model that served until now."""
    use_case = s.use_case(case)
    site.apply(use_case)
    site.apply(s.answers_sign_off(use_case), user=account(site, VERA))
    site.apply(
        refreshed(f"{case}.1"),
        s.bias_test(f"{case}.1-fair", f"{case}.1", case),
        user=account(site, DANA),
    )


def signed_deployment(site, case, model):
    mdeploy = s.deployment(case, PROD, model, case)
    for signer in (VERA, VICTOR):
        site.apply(s.sign_off(mdeploy, signer, f"{model}-{signer[0]}"), user=account(site, signer))
    return mdeploy


def test_a_refresh_goes_on_with_the_bias_test_of_a_model_that_ran_healthily(site):
    first_model(site, "nightly")
    site.apply(refreshed("nightly.2", "nightly.1"), user=account(site, DANA))
    mdeploy = signed_deployment(site, "nightly", "nightly.2")
    refused = site.apply(mdeploy, user=account(site, DANA), check=False)
    assert refused.returncode != 0
    assert "[PredecessorNotHealthy]" in refused.stderr and "'prod'" in refused.stderr
    site.apply(served("nightly.1"), user=account(site, DANA))
    assert "created" in site.apply(mdeploy, user=account(site, DANA)).stdout

    def shown():
        done = site.cluster.run("get", "mdeploy", "nightly", "-n", PROD, "-o", "json")
        return json.loads(done.stdout).get("status", {}).get("changes")

    wait_until(shown, "the change to stand in the status", 60)
    assert "DataRefresh (spec.data 'train' has another digest)" in shown()[0]
    explained = run("explain", "nightly", "-n", PROD, user=site.operator_user, check=False).stdout
    assert "by policy 'lending': DataRefresh" in explained
    assert "carried over from model " + s.digest("nightly.1") in explained


def test_check_shows_the_kind_of_change_and_whose_evidence_counts(tmp_path):
    path = write(
        tmp_path / "all.yaml", policy(), s.use_case("n"), s.deployment("n", PROD, "n.2", "n"),
        refreshed("n.1"), s.bias_test("n.1-fair", "n.1", "n"), served("n.1"),
        refreshed("n.2", "n.1"),
    )  # fmt: skip
    text = run("check", "-f", path, check=False).stdout
    assert f"change from model {s.digest('n.1')} by policy 'lending': DataRefresh (spec.data" in text
    told = json.loads(run("check", "-f", path, "-o", "json", check=False).stdout)
    decision = told["deployments"][0]["decision"]
    assert decision["changes"][0]["kinds"] == ["DataRefresh"]
    bias = next(gate for gate in decision["gates"] if gate["measure"] == "bias")
    assert bias["state"] == "Passed"
    assert bias["carriedOver"] == {"model": s.digest("n.1"), "steps": 1, "kinds": ["DataRefresh"]}


def test_another_algorithm_is_tested_anew(site):
    first_model(site, "boosted")
    site.apply(
        served("boosted.1"),
        refreshed("boosted.2", "boosted.1", {"algorithm": "GradientBoosting"}),
        user=account(site, DANA),
    )
    mdeploy = signed_deployment(site, "boosted", "boosted.2")
    refused = site.apply(mdeploy, user=account(site, DANA), check=False)
    assert refused.returncode != 0
    assert "[ChangeNotCarried]" in refused.stderr
    assert "spec.algorithm was 'LogisticRegression', is 'GradientBoosting'" in refused.stderr
    site.apply(
        s.bias_test("boosted.2-fair", "boosted.2", "boosted"), user=account(site, DANA)
    )
    assert "created" in site.apply(mdeploy, user=account(site, DANA)).stdout


def test_a_model_that_takes_over_from_itself_is_refused_with_the_path(site):
    refused = site.apply(refreshed("own.1", "own.1"), user=account(site, DANA), check=False)
    assert refused.returncode != 0 and "spec.previous.digest" in refused.stderr


def protocol(site, case, uses, folder):
    """Binds what `countersign check` shows of the live policy and the deployment."""
    found = [
        json.loads(site.cluster.run("get", *what, "-o", "json").stdout)
        for what in (("govpol", "lending"), ("usecase", case, "-n", HOME))
    ]
    manifests = folder / "manifests.yaml"
    deployed = s.deployment(case, PROD, f"{case}.1", case)
    manifests.write_text("\n---\n".join(json.dumps(o) for o in (*found, deployed)))
    checked = run("check", "-f", manifests, "-o", "json", check=False)
    decision = json.loads(checked.stdout)["deployments"][0]["decision"]
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)
    said = {
        "kinds": {"items": ["DataRefresh"]}, "standsFor": {"items": ["validation"]},
        "maxUses": {"number": str(uses)}, "policy": {"text": "lending"},
        "expiresAt": {"text": ends.strftime("%Y-%m-%dT%H:%M:%SZ")},
        "policyDigest": {"text": decision["policies"][0]["digest"]},
        "frameDigest": {"text": decision["frameDigest"]}, "accuracyMin": {"number": "0.85"},
    }  # fmt: skip
    claims = [{"name": name, **value} for name, value in said.items()]
    patch = {"type": "ChangeProtocol", "environment": "prod", "claims": claims, "artifacts": None}
    return s.report(f"{case}-nightly", f"{case}.1", case, patch)


def test_nightly_models_within_a_signed_protocol_need_no_nightly_human(site, tmp_path):
    case = "protocol"
    first_model(site, case)
    plan = protocol(site, case, 1, tmp_path)
    site.apply(served(f"{case}.1"), plan, user=account(site, DANA))

    def report(model):
        fair = s.bias_test(f"{model}-fair", model, case)
        site.apply(refreshed(model, f"{case}.1"), fair, user=account(site, DANA))

    def deploy(model):
        mdeploy = s.deployment(case, PROD, model, case)
        return site.apply(mdeploy, user=account(site, DANA), check=False)

    report(f"{case}.2")
    refused = deploy(f"{case}.2")
    assert "[ProtocolNotApproved]" in refused.stderr
    assert f"approve --protocol {case}-nightly" in refused.stderr
    signed = run(
        "approve", "--protocol", f"{case}-nightly", "-n", HOME, "--role", "model-validator",
        "--rationale", "The bounds are tight.", "--yes", user=account(site, VERA),
    )  # fmt: skip
    assert "frameDigest" in signed.stdout and "DataRefresh" in signed.stdout
    assert "created" in deploy(f"{case}.2").stdout
    # The second one is more than was approved of.
    site.cluster.run("delete", "mdeploy", case, "-n", PROD)
    report(f"{case}.3")
    refused = deploy(f"{case}.3")
    assert "[ProtocolExhausted]" in refused.stderr and "it covers 1" in refused.stderr


def test_a_protocol_that_nobody_could_read_is_refused_with_the_path(site):
    plan = s.report("odd", patch={"type": "ChangeProtocol", "environment": "prod"})
    refused = site.apply(plan, user=account(site, DANA), check=False)
    assert refused.returncode != 0 and "spec.claims" in refused.stderr
    assert "must have claim 'kinds'" in refused.stderr
