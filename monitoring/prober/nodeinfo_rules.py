"""NodeInfo's own rules (schemas 1.0, 2.0, 2.1) as data, and the strict reading that they ask for.

A rule is a function from a value to whether it keeps it; tables are closed unless said otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Rule = Callable[[Any], bool]

_SOFTWARE_NAME = re.compile(r"[a-z0-9-]+\Z")


def listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PROTOCOLS_1 = listed(
    "buddycloud diaspora friendica gnusocial libertree mediagoblin pumpio redmatrix smtp tent"
)
_PROTOCOLS_2 = listed("activitypub buddycloud dfrn diaspora libertree ostatus pumpio tent xmpp zot")
_INBOUND_1 = listed("appnet gnusocial pumpio")
_INBOUND_2 = listed("atom1.0 gnusocial imap pnut pop3 pumpio rss2.0 twitter")
_OUTBOUND = listed(
    "acropolis blogger buddycloud diaspora dreamwidth drupal facebook friendica gnusocial google "
    "insanejournal libertree linkedin livejournal mediagoblin myspace pinterest posterous pumpio "
    "redmatrix smtp tent tumblr twitter wordpress xmpp"
)
_SOFTWARE_1 = listed("acropolis diaspora friendica redmatrix")


def text(value: Any) -> bool:
    return isinstance(value, str)


def truth(value: Any) -> bool:
    return isinstance(value, bool)


def count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def anything(value: Any) -> bool:
    return isinstance(value, dict)


def software_name(value: Any) -> bool:
    return isinstance(value, str) and _SOFTWARE_NAME.match(value) is not None


def one_of(words: Iterable[str]) -> Rule:
    known = frozenset(words)
    return lambda value: isinstance(value, str) and value in known


def several(words: Iterable[str], *, at_least: int = 0) -> Rule:
    known = one_of(words)

    def rule(value: Any) -> bool:
        return isinstance(value, list) and len(value) >= at_least and all(map(known, value))

    return rule


def table(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None) -> Rule:
    """An object with these members and no others."""
    rules = {**required, **(optional or {})}

    def rule(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and required.keys() <= value.keys() <= rules.keys()
            and all(rules[name](member) for name, member in value.items())
        )

    return rule


def both_ways(inbound: Rule, outbound: Rule) -> Rule:
    return table({"inbound": inbound, "outbound": outbound})


_USERS = table({}, {"total": count, "activeHalfyear": count, "activeMonth": count})
_USAGE = table({"users": _USERS}, {"localPosts": count, "localComments": count})
_SERVICES_2 = both_ways(several(_INBOUND_2), several([*_OUTBOUND, "atom1.0", "pnut", "rss2.0"]))
_NAMED = {"name": software_name, "version": text}


def _document(version: str, software: Rule, protocols: Rule, services: Rule) -> Rule:
    return table(
        {
            "version": one_of([version]),
            "software": software,
            "protocols": protocols,
            "services": services,
            "openRegistrations": truth,
            "usage": _USAGE,
            "metadata": anything,
        }
    )


# By version, the newest first: the order in which a probe prefers them.
DOCUMENTS: dict[str, Rule] = {
    "2.1": _document(
        "2.1",
        table(_NAMED, {"repository": text, "homepage": text}),
        several(_PROTOCOLS_2, at_least=1),
        _SERVICES_2,
    ),
    "2.0": _document("2.0", table(_NAMED), several(_PROTOCOLS_2, at_least=1), _SERVICES_2),
    "1.0": _document(
        "1.0",
        table({"name": one_of(_SOFTWARE_1), "version": text}),
        both_ways(several(_PROTOCOLS_1, at_least=1), several(_PROTOCOLS_1, at_least=1)),
        both_ways(several(_INBOUND_1), several([*_OUTBOUND, "appnet"])),
    ),
}


def is_strictly_valid(document: Any, version: str) -> bool:
    """Whether a document keeps every rule of the schema of that version."""
    return version in DOCUMENTS and DOCUMENTS[version](document)
