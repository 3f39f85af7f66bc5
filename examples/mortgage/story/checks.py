"""Looks before it believes: a step that did not see what it expected stops the story."""

import time
from collections.abc import Callable


class StepFailed(Exception):
    """What was expected and what was found; the step's name is added by whoever runs the steps."""

    def __init__(self, expected: str, found: str):
        super().__init__(f"expected {expected}; found {found}")
        self.expected, self.found = expected, found


class CannotStart(Exception):
    """A prerequisite is missing; one sentence that says which and what to do."""


def expect(condition: bool, expected: str, found: str) -> None:
    if not condition:
        raise StepFailed(expected, found.strip() or "nothing")


def wait_for(expected: str, look: Callable[[], tuple[bool, str]], seconds: float = 60) -> str:
    """Looks until it sees it. `look` gives whether it is there, and what was seen."""
    deadline = time.monotonic() + seconds
    while True:
        there, found = look()
        if there:
            return found
        if time.monotonic() > deadline:
            raise StepFailed(f"{expected} within {seconds:.0f} s", found.strip() or "nothing")
        time.sleep(0.2)
