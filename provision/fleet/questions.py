"""What has to be known to write a fleet of one pod, asked for or taken from flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Protocol

from pydantic_core import PydanticCustomError

from provision.errors import Refusal, Refusals
from provision.fleet import fields
from provision.fleet.settings_checks import RESERVED_NAMES

NEWEST_RELEASE = "0.9.1.0"
ADDRESSES = ("address", "address6")


@dataclass(frozen=True)
class Answers:
    """A fleet of one host and one pod; every answer was checked."""

    domain: str
    memory: str
    admin: str
    email: str
    release: str = NEWEST_RELEASE
    address: str | None = None
    address6: str | None = None


class Ask(Protocol):
    """Shows a question and returns the answer; `otherwise` is the flag to give instead."""

    def __call__(self, question: str, *, otherwise: str) -> str: ...


@dataclass(frozen=True)
class Question:
    """One answer: how it is asked for, checked, and what an empty one means."""

    name: str
    text: str
    check: Callable[[str], Any]
    default: str | None = None

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    def wrong(self, answer: str) -> str | None:
        """What is wrong with an answer and what to do."""
        try:
            self.check(answer)
        except PydanticCustomError as error:
            return error.message()
        except ValueError as error:
            return f"{error}."
        return None


def _check_memory(memory: str) -> None:
    fields.check_memory(fields.parse_size(memory))


def _check_admin(name: str) -> None:
    fields.check_username(name)
    if name in RESERVED_NAMES:
        raise fields.refused(f"diaspora* lets nobody be called {name!r}", "Choose another name.")


QUESTIONS = (
    Question("domain", "The pod's domain (it can never change):", fields.check_domain),
    Question("address", "The server's IPv4 address (empty for none):", IPv4Address, ""),
    Question("address6", "The server's IPv6 address (empty for none):", IPv6Address, ""),
    Question("memory", 'The server\'s memory, as "2 GiB":', _check_memory),
    Question("admin", "The first administrator's user name [podmin]:", _check_admin, "podmin"),
    Question("email", "The administrator's e-mail address:", fields.check_email),
    Question(
        "release",
        f"The release of diaspora* [{NEWEST_RELEASE}]:",
        fields.check_version,
        NEWEST_RELEASE,
    ),
)


def answers(stated: Mapping[str, str], ask: Ask, *, take_defaults: bool = False) -> Answers:
    """Everything that is needed; flags are refused all at once, questions are asked again."""
    _refuse_flags(stated)
    found = dict(stated)
    for question in QUESTIONS:
        if question.name in found or _is_settled(question, stated):
            continue
        if take_defaults and question.default is not None:
            found[question.name] = question.default
        else:
            found[question.name] = _answer(question, ask)
    if not any(found.get(name) for name in ADDRESSES):
        do = "Give --address, --address6 or both."
        raise Refusals([Refusal("--address", "a server needs an address", do)])
    return Answers(**{name: answer for name, answer in found.items() if answer})


def _is_settled(question: Question, stated: Mapping[str, str]) -> bool:
    """Whoever gave one address by a flag is not asked for the other."""
    return question.name in ADDRESSES and any(name in stated for name in ADDRESSES)


def _refuse_flags(stated: Mapping[str, str]) -> None:
    wrong = [
        Refusal(question.flag, *_split(why))
        for question in QUESTIONS
        if question.name in stated and (why := question.wrong(stated[question.name]))
    ]
    if wrong:
        raise Refusals(wrong)


def _split(words: str) -> tuple[str, str]:
    what, _, do = words.partition(". ")
    return what, do


def _answer(question: Question, ask: Ask) -> str:
    text = question.text
    while True:
        answer = ask(text, otherwise=question.flag).strip()
        if not answer and question.default is not None:
            return question.default
        if not (why := question.wrong(answer)):
            return answer
        text = f"{why}\n{question.text}"
