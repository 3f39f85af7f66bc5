"""What pipelines read: SARIF, JUnit, annotations, exit codes, time limits, completion."""

import json
import os
import re
import shutil
import socket
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
import yaml

import samples
import schemas
from cli import BIN, run, write


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "policy.yaml", samples.policy())
    mdeploy = samples.deployment()
    mdeploy["spec"]["serving"]["template"]["spec"]["containers"][0]["image"] = "a.example/b:latest"
    text = yaml.safe_dump_all([samples.use_case(), mdeploy], sort_keys=False)
    (tmp_path / "with space.yaml").write_text(text)
    return tmp_path


def line_of(path, text):
    lines = path.read_text().splitlines()
    return next(i for i, line in enumerate(lines, 1) if text in line)


def sarif(*arguments):
    done = run("check", *arguments, "-o", "sarif")
    log = json.loads(done.stdout)
    assert log["version"] == "2.1.0"
    assert schemas.faults("sarif-2.1.0", log) == []
    rules = [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    for result in log["runs"][0]["results"]:
        assert result["level"] in ("none", "note", "warning", "error")
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["message"]["text"]
        for location in result.get("locations", []):
            place = location["physicalLocation"]
            assert re.fullmatch(r"[A-Za-z0-9\-._~/%:]+", place["artifactLocation"]["uri"])
            assert place["region"]["startLine"] >= 1
    return done, log["runs"][0]


def test_sarif_points_at_the_line_of_the_fault(folder):
    done, log = sarif("-f", folder)
    assert done.returncode == 1
    # Machine output alone on stdout; what the policy most likely does not mean, beside it.
    assert done.stderr.splitlines() == [
        f"warning: {folder}/policy.yaml: spec.classification.classes[1]: "
        + done.stderr.partition("classes[1]: ")[2].strip()]  # fmt: skip
    assert log["invocations"][0]["executionSuccessful"] is True
    place = {r["ruleId"]: r["locations"][0]["physicalLocation"] for r in log["results"]}
    path = folder / "with space.yaml"
    image = place["ImageNotPinned"]
    assert image["region"]["startLine"] == line_of(path, "a.example/b:latest")
    assert image["artifactLocation"]["uri"].endswith("/with%20space.yaml")
    missing = place["SignOffMissing"]
    # The second document's first line: where the deployment begins.
    assert missing["region"]["startLine"] == line_of(path, "---") + 1


def test_sarif_tells_of_a_manifest_that_cannot_be_read(folder):
    bad = folder / "bad.yaml"
    bad.write_text("apiVersion: countersign.dev/v1alpha1\nkind: UseCase\n"
                   "metadata: {name: a, namespace: b}\nspec:\n  title: x\n  deployTo:\n  - Bad\n")
    done, log = sarif("-f", folder)
    assert done.returncode == 2 and "bad.yaml: spec.purpose: is required" in done.stderr
    assert log["invocations"][0]["executionSuccessful"] is False
    assert [r["ruleId"] for r in log["results"]] == ["ManifestInvalid"]
    assert log["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 4


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.yaml", "kind: A\napiVersion: v1\nkind: B\n", 3),
        ("b.json", '{"kind": "A",\n "apiVersion": "v1",\n "kind": ]}', 3),
        ("c.yaml", "kind: A\napiVersion: v1\n---\nkind: B\n", 4),
        ("d.json", '{"apiVersion": "v1", "kind": "List",\n "items": [\n'
                   '  {"apiVersion": "countersign.dev/v1alpha1", "kind": "Frob",\n'
                   '   "metadata": {"name": "a", "namespace": "b"}}]}', 3),
    ],
)
def test_annotations_point_at_the_line_of_a_malformed_manifest(tmp_path, name, text, line):
    path = tmp_path / name
    path.write_text(text)
    done = run("check", "-f", path, "-o", "github")
    assert done.returncode == 2
    assert done.stdout.startswith(f"::error file={path},line={line},title=ManifestInvalid::")
    assert len(done.stdout.splitlines()) == 1


def test_annotations_name_deployment_gate_and_remedy(folder):
    done = run("check", "-f", folder, "-o", "github")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert all(line.startswith("::error file=") for line in lines)
    one = next(line for line in lines if "SignOffMissing" in line)
    assert "title=SignOffMissing in lending-prod/scorer::validation: needs 2 sign-offs" in one
    assert "%0ARemedy: group 'model-risk' can run" in one


def test_what_is_only_flagged_is_a_warning_and_passes_as_a_test(folder):
    mdeploy = samples.deployment(namespace=samples.DEV)
    write(folder / "with space.yaml", samples.use_case(), mdeploy)
    measure = {"measures": [dict(samples.policy()["spec"]["measures"][0], applies={})]}
    write(folder / "policy.yaml", samples.policy(measure))
    done = run("check", "-f", folder, "-o", "github")
    assert done.returncode == 0
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == ["::warning"]
    suites = ElementTree.fromstring(run("check", "-f", folder, "-o", "junit").stdout)
    assert suites.get("failures") == "0"
    assert "SignOffMissing" in suites.find(".//testcase[@name='validation']/system-out").text


def test_junit_is_a_case_for_each_gate(folder):
    done = run("check", "-f", folder, "-o", "junit")
    assert done.returncode == 1
    suites = ElementTree.fromstring(done.stdout)
    answer = json.loads(run("check", "-f", folder, "-o", "json").stdout)
    assert (answer["apiVersion"], answer["kind"]) == ("cli.countersign.dev/v1", "CheckResult")
    gates = answer["deployments"][0]["decision"]["gates"]
    cases = suites.findall("testsuite/testcase")
    assert [c.get("name") for c in cases] == [g["measure"] for g in gates]
    failed = [c.get("name") for c in cases if c.find("failure") is not None]
    assert failed == [g["measure"] for g in gates if g["state"] != "Passed"]
    assert suites.get("tests") == str(len(gates)) and suites.get("failures") == str(len(failed))
    case = suites.find(".//testcase[@name='digest-binding']")
    assert case.get("line") == str(line_of(folder / "with space.yaml", "a.example/b:latest"))
    assert case.get("file").endswith("with space.yaml")


def test_junit_has_an_error_for_what_could_not_be_evaluated(tmp_path):
    (tmp_path / "bad.yaml").write_text("{{{")
    done = run("check", "-f", tmp_path, "-o", "junit")
    assert done.returncode == 2
    suites = ElementTree.fromstring(done.stdout)
    assert suites.get("errors") == "1"
    assert suites.find("testsuite/testcase/error").get("type") == "ManifestInvalid"


@pytest.mark.parametrize("output", ["table", "json", "sarif", "junit", "github"])
def test_an_empty_folder_is_never_a_success(tmp_path, output):
    done = run("check", "-f", tmp_path, "-o", output)
    assert done.returncode == 2
    assert f"there is no manifest (*.yaml, *.yml, *.json) below '{tmp_path}'" in done.stderr


def test_a_server_that_never_answers_ends_with_124(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "a",
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "clusters": [{"name": "a", "cluster": {
                "server": f"http://127.0.0.1:{silent.getsockname()[1]}"}}],
            "users": [{"name": "a", "user": {}}],
        }  # fmt: skip
        path = tmp_path / "config"
        path.write_text(json.dumps(config))
        done = run("explain", "x", "--kubeconfig", path, "--timeout", "1s")
    assert (done.returncode, done.stdout) == (124, "")
    assert done.stderr == "countersign: not done within 1s\n"
    wrong = run("explain", "x", "--timeout", "soon")
    assert wrong.returncode == 2 and "--timeout" in wrong.stderr


def test_nothing_is_coloured_even_on_a_terminal(folder):
    done = subprocess.run(
        ["script", "-qec", f"'{BIN}/countersign' check -f '{folder}'", "/dev/null"],
        capture_output=True, text=True, check=False, timeout=60,
        env=dict(os.environ, TERM="xterm-256color"),
    )  # fmt: skip
    assert "SignOffMissing" in done.stdout
    assert "\x1b" not in done.stdout


def bash_completes(*words):
    script = run("completion", "bash").stdout
    line = " ".join(f"'{w}'" for w in words)
    done = subprocess.run(
        ["bash", "-c", f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}\n"
                       "_countersign; printf '%s\\n' \"${COMPREPLY[@]}\""],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["countersign", "che"], {"check"}),
        (["countersign", "check", "--fil"], {"--filename"}),
        (["countersign", "check", "-o", "s"], {"sarif"}),
        (["countersign", "matrix", "--output", ""], {"table", "markdown", "json"}),
        (["countersign", "completion", "b"], {"bash"}),
        (["countersign", "explain", "--time"], {"--timeout"}),
    ],
)
def test_bash_completes_commands_flags_and_values(words, completed):
    assert set(bash_completes(*words)) == completed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command_and_is_valid(tmp_path, shell):
    script = tmp_path / f"countersign.{shell}"
    script.write_text(run("completion", shell).stdout)
    commands = re.findall(r"^  (\w+) ", run("--help").stdout.split("Subcommands:")[1], re.M)
    assert len(commands) >= 8
    for command in commands:
        assert command in script.read_text()
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True)
