"""Outbox and inbox to look at, dead letters to mend and send again. Admin -> deadletters.send_again."""

import json
import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from shopsite.desk import Chosen, Question, QuickAdmin, RecordAdmin, are_too_many, asks_first, moment, told
from shopsite.events.deadletters import send_again
from shopsite.events.models import DeadLetter, InboxEvent, OutboxEvent, StoredOffset
from shopsite.events.topics import DEAD
from shopsite.staff.services import record

_PLACE = re.compile(r"([a-z.]{1,64}):(\d{1,9}):(\d{1,18})")
SHOWN_CHARACTERS = 20_000  # of a message on its page


def pretty(value: bytes | memoryview | None) -> SafeString:
    """A message as it reads best: JSON indented, anything else as its text."""
    if value is None:
        return format_html("<em>no value (null)</em>")
    text = bytes(value).decode("utf-8", "replace")
    try:
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return format_html("<pre>{}</pre>", text[:SHOWN_CHARACTERS])
    return format_html("<pre>{}</pre>", text[:SHOWN_CHARACTERS])


class OutboxState(admin.SimpleListFilter):
    """How far an outbox row is."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
        """The three there are."""
        return [("waiting", "waiting"), ("published", "published"), ("refused", "refused by Kafka")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutboxEvent]) -> QuerySet[OutboxEvent]:  # noqa: ARG002
        """Those of the state that was chosen."""
        states = {
            "waiting": Q(published_at__isnull=True, refused_at__isnull=True),
            "published": Q(published_at__isnull=False),
            "refused": Q(refused_at__isnull=False),
        }
        return queryset.filter(states.get(self.value() or "", Q()))


@admin.register(OutboxEvent)
class OutboxAdmin(RecordAdmin):
    """What was told, and where it is in Kafka now."""

    list_display = ("id", "seq", "topic", "key", "event_id", "created_at", "published_at", "place", "error")
    list_filter = (OutboxState, "topic", "own")
    search_fields = ("key",)  # shows the field
    search_help_text = "An order's number, whole"
    exclude = ("value",)
    readonly_fields = ("content",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxEvent]:
        """Without the messages, which only a row's own page shows."""
        return super().get_queryset(request).defer("value", "headers")

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[OutboxEvent],
        search_term: str,
    ) -> tuple[QuerySet[OutboxEvent], bool]:
        """The events of an order, by their index."""
        term = search_term.strip()
        return (queryset.filter(topic="orders", key=term) if term else queryset), False

    @admin.display(description="in Kafka")
    def place(self, row: OutboxEvent) -> str:
        """partition:offset."""
        return f"{row.partition}:{row.offset}" if row.published_at else "-"

    @admin.display(description="message")
    def content(self, row: OutboxEvent) -> SafeString:
        """The message."""
        return pretty(row.value)


@admin.register(InboxEvent)
class InboxAdmin(RecordAdmin):
    """What was read, and how far its processing is."""

    list_display = (
        "__str__",
        "key",
        "event_id",
        "state",
        "attempts",
        "received_at",
        "done_at",
        "short_error",
    )
    list_filter = ("state", "topic")
    search_fields = ("key",)  # shows the field
    search_help_text = "An order's number, whole; or topic:partition:offset"
    exclude = ("value",)
    readonly_fields = ("content",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboxEvent]:
        """Without the messages, which only a row's own page shows."""
        return super().get_queryset(request).defer("value")

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[InboxEvent],
        search_term: str,
    ) -> tuple[QuerySet[InboxEvent], bool]:
        """The messages of an order, or the one at a place, by their indexes."""
        term = search_term.strip()
        if place := _PLACE.fullmatch(term):
            return queryset.filter(topic=place[1], partition=int(place[2]), offset=int(place[3])), False
        return (queryset.filter(topic="orders", key=term) if term else queryset), False

    @admin.display(description="error")
    def short_error(self, row: InboxEvent) -> str:
        """Its beginning."""
        return row.error[:100]

    @admin.display(description="message")
    def content(self, row: InboxEvent) -> SafeString:
        """The message."""
        return pretty(row.value)


class MendForm(forms.ModelForm):
    """The message of a dead letter, to be mended."""

    message = forms.CharField(
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12, "class": "vLargeTextField", "spellcheck": "false"}),
        help_text="It is sent as it stands here. It keeps its event_id, so sending it twice counts once.",
    )

    class Meta:
        model = DeadLetter
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "message" in self.fields:
            self.fields["message"].initial = bytes(self.instance.value or b"").decode("utf-8", "replace")

    def mended(self) -> bytes | None:
        """What to send; None for the message as it was, whose bytes may be no text at all."""
        if "message" not in self.changed_data:
            return None
        return str(self.cleaned_data["message"]).replace("\r\n", "\n").encode()


@admin.register(DeadLetter)
class DeadLetterAdmin(QuickAdmin):
    """Messages that could not be processed."""

    form = MendForm
    change_form_template = "admin/events/deadletter/change_form.html"
    list_display = ("__str__", "key", "short_reason", "seen_at", "resent_at")
    list_filter = ("topic", ("resent_at", admin.EmptyFieldListFilter))
    search_fields = ("=key", "reason")
    readonly_fields = ("topic", "partition", "offset", "reason", "key", "headers", "seen_at", "resent_at")
    fields = (*readonly_fields, "message")
    actions = ("resend",)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody: they come from Kafka."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody: what was lost must stay known."""
        return False

    def get_fields(self, request: HttpRequest, obj: DeadLetter | None = None) -> Any:  # noqa: ANN401
        """For those who may only look, the message as it is."""
        if self.has_change_permission(request, obj):
            return self.fields
        return (*self.readonly_fields, "content")

    def get_readonly_fields(self, request: HttpRequest, obj: DeadLetter | None = None) -> Any:  # noqa: ANN401
        """As get_fields."""
        may = self.has_change_permission(request, obj)
        return self.readonly_fields if may else (*self.readonly_fields, "content")

    @admin.display(description="reason")
    def short_reason(self, letter: DeadLetter) -> str:
        """Its beginning."""
        return letter.reason[:120]

    @admin.display(description="message")
    def content(self, letter: DeadLetter) -> SafeString:
        """The message."""
        return pretty(letter.value)

    @admin.action(description="Send again, as they are ...", permissions=["change"])
    def resend(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> HttpResponse | None:
        """Send the chosen ones to their topics again, after asking, and say what became of each."""
        if are_too_many(self, request, queryset):
            return None
        letters = list(queryset.order_by("pk"))
        if page := asks_first(self, request, _question(letters)):
            return page
        done, refused = [], []
        for letter in letters:
            try:
                _send_again(request, letter, None)
                done.append(str(letter))
            except ValueError as error:
                refused.append(str(error))
        for well, sentence in told(done, refused, "on the way again"):
            self.message_user(request, sentence, messages.SUCCESS if well else messages.ERROR)
        return None

    def save_model(self, request: HttpRequest, obj: DeadLetter, form: MendForm, change: bool) -> None:  # noqa: ARG002
        """The page's one button: send what its message says."""
        _send_again(request, obj, form.mended())

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:  # noqa: ANN401
        """Nothing was changed: it was sent, which is written down where that happens."""

    def response_change(self, request: HttpRequest, obj: DeadLetter) -> HttpResponse:
        """Back to the list."""
        self.message_user(request, f"On the way again: {obj}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:events_deadletter_changelist"))


def _question(letters: Sequence[DeadLetter]) -> Question:
    """What sending these again would do."""
    return Question(
        title=f"Send {len(letters)} dead letter{'' if len(letters) == 1 else 's'} again",
        effect="Each is read once more, as if it came now. Where nothing was mended, it fails again.",
        rows=[Chosen(letter, letter.key, _effects(letter)) for letter in letters],
        is_harm=False,
    )


def _effects(letter: DeadLetter) -> list[str]:
    if letter.value is None:
        return ["Nothing, it will be refused: it has no value."]
    effects = [
        f"It goes to the topic {letter.topic.removesuffix(DEAD)} again. It failed with: {letter.reason}"
    ]
    if letter.resent_at:
        effects.append(
            f"It was sent again on {moment(letter.resent_at)}; however often, its effect comes once."
        )
    return effects


def _send_again(request: HttpRequest, letter: DeadLetter, mended: bytes | None) -> None:
    """Send it, and write down who did. Raises ValueError for a message without a value."""
    with transaction.atomic():
        send_again(letter, mended)
        record(
            actor=request.user.get_username(),
            action="resend",
            kind="dead letter",
            object_id=str(letter),
            what=f"{'as it was' if mended is None else 'mended'}: {letter.key}",
        )


@admin.register(StoredOffset)
class StoredOffsetAdmin(RecordAdmin):
    """How far consume has read. A partition whose row is deleted is read again: nothing counts twice."""

    list_display = ("group", "topic", "partition", "next_offset")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Those who may do everything: for a topic that was made anew."""
        return bool(getattr(request.user, "is_superuser", False))
