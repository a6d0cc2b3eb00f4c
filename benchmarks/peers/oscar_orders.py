"""Place orders with django-oscar: its own place_order, which allocates stock. See README.md.

oscar_orders.py DATABASE_URL ORDERS PROCESSES: an empty PostgreSQL database, which gets oscar's tables.
Baskets are filled before the clock runs; each order is one transaction, as oscar's checkout has it.
"""

import json
import multiprocessing
import random
import sys
import time
from multiprocessing.synchronize import Barrier
from urllib.parse import urlsplit

import django
from django.conf import settings
from oscar import INSTALLED_APPS
from oscar.defaults import *  # noqa: F403 - oscar's guide: its settings are the project's

PRODUCTS = 200
LINES, WEIGHTS = (1, 2, 3, 4, 5), (20, 25, 20, 15, 20)  # as our own orders: selling/elsewhere.py


def main() -> None:
    """Fill the shop, place the orders, print one line of JSON."""
    address, orders, processes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    configure(address)
    fill()
    context = multiprocessing.get_context("spawn")  # each with a connection of its own
    barrier = context.Barrier(processes + 1)
    children = [
        context.Process(target=place, args=(address, number, orders // processes, barrier))
        for number in range(processes)
    ]
    for child in children:
        child.start()
    barrier.wait()
    begun = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - begun
    for child in children:
        child.join()
    from oscar.core.loading import get_model

    placed = get_model("order", "Order").objects.count()
    print(json.dumps({"orders": placed, "seconds": round(seconds, 3)}), flush=True)


def configure(address: str) -> None:
    """Settings as oscar's guide has them, and its sandbox."""
    parts = urlsplit(address)
    own = {name: value for name, value in globals().items() if name.startswith("OSCAR_")}
    settings.configure(
        **own,
        SECRET_KEY="benchmark",
        INSTALLED_APPS=INSTALLED_APPS,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.path.strip("/"),
                "USER": parts.username,
                "HOST": parts.hostname,
                "PORT": parts.port,
                "CONN_MAX_AGE": None,
            }
        },
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        USE_TZ=True,
        SITE_ID=1,
    )
    django.setup()


def fill() -> None:
    """Tables, and products that never run out."""
    from django.core.management import call_command
    from oscar.core.loading import get_model

    call_command("migrate", verbosity=0)
    kind = get_model("catalogue", "ProductClass").objects.create(name="thing", track_stock=True)
    partner = get_model("partner", "Partner").objects.create(name="us")
    product, record = get_model("catalogue", "Product"), get_model("partner", "StockRecord")
    for number in range(PRODUCTS):
        thing = product.objects.create(product_class=kind, title=f"Thing {number}", upc=f"T{number}")
        record.objects.create(
            product=thing, partner=partner, partner_sku=f"T{number}", price="9.99", num_in_stock=1_000_000
        )


def place(address: str, seed: int, count: int, barrier: Barrier) -> None:
    """One process: its baskets first, then, with the others, its orders."""
    configure(address)
    baskets = [basket(random.Random(seed * 1_000_000 + number)) for number in range(count)]
    barrier.wait()
    for one in baskets:
        order(one)
    barrier.wait()


def basket(chosen: random.Random) -> object:
    """A basket of a few products."""
    from oscar.core.loading import get_class, get_model

    product = get_model("catalogue", "Product")
    one = get_model("basket", "Basket").objects.create()
    one.strategy = get_class("partner.strategy", "Selector")().strategy()
    upcs = [f"T{n}" for n in chosen.sample(range(PRODUCTS), chosen.choices(LINES, WEIGHTS)[0])]
    for thing in product.objects.filter(upc__in=upcs):
        one.add_product(thing, quantity=chosen.randint(1, 3))
    return one


def order(one) -> None:  # noqa: ANN001 - oscar's models are made when it starts
    """What oscar's checkout does once the payment is made."""
    from django.db import transaction
    from oscar.core.loading import get_class

    shipping = get_class("shipping.methods", "Free")()
    charge = shipping.calculate(one)
    with transaction.atomic():
        get_class("order.utils", "OrderCreator")().place_order(
            order_number=get_class("order.utils", "OrderNumberGenerator")().order_number(one),
            basket=one,
            total=get_class("checkout.calculators", "OrderTotalCalculator")().calculate(one, charge),
            shipping_method=shipping,
            shipping_charge=charge,
        )
        one.submit()


if __name__ == "__main__":
    main()
