"""Each attempt to charge, every question to the gateway and every answer. orders.Payment* -> here."""

from collections.abc import Iterable

from orders.models import Payment, PaymentCall, PaymentWebhook
from orders.money import money_text
from shopsite.way.entries import MAX_ROWS, Ahead, Entry, Subject, gap

LOST = "no_answer"


def happened(subject: Subject) -> Iterable[Entry | Ahead]:
    """Charges, calls and webhooks of the order: three queries."""
    payments = list(Payment.objects.filter(order=subject.order_id).order_by("pk")[:MAX_ROWS])
    calls = PaymentCall.objects.filter(payment__order=subject.order_id).order_by("pk")
    asked = list(calls.select_related("payment")[:MAX_ROWS])
    told_of = {call.payment_id for call in asked}
    for payment in payments:
        yield from _charge(payment, is_told=payment.pk in told_of)
    for call in asked:
        yield from _call(call)
    hooks = PaymentWebhook.objects.filter(payment__order=subject.order_id).order_by("pk")
    for hook in hooks[:MAX_ROWS]:
        yield _hook(hook)


def _charge(payment: Payment, *, is_told: bool) -> Iterable[Entry | Ahead]:
    total = money_text(payment.amount, payment.currency)
    card = f" from the card ending {payment.last4}" if payment.last4 else ""
    source = f"payment {payment.pk} · {payment.key}"
    yield Entry(payment.created_at, "payment", f"A charge of {total}{card} was prepared.", source)
    if payment.settled_at and not is_told:
        yield Entry(
            at=payment.settled_at,
            kind="payment",
            what=f"The charge ended: {payment.get_state_display().lower()}.",
            source=" · ".join(filter(None, (source, payment.reference))),
            detail=payment.reason,
            tone={"captured": "good", "declined": "bad"}.get(payment.state, ""),
        )
    yield from _next(payment)


def _next(payment: Payment) -> Iterable[Ahead]:
    state = Payment.State
    tried = f" It was asked {payment.tries} times: {payment.reason}" if payment.reason else ""
    if payment.state == state.WAITING:
        yield Ahead("The card is charged when the order's event has come back from Kafka.")
    elif payment.state == state.DUE:
        is_again = payment.asked_at is not None
        yield Ahead(
            f"The gateway is asked{' again' if is_again else ''} to charge the card.{tried}",
            payment.next_try_at,
            "warn" if tried else "",
        )
    elif payment.state == state.ACTION:
        yield Ahead("The shopper has to confirm the payment on the bank's page.", payment.next_try_at, "warn")
    elif payment.state == state.DROPPING:
        yield Ahead("The gateway is told to forget the charge.", payment.next_try_at)


def _call(call: PaymentCall) -> Iterable[Entry]:
    source = f"call {call.pk} · {call.key}"
    asked = call.get_kind_display().lower()
    if call.asked_at:
        yield Entry(call.asked_at, "payment", f"The gateway was asked: {asked}.", source)
    at = call.answered_at
    if at and (call.outcome or call.detail):
        took = f" after {gap(at - call.asked_at)}" if call.asked_at else ""
        yield Entry(
            at=at,
            kind="payment",
            what=f"The gateway answered{took}: {call.outcome.replace('_', ' ') or 'nothing'}.",
            source=" · ".join(filter(None, (source, call.reference))),
            detail=call.detail,
            tone="bad" if call.outcome in ("declined", "refused", LOST) else "",
        )
    elif call.asked_at and not at:
        yield Entry(
            call.asked_at, "payment", f"No answer to that is known ({asked}).", source, call.detail, "warn"
        )


def _hook(hook: PaymentWebhook) -> Entry:
    return Entry(
        at=hook.received_at,
        kind="payment",
        what=f"The gateway called: {hook.kind or 'something'} ({hook.get_verdict_display().lower()}).",
        source=f"webhook {hook.pk} · {hook.event_id}",
        detail=hook.detail,
        tone="warn" if hook.verdict not in ("accepted", "duplicate") else "",
    )
