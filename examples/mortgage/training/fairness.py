"""Confusion counts per cell of the full cross of race and marital status; the gated metrics.

Positive is the favourable outcome, approval. Countersign recomputes every metric from these counts;
the functions here are for choosing a threshold on validation data and for the table that is
printed.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from training.data import Application

RACE, MARITAL_STATUS = "race", "maritalStatus"
REFERENCE = {RACE: "not-black", MARITAL_STATUS: "not-single"}


@dataclasses.dataclass
class Counts:
    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def add(self, approved: bool, predicted: bool) -> None:
        if predicted:
            self.tp, self.fp = self.tp + approved, self.fp + (not approved)
        else:
            self.fn, self.tn = self.fn + approved, self.tn + (not approved)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn
        )

    @property
    def total(self) -> int:
        return self.tp + self.fp + self.fn + self.tn

    @property
    def selection_rate(self) -> Fraction:
        return Fraction(self.tp + self.fp, self.total)

    @property
    def true_positive_rate(self) -> Fraction:
        return Fraction(self.tp, self.tp + self.fn)

    @property
    def accuracy(self) -> Fraction:
        return Fraction(self.tp + self.tn, self.total)


# As policy.yaml has them; exact, as there.
IMPACT_BOUNDS = Fraction("0.8"), Fraction("1.25")
DIFFERENCE_BOUND = Fraction("0.1")

Cells = dict[tuple[str, str], Counts]  # (race, marital status) -> counts


def count(rows: Sequence[Application], decide: Callable[[Application], bool]) -> Cells:
    cells: Cells = {
        (race, status): Counts()
        for race in ("black", "not-black")
        for status in ("not-single", "single")
    }
    for row in rows:
        cells[row.race, row.marital_status].add(row.approved, decide(row))
    return cells


def total(counts: Iterable[Counts]) -> Counts:
    return sum(counts, Counts())


def group(cells: Cells, attribute: str, name: str) -> Counts:
    at = 0 if attribute == RACE else 1
    return total(counts for key, counts in cells.items() if key[at] == name)


def disparate_impact(cells: Cells, attribute: str, name: str) -> Fraction:
    """Selection rate of the group over that of the reference group (29 CFR 1607.4(D))."""
    reference = group(cells, attribute, REFERENCE[attribute])
    return group(cells, attribute, name).selection_rate / reference.selection_rate


def equal_opportunity_difference(cells: Cells, attribute: str, name: str) -> Fraction:
    """True positive rate of the group less that of the reference group (Hardt et al., 2016)."""
    reference = group(cells, attribute, REFERENCE[attribute])
    return group(cells, attribute, name).true_positive_rate - reference.true_positive_rate


def inside_bounds(impact: Fraction, difference: Fraction) -> bool:
    return IMPACT_BOUNDS[0] <= impact <= IMPACT_BOUNDS[1] and abs(difference) <= DIFFERENCE_BOUND
