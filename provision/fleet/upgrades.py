"""What the release catalogue has against an upgrade: all at once, before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from provision.contract import PLATFORM_LEVEL
from provision.errors import Refusal, Refusals
from provision.fleet.complaints import closest
from provision.fleet.model import Fleet, Pod
from provision.fleet.positions import Positions
from provision.fleet.reading import call_fleet
from provision.fleet.series import (
    EXPAND,
    Acknowledgement,
    Known,
    Migration,
    all_series,
    numbers,
    series_of,
)
from provision.fleet.settings import check_settings

# What Debian 13 has; every host runs it.
RUBY_ABI = "3.3.0"
# Of a long list, the first ones say enough.
SAID_MIGRATIONS = 3


def kinds_for(*versions: str) -> dict[str, str]:
    """What the catalogue knows of the migrations of the newest of those releases and all before
    it: of an upgrade, the one to go to and the one that runs, for code may go back."""
    newest = max(versions, key=numbers)
    return {each.version: each.kind for each in _migrations() if not _newer(each.since, newest)}


def acknowledgements() -> dict[str, str]:
    """All that an upgrade may want to be accepted, and why, by id."""
    return {each.id: each.why for known in _releases() for each in known.accept}


def unknown_id(name: str) -> tuple[str, str] | None:
    """What is wrong with an id that no upgrade asks for."""
    known = sorted(acknowledgements())
    if name in known:
        return None
    meant = closest(name, known)
    do = f"Did you mean {meant!r}?" if meant else f"Known: {', '.join(known)}."
    return f"no upgrade asks for {name!r}", do


def check_upgrade(
    fleet: Fleet, pod: Pod, running_version: str, target_version: str, accepted: Sequence[str]
) -> None:
    """Raises Refusals with all that speaks against this upgrade of the pod.

    `accepted` are ids of acknowledgements, given with --accept; the pod's own count as well.
    """
    upgrade = _Upgrade(fleet, pod, running_version, target_version, (*accepted, *pod.accept))
    upgrade.check()


class _Upgrade:
    """One pod on its way from one version to another."""

    def __init__(
        self, fleet: Fleet, pod: Pod, running: str, target: str, accepted: Sequence[str]
    ) -> None:
        self.fleet, self.pod = fleet, pod
        self.running, self.target = running, target
        self.accepted = accepted
        self._positions = _positions(fleet.file)
        self._release = self._where("release")

    def check(self) -> None:
        errors = [
            *self._cannot_run(),
            *self._older(),
            *self._skipped(),
            *self._unknown_ids(),
            *self._unacknowledged(),
            *self._settings(),
        ]
        if errors:
            raise Refusals(errors)

    def _cannot_run(self) -> Iterator[Refusal]:
        series = series_of(self.target)
        if series.cannot_run or series.ruby_abi != RUBY_ABI:
            why = series.cannot_run or f"it needs Ruby {series.ruby_abi}"
            what = f"{self.target} cannot run on Debian 13: {why}"
            yield Refusal(self._release, what, "Name another release.")
        if (level := series.platform_level or 0) > PLATFORM_LEVEL:
            what = f"{self.target} needs platform level {level}, and this podfleet knows "
            do = "Take a newer podfleet, run `podfleet up` with it, then the same command again."
            yield Refusal(self._release, f"{what}{PLATFORM_LEVEL} at most", do)

    def _older(self) -> Iterator[Refusal]:
        """Code goes back over a database only where it can live with what was done to it."""
        between = [
            each
            for each in _migrations()
            if each.kind != EXPAND and _lies_between(each.since, self.target, self.running)
        ]
        if between:
            what = f"{self.target} is older than {self.running}, which the pod runs, and cannot "
            what += f"live with the migrations between them: {_said(between)}"
            do = f"Run `podfleet rollback --pod {self.pod.name}`: it goes back to the release "
            yield Refusal(self._release, what, f"{do}before, with the database from before.")

    def _skipped(self) -> Iterator[Refusal]:
        stops = self._stops()
        if stops:
            way = ", then ".join([*stops, self.target])
            what = f"{self.running}, which the pod runs, cannot be upgraded to {self.target} at "
            what += f"once: {stops[0]} must not be skipped"
            do = f"Upgrade to {way}: first `podfleet upgrade --pod {self.pod.name} --to {stops[0]}`"
            yield Refusal(self._release, what, f"{do}.")

    def _stops(self) -> list[str]:
        """The releases to run on the way, in order."""
        stops = {
            known.needs_from
            for known in self._on_the_way()
            if known.needs_from and _newer(known.needs_from, self.running)
        }
        return sorted(stops - {self.target}, key=numbers)

    def _unacknowledged(self) -> Iterator[Refusal]:
        missing = [each for each in self._wanted() if each.id not in self.accepted]
        for each in missing:
            what = f"{self.target} changes what you have to accept: {each.why}"
            do = self._how_to_accept(each.id, [one.id for one in missing])
            yield Refusal(self._release, what, do)

    def _how_to_accept(self, name: str, missing: Sequence[str]) -> str:
        """The line for the file is the same for each: it may stand there but once."""
        stated = ", ".join(f'"{each}"' for each in (*self.pod.accept, *missing))
        do = f"Run the command with `--accept {name}`, or write accept = [{stated}]"
        return f"{do} into [pods.{self.pod.name}]."

    def _wanted(self) -> list[Acknowledgement]:
        return [each for known in self._on_the_way() for each in known.accept]

    def _unknown_ids(self) -> Iterator[Refusal]:
        for name in dict.fromkeys(self.accepted):
            if words := unknown_id(name):
                is_stated = name in self.pod.accept
                where = self._where("accept") if is_stated else f"--accept {name}"
                yield Refusal(where, *words)

    def _settings(self) -> list[Refusal]:
        """Of the release to go to, wherever the file names another one still."""
        found: list[Refusal] = []
        called = f"--fleet {call_fleet(self.fleet.file)} {self.pod.name}"
        refuse = partial(self._refuse_setting, found)
        check_settings(called, self.target, self.pod.diaspora, refuse)
        return found

    def _refuse_setting(
        self, found: list[Refusal], path: tuple[str, ...], what: str, do: str
    ) -> None:
        where = f"{self._where('diaspora', *path)} (in {self.target})"
        found.append(Refusal(where, what, do))

    def _on_the_way(self) -> list[Known]:
        return [
            known
            for known in _releases()
            if _lies_between(known.version, self.running, self.target)
        ]

    def _where(self, *path: str) -> str:
        location = ("pods", self.pod.name, *path)
        return f"{self.fleet.file}:{self._positions.line(location)}: {'.'.join(location)}"


def _said(migrations: Sequence[Migration]) -> str:
    said = [f"{each.version} ({each.why})" for each in migrations[:SAID_MIGRATIONS]]
    more = len(migrations) - len(said)
    return ", ".join([*said, *([f"and {more} more"] if more else [])])


def _migrations() -> Iterable[Migration]:
    return [each for series in all_series() for each in series.migrations]


def _releases() -> list[Known]:
    found = [known for series in all_series() for known in series.releases]
    return sorted(found, key=lambda known: numbers(known.version))


def _newer(version: str, than: str) -> bool:
    return numbers(version) > numbers(than)


def _lies_between(version: str, before: str, last: str) -> bool:
    """Whether an upgrade from `before` to `last` comes past this version, or ends at it."""
    return _newer(version, before) and not _newer(version, last)


def _positions(file: Path) -> Positions:
    return Positions(file.read_text(encoding="utf-8"))
