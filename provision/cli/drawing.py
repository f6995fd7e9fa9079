"""Progress drawn on a terminal: each running step with its elapsed time, finished ones above.

Rich honours NO_COLOR by itself.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from provision.report import harmless


class Drawing:
    """A report drawn with Rich; may be told from several threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._numbers = itertools.count()
        self._running: dict[int, tuple[str, float, Spinner]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def step(self, name: str, where: str = "") -> Iterator[None]:
        label = f"{where}: {name}" if where else name
        number, started = next(self._numbers), time.monotonic()
        with self._lock:
            self._running[number] = (label, started, Spinner("dots"))
        try:
            yield
        except BaseException:
            self._end(number, "✗", "red")
            raise
        self._end(number, "✓", "green")

    def line(self, text: str) -> None:
        self._console.print(Text(harmless(text)))

    def warn(self, text: str) -> None:
        self._console.print(Text(f"warning: {harmless(text)}", style="yellow"))

    def _end(self, number: int, mark: str, style: str) -> None:
        with self._lock:
            label, started, _ = self._running.pop(number)
        seconds = time.monotonic() - started
        self._console.print(Text.assemble((mark, style), f" {label} ", (f"{seconds:.1f} s", "dim")))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now = time.monotonic()
        with self._lock:
            running = list(self._running.values())
        for label, started, spinner in running:
            mark = spinner.render(now)
            yield Text.assemble(
                mark if isinstance(mark, Text) else "…",
                f" {label} ",
                (f"{now - started:.0f} s", "dim"),
            )


@contextmanager
def drawing() -> Iterator[Drawing]:
    """A report that is drawn on standard error while this lasts."""
    console = Console(stderr=True, highlight=False)
    report = Drawing(console)
    with Live(report, console=console, refresh_per_second=8, transient=True):
        yield report
