"""Money that was given back, or is to be. orders.Refund -> here."""

from collections.abc import Iterable

from orders.models import Refund
from shopsite.way.entries import MAX_ROWS, Ahead, Entry, Subject


def happened(subject: Subject) -> Iterable[Entry | Ahead]:
    """Each refund: asked for, and answered."""
    rows = Refund.objects.filter(order=subject.order_id).order_by("pk").prefetch_related("lines__line")
    for refund in rows[:MAX_ROWS]:
        source = f"refund {refund.pk} · {refund.key}"
        total = subject.money(refund.amount)
        what = f"{total} should be given back{f': {refund.why}' if refund.why else ''}."
        units = ", ".join(f"{one.quantity} x {one.line.title}" for one in refund.lines.all())
        yield Entry(
            refund.created_at, "payment", what, source, "; ".join(filter(None, (f"by {refund.actor}", units)))
        )
        if refund.state == Refund.State.DUE:
            tried = f" It was tried {refund.tries} times: {refund.reason}" if refund.reason else ""
            yield Ahead(
                f"The gateway is asked to give back {total}.{tried}",
                refund.next_try_at,
                "warn" if tried else "",
            )
        elif refund.settled_at:
            is_done = refund.state == Refund.State.DONE
            yield Entry(
                at=refund.settled_at,
                kind="payment",
                what=f"{total} was given back." if is_done else f"The gateway refused to give back {total}.",
                source=source,
                detail=refund.reason,
                tone="good" if is_done else "bad",
            )
