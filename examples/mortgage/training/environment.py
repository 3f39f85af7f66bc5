"""The pinned environment that training runs in. Standard library only: it runs before there is one.

One virtual environment a user, in ${XDG_CACHE_HOME:-~/.cache}/countersign/example-venv, made from
requirements.lock with every file's hash checked. It is reused for as long as the lock is the same
and its Python is still there, and made anew otherwise; a half-made one is never used.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

LOCK = pathlib.Path(__file__).resolve().parent / "requirements.lock"
# numpy 2.3 asks for 3.11; beyond 3.14 the lock has no built files.
OLDEST, NEWEST = (3, 11), (3, 14)


class Unavailable(Exception):
    """The environment cannot be made; the text says why and what to do."""


def cache() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (pathlib.Path(base) if base else pathlib.Path.home() / ".cache") / "countersign"


def lock_digest() -> str:
    return "sha256:" + hashlib.sha256(LOCK.read_bytes()).hexdigest()


def prepare() -> pathlib.Path:
    """The environment's python, made first if need be."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise Unavailable(
            f"this is Python {sys.version.split()[0]}, the example's lock file is for "
            f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}: run it with one of those, "
            "for instance Debian's /usr/bin/python3"
        )
    place = cache() / "example-venv"
    place.parent.mkdir(parents=True, exist_ok=True)
    python = place / "bin" / "python"
    with _locked(place.parent / "example-venv.lock"):
        made = place / "countersign.lock-digest"  # written last: what lacks it is half-made
        if not (python.exists() and made.is_file() and made.read_text() == lock_digest()):
            _make(place)
            made.write_text(lock_digest())
    return python


def variables(root: pathlib.Path) -> dict[str, str]:
    """What training runs under: the example importable, nothing of the user's site, one thread.

    One thread, because the order in which threads add up floating-point numbers is a choice made
    anew each run; with 2,380 rows there is no speed to lose.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return kept | one | {"PYTHONPATH": str(root), "PYTHONNOUSERSITE": "1", "PYTHONHASHSEED": "0"}


@contextlib.contextmanager
def _locked(path: pathlib.Path):
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(place: pathlib.Path) -> None:
    print(
        f"Making the example's Python environment in {place} (300 MB, once) ...",
        file=sys.stderr,
        flush=True,
    )
    shutil.rmtree(place, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(place)], "Debian has it in the package python3-venv")
    pip = [str(place / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    pip += ["--quiet", "--no-deps", "--require-hashes"]
    # The one source package is built with the setuptools of the lock (--no-build-isolation), or pip
    # would fetch an unpinned one for it.
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as first:
        first.write(_entry("setuptools"))
        first.flush()
        hint = "is the Python package index reachable?"
        _run([*pip, "-r", first.name], hint)
        _run([*pip, "--no-build-isolation", "--use-pep517", "-r", str(LOCK)], hint)


def _entry(package: str) -> str:
    """The lines of the lock that pin `package`."""
    lines, taking = [], False
    for line in LOCK.read_text().splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            taking = line.startswith(package + "==")
        if taking:
            lines.append(line)
    return "".join(lines)


def _run(command: list[str], hint: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing was printed"]
        raise Unavailable(f"{' '.join(command[:4])} failed ({hint}): {said[-1]}")
