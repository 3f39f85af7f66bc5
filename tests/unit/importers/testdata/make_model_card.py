"""Writes model-card-toolkit.json: pip install --no-deps model-card-toolkit==2.0.0
pip install 'protobuf<4' 'jsonschema<4'; python make_model_card.py

The toolkit wants TensorFlow for its pipelines; its cards alone do not, so the package's own
__init__, which imports all of it, is passed over, as is that of its utils.
"""

import importlib.util
import pathlib
import sys
import types

root = pathlib.Path(*importlib.util.find_spec("model_card_toolkit").submodule_search_locations)
for name, folder in (("model_card_toolkit", root), ("model_card_toolkit.utils", root / "utils")):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [str(folder)]

from model_card_toolkit import model_card as mct  # noqa: E402

card = mct.ModelCard()
card.model_details.name = "credit-scorer"
card.model_details.overview = "Scores applications for consumer credit."
card.model_details.owners = [mct.Owner(name="Lending models", contact="lending-models@bank.example")]
card.model_details.version = mct.Version(name="2.3", date="2026-11-01")
card.model_parameters.model_architecture = "Gradient-boosted trees, depth 4."
card.model_parameters.data = [mct.Dataset(name="applications-2025", description="Applications of 2025.")]
card.quantitative_analysis.performance_metrics = [
    mct.PerformanceMetric(type="auc", value="0.87", slice="all")
]
card.considerations.users = [mct.User(description="Credit officers")]
card.considerations.use_cases = [mct.UseCase(description="Consumer credit up to 20,000")]
card.considerations.limitations = [mct.Limitation(description="Not for businesses")]
pathlib.Path(__file__).with_name("model-card-toolkit.json").write_text(card.to_json() + "\n")
