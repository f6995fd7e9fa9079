"""What Prometheus computes, when it calls somebody, and the section of the runbook for each alert.

It runs where the rules are rendered, on the controller: a host has no YAML.
"""

from monitoring.rules.reading import Alert, Record, alerts, expressions, records
from monitoring.rules.rendering import Intervals, anchor, rules_text, runbook_url

__all__ = [
    "Alert",
    "Intervals",
    "Record",
    "alerts",
    "anchor",
    "expressions",
    "records",
    "rules_text",
    "runbook_url",
]
