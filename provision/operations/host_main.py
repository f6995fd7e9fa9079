"""podfleet-host: the verbs that a pod host understands, as a table.

    start POD        request on stdin; begins an operation, prints {"id"}
    follow POD [ID]  prints the journal as it grows, ends with the operation and its exit code
    run POD          what podfleet-operation@POD.service runs
    recover          at boot: who stays down, what goes on
    exec POD -- CMD  runs CMD as the pod, in its environment
    gate POD         whether the pod, as recorded, is well: its evidence
    look-ahead POD   request on stdin; the way that an upgrade would take
    history POD      prints the ledger, a list
    releases POD     prints what the pod keeps and why, a list
    prune POD        request on stdin; removes what nothing keeps, prints that list
    cool POD RELEASE ends the web of a release before that was kept warm
    introduce POD    request on stdin; the pod's canary follows its partners'
    present POD DIR UID   the deploy, in a process of its own

Imports what a verb needs when it runs: most of them must not wait for what others load.
"""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from provision.errors import Exit, PodfleetError, Refusal, UsageError

Arguments = Sequence[str]


def main(arguments: Arguments) -> int:
    """Runs one verb; its exit code."""
    try:
        verb, *rest = arguments
        return _VERBS[verb](rest)
    except (KeyError, ValueError) as error:
        print(f"podfleet-host: {error!r}\n\n{__doc__}", file=sys.stderr)
        return Exit.USAGE
    except PodfleetError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except subprocess.CalledProcessError as error:
        print(_program_failed(error), file=sys.stderr)
        return Exit.REFUSED


def _program_failed(error: subprocess.CalledProcessError) -> Refusal:
    """PostgreSQL that is down, as a rule: nothing was begun."""
    from provision.operations.step import in_words

    do = "`podfleet status` shows what does not run: mend it, then run the same command again."
    return Refusal("host", in_words(error), do)


def _pod(arguments: Arguments) -> str:
    from provision.operations.operation import refuse_bad_name

    if not arguments:
        raise UsageError("podfleet-host", "a pod's name is missing", "Give one.")
    refuse_bad_name(arguments[0])
    return arguments[0]


def _start(arguments: Arguments) -> int:
    from provision.operations.starting import start

    pod = _pod(arguments)
    print(json.dumps({"id": start(pod, json.load(sys.stdin))}))
    return Exit.DONE


def _follow(arguments: Arguments) -> int:
    from provision.operations.following import follow

    pod = _pod(arguments)
    return follow(pod, arguments[1] if len(arguments) > 1 else None)


def _run(arguments: Arguments) -> int:
    from provision.operations.running import run_unfinished

    pod = _pod(arguments)
    try:
        return run_unfinished(pod)
    except Exception:  # noqa: BLE001 - systemd lets it go on, unless the code is a verdict's
        traceback.print_exc()
        return Exit.BUG


def _recover(_: Arguments) -> int:
    from provision.operations.recovery import recover

    for line in recover():
        print(line)
    return Exit.DONE


def _exec(arguments: Arguments) -> int:
    from provision.operations.executing import execute

    pod = _pod(arguments)
    if len(arguments) < 3 or arguments[1] != "--":
        raise UsageError("podfleet-host exec", "no command", "Write: exec POD -- CMD ...")
    return execute(pod, arguments[2:])


def _gate(arguments: Arguments) -> int:
    from provision.operations.gates import recorded

    print(json.dumps(recorded(_pod(arguments))))
    return Exit.DONE


def _look_ahead(arguments: Arguments) -> int:
    from provision.operations.paths import answer

    print(json.dumps(answer(_pod(arguments), json.load(sys.stdin))))
    return Exit.DONE


def _history(arguments: Arguments) -> int:
    from provision.contract import PodPlaces
    from provision.operations.ledger import read

    print(json.dumps(read(PodPlaces(_pod(arguments)))))
    return Exit.DONE


def _releases(arguments: Arguments) -> int:
    from provision.operations.releases import listed

    print(json.dumps(listed(_pod(arguments))))
    return Exit.DONE


def _prune(arguments: Arguments) -> int:
    from provision.operations.releases import prune

    print(json.dumps(prune(_pod(arguments), json.load(sys.stdin))))
    return Exit.DONE


def _cool(arguments: Arguments) -> int:
    from provision.contract import RELEASE_ID
    from provision.operations.warming import cool

    pod = _pod(arguments)
    if len(arguments) != 2 or not RELEASE_ID.match(arguments[1]):
        raise UsageError("podfleet-host cool", "needs a pod and a release's id", "Give them.")
    print(cool(pod, arguments[1]))
    return Exit.DONE


def _introduce(arguments: Arguments) -> int:
    from provision.operations.introducing import introduce

    print(json.dumps(introduce(_pod(arguments), json.load(sys.stdin))))
    return Exit.DONE


def _present(arguments: Arguments) -> int:
    from provision.deploys.present import main as present

    if len(arguments) != 3:
        raise Refusal("podfleet-host present", "needs a pod, a stage and a uid", "Give them.")
    present(_pod(arguments), Path(arguments[1]), int(arguments[2]))
    return Exit.DONE


_VERBS: dict[str, Callable[[Arguments], int]] = {
    "start": _start,
    "follow": _follow,
    "run": _run,
    "recover": _recover,
    "exec": _exec,
    "gate": _gate,
    "look-ahead": _look_ahead,
    "history": _history,
    "releases": _releases,
    "prune": _prune,
    "cool": _cool,
    "introduce": _introduce,
    "present": _present,
}
