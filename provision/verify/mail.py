"""Mail, sent by the pod's own Rails to its administrator, with its server's answer."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from provision.operations.dispatch import ENTRY
from provision.verify.subjects import PodSubject

_SCRIPT = Path(__file__).with_name("mail.rb")
_MARK = "podfleet: "
_PATIENCE_SECONDS = 120


def is_enabled(pod: PodSubject) -> bool:
    """Whether the fleet file lets the pod send mail."""
    mail = pod.pod.diaspora.get("mail")
    return isinstance(mail, dict) and mail.get("enable") is True


def send(pod: PodSubject) -> dict[str, Any]:
    """{"sent", "answer"}: the mail server's own words."""
    request = base64.b64encode(json.dumps({"to": pod.pod.admin.email}).encode()).decode()
    script = f'request = JSON.parse("{request}".unpack1("m"))\n{_SCRIPT.read_text()}'
    argv = [str(ENTRY), "exec", pod.name, "--", "rails", "runner", "-"]
    done = pod.on.connection.run(
        argv, stdin=script.encode(), check=False, timeout_seconds=_PATIENCE_SECONDS
    )
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith(_MARK):
            found: dict[str, Any] = json.loads(line.removeprefix(_MARK))
            return found
    said = done.stderr.decode(errors="replace").strip()
    return {"sent": False, "answer": said[-500:] or "rails gave no answer"}
