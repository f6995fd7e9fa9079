"""The domain guard: which pods of a fleet were launched, and under which domain.

A pod's domain is in its database and in every remote pod's: another one would be another pod that
nobody knows. So `launched.toml`, beside the vault, remembers what the fleet file must not change.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import tomlkit

from provision.errors import Refusal, Refusals
from provision.fleet.model import Fleet, Pod
from provision.writing import locked, write_atomically

FILE_NAME = "launched.toml"
HEAD = "Made by podfleet: the pods that were launched, whose domains can never change."


def record_launched(fleet: Fleet, pod: Pod) -> None:
    """Remembers that the pod exists under its domain; the first date stays."""
    with locked(fleet.keeps):
        file = fleet.keeps / FILE_NAME
        document = tomlkit.parse(file.read_text()) if file.exists() else _empty()
        if pod.name in document:
            return
        entry = tomlkit.table()
        entry["domain"] = pod.domain
        entry["launched"] = datetime.now(UTC).replace(microsecond=0)
        document[pod.name] = entry
        write_atomically(file, tomlkit.dumps(document).encode(), mode=0o644)


def forget_launched(fleet: Fleet, pod: str) -> None:
    """The pod was retired: its name is free again (its domain is not, for other pods)."""
    with locked(fleet.keeps):
        file = fleet.keeps / FILE_NAME
        if not file.exists():
            return
        document = tomlkit.parse(file.read_text())
        document.pop(pod, None)
        write_atomically(file, tomlkit.dumps(document).encode(), mode=0o644)


def launched_domains(keeps: Path) -> dict[str, str]:
    """The domain of each launched pod, by the pod's name."""
    file = keeps / FILE_NAME
    if not file.exists():
        return {}
    try:
        return {pod: str(entry["domain"]) for pod, entry in tomllib.loads(file.read_text()).items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, KeyError) as error:
        do = "Put it back from Git or a copy."
        raise Refusal(str(file), "is damaged", do) from error


def changed_domains(keeps: Path, pods: dict[str, str]) -> dict[str, tuple[str, str]]:
    """What is wrong, and what to do, for each pod whose name and domain parted."""
    launched = launched_domains(keeps)
    names = {domain: pod for pod, domain in launched.items()}
    wrong = {}
    for pod, domain in pods.items():
        if (first := launched.get(pod, domain)) != domain:
            wrong[pod] = _another_domain(first)
        elif (owner := names.get(domain, pod)) != pod:
            wrong[pod] = _another_name(domain, owner)
    return wrong


def check_domains(fleet: Fleet) -> None:
    """Refuses a fleet in which a launched pod has another domain than it was launched with."""
    pods = {pod.name: pod.domain for pod in fleet.pods.values()}
    wrong = changed_domains(fleet.keeps, pods).items()
    if wrong:
        where = f"{fleet.file}: pods."
        raise Refusals([Refusal(f"{where}{pod}.domain", *words) for pod, words in wrong])


def _another_domain(first: str) -> tuple[str, str]:
    what = f"the pod was launched as {first}, which every remote pod knows it by: it cannot change"
    return what, f'Write domain = "{first}", or declare another pod.'


def _another_name(domain: str, owner: str) -> tuple[str, str]:
    what = f"{domain} was launched as pod {owner!r}, and a pod keeps its name"
    return what, f"Call the pod {owner!r} again, or `podfleet retire` it first."


def _empty() -> tomlkit.TOMLDocument:
    document = tomlkit.document()
    document.add(tomlkit.comment(HEAD))
    return document
