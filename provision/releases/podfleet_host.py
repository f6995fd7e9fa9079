#!/usr/bin/python3 -I
"""bin/podfleet-host of a runtime: finds the runtime it lies in, and calls the host's verbs.

The runtime comes before Debian's own Python packages, so that a host runs what was tested.
"""

import os
import sys

RUNTIME = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120

if __name__ == "__main__":
    sys.path[:0] = [RUNTIME, f"{RUNTIME}/site"]
    from provision.operations.host_main import main

    raise SystemExit(main(sys.argv[1:]))
