"""Everything that is known of one product. figures.py, answers, board, catalogue -> here -> views.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.templatetags.static import static
from redis.exceptions import RedisError

from dashboards.answers import kept
from dashboards.answers.names import Named, names_of
from dashboards.answers.together import Partner
from dashboards.answers.trending import Trend
from dashboards.board import Movement, Outlook, Stock, outlooks, the_board
from dashboards.product.drawing import course_chart
from dashboards.product.figures import WINDOW, Beside, Figures, beside_last_week, read_figures
from dashboards.reports.beside import Kind, Number
from dashboards.reports.calendar import ReportGrain
from dashboards.reports.period import Asked, read_period
from dashboards.screen.live import admin_of
from shopsite.catalogue.models import Product

KEPT_SECONDS = 5
LEDGER_ROWS = 8
PARTNERS = 5


@dataclass
class ProductPage:
    """What the page shows. Falsy parts are not known, or there is nothing of them."""

    sku: str
    product: Product | None  # None: in no catalogue, only in events
    admin: str = ""
    picture: str = ""
    numbers: list[tuple[Number, Number]] = field(default_factory=list)  # today, last half hour
    others: list[str] = field(default_factory=list)  # currencies that the revenue leaves out
    course: dict[str, Any] = field(default_factory=dict)  # the figure, its rows, when it was made
    quiet: bool = True  # nothing happened in the range
    notes: list[str] = field(default_factory=list)
    stock: Stock | None = None
    outlook: Outlook | None = None
    ledger: Sequence[Movement] = ()
    trends_known: bool = False
    trend: Trend | None = None
    partners: list[tuple[Named, Partner]] = field(default_factory=list)
    trouble: str = ""  # why there are no figures

    @property
    def title(self) -> str:
        """Its name, or its number where it has none."""
        return self.product.title if self.product else self.sku

    @property
    def is_known(self) -> bool:
        """Whether anybody has ever told us of it, as far as the page looks."""
        return bool(
            self.product or not self.quiet or any(day.now or window.now for day, window in self.numbers)
        )


def read_product(sku: str, asked: Asked, now: datetime) -> ProductPage:
    """Everything of one product; what Redis does not tell is said. Raises DatabaseError."""
    span = asked.preset or f"{asked.start.timestamp():.0f}-{asked.end.timestamp():.0f}"
    name = f"{settings.REDIS_PREFIX}product:{sku.encode().hex()}:{span}:{asked.grain}"
    found: ProductPage | None = cache.get(name)
    if found is None:
        found = _read(sku, asked, now)
        cache.set(name, found, KEPT_SECONDS)
    return found


def _read(sku: str, asked: Asked, now: datetime) -> ProductPage:
    product = Product.objects.select_related("category").filter(pk=sku).first()
    page = ProductPage(sku, product)
    if product:
        page.admin = admin_of(sku)
        page.picture = static(product.picture) if product.picture else ""
    try:
        _add_figures(page, asked, now)
    except (RedisError, OSError) as error:
        page.trouble = f"Redis does not answer, so there are no figures: {error}"
    _add_stock(page)
    _add_answers(page)
    return page


def _add_figures(page: ProductPage, asked: Asked, now: datetime) -> None:
    currency = settings.SHOP_CURRENCY
    today = read_period({}, now)
    spans = ((today.start, today.end), (today.end - WINDOW, today.end))
    day, window = (beside_last_week(page.sku, *span, currency) for span in spans)
    page.numbers = _numbers(day, window)
    course = read_figures(page.sku, asked.grain, asked.start, asked.end, currency)
    page.quiet = not any(course.figures)
    page.notes = course.notes
    others = {other for figures in (*course.figures, *day, *window) for other in figures.others}
    page.others = sorted(others)
    page.course = course_chart(course, asked.grain, now) | {
        "at": int(now.timestamp() * 1000),
        "name": f"product-{page.sku}",
        "title": page.title,
    }


def _numbers(day: Beside, window: Beside) -> list[tuple[Number, Number]]:
    def number(name: str, take: Callable[[Figures], int], kind: Kind = "count") -> tuple[Number, Number]:
        today, lately = (Number(name, take(now), take(was), kind) for now, was in (day, window))
        return today, lately

    return [
        number("Views", lambda figures: figures.views),
        number("Put into carts", lambda figures: figures.carts),
        number("Units sold", lambda figures: figures.units),
        number("Revenue", lambda figures: figures.revenue, "money"),
    ]


def _add_stock(page: ProductPage) -> None:
    board = the_board()
    if board is None or page.product is None:
        return
    page.stock = board.stock_of([page.sku])[page.sku]
    page.outlook = outlooks(board, [page.sku]).get(page.sku)
    page.ledger = board.ledger_of(page.sku, LEDGER_ROWS)


def _add_answers(page: ProductPage) -> None:
    trends = kept.trending()
    page.trends_known = trends is not None
    page.trend = next((trend for trend in trends or () if trend.product_id == page.sku), None)
    partners = kept.bought_with(page.sku)[:PARTNERS]
    names = names_of(partner.product_id for partner in partners)
    page.partners = [(names[partner.product_id], partner) for partner in partners]


def grains_of(asked: Asked) -> list[tuple[ReportGrain, bool]]:
    """The grains that one may choose, and which of them is shown."""
    return [(grain, grain == asked.grain) for grain in asked.grains]
