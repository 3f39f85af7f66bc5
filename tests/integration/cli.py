"""Runs the `countersign` program for tests."""

import json
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("COUNTERSIGN_BIN", ROOT / "build" / "release" / "bin"))


def run(*arguments, stdin=None, env=None):
    return subprocess.run(
        [BIN / "countersign", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=env,
    )


def write(path, *objects):
    path.parent.mkdir(parents=True, exist_ok=True)
    # Through JSON: PyYAML writes an object that stands in two places as an alias.
    path.write_text(yaml.safe_dump_all(json.loads(json.dumps(objects)), sort_keys=False))
    return path
