"""Holds a running pod to the contract; exits 1 with a list of what departs from it."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from provision.contract import PodPlaces
from tests.contract.account import ensure_account, facts_of_token
from tests.contract.account_cases import ACCOUNT_CASES, TOKEN_CASES
from tests.contract.case import Case, try_case
from tests.contract.host import HostFailed, OnHost
from tests.contract.host_cases import host_cases
from tests.contract.processes import process_cases
from tests.contract.public_cases import PUBLIC_CASES
from tests.contract.receiving import receiving
from tests.contract.sending import sending
from tests.contract.signing_in import signing_in
from tests.contract.web import Web

Findings = Iterator[tuple[str, list[str]]]
TOKEN_VARIABLE = "PODFLEET_CONTRACT_TOKEN"
EPILOG = f"Without --ssh, ${TOKEN_VARIABLE} may hold an API token: what it may ask is tried too."


def main() -> int:
    options = _options()
    web = Web(options.url, options.address, options.ca, options.port)
    facts = {"url": options.url, "host": web.host, "origin": options.url.rstrip("/")}
    host = _host(options)
    tried, failed = 0, 0
    for name, wrong in _findings(options.parts, web, host, facts):
        tried += 1
        failed += bool(wrong)
        print(f"{'departs' if wrong else 'keeps'}  {name}", flush=True)
        for line in wrong:
            print(f"         {line}", flush=True)
    if host is None:
        print("not asked: what needs the host (give --ssh and --pod)")
    print(f"{tried - failed} passed, {failed} failed")
    return 1 if failed else 0


def _findings(parts: list[str], web: Web, host: OnHost | None, facts: dict[str, str]) -> Findings:
    if "public" in parts:
        yield from _asked(PUBLIC_CASES, web, facts)
    try:
        if host is not None:
            facts.update(ensure_account(host))
            for part in parts:
                if part in PARTS_OF_HOST:
                    yield from PARTS_OF_HOST[part](web, host, facts)
        elif "account" in parts and (token := os.environ.get(TOKEN_VARIABLE)):
            facts.update(facts_of_token(web, token))
            yield from _asked(TOKEN_CASES, web, facts)
    except HostFailed as error:
        yield "the host answers", [str(error)]


# Signing in comes last: it ends with this address shut out of the form for five minutes.
PARTS_OF_HOST: dict[str, Callable[[Web, OnHost, dict[str, str]], Findings]] = {
    "account": lambda web, _host, facts: _asked(ACCOUNT_CASES, web, facts),
    "host": lambda _web, host, facts: host_cases(host, facts),
    "processes": lambda _web, host, _facts: process_cases(host),
    "receiving": lambda web, host, _facts: receiving(web, host),
    "sending": sending,
    "signing-in": lambda web, host, _facts: signing_in(web, host),
}


def _asked(cases: tuple[Case, ...], web: Web, facts: dict[str, str]) -> Findings:
    for case in cases:
        try:
            yield case.name, try_case(case, web, facts)
        except OSError as error:
            yield case.name, [f"no answer: {error}"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.contract", description=__doc__, epilog=EPILOG
    )
    parser.add_argument("--url", required=True, help="the pod's address, https://pod.example.org/")
    parser.add_argument("--address", required=True, help="the IP address to connect to")
    parser.add_argument("--port", type=int, default=443)
    parser.add_argument("--ca", type=Path, help="certificate authorities (default: the system's)")
    parser.add_argument("--ssh", help="argv of ssh to the pod's host, as one string")
    parser.add_argument("--pod", help="the pod's name on that host")
    parser.add_argument("--user", help="the pod's system user, where podfleet did not make it")
    parser.add_argument("--directory", help="the release's directory, likewise")
    parts = ["public", *PARTS_OF_HOST]
    parser.add_argument(
        "--parts", nargs="+", choices=parts, default=parts, help="which parts to try (default: all)"
    )
    options = parser.parse_args()
    if options.ssh and not (options.pod or (options.user and options.directory)):
        parser.error("--ssh wants --pod, or --user and --directory")
    return options


def _host(options: argparse.Namespace) -> OnHost | None:
    if not options.ssh:
        return None
    places = PodPlaces(options.pod or "unnamed")
    return OnHost(
        shell=tuple(shlex.split(options.ssh)),
        user=options.user or places.user,
        directory=options.directory or str(places.current),
        pod=options.pod,
    )


if __name__ == "__main__":
    sys.exit(main())
