"""Fixtures of the flows: shoppers without a script, whose clicks stay in the test."""

from tests.support.storefront import shopper as shopper
from tests.support.storefront import told as told
