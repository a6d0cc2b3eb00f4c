"""The audit log: what staff did stands there with who, when and why, and stays there."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from shopsite.events.models import DeadLetter
from shopsite.staff.models import AppendOnly, StaffAction
from shopsite.staff.services import record
from tests.support.shop import paid, product
from tests.support.staff import As, act
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db


def written() -> list[tuple[str, str, str, str]]:
    """(who, action, of what, which), oldest first, without logins."""
    rows = StaffAction.objects.exclude(action="login").order_by("pk")
    return list(rows.values_list("actor", "action", "kind", "object_id"))


def test_stock_that_was_added_by_hand_is_written_down_with_its_reason(staff: As) -> None:
    product("MUG", 5)
    address = reverse("admin:inventory_add_stock", args=["MUG"])
    staff("stock keeper").post(address, {"change": -2, "reason": "damage"})
    assert written() == [("stock-keeper", "adjust", "product", "MUG")]
    row = StaffAction.objects.get(action="adjust")
    assert (row.what, row.why) == ("-2", "damage")


def test_a_dead_letter_that_was_sent_again_is_written_down_and_one_without_value_is_not(staff: As) -> None:
    good = DeadLetter.objects.create(topic="orders", partition=1, offset=7, reason="x", key="o", value=b"{}")
    DeadLetter.objects.create(topic="orders", partition=1, offset=8, reason="x", key="o", value=None)
    operator = staff("operator")
    chosen = list(DeadLetter.objects.values_list("pk", flat=True))
    operator.post(
        reverse("admin:events_deadletter_changelist"),
        {"action": "resend", "_selected_action": chosen, "confirmed": "yes"},
    )
    assert written() == [("operator", "resend", "dead letter", str(good))]


def test_a_price_that_was_changed_is_told_with_the_old_and_the_new_one(admin_client: Client) -> None:
    product("MUG", 5)
    address = reverse("admin:catalogue_product_change", args=["MUG"])
    form = admin_client.get(address).context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value is not None} | {"price": "13"}
    level = {"level-TOTAL_FORMS": 1, "level-INITIAL_FORMS": 1, "level-0-product": "MUG", "level-0-low_at": 5}
    admin_client.post(address, data | level)
    row = StaffAction.objects.get(action="change")
    assert (row.kind, row.object_id) == ("product", "MUG")
    assert "Price (12.500000 to 13)" in row.what


def test_a_role_that_somebody_got_is_told_by_its_name(staff: As, admin_client: Client) -> None:
    staff("viewer")
    someone = User.objects.get(username="viewer")
    page = admin_client.get(reverse("admin:auth_user_change", args=[someone.pk]))
    data = {name: value for name, value in page.context["adminform"].form.initial.items() if value}
    data |= {"groups": [Group.objects.get(name="operator").pk], "date_joined_0": "2026-01-01"}
    data |= {"date_joined_1": "00:00:00", "user_permissions": [], "last_login_0": "", "last_login_1": ""}
    admin_client.post(reverse("admin:auth_user_change", args=[someone.pk]), data)
    row = StaffAction.objects.get(action="change")
    assert "Roles now: operator." in row.what
    assert "password" not in row.what


def test_logins_of_staff_and_failed_ones_at_the_admins_door_are_written_down(client: Client) -> None:
    User.objects.create_user("ben", password="right", is_staff=True)
    User.objects.create_user("ada@example.org", password="right")
    door = reverse("admin:login")
    client.post(door, {"username": "ben", "password": "wrong"})
    client.post(door, {"username": "ben", "password": "right"})
    client.post(reverse("admin:logout"))
    Client().post(reverse("login"), {"username": "ada@example.org", "password": "wrong"})
    Client().post(reverse("login"), {"username": "ada@example.org", "password": "right"})
    rows = StaffAction.objects.order_by("pk").values_list("actor", "action", "done")
    assert list(rows) == [("ben", "login_failed", False), ("ben", "login", True), ("ben", "logout", True)]


def test_the_log_only_grows_whoever_asks(admin_client: Client) -> None:
    record(actor="ben", action="export", kind="orders", what="12 rows")
    row = StaffAction.objects.get(action="export")
    for page, data in (("change", {"actor": "nobody"}), ("delete", {"post": "yes"})):
        assert (
            admin_client.post(reverse(f"admin:staff_staffaction_{page}", args=[row.pk]), data).status_code
            == 403
        )
    assert admin_client.post(reverse("admin:staff_staffaction_add"), {}).status_code == 403
    row.actor = "nobody"
    for attempt in (row.save, row.delete, StaffAction.objects.all().delete):
        with pytest.raises(AppendOnly):
            attempt()
    with pytest.raises(AppendOnly):
        StaffAction.objects.update(actor="nobody")
    assert StaffAction.objects.get(pk=row.pk).actor == "ben"


def test_an_account_that_is_deleted_leaves_what_it_did(admin_client: Client) -> None:
    someone = User.objects.create_user("ben", password="x", is_staff=True)
    record(actor="ben", action="export", kind="orders")
    admin_client.post(reverse("admin:auth_user_delete", args=[someone.pk]), {"post": "yes"})
    assert ("ben", "export", "orders", "") in written()
    assert ("admin", "delete", "user", str(someone.pk)) in written()


def test_the_list_is_filtered_by_person_and_action_and_found_by_what_was_acted_on(
    admin_client: Client,
) -> None:
    User.objects.create_user("ben", password="x", is_staff=True)
    record(actor="ben", action="pack", kind="order", object_id="o1")
    record(actor="cleo", action="export", kind="orders", what="all of them")
    address = reverse("admin:staff_staffaction_changelist")
    for query, seen, hidden in (
        ({"actor": "ben"}, "o1", "all of them"),
        ({"action": "export"}, "all of them", "o1"),
        ({"q": "o1"}, "o1", "all of them"),
    ):
        rows = admin_client.get(address, query).content.decode().partition("<tbody>")[2]
        assert seen in rows
        assert hidden not in rows.partition("</tbody>")[0]


def test_the_first_page_tells_what_one_did_last_oneself_and_leads_back_to_it(staff: As) -> None:
    product("MUG", 9)
    order = paid({"MUG": 1})
    client = staff("operator")
    index = reverse("admin:index")
    assert "Nothing yet." in client.get(index).content.decode()
    act(client, "pack", order.pk)
    page = client.get(index).content.decode()
    assert "Packed: order" in page
    assert reverse("admin:orders_order_change", args=[order.pk]) in page
    assert "Nothing yet." in staff("support").get(index).content.decode()
