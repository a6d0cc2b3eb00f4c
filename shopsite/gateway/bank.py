"""What the bank does to a payment. app.py -> here -> rows of store.py.

    authorise -> authorised -> capture -> captured -> refund, in parts
              -> requires_action -> confirmed by the shopper -> authorised, or declined
              -> pending -> authorised, told by a webhook
              -> declined            void: whatever is not captured yet

An authorisation and a refund are done once a key, a capture and a void once a payment; whoever asks again
is told how things stand.
"""

import secrets
import sqlite3
import time
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from shopsite.gateway.scripts import (
    ACTION,
    AUTHORISED,
    CAPTURED,
    DECLINED,
    PENDING,
    VOIDED,
    Script,
    script_of,
)

PAGE = 500
NOT_CONFIRMED = "The payment was not confirmed."


class Refused(Exception):
    """The call itself is wrong: `status` is the HTTP status, the message says what to mend."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Timing:
    """Seconds, so that tests need not wait for a bank."""

    late: float = 10.0  # until a late webhook
    soon: float = 0.3  # until one that is in time
    hold: float = 8.0  # before a lost answer's connection is closed


@dataclass(frozen=True)
class Ask:
    """A request to authorise an amount."""

    account: str
    key: str
    token: str
    amount: str
    currency: str
    return_url: str = ""
    webhook_url: str = ""


def authorise(db: sqlite3.Connection, ask: Ask, timing: Timing) -> tuple[dict[str, Any], bool]:
    """How the payment stands, and whether its answer is to be lost. Raises Refused."""
    count(db, ask.account, ask.key, "authorise")
    known = find(db, ask.account, ask.key)
    if known is not None:
        if (known["token"], Decimal(known["amount"])) != (ask.token, money(ask.amount)):
            raise Refused(409, "This key was used for another payment: give each its own.")
        return standing(db, known), False
    script, identity, now = script_of(ask.token), f"pay_{secrets.token_hex(10)}", time.time()
    db.execute(
        "INSERT INTO payment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            ask.account, ask.key, identity, ask.token, str(money(ask.amount)), ask.currency, script.state,
            script.reason, ask.return_url, ask.webhook_url, now,
        ),
    )  # fmt: skip
    plan(db, identity, script, timing, now)
    return standing(db, by_id(db, identity)), script.loses_answer


def plan(db: sqlite3.Connection, identity: str, script: Script, timing: Timing, now: float) -> None:
    """Write down the webhooks that a script sends, and when."""
    due = now + (timing.late if script.is_late else timing.soon)
    if script.tells:
        announce(db, identity, script.state, due, copies=script.copies)
    elif script.later:
        announce(
            db,
            identity,
            script.later,
            due,
            then=script.later,
            copies=script.copies,
            forge=script.forged_first,
        )
    if script.reversed:  # happened before, arrives after
        announce(db, identity, PENDING, due + timing.soon, created=now)


def announce(
    db: sqlite3.Connection,
    identity: str,
    state: str,
    due: float,
    *,
    then: str = "",
    copies: int = 1,
    forge: bool = False,
    created: float | None = None,
) -> None:
    """Have a webhook sent. then: the state that the payment comes to at that moment."""
    event = f"evt_{secrets.token_hex(10)}"
    db.executemany(
        "INSERT INTO event (id, payment, kind, then_state, created, due, tries, forge)"
        " VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
        [
            (event, identity, f"payment.{state}", then, created or due, due + 0.05 * copy, int(forge))
            for copy in range(copies)
        ],
    )


def capture(db: sqlite3.Connection, account: str, payment: str) -> dict[str, Any]:
    """Take the money of an authorised payment; any other stays as it is. Raises Refused."""
    row = _asked(db, account, payment, "capture")
    return _become(db, row, CAPTURED) if row["state"] == AUTHORISED else standing(db, row)


def void(db: sqlite3.Connection, account: str, payment: str) -> dict[str, Any]:
    """Never charge a payment; one that was captured or declined stays as it is. Raises Refused."""
    row = _asked(db, account, payment, "void")
    if row["state"] not in (CAPTURED, DECLINED):
        db.execute("UPDATE event SET due = NULL WHERE payment = ? AND then_state <> ''", (row["id"],))
        return _become(db, row, VOIDED)
    return standing(db, row)


def refund(db: sqlite3.Connection, account: str, payment: str, key: str, amount: str) -> dict[str, Any]:
    """Give back a part of what was captured, once a key. Raises Refused."""
    row = _asked(db, account, payment, "refund")
    known = db.execute("SELECT * FROM refund WHERE account = ? AND key = ?", (account, key)).fetchone()
    if known is not None:
        return {"done": True, "id": known["id"], "reason": ""}
    left = (Decimal(row["amount"]) if row["state"] == CAPTURED else Decimal(0)) - refunded(db, row)
    if money(amount) > left:
        return {"done": False, "id": "", "reason": f"Only {left} {row['currency']} are left to refund."}
    identity = f"ref_{secrets.token_hex(10)}"
    db.execute(
        "INSERT INTO refund VALUES (?, ?, ?, ?, ?)", (account, key, payment, identity, str(money(amount)))
    )
    return {"done": True, "id": identity, "reason": ""}


def confirm(db: sqlite3.Connection, identity: str, agreed: bool) -> sqlite3.Row:
    """The shopper has answered the bank's question; told by a webhook. Raises Refused."""
    row = by_id(db, identity)
    if row["state"] == ACTION:
        state = AUTHORISED if agreed else DECLINED
        _become(db, row, state, "" if agreed else NOT_CONFIRMED)
        announce(db, identity, state, time.time())
    return by_id(db, identity)


def standing(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """How a payment stands, as it is told."""
    given = db.execute(
        "SELECT key, amount FROM refund WHERE account = ? AND payment = ?", (row["account"], row["key"])
    ).fetchall()
    captured = row["amount"] if row["state"] == CAPTURED else "0"
    return {
        "payment": row["key"], "id": row["id"], "state": row["state"], "reason": row["reason"],
        "currency": row["currency"], "amount": row["amount"], "captured": captured,
        "refunds": {refund["key"]: refund["amount"] for refund in given},
    }  # fmt: skip


def some(db: sqlite3.Connection, account: str, after: str) -> list[dict[str, Any]]:
    """How the next payments of a shop stand, in the order of their keys."""
    rows = db.execute(
        "SELECT * FROM payment WHERE account = ? AND key > ? ORDER BY key LIMIT ?", (account, after, PAGE)
    )
    return [standing(db, row) for row in rows.fetchall()]


def find(db: sqlite3.Connection, account: str, key: str) -> sqlite3.Row | None:
    """The payment of a key; None where nobody asked for one."""
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM payment WHERE account = ? AND key = ?", (account, key)
    ).fetchone()
    return row


def by_id(db: sqlite3.Connection, identity: str) -> sqlite3.Row:
    """The payment of the bank's own number. Raises Refused."""
    row: sqlite3.Row | None = db.execute("SELECT * FROM payment WHERE id = ?", (identity,)).fetchone()
    if row is None:
        raise Refused(404, "There is no such payment.")
    return row


def count(db: sqlite3.Connection, account: str, payment: str, kind: str) -> None:
    """Note that a call came in, by payment and kind."""
    db.execute(
        "INSERT INTO asked VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1",
        (account, payment, kind),
    )


def refunded(db: sqlite3.Connection, row: sqlite3.Row) -> Decimal:
    """What was given back of a payment."""
    amounts = db.execute(
        "SELECT amount FROM refund WHERE account = ? AND payment = ?", (row["account"], row["key"])
    )
    return sum((Decimal(amount) for (amount,) in amounts), Decimal(0))


def money(text: str) -> Decimal:
    """An amount that is not below zero. Raises Refused."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise Refused(400, f"The amount is {text[:40]!r}: need a number of 0 or more.")
    return amount


def _asked(db: sqlite3.Connection, account: str, payment: str, kind: str) -> sqlite3.Row:
    count(db, account, payment, kind)
    row = find(db, account, payment)
    if row is None:
        raise Refused(404, "There is no such payment.")
    return row


def _become(db: sqlite3.Connection, row: sqlite3.Row, state: str, reason: str = "") -> dict[str, Any]:
    db.execute("UPDATE payment SET state = ?, reason = ? WHERE id = ?", (state, reason, row["id"]))
    return standing(db, by_id(db, row["id"]))
