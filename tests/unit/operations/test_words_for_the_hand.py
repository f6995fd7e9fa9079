"""What a person is told to type when a way back has failed."""

from __future__ import annotations

from provision.contract import PodPlaces
from provision.operations.way_back import by_hand


def test_the_words_for_the_hand_open_the_database_and_start_what_failed_too_often() -> None:
    commands = by_hand(PodPlaces("main"), "1.0.0.0-0a1b2c3d", "pod_main_1").split("`")[1::2]
    assert commands[3:] == [
        "systemctl reset-failed 'pod-main-*@1.0.0.0-0a1b2c3d.*'",
        "systemctl restart pod-main-web@1.0.0.0-0a1b2c3d.socket "
        "pod-main-web@1.0.0.0-0a1b2c3d.service pod-main-sidekiq@1.0.0.0-0a1b2c3d.service",
    ]
