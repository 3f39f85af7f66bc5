"""`countersign report`: regulations' controls against deployments, on files."""

import html.parser
import json

import pytest
import yaml

import packs
import samples
from cli import ROOT, run, write

FRAMEWORKS = {"eu-ai-act": "eu-ai-act-high-risk", "gxp": "gxp", "ss1-23": "financial-mrm",
              "sr-26-2": "financial-mrm", "nist-ai-rmf": "public-web-model",
              "iso-42001": "public-web-model"}  # fmt: skip
# What a pack's policy does not ask for is told, not hidden.
UNASKED = {
    "iso-42001": {"A.3.3", "A.5.5"},
}


def report(framework, folder, *arguments):
    done = run("report", "--framework", framework, "-f", folder, "-o", "json", "--at", packs.AT,
               *arguments)  # fmt: skip
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def states(answer, deployment=0):
    return {c["id"]: c["state"] for c in answer["deployments"][deployment]["controls"]}


def without(*names):
    return lambda objects: [o for o in objects if o["metadata"]["name"] not in names]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_pack_with_its_evidence_has_no_gap_but_what_it_does_not_ask_for(framework, tmp_path):
    folder = packs.folder(tmp_path, FRAMEWORKS[framework])
    code, answer, error = report(framework, folder)
    found = states(answer)
    data = yaml.safe_load((ROOT / "examples/frameworks" / f"{framework}.yaml").read_text())
    assert list(found) == [c["id"] for c in data["spec"]["controls"]]
    gaps = {c["id"]: (c["state"], c["because"]) for c in answer["deployments"][0]["controls"]
            if c["gap"]}  # fmt: skip
    assert set(gaps) == UNASKED.get(framework, set()), gaps
    assert all(state == "NoMeasure" for state, _ in gaps.values())
    assert code == (1 if gaps else 0), error
    assert "Met" in found.values()
    assert (answer["apiVersion"], answer["kind"]) == ("cli.countersign.dev/v1", "FrameworkReport")


def test_a_framework_is_one_of_the_six_that_are_shipped(tmp_path):
    assert {p.stem for p in (ROOT / "examples" / "frameworks").glob("*.yaml")} == set(FRAMEWORKS)
    done = run("report", "--framework", "sox", "-f", packs.folder(tmp_path, "gxp"))
    assert (done.returncode, done.stdout) == (2, "")
    for name in FRAMEWORKS:
        assert name in done.stderr


def test_missing_evidence_is_a_gap_of_its_controls_alone(tmp_path):
    folder = packs.folder(tmp_path, "eu-ai-act-high-risk", without("risk-assessment"))
    code, answer, _ = report("eu-ai-act", folder)
    assert code == 1 and answer["gaps"] == 1
    control = next(c for c in answer["deployments"][0]["controls"] if c["gap"])
    assert (control["id"], control["state"]) == ("art-9", "NotMet")
    basis = control["basis"][0]
    assert basis["name"] == "eu-ai-act-high-risk/risk-management"
    assert basis["remedy"] and "RiskAssessment" in basis["message"] + basis["remedy"]


def test_where_no_policy_asks_nothing_counts_as_met(tmp_path):
    """Served by its own policy, and yet not in line with the regulation."""
    folder = packs.folder(tmp_path, "self-service-analytics")
    assert run("check", "-f", folder, "--now", packs.AT).returncode == 0
    code, answer, _ = report("eu-ai-act", folder)
    assert code == 1
    found = states(answer)
    assert found["art-9"] == found["art-14"] == "NoMeasure"
    # Documentation at level None asks for nothing, and a mild level is not the one that it takes.
    assert found["art-11"] == "NoMeasure"
    control = next(c for c in answer["deployments"][0]["controls"] if c["id"] == "art-9")
    assert control["because"] == "no policy asks for evidence with type RiskAssessment here"


def test_what_is_not_about_a_deployment_does_not_apply(tmp_path):
    def harmless(objects):
        objects[0]["spec"]["answers"]["euRiskClass"] = ["none"]
        return objects

    code, answer, _ = report("eu-ai-act",
                             packs.folder(tmp_path, "eu-ai-act-high-risk", harmless))  # fmt: skip
    assert code == 0
    found = states(answer)
    assert found["art-9"] == found["art-14-5"] == "NotApplicable"
    assert found["art-5"] == found["art-6"] == "Met"


def test_answers_that_nobody_signed_leave_nothing_out(tmp_path):
    def unsigned(objects):
        objects[0]["spec"]["answers"]["euRiskClass"] = ["none"]
        return without("answers")(objects)

    code, answer, _ = report("eu-ai-act",
                             packs.folder(tmp_path, "eu-ai-act-high-risk", unsigned))  # fmt: skip
    assert code == 1
    found = states(answer)
    assert found["art-9"] == "Met" and found["art-14-5"] == "NotMet" and found["art-6"] == "NotMet"


def test_time_alone_makes_gaps(tmp_path):
    folder = packs.folder(tmp_path, "eu-ai-act-high-risk")
    done = run("report", "--framework", "eu-ai-act", "-f", folder, "--at", "2028-01-01T00:00:00Z",
               "-o", "json")  # fmt: skip
    assert done.returncode == 1
    assert states(json.loads(done.stdout))["art-9"] == "Expired"


def test_a_look_back_does_not_see_what_came_later(tmp_path):
    folder = packs.folder(tmp_path, "eu-ai-act-high-risk")
    done = run("report", "--framework", "eu-ai-act", "-f", folder, "--at", "2026-11-11T00:00:00Z",
               "-o", "json")  # fmt: skip
    assert done.returncode == 1
    found = states(json.loads(done.stdout))
    assert (found["art-9"], found["art-16"]) == ("Met", "NotMet")  # signed on 12 November


def test_a_waiver_that_holds_is_told_and_is_no_gap(tmp_path):
    case, mdeploy = samples.use_case(), samples.deployment()
    rules = {"signOff": {"role": "model-validator", "count": 1, "assurance": "Requester"},
             "maxDuration": "30d"}  # fmt: skip
    waiver = samples.waiver(patch={"expiresAt": "2026-12-01T00:00:00Z"})
    approval = {"subject": {"kind": "Waiver", "useCase": "credit", "waiver": "exception",
                            "waiverDigest": samples.canonical_digest(waiver["spec"])},
                "role": "model-validator", "decision": "Approve", "signer": {"username": "vera"},
                "rationale": "Agreed."}  # fmt: skip
    write(tmp_path / "all.yaml", samples.policy({"waivers": rules}), case, mdeploy,
          samples.answers_sign_off(case), waiver,
          samples.obj("SignOff", "waived", samples.HOME, approval))  # fmt: skip
    _, answer, _ = report("nist-ai-rmf", tmp_path)
    assert states(answer)["MEASURE 2.11"] == "Waived"
    control = next(c for c in answer["deployments"][0]["controls"] if c["id"] == "MEASURE 2.11")
    assert not control["gap"] and "OPS-17" in control["basis"][0]["message"]


def test_a_signature_shows_printed_name_time_and_meaning(tmp_path):
    """21 CFR 11.50."""
    def by_the_lead(objects):
        for o in objects:
            if o["kind"] == "SignOff" and o["spec"]["role"] == "quality-assurance":
                o["spec"]["signer"]["username"] = "your-quality-lead@example.org"
        return objects

    _, answer, _ = report("gxp", packs.folder(tmp_path, "gxp", by_the_lead))
    control = next(c for c in answer["deployments"][0]["controls"] if c["id"] == "11.50(a)")
    signed = [e for b in control["basis"] for e in b["evidence"]]
    lead = next(e for e in signed if e["meaning"] == "Approve as quality-assurance")
    assert lead["by"] == "Printed Name (your-quality-lead@example.org)"
    assert lead["at"].startswith("2026-11-")


def test_what_was_judged_and_by_which_policy_is_named_by_digest(tmp_path):
    folder = packs.folder(tmp_path, "gxp")
    _, answer, _ = report("gxp", folder)
    policy = yaml.safe_load((folder / "policy.yaml").read_text())
    one = answer["deployments"][0]
    assert one["policies"] == [{"name": "gxp", "digest": samples.canonical_digest(policy["spec"])}]
    mdeploy = next(o for o in packs.fixtures("gxp") if o["kind"] == "ModelDeployment")
    assert one["governedDigest"] == samples.governed_digest(mdeploy)


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], set(), ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        assert not {"href", "src", "onclick", "onerror"} & {name for name, _ in attributes}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_and_what_people_wrote_stays_text(tmp_path):
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>&amp;"

    def named(objects):
        for o in objects:
            if o["kind"] == "ModelDeployment":
                o["spec"]["model"]["version"] = hostile
            if o["kind"] == "SignOff" and o["spec"]["role"] == "provider-representative":
                o["spec"]["decision"], o["spec"]["rationale"] = "Reject", hostile
        return objects

    folder = packs.folder(tmp_path, "eu-ai-act-high-risk", named)
    done = run("report", "--framework", "eu-ai-act", "-f", folder, "--at", packs.AT, "-o", "html")
    assert done.returncode == 1 and done.stderr == ""
    page = Page(done.stdout)
    assert page.open == [] and not {"script", "img", "link", "iframe"} & page.tags
    assert page.text.count(hostile) == 2
    assert "ai-prod/model" in page.text and "art. 14(5), Annex III 1(a)" in page.text
    assert "taken for granted: nobody was authenticated" in page.text


def test_markdown_tables_are_whole(tmp_path):
    def named(objects):
        for o in objects:
            if o["kind"] == "ModelDeployment":
                o["spec"]["model"]["version"] = "1 | 2 <b> [a](http://a.example)"
        return objects

    folder = packs.folder(tmp_path, "gxp", named)
    done = run("report", "--framework", "gxp", "-f", folder, "--at", packs.AT, "-o", "markdown")
    assert done.returncode == 0
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {5, 10}
    assert r"1 \| 2 &lt;b> \[a\](http://a.example)" in done.stdout
    text = run("report", "--framework", "gxp", "-f", folder, "--at", packs.AT).stdout
    assert "1 deployment: 1 without a gap, 0 with gaps (0 controls)." in text
    assert "\x1b" not in text


def test_the_scope_is_a_use_case_and_environments(tmp_path):
    case = samples.use_case()
    write(tmp_path / "all.yaml", samples.policy(), case, samples.deployment(),
          samples.deployment("draft", samples.DEV), samples.answers_sign_off(case))  # fmt: skip
    _, answer, _ = report("nist-ai-rmf", tmp_path, "--environment", "prod")
    assert [d["deployment"] for d in answer["deployments"]] == ["lending-prod/scorer"]
    assert answer["leftOut"] == 1
    code, answer, error = report("nist-ai-rmf", tmp_path, "--use-case", "lending/other")
    assert (code, answer) == (2, None) and "of that use case and environment" in error
    code, answer, error = report("nist-ai-rmf", tmp_path, "--use-case", "lending")
    assert (code, answer) == (2, None) and "must be NAMESPACE/NAME" in error


def test_an_environment_is_what_any_of_the_policies_calls_it(tmp_path):
    everywhere = [{"name": "all", "namespaces": ["lending-*"], "enforcement": "Warn"}]
    case = samples.use_case()
    write(tmp_path / "all.yaml", samples.policy(), case, samples.deployment(),
          samples.policy({"environments": everywhere, "measures": []}, name="bank-wide"))  # fmt: skip
    for environment in ("prod", "all"):
        _, answer, _ = report("nist-ai-rmf", tmp_path, "--environment", environment)
        assert [d["environment"] for d in answer["deployments"]] == ["all, prod"]


def test_a_deployment_without_its_use_case_is_not_evaluated(tmp_path):
    write(tmp_path / "all.yaml", samples.policy(), samples.deployment())
    code, answer, _ = report("nist-ai-rmf", tmp_path)
    assert code == 2 and not answer["complete"]
    assert "does not exist" in answer["deployments"][0]["fault"]


def test_an_organisation_brings_a_framework_of_its_own(tmp_path):
    own = {"apiVersion": "cli.countersign.dev/v1", "kind": "Framework",
           "metadata": {"name": "house"},
           "spec": {"title": "House rules", "edition": "1", "source": "ours", "controls": [
               {"id": "1", "title": "Two pairs of eyes", "cite": "rule 1", "asks": "Two look.",
                "metBy": [{"require": "signOff", "where": {"count": ["2"]}}]}]}}  # fmt: skip
    folder = tmp_path / "objects"
    case = samples.use_case()
    write(folder / "all.yaml", samples.policy(), case, samples.deployment())
    code, answer, _ = report(write(tmp_path / "house.yaml", own), folder)
    assert (code, states(answer)) == (1, {"1": "NotMet"})
    own["spec"]["controls"][0]["metBy"][0]["require"] = "signoff"
    code, answer, error = report(write(tmp_path / "house.yaml", own), folder)
    assert (code, answer) == (2, None)
    assert "spec.controls[0].metBy[0].require: must be one of signOff, " in error
