#!/usr/bin/python3
"""Writes docs/reference/flags.md: every flag of the programs, as their --help has it.

Usage: flags.py BIN [FILE]   (BIN: the folder of the programs)
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "flags.md"
PROGRAMS = ("countersign", "countersign-webhook", "countersign-operator")
HEAD = """# Flags

Written by `make manifests` from what the programs say to `--help`. What the commands are for stands in
[the command line](../cli.md); the chart gives both programs theirs from [its values](../../charts/countersign/README.md#values).
"""
COLUMN = 30  # of the descriptions; what is longer has a line of its own


def sections(text):
    """Lines of --help by heading: Options, Positionals, Subcommands."""
    found, lines = {}, []
    for line in text.splitlines():
        heading = re.fullmatch(r"([A-Z]\w+):", line)
        if heading:
            lines = found.setdefault(heading[1], [])
        elif line.strip():
            lines.append(line)
    return found


def rows(lines):
    """Name with what it takes, and description, of each entry."""
    lines = list(lines)
    while lines:
        line = lines.pop(0)
        if lines and lines[0].startswith(" " * COLUMN):
            yield line.strip(), lines.pop(0).strip()
        else:
            yield line[:COLUMN].strip(), line[COLUMN:].strip()


def takes(rest):
    """In words what stands after a flag's name."""
    said = []
    for pattern, words in (
        (r"Needs: ((?:[\w-]+(?!\S) ?)+)", "needs {}"),
        (r"Excludes: ((?:[\w-]+(?!\S) ?)+)", "not with {}"),
        (r"REQUIRED()", "required"),
        (r":\{([^}]*)\}", "{}"),
        (r"INT in \[(\d+ - \d+)\]", "{}"),
        (r"=(\S+)", "default {}"),
    ):  # fmt: skip
        match = re.search(pattern, rest)
        if match:
            rest = rest.replace(match[0], " ", 1)
            values = re.split(r"[ ,]+", match[1].strip()) if " - " not in match[1] else [match[1].replace(" - ", " to ")]
            said.append(words.format(", ".join(f"`{one}`" for one in values)))
    return "; ".join(reversed(said))


def table(lines):
    text = "\n| | | |\n| --- | --- | --- |\n"
    for name, what in rows(lines):
        names, _, rest = name.partition(" ")
        names = ", ".join(f"`{re.sub('{.*}', '', one)}`" for one in names.split(","))
        if names != "`-h`, `--help`":
            what = re.sub(r"([|<>*_])", r"\\\1", what)
            text += " ".join(filter(None, ["|", names, "|", takes(rest), "|", what, "|"])) + "\n"
    return text


def page(folder):
    text = HEAD
    commands = [(one, ()) for one in PROGRAMS]
    while commands:
        program, words = commands.pop(0)
        done = subprocess.run([pathlib.Path(folder) / program, *words, "--help"], capture_output=True, text=True,
                              check=True)  # fmt: skip
        parts = sections(done.stdout)
        entries = [line for heading in ("Positionals", "Options") for line in parts.get(heading, [])]
        written = table(entries)
        if written.count("\n") > 3:
            text += f"\n## `{' '.join([program, *words])}`\n{written}"
        below = [name for name, _ in rows(parts.get("Subcommands", []))]
        commands = [(program, (*words, name)) for name in below] + commands
    return text


if __name__ == "__main__":
    (pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else PAGE).write_text(page(sys.argv[1]))
