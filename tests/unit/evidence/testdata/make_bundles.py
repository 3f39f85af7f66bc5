"""Writes the bundles beside it, by the real model-signing package: run it by hand when that changes.

python3 tests/unit/evidence/testdata/make_bundles.py
"""

import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "integration"))
import model_signing  # noqa: E402


def main():
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        model = folder / "model"
        for name, text in (("config.json", '{"a":1}'), ("sub/tok.txt", "tok"),
                           ("sub.txt", "beside"), ("weights.bin", "weights"), ("Z.txt", "Z")):  # fmt: skip
            (model / name).parent.mkdir(parents=True, exist_ok=True)
            (model / name).write_text(text)
        key = folder / "key.pem"
        subprocess.run(["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", key],
                       check=True)  # fmt: skip
        subprocess.run(["openssl", "ec", "-in", key, "-pubout", "-out", HERE / "signer.pem"],
                       check=True, capture_output=True)  # fmt: skip
        model_signing.sign("key", model, HERE / "by_key.sig", "--private_key", key)


if __name__ == "__main__":
    main()
