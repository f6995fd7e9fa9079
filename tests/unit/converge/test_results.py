"""Ansible's lines become changes, notices and one failure that says what happened."""

from __future__ import annotations

import json
from typing import Any

from provision.converge.results import Change, Failure, read_results
from provision.report import Silent


def line(event: str, task: str = "Settings", **more: Any) -> str:
    role_task = {"role": "nginx", "task": task, "action": "ansible.builtin.copy"}
    told = {"changed": False, "item": None, "said": {}, **role_task, **more}
    return json.dumps({"event": event, **told})


def test_what_changed_is_told_by_item() -> None:
    lines = [
        line("task"),
        line("item ok", item="/a", changed=True),
        line("item ok", item="/b"),
        line("ok", changed=True),
        line("ok", "No welcome page", changed=True),
        line("ok", "The web server runs"),
    ]
    results = read_results(lines, Silent(), "one")
    assert results.changed == [
        Change("nginx", "Settings", "/a"),
        Change("nginx", "No welcome page"),
    ]
    assert results.failure is None


def test_failure_says_which_item_and_why() -> None:
    said = {"msg": "non-zero return code", "stderr": "nginx: [emerg] no such file", "rc": 1}
    lines = [
        line("item failed", item="/a", said=said),
        line("failed", said={"msg": "One or more items failed"}),
    ]
    failure = read_results(lines, Silent(), "one").failure
    words = "non-zero return code\nnginx: [emerg] no such file"
    assert failure == Failure("nginx", "Settings", "/a", words)


def test_unreachable_is_not_the_roles_fault() -> None:
    lines = [line("unreachable", said={"msg": "EOF on stream"})]
    failure = read_results(lines, Silent(), "one").failure
    assert failure is not None
    assert failure.is_unreachable


def test_notices_are_told_once() -> None:
    told: dict[str, Any] = {"action": "debug", "said": {"msg": "no swap"}}
    lines = [line("ok", **told), line("ok", **told, changed=True)]
    results = read_results(lines, Silent(), "one")
    assert results.notices == ["no swap"]
    assert results.changed == []


def test_what_ansible_prints_besides_is_passed_on() -> None:
    class Heard(Silent):
        lines: list[str] = []

        def line(self, text: str) -> None:
            self.lines.append(text)

    heard = Heard()
    read_results(["[WARNING]: something\n"], heard, "one")
    assert heard.lines == ["one: [WARNING]: something"]
