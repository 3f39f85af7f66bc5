"""The real model-signing package, whose bundles countersign verifies.

Installed once a user, with every hash checked, into a folder of its own in the cache of the tests.
"""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

LOCK = pathlib.Path(__file__).with_suffix(".lock")
PYTHON = "/usr/bin/python3"


def folder():
    base = os.environ.get("XDG_CACHE_HOME")
    cache = (pathlib.Path(base) if base else pathlib.Path.home() / ".cache") / "countersign"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    place = cache / f"model-signing-{digest}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "model-signing.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (place / "complete").exists():  # written last: what lacks it is half-installed
            shutil.rmtree(place, ignore_errors=True)
            subprocess.run([PYTHON, "-m", "venv", place], check=True)
            subprocess.run(
                [place / "bin" / "pip", "--disable-pip-version-check", "install", "--quiet",
                 "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", LOCK],
                check=True)  # fmt: skip
            (place / "complete").touch()
    return place


def sign(method, model, signature, *arguments):
    """`model_signing sign METHOD`."""
    subprocess.run(
        [folder() / "bin" / "model_signing", "sign", method, "--signature", signature,
         *map(str, arguments), model],
        check=True, capture_output=True, text=True, timeout=120)  # fmt: skip


def script(text, *arguments):
    """Runs Python with the package at hand, for what its command does not offer."""
    subprocess.run([folder() / "bin" / "python", "-c", text, *map(str, arguments)], check=True,
                   timeout=120)  # fmt: skip


if __name__ == "__main__":
    sys.exit(subprocess.run([folder() / "bin" / "model_signing", *sys.argv[1:]]).returncode)
