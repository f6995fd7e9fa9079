"""What tests of the gate of federation share with those of the canary."""

from tests.unit.monitoring.conftest import authority, pytest_pyfunc_call

__all__ = ["authority", "pytest_pyfunc_call"]
