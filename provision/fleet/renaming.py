"""What a setting is called in another series of diaspora*: renamed, gone, or not there yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provision.fleet.fields import shown
from provision.fleet.series import all_series, lineage, load_settings, series_of

Words = tuple[str, str]


def name_in(path: str, release: str) -> tuple[str, str | None]:
    """What a setting of any series is called in a release; why it is gone, where it is."""
    for series in lineage(series_of(release)):
        path = series.renamed.get(path, path)
        if why := series.why_gone(path):
            return path, why
    return path, None


def words_of_another_series(path: str, release: str, stated: Mapping[str, Any]) -> Words | None:
    """What is wrong with a setting that other releases know, and this one does not.

    `stated` is all that the fleet file says for the pod, by dotted path.
    """
    now, why = name_in(path, release)
    if why:
        return "diaspora* has no such setting any more", f"Leave it out: {why}."
    if now != path:
        return _renamed(now, release, stated, stated.get(path))
    return _not_yet(path, release, stated)


def _renamed(now: str, release: str, stated: Mapping[str, Any], value: Any) -> Words:
    if now in stated:
        return f"is called {now} by now, and that stands there too", "Take this one out."
    setting = load_settings(release).get(now)
    if setting and not setting.owned and not setting.secret and not setting.accepts(value):
        what = f"is called {now} by now, and {shown(value)} will not do there"
        return what, f"Write {now} instead, {setting.wanted}."
    return "diaspora* has no such setting any more", f"Write {now}."


def _not_yet(path: str, release: str, stated: Mapping[str, Any]) -> Words | None:
    own = series_of(release)
    later = (
        series
        for series in all_series()
        if own in lineage(series)[:-1] and series.is_rehearsal == own.is_rehearsal
    )
    series = next((series for series in later if path in series.settings), None)
    if series is None:
        return None
    before = {new: old for old, new in series.renamed.items()}.get(path)
    what = f"there is no such setting before diaspora* {series.name}"
    if before is None:
        return what, "Leave it out until then."
    do = "Take this one out until then." if before in stated else f"Write {before} until then."
    return f"{what}, where {before} got that name", do


def fitting_secrets(secrets: Mapping[str, str], release: str) -> dict[str, str]:
    """A pod's secret settings under the names that they have in a release, less what is gone."""
    fitting: dict[str, str] = {}
    for path, value in secrets.items():
        now, why_gone = name_in(path, release)
        # One that was given under its new name is the newer one.
        if not why_gone and (now == path or now not in secrets):
            fitting[now] = value
    return fitting
