#!/usr/bin/python3
"""Trains the two mortgage models and writes their evidence. Needs Python 3.11 and its venv module.

    train.py                 both models, their artefacts and evidence, into build/example
    train.py --verify        train again elsewhere, compare every digest, write the reproductions
    train.py --help          the rest

The work is in training/. This file only sees to it that it runs in the pinned environment, and uses
nothing but the standard library until it does.
"""

import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent


def main() -> None:
    sys.path.insert(0, str(HERE))
    from training import environment

    try:
        python = environment.prepare()
    except environment.Unavailable as problem:
        sys.exit(f"train.py: {problem}")
    command = [str(python), "-m", "training", *sys.argv[1:]]
    os.execve(python, command, environment.variables(HERE))


if __name__ == "__main__":
    main()
