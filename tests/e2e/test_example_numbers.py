"""The mortgage example's numbers: made the same twice, and true when counted again from its files.

Nothing of examples/mortgage/training is imported: the models are scored and the metrics computed
here from what lies in the build folder, as an auditor would.
"""

import csv
import hashlib
import json
import math
import os
import pathlib
import subprocess
from fractions import Fraction

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "mortgage"
ATTRIBUTES = {"race": ("black", "not-black"), "maritalStatus": ("single", "not-single")}


def train(out: pathlib.Path, *arguments: str) -> str:
    done = subprocess.run(
        ["/usr/bin/python3", str(EXAMPLE / "train.py"), "--out", str(out), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SOURCE_DATE_EPOCH": "1790000000"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> pathlib.Path:
    out = tmp_path_factory.mktemp("example")
    train(out)
    return out


def files(folder: pathlib.Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def only(path: pathlib.Path) -> dict:
    return yaml.safe_load(path.read_text())


def holdout(built) -> list[dict[str, str]]:
    with (built / "data" / "test.csv").open() as handle:
        return list(csv.DictReader(handle))


def group_of(row: dict[str, str], attribute: str) -> str:
    column = {"race": "black", "maritalStatus": "single"}[attribute]
    member, other = ATTRIBUTES[attribute]
    return member if row[column] == "yes" else other


def approves(model: dict, row: dict[str, str]) -> bool:
    score = model["intercept"]
    for name, coefficient in model["coefficients"].items():
        score += coefficient * float({"yes": 1, "no": 0}.get(row[name], row[name]))
    return round(1 / (1 + math.exp(-score)), 6) >= float(model["threshold"])


def metrics(cells: list[dict], attribute: str) -> tuple[Fraction, Fraction]:
    """Disparate impact and equal opportunity difference of the group against its reference."""
    selection, opportunity = [], []
    for name in ATTRIBUTES[attribute]:
        mine = [cell for cell in cells if cell["groups"][attribute] == name]
        tp, fp, fn, tn = (sum(cell[key] for cell in mine) for key in ("tp", "fp", "fn", "tn"))
        selection.append(Fraction(tp + fp, tp + fp + fn + tn))
        opportunity.append(Fraction(tp, tp + fn))
    return selection[0] / selection[1], opportunity[0] - opportunity[1]


def bounds() -> dict[str, tuple[Fraction, Fraction]]:
    """As the example's policy has them, so that a loosened bound shows here."""
    policy = only(EXAMPLE / "manifests" / "policy.yaml")
    measure = next(m for m in policy["spec"]["measures"] if m["name"] == "bias")
    return {
        metric["name"]: (Fraction(metric["min"]), Fraction(metric["max"]))
        for metric in measure["require"]["biasTest"]["metrics"]
    }


def within(cells: list[dict]) -> dict[tuple[str, str], bool]:
    limit = bounds()
    inside = {}
    for attribute in ATTRIBUTES:
        impact, difference = metrics(cells, attribute)
        for name, value in (
            ("disparateImpact", impact),
            ("equalOpportunityDifference", difference),
        ):
            inside[attribute, name] = limit[name][0] <= value <= limit[name][1]
    return inside


def test_two_runs_write_the_same_bytes(built, tmp_path):
    train(tmp_path)
    assert files(tmp_path) == files(built)


def test_verify_agrees_and_names_what_it_reproduced(built):
    assert "5 digests of data and models are the same" in train(built, "--verify")
    for version in ("1.0.0", "2.0.0"):
        place = built / "evidence" / version
        original, again = only(place / "snapshot.yaml"), only(place / "reproduction.yaml")
        assert again["spec"].pop("reproductionOf") == original["metadata"]["name"]
        assert again["spec"] == original["spec"]


def test_verify_refuses_when_a_digest_differs(built, tmp_path):
    summary = json.loads((built / "summary.json").read_text())
    summary["digests"]["model 2.0.0"] = "sha256:" + "0" * 64
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    done = subprocess.run(
        ["/usr/bin/python3", str(EXAMPLE / "train.py"), "--out", str(tmp_path), "--verify"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "model 2.0.0" in done.stderr
    assert not (tmp_path / "evidence").exists()


def test_digests_are_of_the_bytes_they_name(built):
    for version in ("1.0.0", "2.0.0"):
        layout = built / "models" / version
        index = json.loads((layout / "index.json").read_text())
        digest = index["manifests"][0]["digest"]
        for blob in (layout / "blobs" / "sha256").iterdir():
            assert sha256(blob.read_bytes()) == "sha256:" + blob.name
        manifest = (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
        assert sha256(manifest) == digest

        snapshot = only(built / "evidence" / version / "snapshot.yaml")["spec"]
        bias = only(built / "evidence" / version / "bias-test.yaml")["spec"]
        assert snapshot["model"]["digest"] == bias["model"]["digest"] == digest
        for entry in snapshot["data"]:
            content = (built / "data" / f"{entry['name'].rsplit('-', 1)[1]}.csv").read_bytes()
            assert entry["digest"] == sha256(content)
            assert entry["rows"] == content.count(b"\n") - 1
        lock = (EXAMPLE / "training" / "requirements.lock").read_bytes()
        assert snapshot["environment"]["lockFileDigest"] == sha256(lock)
        assert snapshot["environment"]["unpinned"] == []
        for environment in ("dev", "prod"):
            path = built / "deployments" / environment / f"mortgage-{version}.yaml"
            assert only(path)["spec"]["model"]["digest"] == digest
            assert only(path)["spec"]["model"]["uri"].endswith("@" + digest)


def test_no_row_is_in_two_parts_and_none_is_lost(built):
    parts = [
        (built / "data" / f"{name}.csv").read_text().splitlines()[1:]
        for name in ("train", "validation", "test")
    ]
    rows = [row for part in parts for row in part]
    assert len(rows) == len(set(rows)) == 2380


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_counts_are_what_the_shipped_model_does_on_the_test_set(built, version):
    model = json.loads((built / "models" / version / "model.json").read_text())
    assert not {"black", "single"} & set(model["coefficients"])
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for row in holdout(built):
        key = (group_of(row, "race"), group_of(row, "maritalStatus"))
        cell = counted.setdefault(key, {"tp": 0, "fp": 0, "fn": 0, "tn": 0})
        approved = row["deny"] == "no"
        predicted = approves(model, row)
        cell[("t" if approved == predicted else "f") + ("p" if predicted else "n")] += 1
    spec = only(built / "evidence" / version / "bias-test.yaml")["spec"]
    given = {
        (cell["groups"]["race"], cell["groups"]["maritalStatus"]): {
            key: cell[key] for key in ("tp", "fp", "fn", "tn")
        }
        for cell in spec["cells"]
    }
    assert given == counted
    assert sum(sum(cell.values()) for cell in given.values()) == spec["dataSet"]["rows"] == 952
    assert spec["decisionThreshold"] == model["threshold"]


def test_groups_are_as_large_as_the_policy_asks(built):
    policy = only(EXAMPLE / "manifests" / "policy.yaml")
    gate = next(m for m in policy["spec"]["measures"] if m["name"] == "bias")["require"]["biasTest"]
    rows = holdout(built)
    for attribute, names in ATTRIBUTES.items():
        for name in names:
            mine = [row for row in rows if group_of(row, attribute) == name]
            assert len(mine) >= gate["minGroupSize"]
            assert sum(row["deny"] == "no" for row in mine) >= gate["minPositives"]
            assert sum(row["deny"] == "yes" for row in mine) >= gate["minNegatives"]


def test_first_model_fails_on_race_and_only_there(built):
    cells = only(built / "evidence" / "1.0.0" / "bias-test.yaml")["spec"]["cells"]
    assert within(cells) == {
        ("race", "disparateImpact"): False,
        ("race", "equalOpportunityDifference"): False,
        ("maritalStatus", "disparateImpact"): True,
        ("maritalStatus", "equalOpportunityDifference"): True,
    }


def test_second_model_passes_bounds_that_nobody_loosened(built):
    assert bounds() == {
        "disparateImpact": (Fraction("0.8"), Fraction("1.25")),
        "equalOpportunityDifference": (Fraction("-0.1"), Fraction("0.1")),
    }
    cells = only(built / "evidence" / "2.0.0" / "bias-test.yaml")["spec"]["cells"]
    assert all(within(cells).values())


def test_readme_quotes_the_numbers_that_come_out(built):
    readme = (EXAMPLE / "README.md").read_text()
    for version in ("1.0.0", "2.0.0"):
        cells = only(built / "evidence" / version / "bias-test.yaml")["spec"]["cells"]
        for attribute in ATTRIBUTES:
            impact, difference = metrics(cells, attribute)
            name = {"race": "race", "maritalStatus": "marital status"}[attribute]
            line = next(x for x in readme.splitlines() if x.startswith(f"| {version}, {name} "))
            assert f"{float(impact):.3f}" in line
            assert f"{float(difference):+.3f}" in line
