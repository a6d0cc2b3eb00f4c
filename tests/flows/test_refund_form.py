"""The refund form of an order's page: units by line, an amount, what goes back on the shelf, and refusals."""

import re
from decimal import Decimal

import pytest
from django.urls import reverse

from orders.models import Line, Order, Refund
from shopsite.fulfilment import give_due
from shopsite.staff.models import StaffAction
from tests.support.shop import level, stock_is_sound
from tests.support.shop import order as order
from tests.support.staff import As
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db


class Form:
    """The form as somebody of the staff fills it in."""

    def __init__(self, staff: As, order: Order, role: str = "operator") -> None:
        self.order = order
        self.client = staff(role)
        self.address = reverse("admin:orders_order_do", args=[order.pk, "refund"])

    def page(self) -> str:
        """As it is shown."""
        return self.client.get(self.address).content.decode()

    def send(self, why: str = "chipped", amount: str = "", also: str = "confirmed", **units: int) -> str:
        """The page that follows. units: MUG=2 to refund two, MUG_back=1 to put one of them on the shelf.

        also: "confirmed" once the review was read, "" before, "change" to go back from it.
        """
        data: dict[str, str | int] = {"why": why, "amount": amount, also or "x": "yes"}
        for name, count in units.items():
            sku, _, back = name.partition("_")
            data[f"{'shelf' if back else 'units'}-{self.line(sku).pk}"] = count
        page = self.client.post(self.address, data, follow=True).content.decode()
        self.order.refresh_from_db()
        return page

    def line(self, sku: str) -> Line:
        """The order's line of a product."""
        return self.order.lines.get(product_id=sku)


def test_each_line_is_asked_for_with_what_is_left_of_it(staff: As, order: Order) -> None:
    form = Form(staff, order)
    for sku, left in {"MUG": 2, "PLATE": 3}.items():
        for kind in ("units", "shelf"):
            field = f'name="{kind}-{form.line(sku).pk}"'
            (tag,) = [tag for tag in form.page().split("<") if field in tag]
            assert f'max="{left}"' in tag
            assert 'min="0"' in tag
    form.send(MUG=2)
    give_due()
    assert "The MUG" not in form.page().partition('class="units"')[2]
    assert "The PLATE" in form.page().partition('class="units"')[2]


def test_chosen_units_are_refunded_at_their_price_and_only_those_named_go_back(
    staff: As, order: Order
) -> None:
    form = Form(staff, order)
    assert "to be refunded" in form.send(MUG=2, PLATE=1, MUG_back=1)
    refund = Refund.objects.get()
    assert (refund.amount, refund.why, refund.actor) == (Decimal("37.50"), "chipped", "operator")
    give_due()
    order.refresh_from_db()
    assert (order.status, order.refunded) == ("paid", Decimal("37.50"))
    assert (form.line("MUG").refunded_quantity, form.line("PLATE").refunded_quantity) == (2, 1)
    assert (level("MUG"), level("PLATE")) == ((4, 0), (2, 0))
    assert stock_is_sound()


def test_an_amount_stands_above_the_price_of_the_units(staff: As, order: Order) -> None:
    Form(staff, order).send(amount="5.00", MUG=1, MUG_back=1)
    refund = Refund.objects.get()
    assert refund.amount == Decimal(5)
    assert [(row.quantity, row.restock) for row in refund.lines.all()] == [(1, 1)]


def test_an_amount_alone_refunds_no_unit(staff: As, order: Order) -> None:
    form = Form(staff, order)
    form.send(amount="5.00")
    give_due()
    assert Refund.objects.get().amount == Decimal(5)
    assert not Refund.objects.get().lines.exists()
    assert (level("MUG"), form.line("MUG").refunded_quantity) == ((3, 0), 0)


def test_an_empty_form_with_a_reason_refunds_all_that_is_left(staff: As, order: Order) -> None:
    form = Form(staff, order)
    form.send(amount="2.50")
    give_due()
    form.send(why="came back whole")
    give_due()
    order.refresh_from_db()
    assert (order.status, order.refunded) == ("refunded", order.amount)
    assert (level("MUG"), level("PLATE")) == ((5, 0), (5, 0))


@pytest.mark.parametrize(
    ("filled", "says"),
    [
        ({"MUG": 3}, "less than or equal to 2"),
        ({"MUG": -1}, "greater than or equal to 0"),
        ({"MUG": 1, "MUG_back": 2}, "More than are refunded"),
        ({"PLATE_back": 1}, "More than are refunded"),
        ({"amount": "0"}, "greater than or equal to 0.000001"),
        ({"amount": "62.51"}, "can be refunded, not 62.51"),
        ({"MUG": 1, "why": ""}, "This field is required"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(
    staff: As, order: Order, filled: dict[str, object], says: str
) -> None:
    page = Form(staff, order).send(**filled)  # type: ignore[arg-type]
    assert says in page.replace("\xa0", " ")
    assert order.status == "paid"
    assert not Refund.objects.exists()
    assert (level("MUG"), level("PLATE")) == ((3, 0), (2, 0))


def test_what_is_typed_stays_when_the_form_is_refused(staff: As, order: Order) -> None:
    page = Form(staff, order).send(why="chipped at the rim", MUG=1, MUG_back=2)
    assert 'value="chipped at the rim"' in page


def test_a_second_refund_takes_no_unit_that_the_first_one_took(staff: As, order: Order) -> None:
    form = Form(staff, order)
    form.send(MUG=1)
    give_due()
    assert "less than or equal to 1" in form.send(MUG=2)
    assert Refund.objects.count() == 1


def test_a_refund_is_in_the_audit_log_with_its_lines_and_so_is_a_refusal(staff: As, order: Order) -> None:
    form = Form(staff, order)
    form.send(amount="99")
    form.send(MUG=1)
    refused, done = StaffAction.objects.filter(action="refund").order_by("pk")
    assert (refused.done, done.done) == (False, True)
    assert f"1 of line {form.line('MUG').pk}" in done.what
    assert done.why == "chipped"


def test_nothing_is_given_before_it_was_said_what_happens(staff: As, order: Order) -> None:
    form = Form(staff, order)
    page = form.send(MUG=2, PLATE=1, MUG_back=1, also="")
    assert "€37.50 goes back to the card ending 4242; €25.00 can still be refunded." in page
    assert "1 unit is back on the shelf" in page
    assert "ada@example.org is written to: “Order" in page
    assert not Refund.objects.exists()
    fields = dict(re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', page))
    fields.pop("csrfmiddlewaretoken", None)
    form.client.post(form.address, fields)
    refund = Refund.objects.get()
    assert (refund.amount, [row.quantity for row in refund.lines.order_by("pk")]) == (
        Decimal("37.50"),
        [2, 1],
    )


def test_the_review_can_be_left_for_the_form_with_what_was_typed(staff: As, order: Order) -> None:
    page = Form(staff, order).send(why="chipped at the rim", amount="5.00", also="change")
    assert 'value="chipped at the rim"' in page
    assert 'type="number" name="amount" value="5.00"' in page
    assert not Refund.objects.exists()


def test_a_review_of_what_cannot_be_says_so_in_the_form(staff: As, order: Order) -> None:
    page = Form(staff, order).send(amount="99", also="").replace("\xa0", " ")
    assert "can be refunded, not 99" in page
    assert "This is what will happen" not in page


@pytest.mark.parametrize("role", ["viewer", "stock keeper"])
def test_who_may_not_refund_gets_no_form(staff: As, order: Order, role: str) -> None:
    form = Form(staff, order, role)
    assert form.client.get(form.address).status_code == 403
    assert form.client.post(form.address, {"why": "x"}).status_code == 403
    assert not Refund.objects.exists()
