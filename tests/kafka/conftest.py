"""Fixtures of the tests that need a broker: the whole site, and a gateway that answers."""

import pytest

from tests.support.gateway import Bank
from tests.support.site import site as site


@pytest.fixture(autouse=True)
def _with_bank(bank: Bank) -> None:
    """Whatever is ordered is charged."""
