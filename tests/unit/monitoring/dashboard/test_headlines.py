"""The sentences above a page, for fleets that the synthetic one is not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import pytest

from monitoring.dashboard.flights import FLIGHTS
from monitoring.dashboard.freshness import SOURCES, Freshness
from monitoring.dashboard.headlines import NEEDED, Headline, headlines
from monitoring.dashboard.panels import BY_NAME
from monitoring.dashboard.prometheus import Series
from monitoring.dashboard.reading import Reading
from monitoring.dashboard.settings import Settings
from monitoring.dashboard.views.canary import canary

NOW = 1_767_226_000.0
Values = Mapping[tuple[str, ...], float]


class _Asking:
    """Answers of a Prometheus where the panels have these values, and no others any."""

    def __init__(self, known: Mapping[str, Values]) -> None:
        self._known = known

    async def read(self, *names: str) -> Reading:
        return Reading(NOW, Settings(), {name: self._series(name) for name in names})

    def _series(self, name: str) -> list[Series]:
        return [
            Series(dict(zip(BY_NAME[name].labels, labels, strict=True)), ((NOW, value),))
            for labels, value in self._known.get(name, {}).items()
        ]


def _said(**known: Values) -> list[Headline]:
    reading = asyncio.run(_Asking(known).read(*NEEDED, *FLIGHTS, *SOURCES))
    return headlines(reading, Freshness(reading))


def _pods(names: Iterable[str], host: str = "one") -> Values:
    return {(name, f"{name}.example.org", "0.9.1.0", host): 1 for name in names}


def _up(names: Iterable[str]) -> Values:
    return {(name,): 1 for name in names}


def _flown(pairs: Iterable[tuple[str, str]], state: str = "ok") -> dict[str, Values]:
    pairs = list(pairs)
    return {
        "pair_state": {(*pair, state): 1 for pair in pairs},
        "pair_at": dict.fromkeys(pairs, NOW - 60),
    }


def _every(names: Iterable[str]) -> list[tuple[str, str]]:
    names = list(names)
    return [(sender, receiver) for sender in names for receiver in names if sender != receiver]


@pytest.mark.parametrize("number", [2, 3, 4, 30])
def test_a_good_sentence_is_about_each_pod_though_it_names_few(number: int) -> None:
    names = [f"pod{place}" for place in range(number)]
    (said,) = _said(pods=_pods(names), up=_up(names), **_flown(_every(names)))
    assert said.tone == "good"
    assert said.pods == set(names)


def test_a_bad_sentence_is_about_both_ends() -> None:
    names = ["alpha", "beta", "delta", "gamma"]
    lost = [("alpha", name) for name in names[1:]]
    (said,) = _said(pods=_pods(names), up=_up(names), **_flown(lost, "lost"))[:1]
    assert said.text.startswith("alpha does not reach beta, delta and gamma ")
    assert said.pods == set(names)


def test_a_silent_host_is_about_its_pods() -> None:
    pods = {**_pods(["alpha", "beta"]), **_pods(["gamma"], "two")}
    said = _said(pods=pods, up=_up(["alpha"]), hosts={("two",): 0})
    assert [one.pods for one in said] == [{"gamma"}]


def test_a_map_of_many_pods_goes_through_its_answers_as_often_as_one_of_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Thirty pods are 870 pairs: what is gone through for each of them takes seconds."""
    asked: list[str] = []
    values = Reading.values

    def counted(reading: Reading, name: str) -> dict[tuple[str, ...], float]:
        asked.append(name)
        return values(reading, name)

    monkeypatch.setattr(Reading, "values", counted)
    counts = []
    for number in (2, 12):
        names = [f"pod{place}" for place in range(number)]
        known = {"pods": _pods(names), "up": _up(names), **_flown(_every(names))}
        page = asyncio.run(canary(_Asking(known)))  # type: ignore[arg-type]
        assert len(page.context["lines"]) == number * (number - 1)
        counts.append(len(asked))
        asked.clear()
    assert counts[0] == counts[1]


def test_a_pod_alone_is_not_told_to_make_its_canary_fly() -> None:
    (said,) = _said(pods=_pods(["main"]), up=_up(["main"]))
    assert said.text.startswith("main can be used from outside. It is the fleet's only pod")
    assert (said.tone, said.link) == ("good", "")


def test_pods_that_no_canary_has_flown_between_are_named() -> None:
    names = ["alpha", "beta", "gamma"]
    known = _flown([("alpha", "beta"), ("beta", "alpha")])
    (said,) = _said(pods=_pods(names), up=_up(names), **known)
    assert said.tone == "unknown"
    pairs = "alpha to gamma, beta to gamma, gamma to alpha and gamma to beta"
    assert said.text.startswith(f"No canary has flown yet from {pairs}: ")
    assert said.link == "/runbook#canarypairsmissing"
