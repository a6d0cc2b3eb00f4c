"""`manage.py deadletters` lists, shows and sends again."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from shopsite.events.models import DeadLetter, OutboxEvent

pytestmark = pytest.mark.django_db


def deadletters(*arguments: str) -> str:
    out = StringIO()
    call_command("deadletters", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def letter() -> DeadLetter:
    return DeadLetter.objects.create(
        topic="orders", partition=1, offset=7, reason="not JSON", key="456", value=b"{oops"
    )


def test_list_shows_what_was_not_sent_again_yet(letter: DeadLetter) -> None:
    assert "orders:1:7" in deadletters("list")
    assert "not JSON" in deadletters("list", "--topic", "orders")
    assert deadletters("list", "--topic", "inventory") == "0 dead letters\n"
    deadletters("resend", "orders:1:7")
    assert deadletters("list") == "0 dead letters\n"
    assert "(sent again)" in deadletters("list", "--all")


def test_show_finds_one_by_number_or_place(letter: DeadLetter) -> None:
    by_place = json.loads(deadletters("show", "orders:1:7", "--json"))
    assert by_place == json.loads(deadletters("show", str(letter.pk), "--json"))
    assert (by_place["reason"], by_place["value"], by_place["resent_at"]) == ("not JSON", "{oops", None)
    assert "reason: not JSON" in deadletters("show", str(letter.pk))


def test_resend_puts_it_into_the_outbox_as_it_was(letter: DeadLetter) -> None:
    assert json.loads(deadletters("resend", "--all", "--json")) == {"sent": ["orders:1:7"], "not_sent": []}
    row = OutboxEvent.objects.get()
    assert (row.topic, row.key, row.event_id, bytes(row.value or b"")) == (
        "orders",
        "456",
        "orders:1:7",
        b"{oops",
    )
    assert not row.own
    letter.refresh_from_db()
    assert letter.resent_at is not None


def test_resend_can_mend_the_message(letter: DeadLetter, tmp_path: Path) -> None:
    mended = tmp_path / "mended.json"
    mended.write_text('{"order_id": "456"}')
    deadletters("resend", str(letter.pk), "--value", str(mended))
    assert bytes(OutboxEvent.objects.get().value or b"") == b'{"order_id": "456"}'


def test_a_message_without_a_value_is_not_sent_as_it_is(letter: DeadLetter) -> None:
    DeadLetter.objects.update(value=None)
    with pytest.raises(CommandError, match="has no value") as failure:
        deadletters("resend", str(letter.pk))
    assert failure.value.returncode == 1
    assert not OutboxEvent.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["show", "99"], 1, "no dead letter 99"),
        (["show", "orders"], 2, "need a number, or topic:partition:offset"),
        (["resend"], 2, "Name the dead letters"),
        (["resend", "1", "--all"], 2, "Name the dead letters"),
        (["resend", "1", "--value", "/nowhere"], 2, "No such file"),
    ],
)
def test_wrong_usage_is_told(letter: DeadLetter, arguments: list[str], code: int, says: str) -> None:
    arguments = [str(letter.pk) if argument == "1" else argument for argument in arguments]
    with pytest.raises(CommandError, match=says) as failure:
        deadletters(*arguments)
    assert failure.value.returncode == code
