"""Who may do what: every address of the admin, every step and every list, for every role."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from dashboards.alerts.models import Alert, Rule
from dashboards.shares.models import ShareLink
from inventory.models import Movement, Reservation
from orders.models import Lead, Mail, Order, Payment, Refund
from shopsite.api.models import ApiKey
from shopsite.catalogue.models import Category
from shopsite.events.models import DeadLetter, InboxEvent, OutboxEvent, StoredOffset
from shopsite.fulfilment import handle_orders
from shopsite.orderdesk.steps import STEPS
from shopsite.roles import ROLES
from shopsite.staff.models import StaffAction
from shopsite.staff.services import record
from tests.support.messages import order_message
from tests.support.shop import level, paid, place, product
from tests.support.staff import As, act
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db
ROWS = 12
SEES: Mapping[str, set[str]] = {
    "viewer": {"orders", "stock", "events"},
    "support": {"orders", "stock"},
    "stock keeper": {"stock"},
    "operator": {"orders", "stock", "events", "staff"},
}
DOES: Mapping[str, set[str]] = {
    "viewer": set(),
    "support": {"cancel", "resend_mail"},
    "stock keeper": {"adjust", "export_stock", "export_ledger"},
    "operator": {
        "pack", "ship", "deliver", "cancel", "refund", "resend", "resend_mail",
        "export_orders", "export_stock", "export_ledger",
    },
}  # fmt: skip
PART = {"orders": "orders", "catalogue": "stock", "inventory": "stock", "events": "events", "staff": "staff",
        "alerts": "events", "shares": "staff"}  # fmt: skip
LISTS = sorted(f"{model._meta.app_label}_{model._meta.model_name}" for model in site._registry)
CHANGES = {
    "stock keeper": {"admin:catalogue_product"},
    "operator": {"admin:events_deadletter", "admin:alerts_rule"},
}
ADDS = {"operator": {"admin:alerts_rule"}}
EXPORTS = {
    "export_orders": "admin:orders_order_export",
    "export_stock": "admin:catalogue_product_export",
    "export_ledger": "admin:inventory_movement_export",
}


def fill() -> None:
    """Some rows for every list."""
    handle_orders(
        [
            order_message(order_id=f"o{n}", user_id="u", product_ids=[f"p{n}", "x"], amount=n, email="a@b.de")
            for n in range(ROWS)
        ]
    )
    now = timezone.now()
    for n in range(ROWS):
        Refund.objects.create(order_id=f"o{n}", key=f"r{n}", amount=1, state="due", actor="x", created_at=now)
        Lead.objects.create(order_id=f"o{n}", event_id=f"c{n}", type="search", at=now)
        InboxEvent.objects.create(topic="orders", partition=0, offset=n, key="k", event_id="e", value=b"{}")
        DeadLetter.objects.create(topic="orders", partition=0, offset=n, reason="x", value=b"{}")
        StoredOffset.objects.create(group="consume", topic="orders", partition=n, next_offset=1)
        record(actor="ben", action="pack", kind="order", object_id=f"o{n}")
        User.objects.create_user(f"person-{n}", is_staff=True)
        product(f"Q{n}", 3)
        Category.objects.create(slug=f"c{n}", name=f"C {n}")
        ApiKey.objects.create(name=f"k{n}", public_id=f"k{n}", digest=f"{n:064}", created_at=now)
        rule = Rule.objects.create(name=f"rule {n}", figure="clicks", compare="above")
        Alert.objects.create(rule=rule, fired_at=now)
        ShareLink.objects.create(name=f"s{n}", digest=f"{n:064}", made_at=now, expires_at=now)
        Mail.objects.create(order_id=f"o{n}", kind="confirmation", state="due", created_at=now)


def may_see(role: str, name: str) -> bool:
    """Whether this role has the list; offsets, accounts and roles are nobody's but a superuser's."""
    if name in ("events_storedoffset", "auth_user", "auth_group"):
        return False
    return PART.get(name.partition("_")[0], "") in SEES[role]


def test_every_role_is_in_the_matrix() -> None:
    assert set(ROLES) == set(SEES) == set(DOES)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_sees_its_lists_and_no_others(staff: As, role: str) -> None:
    client = staff(role)
    for name in LISTS:
        status = client.get(reverse(f"admin:{name}_changelist")).status_code
        if name.partition("_")[0] in (*PART, "auth"):
            assert status == (200 if may_see(role, name) else 403), f"{role} {name}"


def test_whose_role_does_not_have_a_page_is_told_what_to_do_and_finds_back(staff: As) -> None:
    answer = staff("support").get(reverse("admin:staff_staffaction_changelist"))
    page = answer.content.decode()
    assert answer.status_code == 403
    for words in ("Your role does not have this", "logged in as support", f'href="{reverse("admin:index")}"'):
        assert words in page


@pytest.mark.parametrize("role", ROLES)
def test_nobody_adds_or_deletes_records_and_only_some_change_products(staff: As, role: str) -> None:
    fill()
    client = staff(role)
    for model in site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._default_manager.order_by("pk").first()
        added = client.post(f"{reverse(f'{name}_add')}", {}).status_code
        assert (added != 403) is (name in ADDS.get(role, ())), name
        if row is not None:
            assert client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
            assert model._default_manager.filter(pk=row.pk).exists()
            status = client.post(reverse(f"{name}_change", args=[row.pk]), {}).status_code
            assert (status != 403) is (name in CHANGES.get(role, ())), name


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", STEPS)
def test_a_role_takes_its_steps_and_no_others_by_the_list_and_by_the_button(
    staff: As, role: str, name: str
) -> None:
    product("MUG", 9)
    order = _standing(name)
    client, before = staff(role), Order.objects.get(pk=order.pk).status
    act(client, name, order.pk, confirmed="yes", why="x")
    by_list = Order.objects.get(pk=order.pk).status != before
    other = _standing(name)
    sure = {"why": "x", "confirmed": "yes"}
    answer = client.post(reverse("admin:orders_order_do", args=[other.pk, name]), sure)
    by_button = Order.objects.get(pk=other.pk).status != before
    may = name in DOES[role]
    assert (by_list, by_button) == (may, may)
    assert (answer.status_code == 403) is not may
    page = client.get(reverse("admin:orders_order_change", args=[_standing(name).pk])).content.decode()
    assert (f"/do/{name}/" in page) is may


def _standing(name: str) -> Order:
    """An order that could take the step."""
    order = paid({"MUG": 1}) if name != "cancel" else place({"MUG": 1})
    before = {"ship": "packed", "deliver": "shipped"}.get(name)
    if before:
        Order.objects.filter(pk=order.pk).update(status=before)
    return order


@pytest.mark.parametrize("role", ROLES)
def test_a_role_changes_stock_sends_letters_again_and_exports_only_where_it_may(staff: As, role: str) -> None:
    product("MUG", 9)
    letter = DeadLetter.objects.create(
        topic="orders", partition=1, offset=7, reason="x", key="o", value=b"{}"
    )
    client, may = staff(role), DOES[role]
    client.post(reverse("admin:inventory_add_stock", args=["MUG"]), {"change": 1, "reason": "delivery"})
    assert level("MUG")[0] == (10 if "adjust" in may else 9)
    for page in (
        reverse("admin:catalogue_product_changelist"),
        reverse("admin:catalogue_product_change", args=["MUG"]),
    ):
        assert ("Add or take" in client.get(page).content.decode()) is ("adjust" in may)
    data = {"action": "resend", "_selected_action": [letter.pk], "confirmed": "yes"}
    client.post(reverse("admin:events_deadletter_changelist"), data)
    client.post(reverse("admin:events_deadletter_change", args=[letter.pk]), {"message": "{}"})
    letter.refresh_from_db()
    assert (letter.resent_at is not None) is ("resend" in may)
    for name, address in EXPORTS.items():
        assert client.get(reverse(address)).status_code == (200 if name in may else 403), name


@pytest.mark.parametrize("role", ROLES)
def test_an_orders_way_mails_and_log_are_for_those_who_see_orders(staff: As, role: str) -> None:
    product("MUG", 9)
    order = paid({"MUG": 1})
    client, sees = staff(role), "orders" in SEES[role]
    for page in ("way", "way_log", "change"):
        status = client.get(reverse(f"admin:orders_order_{page}", args=[order.pk])).status_code
        assert status == (200 if sees else 403), page
    preview = client.get(reverse("mail_preview", args=[order.pk, "confirmation"]))
    assert preview.status_code == (200 if sees else 404)


def test_who_is_not_of_the_staff_is_asked_to_log_in() -> None:
    product("MUG", 9)
    order = paid({"MUG": 1})
    shopper = Client()
    shopper.force_login(User.objects.create_user("ada@example.org"))
    addresses = [reverse(f"admin:{name}_changelist") for name in LISTS]
    addresses += [reverse(name) for name in EXPORTS.values()]
    addresses += [reverse(f"admin:orders_order_{page}", args=[order.pk]) for page in ("way", "way_log")]
    addresses += [reverse("admin:orders_order_do", args=[order.pk, "pack"]), reverse("admin:index")]
    for address in addresses:
        for answer in (shopper.get(address), shopper.post(address)):
            assert answer.status_code == 302, address
            assert answer["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("name", LISTS)
def test_every_list_takes_at_most_eight_queries_with_many_rows(
    admin_client: Client, staff: As, name: str
) -> None:
    fill()
    client = staff("operator") if may_see("operator", name) else admin_client
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(reverse(f"admin:{name}_changelist"))
    assert answer.status_code == 200
    assert len(answer.context["cl"].result_list) >= 2
    assert len(asked) <= 8, [query["sql"] for query in asked]


@pytest.mark.parametrize("queue", ["attention", "to_pack", "stuck"])
def test_a_queue_takes_at_most_eight_queries(staff: As, queue: str) -> None:
    product("MUG", 90)
    for _ in range(ROWS):
        order = paid({"MUG": 1})
        Order.objects.filter(pk=order.pk).update(changed_at=timezone.now() - timedelta(days=3))
    client = staff("operator")
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(reverse("admin:orders_order_changelist"), {"queue": queue})
    assert len(answer.context["cl"].result_list) == ROWS
    assert len(asked) <= 8, [query["sql"] for query in asked]


def test_the_models_that_lists_are_made_of_are_all_registered() -> None:
    registered = set(site._registry)
    assert {Order, Payment, Refund, Movement, Reservation, OutboxEvent, StaffAction} <= registered


def test_a_step_that_does_not_exist_has_no_address(staff: As) -> None:
    product("MUG", 9)
    order = place({"MUG": 1})
    with pytest.raises(NoReverseMatch):
        reverse("admin:orders_order_do", args=[order.pk, "a b"])
    assert staff("operator").post(f"/admin/orders/order/{order.pk}/do/burn/").status_code == 404
