"""Python packages that tests run, from a lock file: installed once a user, with every hash checked, into
a folder of their own in the cache of the tests."""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

PYTHON = "/usr/bin/python3"


def folder(lock):
    """The virtual environment of this lock file."""
    base = os.environ.get("XDG_CACHE_HOME")
    cache = (pathlib.Path(base) if base else pathlib.Path.home() / ".cache") / "countersign"
    name = lock.stem.replace("_", "-")
    place = cache / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (place / "complete").exists():  # written last: what lacks it is half-installed
            shutil.rmtree(place, ignore_errors=True)
            subprocess.run([PYTHON, "-m", "venv", place], check=True)
            subprocess.run(
                [place / "bin" / "pip", "--disable-pip-version-check", "install", "--quiet",
                 "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", lock],
                check=True)  # fmt: skip
            (place / "complete").touch()
    return place
