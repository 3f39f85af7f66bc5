"""Trains, evaluates, writes. Started by ../train.py inside the pinned environment."""

import argparse
import json
import pathlib
import shutil
import sys
import tempfile

from training import artefact, data, evidence, fairness, model, source
from training.evidence import Trained

EXAMPLE = pathlib.Path(__file__).resolve().parents[1]
DEFAULT_OUT = EXAMPLE.parents[1] / "build" / "example"


def main() -> int:
    parser = argparse.ArgumentParser(prog="train.py", description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=DEFAULT_OUT, help="build folder")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="train again elsewhere, compare with the build folder, write the reproductions",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="only count over N other splits how often each model is inside the bounds",
    )
    options = parser.parse_args()
    if options.seeds:
        return _survey(options.seeds)
    return _verify(options.out) if options.verify else _make(options.out)


def _train(out: pathlib.Path) -> tuple[data.Split, list[Trained]]:
    """Both models with their artefacts under `out`."""
    split = data.load()
    for part in (split.train, split.validation, split.test):
        path = out / "data" / f"{part.name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(part.csv)
    return split, [
        _evaluate(out, split, made) for made in (model.plain(split), model.mitigated(split))
    ]


def _evaluate(out: pathlib.Path, split: data.Split, made: model.Model) -> Trained:
    """Packs one finished model and counts on the test set, the only place that does."""
    content = json.dumps(
        {
            "format": "logistic-regression/v1",
            "name": made.name,
            "version": made.version,
            "method": made.method,
            "favorableOutcome": "approved",
            "intercept": made.intercept,
            "coefficients": made.coefficients,
            "threshold": made.threshold,
        },
        indent=2,
    )
    files = {"model.json": (content + "\n").encode()}
    digest = artefact.write(out / "models" / made.version, files, made.name, made.version)
    (out / "models" / made.version / "model.json").write_bytes(files["model.json"])
    return Trained(made, digest, fairness.count(split.test.rows, made.approves))


def _make(out: pathlib.Path) -> int:
    for made_before in ("data", "models", "evidence", "deployments"):
        shutil.rmtree(out / made_before, ignore_errors=True)
    split, models = _train(out)
    for trained in models:
        place = out / "evidence" / trained.model.version
        evidence.write(place / "bias-test.yaml", evidence.bias_test(trained, split))
        evidence.write(place / "snapshot.yaml", evidence.snapshot(trained, split, False))
        for environment in ("dev", "prod"):
            evidence.write(
                out / "deployments" / environment / f"mortgage-{trained.model.version}.yaml",
                evidence.deployment(trained, f"lending-{environment}"),
            )
    rules = (EXAMPLE / "mail-routing" / "rules.json").read_bytes()
    mail = artefact.write(out / "models" / "mail", {"rules.json": rules}, "mail-router", "1.0.0")
    evidence.write(
        out / "deployments" / "prod" / "mail-router.yaml",
        evidence.mail_deployment(mail, "lending-prod"),
    )
    (out / "summary.json").write_text(json.dumps(_summary(split, models), indent=2) + "\n")
    print(_table(models))
    if not source.find().clean:
        print(
            "\nNote: the training code differs from the commit, so the snapshots say clean: false\n"
            "and will not count as evidence. Commit it first, then train again."
        )
    return 0


def _verify(out: pathlib.Path) -> int:
    """An independent run compares digests, not numbers: equal bytes or no reproduction."""
    try:
        known = json.loads((out / "summary.json").read_text())
    except FileNotFoundError:
        print(
            f"train.py: nothing to verify in {out}: run train.py without --verify", file=sys.stderr
        )
        return 1
    with tempfile.TemporaryDirectory(prefix="countersign-verify-") as elsewhere:
        split, models = _train(pathlib.Path(elsewhere))
    again = _summary(split, models)
    different = [
        key for key in again["digests"] if again["digests"][key] != known["digests"].get(key)
    ]
    for key in different:
        print(f"{key}: {known['digests'].get(key)} became {again['digests'][key]}", file=sys.stderr)
    if different:
        return 1
    for trained in models:
        place = out / "evidence" / trained.model.version / "reproduction.yaml"
        evidence.write(place, evidence.snapshot(trained, split, True))
    print(f"{len(again['digests'])} digests of data and models are the same in a second training.")
    return 0


def _summary(split: data.Split, models: list[Trained]) -> dict:
    parts = (split.train, split.validation, split.test)
    digests = {f"{part.name}.csv": part.digest for part in parts}
    digests |= {f"model {trained.model.version}": trained.digest for trained in models}
    return {
        "digests": digests,
        "rows": {part.name: len(part.rows) for part in parts},
        "models": {
            trained.model.version: {
                "digest": trained.digest,
                "threshold": trained.model.threshold,
                "accuracy": evidence.decimal(trained.accuracy),
            }
            | {
                attribute: {
                    "disparateImpact": evidence.decimal(impact),
                    "equalOpportunityDifference": evidence.decimal(difference),
                }
                for attribute, impact, difference in _metrics(trained.cells)
            }
            for trained in models
        },
    }


def _metrics(cells: fairness.Cells):
    for attribute, name in ((fairness.RACE, "black"), (fairness.MARITAL_STATUS, "single")):
        yield (
            attribute,
            fairness.disparate_impact(cells, attribute, name),
            fairness.equal_opportunity_difference(cells, attribute, name),
        )


def _table(models: list[Trained]) -> str:
    lines = [
        "Test set: 952 applications on which no choice was made. Bounds: disparate impact 0.8 to",
        "1.25, equal opportunity difference -0.1 to 0.1. The label is the lender's decision, not",
        "whether a loan was paid back.",
        "",
        f"{'model':<8}{'threshold':>10}{'refused':>9}{'accuracy':>10}   {'group':<9}{'people':>7}"
        f"{'approved':>10}{'impact':>8}{'opportunity':>13}",
    ]
    for trained in models:
        everyone = fairness.total(trained.cells.values())
        start = (
            f"{trained.model.version:<8}{trained.model.threshold:>10}"
            f"{float(1 - everyone.selection_rate):>9.1%}{float(trained.accuracy):>10.3f}   "
        )
        for attribute, impact, difference in _metrics(trained.cells):
            name = "black" if attribute == fairness.RACE else "single"
            counts = fairness.group(trained.cells, attribute, name)
            verdict = "" if fairness.inside_bounds(impact, difference) else "  outside"
            lines.append(
                f"{start}{name:<9}{counts.total:>7}{float(counts.selection_rate):>10.1%}"
                f"{float(impact):>8.3f}{float(difference):>+13.3f}{verdict}"
            )
            start = " " * len(start)
    return "\n".join(lines)


def _survey(seeds: int) -> int:
    """How much of the result is the luck of one split: the same recipes on other splits."""
    inside = {"1.0.0": 0, "2.0.0": 0}
    unmade = 0
    for seed in range(seeds):
        split = data.load(seed)
        for recipe in (model.plain, model.mitigated):
            try:
                made = recipe(split)
            except ValueError:
                unmade += 1
                continue
            cells = fairness.count(split.test.rows, made.approves)
            inside[made.version] += all(
                fairness.inside_bounds(impact, difference)
                for _, impact, difference in _metrics(cells)
            )
    print(f"Inside the bounds on the test set, of {seeds} splits with seeds 0 to {seeds - 1}:")
    print(f"  1.0.0 {inside['1.0.0']}, 2.0.0 {inside['2.0.0']}")
    print(f"  ({unmade} times the mitigation found no threshold on validation and made no model)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
