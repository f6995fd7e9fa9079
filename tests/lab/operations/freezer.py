"""Runs on a guest, as a test's own service: freezes a pod's operation at the start of each step.

It watches the journal. A step that starts for the first time is frozen there and then, by the
operation's control group: what the test does next (cut the power, kill -9) hits that very step.
A step that starts again, after the cut, goes on; with the name of a step, only that one is
frozen. Nothing in podfleet knows of it.
"""

import json
import sys
import time
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup/system.slice")


def freeze_file(pod: str) -> Path:
    slice_name = r"system-podfleet\x2doperation.slice"
    return CGROUPS / slice_name / f"podfleet-operation@{pod}.service" / "cgroup.freeze"


def newest_journal(pod: str, verb: str) -> Path | None:
    found = sorted(Path(f"/var/lib/podfleet/{pod}/operations").glob(f"*-{verb}/journal.jsonl"))
    return found[-1] if found else None


def size_of(journal: Path | None) -> int:
    return journal.stat().st_size if journal else -1


def is_first_start(content: bytes, only: str) -> bool:
    """Whether the last whole line says that a step starts which never started before."""
    lines = []
    for raw in content.splitlines():
        try:
            lines.append(json.loads(raw))
        except ValueError:
            break
    if not lines or lines[-1]["event"] not in ("start", "undo"):
        return False
    last = (lines[-1]["event"], lines[-1]["step"])
    if only and last[1] != only:
        return False
    return [(line["event"], line["step"]) for line in lines].count(last) == 1


def watch(pod: str, verb: str, only: str) -> None:
    # What is there already was there before the cut: only what comes now counts.
    size = size_of(newest_journal(pod, verb))
    while True:
        journal = newest_journal(pod, verb)
        now = size_of(journal)
        if journal and now != size:
            # What is judged is what is remembered: a line that comes meanwhile is the next one.
            content = journal.read_bytes()
            if not content.endswith(b"\n"):
                # A line that crosses a page is seen half written: it is judged when it is whole.
                continue
            now = len(content)
            if is_first_start(content, only):
                try:
                    freeze_file(pod).write_text("1")
                except FileNotFoundError:
                    continue
        size = now
        time.sleep(0.0002)


if __name__ == "__main__":
    watch(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
