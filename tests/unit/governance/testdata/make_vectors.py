#!/usr/bin/env python3
"""Writes fairness_vectors.json: what other people's libraries say about the same counts.

The vectors are checked in, so that no test needs these libraries. To make them again:

    python3 -m venv venv
    venv/bin/pip install aif360==0.6.1 fairlearn==0.15.0 scipy==1.17.1 statsmodels==0.15.0
    venv/bin/python make_vectors.py

Values come from AIF360 (pairwise) and Fairlearn (across groups), intervals from statsmodels (Wilson,
Newcombe) and SciPy (Katz). Where a library answers NaN or infinity the vector holds null, which the
C++ side must answer with "undefined". Nothing here is computed by a formula of ours: where AIF360 has
a metric only with the opposite sign the sign is turned, and where it invents a value for what has none
(see `pairwise`) there is null.
"""

import json
import logging
import math
import pathlib
import random
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

# The filters above must come first: these libraries talk while they are imported.
import pandas as pd  # noqa: E402
from aif360.datasets import BinaryLabelDataset  # noqa: E402
from aif360.metrics import ClassificationMetric  # noqa: E402
from fairlearn import metrics as fairlearn  # noqa: E402
from scipy.stats import norm  # noqa: E402
from scipy.stats.contingency import relative_risk  # noqa: E402
from statsmodels.stats.proportion import (  # noqa: E402
    confint_proportions_2indep,
    proportion_confint,
)

LEVELS = (0.9, 0.95, 0.99)
SEED = 1607
# Sizes of the random groups: tiny ones meet the edges, large ones the precision.
SCALES = (3, 12, 60, 400, 5_000, 2_000_000)
CASES_PER_SCALE = 12

# ProPublica's COMPAS two-year cohort (7,214 people; counts without names), low score = favourable.
COMPAS = {
    "African-American": dict(tp=990, fp=532, fn=805, tn=1369),
    "Caucasian": dict(tp=1139, fp=461, fn=349, tn=505),
    "Hispanic": dict(tp=318, fp=129, fn=87, tn=103),
    "Other": dict(tp=208, fp=90, fn=36, tn=43),
    "Asian": dict(tp=21, fp=3, fn=2, tn=6),
    "Native American": dict(tp=5, fp=1, fn=3, tn=9),
}


def finite(value):
    value = float(value)
    return value if math.isfinite(value) else None


def rows(counts, group):
    """(group, label, prediction, weight) for the cells that are not empty."""
    cells = [(1, 1, counts["tp"]), (0, 1, counts["fp"]), (1, 0, counts["fn"]), (0, 0, counts["tn"])]
    return [(group, label, prediction, weight) for label, prediction, weight in cells if weight]


def frame(groups):
    table = [row for index, counts in enumerate(groups) for row in rows(counts, index)]
    return pd.DataFrame(table, columns=["g", "y", "p", "w"]).astype(float)


def dataset(table, labels):
    return BinaryLabelDataset(
        favorable_label=1,
        unfavorable_label=0,
        df=pd.DataFrame({"g": table.g, "y": table[labels], "w": table.w}),
        label_names=["y"],
        protected_attribute_names=["g"],
        instance_weights_name="w",
    )


def pairwise(group, reference):
    table = frame([group, reference])
    metric = ClassificationMetric(
        dataset(table, "y"),
        dataset(table, "p"),
        unprivileged_groups=[{"g": 0.0}],
        privileged_groups=[{"g": 1.0}],
    )
    values = {
        "selectionRate": metric.selection_rate(privileged=False),
        "statisticalParityDifference": metric.statistical_parity_difference(),
        "disparateImpact": metric.disparate_impact(),
        "equalOpportunityDifference": metric.equal_opportunity_difference(),
        "averageOddsDifference": metric.average_odds_difference(),
        "averageAbsoluteOddsDifference": metric.average_abs_odds_difference(),
        "equalizedOddsDifference": metric.equalized_odds_difference(),
        "falsePositiveRateRatio": metric.false_positive_rate_ratio(),
        "falseNegativeRateRatio": metric.false_negative_rate_ratio(),
        "falsePositiveRateDifference": metric.false_positive_rate_difference(),
        "falseNegativeRateDifference": metric.false_negative_rate_difference(),
        "predictiveParityDifference": -metric.false_discovery_rate_difference(),
        "predictiveParityRatio": metric.ratio(metric.precision),
        "accuracyDifference": -metric.error_rate_difference(),
    }
    if not all(counts["tp"] + counts["fp"] for counts in (group, reference)):
        # AIF360 calls the precision of no selections 0; it has none.
        values["predictiveParityDifference"] = values["predictiveParityRatio"] = math.nan
    if math.isnan(values["averageOddsDifference"]):
        # Python's max() in AIF360 can lose a NaN: one rate without a value leaves the other one.
        values["equalizedOddsDifference"] = math.nan
    return {name: finite(value) for name, value in values.items()}


def across(groups):
    table = frame(groups)
    arguments = dict(
        y_true=table.y, y_pred=table.p, sensitive_features=table.g, sample_weight=table.w
    )
    return {
        "demographicParityDifference": finite(fairlearn.demographic_parity_difference(**arguments)),
        "demographicParityRatio": finite(fairlearn.demographic_parity_ratio(**arguments)),
    }


def intervals(group, reference):
    """Of the selection rates, which stand for any pair of proportions."""
    hits = [counts["tp"] + counts["fp"] for counts in (group, reference)]
    sizes = [sum(counts.values()) for counts in (group, reference)]
    result = {}
    for level in LEVELS:
        alpha = 1 - level
        wilson = proportion_confint(hits[0], sizes[0], alpha=alpha, method="wilson")
        newcombe = confint_proportions_2indep(
            hits[0], sizes[0], hits[1], sizes[1], method="newcomb", compare="diff", alpha=alpha
        )
        katz = None
        # SciPy answers [0, nan] and the like for no hits, and gives a rate of 100 % no uncertainty.
        if all(0 < hit < size for hit, size in zip(hits, sizes)):
            katz = relative_risk(hits[0], sizes[0], hits[1], sizes[1]).confidence_interval(level)
        result[str(level)] = {
            "wilson": [float(end) for end in wilson],
            "newcombe": [float(end) for end in newcombe],
            "katz": None if katz is None else [float(end) for end in katz],
        }
    return result


def random_counts(generator, scale):
    while True:
        counts = {
            name: generator.choice((0, generator.randint(0, scale), generator.randint(0, scale)))
            for name in ("tp", "fp", "fn", "tn")
        }
        if sum(counts.values()):
            return counts


def one_case_a_line(vectors):
    parts = []
    for key, value in vectors.items():
        if isinstance(value, list):
            lines = ",\n".join(json.dumps(case, allow_nan=False) for case in value)
            parts.append(f'"{key}": [\n{lines}\n]')
        else:
            parts.append(f'"{key}": {json.dumps(value, allow_nan=False)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main():
    generator = random.Random(SEED)
    pairs = [
        (f"COMPAS {name} against Caucasian", counts, COMPAS["Caucasian"])
        for name, counts in COMPAS.items()
        if name != "Caucasian"
    ]
    for scale in SCALES:
        for index in range(CASES_PER_SCALE):
            group, reference = random_counts(generator, scale), random_counts(generator, scale)
            pairs.append((f"random up to {scale}, number {index}", group, reference))
    lists = [("COMPAS", list(COMPAS.values()))]
    for index in range(20):
        size = generator.randint(2, 6)
        lists.append((f"random {index}", [random_counts(generator, 200) for _ in range(size)]))

    vectors = {
        "quantiles": {str(level): norm.ppf((1 + level) / 2) for level in LEVELS},
        "pairs": [
            {
                "name": name,
                "group": group,
                "reference": reference,
                "values": pairwise(group, reference),
                "intervals": intervals(group, reference),
            }
            for name, group, reference in pairs
        ],
        "lists": [
            {"name": name, "groups": groups, "values": across(groups)} for name, groups in lists
        ],
    }
    pathlib.Path(__file__).with_name("fairness_vectors.json").write_text(one_case_a_line(vectors))


if __name__ == "__main__":
    main()
