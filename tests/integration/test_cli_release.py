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
                 "--runtime", "CPython 3.11", "--code-archive", code / "requirements.txt",
                 "--algorithm", "Trees", "--purpose-category", "churn",
                 "--previous", "sha256:" + "2" * 64, "--features", tmp_path / "features"]  # fmt: skip
    (tmp_path / "features").write_text("age\n\nincome\n")
    assert "--hardware: is required" in run(*arguments, "--repository", "g").stderr
    arguments += ["--hardware", "x86_64"]
    assert "--repository: is required" in run(*arguments).stderr
    made = objects(run(*arguments, "--repository", "https://git.example/a"))
    snapshot = made["ReproducibilitySnapshot"]["spec"]
    assert snapshot["metrics"] == {"auc": "0.875"} and snapshot["parameters"] == {"depth": "4"}
    assert snapshot["code"]["clean"] is True
    assert snapshot["algorithm"] == "Trees" and snapshot["purposeCategory"] == "churn"
    assert snapshot["previous"] == {"digest": "sha256:" + "2" * 64, "digestType": "ociManifest"}
    assert snapshot["features"] == {"names": ["age", "income"]}
    assert snapshot["servingImage"] == IMAGE
    kept = hashlib.sha256((code / "requirements.txt").read_bytes()).hexdigest()
    assert snapshot["code"]["artifactDigest"] == "sha256:" + kept
    assert snapshot["environment"]["unpinned"] == ["pandas"]
    # What the run says of itself no option overrules.
    (run_folder / "tags").mkdir()
    tag = run_folder / "tags" / "mlflow.source.name"
    tag.write_text("other.py")
    assert "--entry-point: is 'python train.py', and the run's files say 'other.py'" in run(
        *arguments, "--repository", "https://git.example/a").stderr  # fmt: skip
    tag.unlink()
    # What a file says moves no cursor.
    (code / "requirements.txt").write_text("numpy==2.1.0\npandas \x1b[31m\n")
    done = run(*arguments, "--repository", "https://git.example/a")
    assert "does not pin 'pandas" in done.stderr and "\x1b" not in done.stderr


def test_a_model_of_components_with_evidence_about_them(tmp_path):
    hosted = {"provider": "acme", "model": "chat-4", "snapshot": "chat-4-0613"}
    guard = "oci://registry.example/guard@sha256:" + "2" * 64
    spec = {"useCase": "home/credit", "namespace": "prod", "name": "credit", "image": IMAGE,
            "metrics": "metrics.yaml", "component": "guard",
            "components": [{"name": "base", "role": "BaseModel", "hosted": hosted},
                           {"name": "guard", "role": "Guardrail", "uri": guard}],
            "evidence": [{"type": "Whole", "claims": {"passed": True}},
                         {"type": "Base", "component": "base", "claims": {"passed": True}}]}  # fmt: skip
    (tmp_path / "metrics.yaml").write_text("accuracy: 0.91\n")
    path = tmp_path / "release.yaml"

    def release(patch=None):
        file = {"apiVersion": "cli.countersign.dev/v1", "kind": "Release"}
        path.write_text(yaml.safe_dump({**file, "spec": {**spec, **(patch or {})}}))
        return run("release", "-c", path, "--version", "1")

    done = release()
    made = {o["spec"].get("type", o["kind"]): o["spec"] for o in yaml.safe_load_all(done.stdout)}
    (tmp_path / "out.yaml").write_text(done.stdout)
    told = run("digest", "-f", tmp_path / "out.yaml", "-o", "json").stdout
    digests = {one.get("component"): {k: one[k] for k in ("digest", "digestType")}
               for one in yaml.safe_load(told)["subjects"]}  # fmt: skip
    model = made["ModelDeployment"]["model"]
    assert {k: model[k] for k in ("digest", "digestType")} == digests[None]
    assert model["components"][1]["artifact"]["uri"] == guard and "uri" not in model
    assert made["Whole"]["model"] == digests[None]
    assert made["Base"]["model"] == digests["base"]
    assert made["ReproducibilitySnapshot"]["model"] == digests["guard"]

    for patch, text in (
        ({"uri": MODEL}, "--uri: cannot be given along with components"),
        ({"component": "adapter"}, "--component: 'adapter' is none of the release's components"),
        ({"evidence": [{"type": "T", "component": "x"}]}, "evidence T: component: 'x' is none"),
        ({"evidence": [{"type": "T", "about": "UseCase", "component": "base"}]}, "about: Model"),
        ({"components": [{"name": "a", "role": "Other"}]}, "exactly one of uri and hosted"),
        ({"components": [{"name": "a", "role": "Other", "uri": "oci://r/a:1"}]}, "must be oci://"),
    ):
        failed = release(patch)
        assert failed.returncode == 2 and text in failed.stderr, failed.stderr


def test_evidence_only_is_for_those_who_report(tmp_path):
    (tmp_path / "metrics.json").write_text('{"accuracy": 0.91, "loss": 1e-5}')
    (tmp_path / "parameters.yaml").write_text("depth: 4\nshuffle: true\nname: a b\n")
    model = tmp_path / "model.bin"
    model.write_bytes(b"abc")
    made = objects(run(*BASE, "--model", model, "--metrics", tmp_path / "metrics.json",
                       "--parameters", tmp_path / "parameters.yaml", "--evidence-only"))  # fmt: skip
    assert set(made) == {"ReproducibilitySnapshot"}
    snapshot = made["ReproducibilitySnapshot"]["spec"]
    assert snapshot["model"] == {"digest": "sha256:" + hashlib.sha256(b"abc").hexdigest(),
                                 "digestType": "file"}  # fmt: skip
    assert snapshot["metrics"] == {"accuracy": "0.91", "loss": "0.00001"}
    assert snapshot["parameters"] == {"depth": "4", "shuffle": "true", "name": "a b"}
    nothing = run(*BASE, "--model", model, "--evidence-only")
    assert nothing.returncode == 2 and "--evidence-only: there is no evidence" in nothing.stderr


def test_a_repetition_names_the_snapshot_that_it_repeats(tmp_path):
    (tmp_path / "metrics.yaml").write_text("accuracy: 0.91\n")
    arguments = [*BASE, "--uri", MODEL, "--evidence-only", "--reproduction-of", "churn-run-1"]
    assert "--run: is required: what came of the repetition" in run(*arguments).stderr
    made = objects(run(*arguments, "--metrics", tmp_path / "metrics.yaml"))
    snapshot = made["ReproducibilitySnapshot"]
    assert snapshot["spec"]["reproductionOf"] == "churn-run-1"
    assert "-repeated-" in snapshot["metadata"]["name"]


def test_predictions_are_counted(tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("sex,y_true,y_pred\n" + "f,1,1\n" * 3 + "f,0,1\n" + "m,1,0\n" * 2)
    arguments = [*BASE, "--uri", MODEL, "--predictions", people, "--data-set", f"test={people}",
                 "--protocol", "holdout", "--favorable-outcome", "accepted"]  # fmt: skip
    bias = objects(run(*arguments))["BiasTest"]["spec"]
    cells = {c["groups"]["sex"]: [c[k] for k in ("tp", "fp", "fn", "tn")] for c in bias["cells"]}
    assert cells == {"f": [3, 1, 0, 0], "m": [0, 0, 2, 0]}
    assert bias["favorableOutcome"] == "accepted" and bias["dataSet"]["rows"] == 6
    both = run(*arguments, "--counts", people)
    assert both.returncode == 2 and "cannot be given along with --counts" in both.stderr


def test_a_pod_template_may_come_as_a_deployment(tmp_path):
    pod = {"spec": {"containers": [{"name": "server", "image": IMAGE}]}}
    bare = [a for a in BASE[: BASE.index("--request")] if a not in ("--image", IMAGE)]
    for i, given in enumerate(({"template": pod}, {"kind": "Deployment", "spec": {"template": pod}}, pod)):
        path = tmp_path / f"{i}.yaml"
        path.write_text(yaml.safe_dump(given))
        made = objects(run(*bare, "--uri", MODEL, "--template", path))
        assert made["ModelDeployment"]["spec"]["serving"]["template"] == pod
    both = run(*bare, "--uri", MODEL, "--template", path, "--image", IMAGE)
    assert both.returncode == 2 and "--image: cannot be given along with a template" in both.stderr


def test_an_oci_layout_is_named_by_its_manifest(tmp_path):
    manifest = b'{"schemaVersion": 2}'
    digest = hashlib.sha256(manifest).hexdigest()
    layout = tmp_path / "layout"
    (layout / "blobs/sha256").mkdir(parents=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (layout / "index.json").write_text('{"manifests": [{"digest": "sha256:%s"}]}' % digest)
    (layout / "blobs/sha256" / digest).write_bytes(manifest)
    repository = "oci://registry.example/churn"
    made = objects(run(*BASE, "--model", layout, "--uri", repository))
    model = made["ModelDeployment"]["spec"]["model"]
    assert (model["digestType"], model["uri"]) == ("ociManifest", f"{repository}@sha256:{digest}")
    other = run(*BASE, "--model", layout, "--uri", MODEL)
    assert other.returncode == 2 and "and --uri names sha256:111" in other.stderr
