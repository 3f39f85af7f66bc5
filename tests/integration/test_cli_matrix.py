"""`countersign matrix`: what the policies ask for, by class, without a cluster."""

import json

import pytest

import samples
from cli import run, write

SIGNED = samples.obj("SignOff", "answers", samples.HOME, {
    "subject": {"kind": "UseCase", "useCase": "credit",
                "answersDigest": samples.answers_digest(samples.use_case())},
    "role": "model-validator", "decision": "Approve", "signer": {"username": "vera"},
    "rationale": "true"})  # fmt: skip


def second_policy():
    measure = {
        "name": "validation", "step": "PreProduction", "accountable": "model-validator",
        "consulted": ["ml-engineer"],
        "require": {"signOff": {"role": "model-validator", "count": 1, "maxAge": "30d",
                                "assurance": "Requester"}},
    }  # fmt: skip
    return samples.policy({"measures": [measure]}, name="bank-wide")


def cell(answer, measure, risk_class):
    row = next(r for r in answer["rows"] if r["measure"] == measure)
    return row["cells"][risk_class]


def test_prints_measures_by_class_and_says_where_nothing_is_asked(tmp_path):
    policy = write(tmp_path / "policy.yaml", samples.policy())
    text = run("matrix", "-f", policy).stdout
    assert "Environments: dev (Warn), qa (Hold), prod (Deny)" in text
    assert "measures: 3" in text and "measures: none" in text
    assert text.index("Development") < text.index("PreProduction")
    assert "qa, prod: 2 sign-offs by" in text and "(lending/validation)" in text
    assert "\x1b" not in text


def test_policies_add_up_with_the_origin_of_each_part(tmp_path):
    write(tmp_path / "a.yaml", samples.policy())
    write(tmp_path / "b.yaml", second_policy())
    done = run("matrix", "-f", tmp_path, "-o", "json")
    answer = json.loads(done.stdout)
    assert (answer["apiVersion"], answer["kind"]) == ("cli.countersign.dev/v1", "Matrix")
    assert answer["policies"] == ["bank-wide", "lending"]
    by_environment = {tuple(d["environments"]): [p["policy"] for p in d["parts"]]
                      for d in cell(answer, "validation", "high")}
    assert by_environment == {("dev",): ["bank-wide"], ("qa", "prod"): ["bank-wide", "lending"]}
    assert [c["measures"] for c in answer["classes"]] == [3, 1]


def test_markdown_is_one_table_whose_rows_are_complete(tmp_path):
    policy = write(tmp_path / "policy.yaml", samples.policy())
    lines = run("matrix", "-f", policy, "-o", "markdown").stdout.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in table} == {5}
    assert table[0] == "| Step | Measure | high | low |"


@pytest.mark.parametrize("signed", [False, True])
def test_a_use_case_sees_its_own_classes_and_who_is_accountable(tmp_path, signed):
    case = samples.use_case()
    write(tmp_path / "all.yaml", samples.policy(), case, *([SIGNED] if signed else []))
    done = run("matrix", "-f", tmp_path, "--use-case", "lending/credit", "-o", "json")
    answer = json.loads(done.stdout)
    assert [c["name"] for c in answer["classes"]] == (["high"] if signed else ["high", "low"])
    assert answer["useCase"]["byPolicy"]["lending"]["answersApproved"] == signed
    row = next(r for r in answer["rows"] if r["measure"] == "validation")
    assert row["duties"][0]["accountable"] == {"role": "model-validator",
                                               "holders": "group 'model-risk'"}
    text = run("matrix", "-f", tmp_path, "--use-case", "lending/credit").stdout
    assert "ACCOUNTABLE" in text and "model-validator (group 'model-risk')" in text
    assert ("nobody has signed them off" in text) != signed


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--use-case", "credit"], "--use-case: must be NAMESPACE/NAME, is 'credit'"),
        (["--use-case", "lending/nope"], "there is no UseCase 'lending/nope'"),
        (["-o", "yaml"], "{table,markdown,json}"),
    ],
)
def test_what_cannot_be_answered_is_an_error(tmp_path, arguments, found):
    policy = write(tmp_path / "policy.yaml", samples.policy())
    done = run("matrix", "-f", policy, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert found in done.stderr


def test_without_a_policy_there_is_no_matrix(tmp_path):
    write(tmp_path / "case.yaml", samples.use_case())
    done = run("matrix", "-f", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no GovernancePolicy" in done.stderr
