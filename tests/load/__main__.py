"""`python -m tests.load https://pod…`: asks until it is told to end, then sums up its log."""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
import threading
from pathlib import Path
from urllib.parse import urlencode

from tests.load.asking import Ask, Questions
from tests.load.http1 import Http1Client
from tests.load.record import Log, now, read
from tests.load.running import Load
from tests.load.summary import summarise
from tests.load.target import Target

ACCESS_TOKENS = "/api/openid_connect/access_tokens"


def main() -> int:
    """0 when no request failed."""
    options = _options()
    target = Target.of(options.url, options.address, options.ca)
    account = json.loads(options.token.read_text())
    aspects = account.pop("aspects", ())
    questions = Questions(_access_token(target, account), aspects)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    if options.seconds:
        timer = threading.Timer(options.seconds, stopped.set)
        timer.daemon = True
        timer.start()
    begin = now()
    with options.log.open("w", encoding="utf-8") as file:
        Load(target, questions, Log(file), options.rate, options.trickles, stopped).run()
    summary = summarise(read(options.log), begin, now())
    print(json.dumps(dataclasses.asdict(summary), indent=2))
    return 1 if summary.failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("url", help="the pod's public address")
    parser.add_argument("--address", help="where to find it, instead of what its name resolves to")
    parser.add_argument("--ca", help="the authorities to trust, instead of the system's")
    parser.add_argument(
        "--token",
        type=Path,
        required=True,
        help="the account: client_id, client_secret, refresh_token, perhaps aspects",
    )
    parser.add_argument("--log", type=Path, required=True, help="a line of JSON a request")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second")
    parser.add_argument("--trickles", type=int, default=0, help="slow uploads, always under way")
    parser.add_argument("--seconds", type=float, help="how long; until a signal unless given")
    return parser.parse_args()


def _access_token(target: Target, token: dict[str, str]) -> str:
    """What the account's refresh token is worth now."""
    form = {"grant_type": "refresh_token", **token}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    client = Http1Client(target)
    answer = client.ask(Ask("token", "POST", ACCESS_TOKENS, headers, urlencode(form).encode()))
    client.close()
    if answer.status != 200:
        raise SystemExit(f"{target.domain}: no token: {answer.error or answer.status}")
    return str(json.loads(answer.body)["access_token"])


if __name__ == "__main__":
    sys.exit(main())
