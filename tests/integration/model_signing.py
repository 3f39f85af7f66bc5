"""The real model-signing package, whose bundles countersign verifies."""

import pathlib
import subprocess
import sys

import locked


def folder():
    return locked.folder(pathlib.Path(__file__).with_suffix(".lock"))


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
