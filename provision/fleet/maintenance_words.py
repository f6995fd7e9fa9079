"""What visitors read while a pod is closed, in the languages that podfleet has words of."""

from __future__ import annotations

from collections.abc import Mapping

from provision.fleet.model import Maintenance

# By language: the heading, and what stands after the pod's domain.
WORDS: Mapping[str, tuple[str, str]] = {
    "de": (
        "Gleich wieder da",
        "wird gerade gepflegt. Nichts geht verloren: Was andere Pods inzwischen senden, kommt "
        "später an.",
    ),
    "en": (
        "Back in a moment",
        "is being looked after. Nothing is lost: what other pods send meanwhile arrives later.",
    ),
    "es": (
        "Volvemos enseguida",
        "está en mantenimiento. No se pierde nada: lo que otros pods envían mientras tanto llegará "
        "más tarde.",
    ),
    "fr": (
        "De retour dans un instant",
        "est en maintenance. Rien n'est perdu : ce que les autres pods envoient entre-temps "
        "arrivera plus tard.",
    ),
}


def has_words(stated: Maintenance) -> bool:
    """Whether there is something to read in that language."""
    return _known(stated) is not None or bool(stated.title and stated.text)


def page_words(stated: Maintenance, domain: str) -> dict[str, str]:
    """Language, heading and text of the page, plain: the template escapes them."""
    title, text = _known(stated) or WORDS["en"]
    return {
        "language": stated.language,
        "title": stated.title or title,
        "text": stated.text or f"{domain} {text}",
    }


def _known(stated: Maintenance) -> tuple[str, str] | None:
    return WORDS.get(stated.language.partition("-")[0])
