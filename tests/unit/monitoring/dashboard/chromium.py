"""Chromium without a window, spoken to in its DevTools protocol over a pipe."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.monitoring.dashboard.running import ended

_ARGV = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
         "--disable-extensions", "--remote-debugging-pipe")  # fmt: skip
DEADLINE_SECONDS = 60.0


@dataclass
class Tab:
    """One page; what it complained of and asked for is kept."""

    _to: int
    _from: int
    events: list[dict[str, Any]] = field(default_factory=list)
    _session: str | None = None
    _number: int = 0
    _buffer: bytes = b""

    def open(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + DEADLINE_SECONDS
        while b"\0" not in self._buffer:
            left = end - time.monotonic()
            assert left > 0 and select.select([self._from], [], [], left)[0], "Chromium is silent"
            piece = os.read(self._from, 2**20)
            assert piece, "Chromium has ended"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def go(self, url: str) -> None:
        """Returns when the page has loaded."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def look(self, width: int = 1280, height: int = 800, is_dark: bool = False) -> None:
        """The window's size and the reader's wish for colours."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, expression: str) -> Any:
        said = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def press(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code)  # fmt: skip

    def screenshot(self, path: Path) -> None:
        picture = self.call("Page.captureScreenshot", format="png", optimizeForSpeed=False)
        path.write_bytes(base64.b64decode(picture["data"]))

    def first_paint_seconds(self) -> float:
        """From the start of the navigation to the first thing to be seen."""
        paints = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
        end = time.monotonic() + 10
        while (found := self.evaluate(paints)) is None:
            assert time.monotonic() < end, "nothing was painted"
            time.sleep(0.02)
        return float(found) / 1000

    def requests(self) -> list[str]:
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]  # fmt: skip

    def complaints(self) -> list[str]:
        """What the browser's console says, refusals by the policy included."""
        logged = [event["params"]["entry"]["text"] for event in self.events
                  if event.get("method") == "Log.entryAdded"]  # fmt: skip
        return logged + [json.dumps(event["params"]) for event in self.events
                         if event.get("method") == "Runtime.exceptionThrown"]  # fmt: skip


@contextlib.contextmanager
def tab(profile: Path) -> Iterator[Tab]:
    """A browser with one empty page; `profile` is a directory for its files."""
    there, to = os.pipe()
    back, here = os.pipe()
    # The protocol wants its pipes as 3 and 4, whatever numbers they have here.
    script = f'exec "$@" 3<&{there} 4>&{here}'
    argv = ["bash", "-c", script, "bash", *_ARGV, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        argv, pass_fds=(there, here), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(there)
    os.close(here)
    with ended(process):
        browser = Tab(to, back)
        browser.open()
        yield browser
        with contextlib.suppress(OSError):
            browser.call("Target.getTargets")
            os.write(to, b'{"id":0,"method":"Browser.close"}\0')
            process.wait(10)
    os.close(to)
    os.close(back)
