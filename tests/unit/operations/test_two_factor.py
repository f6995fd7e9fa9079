"""No user of an adopted pod loses a second factor, and with it the account."""

from __future__ import annotations

import pytest

from provision.errors import Refusal
from provision.operations import two_factor


@pytest.mark.parametrize("said", ["", "0"])
def test_a_pod_of_any_release_is_taken_in(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_factor, "psql", lambda *_, **__: said)
    two_factor.refuse_encrypted("main", "pod_main_1")


def test_a_pod_whose_second_factors_are_encrypted_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(two_factor, "psql", lambda *_, **__: "3")
    with pytest.raises(Refusal, match=r"3 of its users .* with that file in config/initializers"):
        two_factor.refuse_encrypted("main", "pod_main_1")
