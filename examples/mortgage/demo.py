#!/usr/bin/python3
"""Tells the mortgage story on a real control plane. `make demo` runs this after building.

Standard library and PyYAML only. Exit code 0 means that each step was seen to happen; 1 that one
was not, or that something is missing, which the last lines name.

Environment:
  KUBECONFIG                a cluster to use; without it one is started on this machine
  COUNTERSIGN_BIN           folder of the three programs (default build/release/bin)
  COUNTERSIGN_ASSETS        folder of kubectl and the control plane's programs
  COUNTERSIGN_DEMO_ADDRESS  address of this machine that the cluster's API server reaches
  NO_COLOR                  no colour on a terminal either
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from story.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
