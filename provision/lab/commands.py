"""How the lab calls this machine's programs: argv lists, and a refusal in the program's words."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from provision.errors import Refusal

DO = "Run `podfleet lab down --purge`, then `podfleet up` again; if it stays, mend what it says."


def call(argv: Sequence[str], *, stdin: str | None = None, do: str = DO) -> str:
    """Runs a program of this machine and returns what it printed."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Refusal("lab", f"{argv[0]} is not installed", f"apt-get install {argv[0]}") from None
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise Refusal(
            f"lab: {' '.join(argv[:4])}", f"ended with {done.returncode}: {said[-2000:]}", do
        )
    return done.stdout
