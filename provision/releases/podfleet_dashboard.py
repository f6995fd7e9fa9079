#!/usr/bin/python3 -I
"""bin/podfleet-dashboard of a runtime: shows what was measured, until nobody looks any more."""

import os
import sys

RUNTIME = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120

if __name__ == "__main__":
    sys.path[:0] = [RUNTIME, f"{RUNTIME}/site"]
    from monitoring.dashboard.__main__ import main

    raise SystemExit(main())
