"""A model card as huggingface_hub writes it from its template: make_card.py OUT, with huggingface_hub 2.4.0
and Jinja2. Writes OUT/huggingface-hub-card.md."""

import pathlib
import sys

from huggingface_hub import EvalResult, ModelCard, ModelCardData

data = ModelCardData(
    language="en", license="apache-2.0", library_name="transformers", datasets=["example/complaints"],
    pipeline_tag="text-classification", model_name="complaints-router",
    eval_results=[EvalResult(task_type="text-classification", dataset_type="example/complaints",
                             dataset_name="complaints", metric_type="accuracy", metric_value=0.91)],
)  # fmt: skip
card = ModelCard.from_template(data, model_id="complaints-router", developers="Example",
                               model_summary="Sends complaints to the desk that answers them.")  # fmt: skip
card.save(pathlib.Path(sys.argv[1]) / "huggingface-hub-card.md")
