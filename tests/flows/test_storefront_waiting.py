"""Who waits for a product gets one mail when it is back; carts of long ago are forgotten."""

from datetime import timedelta
from smtplib import SMTPException

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import timezone

from inventory.services import adjust
from shopsite import tasks
from shopsite.storefront import carts
from shopsite.storefront.models import CartLine, Waiting
from tests.support.shop import product
from tests.support.storefront import Shopper

pytestmark = pytest.mark.django_db


def ask(shopper: Shopper, email: str = "ada@example.org") -> str:
    """What the page says to somebody who wants to be told."""
    answer = shopper.post("/tell-me/MUG", {"email": email})
    return answer.content.decode() if answer.status_code == 200 else shopper.read("/p/MUG/")


def test_one_mail_goes_to_each_address_when_it_is_back(shopper: Shopper) -> None:
    product("MUG", stock=0)
    assert "We will write once to ada@example.org when it is back." in ask(shopper)
    ask(shopper, "ADA@example.org")
    assert tasks.tell_waiting() == 0
    adjust(product_id="MUG", change=3, reason="delivery", actor="test")
    assert (tasks.tell_waiting(), tasks.tell_waiting()) == (1, 0)
    assert [(one.to, one.subject) for one in mail.outbox] == [(["ada@example.org"], "The MUG is back")]
    assert "/p/MUG/" in str(mail.outbox[0].body)


def test_asking_again_later_is_another_wish(shopper: Shopper) -> None:
    product("MUG", stock=0)
    ask(shopper)
    adjust(product_id="MUG", change=1, reason="delivery", actor="test")
    tasks.tell_waiting()
    adjust(product_id="MUG", change=-1, reason="broken", actor="test")
    ask(shopper)
    assert Waiting.objects.filter(told_at=None).count() == 1


def test_a_wrong_address_is_said_at_the_field(shopper: Shopper) -> None:
    product("MUG", stock=0)
    assert "The part after @ is missing" in ask(shopper, "ada@")
    assert Waiting.objects.count() == 0


def test_a_mail_that_does_not_go_out_is_tried_again(shopper: Shopper) -> None:
    def send(_mail: EmailMessage) -> int:
        raise SMTPException("full")

    product("MUG", stock=0)
    ask(shopper)
    adjust(product_id="MUG", change=1, reason="delivery", actor="test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmailMessage, "send", send)
        assert tasks.tell_waiting() == 0
    assert tasks.tell_waiting() == 1


def test_carts_are_forgotten_when_their_browser_is(shopper: Shopper) -> None:
    product("MUG", stock=5)
    shopper.add("MUG")
    assert tasks.forget_carts() == 0
    CartLine.objects.update(changed_at=timezone.now() - timedelta(days=731))
    assert tasks.forget_carts() == 1
    assert carts.cart_of(shopper.visitor).count == 0
