"""docs/troubleshooting.md and docs/operations: what they quote is what the programs say, what they
link to is there."""

import pathlib
import re
import shlex
import shutil

import pytest
import yaml
from cli import run
from world import ROOT

DOCS = ROOT / "docs"
TROUBLE = (DOCS / "troubleshooting.md").read_text()
SOURCES = [path for folder in ("lib", "webhook", "operator", "cli") for path in (ROOT / folder).rglob("*.cc")]


def literals():
    """All string literals of the sources, those that are split over lines put together."""
    text = "\n".join(path.read_text() for path in SOURCES)
    joined = re.sub(r'"\s*\n\s*"', "", text)
    return re.findall(r'"((?:[^"\\\n]|\\.)*)"', joined)


def test_headings_are_messages_of_ours():
    said = literals()
    headings = re.findall(r"^### `(.+)`$", TROUBLE, re.MULTILINE)
    assert len(headings) > 20
    assert [one for one in headings if not any(one in text for text in said)] == []


def admission_policies():
    """Of each validation of the ValidatingAdmissionPolicies that are installed: what it can say."""
    for path in (ROOT / "charts" / "countersign" / "files").rglob("*.yaml"):
        for one in yaml.safe_load_all(path.read_text()):
            if one and one.get("kind") == "ValidatingAdmissionPolicy":
                for validation in one["spec"]["validations"]:
                    yield one["metadata"]["name"], validation


def test_every_refusal_of_an_admission_policy_has_a_heading():
    """They are made without the webhook, and bear no reason that would lead into the table."""
    headings = re.findall(r"^### `(.+)`$", TROUBLE, re.MULTILINE)
    assert len(headings) == len(set(headings))
    found = list(admission_policies())
    assert len({name for name, _ in found}) >= 12
    for name, validation in found:
        # With an expression, its message is what is said where that fails.
        said = [[validation["message"]]]
        if "messageExpression" in validation:
            said.append(re.findall(r'"([^"]*)"', validation["messageExpression"]))
        for texts in said:
            # Of words that are the policy's own: a heading of two words would stand in all of them.
            assert [h for h in headings if len(h) > 20 and any(h in text for text in texts)], (name, texts)


def refusals():
    """Reason codes that a request can meet: those that cases show, and those of the webhook alone."""
    codes = set()
    for path in (ROOT / "tests" / "cases").glob("*.yaml"):
        for case in yaml.safe_load(path.read_text()):
            if isinstance(case, dict):
                gates = case.get("expect", {}).get("gates", {})
                codes |= {text.split()[1] for text in gates.values()
                          if " " in text and not text.startswith("Passed")}  # fmt: skip
    for path in (ROOT / "webhook").rglob("*.cc"):
        text = path.read_text()
        codes |= set(re.findall(r'Refuse\(\s*(?:[\w.]+,\s*)?"(\w+)"', text))
        codes |= set(re.findall(r'why(?: =)? ?\{\s*"([A-Z]\w+)"', text))
    return codes


def test_every_reason_for_refusing_is_explained():
    codes = refusals()
    assert len(codes) > 150
    explained = set(re.findall(r"`(\w+)`", TROUBLE))
    assert sorted(codes - explained) == []


def slug(heading):
    """As the usual renderers of Markdown make anchors."""
    text = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return text.replace(" ", "-")


def anchors(path):
    return {slug(h) for h in re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("page", [*sorted(DOCS.glob("*.md")), *sorted((DOCS / "operations").glob("*.md")),
                                  DOCS / "reference" / "flags.md"],
                         ids=lambda page: page.name)  # fmt: skip
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"\w+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else pathlib.Path(page)
        assert path.exists(), f"{page.name} links to {target}"
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), f"{page.name} links to {target}"


def test_countersign_install_runs_as_the_pages_have_it(tmp_path):
    """Where the pages give it flags: the name alone stands for what it prints."""
    shutil.copy(ROOT / "charts" / "countersign" / "files" / "serving-profiles.yaml", tmp_path / "profiles.yaml")
    pages = [ROOT / "charts" / "countersign" / "README.md", *DOCS.glob("*.md"), *(DOCS / "operations").glob("*.md")]
    commands = [command.replace("FILE", "profiles.yaml").replace("profiles.yaml", str(tmp_path / "profiles.yaml"))
                for page in pages
                for command in re.findall(r"countersign install ((?:-[^`>|\n]*)?)(?=[`>|\n])", page.read_text())
                if command not in ("", "--crds")]  # fmt: skip
    assert len(commands) >= 4
    for command in commands:
        done = run("install", *shlex.split(command))
        assert done.returncode == 0 and done.stdout, (command, done.stderr)
    text = (DOCS / "installation.md").read_text()
    for flag in set(re.findall(r"^  .{0,4}(--[a-z-]+)", run("install", "--help").stdout, re.MULTILINE)) - {"--help", "--output"}:
        assert flag in text, flag


def test_logs_are_those_of_all_replicas():
    """kubectl takes one Pod of a Deployment, and only the operator's leader says what it found."""
    for page in DOCS.rglob("*.md"):
        assert not re.search(r"logs (deploy|deployment|deployments)[/ ]", page.read_text()), page


def test_the_threat_model_names_tests_that_there_are():
    text = (DOCS / "threat-model.md").read_text()
    tests = {p: p.read_text() for p in (ROOT / "tests").rglob("*") if p.suffix in (".py", ".cc")}
    python = set(re.findall(r"^def (test_\w+)", "\n".join(tests.values()), re.MULTILINE))
    gtest = {f"{suite}.{name}" for suite, name in
             re.findall(r"TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", "\n".join(tests.values()))}  # fmt: skip
    named = set(re.findall(r"`(test_\w+|[A-Z]\w+\.[A-Z]\w+)`", text))
    assert len(named) > 50
    assert sorted(named - python - gtest) == []
    for path in re.findall(r"`(tests/\w+)`", text):
        assert (ROOT / path).is_dir(), path
