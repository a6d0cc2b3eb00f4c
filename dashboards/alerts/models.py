"""A rule on a figure, and each time that it was broken. admin.py writes rules, evaluate.py alerts."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_email
from django.db import models
from django.utils.formats import date_format
from django.utils.timezone import localtime

from dashboards.alerts.figures import FIGURES


class Compare(models.TextChoices):
    """How a figure is held against the limit."""

    ABOVE = "above", "is above"
    BELOW = "below", "is below"
    RISE = "rise", "is above its usual by so many %"
    FALL = "fall", "is below its usual by so many %"
    NO_DATA = "no_data", "has no data"


class Rule(models.Model):
    """When somebody is to be told. It breaks when it holds in each of so many buckets."""

    name = models.CharField(max_length=80, unique=True)
    figure = models.CharField(
        max_length=40, choices=[(name, figure.words) for name, figure in FIGURES.items()]
    )
    compare = models.CharField(max_length=10, choices=Compare)
    limit = models.FloatField(
        default=0, help_text="in the figure's unit, or per cent of the usual; not used for no data"
    )
    least = models.FloatField(
        default=0,
        help_text="a change counts only where the usual is at least this: chance rules small numbers",
    )
    bucket_minutes = models.PositiveSmallIntegerField(
        default=15, choices=[(minutes, f"{minutes} min") for minutes in (1, 5, 15, 30, 60)]
    )
    for_buckets = models.PositiveSmallIntegerField(
        "buckets in a row", default=2, validators=[MinValueValidator(1), MaxValueValidator(24)]
    )
    cooldown_minutes = models.PositiveIntegerField(
        default=60,
        validators=[MaxValueValidator(10_080)],
        help_text="from one alert's beginning to the next one's, however the figure flaps",
    )
    mail_to = models.CharField(
        max_length=500, blank=True, help_text="addresses, by commas; empty: on the dashboard only"
    )
    enabled = models.BooleanField(default=True)
    checked_until = models.DateTimeField(null=True, editable=False)  # end of the last bucket looked at

    class Meta:
        ordering = ["name"]
        verbose_name = "alert rule"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what could never be evaluated."""
        if self.compare in (Compare.RISE, Compare.FALL):
            if self.limit <= 0 or (self.compare == Compare.FALL and self.limit > 100):
                raise ValidationError({"limit": "a change needs a limit above 0 %, a fall at most 100 %"})
            if self.figure in FIGURES and FIGURES[self.figure].is_of_now:
                raise ValidationError({"compare": "this figure has no past, so no usual"})
        for address in self.addresses:
            try:
                validate_email(address)
            except ValidationError as error:
                raise ValidationError({"mail_to": f"{address}: {error.message}"}) from error

    @property
    def addresses(self) -> list[str]:
        """Who gets the mail."""
        return [part.strip() for part in self.mail_to.split(",") if part.strip()]

    @property
    def width(self) -> timedelta:
        """How long a bucket is."""
        return timedelta(minutes=self.bucket_minutes)

    @property
    def cooldown(self) -> timedelta:
        """From one alert's beginning to the next one's."""
        return timedelta(minutes=self.cooldown_minutes)

    @property
    def words(self) -> str:
        """The rule as a sentence."""
        figure = FIGURES[self.figure]
        limit = "" if self.compare == Compare.NO_DATA else f" {self.limit:g}"
        unit = "%" if self.compare in (Compare.RISE, Compare.FALL) else figure.unit
        said = self.get_compare_display().removesuffix(" by so many %")
        by = " by" if self.compare in (Compare.RISE, Compare.FALL) else ""
        return f"{figure.words}: {said}{by}{limit}{f' {unit}' if limit and unit else ''}"


class Alert(models.Model):
    """One episode: a rule broke, and holds until its figure was well for as many buckets."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="alerts")
    fired_at = models.DateTimeField(help_text="end of the bucket that made it break")
    value = models.FloatField(null=True, help_text="of the figure then; empty: no data")
    usual = models.FloatField(null=True)
    resolved_at = models.DateTimeField(null=True)  # fired_at: late events showed that it had not been so
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    mail_due_at = models.DateTimeField(null=True, db_index=True)  # null: nothing to send
    mail_tries = models.PositiveSmallIntegerField(default=0)
    mailed_at = models.DateTimeField(null=True)
    mail_trouble = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-fired_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule"], condition=models.Q(resolved_at=None), name="one_open_alert_a_rule"
            ),
            models.UniqueConstraint(fields=["rule", "fired_at"], name="one_alert_a_bucket"),
        ]
        permissions = [("acknowledge_alert", "Can acknowledge alerts")]

    def __str__(self) -> str:
        return f"{self.rule} at {date_format(localtime(self.fired_at), 'DATETIME_FORMAT')}"

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.resolved_at is None

    def lasted(self, now: datetime) -> timedelta:
        """How long it held, or has held."""
        return (self.resolved_at or now) - self.fired_at
