"""`countersign release`: a model and its run as one file, which `check` then judges."""

import hashlib
import subprocess

import yaml

from cli import ROOT, run

PACK = ROOT / "examples/policies/self-service-analytics"
IMAGE = "registry.example/server@sha256:" + "3" * 64
MODEL = "oci://registry.example/churn@sha256:" + "1" * 64
BASE = ["release", "--use-case", "analytics-home/churn-sheet", "-n", "analytics", "--name", "churn",
        "--version", "1.0.0", "--image", IMAGE, "--at", "2026-11-19T00:00:00Z",
        "--request", "cpu=100m", "--request", "memory=256Mi", "--limit", "memory=256Mi"]  # fmt: skip


def objects(done):
    assert done.returncode == 0, done.stderr
    return {o["kind"]: o for o in yaml.safe_load_all(done.stdout)}


def test_one_command_makes_what_check_lets_through(tmp_path):
    (tmp_path / "metrics.yaml").write_text("accuracy: 0.91\n")
    arguments = [*BASE, "--uri", MODEL, "--metrics", tmp_path / "metrics.yaml"]
    done = run(*arguments)
    assert [o["kind"] for o in yaml.safe_load_all(done.stdout)] == [
        "ReproducibilitySnapshot", "ModelDeployment"]  # fmt: skip
    assert done.stdout == run(*arguments).stdout
    case = run("init", "--pack", PACK.name, "--dir", tmp_path / "case", "--name", "churn-sheet",
               "-n", "analytics-home", "--answer", "audience=single", "--answer", "impact=none",
               "--answer", "personalData=no", "--answer", "effects=days", stdin="")  # fmt: skip
    assert case.returncode == 0, case.stderr
    (tmp_path / "release.yaml").write_text(done.stdout)
    judged = run("check", "-f", tmp_path / "case", "-f", tmp_path / "release.yaml",
                 "--now", "2026-11-20T00:00:00Z")  # fmt: skip
    gate = next(line for line in judged.stdout.splitlines() if "metrics-recorded" in line)
    assert "Passed" in gate, judged.stdout


def test_a_file_carries_it_all_and_flags_go_over_it(tmp_path):
    spec = {"useCase": "home/credit", "namespace": "prod", "name": "credit", "uri": MODEL,
            "image": IMAGE, "counts": "counts.csv", "protocol": "holdout",
            "favorableOutcome": "accepted", "dataSet": {"name": "test", "file": "test.csv"},
            "evidence": [{"type": "HarmTest", "claims": {"level": "RedTeam", "openHigh": 0}}]}  # fmt: skip
    (tmp_path / "release.yaml").write_text(yaml.safe_dump(
        {"apiVersion": "cli.countersign.dev/v1", "kind": "Release", "spec": spec}))  # fmt: skip
    (tmp_path / "counts.csv").write_text("sex,tp,fp,fn,tn\nfemale,1,0,0,1\nmale,0,1,0,0\n")
    (tmp_path / "test.csv").write_text('id,note\n1,"two\nlines"\n2,b\n3,c\n')
    made = objects(run("release", "-c", tmp_path / "release.yaml", "--version", "2.3.2"))
    assert made["ModelDeployment"]["spec"]["model"]["version"] == "2.3.2"
    bias = made["BiasTest"]["spec"]
    assert bias["dataSet"]["rows"] == 3 and bias["cells"][0]["groups"] == {"sex": "female"}
    assert {c["name"] for c in made["Evidence"]["spec"]["claims"]} == {"level", "openHigh"}
    (tmp_path / "test.csv").write_text("id\n1\n2\n")
    wrong = run("release", "-c", tmp_path / "release.yaml", "--version", "2.3.2")
    assert wrong.returncode == 2 and "counts 3 people" in wrong.stderr, wrong.stderr


def test_a_folder_has_the_root_digest_of_openssf_model_signing(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "b.bin").write_bytes(b"b")
    (model / "a.bin").write_bytes(b"a")
    root = hashlib.sha256(b"".join(hashlib.sha256(x).digest() for x in (b"a", b"b"))).hexdigest()
    done = run(*BASE, "--model", model, "--uri", "oci://registry.example/churn")
    found = objects(done)["ModelDeployment"]["spec"]["model"]
    assert (found["digest"], found["digestType"]) == ("sha256:" + root, "modelSigningRoot")
    assert "push it" in done.stderr
    (model / "link").symlink_to("a.bin")
    assert "symbolic link" in run(*BASE, "--model", model, "--uri", "oci://r/c").stderr


def test_reads_a_run_the_commit_and_the_lock_file(tmp_path):
    run_folder = tmp_path / "run"
    for path, text in {"meta.yaml": "status: 3\nend_time: 1763500000000\n", "params/depth": "4",
                       "metrics/auc": "1 0.5 0\n2 0.875 1\n"}.items():  # fmt: skip
        (run_folder / path).parent.mkdir(parents=True, exist_ok=True)
        (run_folder / path).write_text(text)
    code = tmp_path / "code"
    code.mkdir()
    (code / "requirements.txt").write_text("numpy==2.1.0\npandas\n")
    git = ["git", "-C", code, "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    arguments = [*BASE, "--uri", MODEL, "--run", run_folder, "--code", code,
                 "--entry-point", "python train.py", "--lock-file", code / "requirements.txt",
                 "--runtime", "CPython 3.11"]  # fmt: skip
    assert "--hardware: is required" in run(*arguments, "--repository", "g").stderr
    arguments += ["--hardware", "x86_64"]
    assert "--repository: is required" in run(*arguments).stderr
    made = objects(run(*arguments, "--repository", "https://git.example/a"))
    snapshot = made["ReproducibilitySnapshot"]["spec"]
    assert snapshot["metrics"] == {"auc": "0.875"} and snapshot["parameters"] == {"depth": "4"}
    assert snapshot["code"]["clean"] is True
    assert snapshot["environment"]["unpinned"] == ["pandas"]
