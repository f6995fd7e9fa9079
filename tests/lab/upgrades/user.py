"""Somebody who uses a pod of the lab over TLS: reads, posts, uploads."""

from __future__ import annotations

import json
from functools import cached_property
from urllib.parse import urlencode

from provision.operations import dispatch
from tests.lab.upgrades.upgrade_lab import UpgradeLab
from tests.load.asking import Ask, Questions
from tests.load.http1 import Answer, Http1Client
from tests.load.target import Target

ACCESS_TOKENS = "/api/openid_connect/access_tokens"


class User:
    """Posts as the canary, publicly; one keep-alive connection."""

    def __init__(self, lab: UpgradeLab, pod: str) -> None:
        self.lab, self.pod = lab, pod
        address = str(lab.fleet.hosts[lab.host_of(pod)].address)
        self.target = Target(lab.domain(pod), 443, address, str(lab.lab.authorities))
        self.client = Http1Client(self.target)

    @cached_property
    def questions(self) -> Questions:
        """What the canary may ask; its access token is a fresh one."""
        connection = self.lab.connection(self.lab.host_of(self.pod))
        token = json.loads(dispatch.fetch_canary_token(connection, self.pod))
        form = urlencode({"grant_type": "refresh_token", **token}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self.client.ask(Ask("token", "POST", ACCESS_TOKENS, headers, form))
        assert answer.status == 200, answer
        return Questions(str(json.loads(answer.body)["access_token"]))

    def write(self, posts: int, photos: int) -> None:
        """Rows and uploads."""
        asked = [self.questions.post() for _ in range(posts)]
        for ask in [*asked, *(self.questions.upload() for _ in range(photos))]:
            answer = self.client.ask(ask)
            assert answer.status in (200, 201), f"{ask.path}: {answer}"

    def get(self, path: str = "/nodeinfo/2.0") -> Answer:
        return self.client.ask(Ask("get", "GET", path))

    def version(self) -> str:
        """The version that the pod says it runs."""
        answer = self.get()
        assert answer.status == 200, answer
        return str(json.loads(answer.body)["software"]["version"])
