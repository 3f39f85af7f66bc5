"""`countersign init`: a project from a policy pack."""

import os
import pty
import subprocess

import pytest
import yaml

from cli import BIN, ROOT, run

PACK = ["init", "--pack", "self-service-analytics"]
LOW = ["--answer", "audience=single", "--answer", "impact=none", "--answer", "personalData=no",
       "--answer", "effects=days"]  # fmt: skip


def test_writes_a_project_that_the_other_commands_take(tmp_path):
    done = run(*PACK, "--dir", tmp_path, "--name", "churn", "-n", "home", *LOW, stdin="")
    assert done.returncode == 0, done.stderr
    assert "by policy self-service-analytics: self-service\n" in done.stdout
    assert "data-steward" in done.stdout
    packed = ROOT / "examples/policies/self-service-analytics/policy.yaml"
    assert (tmp_path / "policy.yaml").read_text() == packed.read_text()
    case = yaml.safe_load((tmp_path / "use-case.yaml").read_text())
    assert case["metadata"] == {"name": "churn", "namespace": "home"}
    assert case["spec"]["answers"]["personalData"] == ["no"]
    assert "--use-case churn -n home --role data-steward" in (tmp_path / "README.md").read_text()
    shown = run("matrix", "-f", tmp_path / "policy.yaml", "-f", tmp_path / "use-case.yaml",
                "--use-case", "home/churn")  # fmt: skip
    assert shown.returncode == 0, shown.stderr


def test_the_release_file_is_one_once_its_placeholders_are_filled_in(tmp_path):
    done = run(*PACK, "--dir", tmp_path, "--name", "churn", "-n", "home", *LOW, stdin="")
    assert done.returncode == 0, done.stderr
    path = tmp_path / "release.yaml"
    (tmp_path / "metrics.yaml").write_text("accuracy: 0.9\n")
    unfilled = run("release", "-c", path, "--version", "1.0")
    assert unfilled.returncode == 2 and "--uri: must end in" in unfilled.stderr
    path.write_text(path.read_text().replace("sha256:…", "sha256:" + "1" * 64))
    made = run("release", "-c", path, "--version", "1.0")
    assert made.returncode == 0, made.stderr
    (tmp_path / "out.yaml").write_text(made.stdout)
    files = [a for f in ("policy", "use-case", "out") for a in ("-f", tmp_path / f"{f}.yaml")]
    judged = run("check", *files)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_the_release_file_says_what_its_classes_owe(tmp_path):
    run("init", "--pack", "eu-ai-act-high-risk", "--dir", tmp_path, "--answer", "euRiskClass=annexI",
        "--answer", "biometricIdentification=no", "--answer", "personalData=no", stdin="")  # fmt: skip
    text = (tmp_path / "release.yaml").read_text()
    owed = {m["name"] for m in yaml.safe_load((tmp_path / "policy.yaml").read_text())["spec"]["measures"]
            if "signOff" not in m["require"] and m["applies"]["classes"] == ["high-risk"]}  # fmt: skip
    assert {line[2:].split(" ")[0] for line in text.splitlines()
            if line.startswith("# ") and "believed of" in line} == owed  # fmt: skip
    assert "favorableOutcome: accepted" in text
    assert "{type: RiskAssessment, about: UseCase, claims: {…}, artifacts: [{name: assessment," in text
    assert "two-persons-confirm" not in text


@pytest.mark.parametrize("pack", sorted(p.name for p in (ROOT / "examples/policies").iterdir()))
def test_every_pack_starts_a_project(tmp_path, pack):
    policy = yaml.safe_load((ROOT / "examples/policies" / pack / "policy.yaml").read_text())
    answers = [f"--answer={q['name']}={next(iter(q['options']))}"
               for q in policy["spec"]["classification"]["questions"]]  # fmt: skip
    done = run("init", "--pack", pack, "--dir", tmp_path, *answers, stdin="")
    assert done.returncode == 0, done.stderr


def test_asks_on_a_terminal_until_the_answer_is_an_option(tmp_path):
    ours, theirs = pty.openpty()
    with subprocess.Popen([BIN / "countersign", *PACK, "--dir", tmp_path, *LOW[:2]],
                          stdin=theirs, stdout=subprocess.PIPE, text=True) as program:  # fmt: skip
        os.write(ours, b"huge\nfinancial, trust\nyes\nmonths\n")
        out = program.communicate(timeout=30)[0]
    os.close(ours)
    os.close(theirs)
    assert program.returncode == 0
    assert "must be one of financial, legal, none, personal, trust, is 'huge'" in out
    case = yaml.safe_load((tmp_path / "use-case.yaml").read_text())
    assert case["spec"]["answers"]["impact"] == ["financial", "trust"]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--pack", "gpx", *LOW], "--pack: must be one of eu-ai-act-high-risk, financial-mrm, gxp"),
        ([*PACK[1:], *LOW, "--answer", "mood=good"], "--answer: question must be one of audience"),
        ([*PACK[1:], "--answer", "effects=weeks"],
         "--answer effects: must be one of days, months, years, is 'weeks'"),
        ([*PACK[1:], *LOW, "--answer", "audience=public"], "must be one option, is 2"),
        ([*PACK[1:], *LOW[:6]], "not answered: effects=days|months|years"),
        ([*PACK[1:], *LOW, "--name", "Churn!"], "--name: must be at most 63 lower-case"),
    ],
)
def test_what_is_wrong_is_an_error_and_nothing_is_written(tmp_path, arguments, found):
    done = run("init", "--dir", tmp_path / "new", *arguments, stdin="")
    assert done.returncode == 2 and found in done.stderr, done.stderr
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    done = run(*PACK, "--dir", tmp_path, *LOW, stdin="")
    assert done.returncode == 2
    assert "README.md: exists already, and nothing was written" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["README.md"]
