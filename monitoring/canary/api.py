"""What the canary asks of a pod: its REST interface, and whether it holds a post."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from monitoring.canary.pods import REQUEST_LIMITS, TEXT, CanaryPod
from monitoring.prober.failure import ProbeFailed
from monitoring.prober.http import Answer
from monitoring.prober.lenient_json import read_json
from monitoring.prober.nodeinfo import expect_ok
from monitoring.prober.session import Session
from monitoring.reasons import Reason

ACCESS_TOKENS = "/api/openid_connect/access_tokens"
POSTS = "/api/v1/posts"
# Renewed this long before the pod would.
_MARGIN_SECONDS = 300
_GUID = re.compile(r"[0-9A-Za-z@_.:-]{16,255}\Z")
_REJECTED = frozenset({400, 401, 403})
_DAY_SECONDS = 86400.0


class CanaryApi:
    """One canary account, over one connection at a time. Close it with `hang_up`.

    The access token outlives the connection: it is made once, and renewed when it is due.
    """

    def __init__(self, pod: CanaryPod, spent: Counter[str] | None = None) -> None:
        self.pod = pod
        self.session: Session = pod.session()
        # Of the last request, without what it took to connect.
        self.answer_seconds = 0.0
        # Requests by pod, of all that share the count.
        self.spent: Counter[str] = Counter() if spent is None else spent
        self._access = ""
        self._renew_at = 0.0

    def hang_up(self) -> None:
        self.session.hang_up()

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """One call as the canary; the token is renewed when it has to be."""
        for attempt in range(2):
            headers = {
                "Accept": "application/json",
                "Content-Type": content_type,
                "Authorization": f"Bearer {await self._access_token()}",
            }
            answer = await self._request(method, path, headers, body)
            if answer.status not in (401, 403) or attempt:
                return answer
            # Taken back before its time, for example with the database: one new one may do.
            self._renew_at = 0.0
        raise AssertionError("unreachable")

    async def _request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        self.spent[self.pod.name] += 1
        answered = self._answered()
        try:
            async with asyncio.timeout(REQUEST_LIMITS.deadline_seconds):
                answer = await self.session.request(method, path, headers=headers, body=body)
                self.answer_seconds = self._answered() - answered
                return answer
        except TimeoutError as error:
            self.session.hang_up()
            reason = self.session.stages.timed_out()
            raise ProbeFailed(reason, f"{REQUEST_LIMITS.deadline_seconds:g} s") from error

    def _answered(self) -> float:
        return self.session.stages.seconds.get("answer", 0.0)

    async def _access_token(self) -> str:
        if time.monotonic() >= self._renew_at:
            granted = await self._grant()
            self._access = str(granted["access_token"])
            lasts = _lasts(granted.get("expires_in"))
            self._renew_at = time.monotonic() + max(lasts - _MARGIN_SECONDS, 1.0)
        return self._access

    async def _grant(self) -> dict[str, Any]:
        if self.pod.token is None:
            raise ProbeFailed(Reason.TOKEN_REJECTED, "the canary has no token")
        form = urlencode(
            {
                "grant_type": "refresh_token",
                "refresh_token": self.pod.token.refresh_token,
                "client_id": self.pod.token.client_id,
                "client_secret": self.pod.token.client_secret,
            }
        )
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = await self._request("POST", ACCESS_TOKENS, headers, form.encode())
        if answer.status in _REJECTED:
            raise ProbeFailed(Reason.TOKEN_REJECTED, str(answer.status))
        granted, _ = read_json(expect_ok(answer).body)
        if not (isinstance(granted, dict) and granted.get("access_token")):
            raise ProbeFailed(Reason.TOKEN_REJECTED, "no access token in the answer")
        return granted

    async def post(self) -> str:
        """Writes the canary's post, for all to read; its guid."""
        body = json.dumps({"body": TEXT, "public": True}).encode()
        answer = await self.call("POST", POSTS, body)
        if answer.status >= 500:
            raise ProbeFailed(Reason.SERVER_ERROR, str(answer.status))
        if answer.status in (401, 403):
            raise ProbeFailed(Reason.TOKEN_REJECTED, str(answer.status))
        if answer.status not in (200, 201):
            raise ProbeFailed(Reason.POST_REJECTED, str(answer.status))
        made, _ = read_json(answer.body)
        guid = made.get("guid") if isinstance(made, dict) else None
        if not (isinstance(guid, str) and _GUID.match(guid)):
            raise ProbeFailed(Reason.POST_REJECTED, "no guid in the answer")
        return guid

    async def retract(self, guid: str) -> None:
        """Takes a post back; one that is gone already is fine."""
        answer = await self.call("DELETE", f"{POSTS}/{guid}")
        if answer.status not in (200, 204, 404):
            raise ProbeFailed(Reason.RETRACTION_REJECTED, str(answer.status))

    async def holds(self, guid: str) -> bool:
        """Whether the pod has a copy of another pod's post; needs no account."""
        answer = await self._request("GET", f"/fetch/post/{guid}", {"Accept": "*/*"}, None)
        if answer.status == 404:
            return False
        if answer.status == 302 and guid in answer.headers.get("location", ""):
            return True
        if answer.status >= 500:
            raise ProbeFailed(Reason.SERVER_ERROR, str(answer.status))
        raise ProbeFailed(Reason.UNEXPECTED_STATUS, str(answer.status))


def _lasts(expires_in: Any) -> float:
    """For how many seconds a token may be used: a day at most, little where nobody says."""
    return min(expires_in, _DAY_SECONDS) if isinstance(expires_in, int | float) else 0.0
