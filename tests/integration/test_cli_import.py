"""`countersign evidence import`: what tools wrote becomes evidence that `check` judges."""

import json
import shutil
import subprocess

import pytest
import samples
import yaml
from cli import ROOT, run, write

DATA = ROOT / "tests" / "unit" / "importers" / "testdata"
AT = "2026-11-20T00:00:00Z"
ISSUERS = [{"kind": "Group", "name": "ds-lending"}]
MODEL = samples.digest("m1")
BASE = ["--use-case", "lending/credit", "--uri", f"oci://registry.example/scorer@{MODEL}"]
MEASURES = {
    "tested": {"verification": {"level": "FullPipeline", "issuers": ISSUERS}},
    "loaded": {"loadTest": {"maxErrorRate": "0.01", "maxLatencyP95": "100", "issuers": ISSUERS}},
    "fair": {"biasTest": {
        "favorableOutcome": "approved",
        "attributes": [{"name": "sex", "groups": ["female", "male"], "reference": "male",
                        "unknownGroup": "unknown", "minCoverage": "0.5"}],
        "metrics": [{"name": "disparateImpact", "min": "0.8", "max": "1.25"}],
        "issuers": ISSUERS}},
    "repeatable": {"reproducibility": {"level": "Retrainable", "issuers": ISSUERS}},
    "documented": {"documentation": {"level": "Automatic", "minCompleteness": "0.6",
                                     "issuers": ISSUERS}},
    "explained": {"explainability": {"level": "Explained", "methods": ["SHAP"], "topFeatures": 2,
                                     "excludedFeatures": ["postcode"], "issuers": ISSUERS}},
    "data": {"dataQuality": {"rules": [{"name": "expectationsFailed", "max": "0"}],
                             "issuers": ISSUERS}},
}  # fmt: skip
PREDICTIONS = ["--label", "y_true", "--prediction", "y_pred", "--favorable", "1=approved",
               "--attribute", "sex", "--protocol", "holdout", "--at", AT]  # fmt: skip


def imported(*arguments):
    done = run("evidence", "import", *arguments, *BASE)
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def asked(*arguments):
    done = run("evidence", "import", *arguments, *BASE)
    assert done.returncode == 2 and not done.stdout, done.stdout
    return done.stderr


def gates(tmp_path, *evidence, now="2026-12-01T00:00:00Z"):
    """What `check` makes of the evidence, by measure."""
    policy = samples.policy({"measures": [
        {"name": name, "step": "PreProduction", "accountable": "ml-engineer", "require": require}
        for name, require in MEASURES.items()]})  # fmt: skip
    path = write(tmp_path / "all.yaml", policy, samples.use_case(), samples.deployment(), *evidence)
    done = run("check", "-f", path, "--now", now, "-o", "json")
    assert done.returncode in (0, 1), done.stderr
    decision = json.loads(done.stdout)["deployments"][0]["decision"]
    return {gate["measure"]: gate for gate in decision["gates"]}


def test_predictions_pass_or_fail_the_bias_gate(tmp_path):
    data = ["--data-set", f"holdout={DATA / 'predictions.csv'}"]
    test = imported("predictions-csv", DATA / "predictions.csv", *PREDICTIONS, *data)
    assert gates(tmp_path, test)["fair"]["state"] == "Passed"
    # The 50 women who deserve a loan and got it, get none: 9 of 100 are left, of men 78 of 120.
    rows = (DATA / "predictions.csv").read_text().splitlines()
    unfair = [rows[0]] + [r.replace(",1,1", ",1,0") if r.startswith("female") else r for r in rows[1:]]
    (tmp_path / "unfair.csv").write_text("\n".join(unfair) + "\n")
    worse = imported("predictions-csv", tmp_path / "unfair.csv", *PREDICTIONS,
                     "--data-set", f"holdout={tmp_path / 'unfair.csv'}")  # fmt: skip
    gate = gates(tmp_path, worse)["fair"]
    assert (gate["state"], gate["reason"]) == ("Failed", "BiasOutOfBounds")


def test_all_fairness_tools_lead_to_the_same_gate(tmp_path):
    data = ["--data-set", f"holdout={DATA / 'predictions.csv'}", "--protocol", "holdout", "--at", AT,
            "--favorable", "approved", "--positive", "favorable", "--attribute", "sex"]  # fmt: skip
    groups = ["--unprivileged", "female", "--privileged", "male"]
    cells = []
    for arguments in (
        ["fairlearn", DATA / "fairlearn-counts-table.json"],
        ["aif360", DATA / "aif360-average-odds-difference.json", *groups],
        ["aequitas", DATA / "aequitas-fairness.csv", "--reference", "male"],
    ):
        test = imported(*arguments, *data)
        assert gates(tmp_path, test)["fair"]["state"] == "Passed", arguments
        cells.append(test["spec"]["cells"])
    assert cells[0] == cells[1] == cells[2]


def test_test_results_pass_or_fail_the_verification_gate(tmp_path):
    options = ["--claim", "level=FullPipeline", "--at", AT, "--kept-at", "https://ci.example/7/junit.xml"]
    good = imported("junit", DATA / "pytest-passed.xml", *options)
    assert gates(tmp_path, good)["tested"]["state"] == "Passed"
    bad = imported("junit", DATA / "pytest-all.xml", *options)
    assert gates(tmp_path, bad)["tested"]["state"] == "Failed"


def test_a_load_test_passes_or_fails_its_gate(tmp_path):
    good = imported("k6", DATA / "k6-handle-summary.json", "--at", AT)
    assert gates(tmp_path, good)["loaded"]["state"] == "Passed"
    slow = (DATA / "k6-handle-summary.json").read_text()
    for fast in ('"p(95)": 10.02', '"p(99)": 24.7', '"max": 36.7'):
        assert fast in slow
        slow = slow.replace(fast, fast.replace('": ', '": 1'))
    (tmp_path / "slow.json").write_text(slow)
    bad = imported("k6", tmp_path / "slow.json", "--at", AT)
    assert gates(tmp_path, bad)["loaded"]["state"] == "Failed"


def test_what_has_not_happened_yet_is_refused(tmp_path):
    assert "--at: must be work that has ended, is of 2126-" in asked(
        "k6", DATA / "k6-handle-summary.json", "--at", "2126-11-20T00:00:00Z"
    )
    later = (DATA / "k6-machine-readable.json").read_text().replace("2026-11-30T03:08", "2126-11-30T03:08")
    (tmp_path / "later.json").write_text(later)
    assert "later.json: must be work that has ended" in asked("k6", tmp_path / "later.json")


def test_the_source_and_its_tool_are_recorded():
    spec = imported("k6", DATA / "k6-machine-readable.json")["spec"]
    source = spec["sources"][0]
    assert source["digest"] == samples.digest((DATA / "k6-machine-readable.json").read_text())
    assert (source["format"], source["name"]) == ("k6", "k6-machine-readable.json")
    assert (source["tool"], source["toolVersion"]) == ("k6", "1.8.1")
    assert spec["performedAt"].startswith("2026-11-30T03:08:08")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["k6", DATA / "k6-handle-summary.json"], "--at: is required"),
        (["k6", DATA / "k6-machine-readable.json", "--at", AT], "--at: must be left out"),
        (["junit", DATA / "pytest-all.xml", "--at", AT], "--claim level=…: is required"),
        (["junit", DATA / "pytest-all.xml", "--at", AT, "--claim", "level=FullPipeline"],
         "--kept-at: is required"),
        (["predictions-csv", DATA / "predictions.csv", *PREDICTIONS], "--data-set: is required"),
        (["fairlearn", DATA / "fairlearn-counts-table.json", "--at", AT], "--positive: is required"),
        (["aequitas", DATA / "aequitas-fairness.csv", "--at", AT], "--attribute: is required"),
        (["junit", DATA / "pytest-passed.xml", DATA / "pytest-passed.xml"], "same bytes"),
        (["k6", "no-such-file.json"], "no-such-file.json"),
    ],
)  # fmt: skip
def test_what_is_ambiguous_is_asked_for(arguments, option):
    assert option in asked(*arguments)


def test_the_model_is_named_in_one_way(tmp_path):
    file = DATA / "k6-machine-readable.json"
    case = ["--use-case", "lending/credit"]
    none = run("evidence", "import", "k6", file, *case)
    assert none.returncode == 2 and "--model, --uri, --digest" in none.stderr
    (tmp_path / "model.bin").write_bytes(b"weights")
    made = run("evidence", "import", "k6", file, *case, "--model", tmp_path / "model.bin", "-o", "json")
    assert json.loads(made.stdout)["spec"]["model"] == {
        "digest": samples.digest("weights"), "digestType": "file"}  # fmt: skip
    typed = run("evidence", "import", "k6", file, *case, "--digest", MODEL)
    assert typed.returncode == 2 and "--digest-type: is required" in typed.stderr
    out = tmp_path / "evidence.yaml"
    named = run("evidence", "import", "k6", file, *case, "--digest", MODEL, "--digest-type",
                "ociManifest", "--out", out, "--name", "scorer", "--environment", "qa")  # fmt: skip
    assert named.returncode == 0 and not named.stdout
    written = yaml.safe_load(out.read_text())
    assert written["metadata"]["name"].startswith("scorer-load-test-")
    assert written["spec"]["environment"] == "qa"


def test_where_a_report_is_kept_is_said_of_reports_alone(tmp_path):
    level = ["--claim", "level=FullPipeline", "--at", AT]
    one = ["junit", DATA / "pytest-all.xml", *level]
    kept = imported(*one, "--kept-at", "s3://ci/7/junit.xml")["spec"]
    assert [(a["name"], a["uri"]) for a in kept["artifacts"]] == [("report", "s3://ci/7/junit.xml")]
    assert kept["artifacts"][0]["digest"] == kept["sources"][0]["digest"]
    # Of several files it is the folder.
    several = ["junit", DATA / "pytest-all.xml", DATA / "pytest-passed.xml", *level]
    for folder in ("s3://ci/7", "s3://ci/7/"):
        kept = imported(*several, "--kept-at", folder)["spec"]
        assert [(a["name"], a["uri"]) for a in kept["artifacts"]] == [
            ("report", "s3://ci/7/pytest-all.xml"), ("report-2", "s3://ci/7/pytest-passed.xml")]  # fmt: skip
    assert "--kept-at: must be a URI (https://…, s3://…), is 'junit.xml'" in asked(
        *one, "--kept-at", "junit.xml")  # fmt: skip
    assert "--kept-at: goes with formats that are a report themselves" in asked(
        "k6", DATA / "k6-machine-readable.json", "--kept-at", "s3://ci/7/k6.json")  # fmt: skip
    data = ["--data-set", f"holdout={DATA / 'predictions.csv'}"]
    assert "--kept-at: goes with formats that give Evidence" in asked(
        "predictions-csv", DATA / "predictions.csv", *PREDICTIONS, *data, "--kept-at", "s3://x/y")  # fmt: skip


def test_names_are_the_use_cases_or_what_is_said():
    file = DATA / "k6-machine-readable.json"
    assert imported("k6", file)["metadata"]["name"].startswith("credit-load-test-")
    assert imported("k6", file, "--name", "scorer-2.1")["metadata"]["name"].startswith(
        "scorer-2.1-load-test-")  # fmt: skip
    for name in ("Scorer", "a b", "-a", "a/b"):
        assert f"must be a name of Kubernetes (lower-case letters, digits, - and .), is '{name}'" in (
            asked("k6", file, f"--name={name}"))  # fmt: skip


def test_a_file_that_would_take_too_much_memory_is_refused_and_says_what_to_do(tmp_path):
    rows = ",".join(["[0]"] * 2_500_000)  # 10 MB, of which each row takes 96 bytes
    (tmp_path / "shap.json").write_text('{"feature_names":["a"],"values":[' + rows + "]}")
    said = asked("shap", tmp_path / "shap.json", "--at", AT)
    assert "shap.json: has so many values that they take more than 128 MiB of memory" in said
    assert "have the tool write less of it, say for a sample of the rows" in said


def test_a_data_set_of_another_size_is_found(tmp_path):
    (tmp_path / "other.csv").write_text("id\n1\n2\n")
    assert "has 2 rows, and 220 people are counted" in asked(
        "predictions-csv", DATA / "predictions.csv", *PREDICTIONS,
        "--data-set", f"holdout={tmp_path / 'other.csv'}")  # fmt: skip


def test_equal_files_give_equal_objects():
    arguments = ["k6", DATA / "k6-machine-readable.json"]
    assert imported(*arguments) == imported(*arguments)


def committed(folder):
    """A working tree with a commit, and the data that dvc.lock is about."""
    shutil.copytree(DATA / "mlflow3", folder / "mlflow3")
    (folder / "data").mkdir()
    shutil.copy(DATA / "prepared.csv", folder / "data" / "prepared.csv")
    (folder / "requirements.txt").write_text("scikit-learn==1.9.1\n")
    # The sample's run names the commit that it was made at; ours is another one.
    (folder / "mlflow3" / "run" / "tags" / "mlflow.source.git.commit").unlink()
    git = ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    return folder


def snapshot_arguments(code):
    return ["mlflow-run", code / "mlflow3" / "run", "--with", f"mlmodel={code}/mlflow3/MLmodel",
            "--with", f"lock-file={code}/requirements.txt", "--code", code,
            "--repository", "https://git.example/credit"]  # fmt: skip


def test_files_of_a_run_become_one_snapshot(tmp_path):
    code = committed(tmp_path / "code")
    data = ["--data", f"train={code}/data/prepared.csv:training"]
    arguments = snapshot_arguments(code)
    assert "--hardware: is required" in asked(*arguments)
    made = imported(*arguments, "--hardware", "x86_64", *data)
    spec = made["spec"]
    assert spec["parameters"] == {"C": "0.5", "solver": "lbfgs"}
    assert spec["features"] == {"names": ["age", "income"]}
    assert spec["performedBy"] == ["dora", "root"]
    assert spec["environment"]["runtime"] == "Python 3.11.7"
    assert spec["code"]["clean"] is True and spec["code"]["entryPoint"] == "train.py"
    assert [s["format"] for s in spec["sources"]] == ["mlflow-run", "mlmodel", "lock-file"]
    assert gates(tmp_path, made)["repeatable"]["state"] == "Passed"
    (code / "notes.txt").write_text("not committed")
    done = run("evidence", "import", *arguments, "--hardware", "x86_64", *data, *BASE)
    assert "'?? notes.txt'" in done.stderr
    dirty = yaml.safe_load(done.stdout)
    assert gates(tmp_path, dirty)["repeatable"]["state"] != "Passed"


def test_what_the_files_say_is_not_overruled(tmp_path):
    code = committed(tmp_path / "code")
    (code / "mlflow3" / "run" / "tags" / "mlflow.source.git.repoURL").write_text("https://git.example/credit")
    for name, text in {"other": "foo\n", "same": "age\nincome\n"}.items():
        (tmp_path / name).write_text(text)
    arguments = [*snapshot_arguments(code)[:-2], "--hardware", "x86_64"]
    for option, given, said in (
        ("--runtime", "R 4.3", "Python 3.11.7"),
        ("--runtime", "Python 3.11.70", "Python 3.11.7"),
        ("--entry-point", "python other.py", "train.py"),
        ("--repository", "https://git.example/credit-2", "https://git.example/credit"),
    ):
        assert f"{option}: is '{given}', and the run's files say '{said}': leave it out" in asked(
            *arguments, option, given)  # fmt: skip
    assert "--features: names foo, and the run's files say age, income: leave it out" in asked(
        *arguments, "--features", tmp_path / "other")  # fmt: skip
    spec = imported(*arguments, "--runtime", "CPython 3.11.7", "--entry-point", "python train.py -v",
                    "--repository", "https://git.example/credit",
                    "--features", tmp_path / "same")["spec"]  # fmt: skip
    assert spec["environment"]["runtime"] == "CPython 3.11.7"
    assert spec["code"]["entryPoint"] == "python train.py -v"
    assert spec["features"] == {"names": ["age", "income"]}


def test_options_that_would_not_count_are_refused(tmp_path):
    model = ["mlmodel", DATA / "mlflow2" / "MLmodel"]
    for option in ("--hardware", "--runtime"):
        assert f"{option}: goes with a lock file (--with lock-file=PATH) or --training-image" in asked(
            *model, option, "CPython 3.11.7")  # fmt: skip
    for option in ("--repository", "--entry-point", "--code-archive"):
        assert f"{option}: goes with --code" in asked(*model, option, DATA / "prepared.csv")
    assert "--stage: goes with a dvc.lock: --with dvc-lock=PATH" in asked(*model, "--stage", "train")
    stage = ["dvc-lock", DATA / "dvc.lock", "--at", AT, "--stage", "train"]
    assert "--dvc-cache: goes with --data" in asked(*stage, "--dvc-cache", tmp_path)
    assert "--dvc-cache: goes with formats that are parts of a snapshot" in asked(
        "k6", DATA / "k6-machine-readable.json", "--dvc-cache", tmp_path)  # fmt: skip
    # What the file says of the environment is not lost without a word.
    done = run("evidence", "import", *model, *BASE)
    assert "spec.environment is left out, and with it 'Python 3.11.7'" in done.stderr
    assert "environment" not in yaml.safe_load(done.stdout)["spec"]


def test_what_a_file_says_moves_no_cursor(tmp_path):
    code = committed(tmp_path / "code")
    model = code / "mlflow3" / "MLmodel"
    text = model.read_text()
    assert '"income"' in text
    model.write_text(text.replace('"income"', r'"in\u001b[31m come"'))
    done = run("evidence", "import", *snapshot_arguments(code), "--hardware", "x86_64", *BASE)
    assert "is not one word" in done.stderr and "\x1b" not in done.stderr


def test_data_must_be_what_the_stage_ran_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    shutil.copy(DATA / "prepared.csv", tmp_path / "data" / "prepared.csv")
    arguments = ["dvc-lock", DATA / "dvc.lock", "--at", AT,
                 "--data", "train=data/prepared.csv:training"]  # fmt: skip
    assert "--stage: must be" in asked(*arguments)
    made = imported(*arguments, "--stage", "train")
    assert made["spec"]["data"][0]["digest"] == samples.digest((DATA / "prepared.csv").read_text())
    # From elsewhere it is the file that the lock file means: paths are relative to it.
    (tmp_path / "repo").mkdir()
    shutil.move(tmp_path / "data", tmp_path / "repo" / "data")
    shutil.copy(DATA / "dvc.lock", tmp_path / "repo" / "dvc.lock")
    again = imported("dvc-lock", "repo/dvc.lock", "--at", AT, "--stage", "train",
                     "--data", "train=repo/data/prepared.csv:training")  # fmt: skip
    assert again["spec"]["data"] == made["spec"]["data"]
    shutil.move(tmp_path / "repo" / "data", tmp_path / "data")
    (tmp_path / "data" / "prepared.csv").write_text("other")
    assert "check out what it ran on" in asked(*arguments, "--stage", "train")
    (tmp_path / "else.csv").write_text("a\n")
    assert "is none of the stage's data" in asked(
        "dvc-lock", DATA / "dvc.lock", "--stage", "train", "--at", AT, "--data", "x=else.csv")  # fmt: skip


def test_files_of_a_folder_that_dvc_tracks_as_a_whole(tmp_path, monkeypatch):
    folder = DATA / "dvc-folder"
    arguments = ["dvc-lock", folder / "dvc.lock", "--at", AT]
    files = ["--data", f"a={folder}/data/raw/a.csv:training",
             "--data", f"b={folder}/data/raw/more/b.csv:test"]
    told = asked(*arguments, *files)
    assert "--dvc-cache: is required" in told and "'data/raw' is a folder that DVC tracks" in told
    made = imported(*arguments, *files, "--dvc-cache", folder / "cache")
    assert [(d["name"], d["digest"]) for d in made["spec"]["data"]] == [
        ("a", samples.digest((folder / "data/raw/a.csv").read_text())),
        ("b", samples.digest((folder / "data/raw/more/b.csv").read_text()))]  # fmt: skip
    # The folder itself has no digest of its own: which files it has is said.
    whole = asked(*arguments, "--data", f"raw={folder}/data/raw", "--dvc-cache", folder / "cache")
    assert "is a folder: give each of its files a name" in whole
    assert "it has a.csv, more/b.csv" in whole

    # In a repository of DVC its own cache is found.
    copy = tmp_path / "repo"
    shutil.copytree(folder, copy)
    (copy / ".dvc").mkdir()
    shutil.move(copy / "cache", copy / ".dvc" / "cache")
    monkeypatch.chdir(copy)
    here = ["dvc-lock", "dvc.lock", "--at", AT]
    assert imported(*here, "--data", "a=data/raw/a.csv")["spec"]["data"][0]["name"] == "a"
    (copy / "data/raw/c.csv").write_text("age,label\n")
    assert "'c.csv' is not among the files that the stage had in 'data/raw': a.csv, more/b.csv" \
        in asked(*here, "--data", "c=data/raw/c.csv")
    (copy / "data/raw/a.csv").write_text("age,label\n31,1\n")
    assert "check out what it ran on" in asked(*here, "--data", "a=data/raw/a.csv")
    listing = next((copy / ".dvc/cache/files/md5").rglob("*.dir"))
    listing.chmod(0o644)
    listing.write_text(listing.read_text().replace("a.csv", "c.csv"))
    assert "must have the MD5 that it is named by" in asked(*here, "--data", "c=data/raw/c.csv")
    assert "--dvc-cache: goes with data of a dvc.lock" in asked(
        "mlmodel", DATA / "mlflow2" / "MLmodel", "--hardware", "x86_64", "--dvc-cache", "x")


def test_a_run_of_another_model_is_found():
    assert "not of one run" in asked("mlflow-run", DATA / "mlflow3" / "run",
                                     "--with", f"mlmodel={DATA}/mlflow2/MLmodel")  # fmt: skip


@pytest.mark.parametrize(
    ("gate", "good", "bad"),
    [
        ("documented",
         ["model-card-toolkit", "model-card-toolkit.json", "--claim", "level=Automatic"],
         ["cyclonedx", "cyclonedx-ml-bom.json", "--claim", "level=Automatic"]),
        ("explained",
         ["shap", "shap.json", "--claim", "level=Explained"],
         ["permutation-importance", "permutation-importance.json", "--claim", "level=Explained"]),
        ("data",
         ["great-expectations", "gx-passed.json", "--claim", "personalData=false"],
         ["great-expectations", "gx-failed.json", "--claim", "personalData=false"]),
    ],
)  # fmt: skip
def test_reports_pass_or_fail_their_gates(tmp_path, gate, good, bad):
    def judged(arguments):
        format_name, name, *options = arguments
        if gate != "data":
            options += ["--kept-at", "https://store.example/" + name]
        if format_name not in ("cyclonedx", "great-expectations"):
            options += ["--at", AT]
        return gates(tmp_path, imported(format_name, DATA / name, *options))[gate]["state"]

    assert judged(good) == "Passed"
    assert judged(bad) == "Failed"
