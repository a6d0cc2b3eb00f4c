"""bulk.insert writes what Django's own bulk_create writes, on either database."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, connection, models, transaction

from inventory.models import Movement, Reservation
from orders.models import Line, Mail, Order, Payment, Transition
from shopsite import bulk
from shopsite.events.consume import Intake, _keep
from shopsite.events.models import InboxEvent, OutboxEvent
from shopsite.fulfilment import handle_orders
from tests.support.messages import order_message
from tests.support.shop import product
from tests.support.tamper import ledger_unlocked

pytestmark = pytest.mark.django_db
AT = datetime(2024, 6, 18, 12, 35, 56, 123456, tzinfo=UTC)
COLUMNS = (
    "order_id",
    "user_id",
    "status",
    "source",
    "currency",
    "amount",
    "placed_at",
    "changed_at",
    "paid_at",
)


def row(order_id: str) -> tuple[object, ...]:
    return order_id, "ü\t\\N\n'", "paid", "kafka", "EUR", Decimal("0.000001"), AT, AT, None


def test_rows_are_the_same_as_those_of_bulk_create() -> None:
    bulk.insert(Order, COLUMNS, [row("a")])
    Order.objects.bulk_create([Order(**dict(zip(COLUMNS, row("b"), strict=True)))])
    ours, theirs = (Order.objects.filter(pk=pk).values().get() for pk in ("a", "b"))
    assert {**ours, "order_id": ""} == {**theirs, "order_id": ""}


def test_rows_are_numbered_by_the_database_and_nulls_stay_nulls() -> None:
    product("MUG")
    bulk.insert(Order, COLUMNS, [row("a")])
    values = [("a", "MUG", "t", 1, None), ("a", "MUG", "t", 2, Decimal("2.555"))]
    bulk.insert(Line, ("order_id", "product_id", "title", "quantity", "price"), values)
    first, second = Line.objects.order_by("pk")
    assert (first.price, second.price) == (None, Decimal("2.555"))
    assert first.pk < second.pk


def test_a_row_that_exists_is_refused_with_all_of_its_batch() -> None:
    bulk.insert(Order, COLUMNS, [row("a")])
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert(Order, COLUMNS, [row("b"), row("a")])
    assert Order.objects.count() == 1


def test_every_batch_of_the_shop_is_written_as_bulk_create_would(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Batch] = []

    def insert(
        model: type[models.Model], columns: Sequence[str], rows: Iterable[bulk.Row], **how: bool
    ) -> None:
        written.append((model, columns, list(rows)))
        write(model, columns, written[-1][2], **how)

    write = bulk.insert
    monkeypatch.setattr(bulk, "insert", insert)
    product("T\\\t", 10)
    nasty = {"user_id": "ü\t\\N\n'", "session_id": "\\", "country": "\r", "product_ids": ["T\\\t", "\\N"]}
    for number, status in enumerate(("paid", "delivered", "refunded", "placed", "placed")):
        quantities = [20 if number == 4 else 1, 2]  # the last one is rejected
        handle_orders(
            [
                order_message(
                    order_id=f"o{number}", status=status, amount=0.000001, quantities=quantities, **nasty
                )
            ]
        )
    _keep(Intake(rows=[("orders", 0, 1, "k", "e", b"\\x00\x00\xff\t", AT)]))
    assert {model for model, *_ in written} == {
        Order, Line, Transition, Payment, Reservation, Movement, OutboxEvent, InboxEvent, Mail,
    }  # fmt: skip
    by_us = stored(written)
    with ledger_unlocked():
        for model in reversed(list(by_us)):
            every = model._default_manager.all()
            every._raw_delete(every.db)  # past the ledger's guard
    for model, columns, rows in written:
        model._default_manager.bulk_create([model(**dict(zip(columns, row, strict=True))) for row in rows])
    assert stored(written) == by_us


Batch = tuple[type[models.Model], Sequence[str], list[bulk.Row]]


def stored(written: Sequence[Batch]) -> dict[type[models.Model], list[dict[str, object]]]:
    """The rows of the models, but for their numbers and for what says when they were written."""
    found = {}
    for model in dict.fromkeys(model for model, *_ in written):
        names = [
            field.attname
            for field in model._meta.concrete_fields
            if not isinstance(field, models.AutoField) and not getattr(field, "auto_now_add", False)
        ]
        found[model] = list(model._default_manager.order_by("pk").values(*names))
        assert found[model]
    return found


def test_no_rows_are_no_statement() -> None:
    bulk.insert(Order, COLUMNS, [])
    assert not Order.objects.exists()


def test_what_is_known_is_left_out_where_that_is_asked() -> None:
    bulk.insert(Order, COLUMNS, [row("a")])
    mail = ("order_id", "kind", "facts", "subject", "message_id", "state", "next_try_at", "created_at")
    bulk.insert(Mail, mail, [("a", "refund", {"was": 1}, "first", "<1>", "due", AT, AT)])
    again = [
        ("a", kind, {"'": ["ü\t\\N", None]}, "second", "<2>", "sent", None, AT) for kind in ("refund", "x")
    ]
    bulk.insert(Mail, mail, again, skip_known=True)
    Mail.objects.bulk_create(
        [Mail(**dict(zip(mail, ("a", "y", *again[0][2:]), strict=True)))], ignore_conflicts=True
    )
    first, ours, theirs = Mail.objects.order_by("kind").values()
    assert (first["kind"], first["subject"], first["facts"]) == ("refund", "first", {"was": 1})
    assert {**ours, "id": 0, "kind": ""} == {**theirs, "id": 0, "kind": ""}


def test_a_default_that_tells_the_time_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Order._meta.get_field("city")
    monkeypatch.setattr(field, "default", lambda: "Berlin")
    monkeypatch.delitem(field.__dict__, "_get_default", raising=False)
    with pytest.raises(TypeError, match="city"):
        bulk.insert(Order, (*COLUMNS, "email"), [(*row("a"), "")])


def test_rows_are_amended_by_their_key_and_only_as_they_were() -> None:
    bulk.insert(Order, COLUMNS, [row(name) for name in ("a", "b", "c", "d")])
    Order.objects.filter(pk="c").update(status="placed")
    changes = [(name, Decimal(number), None, "it's\t{,}") for number, name in enumerate(("a", "c", "d", "x"))]
    columns = ("amount", "paid_at", "city")
    assert bulk.amend(Order, columns, changes, where={"status": "paid"}) == 2
    assert list(Order.objects.order_by("pk").values_list("pk", *columns)) == [
        ("a", Decimal(0), None, "it's\t{,}"),
        ("b", Decimal("0.000001"), None, ""),
        ("c", Decimal("0.000001"), None, ""),
        ("d", Decimal(2), None, "it's\t{,}"),
    ]
    assert bulk.amend(Order, columns, []) == 0


def test_rows_are_amended_by_a_key_of_several_columns() -> None:
    bulk.insert(Order, COLUMNS, [row("a")])
    mail = ("order_id", "kind", "subject", "message_id", "state", "created_at")
    bulk.insert(Mail, mail, [("a", kind, "s", "<1>", "due", AT) for kind in ("x", "y", "z")])
    changes = [("a", "x", "sent", AT), ("a", "z", "due", AT), ("b", "y", "sent", AT)]
    assert bulk.amend(Mail, ("state", "sent_at"), changes, by=("order_id", "kind")) == 2
    assert list(Mail.objects.order_by("kind").values_list("kind", "state", "sent_at")) == [
        ("x", "sent", AT),
        ("y", "due", None),
        ("z", "due", AT),
    ]


def test_what_is_too_long_is_refused_and_not_cut() -> None:
    bulk.insert(Order, COLUMNS, [row("a")])
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no lengths")
    with pytest.raises(DataError), transaction.atomic():
        bulk.amend(Order, ("postcode",), [("a", "x" * 21)])
    assert Order.objects.get().postcode == ""


def test_any_of_finds_what_in_finds() -> None:
    bulk.insert(Order, COLUMNS, [row(name) for name in ("a", "b", "c", "it's")])
    bulk.insert(
        Line,
        ("order_id", "product_id", "title", "quantity", "price"),
        [(name, "MUG", "Mug", 1, Decimal(1)) for name in ("a", "b", "it's")],
    )
    for wanted in (["a", "it's", "x"], {"a", "b"}, iter(["c"]), []):
        names = list(wanted)
        assert set(Order.objects.filter(pk__any_of=names)) == set(Order.objects.filter(pk__in=names))
        assert set(Line.objects.filter(order_id__any_of=names)) == set(
            Line.objects.filter(order_id__in=names)
        )
    assert Order.objects.exclude(pk__any_of=["a"]).count() == 3
    numbers = [line.pk for line in Line.objects.all()]
    assert Line.objects.filter(pk__any_of=numbers).update(quantity=2) == 3


def test_objects_are_written_with_all_that_they_say() -> None:
    order = Order(order_id="a", user_id="u", status="placed", source="shop", currency="EUR",
                  amount=Decimal("1.50"), placed_at=AT, changed_at=AT, email="ü@example.org")  # fmt: skip
    bulk.insert_objects([order])
    bulk.insert_objects([Line(order=order, product_id="MUG", title="Mug", quantity=2, price=Decimal("0.75"))])
    bulk.insert_objects([])
    kept = Order.objects.get()
    assert {field.attname: getattr(kept, field.attname) for field in Order._meta.concrete_fields} == {
        field.attname: getattr(order, field.attname) for field in Order._meta.concrete_fields
    }
    assert kept.lines.get().price == Decimal("0.75")
    order.city = "Berlin"
    order.save()  # it is known to be there: no second INSERT
    assert Order.objects.get().city == "Berlin"
