"""What staff are asked before something is done that the customer will be told of."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms

from orders.models import Line
from orders.parcels import is_web_address


class WhyForm(forms.Form):
    """Why."""

    why = forms.CharField(label="Why", max_length=300, help_text="It is written into the order's history.")


class CarrierForm(forms.Form):
    """Who brings the parcels."""

    carrier = forms.CharField(
        label="Carrier",
        max_length=60,
        required=False,
        help_text="May stay empty; the customer is told what is here.",
    )


class ShipForm(CarrierForm):
    """Who brings one parcel, and under which number."""

    tracking = forms.CharField(
        label="Tracking number",
        max_length=300,
        required=False,
        help_text="Or its address in the web. It may stay empty, too.",
    )

    def clean_tracking(self) -> str:
        """A number, or an address that the customer's browser may open."""
        given: str = self.cleaned_data["tracking"]
        if ":" in given and not is_web_address(given):
            raise forms.ValidationError("An address begins with https:// or http://, and has no spaces.")
        return given


class AmountForm(WhyForm):
    """Money of several orders, in part or whole."""

    amount = forms.DecimalField(
        label="Amount",
        required=False,
        min_value=0,
        max_digits=15,
        decimal_places=6,
        help_text="Of each order. Empty: all that was not refunded yet.",
    )


class RefundForm(WhyForm):
    """Money of one order: by line, by amount, or all that is left.

    cleaned(): what refund_order takes.
    """

    amount = forms.DecimalField(
        label="Amount",
        required=False,
        min_value=Decimal("0.000001"),
        max_digits=15,
        decimal_places=6,
        help_text="Empty: the price of the chosen units; where none are chosen, all that is left.",
    )
    field_order = ("amount", "why")

    def __init__(self, lines: Sequence[Line], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = [line for line in lines if line.quantity > line.refunded_quantity]
        for line in self.lines:
            left = line.quantity - line.refunded_quantity
            self.fields[f"units-{line.pk}"] = _units(f"Units of {line.title} to refund", left)
            self.fields[f"shelf-{line.pk}"] = _units(f"Of them back on the shelf: {line.title}", left)

    def rows(self) -> list[dict[str, Any]]:
        """Each line that has units left, with its two fields."""
        return [
            {
                "line": line,
                "left": line.quantity - line.refunded_quantity,
                "units": self[f"units-{line.pk}"],
                "shelf": self[f"shelf-{line.pk}"],
            }
            for line in self.lines
        ]

    def clean(self) -> dict[str, Any]:
        """No more goes back on the shelf than is refunded."""
        data: dict[str, Any] = super().clean() or {}
        for line in self.lines:
            if (data.get(f"shelf-{line.pk}") or 0) > (data.get(f"units-{line.pk}") or 0):
                self.add_error(f"shelf-{line.pk}", "More than are refunded.")
        return data

    def facts(self) -> dict[str, Any]:
        """The arguments of refund_order."""
        units = {line.pk: self.cleaned_data[f"units-{line.pk}"] or 0 for line in self.lines}
        units = {line_id: count for line_id, count in units.items() if count}
        facts = {"amount": self.cleaned_data["amount"], "why": self.cleaned_data["why"]}
        if not units:
            return facts
        shelf = {line_id: self.cleaned_data[f"shelf-{line_id}"] or 0 for line_id in units}
        return facts | {"lines": units, "restock": shelf}


def _units(label: str, left: int) -> forms.IntegerField:
    named = forms.NumberInput(attrs={"aria-label": label})  # a table's head is no label
    return forms.IntegerField(
        label=label, required=False, min_value=0, max_value=left, initial=0, widget=named
    )
