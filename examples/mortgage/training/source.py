"""Says which code ran: the commit, and whether the files that trained are as committed.

The training files have a digest of their own besides: SHA-256 over their sorted paths and digests.
Without git (a release archive) there is no commit to name; then these 64 hex digits stand where a
commit of a SHA-1 repository has 40.
"""

import dataclasses
import hashlib
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = HERE.parent
# What decides the bytes of a model. The rest of the example may be edited without making it
# unclean.
FILES = [EXAMPLE / "train.py", HERE]


@dataclasses.dataclass(frozen=True)
class Source:
    repository: str
    commit: str
    clean: bool
    digest: str


def find() -> Source:
    digest = "sha256:" + _tree()
    commit = _git("rev-parse", "--verify", "HEAD")
    tracked = _git("ls-files", "--", str(EXAMPLE / "train.py"))
    if commit is None or not tracked:
        return Source("examples/mortgage of the Countersign source archive", _tree(), True, digest)
    status = _git("status", "--porcelain", "--", *map(str, FILES))
    return Source("examples/mortgage of the Countersign repository", commit, status == "", digest)


def _git(*arguments: str) -> str | None:
    # A checkout that another user owns (make under sudo) is refused by git unless told otherwise;
    # only reading commands are run here.
    command = ["git", "-c", f"safe.directory={EXAMPLE.parents[1]}", "-C", str(EXAMPLE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _tree() -> str:
    lines = []
    for path in sorted([FILES[0], *HERE.glob("*.py"), *HERE.glob("requirements.*")]):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f"{digest}  {path.relative_to(EXAMPLE)}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()
