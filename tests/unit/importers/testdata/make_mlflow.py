"""One training run as MLflow leaves it: make_mlflow.py OUT, with mlflow-skinny 2.22.0 or 3.x and
scikit-learn. Writes OUT/run (of the file store, without artifacts), OUT/MLmodel, and what the command
line and a server say of the run: OUT/run.json, OUT/run-get.json."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"

import mlflow
import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature
from mlflow.protos.service_pb2 import GetRun
from mlflow.utils.proto_json_utils import message_to_json
from sklearn.linear_model import LogisticRegression

out = pathlib.Path(sys.argv[1])
people = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "income": [1.0, 2.0, 3.0, 4.0]})
label = [0, 0, 1, 1]
with tempfile.TemporaryDirectory() as folder:
    mlflow.set_tracking_uri(f"file://{folder}/mlruns")
    mlflow.set_experiment("credit")
    with mlflow.start_run(run_name="sample") as run:
        model = LogisticRegression(C=0.5).fit(people, label)
        mlflow.log_params({"C": 0.5, "solver": "lbfgs"})
        for step, value in enumerate([0.75, 0.875]):
            mlflow.log_metric("accuracy", value, step=step)
        mlflow.set_tags({"mlflow.user": "dora", "mlflow.source.name": "train.py"})
        mlflow.sklearn.log_model(
            model, "model", serialization_format="cloudpickle", signature=infer_signature(people, model.predict(people)),
            pip_requirements=["scikit-learn==1.9.1", "cloudpickle"],
        )  # fmt: skip
    mlruns = pathlib.Path(folder) / "mlruns"
    source = next(mlruns.glob(f"*/{run.info.run_id}"))
    description = next(mlruns.rglob("MLmodel"))
    out.mkdir(parents=True, exist_ok=True)
    for part in ("meta.yaml", "params", "metrics", "tags"):
        target = out / "run" / part
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if (source / part).is_dir() else shutil.copy)(source / part, target)
    shutil.copy(description, out / "MLmodel")
    shutil.copy(description.parent / "conda.yaml", out / "conda.yaml")
    command = [pathlib.Path(sys.executable).with_name("mlflow"), "runs", "describe", "--run-id",
               run.info.run_id]  # fmt: skip
    told = subprocess.run(command, capture_output=True, text=True, check=True,
                          env={**os.environ, "MLFLOW_TRACKING_URI": f"file://{folder}/mlruns"})  # fmt: skip
    (out / "run.json").write_text(told.stdout)
    answer = GetRun.Response()
    answer.run.MergeFrom(mlflow.get_run(run.info.run_id).to_proto())
    (out / "run-get.json").write_text(message_to_json(answer))
    # Where it lay on the machine that made it says nothing to anybody else.
    for file in (out / "MLmodel", out / "run" / "meta.yaml", out / "run.json", out / "run-get.json"):
        file.write_text(file.read_text().replace(folder, "/srv"))
