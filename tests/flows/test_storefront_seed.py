"""`seed` fills an empty shop, and changes nothing where it was before."""

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.staticfiles import finders
from django.core.management import call_command
from pytest_django.fixtures import Settings

from inventory.models import Level, Movement
from shopsite.catalogue.models import Category, Product
from shopsite.catalogue.services import ensure_products
from shopsite.events.models import OutboxEvent
from shopsite.roles import ROLES
from tests.support.shop import stock_is_sound

pytestmark = pytest.mark.django_db


def seed(capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says."""
    call_command("seed")
    return capsys.readouterr().out


def test_a_second_seed_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    said = seed(capsys)
    assert "Categories: 8 new. Products: 78 new." in said
    assert "Opening stock: 78 products." in said
    assert (Category.objects.count(), Product.objects.filter(listed=True).count()) == (8, 78)
    assert set(Movement.objects.values_list("reason", flat=True)) == {"opening"}
    assert stock_is_sound()
    before = (list(Level.objects.order_by("pk").values()), OutboxEvent.objects.count())
    Product.objects.filter(sku="SF-0011").update(title="Road Runner")
    again = seed(capsys)
    assert "Categories: 0 new. Products: 0 new." in again
    assert "Opening stock: 0 products." in again
    assert (list(Level.objects.order_by("pk").values()), OutboxEvent.objects.count()) == before
    assert Product.objects.get(pk="SF-0011").title == "Road Runner"


def test_a_product_that_an_event_named_first_is_completed(capsys: pytest.CaptureFixture[str]) -> None:
    ensure_products(["SF-0011", "abc"])
    seed(capsys)
    runner = Product.objects.get(pk="SF-0011")
    assert (runner.title, runner.listed, str(runner.price)) == ("Trail Runner", True, "94.900000")
    assert Product.objects.get(pk="abc").listed is False


def test_every_picture_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    seed(capsys)
    pictures = {*Product.objects.values_list("picture", flat=True)}
    pictures |= {*Category.objects.values_list("picture", flat=True)}
    assert len(pictures) == 78
    assert all(finders.find(picture) for picture in pictures)


def test_roles_and_the_staff_login_are_made(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    settings.STAFF_USERNAME, settings.STAFF_PASSWORD = "boss", "first one"
    assert "Staff login: boss, new." in seed(capsys)
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)
    assert "Staff login: boss, as before." in seed(capsys)
    settings.STAFF_PASSWORD = "second one"
    assert "Staff login: boss, with a new password." in seed(capsys)
    boss = User.objects.get()
    assert boss.is_staff
    assert boss.is_superuser
    assert boss.check_password("second one")
