"""How operations call programs on the host: argv lists, checked, secrets by stdin alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from provision.contract import PodPlaces
from provision.errors import Refusal
from provision.operations.sandbox import SANDBOX, environment, writable

Argv = Sequence[str]
# `/path/file.rb:12:in 'method'`; the line with the message goes on after the quote.
_BACKTRACE = re.compile(r"(?:from )?\S+:\d+:in .*'$")


def as_user(name: str) -> tuple[str, ...]:
    """Before a program that shall run as that user. Without a session of PAM's: an upgrade's
    requests wait for some of these calls."""
    return ("setpriv", f"--reuid={name}", f"--regid={name}", "--clear-groups", "--")


AS_POSTGRES = as_user("postgres")


def run(
    argv: Argv,
    *,
    stdin: bytes | None = None,
    cwd: Path | None = None,
    timeout_seconds: float | None = None,
) -> bytes:
    """Its output; CalledProcessError with its last words when it fails."""
    done = subprocess.run(
        list(argv),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        cwd=cwd,
        timeout=timeout_seconds,
        check=True,
    )
    return done.stdout


def succeeds(argv: Argv) -> bool:
    """Whether it ends with 0; what it says is of no interest."""
    return subprocess.run(list(argv), capture_output=True, check=False).returncode == 0


def systemctl(*words: str) -> None:
    run(["systemctl", *words])


def is_active(unit: str) -> bool:
    """Whether it runs; one that boots, or ends, does not."""
    return succeeds(["systemctl", "is-active", "--quiet", unit])


def unit_properties(unit: str, *names: str) -> dict[str, str]:
    """Some of a unit's properties, by name."""
    said = run(["systemctl", "show", f"--property={','.join(names)}", "--", unit]).decode()
    return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)


def postgresql_program(name: str) -> str:
    """The program itself: what Debian has in the PATH is a script that takes longer than it."""
    found = Path("/usr/lib/postgresql").glob(f"[0-9]*/bin/{name}")
    newest = max(found, key=lambda path: int(path.parent.parent.name), default=None)
    return str(newest or name)


def psql(sql: str, variables: Mapping[str, str] | None = None, database: str = "postgres") -> str:
    """Runs SQL as the database's superuser; values go in as psql variables, :"name" or :'name'."""
    argv = [*AS_POSTGRES, postgresql_program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
    for name, value in (variables or {}).items():
        argv += ["-v", f"{name}={value}"]
    # From a directory that the user postgres may enter.
    return run([*argv, "-d", database], stdin=sql.encode(), cwd=Path("/")).decode().strip()


def task_unit(pod: str) -> str:
    """The unit in which an operation runs rake or rails; one at a time."""
    return f"podfleet-task-{pod}.service"


def run_as_pod(
    places: PodPlaces, release_id: str, argv: Argv, *, stdin: bytes | None = None
) -> bytes:
    """Runs argv in the release's directory as the pod, in its sandbox and environment."""
    unit = task_unit(places.name)
    # After a crash of the operation its task may still be there: it must not run beside this one.
    if unit_properties(unit, "LoadState")["LoadState"] == "loaded":
        systemctl("stop", unit)
        succeeds(["systemctl", "reset-failed", unit])
    order = f"--property=Before={places.operation_unit}"
    wrapper = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--unit={unit}", order]
    try:
        return run([*wrapper, *pod_properties(places, release_id), "--", *argv], stdin=stdin)
    except subprocess.CalledProcessError as error:
        raise _task_failed(places, argv, error, unit) from error


def _task_failed(
    places: PodPlaces, argv: Argv, error: subprocess.CalledProcessError, unit: str
) -> Refusal:
    """Rails' own words; where it never came that far, systemd's."""
    words = " | ".join(without_backtrace(error.stderr or error.stdout)) or last_words(unit)
    return Refusal(
        f"pod {places.name}: {' '.join(argv[:2]).rpartition('/')[2]}",
        f"ended with {error.returncode}: {words[:2000]}",
        f"Mend what it complains about (the pod's log is in {places.log}), then run the same "
        "command again.",
    )


def last_words(unit: str) -> str:
    """The end of what the unit's processes said, on one line, without backtraces; systemd's own
    words where they said nothing."""
    show = ["--lines=200", "--output=cat", "--no-pager"]
    said = run(["journalctl", f"_SYSTEMD_UNIT={unit}", *show]) or run(
        ["journalctl", "--unit", unit, *show]
    )
    return " | ".join(without_backtrace(said)[-8:])[-1200:]


def without_backtrace(said: bytes) -> list[str]:
    """The lines that are not empty, and not one of a Ruby backtrace."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
    return [line for line in lines if line and not _BACKTRACE.match(line)]


def pod_properties(places: PodPlaces, release_id: str) -> list[str]:
    """systemd-run's options for a process that runs as the pod does."""
    release = places.release(release_id)
    properties = [f"--property={key}={value}" for key, value in SANDBOX]
    paths = " ".join(map(str, writable(places, release_id)))
    variables = [f"--setenv={k}={v}" for k, v in environment(places, release_id).items()]
    return [
        f"--uid={places.user}",
        f"--gid={places.user}",
        f"--working-directory={release}",
        f"--property=ReadWritePaths={paths}",
        *properties,
        *variables,
    ]
