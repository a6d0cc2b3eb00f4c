"""Fixtures of the tests that need a broker."""

from tests.support.site import site as site
