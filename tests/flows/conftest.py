"""Fixtures of the flows: shoppers without a script, whose clicks stay in the test; a gateway that answers."""

import pytest

from tests.support.gateway import Bank
from tests.support.storefront import shopper as shopper
from tests.support.storefront import told as told
from tests.support.watching import hub as hub


@pytest.fixture(autouse=True)
def _with_bank(bank: Bank) -> None:
    """Orders are charged in most flows."""
