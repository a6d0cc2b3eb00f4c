"""What the gateway itself knows, for tests that compare it with what the shop believes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from orders.models import SimulatedCharge


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
        charge.key: Taken(charge.amount, {key: Decimal(part) for key, part in charge.refunds.items()})
        for charge in SimulatedCharge.objects.filter(captured=True)
    }
