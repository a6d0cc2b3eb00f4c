"""Accounts: made, entered, left; passwords changed and forgotten; cart and orders stay."""

import re

import pytest
from django.contrib.auth.models import User
from django.core import mail
from pytest_django.fixtures import Settings

from tests.support.shop import product
from tests.support.storefront import Shopper, order_id

pytestmark = pytest.mark.django_db
PASSWORD = "good enough 1"
CARD = {"card_number": "4242 4242 4242 4242", "card_until": "1/40", "card_code": "123"}


@pytest.fixture
def ada() -> User:
    """An account."""
    return User.objects.create_user("ada@example.org", "ada@example.org", PASSWORD)


def log_in(shopper: Shopper, **typed: str) -> str:
    """What the log-in form answers: an address to go on to, or a page."""
    form = {"username": "ada@example.org", "password": PASSWORD, **typed}
    answer = shopper.post("/account/log-in/", form)
    return answer.headers.get("Location", answer.content.decode())


def test_an_account_is_made_and_entered_and_keeps_the_cart(shopper: Shopper) -> None:
    product("MUG", stock=5)
    shopper.add("MUG")
    form = {"email": "Ada@Example.org", "name": "Ada", "password": PASSWORD, "next": "/cart/"}
    assert shopper.post("/account/sign-up/", form).headers["Location"] == "/cart/"
    user = User.objects.get()
    assert (user.username, user.email, user.first_name) == ("ada@example.org", "ada@example.org", "Ada")
    page = shopper.read("/cart/")
    assert "1 item<" in page
    assert "you are logged in" in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"email": "ada@example.org"}, "This address has an account already"),
        ({"email": "@example.org"}, "The part before @ is missing"),
        ({"email": "a b@c"}, "This is not an address"),
        ({"password": "7391846205718"}, "entirely numeric"),
        ({"password": "short"}, "too short"),
        ({"name": ""}, "Name is missing."),
    ],
)
def test_what_is_wrong_with_a_new_account_is_said(
    shopper: Shopper, ada: User, typed: dict[str, str], said: str
) -> None:
    form = {"email": "bo@example.org", "name": "Bo", "password": PASSWORD, **typed}
    page = shopper.post("/account/sign-up/", form).content.decode()
    assert said in page
    assert "No account was made." in page
    assert PASSWORD not in page
    assert User.objects.count() == 1


def test_a_guests_orders_are_still_there_after_log_in(shopper: Shopper, ada: User) -> None:
    product("MUG", stock=5)
    shopper.add("MUG")
    number = order_id(shopper.buy("typed", **CARD))
    assert log_in(shopper, next="/orders/") == "/orders/"
    assert number in shopper.read("/orders/")
    assert shopper.get(f"/orders/{number}/").status_code == 200


def test_a_wrong_password_says_nothing_about_who_has_an_account(shopper: Shopper, ada: User) -> None:
    known = log_in(shopper, password="wrong")
    unknown = log_in(shopper, username="bo@example.org", password="wrong")
    assert "E-mail and password do not fit together." in known
    assert "E-mail and password do not fit together." in unknown


def test_log_in_goes_on_within_the_site_only(shopper: Shopper, ada: User) -> None:
    assert log_in(shopper, next="https://evil.example/") == "/"


def test_log_out_needs_a_form(shopper: Shopper, ada: User) -> None:
    log_in(shopper)
    assert shopper.get("/account/log-out/").status_code == 405
    assert shopper.post("/account/log-out/").status_code == 302
    assert "Have an account?" in shopper.read("/orders/")


def test_a_password_is_changed(shopper: Shopper, ada: User) -> None:
    log_in(shopper)
    form = {"old_password": PASSWORD, "new_password1": "still better 2", "new_password2": "still better 2"}
    assert shopper.post("/account/password/", form).status_code == 302
    assert "Your password is changed." in shopper.read("/orders/")
    ada.refresh_from_db()
    assert ada.check_password("still better 2")


def test_a_forgotten_password_is_set_by_the_link_of_a_mail(
    shopper: Shopper, ada: User, settings: Settings
) -> None:
    settings.SHOP_ORIGIN = "https://shop.example"
    shopper.post("/account/password/reset/", {"email": "ada@example.org"})
    link = re.search(r"https://shop\.example(/\S+)", str(mail.outbox[0].body))
    assert link
    form_at = shopper.get(link[1]).headers["Location"]
    new = {"new_password1": "still better 2", "new_password2": "still better 2"}
    assert shopper.post(form_at, new).headers["Location"] == "/account/log-in/"
    assert log_in(shopper, password="still better 2") == "/"
    assert "This link has been used" in Shopper().read(link[1])


def test_a_mail_goes_to_nobody_for_an_unknown_address_and_the_page_says_the_same(shopper: Shopper) -> None:
    assert shopper.post("/account/password/reset/", {"email": "bo@example.org"}).status_code == 302
    assert "If there is an account with this address" in shopper.read("/account/log-in/")
    assert mail.outbox == []
