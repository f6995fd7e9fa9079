"""`python -m tests.bench [NAME…]`: runs the benches named (all unless named), prints the table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench import flights, main_job, monitoring, pages, probing, upgrades, watching_memory
from tests.bench.table import table

BENCHES = {
    "help": main_job.help_text,
    "nothing": main_job.nothing_to_do,
    "roles": main_job.roles_with_nothing_to_do,
    "launch": main_job.launch_on_a_prepared_host,
    "bare": main_job.bare_guest_to_verified_pod,
    "status": main_job.status_of_100_hosts,
    "newcomer": main_job.newcomer,
    "upgrade-plain": upgrades.upgrade_plain,
    "upgrade-expand": upgrades.upgrade_expand,
    "upgrade-breaking": upgrades.upgrade_breaking,
    "upgrade-gigabyte": upgrades.upgrade_gigabyte,
    "rollback": upgrades.rollback,
    "jobs": upgrades.jobs,
    "memory": upgrades.memory,
    "probes": probing.probes,
    "black-holes": probing.black_holes,
    "ten-thousand": probing.ten_thousand,
    "scrape": monitoring.scrape,
    "exporter": monitoring.exporter,
    "pages": pages.pages,
    "canary": flights.canary,
    "watching": watching_memory.watching,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], metavar="NAME")
    names = parser.parse_args().names or list(BENCHES)
    figures = []
    for name in names:
        print(f"bench {name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="podfleet-bench-") as directory:
            measured = BENCHES[name](Path(directory))
        print("\n".join(table(measured)), file=sys.stderr, flush=True)
        figures += measured
    print("\n".join(table(figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
