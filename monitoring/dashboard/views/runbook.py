"""The runbook: what each alert means, how to confirm it, and what to do."""

from __future__ import annotations

from pathlib import Path

from monitoring.dashboard.markdown import rendered
from monitoring.dashboard.reading import Asking
from monitoring.dashboard.views.page import Page

# Beside the code in a checkout, and in the runtime on a host.
RUNBOOK = Path(__file__).resolve().parents[3] / "docs/runbook.md"


async def runbook(asking: Asking) -> Page:
    text = RUNBOOK.read_text(encoding="utf-8") if RUNBOOK.is_file() else ""
    # Its own title stands above the page already.
    body = "\n".join(line for line in text.splitlines() if not line.startswith("# "))
    context = {"body": rendered(body), "elsewhere": asking.settings.runbooks}
    return Page("runbook.html", "Runbook", "/runbook", context)
