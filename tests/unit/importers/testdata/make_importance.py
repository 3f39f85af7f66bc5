"""Samples of SHAP values and permutation importance, as JSON. Run in the folder of the samples with
the versions of README.md."""

import json

import numpy as np
import shap
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression

NAMES = ["age", "income", "postcode"]
generator = np.random.default_rng(7)
people = generator.normal(size=(24, 3))
label = (people @ [0.5, 2.0, -1.0] > 0).astype(int)
model = LogisticRegression().fit(people, label)

explanation = shap.LinearExplainer(model, people, feature_names=NAMES)(people[:4])
three = np.stack([explanation.values, -explanation.values], axis=-1)
result = permutation_importance(model, people, label, n_repeats=5, random_state=7)
for name, content in {
    "shap": {"feature_names": NAMES, "values": explanation.values.round(6).tolist()},
    "shap-classes": {"feature_names": NAMES, "values": three.round(6).tolist()},
    "permutation-importance": {
        "feature_names": NAMES,
        "importances_mean": result.importances_mean.tolist(),
        "importances_std": result.importances_std.tolist(),
    },
}.items():
    with open(f"{name}.json", "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
