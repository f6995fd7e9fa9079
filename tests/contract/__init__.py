"""The contract a diaspora* pod keeps, as data, and the means to hold a running pod to it.

    python -m tests.contract --url URL --address IP --ca FILE [--ssh "ssh argv..." --pod NAME]

Each case stands beside the answer that real pods gave (diaspora* 0.9.1.0). The same cases hold for
the rehearsal pod, and fail where it departs in one point.
"""
