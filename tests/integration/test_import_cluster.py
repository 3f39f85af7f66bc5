"""What `countersign evidence import` prints, applied to a real API server and judged there."""

import json

import pytest
import samples as s
from samples import DANA, DEV, HOME, PROD, QA, VERA
from test_cli_import import AT, BASE, DATA, ISSUERS, MEASURES, PREDICTIONS
from world import Installation, run

DATA_SET = ["--data-set", f"holdout={DATA / 'predictions.csv'}"]


@pytest.fixture(scope="module")
def site():
    site = Installation()
    try:
        for namespace in (HOME, DEV, QA, PROD):
            site.cluster.run("create", "namespace", namespace)
        for role, group in (("countersign-approver", "model-risk"),
                            ("countersign-developer", "ds-lending")):
            site.cluster.run("create", "clusterrolebinding", group, f"--clusterrole={role}",
                             f"--group={group}")
        names = ("fair", "loaded", "tested")
        site.apply(s.policy({"measures": [
            {"name": name, "step": "PreProduction", "accountable": "ml-engineer",
             "require": MEASURES[name]} for name in names]}))  # fmt: skip
        case = s.use_case()
        site.apply(case, user=site.cluster.user(*DANA))
        site.apply(s.answers_sign_off(case), user=site.cluster.user(*VERA))
        yield site
    finally:
        site.close()


def imported(*arguments):
    return run("evidence", "import", *arguments, *BASE).stdout


def test_what_tools_wrote_lets_a_model_go_live_and_names_where_it_is_from(site):
    dana = site.cluster.user(*DANA)
    refused = site.apply(s.deployment(), user=dana, check=False)
    assert refused.returncode != 0
    for gate in ("fair", "loaded", "tested"):
        assert gate in refused.stderr, refused.stderr
    for text in (imported("predictions-csv", DATA / "predictions.csv", *PREDICTIONS, *DATA_SET),
                 imported("k6", DATA / "k6-handle-summary.json", "--at", AT),
                 imported("junit", DATA / "pytest-passed.xml", "--claim", "level=FullPipeline", "--at",
                          AT, "--kept-at", "https://ci.example/7/junit.xml")):  # fmt: skip
        site.cluster.run("create", "-f", "-", input=text, user=dana)
    site.apply(s.deployment(), user=dana)
    tests = json.loads(site.cluster.run("get", "biastests", "-n", HOME, "-o", "json").stdout)["items"]
    [source] = tests[0]["spec"]["sources"]
    assert source["digest"].startswith("sha256:") and source["format"] == "predictions-csv"


def test_what_somebody_else_imported_does_not_count(site):
    """The measure believes data scientists: an import is evidence of whoever applies it."""
    assert ISSUERS == [{"kind": "Group", "name": "ds-lending"}]
    text = imported("predictions-csv", DATA / "predictions.csv", *PREDICTIONS, *DATA_SET)
    site.cluster.run("delete", "biastests", "--all", "-n", HOME)
    site.cluster.run("create", "-f", "-", input=text, user=site.cluster.user(*VERA))
    refused = site.apply(s.deployment("second"), user=site.cluster.user(*DANA), check=False)
    assert refused.returncode != 0 and "'vera' is not among the measure's issuers" in refused.stderr
