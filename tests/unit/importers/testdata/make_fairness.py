"""Samples of what fairlearn, aif360 and aequitas write. Run in the folder of the samples with
fairlearn 0.15.0, aif360 0.6.1, aequitas 1.1.0 and pandas 2.3.3."""

import pandas as pd

# sex, region, label, prediction, how many. 1 is the loan that was granted or paid back.
COUNTS = [
    ("female", "north", 1, 1, 30), ("female", "north", 0, 1, 5), ("female", "north", 1, 0, 10),
    ("female", "north", 0, 0, 15), ("female", "south", 1, 1, 20), ("female", "south", 0, 1, 4),
    ("female", "south", 1, 0, 8), ("female", "south", 0, 0, 8), ("male", "north", 1, 1, 40),
    ("male", "north", 0, 1, 8), ("male", "north", 1, 0, 6), ("male", "north", 0, 0, 26),
    ("male", "south", 1, 1, 25), ("male", "south", 0, 1, 5), ("male", "south", 1, 0, 5),
    ("male", "south", 0, 0, 5),
]  # fmt: skip
ROWS = pd.DataFrame(
    [row[:4] for row in COUNTS for _ in range(row[4])],
    columns=["sex", "region", "label_value", "score"],
)


def predictions():
    ROWS.rename(columns={"label_value": "y_true", "score": "y_pred"}).to_csv(
        "predictions.csv", index=False
    )
    ROWS.to_json("predictions.jsonl", orient="records", lines=True)


def fairlearn_frames():
    from fairlearn.metrics import MetricFrame, count, selection_rate
    from sklearn.metrics import confusion_matrix

    def cell(i, j):
        return lambda y, p: int(confusion_matrix(y, p, labels=[0, 1])[i, j])

    counts = {"tn": cell(0, 0), "fp": cell(0, 1), "fn": cell(1, 0), "tp": cell(1, 1)}
    for name, metrics, features in [
        ("counts", {"count": count, **counts}, ROWS[["sex", "region"]]),
        ("rates", {"count": count, "selection_rate": selection_rate}, ROWS[["sex"]]),
    ]:
        frame = MetricFrame(
            metrics=metrics,
            y_true=ROWS["label_value"],
            y_pred=ROWS["score"],
            sensitive_features=features,
        )
        for orient in ("table", "split", "index"):
            if (name, orient) in {("counts", "index"), ("rates", "split")}:
                continue  # pandas refuses an index of several levels there; and one is enough
            frame.by_group.to_json(f"fairlearn-{name}-{orient}.json", orient=orient, indent=1)
        frame.by_group.reset_index().to_json(
            f"fairlearn-{name}-records.json", orient="records", indent=1
        )


def aif360_explanations():
    from aif360.datasets import BinaryLabelDataset
    from aif360.explainers import MetricJSONExplainer
    from aif360.metrics import ClassificationMetric

    numeric = ROWS.assign(sex=(ROWS["sex"] == "male").astype(int)).drop(columns="region")
    truth = BinaryLabelDataset(
        df=numeric[["sex", "label_value"]],
        label_names=["label_value"],
        protected_attribute_names=["sex"],
    )
    said = truth.copy()
    said.labels = numeric[["score"]].to_numpy(dtype=float)
    metric = ClassificationMetric(
        truth, said, unprivileged_groups=[{"sex": 0}], privileged_groups=[{"sex": 1}]
    )
    explainer = MetricJSONExplainer(metric)
    for name in (
        "disparate_impact", "statistical_parity_difference", "equal_opportunity_difference",
        "average_odds_difference", "false_positive_rate_ratio", "mean_difference",
        "error_rate_difference",
    ):  # fmt: skip
        with open(f"aif360-{name.replace('_', '-')}.json", "w", encoding="utf-8") as file:
            file.write(getattr(explainer, name)())


def aequitas_crosstabs():
    from aequitas.bias import Bias
    from aequitas.fairness import Fairness
    from aequitas.group import Group

    crosstab, _ = Group().get_crosstabs(ROWS, attr_cols=["sex", "region"])
    crosstab.to_csv("aequitas-crosstab.csv", index=False)
    disparities = Bias().get_disparity_predefined_groups(
        crosstab, original_df=ROWS, ref_groups_dict={"sex": "male", "region": "north"}
    )
    Fairness().get_group_value_fairness(disparities).to_csv("aequitas-fairness.csv", index=False)


if __name__ == "__main__":
    for make in (predictions, fairlearn_frames, aif360_explanations, aequitas_crosstabs):
        make()
