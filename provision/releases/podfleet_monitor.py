#!/usr/bin/python3 -I
"""bin/podfleet-monitor of a runtime: watches the pods of this host, and perhaps the fleet."""

import os
import sys

RUNTIME = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120

if __name__ == "__main__":
    sys.path[:0] = [RUNTIME, f"{RUNTIME}/site"]
    from monitoring.process import main

    raise SystemExit(main())
