"""Mails: once for each order and kind, tried again when the server is away, never to nobody."""

import smtplib
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from orders import mails
from orders.models import Mail
from shopsite.fulfilment import ship_order
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


def test_a_mail_goes_out_once_as_text_and_html_under_a_name_of_its_own(folder: Path) -> None:
    product("MUG", 5)
    order = paid({"MUG": 2})
    (mail,) = mails.due_mails(10)
    assert mails.send(mail)
    assert not mails.send(mail)
    (sent,) = in_folder(folder)
    assert sent["Subject"] == f"Your order {order.pk} is confirmed"
    assert sent["To"] == "ada@example.org"
    assert sent["Message-ID"] == Mail.objects.get().message_id
    text, html = sent.iter_parts()
    assert "2 x The MUG, €25.00" in text.get_content()
    assert "<td>The MUG</td>" in html.get_content()
    assert Mail.objects.get().state == "sent"


def test_what_a_customer_is_called_cannot_change_the_page_or_the_headers(folder: Path) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    order.name = "<script>alert(1)</script>"
    mail = mails.write(order, mails.SHIPPED)
    assert mail is not None
    assert "<script>" in mail.text
    assert "<script>" not in mail.html


def test_a_kind_is_written_once_for_an_order() -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    assert mails.write(order, mails.CONFIRMATION) is None
    assert Mail.objects.count() == 1


def test_a_server_that_is_away_is_tried_again_later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    product("MUG", 5)
    paid({"MUG": 1})
    (mail,) = mails.due_mails(10)
    with monkeypatch.context() as broken:
        broken.setattr(
            "django.core.mail.EmailMultiAlternatives.send",
            lambda self: (_ for _ in ()).throw(smtplib.SMTPServerDisconnected("gone")),
        )
        assert not mails.send(mail)
    assert mails.due_mails(10) == []
    row = Mail.objects.get()
    assert (row.state, row.why) == ("due", "not yet: gone")
    Mail.objects.update(next_try_at=timezone.now())
    assert mails.send(mail)
    assert len(in_folder(folder)) == 1


def test_a_server_that_stays_away_is_given_up_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    product("MUG", 5)
    paid({"MUG": 1})
    (mail,) = mails.due_mails(10)
    monkeypatch.setattr(
        "django.core.mail.EmailMultiAlternatives.send", lambda self: (_ for _ in ()).throw(OSError("refused"))
    )
    for _ in range(mails.MAX_TRIES):
        Mail.objects.filter(state="due").update(next_try_at=timezone.now())
        mails.send(mail)
    row = Mail.objects.get()
    assert (row.state, row.why) == ("not_sent", "given up after 10 tries: refused")


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
    assert mails.due_mails(10) == []


def test_each_step_that_a_customer_waits_for_has_its_mail() -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    order.status = "packed"
    order.save()
    ship_order(order_id=order.pk, actor="eve")
    assert order.mails.get(kind="shipped").subject == f"Your order {order.pk} is on its way"
