"""The command line's entry: `python -m provision.cli`."""

from __future__ import annotations

import io
import sys


def main() -> int:
    """Runs the verb that was asked for; returns the exit code."""
    from provision.cli.application import application
    from provision.cli.failures import exit_code_of

    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the locale has no letter for is escaped, and no reason to end with a fault.
        sys.stdout.reconfigure(errors="backslashreplace")
    app = application()
    return exit_code_of(lambda: app(prog_name="podfleet", standalone_mode=False))


if __name__ == "__main__":
    sys.exit(main())
