"""Prints the story: chapters, sentences, commands as people type them, and what came back.

Colour only on a terminal (and not if NO_COLOR is set, see no-color.org). Everything a program said
is printed as it said it, indented, never shortened within a line: a refusal is read word for word.
"""

import os
import sys
import textwrap

WIDTH = 96
# Enough for any refusal; beyond it a listing says how much was left out.
MOST_LINES = 60

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Console:
    def __init__(self, stream=None):
        self._stream = stream or sys.stdout
        self._colour = self._stream.isatty() and not os.environ.get("NO_COLOR")
        self._chapter = 0

    def chapter(self, title: str) -> None:
        self._chapter += 1
        self._write("")
        self._write(self._paint(f"{self._chapter}. {title}", "bold"))

    def say(self, text: str) -> None:
        self._write("")
        for line in textwrap.wrap(" ".join(text.split()), WIDTH):
            self._write(line)

    def command(self, who: str, line: str) -> None:
        """A command as its person types it; `who` stands where a prompt would."""
        self._write("")
        self._write(f"  {self._paint(who, 'cyan')} $ {self._paint(line, 'bold')}")

    def output(self, text: str, refusal: bool = False) -> None:
        lines = text.rstrip("\n").split("\n") if text.strip() else []
        for line in lines[:MOST_LINES]:
            self._write("    " + (self._paint(line, "red") if refusal else line))
        if len(lines) > MOST_LINES:
            self._write(f"    ({len(lines) - MOST_LINES} more lines)")

    def seen(self, text: str) -> None:
        """One thing that was checked and found."""
        wrapped = textwrap.wrap(text, WIDTH - 4)
        self._write("  " + self._paint("✓", "green") + " " + wrapped[0])
        for line in wrapped[1:]:
            self._write("    " + line)

    def failure(self, text: str) -> None:
        self._write("")
        for line in text.split("\n"):
            self._write(self._paint(line, "red"))

    def plain(self, text: str) -> None:
        self._write(text)

    def _paint(self, text: str, colour: str) -> str:
        return f"\033[{_CODES[colour]}m{text}\033[0m" if self._colour and text else text

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
