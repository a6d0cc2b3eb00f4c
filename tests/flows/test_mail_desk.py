"""The desk of mails: found by order and address, shown to the letter, sent again by those who may."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.timezone import localtime
from pytest_django.fixtures import Settings

from orders import letters, mails, sending
from orders.letters import letter_of
from orders.models import Mail
from shopsite.roles import ROLES
from shopsite.staff.models import StaffAction
from shopsite.way import whole_way
from tests.flows.test_roles import DOES, SEES
from tests.support.shop import paid, product
from tests.support.staff import As
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db
LIST = "admin:orders_mail_changelist"


@pytest.fixture(autouse=True)
def shelf() -> None:
    product("MUG", 50)


@pytest.fixture
def mail() -> Mail:
    """A confirmation that was sent."""
    paid({"MUG": 1})
    sending.send_due()
    return Mail.objects.get()


def resend(client: Client, mail: Mail) -> int:
    """The status with which the button answers, whoever presses it being sure."""
    return client.post(reverse("admin:orders_mail_resend", args=[mail.pk]), {"confirmed": "yes"}).status_code


def listed(client: Client, **query: str) -> set[str]:
    """The kinds that a list shows."""
    return {mail.kind for mail in client.get(reverse(LIST), query).context["cl"].result_list}


@pytest.mark.parametrize("query", [{}, {"kind": "refunded"}, {"state__exact": "sent"}, {"q": "ada@exa"}])
def test_a_list_takes_at_most_eight_queries_and_reads_no_words(staff: As, query: Mapping[str, str]) -> None:
    for number in range(12):
        order = paid({"MUG": 1})
        mails.write(order, letters.REFUNDED, number=number + 1, facts={"amount": "€1"})
    sending.send_due()
    client = staff("operator")
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(reverse(LIST), query)
    assert len(answer.context["cl"].result_list) >= 12
    assert len(asked) <= 8, [query["sql"] for query in asked]
    assert not any('"orders_mail"."html"' in each["sql"] for each in asked)


def test_mails_are_found_by_kind_state_order_and_address(staff: As) -> None:
    first, other = paid({"MUG": 1}), paid({"MUG": 1}, email="Ben@example.org")
    mails.write(first, letters.SHIPPED)
    mails.write(other, letters.REFUNDED, number=2, facts={"amount": "€1"})
    Mail.objects.filter(kind="shipped").update(state="failed")
    client = staff("viewer")
    assert listed(client) == {"confirmation", "shipped", "refunded-2"}
    assert listed(client, kind="refunded") == {"refunded-2"}
    assert listed(client, state__exact="failed") == {"shipped"}
    assert listed(client, q=first.pk.upper()) == {"confirmation", "shipped"}
    assert listed(client, q="ben@") == {"confirmation", "refunded-2"}
    assert listed(client, q="nobody") == set()


@pytest.mark.parametrize("sent", [True, False])
def test_a_mail_is_shown_to_the_letter_in_a_frame_that_may_do_nothing(
    staff: As, settings: Settings, sent: bool
) -> None:
    order = paid({"MUG": 1})
    if sent:
        sending.send_due()
    mail = Mail.objects.get()
    address = reverse("mail_preview", args=[order.pk, "confirmation"])
    client = staff("viewer")
    page = client.get(reverse("admin:orders_mail_change", args=[mail.pk])).content.decode()
    assert f'src="{address}" title="The mail as HTML" sandbox>' in page
    assert "1 x The MUG, €12.50" in page
    answer = client.get(address)
    assert answer.content.decode() == letter_of(mail).html
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy and "script-src" not in policy
    assert Client().get(address).status_code == 404
    settings.DEMO = True
    assert Client().get(address).status_code == 200


def test_each_kind_can_be_read_about_an_order_that_is_made_up(staff: As) -> None:
    client = staff("viewer")
    page = client.get(reverse("admin:orders_mail_kinds")).content.decode()
    for kind in letters.SUBJECTS:
        address = reverse("admin:orders_mail_sample", args=[kind])
        assert f'src="{address}"' in page
        answer = client.get(address)
        assert "example12345" in answer.content.decode()
        assert "sandbox" in answer["Content-Security-Policy"]
    assert client.get(reverse("admin:orders_mail_sample", args=["nonsense"])).status_code == 404
    assert staff("stock keeper").get(reverse("admin:orders_mail_kinds")).status_code == 403
    assert not Mail.objects.exists()


@pytest.mark.parametrize("role", ROLES)
def test_only_who_may_sends_a_mail_again_by_its_button_or_the_list(staff: As, role: str, mail: Mail) -> None:
    client, may = staff(role), "resend_mail" in DOES[role]
    assert resend(client, mail) == (302 if may else 403)
    assert Mail.objects.get().state == ("due" if may else "sent")
    Mail.objects.update(state="sent", next_try_at=None)
    client.post(reverse(LIST), {"action": "resend", "_selected_action": [mail.pk], "confirmed": "yes"})
    assert Mail.objects.get().state == ("due" if may else "sent")
    assert StaffAction.objects.filter(action="resend", done=True).count() == (2 if may else 0)
    if "orders" in SEES[role]:
        page = client.get(reverse("admin:orders_mail_change", args=[mail.pk])).content.decode()
        assert ("/resend/" in page) is may


def test_a_mail_sent_again_says_the_same_under_another_message_id_and_its_way_tells_who(
    staff: As, mail: Mail, mailoutbox: list[Any]
) -> None:
    before = letter_of(mail)
    resend(staff("support"), mail)
    assert sending.send_due() == 1
    first, again = mailoutbox
    assert first.body == again.body
    assert first.extra_headers["Message-ID"] != again.extra_headers["Message-ID"]
    assert letter_of(Mail.objects.get()) == before
    action = StaffAction.objects.get(action="resend")
    assert (action.actor, action.kind, action.object_id) == ("support", "order", mail.order_id)
    told = [each.what + each.detail for each in whole_way(mail.order_id).entries]
    assert any("mail confirmation to ada@example.org" in what for what in told)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"state": "not_sent", "to": ""}, "no e-mail address is known"),
        ({"state": "due", "next_try_at": timezone.now()}, "it is on its way"),
    ],
)
def test_what_cannot_be_sent_again_is_refused_with_the_reason_and_that_is_written_down(
    staff: As, mail: Mail, state: dict[str, Any], why: str
) -> None:
    Mail.objects.update(**state)
    client = staff("support")
    address = reverse("admin:orders_mail_resend", args=[mail.pk])
    assert f"Nothing, it will be refused: {why}." in client.get(address).content.decode()
    page = client.post(address, {"confirmed": "yes"}, follow=True).content.decode()
    assert f"was not sent again: {why}." in page
    action = StaffAction.objects.get(action="resend")
    assert (action.done, why in action.what) == (False, True)


def test_before_a_mail_goes_out_again_it_is_said_who_gets_it_and_when_it_was_sent(
    staff: As, mail: Mail
) -> None:
    client, address = staff("support"), reverse("admin:orders_mail_resend", args=[mail.pk])
    chosen = {"action": "resend", "_selected_action": [mail.pk]}
    pages = [client.get(address), client.post(address), client.post(reverse(LIST), chosen)]
    words = f"ada@example.org is written to, who was sent it on {localtime():%-d %b %Y}, "
    assert [words in each.content.decode()
            for each in pages] == [True, True, True]  # fmt: skip
    assert Mail.objects.get().state == "sent"


@pytest.mark.parametrize(
    ("why", "words", "answer"),
    [
        ("refused: 550 No: such user", "The mail server of this address refused it.", "550 No: such user"),
        ("not yet: 451 busy", "It was not taken yet, and is tried again.", "451 busy"),
        ("given up after 30 tries: gone", "Given up after 30 tries.", "gone"),
        ("no e-mail address is known", "No e-mail address is known.", ""),
        ("", "", ""),
    ],
)
def test_why_a_mail_did_not_go_out_is_told_in_words_and_the_servers_answer_in_small(
    staff: As, mail: Mail, why: str, words: str, answer: str
) -> None:
    Mail.objects.update(state="failed", why=why)
    mail.refresh_from_db()
    assert (mail.trouble, mail.answer) == (words, answer)
    pages = [reverse(LIST), reverse("admin:orders_mail_change", args=[mail.pk]),
             reverse("admin:orders_order_change", args=[mail.order_id])]  # fmt: skip
    client = staff("support")
    for page in pages:
        shown = client.get(page).content.decode()
        assert words in shown
        assert (f"<small>{answer}</small>" in shown) is bool(answer)


def test_a_mail_that_waits_for_its_next_try_is_hurried_at_one_press(staff: As, mail: Mail) -> None:
    Mail.objects.update(state="due", next_try_at=timezone.now() + timedelta(minutes=30))
    client, address = staff("support"), reverse("admin:orders_mail_resend", args=[mail.pk])
    assert "is written to" in client.get(address).content.decode()
    assert not Mail.objects.filter(next_try_at__lte=timezone.now()).exists()
    client.post(address)
    assert Mail.objects.filter(next_try_at__lte=timezone.now()).exists()


def test_a_failed_mail_and_one_whose_next_try_is_far_go_out_at_once(staff: As, mail: Mail) -> None:
    client, later = staff("support"), timezone.now() + timedelta(minutes=30)
    for state in ({"state": "failed", "next_try_at": None}, {"state": "due", "next_try_at": later}):
        Mail.objects.update(tries=9, why="not yet: 451 busy", **state)
        message_id = Mail.objects.get().message_id
        assert resend(client, mail) == 302
        row = Mail.objects.get()
        assert (row.state, row.tries, row.why, row.message_id) == ("due", 0, "", message_id)
        assert sending.send_due() == 1
