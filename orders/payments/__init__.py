"""Payments: which gateway the shop uses."""

from django.conf import settings

from orders.payments.gateway import Gateway
from orders.payments.simulated import SimulatedGateway


def gateway() -> Gateway:
    """The gateway that charges, by PAYMENT_GATEWAY. Tests put another one here."""
    if settings.PAYMENT_GATEWAY == "stripe":
        # imported here: Stripe's library takes half a second, which no other shop need spend
        from orders.payments.stripe_checkout import StripeCheckout

        return StripeCheckout()
    return SimulatedGateway()
