"""Where an order goes, as a parcel says it. Order -> here -> order page, letters.py, checkout's form."""

from collections.abc import Mapping

from orders.models import Order

COUNTRIES: Mapping[str, str] = {  # where the shop sends to
    "AT": "Austria",
    "BE": "Belgium",
    "FR": "France",
    "DE": "Germany",
    "NL": "Netherlands",
}


def country_name(code: str) -> str:
    """The country's name; the code itself where another system sends one that the shop does not know."""
    return COUNTRIES.get(code, code)


def address_of(order: Order) -> list[str]:
    """Name, street, town, country, each a line; empty where nobody told where to."""
    if not (order.street or order.city):
        return []
    lines = [order.name, order.street, f"{order.postcode} {order.city}".strip(), country_name(order.country)]
    return [line for line in lines if line]
