"""A pod's log as the exporter reads it: totals, latency, and what a restart remembers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from monitoring.board import Board
from monitoring.metrics import ABANDONED, DELIVERIES, RECEIVED, SKIPPED, Metric
from monitoring.pod.delivery_log import DeliveryLog, state_directory, state_name
from monitoring.pod.log_lines import OUTCOMES, RECEPTIONS
from monitoring.pod.places import PodPlace
from monitoring.pod.reading import Reading, Unread

HEAD = "[2026-11-22T08:53:10] INFO  PID-2019 TID-50600 "
SENT = (
    f"{HEAD}DiasporaFederation::Federation::Sender::HydraWrapper: success=true sender=2 obj=a:b "
    "url=https://b.example.org/receive/public message=ok code=202 time=0.013\n"
)
REFUSED = SENT.replace("success=true", "success=false").replace(
    "message=ok code=202", "message=couldnt_connect code=0"
)
GIVEN_UP = f"{HEAD}Workers::SendPublic: status=abandon sender=2 obj=a:b failed_urls='[u, v]'\n"
AWAY = f"{HEAD}Diaspora::Federation::Dispatcher::Public: ignoring inactive pods: 1:a, 2:b, 3:c\n"
CAME = f"{HEAD}DiasporaFederation::Federation::Receiver::Public: successfully received a:b from c\n"
FORGED = f"{HEAD}Workers::ReceivePublic: don't retry for error: A::Salmon::InvalidSignature\n"


@pytest.fixture
def place(tmp_path: Path) -> PodPlace:
    place = PodPlace("alpha", "alpha.example.org", root=tmp_path)
    place.log.mkdir(parents=True)
    state_directory(place).mkdir(parents=True)
    place.production_log.write_text("[before] INFO  A: of before\n" + SENT)
    return place


def say(place: PodPlace, *lines: str) -> None:
    with place.production_log.open("a") as file:
        file.writelines(lines)


def value(reading: Reading, metric: Metric, *labels: str) -> float:
    wanted = metric, ("alpha", *labels)
    (found,) = [sample[2] for sample in reading.samples if sample[:2] == wanted]
    return found


def attempts(reading: Reading) -> float:
    return sum(v for metric, _, v in reading.samples if metric is DELIVERIES)


def test_everything_is_counted_from_the_first_look_on(place: PodPlace) -> None:
    log = DeliveryLog()
    reading = log.collect(place)
    assert attempts(reading) == 0
    shown = {labels[1] for metric, labels, _ in reading.samples if metric is DELIVERIES}
    assert shown == set(OUTCOMES)
    shown = {labels[1] for metric, labels, _ in reading.samples if metric is RECEIVED}
    assert shown == set(RECEPTIONS)
    say(place, SENT, REFUSED, SENT, GIVEN_UP, AWAY, CAME, FORGED, "\x00\n")
    reading = log.collect(place)
    assert value(reading, DELIVERIES, "delivered") == 2
    assert value(reading, DELIVERIES, "couldnt_connect") == 1
    assert value(reading, ABANDONED) == 2
    assert value(reading, SKIPPED) == 3
    assert value(reading, RECEIVED, "accepted") == 1
    assert value(reading, RECEIVED, "signature") == 1


def test_it_is_shown_with_its_latency(place: PodPlace) -> None:
    log, board = DeliveryLog(), Board()
    log.collect(place)
    say(place, SENT, SENT.replace("time=0.013", "time=7.5"))
    reading = log.collect(place)
    board.publish("log", reading.samples, pod="alpha", histograms=reading.histograms)
    text = board.text().decode()
    assert 'podfleet_delivery_duration_seconds_bucket{pod="alpha",le="0.05"} 1\n' in text
    assert 'podfleet_delivery_duration_seconds_count{pod="alpha"} 2\n' in text
    assert 'podfleet_deliveries_total{pod="alpha",outcome="delivered"} 2\n' in text
    assert "example.org/receive" not in text


def test_a_restart_goes_on_where_it_was(place: PodPlace) -> None:
    log = DeliveryLog()
    log.collect(place)
    say(place, SENT)
    log.collect(place)
    # While nobody looks, lines come, and the log is rotated.
    say(place, REFUSED)
    shutil.copyfile(place.production_log, place.log / "production.log.1")
    place.production_log.write_text("")
    say(place, SENT.replace("08:53", "09:00"))
    log = DeliveryLog()
    reading = log.collect(place)
    assert value(reading, DELIVERIES, "delivered") == 2
    assert value(reading, DELIVERIES, "couldnt_connect") == 1
    (histogram, labels) = reading.histograms[0]
    assert [v for name, v in histogram.samples(labels) if "_count" in name] == [3]
    assert attempts(DeliveryLog().collect(place)) == 3


def test_a_log_that_is_not_there_is_absent_and_read_from_its_beginning_then(
    place: PodPlace,
) -> None:
    place.production_log.unlink()
    for log in (DeliveryLog(), DeliveryLog()):
        with pytest.raises(Unread, match="not there"):
            log.collect(place)
    say(place, SENT, SENT)
    assert attempts(DeliveryLog().collect(place)) == 2


def test_a_log_that_is_away_for_a_moment_costs_nothing(place: PodPlace) -> None:
    log = DeliveryLog()
    log.collect(place)
    say(place, SENT)
    place.production_log.rename(place.log / "production.log.20261122")
    with pytest.raises(Unread):
        log.collect(place)
    say(place, REFUSED)
    assert attempts(log.collect(place)) == 2


def test_no_log_but_something_else(place: PodPlace) -> None:
    place.production_log.unlink()
    place.production_log.mkdir()
    with pytest.raises(Unread):
        DeliveryLog().collect(place)


@pytest.mark.parametrize(
    "left",
    [b"", b"[]", b"\xff", b'{"format": 1}', b'{"format": 2}',
     b'{"format": 1, "position": {"offset": 0, "known": 0, "head": "", "is_skipping": false}}'],
)  # fmt: skip
def test_a_state_that_makes_no_sense_is_none(place: PodPlace, left: bytes) -> None:
    (state_directory(place) / f"{state_name(place)}.json").write_bytes(left)
    log = DeliveryLog()
    assert attempts(log.collect(place)) == 0
    say(place, SENT)
    assert attempts(log.collect(place)) == 1


def test_a_state_of_other_words_keeps_its_totals(place: PodPlace) -> None:
    log = DeliveryLog()
    log.collect(place)
    path = state_directory(place) / f"{state_name(place)}.json"
    told = json.loads(path.read_text())
    told["totals"]["deliveries"]["of_before"] = 7
    told["totals"]["seconds"]["counts"] = [1]
    path.write_text(json.dumps(told))
    reading = DeliveryLog().collect(place)
    assert value(reading, DELIVERIES, "other") == 7


def test_without_a_place_for_its_state_it_reads_all_the_same(place: PodPlace) -> None:
    state_directory(place).rmdir()
    log = DeliveryLog()
    log.collect(place)
    say(place, SENT)
    assert attempts(log.collect(place)) == 1
