"""Orders as they are kept: what was bought, what became of it, what was paid and what was mailed.

Written by services.py and by shopsite.fulfilment only; the moves allowed are in states.py.
"""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from orders.indexes import BeginningIndex
from orders.parcels import is_web_address
from orders.states import Status


class Money(models.DecimalField):  # type: ignore[type-arg]  # not generic at run time
    """An exact amount; recorded prices have three decimals, so six are kept."""

    def __init__(self, **options: object) -> None:
        super().__init__(**{"max_digits": 15, "decimal_places": 6, **options})  # type: ignore[arg-type]


class Order(models.Model):
    """One purchase of one customer, or a refund that another system told as a record of its own."""

    class Source(models.TextChoices):
        SHOP = "shop", "This shop"
        KAFKA = "kafka", "Another system"

    order_id = models.CharField(max_length=128, primary_key=True)
    user_id = models.CharField(max_length=128, blank=True)  # the visitor; empty: not known
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="orders"
    )
    session_id = models.CharField(max_length=128, blank=True)
    device = models.CharField(max_length=200, blank=True, default="", db_default="")
    # the host that sent the visit
    sent_by = models.CharField(max_length=200, blank=True, default="", db_default="")
    status = models.CharField(max_length=16, choices=Status)
    source = models.CharField(max_length=8, choices=Source)
    # paid to somebody else: we neither charge, refund nor mail
    elsewhere = models.BooleanField("paid elsewhere", default=False)
    currency = models.CharField(max_length=8)
    amount = Money()  # tax and shipping included
    shipping = Money(default=0)
    refunded = Money(default=0)  # of amount
    placed_at = models.DateTimeField()  # at the shopper: recorded orders keep their time
    paid_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()  # since when it has its status
    email = models.CharField(max_length=254, blank=True)
    name = models.CharField(max_length=200, blank=True)
    street = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=200, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=64, blank=True)
    # who brings the parcel, and its number there or its address in the web; empty: nobody said
    carrier = models.CharField(max_length=60, blank=True, default="", db_default="")
    tracking = models.CharField(max_length=300, blank=True, default="", db_default="")

    class Meta:
        # Named here and not by db_index, which makes two of a text on PostgreSQL: each costs every order.
        indexes = [
            models.Index(fields=["status", "changed_at"], name="order_queue"),
            models.Index(fields=["user_id"], name="order_of_visitor"),
            # what the admin leafs through, without reading a row that is not shown: benchmarks/admin.py
            models.Index(fields=["placed_at", "order_id", "status"], name="order_by_time"),
            models.Index(fields=["amount", "placed_at", "order_id"], name="order_by_amount"),
            models.Index(fields=["source", "elsewhere", "placed_at"], name="order_by_source"),
            # what the admin searches by: shopsite/desk/search.py
            BeginningIndex(Lower("email"), name="order_by_email", condition=models.Q(email__gt="")),
            BeginningIndex(Lower("name"), name="order_by_name", condition=models.Q(name__gt="")),
        ]
        permissions = [
            ("fulfil_order", "Can pack, ship and deliver orders"),
            ("cancel_order", "Can cancel orders"),
            ("refund_order", "Can refund orders"),
        ]

    def __str__(self) -> str:
        return self.order_id

    @property
    def tracking_url(self) -> str:
        """Where the parcel can be followed: what was typed, where it is an address of the web."""
        return self.tracking if is_web_address(self.tracking) else ""


class Line(models.Model):
    """One position of an order; a product may stand on several."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    # no constraint in the database: decision 020
    product = models.ForeignKey(
        "catalogue.Product", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    title = models.CharField(max_length=300)  # as it was called when it was sold
    quantity = models.PositiveIntegerField()
    price = Money(null=True, blank=True)  # of one unit; null where the producer did not say
    refunded_quantity = models.PositiveIntegerField(default=0)  # of quantity

    class Meta:
        indexes = [
            models.Index(fields=["order"], name="line_of_order"),
            # the newest of a product first, without reading all others: the admin's search
            models.Index(fields=["product", "id"], name="line_of_product_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.title}"


class Transition(models.Model):
    """One move of an order: who, when, why, and by which event. Never changed."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="history", db_index=False)
    at = models.DateTimeField()
    from_status = models.CharField(max_length=16, blank=True)
    to_status = models.CharField(max_length=16, choices=Status)
    why = models.CharField(max_length=300, blank=True)
    actor = models.CharField(max_length=150)
    event_id = models.CharField(max_length=128, blank=True)
    origin = models.CharField(max_length=64, blank=True)  # topic:partition:offset, where a message caused it

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["order"], name="history_of_order")]

    def __str__(self) -> str:
        return f"{self.from_status or 'new'} to {self.to_status}"


class Lead(models.Model):
    """The click that brought the visit in which a shopper ordered; the click itself is in Kafka."""

    order = models.OneToOneField(Order, primary_key=True, on_delete=models.CASCADE, related_name="lead")
    event_id = models.CharField(max_length=128)
    type = models.CharField(max_length=32)  # GA4's name
    at = models.DateTimeField()
    path = models.CharField(max_length=500, blank=True)
    referrer = models.CharField(max_length=500, blank=True)
    campaign = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.type} {self.path}"


class Payment(models.Model):
    """One attempt to charge an order. Its key is stored before the gateway hears of it."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for its event"
        DUE = "due", "Due"
        ACTION = "action", "Waiting for the shopper's confirmation"
        DROPPING = "dropping", "To be voided"
        CAPTURED = "captured", "Captured"
        DECLINED = "declined", "Declined"
        VOID = "void", "Not charged"

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="payments")
    key = models.CharField(max_length=160, unique=True)  # the gateway's idempotency key
    token = models.CharField(max_length=100, blank=True)  # stands for the card, which is never stored
    last4 = models.CharField(max_length=4, blank=True)
    currency = models.CharField(max_length=8)
    amount = Money()
    refunded = Money(default=0)  # of amount: an order may be paid, given back, and paid again
    state = models.CharField(max_length=10, choices=State)
    reason = models.CharField(max_length=200, blank=True)
    confirm_url = models.CharField(max_length=2000, blank=True)  # where the shopper confirms it
    reference = models.CharField(max_length=100, blank=True)  # the gateway's name for it
    asked_at = models.DateTimeField(null=True, blank=True)  # set: the gateway may know it, so ask first
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)  # not before; a lease while one asks
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_try_at"],
                name="payment_due",
                condition=models.Q(state__in=("due", "action", "dropping")),
            ),
            # by which the gateway's books are compared: fulfilment/accounts.py
            models.Index(fields=["created_at", "id"], name="payment_by_time"),
        ]

    def __str__(self) -> str:
        return self.key


class Refund(models.Model):
    """Money to give back, in part or whole; done once by its key."""

    class State(models.TextChoices):
        DUE = "due", "Due"
        DONE = "done", "Given back"
        REFUSED = "refused", "Refused"

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="refunds")
    payment = models.ForeignKey(Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=160, unique=True)
    amount = Money()
    back_to = models.CharField(max_length=16, choices=Status, blank=True)  # where the order stood
    why = models.CharField(max_length=300, blank=True)
    actor = models.CharField(max_length=150)
    state = models.CharField(max_length=10, choices=State)
    reason = models.CharField(max_length=200, blank=True)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["next_try_at"], name="refund_due", condition=models.Q(state="due")),
            models.Index(fields=["order"], name="refund_refused", condition=models.Q(state="refused")),
        ]

    def __str__(self) -> str:
        return self.key


class RefundLine(models.Model):
    """Units of one line that a refund is for; the money is the refund's."""

    refund = models.ForeignKey(Refund, on_delete=models.CASCADE, related_name="lines")
    line = models.ForeignKey(Line, on_delete=models.CASCADE, related_name="+")
    quantity = models.PositiveIntegerField()
    restock = models.PositiveIntegerField()  # of quantity: they go back on the shelf

    def __str__(self) -> str:
        return f"{self.quantity} of line {self.line_id}"


class PaymentCall(models.Model):
    """One question to the gateway. Written with its key before it is asked, completed by the answer.

    Without answered_at: the answer was lost, or the process died before it came.
    """

    class Kind(models.TextChoices):
        AUTHORISE = "authorise", "Authorise"
        CAPTURE = "capture", "Capture"
        VOID = "void", "Void"
        REFUND = "refund", "Refund"
        STATE = "state", "Ask for the state"

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="calls")
    refund = models.ForeignKey(
        Refund, null=True, blank=True, on_delete=models.CASCADE, related_name="calls", db_index=False
    )
    kind = models.CharField(max_length=10, choices=Kind)
    key = models.CharField(max_length=170)  # the idempotency key: the same at each try
    stored_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)  # of the gateway's states, no_answer or not_asked
    reference = models.CharField(max_length=100, blank=True)  # the gateway's name for what it did
    detail = models.CharField(max_length=300, blank=True)  # why not

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class PaymentWebhook(models.Model):
    """One message of the gateway as it came in, and what was made of it. Never changed."""

    class Verdict(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        DUPLICATE = "duplicate", "Known already"
        UNKNOWN = "unknown", "No payment of ours"
        WRONG_SIGNATURE = "signature", "Wrongly signed"
        TOO_OLD = "old", "Signed too long ago"
        UNREADABLE = "unreadable", "Not readable"

    payment = models.ForeignKey(
        Payment, null=True, blank=True, on_delete=models.CASCADE, related_name="webhooks"
    )
    event_id = models.CharField(max_length=100, blank=True)
    kind = models.CharField(max_length=60, blank=True)
    received_at = models.DateTimeField(db_index=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(max_length=10, choices=Verdict)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            # of those that were believed only: else a forger could take an id before its owner comes
            models.UniqueConstraint(
                fields=["event_id"], name="one_webhook_an_event", condition=models.Q(verdict="accepted")
            )
        ]
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}: {self.verdict}"


MAIL_TROUBLE = {  # what Mail.why begins with -> how people read it, the customer too
    "not yet": "It was not taken yet, and is tried again.",
    "refused": "The mail server of this address refused it.",
}


class Mail(models.Model):
    """One message to the customer: once for each order and kind."""

    class State(models.TextChoices):
        DUE = "due", "Due"
        SENT = "sent", "Sent"
        NOT_SENT = "not_sent", "Not sent"  # there is nobody to write to
        FAILED = "failed", "Failed"  # given up, or refused

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="mails")
    kind = models.CharField(max_length=24)  # confirmation, payment_failed, payment_failed-2 ...
    to = models.CharField(max_length=254, blank=True)
    facts = models.JSONField(default=dict, blank=True)  # what must be told as it was then, as of a refund
    subject = models.CharField(max_length=200)
    text = models.TextField(blank=True)  # stored when it first goes out: letters.py
    html = models.TextField(blank=True)
    message_id = models.CharField(max_length=200)  # the same at each try, so a repeat can be recognised
    state = models.CharField(max_length=10, choices=State)
    why = models.CharField(max_length=200, blank=True)  # not sent, or not yet; then ": ", the server's answer
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "kind"], name="one_mail_a_kind")]
        indexes = [
            models.Index(fields=["next_try_at"], name="mail_due", condition=models.Q(state="due")),
            models.Index(fields=["order"], name="mail_failed", condition=models.Q(state="failed")),
        ]
        permissions = [("resend_mail", "Can send mails again")]

    def __str__(self) -> str:
        return self.subject

    @property
    def trouble(self) -> str:
        """Why it did not go out, in a plain sentence; empty where it did."""
        words = self.why.partition(": ")[0]
        return MAIL_TROUBLE.get(words, f"{words[:1].upper()}{words[1:]}." if words else "")

    @property
    def answer(self) -> str:
        """What the mail server said, to the letter; empty where none was asked."""
        return self.why.partition(": ")[2]
