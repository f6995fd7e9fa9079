"""The release that the fleet file names for a pod, where podfleet changes it: --to, rollback."""

from __future__ import annotations

from provision.fleet.model import Fleet, Pod
from provision.fleet.settings import check_settings
from provision.fleet.toml_edit import set_release
from provision.report import Report


def name_release(fleet: Fleet, pod: Pod, version: str, report: Report) -> None:
    """The fleet file names this version for the pod, unless its settings are another one's."""
    if pod.release == version:
        return
    where = f"{fleet.file}: pods.{pod.name}.release"
    if foreign := foreign_settings(pod, version):
        report.warn(
            f"{where} stays {pod.release}: {version} does not know the file's "
            f"{', '.join(foreign)}. Change both by hand."
        )
        return
    set_release(fleet.file, pod.name, version)
    report.line(f"{where} is {version} now, it was {pod.release}")
    if pod.source.tag:
        report.warn(f"{fleet.file}: pods.{pod.name}.source.tag is still {pod.source.tag}")


def foreign_settings(pod: Pod, version: str) -> list[str]:
    """The pod's settings, by path, that this version would not take."""
    found: list[str] = []
    check_settings(pod.name, version, pod.diaspora, lambda path, *_: found.append(".".join(path)))
    return found
