"""A small front of the lab alone: `python -m provision.lab up --name NAME --hosts one:1GiB`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from provision.contract import PLATFORM_PACKAGES
from provision.errors import PodfleetError
from provision.lab.lab import Lab, LabHost
from provision.lab.state import lab_directory
from provision.places import CHECKOUT, cache_directory, state_directory

_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def _memory(stated: str) -> int:
    for unit, factor in _UNITS.items():
        if stated.endswith(unit):
            return int(stated.removesuffix(unit)) * factor
    raise argparse.ArgumentTypeError(f"{stated}: needs one of {', '.join(_UNITS)}")


def _hosts(stated: str, image: str) -> dict[str, LabHost]:
    pairs = [one.split(":") for one in stated.split(",") if one]
    return {name: LabHost(name, _memory(memory), image) for name, memory in pairs}


def _parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="python -m provision.lab")
    verbs = ("up", "down", "info", "ssh", "kill", "boot", "cut", "heal", "mirror")
    parser.add_argument("verb", choices=verbs)
    parser.add_argument("what", nargs="?", help="a host, or the mirror's mode")
    parser.add_argument("--name", default="scratch")
    parser.add_argument("--hosts", default="", help="one:2GiB,two:1GiB")
    parser.add_argument("--names", default="", help="a.lab.test=one,b.lab.test=two")
    parser.add_argument("--image", default="platform", choices=("platform", "debian"))
    parser.add_argument("--purge", action="store_true")
    command: list[str] = []
    if "--" in argv:
        at = argv.index("--")
        argv, command = argv[:at], argv[at + 1 :]
    return parser.parse_args(argv), command


def _lab(stated: argparse.Namespace) -> Lab:
    names = dict(pair.split("=") for pair in stated.names.split(",") if pair)
    return Lab(
        stated.name,
        _hosts(stated.hosts, stated.image),
        names,
        lab_directory(state_directory(), Path(CHECKOUT), stated.name),
        cache_directory(),
        PLATFORM_PACKAGES,
        lambda line: print(line, file=sys.stderr),
    )


def main(argv: list[str]) -> int:
    stated, command = _parse(argv)
    lab = _lab(stated)
    if stated.verb == "up":
        lab.up()
    elif stated.verb == "down":
        lab.down(stated.purge)
    elif stated.verb == "mirror":
        lab.set_mirror(stated.what)
    elif stated.verb == "ssh":
        connection = lab.connection(stated.what)
        connection.open()
        argv = [*connection.ssh_argv(), *command] if not command else connection.argv(command)
        os.execvp(argv[0], argv)
    elif stated.verb != "info":
        getattr(lab, stated.verb)(stated.what)
    if stated.verb in ("up", "info"):
        print(json.dumps(lab.info(), indent=1))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except PodfleetError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
