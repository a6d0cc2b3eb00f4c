"""What the gateway itself knows, for tests that compare it with what the shop believes."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote
from urllib.request import Request, urlopen

from django.conf import settings


class Taken(NamedTuple):
    """What the bank did under one payment's key."""

    captured: Decimal
    refunds: Mapping[str, Decimal]  # by the refund's key

    @property
    def kept(self) -> Decimal:
        """What is left of it."""
        return self.captured - sum(self.refunds.values(), Decimal(0))


def bank() -> dict[str, Taken]:
    """Every charge that took money, by the payment's key."""
    return {
        told["payment"]: Taken(
            Decimal(told["captured"]), {key: Decimal(part) for key, part in told["refunds"].items()}
        )
        for told in _all()
        if told["state"] == "captured"
    }


def _all() -> Iterator[dict[str, Any]]:
    headers = {
        "Authorization": f"Bearer {settings.GATEWAY_KEY}",
        "Gateway-Account": settings.GATEWAY_ACCOUNT,
    }
    page: list[dict[str, Any]] = [{"payment": ""}]
    while page:
        address = f"{settings.GATEWAY_URL}/v1/payments?after={quote(page[-1]['payment'], safe='')}"
        with urlopen(Request(address, headers=headers), timeout=10) as answer:
            page = json.loads(answer.read())["payments"]
        yield from page
