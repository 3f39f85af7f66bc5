"""Samples of what evidently and great_expectations write. Run in the folder of the samples with the
versions of README.md."""

import json
import sys

import pandas as pd

REFERENCE = pd.DataFrame({
    "age": [20 + i % 40 for i in range(200)],
    "income": [1000.0 + 10 * (i % 50) for i in range(200)],
    "sex": ["f" if i % 2 else "m" for i in range(200)],
})  # fmt: skip
CURRENT = REFERENCE.assign(income=REFERENCE["income"] + 400)
CURRENT.loc[:9, "age"] = None


def evidently_new():
    from evidently import Report
    from evidently.presets import DataDriftPreset, DataSummaryPreset

    numbers = ["age", "income"]
    for name, preset, columns in (
        ("drift", DataDriftPreset(), list(REFERENCE)),
        ("method", DataDriftPreset(method="ks"), numbers),
        ("summary", DataSummaryPreset(), list(REFERENCE)),
    ):
        result = Report([preset]).run(CURRENT[columns], REFERENCE[columns])
        with open(f"evidently-new-{name}.json", "w", encoding="utf-8") as file:
            file.write(json.dumps(json.loads(result.json()), indent=1))


def evidently_old():
    try:
        from evidently.legacy.metric_preset import DataDriftPreset
        from evidently.legacy.metrics import DatasetMissingValuesMetric
        from evidently.legacy.report import Report
    except ImportError:
        from evidently.metric_preset import DataDriftPreset
        from evidently.metrics import DatasetMissingValuesMetric
        from evidently.report import Report

    for name, preset in (("drift", DataDriftPreset()), ("quality", DatasetMissingValuesMetric())):
        report = Report(metrics=[preset])
        report.run(reference_data=REFERENCE, current_data=CURRENT)
        with open(f"evidently-old-{name}.json", "w", encoding="utf-8") as file:
            file.write(json.dumps(json.loads(report.json()), indent=1))


def great_expectations():
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    batch = context.data_sources.add_pandas("people").add_dataframe_asset("people")
    definition = batch.add_batch_definition_whole_dataframe("all")
    for name, frame in (("failed", CURRENT), ("passed", REFERENCE)):
        suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=[
            gx.expectations.ExpectColumnValuesToNotBeNull(column="age"),
            gx.expectations.ExpectColumnValuesToNotBeNull(column="income"),
            gx.expectations.ExpectColumnValuesToBeBetween(column="income", min_value=0, max_value=5000),
            gx.expectations.ExpectColumnDistinctValuesToBeInSet(column="sex", value_set=["f", "m"]),
        ]))  # fmt: skip
        validation = context.validation_definitions.add(
            gx.ValidationDefinition(name=name, data=definition, suite=suite)
        )
        result = validation.run(batch_parameters={"dataframe": frame})
        with open(f"gx-{name}.json", "w", encoding="utf-8") as file:
            file.write(json.dumps(result.to_json_dict(), indent=1))


if __name__ == "__main__":
    for make in (evidently_new, evidently_old, great_expectations):
        if sys.argv[1:] and make.__name__ not in sys.argv[1:]:
            continue
        make()
