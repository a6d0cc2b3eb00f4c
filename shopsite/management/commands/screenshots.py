"""`manage.py screenshots`: photograph a running demo for the documents. Chromium -> docs/screenshots/*.png.

make demo DEMO=--no-traffic              # in one terminal, on a new folder: a shop that nobody has been to
.venv/bin/python manage.py screenshots   # in another: the pictures of that
make demo                                # then with shoppers, for half an hour
.venv/bin/python manage.py screenshots   # all others
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from shopsite.config import BASE_DIR

if TYPE_CHECKING:  # Playwright is there where the project is developed, not where it runs
    from playwright.sync_api import Browser, Page, WebSocketRoute

FOLDER = BASE_DIR / "docs" / "screenshots"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
LIVE_MS = 6_000  # what a live page is watched before its picture is taken
OPENING_MS = 120_000  # how long the opening stock, told before anybody listened, counts as late
LIVE = "/dashboard/"


@dataclass(frozen=True)
class Look:
    """The browser that a picture is taken with."""

    width: int = 1440
    height: int = 900
    scheme: Literal["light", "dark"] = "light"


DESKTOP = Look()
DARK = Look(scheme="dark")
PHONE = Look(width=390, height=844)


@dataclass(frozen=True)
class Shot:
    """One picture: `way` leads an empty page to what is shown."""

    name: str
    way: Callable[["Page"], None]
    look: Look = DESKTOP
    as_staff: bool = False
    shoppers: bool = True  # whether it is of a demo that has some


def opened(path: str) -> Callable[["Page"], None]:
    """The way to a page that has an address of its own."""

    def way(page: "Page") -> None:
        page.goto(path)
        page.wait_for_load_state("load")

    return way


def watched(path: str) -> Callable[["Page"], None]:
    """The way to a live page, once its figures move."""

    def way(page: "Page") -> None:
        page.goto(path)
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
        page.get_by_text("No product has been looked at yet").wait_for(state="hidden")
        page.wait_for_timeout(LIVE_MS)

    return way


def drawn(path: str) -> Callable[["Page"], None]:
    """The way to a page whose charts come whole, once they are drawn."""

    def way(page: "Page") -> None:
        page.goto(path)
        page.locator(".js-plotly-plot .main-svg").first.wait_for()

    return way


def before_anybody(path: str) -> Callable[["Page"], None]:
    """The way to a live page that nobody has given anything to show."""

    def way(page: "Page") -> None:
        page.goto(path)
        page.get_by_text("Your shop is ready").wait_for()
        page.get_by_text("No product has been looked at yet").wait_for()
        page.get_by_text("no events now").wait_for(timeout=OPENING_MS)

    return way


def cut_off(path: str) -> Callable[["Page"], None]:
    """The way to a live page that has lost its server."""

    def way(page: "Page") -> None:
        sockets: list[WebSocketRoute] = []

        def passed_on(socket: "WebSocketRoute") -> None:
            if sockets:
                socket.close()  # the server stays away
            else:
                socket.connect_to_server()
            sockets.append(socket)

        page.route_web_socket("**", passed_on)
        watched(path)(page)
        sockets[0].close()
        page.get_by_text("The live connection was lost").wait_for()
        page.wait_for_timeout(LIVE_MS)

    return way


def sold_out(page: "Page") -> str:
    """The article number of a product that staff just counted: nothing is left to sell."""
    watched(LIVE)(page)
    address = page.locator(".goods .item").first.get_attribute("href") or ""
    sku = address.rstrip("/").rpartition("/")[2]
    page.goto(f"/admin/catalogue/product/{sku}/stock/")
    promised = page.locator("form.ask p b").nth(1).inner_text()
    page.get_by_label("or: there are").fill(promised)
    page.get_by_label("Reason").select_option("count")
    page.get_by_role("button", name="Write it into the ledger").click()
    page.wait_for_load_state("load")
    return sku


def to_sold_out(page: "Page") -> None:
    """The page of a product that can't be bought, as shoppers see it."""
    sku = sold_out(page)
    page.context.clear_cookies()
    page.goto(f"/p/{sku}/")
    page.locator(".stock.gone").wait_for()


def to_sold_out_row(page: "Page") -> None:
    """The live page, with that product on top of its list."""
    sold_out(page)
    watched(LIVE)(page)
    page.locator(".goods .state").get_by_text("Sold out").first.wait_for()


def to_figures(page: "Page") -> None:
    """The figures of the product that sells out first, of the last days."""
    watched(LIVE)(page)
    address = page.locator(".goods .item").first.get_attribute("href")
    drawn(f"{address}?range=7d&grain=hour")(page)


def to_product(page: "Page") -> None:
    """The first product of the home page that can be bought."""
    page.goto("/")
    page.locator("main .grid .card:not(.out) a[href^='/p/']").first.click()
    page.get_by_role("button", name="Add to cart").first.wait_for()


def to_cart(page: "Page") -> None:
    """A cart with two products."""
    for search in ("teapot", "shoe"):
        page.goto(f"/search?q={search}")
        page.locator("main a[href^='/p/']").first.click()
        page.locator(".buy").get_by_role("button", name="Add to cart").click()
        page.wait_for_load_state("networkidle")
    page.goto("/cart/")


def to_checkout(page: "Page") -> None:
    """The filled form, with the card that is approved."""
    to_cart(page)
    page.get_by_role("link", name="Check out").click()
    for label, text in (
        ("E-mail", "ada@example.org"),
        ("Name", "Ada Morgenstern"),
        ("Street and number", "Lindenweg 12"),
        ("Postcode", "10999"),
        ("Town", "Berlin"),
    ):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Town", exact=True).blur()


def to_order(page: "Page") -> None:
    """An order's own page, once it is paid."""
    to_checkout(page)
    page.get_by_role("button", name="Place the order").click()
    page.wait_for_url("**/orders/**")
    page.get_by_text("asking your bank").wait_for(state="hidden")


def to_way(page: "Page") -> None:
    """The whole way of the newest order that was packed or is further."""
    page.goto("/admin/orders/order/?queue=to_ship")
    page.locator("th.field-order_id a").last.click()
    page.get_by_role("link", name="Its whole way").click()
    page.get_by_text("Looking in Kafka").wait_for(state="hidden")


SHOTS = (
    Shot("dashboard-light", watched(LIVE), as_staff=True),
    Shot("dashboard-dark", watched(LIVE), DARK, as_staff=True),
    Shot("dashboard-phone", watched(LIVE), PHONE, as_staff=True),
    Shot("dashboard-empty", before_anybody(LIVE), as_staff=True, shoppers=False),
    Shot("dashboard-empty-phone", before_anybody(LIVE), PHONE, as_staff=True, shoppers=False),
    Shot("dashboard-lost", cut_off(LIVE), as_staff=True),
    Shot("dashboard-sold-out", to_sold_out_row, as_staff=True),
    Shot("dashboard-answers", opened("/dashboard/answers/"), as_staff=True),
    Shot("dashboard-wall", watched(f"{LIVE}?wall=sales,visitors,pulse,products"), as_staff=True),
    Shot("dashboard-range", drawn(f"{LIVE}?range=7d&compare=previous"), as_staff=True),
    Shot("dashboard-product", to_figures, as_staff=True),
    Shot("ops", opened("/ops/"), as_staff=True),
    Shot("admin-index", opened("/admin/"), as_staff=True),
    Shot("admin-orders", opened("/admin/orders/order/"), as_staff=True),
    Shot("admin-way", to_way, as_staff=True),
    Shot("shop-home", opened("/")),
    Shot("shop-home-dark", opened("/"), DARK),
    Shot("shop-home-phone", opened("/"), PHONE),
    Shot("shop-category", opened("/c/home/")),
    Shot("shop-product", to_product),
    Shot("shop-sold-out", to_sold_out, as_staff=True),
    Shot("shop-cart", to_cart),
    Shot("shop-checkout", to_checkout),
    Shot("shop-order", to_order),
    Shot("shop-order-phone", to_order, PHONE),
)


class Command(BaseCommand):
    """Takes the documents' pictures."""

    help = (
        "Photograph a running demo with Chromium for docs/screenshots. Without names: whatever it can show, "
        "with shoppers or (--no-traffic, on a new folder) before anybody came."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What to take, where from and where to."""
        names = ", ".join(shot.name for shot in SHOTS)
        parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of: {names}")
        parser.add_argument("--origin", default=settings.SHOP_ORIGIN, help="the demo (default: %(default)s)")
        parser.add_argument("--folder", type=Path, default=FOLDER, help="default: docs/screenshots")

    def handle(self, *_args: Any, names: list[str], origin: str, folder: Path, **_options: Any) -> None:
        """Take each picture in a browser profile of its own."""
        try:
            from playwright.sync_api import Error, sync_playwright
        except ImportError as error:
            raise CommandError("Playwright is missing: pip install -r requirements-dev.txt") from error
        path = next(filter(None, map(shutil.which, CHROMIUM)), None)
        if path is None:
            raise CommandError("Chromium is missing: apt-get install chromium")
        if unknown := set(names) - {shot.name for shot in SHOTS}:
            raise CommandError(f"No such picture: {', '.join(sorted(unknown))}. See --help.")
        shoppers = "simulate" in settings.EXPECTED_PROCESSES
        folder.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            for shot in SHOTS:
                if shot.name in names or (not names and shot.shoppers is shoppers):
                    try:
                        taken = take(browser, shot, origin, folder)
                    except Error as error:
                        raise CommandError(f"{shot.name}: {error}") from error
                    self.stdout.write(f"{taken.stat().st_size // 1024:5} KiB  {taken}")


def take(browser: "Browser", shot: Shot, origin: str, folder: Path) -> Path:
    """Go the shot's way in a new profile, and save what is seen."""
    context = browser.new_context(
        base_url=origin,
        viewport={"width": shot.look.width, "height": shot.look.height},
        color_scheme=shot.look.scheme,
        reduced_motion="reduce",
    )
    page = context.new_page()
    if shot.as_staff:
        log_in(page)
    shot.way(page)
    page.evaluate("document.fonts.ready")
    target = folder / f"{shot.name}.png"
    page.screenshot(path=target)
    context.close()
    return target


def log_in(page: "Page") -> None:
    """As the staff user that the running demo made."""
    if not settings.STAFF_PASSWORD:
        raise CommandError("No STAFF_PASSWORD: is the demo running? It writes the login to .local/env.")
    page.goto("/admin/login/")
    page.fill("#id_username", settings.STAFF_USERNAME)
    page.fill("#id_password", settings.STAFF_PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")
