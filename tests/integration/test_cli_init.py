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
