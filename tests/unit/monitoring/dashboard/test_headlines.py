"""The sentences above a page, for fleets that the synthetic one is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from monitoring.dashboard.flights import FLIGHTS
from monitoring.dashboard.freshness import SOURCES, Freshness
from monitoring.dashboard.headlines import NEEDED, Headline, headlines
from monitoring.dashboard.panels import BY_NAME
from monitoring.dashboard.prometheus import Series
from monitoring.dashboard.reading import Reading
from monitoring.dashboard.settings import Settings

NOW = 1_767_226_000.0
Values = Mapping[tuple[str, ...], float]


def _said(**known: Values) -> list[Headline]:
    """What is said where the panels have these values, and no others any."""
    answers = {
        name: [
            Series(dict(zip(BY_NAME[name].labels, labels, strict=True)), ((NOW, value),))
            for labels, value in known.get(name, {}).items()
        ]
        for name in (*NEEDED, *FLIGHTS, *SOURCES)
    }
    reading = Reading(NOW, Settings(), answers)
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
