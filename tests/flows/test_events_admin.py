"""Staff see what went through Kafka, and mend what could not."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from shopsite.events.models import DeadLetter, InboxEvent, OutboxEvent, StoredOffset
from shopsite.roles import make_roles

pytestmark = pytest.mark.django_db
CHANGE = "admin:events_deadletter_change"


def client_of(role: str) -> Client:
    make_roles()
    user = User.objects.create_user(role, password="x", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator() -> Client:
    return client_of("operator")


@pytest.fixture
def letter() -> DeadLetter:
    return DeadLetter.objects.create(
        topic="orders", partition=1, offset=7, reason="amount is -1", key="456", value=b'{"amount": -1}'
    )


def test_a_dead_letter_is_mended_and_sent_again(operator: Client, letter: DeadLetter) -> None:
    address = reverse(CHANGE, args=[letter.pk])
    page = operator.get(address).content.decode()
    assert "amount is -1" in page
    assert "Send again" in page
    answer = operator.post(address, {"message": '{"amount":\r\n 1}'}, follow=True).content.decode()
    assert "On the way again: orders:1:7." in answer
    row = OutboxEvent.objects.get()
    assert (bytes(row.value or b""), row.event_id, row.own) == (b'{"amount":\n 1}', "orders:1:7", False)


def test_a_message_that_is_no_text_is_sent_as_it_was(operator: Client, letter: DeadLetter) -> None:
    DeadLetter.objects.update(value=b"\xff\x00{")
    operator.post(reverse(CHANGE, args=[letter.pk]), {"message": "\ufffd\0{"}, follow=True)
    assert not OutboxEvent.objects.exists()  # a NUL is no text that a form takes
    operator.post(
        reverse("admin:events_deadletter_changelist"),
        {"action": "resend", "_selected_action": [letter.pk], "confirmed": "yes"},
    )
    assert bytes(OutboxEvent.objects.get().value or b"") == b"\xff\x00{"


def test_the_action_tells_what_could_not_be_sent(operator: Client, letter: DeadLetter) -> None:
    empty = DeadLetter.objects.create(topic="orders", partition=1, offset=8, reason="null", value=None)
    page = operator.post(
        reverse("admin:events_deadletter_changelist"),
        {"action": "resend", "_selected_action": [letter.pk, empty.pk], "confirmed": "yes"},
        follow=True,
    ).content.decode()
    assert "1 on the way again: orders:1:7." in page
    assert "Dead letter orders:1:8 has no value" in page


def test_before_dead_letters_are_sent_again_it_is_said_what_that_does(
    operator: Client, letter: DeadLetter
) -> None:
    empty = DeadLetter.objects.create(topic="orders", partition=1, offset=8, reason="null", value=None)
    DeadLetter.objects.filter(pk=letter.pk).update(resent_at=timezone.now())
    page = operator.post(
        reverse("admin:events_deadletter_changelist"),
        {"action": "resend", "_selected_action": [letter.pk, empty.pk]},
    ).content.decode()
    for words in (
        "Send 2 dead letters again",
        "It goes to the topic orders again. It failed with: amount is -1",
        "however often, its effect comes once",
        "Nothing, it will be refused: it has no value.",
    ):
        assert words in page
    assert not OutboxEvent.objects.exists()


def test_a_viewer_only_looks(letter: DeadLetter) -> None:
    viewer = client_of("viewer")
    address = reverse(CHANGE, args=[letter.pk])
    page = viewer.get(address).content.decode()
    assert "amount is -1" in page
    assert "Send again" not in page
    assert viewer.post(address, {"message": "x"}).status_code == 403
    assert not OutboxEvent.objects.exists()


def test_outbox_and_inbox_are_shown_and_never_changed(operator: Client) -> None:
    outbox = OutboxEvent.objects.create(topic="orders", key="k", event_id="e", value=b'{"a": 1}')
    inbox = InboxEvent.objects.create(
        topic="orders", partition=0, offset=1, key="k", event_id="e", value=b"<script>"
    )
    for row in (outbox, inbox):
        address = reverse(f"admin:events_{row._meta.model_name}_change", args=[row.pk])
        page = operator.get(address).content.decode()
        assert "&quot;a&quot;: 1" in page or "&lt;script&gt;" in page
        assert operator.post(address, {"key": "x"}).status_code == 403
        assert operator.post(address.replace("change", "delete"), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("state", ["waiting", "published", "refused"])
def test_the_outbox_can_be_filtered_by_state(operator: Client, state: str) -> None:
    for name in ("waiting", "published", "refused"):
        OutboxEvent.objects.create(
            topic="orders",
            key=f"key-{name}",
            event_id=name,
            published_at=timezone.now() if name == "published" else None,
            refused_at=timezone.now() if name == "refused" else None,
        )
    page = operator.get(reverse("admin:events_outboxevent_changelist"), {"state": state}).content.decode()
    assert [name for name in ("waiting", "published", "refused") if f"key-{name}" in page] == [state]


def test_only_a_superuser_has_a_partition_read_again(operator: Client) -> None:
    row = StoredOffset.objects.create(group="consume", topic="orders", partition=0, next_offset=5)
    address = reverse("admin:events_storedoffset_delete", args=[row.pk])
    assert operator.post(address, {"post": "yes"}).status_code == 403
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    assert root.post(address, {"post": "yes"}).status_code == 302
    assert not StoredOffset.objects.exists()


@pytest.mark.parametrize("name", ["outboxevent", "inboxevent", "deadletter"])
def test_a_list_of_many_rows_takes_few_queries(operator: Client, name: str) -> None:
    for n in range(60):
        OutboxEvent.objects.create(topic="orders", key="k", event_id=f"e{n}", value=b"{}")
        InboxEvent.objects.create(topic="orders", partition=0, offset=n, key="k", event_id="e", value=b"{}")
        DeadLetter.objects.create(topic="orders", partition=0, offset=n, reason="r", value=b"{}")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert operator.get(reverse(f"admin:events_{name}_changelist")).status_code == 200
    assert len(queries) <= 10
