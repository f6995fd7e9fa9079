"""The canary: proof that a post written on one pod arrives on another, and leaves again."""

from monitoring.canary.flights import Flight, Patience, pairs_to_json
from monitoring.canary.flying import fly, fly_all, fly_between_all, fly_from
from monitoring.canary.pods import CanaryPod, Token

__all__ = [
    "CanaryPod",
    "Flight",
    "Patience",
    "Token",
    "fly",
    "fly_all",
    "fly_between_all",
    "fly_from",
    "pairs_to_json",
]
