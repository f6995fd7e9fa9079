"""Writes Grafana's dashboard anew: `python -m monitoring.grafana`."""

from __future__ import annotations

from pathlib import Path

from monitoring.grafana.dashboard import text

PATH = Path(__file__).with_name("podfleet.json")

if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"wrote {PATH}")
