"""`countersign test`: declared cases on policies, and which measures they cover."""

import json
import xml.etree.ElementTree as ElementTree

import pytest

import samples
import schemas
from cli import run, write

DIGEST = "$(digest ModelDeployment lending-prod/scorer)"
GIVEN = {"state": "Passed"}


def signed(who):
    subject = {"subject": {"governedDigest": DIGEST}}
    return samples.sign_off(samples.deployment(), who, patch=subject)


@pytest.fixture
def folder(tmp_path):
    """A policy with one measure, a deployment, and two sign-offs by placeholder."""
    measures = [samples.policy()["spec"]["measures"][0]]
    write(tmp_path / "policy.yaml", samples.policy({"measures": measures}))
    write(tmp_path / "fixtures" / "all.yaml", samples.use_case(), samples.deployment(),
          signed(samples.VERA), signed(samples.VICTOR))  # fmt: skip
    return tmp_path


def cases(folder, *declared, **spec):
    test = {"apiVersion": "cli.countersign.dev/v1", "kind": "GovernanceTest",
            "spec": {"now": "2026-11-20T00:00:00Z", "files": ["policy.yaml", "fixtures"],
                     "cases": list(declared), **spec}}  # fmt: skip
    return write(folder / "lending_test.yaml", test)


def case(name, gates, patches=(), **more):
    return {"name": name, "patches": list(patches), "expect": {"gates": gates}, **more}


def without(name):
    return {"target": {"kind": "SignOff", "name": name, "namespace": "lending"}, "remove": True}


ALLOWED = case("Both have signed", {"validation": GIVEN})
REFUSED = case("One has not", {"lending/validation": {"state": "Missing",
                                                      "reason": "SignOffMissing"}},
               [without("victor-approves")])  # fmt: skip


def test_cases_that_hold_cover_a_measure(folder):
    cases(folder, ALLOWED, REFUSED)
    done = run("test", "-f", folder, "--require-coverage")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 cases passed." in done.stdout
    assert "1 of 1 measures are shown to pass and to refuse." in done.stdout


def test_fixtures_stay_signed_when_a_patch_changes_what_is_signed(folder):
    change = {"target": {"kind": "ModelDeployment", "name": "scorer", "namespace": "lending-prod"},
              "merge": {"spec": {"model": {"version": "2.0"}}}}  # fmt: skip
    cases(folder, case("A new version", {"validation": GIVEN}, [change]))
    assert run("test", "-f", folder).returncode == 0


def test_a_case_that_does_not_hold_says_what_came_and_where_it_stands(folder):
    path = cases(folder, ALLOWED, case("Wrong", {"validation": {"state": "Missing"}}),
                 {"name": "Verdict", "expect": {"verdict": "Deny"}, "patches": []})  # fmt: skip
    done = run("test", "-f", folder, "-o", "json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert (answer["apiVersion"], answer["kind"]) == ("cli.countersign.dev/v1", "TestResult")
    assert [c["result"] for c in answer["cases"]] == ["Passed", "Failed", "Failed"]
    wrong, verdict = answer["cases"][1:]
    assert wrong["differences"][0].startswith(
        "gate validation: expected Missing, is Passed SignedOff")
    assert verdict["differences"] == ["verdict: expected Deny, is Allow"]
    assert wrong["line"] == path.read_text().splitlines().index("  - name: Wrong") + 1
    annotations = run("test", "-f", folder, "-o", "github").stdout.splitlines()
    assert annotations[0].startswith(f"::error file={path},line={wrong['line']},title=CaseFailed")
    suites = ElementTree.fromstring(run("test", "-f", folder, "-o", "junit").stdout)
    assert (suites.get("tests"), suites.get("failures")) == ("3", "2")
    log = json.loads(run("test", "-f", folder, "-o", "sarif").stdout)
    assert schemas.faults("sarif-2.1.0", log) == []
    results = log["runs"][0]["results"]
    assert [r["ruleId"] for r in results] == ["CaseFailed", "CaseFailed", "MeasureNotCovered"]


@pytest.mark.parametrize(
    ("declared", "gap"),
    [([ALLOWED], "no case shows it refuse"), ([REFUSED], "no case shows it pass"),
     ([{"name": "x", "expect": {"verdict": "Allow"}}], "no case asserts on it")],
)  # fmt: skip
def test_measures_without_a_case_are_named(folder, declared, gap):
    cases(folder, *declared)
    assert run("test", "-f", folder).returncode == 0
    done = run("test", "-f", folder, "--require-coverage")
    assert done.returncode == 1
    assert "lending/validation" in done.stdout and gap in done.stdout


def test_time_and_files_can_be_a_cases_own(folder):
    aged = dict(samples.policy()["spec"]["measures"][0])
    aged["require"] = {"signOff": dict(aged["require"]["signOff"], maxAge="30d")}
    write(folder / "policy.yaml", samples.policy({"measures": [aged]}))
    objects = [signed(samples.VERA), signed(samples.VICTOR)]
    for one in objects:
        one["metadata"]["creationTimestamp"] = "2026-11-01T00:00:00Z"
    write(folder / "more" / "signed.yaml", *objects)
    write(folder / "fixtures" / "all.yaml", samples.use_case(), samples.deployment())
    cases(folder, case("Now", {"validation": GIVEN}, files=["more/signed.yaml"]),
          case("Later", {"validation": {"state": "Expired"}}, files=["more/signed.yaml"],
               now="2026-12-02T00:00:00Z"))  # fmt: skip
    done = run("test", "-f", folder / "lending_test.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (case("x", {"validation": {"state": "Pased"}}),
         "spec.cases[0].expect.gates.validation.state: must be one of Passed, Waived"),
        ({"name": "x", "expect": {}}, "spec.cases[0].expect: must name a verdict or a gate"),
        (dict(ALLOWED, expct={}), "spec.cases[0].expct"),
        (case("x", {"validation": GIVEN}, [{"target": {"kind": "A", "name": "b"}}]),
         "spec.cases[0].patches[0]: must have either merge or remove: true"),
    ],
)
def test_a_malformed_test_is_an_error_with_its_path(folder, broken, found):
    cases(folder, broken)
    done = run("test", "-f", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert found in done.stderr
    annotation = run("test", "-f", folder, "-o", "github").stdout
    assert annotation.startswith("::error file=") and "title=ManifestInvalid" in annotation


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (case("x", {"validation": GIVEN}, [without("nobody")]),
         "there is no SignOff 'lending/nobody' to patch"),
        (case("x", {"validation": GIVEN}, files=["nowhere.yaml"]), "nowhere.yaml"),
        (case("x", {"validation": GIVEN}, deployment="a/b"), "there is no ModelDeployment 'a/b'"),
        (case("x", {"validation": GIVEN},
              [{"target": {"kind": "UseCase", "name": "credit", "namespace": "lending"},
                "merge": {"spec": {"title": None}}}]), "spec.title: is required"),
        (case("x", {"validation": GIVEN},
              [{"target": {"kind": "SignOff", "name": "vera-approves", "namespace": "lending"},
                "merge": {"spec": {"subject": {"governedDigest": "$(digest Waiver a/b)"}}}}]),
         "there is no Waiver 'a/b'"),
    ],
)
def test_a_case_that_cannot_be_evaluated_is_an_error_of_its_own(folder, broken, found):
    cases(folder, ALLOWED, broken)
    done = run("test", "-f", folder)
    assert done.returncode == 2
    assert "PASS   Both have signed" in done.stdout
    assert found in done.stdout


def test_without_a_test_nothing_was_tested(folder):
    done = run("test", "-f", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no GovernanceTest (cli.countersign.dev/v1)" in done.stderr
