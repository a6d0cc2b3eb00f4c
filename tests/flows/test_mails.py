"""Mails: once for each order and kind, tried again when the server is away, never to nobody."""

import smtplib
from contextlib import nullcontext
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from unittest.mock import patch

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from orders import letters, mails, sending
from orders.letters import Letter, letter_of
from orders.models import Mail, Order
from shopsite.fulfilment import ship_order
from tests.support.mails import mails_fail
from tests.support.shop import paid, product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)
    return tmp_path


def in_folder(folder: Path) -> list[EmailMessage]:
    """The mails that went out."""
    texts = [part for file in sorted(folder.iterdir()) for part in file.read_bytes().split(b"-" * 79 + b"\n")]
    return [message_from_bytes(text, policy=policy.default) for text in texts if text.strip()]


def tried(*, broken: Exception | None = None) -> Mail:
    """The only mail after a worker tried what is due, with a server that is well, or answers so."""
    with mails_fail(broken) if broken else nullcontext():
        sending.send_due()
    return Mail.objects.get()


def pause_is_over() -> None:
    Mail.objects.filter(state="due").update(next_try_at=timezone.now())


def test_a_mail_goes_out_once_as_text_and_html_under_a_name_of_its_own(folder: Path) -> None:
    product("MUG", 5)
    order = paid({"MUG": 2})
    mail = tried()
    assert sending.send_due() == 0
    (sent,) = in_folder(folder)
    assert sent["Subject"] == f"Your order {order.pk} is confirmed"
    assert sent["To"] == "ada@example.org"
    assert sent["Message-ID"] == mail.message_id
    text, html = sent.iter_parts()
    assert "2 x The MUG, €25.00" in text.get_content()
    assert "<td>The MUG</td>" in html.get_content()
    assert mail.state == "sent"


def test_nothing_is_put_in_words_before_it_goes_out_and_then_it_is_kept_to_the_letter(folder: Path) -> None:
    product("MUG", 5)
    with patch("orders.letters.render_to_string", side_effect=AssertionError("too early")):
        order = paid({"MUG": 2})
    assert (Mail.objects.get().text, Mail.objects.get().html) == ("", "")
    mail = tried()
    text, html = next(iter(in_folder(folder))).iter_parts()
    assert (text.get_content().strip(), html.get_content().strip()) == (mail.text.strip(), mail.html.strip())
    Order.objects.filter(pk=order.pk).update(name="Somebody Else")
    assert letter_of(Mail.objects.get()) == Letter(mail.subject, mail.text, mail.html)


def test_every_try_says_the_same_whatever_changed_in_between(folder: Path) -> None:
    product("MUG", 5)
    order = paid({"MUG": 2})
    text = tried(broken=OSError("cut off after the last byte")).text
    Order.objects.filter(pk=order.pk).update(name="Somebody Else")
    pause_is_over()
    assert tried().text == text
    (sent,) = in_folder(folder)
    assert "Dear Ada Morgenstern" in next(iter(sent.iter_parts())).get_content()


def test_a_mail_tells_what_was_true_when_it_was_noted(folder: Path) -> None:
    product("MUG", 5)
    order = paid({"MUG": 2})
    mails.write(order, letters.REFUNDED, number=2, facts={"amount": "€3.00", "what": "1 × The MUG"})
    mail = Mail.objects.get(kind="refunded-2")
    assert "given €3.00 back" in letter_of(mail).text
    assert "1 × The MUG" in letter_of(mail).html


@pytest.mark.parametrize("kind", letters.SUBJECTS)
def test_every_kind_has_its_words_and_what_a_customer_is_called_cannot_change_the_page(kind: str) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    order.name = "<script>alert(1)</script>"
    letter = letters.compose(order, kind, order.lines.all(), {})
    assert order.pk in letter.subject and order.pk in letter.text and order.pk in letter.html
    assert "<script>" in letter.text
    assert "<script>" not in letter.html


@pytest.mark.parametrize("kind", letters.SUBJECTS)
def test_every_kind_leads_to_the_order(kind: str, settings: Settings) -> None:
    settings.SHOP_ORIGIN = "https://shop.example"
    product("MUG", 5)
    order = paid({"MUG": 1})
    letter = letters.compose(order, kind, order.lines.all(), {})
    link = f"https://shop.example/orders/{order.pk}/"
    assert link in letter.text
    assert f'href="{link}"' in letter.html


@pytest.mark.parametrize("kind", [letters.CONFIRMATION, letters.SHIPPED])
def test_where_it_goes_is_told_with_the_country(kind: str) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    letter = letters.compose(order, kind, order.lines.all(), {})
    to = "It goes to Ada Morgenstern, Lindenweg 12, 10999 Berlin, Germany."
    assert f"\n\n{to}\n\nHow" in letter.text
    assert to in letter.html
    order.street = order.city = ""
    text = letters.compose(order, kind, order.lines.all(), {}).text
    assert "It goes to" not in text
    assert "\n\n\n" not in text.strip()


def test_words_that_break_hold_up_no_other_mail(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    product("MUG", 5)
    first, second = paid({"MUG": 1}), paid({"MUG": 1})
    Mail.objects.filter(order=first).update(kind="unheard-of")
    assert sending.send_due() == 2
    (sent,) = in_folder(folder)
    assert second.pk in sent["Subject"]
    broken = Mail.objects.get(order=first)
    assert (broken.state, broken.tries) == ("due", 1)
    assert broken.why.startswith("not yet:")
    assert "can't be put in words" in caplog.text


def test_a_kind_is_noted_once_for_an_order() -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    assert mails.write(order, letters.CONFIRMATION) is None
    assert Mail.objects.count() == 1


def test_a_server_that_is_away_is_tried_again_later(folder: Path) -> None:
    product("MUG", 5)
    paid({"MUG": 1})
    mail = tried(broken=smtplib.SMTPServerDisconnected("gone"))
    assert (mail.state, mail.why) == ("due", "not yet: gone")
    assert sending.send_due() == 0
    pause_is_over()
    assert tried().state == "sent"
    assert len(in_folder(folder)) == 1


def test_a_server_that_stays_away_is_given_up_and_said(caplog: pytest.LogCaptureFixture) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    for _ in range(sending.MAX_TRIES):
        pause_is_over()
        mail = tried(broken=OSError("refused"))
    assert (mail.state, mail.why) == ("failed", "given up after 30 tries: refused")
    assert f"mail confirmation of order {order.pk} failed: given up after 30 tries: refused" in caplog.text


@pytest.mark.parametrize(
    ("email", "why"),
    [
        ("", "no e-mail address is known"),
        ("nobody", "the e-mail address is not valid"),
        ("a@b.de\nBcc: x@y.z", "the e-mail address is not valid"),
    ],
)
def test_a_mail_without_an_address_is_kept_as_not_sent_with_the_reason(email: str, why: str) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1}, email=email)
    assert [(mail.state, mail.why) for mail in order.mails.all()] == [("not_sent", why)]
    assert sending.due_mails() == []


def test_each_step_that_a_customer_waits_for_has_its_mail() -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    order.status = "packed"
    order.save()
    ship_order(order_id=order.pk, actor="eve")
    assert order.mails.get(kind="shipped").subject == f"Your order {order.pk} is on its way"
