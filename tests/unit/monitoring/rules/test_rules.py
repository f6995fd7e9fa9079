"""What all rules keep to: form, names of metrics, severities, words, and the runbook's sections."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from monitoring.metrics import BY_NAME, Metric
from monitoring.outside.looking import LIMITS
from monitoring.outside.watching import AGAIN_SECONDS
from monitoring.pod.log_lines import DELIVERED, RECEPTIONS
from monitoring.pod.sources import FACTS_SECONDS
from monitoring.rules import (
    Alert,
    Intervals,
    alerts,
    anchor,
    expressions,
    records,
    rules_text,
    runbook_url,
)
from monitoring.rules.reading import SOURCES, TOPICS, sources
from provision import places
from provision.cli.reference import page

RUNBOOK = (places.CHECKOUT / "docs/runbook.md").read_text(encoding="utf-8")
ALERTS = [pytest.param(each, id=each.name) for each in alerts()]
# Labels that Prometheus, or a rule itself, puts on a series.
GIVEN_LABELS = {"host", "job", "instance"}
FOREIGN = {"up", "ALERTS"}
# As templates/host/etc/prometheus/podfleet/prometheus.yml has it.
SCRAPE_SECONDS = 15
_SELECTED = re.compile(r"\b((?:podfleet|node)_\w+|up)\b(?:\{([^}]*)\})?")


def test_every_file_is_read() -> None:
    assert {path.stem for path in SOURCES.glob("*.yml")} == set(TOPICS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_compares_series_that_are_recorded(alert: Alert) -> None:
    recorded = {each.name for each in records()}
    for measure in alert.measures:
        assert measure.partition("{")[0] in recorded
    assert not re.search(r"[<>=]=? ", re.sub(r"=~?\"", "", "".join(alert.measures)))


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_how_loud_it_is_and_what_is_the_matter(alert: Alert) -> None:
    assert alert.severity in ("page", "ticket")
    assert not alert.summary.endswith(".")
    assert alert.description.rstrip("{}end ").endswith(".") or alert.description.endswith(".")
    shown = re.findall(r"\{\{ \$value( \| \w+)?", alert.description)
    if alert.name != "CanaryPairsMissing":
        assert all(shown), "a bare number is for nobody"


def test_expressions_name_only_metrics_that_exist_and_their_labels() -> None:
    for name, expression in expressions():
        for metric, matchers in _SELECTED.findall(expression):
            if metric not in FOREIGN and not metric.startswith("node_"):
                labels = set(re.findall(r"(\w+)(?:=~?|!=|!~)", matchers))
                known = _metric(metric)
                assert labels <= {*known.labels, *GIVEN_LABELS}, f"{name}: {metric}"


def _metric(name: str) -> Metric:
    return BY_NAME[re.sub(r"_(bucket|sum|count)$", "", name) if name not in BY_NAME else name]


def test_what_the_log_is_asked_for_is_what_it_says() -> None:
    asked = " ".join(expression for _, expression in expressions())
    outcomes = re.findall(r'received_total\{outcome=~?"([^"]+)"', asked)
    assert {one for each in outcomes for one in each.split("|")} <= set(RECEPTIONS)
    assert f'deliveries_total{{outcome="{DELIVERED}"}}' in asked


def test_nobody_is_paged_before_a_second_look_nor_before_a_closed_pod_is_seen_to_be() -> None:
    """Between the first look that fails and the alert lie `for` and nothing else."""
    (lasting,) = (each.lasting for each in alerts() if each.name == "PodDown")
    seconds = float(lasting.removesuffix("s"))
    assert seconds > AGAIN_SECONDS * 1.1 + LIMITS.deadline_seconds
    assert seconds > FACTS_SECONDS + SCRAPE_SECONDS


def test_no_two_alerts_have_one_name() -> None:
    names = [each.name for each in alerts()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_section_of_the_runbook(alert: Alert) -> None:
    sections = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", RUNBOOK, re.MULTILINE))
    assert alert.name in sections
    for part in ("**What it means.**", "**How to confirm.**", "**What to do.**"):
        assert sections[alert.name].count(part) == 1, part


def test_no_section_of_the_runbook_is_orphaned_and_they_stand_in_the_rules_order() -> None:
    headings = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    assert headings == [each.name for each in alerts()]


def test_links_within_the_runbook_lead_somewhere() -> None:
    anchors = {anchor(each.name) for each in alerts()}
    linked = set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK))
    assert linked and linked <= anchors


def test_the_runbook_names_verbs_and_options_that_exist() -> None:
    verbs = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", page("verbs.md"), re.MULTILINE))
    commands = re.findall(r"\./podfleet ((?:lab |secrets )?[a-z]+)([^`\n]*)", RUNBOOK)
    assert {verb for verb, _ in commands} <= set(verbs)
    for verb, rest in commands:
        for option in re.findall(r"--[a-z-]+", rest.partition(" -- ")[0]):
            assert f"`{option}" in verbs[verb], f"{verb} {option}"


def test_the_runbooks_commands_go_to_the_fleet_and_not_to_the_lab() -> None:
    """What names no fleet is done in the lab."""
    verbs = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", page("verbs.md"), re.MULTILINE))
    commands = re.findall(r"\./podfleet ((?:lab |secrets )?[a-z]+)((?: (?!-- )[^`\n ]+)*)", RUNBOOK)
    assert [verb for verb, _ in commands].count("exec") > 5
    for verb, rest in commands:
        is_of_the_lab = verb.startswith("lab ") or "--fleet" not in verbs[verb]
        assert is_of_the_lab or "my-fleet" in rest, f"{verb}{rest}"


@pytest.mark.parametrize("runbooks", [None, "https://example.org/wiki/podfleet"])
def test_each_alert_of_the_file_links_to_its_section(runbooks: str | None) -> None:
    for alert, rule in _rendered(rules_text(runbooks)).items():
        where = f"{runbooks or 'docs/runbook.md'}#{anchor(alert)}"
        assert rule["annotations"]["runbook_url"] == where == runbook_url(alert, runbooks)


def test_links_are_written_nowhere_by_hand() -> None:
    assert not any("runbook" in path.read_text() for path in SOURCES.glob("*.yml"))


def test_rendering_leaves_the_sources_as_they_are() -> None:
    rules_text("https://example.org/", Intervals(own=1))
    assert "runbook_url" not in str(sources())


def test_a_fleets_own_intervals_take_the_place_of_the_sources() -> None:
    given = Intervals(own=10, peer=60, canary=90.5, export=86400)
    groups = yaml.safe_load(rules_text(intervals=given))["groups"]
    told = {rule["record"]: rule["expr"] for rule in groups[0]["rules"]}
    assert told == {
        "podfleet:own_interval:seconds": "vector(10)",
        "podfleet:peer_interval:seconds": "vector(60)",
        "podfleet:canary_interval:seconds": "vector(90.5)",
        "podfleet:export_interval:seconds": "vector(86400)",
    }


def test_the_sources_say_the_intervals_that_a_fleet_has_by_itself() -> None:
    said = [(each.name, each.expression) for each in records()][:4]
    groups = yaml.safe_load(rules_text())["groups"]
    assert [(rule["record"], rule["expr"]) for rule in groups[0]["rules"]] == said


@pytest.mark.parametrize(
    ("heading", "link"),
    [("PodDown", "poddown"), ("CanaryBurn1h", "canaryburn1h"), ("What to do?", "what-to-do")],
)
def test_anchors_are_those_of_markdown(heading: str, link: str) -> None:
    assert anchor(heading) == link


def _rendered(text: str) -> dict[str, dict[str, dict[str, str]]]:
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def test_the_file_says_where_it_comes_from() -> None:
    assert rules_text().startswith("# Made by podfleet from monitoring/rules/")
    assert Path(SOURCES / "pods.yml").read_text().startswith("# ")
