"""How a command ends: every failure in words on standard error, with the exit code it promises."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import typer

from provision import places
from provision.errors import Exit, PodfleetError
from provision.report import harmless


def exit_code_of(command: Callable[[], object]) -> int:
    """Runs the command; says what went wrong, if anything, and returns the exit code."""
    try:
        returned = command()
    except PodfleetError as error:
        for words in (error, *getattr(error, "__notes__", ())):
            print(harmless(str(words)), file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("podfleet: interrupted. What was begun on a host goes on: see", file=sys.stderr)
        print("`podfleet follow`; the same command again finishes the rest.", file=sys.stderr)
        return Exit.INTERRUPTED
    except typer.TyperException as error:
        return _usage_error(error)
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as error:  # noqa: BLE001 - the last door: translated into words and a log
        return _own_bug(error)
    return returned if isinstance(returned, int) else Exit.DONE


def _usage_error(error: typer.TyperException) -> int:
    show = getattr(error, "show", None)
    if show is None:
        print(f"podfleet: {error}", file=sys.stderr)
    else:
        show()
    return Exit.USAGE


def _own_bug(error: Exception) -> int:
    what = f"{type(error).__name__}: {error}".partition("\n")[0]
    print(f"podfleet: a fault of its own: {what}.", file=sys.stderr)
    try:
        print(f"Please report it, with {_log(error)}.", file=sys.stderr)
    except OSError as unwritten:
        traceback.print_exception(error)
        print(f"Please report it, with the lines above ({unwritten}).", file=sys.stderr)
    return Exit.BUG


def _log(error: Exception) -> Path:
    """The file that has the traceback; never local values, for a secret may be among them."""
    directory = places.state_directory() / "logs"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"fault-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.log"
    path.touch(mode=0o600)
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return path
