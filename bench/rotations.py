"""Rotates the built-in certificate authority many times under load: not one good request may be lost.

Two replicas of the webhook behind one address, the operator, and a real control plane; clients create
(dry run) good objects as fast as they are answered. `make rotations` runs it; COUNT=… for another number.
"""

import argparse
import pathlib
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "controlplane")]
from rotation_site import Load, RotationSite  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="rotations")
    parser.add_argument("--threads", type=int, default=2, help="clients")
    parser.add_argument("--settle", default="1s", help="--ca-settle of the webhook")
    parser.add_argument("--retire", default="1s", help="--ca-retire of the webhook")
    arguments = parser.parse_args()
    site = RotationSite(flags=(f"--ca-settle={arguments.settle}", f"--ca-retire={arguments.retire}"))
    try:
        site.rotate()
        load = Load(site.cluster, arguments.threads, pause=0.005)
        started = time.monotonic()
        for done in range(1, arguments.count + 1):
            site.rotate()
            if done % 50 == 0 or load.lost:
                took = time.monotonic() - started
                print(f"{done} rotations, {took:.0f} s, {load.answered} requests, "
                      f"{len(load.lost)} lost", flush=True)  # fmt: skip
            if load.lost:
                break
        lost = load.stop()
    finally:
        site.close()
    for when, status, answer in lost[:10]:
        print(f"lost at {when:.3f}: {status} {answer}", file=sys.stderr)
    print(f"{arguments.count} rotations, {load.answered} requests, {len(lost)} lost")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
