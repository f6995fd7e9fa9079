"""The board: what is published is shown, in the format's order; what fails is absent."""

from __future__ import annotations

import gzip
import math
import subprocess
import threading
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.board import Board, Histogram, Sample
from monitoring.metrics import (
    DELIVERY_SECONDS,
    METRICS,
    PEER_CONTACTS,
    POSTS,
    PROBE_CYCLE_LAG,
    QUEUE_JOBS,
    Metric,
)
from monitoring.reference import LABELS, PARTS
from tests.unit.monitoring.servers import binary

TRICKY = (
    'a"quote',
    "a\\backslash\\",
    "two\nlines",
    '<b>&amp;</b>{x="1"} 1\n# HELP',
    "\r\t\x00\x7f\x85\u2028 end",
    "",
    "naïve – 🦄",
    "\ud800 alone",
    "long" * 100,
    "\\n",
)
SHOWN = {
    "\r\t\x00\x7f\x85\u2028 end": "\ufffd" * 6 + " end",
    "\ud800 alone": "? alone",
    "long" * 100: ("long" * 100)[:255],
}


def parsed(board: Board) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample, by name and labels, as Prometheus' own client reads it."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(board.text().decode())
        for sample in family.samples
    }


def everything() -> tuple[list[Sample], list[tuple[Histogram, tuple[str, ...]]]]:
    """Each metric with each tricky value in each of its labels."""
    samples: list[Sample] = []
    histograms = []
    for number, metric in enumerate(each for each in METRICS if not each.name.startswith("source")):
        for value in TRICKY if metric.labels else ("",):
            labels = tuple(value for _ in metric.labels)
            if metric.kind == "histogram":
                histograms.append((_observed(metric), labels))
            else:
                samples.append((metric, labels, number + 0.5))
    return samples, histograms


def _observed(metric: Metric) -> Histogram:
    histogram = Histogram(metric)
    for value in (0.01, 0.05, 3, 1000):
        histogram.observe(value)
    return histogram


def test_everything_with_tricky_labels_is_read_again() -> None:
    board = Board()
    samples, histograms = everything()
    board.publish("x\n", samples, pod='a"', histograms=histograms)
    read = parsed(board)
    for metric, labels, value in samples:
        shown = tuple(SHOWN.get(label, label) for label in labels)
        assert read[metric.full_name, shown] == value


def test_everything_passes_promtool() -> None:
    board = Board()
    samples, histograms = everything()
    board.publish("all", samples, histograms=histograms, seconds=1)
    checked = subprocess.run(
        [binary("promtool"), "check", "metrics"], input=board.text(), capture_output=True
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_a_family_stands_together_with_its_head_once() -> None:
    board = Board()
    for pod in ("b", "a"):
        board.publish("database", [(POSTS, (pod,), 1)], pod=pod)
        board.publish("redis", [(QUEUE_JOBS, (pod, "urgent"), 2)], pod=pod)
    lines = board.text().decode().splitlines()
    assert lines.count("# TYPE podfleet_posts gauge") == 1
    families = [line.split("{")[0] for line in lines if not line.startswith("#")]
    assert families == sorted(families, key=families.index)
    place = lines.index("# TYPE podfleet_posts gauge")
    assert lines[place + 1 : place + 3] == [
        'podfleet_posts{pod="a"} 1',
        'podfleet_posts{pod="b"} 1',
    ]


def test_what_is_published_replaces_what_was() -> None:
    board = Board()
    board.publish("database", [(PEER_CONTACTS, ("a", "one"), 1), (POSTS, ("a",), 3)], pod="a")
    board.publish("database", [(PEER_CONTACTS, ("a", "two"), 1)], pod="a")
    text = board.text().decode()
    assert 'peer="two"' in text
    assert 'peer="one"' not in text and "podfleet_posts" not in text


def test_what_fails_is_absent_and_its_time_stays() -> None:
    now = 1000.0
    board = Board(clock=lambda: now)
    board.publish("database", [(POSTS, ("a",), 3)], pod="a", seconds=0.25)
    now = 2000.0
    board.fail("database", pod="a")
    assert parsed(board) == {
        ("podfleet_source_up", ("database", "a")): 0,
        ("podfleet_source_timestamp_seconds", ("database", "a")): 1000,
    }
    board.fail("database", pod="a")
    assert parsed(board)["podfleet_source_timestamp_seconds", ("database", "a")] == 1000


def test_what_never_was_read_has_no_time() -> None:
    board = Board()
    board.fail("redis", pod="a")
    assert parsed(board) == {("podfleet_source_up", ("redis", "a")): 0}


def test_what_is_forgotten_leaves_nothing() -> None:
    board = Board()
    board.publish("database", [(POSTS, ("a",), 3)], pod="a")
    board.forget("database", pod="a")
    board.forget("database", pod="never")
    assert board.text() == b""


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (True, "1"), (-1.0, "-1"), (1795337593.968757, "1795337593.968757"),
     (1e18, "1e+18"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (0.1, "0.1")],
)  # fmt: skip
def test_numbers(value: float, shown: str) -> None:
    board = Board()
    board.publish("x", [(PROBE_CYCLE_LAG, (), value)])
    assert f"\npodfleet_probe_cycle_lag_seconds {shown}\n" in board.text().decode()


def test_what_is_no_number_is_absent_and_of_two_the_later_is_shown() -> None:
    board = Board()
    board.publish("x", [(POSTS, ("a",), math.nan), (POSTS, ("b",), 1), (POSTS, ("b",), 2)])
    read = parsed(board)
    assert ("podfleet_posts", ("a",)) not in read
    assert read["podfleet_posts", ("b",)] == 2


def test_labels_that_do_not_fit_the_metric_are_a_bug() -> None:
    with pytest.raises(ValueError, match="zip"):
        Board().publish("x", [(POSTS, ("a", "b"), 1)])


def test_a_histogram_counts_up_to_each_bound() -> None:
    histogram = Histogram(DELIVERY_SECONDS)
    for value in (0.05, 0.05, 0.3, 99):
        histogram.observe(value)
    board = Board()
    board.publish("log", [], pod="a", histograms=[(histogram, ("a",))])
    read = parsed(board)
    name = "podfleet_delivery_duration_seconds"
    counted = {
        labels[1]: value for (each, labels), value in read.items() if each == f"{name}_bucket"
    }
    assert counted["0.05"] == counted["0.25"] == 2
    assert counted["0.5"] == counted["30"] == 3
    assert counted["+Inf"] == read[f"{name}_count", ("a",)] == 4
    assert read[f"{name}_sum", ("a",)] == pytest.approx(99.4)


def test_gzip_says_the_same() -> None:
    board = Board()
    assert gzip.decompress(board.gzipped()) == b""
    samples, histograms = everything()
    board.publish("all", samples, histograms=histograms)
    assert gzip.decompress(board.gzipped()) == board.text()
    assert len(board.gzipped()) < len(board.text()) / 2


def test_many_threads_at_once() -> None:
    board = Board()
    threads = [threading.Thread(target=_publish_often, args=(board, str(n))) for n in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert gzip.decompress(board.gzipped()).count(b"# HELP podfleet_posts ") <= 1
    assert len(parsed(board)) == 8 * 3


def _publish_often(board: Board, pod: str) -> None:
    for number in range(100):
        board.publish("database", [(POSTS, (pod,), number)], pod=pod)
        if number % 10 == 0:
            board.fail("database", pod=pod)


def metrics_with_a_bad_name() -> Iterator[str]:
    for metric in METRICS:
        if metric.kind == "counter" and not metric.name.endswith("_total"):
            yield metric.name
        if metric.kind != "counter" and metric.name.endswith("_total"):
            yield metric.name


def test_names_keep_prometheus_conventions() -> None:
    assert list(metrics_with_a_bad_name()) == []
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.help.endswith(".") or metric.name == "probe_newest_version_number"
        assert not {"le", "job", "instance", "host"} & set(metric.labels)


def test_the_reference_knows_each_part_and_each_label() -> None:
    firsts = [METRICS.index(first) for first, _ in PARTS]
    assert firsts == sorted(firsts) and firsts[0] == 0
    assert set(LABELS) == {label for metric in METRICS for label in metric.labels}
