"""What shoppers type, and how to mend it. Checkout, accounts, product page -> here.

Each complaint has two forms: the sentence at its field, and a short one for the summary above the form.
"""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from orders import payments
from orders.addresses import COUNTRIES
from orders.models import Order
from shopsite.storefront import cards

TYPED = "typed"  # the payment choice that opens the fields for a card


def fault(short: str, sentence: str) -> ValidationError:
    """A complaint: `short` for the summary, the sentence for the field."""
    return ValidationError(sentence, code=short)


def summary(form: forms.BaseForm) -> list[dict[str, str]]:
    """What to mend, top to bottom: the id of the field, and its name with what is wrong."""
    found = form.errors.as_data()
    return [
        {"id": form[name].id_for_label, "text": f"{form[name].label}: {_short(found[name][0])}"}
        for name in form.fields
        if name in found
    ]


def _short(error: ValidationError) -> str:
    code = error.code or "not valid"
    plain = {
        "required": "missing",
        "invalid": "not valid",
        "invalid_choice": "not one of the choices",
        "max_length": "too long",
    }
    return plain.get(code, code)


def email_field(help_text: str = "") -> forms.CharField:
    """An address; the sentence says which part is missing."""
    return forms.CharField(
        label="E-mail",
        max_length=254,
        help_text=help_text,
        validators=[check_email],
        error_messages={"required": "E-mail is missing."},
        widget=forms.EmailInput({"class": "input", "autocomplete": "email"}),
    )


def check_email(value: str) -> None:
    """Raise unless this can be an address."""
    before, _, after = value.partition("@")
    if not before:
        raise fault("the part before @ is missing", "The part before @ is missing, as in ada@example.org.")
    if not after:
        raise fault("the part after @ is missing", "The part after @ is missing, as in ada@example.org.")
    try:
        forms.EmailField().clean(value)
    except ValidationError as error:
        raise fault("not an address", "This is not an address, as ada@example.org is.") from error


def _text(label: str, autocomplete: str, most: int, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=most,
        error_messages={"required": f"{label} is missing.", "max_length": f"At most {most} characters."},
        widget=forms.TextInput({"class": "input", "autocomplete": autocomplete}),
        **more,
    )


def _digits(label: str, autocomplete: str, placeholder: str = "") -> forms.CharField:
    widget = forms.TextInput({"class": "input num", "autocomplete": autocomplete, "inputmode": "numeric"})
    if placeholder:
        widget.attrs["placeholder"] = placeholder
    return forms.CharField(label=label, max_length=40, required=False, widget=widget)


def password_field(label: str, autocomplete: str, help_text: str = "") -> forms.CharField:
    """A password; never sent back to the page."""
    return forms.CharField(
        label=label,
        max_length=200,
        strip=False,
        help_text=help_text,
        error_messages={"required": f"{label} is missing."},
        widget=forms.PasswordInput({"class": "input", "autocomplete": autocomplete}),
    )


class CardForm(forms.Form):
    """Which card pays: a test card, or one that is typed. No field where the gateway's page asks for it."""

    card = forms.ChoiceField(label="Card", widget=forms.RadioSelect)
    card_number = _digits("Card number", "cc-number")
    card_until = _digits("Valid until", "cc-exp", "MM / YY")
    card_code = _digits("Security code", "cc-csc", "3 digits")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.page = payments.gateway().page
        if self.page:
            for name in ("card", *cards.TYPED_FIELDS):
                del self.fields[name]
            return
        self.test_cards = cards.offered()
        choices = [(card.number, card.label) for card in self.test_cards] + [(TYPED, "Type a card number")]
        field = self.fields["card"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        field.initial = choices[0][0]

    @property
    def chosen(self) -> str:
        """The choice that is marked on the page."""
        return str(self["card"].value())

    def card_digits(self) -> str:
        """The number to charge, of a valid form; empty where the gateway's page asks for it."""
        if self.page:
            return ""
        typed = self.cleaned_data["card"] == TYPED
        return str(self.cleaned_data["card_number"] if typed else self.cleaned_data["card"])

    def clean(self) -> dict[str, Any]:
        """Check what was typed, where a card was."""
        data = super().clean() or self.cleaned_data
        if data.get("card") == TYPED:
            for name, check in cards.TYPED_FIELDS.items():
                try:
                    check(data.get(name, ""))
                except ValidationError as error:
                    self.add_error(name, error)
        return data


class CheckoutForm(CardForm):
    """Contact, delivery, payment."""

    who = forms.ChoiceField(
        choices=(("guest", "As a guest"), ("account", "With my account")), initial="guest", required=False
    )
    email = email_field("For the confirmation and news of this order.")
    password = forms.CharField(
        label="Password",
        max_length=200,
        required=False,
        strip=False,
        widget=forms.PasswordInput({"class": "input", "autocomplete": "current-password"}),
    )
    name = _text("Name", "name", 200)
    street = _text("Street and number", "street-address", 120)
    more = _text("Flat, floor, company", "address-line2", 70, required=False)
    postcode = _text("Postcode", "postal-code", 20)
    city = _text("Town", "address-level2", 200)
    country = forms.ChoiceField(
        label="Country",
        choices=list(COUNTRIES.items()),
        initial="DE",
        widget=forms.Select({"class": "input", "autocomplete": "country"}),
    )
    field_order = ["who", "email", "password", "name", "street", "more", "postcode", "city", "country"]

    def clean(self) -> dict[str, Any]:
        """An account needs its password."""
        data = super().clean()
        if data.get("who") == "account" and not data.get("password"):
            self.add_error("password", fault("missing", "Password is missing."))
        return data

    def street_line(self) -> str:
        """Street with flat or floor, as the parcel says it."""
        return ", ".join(part for part in (self.cleaned_data["street"], self.cleaned_data["more"]) if part)


class TellMeForm(forms.Form):
    """Where to write when a product is back."""

    email = email_field()


class FindForm(forms.Form):
    """By what an order is found from any browser."""

    number = _text("Order number", "off", 128, help_text="In the subject of each mail about it.")
    email = email_field("The one that you ordered with.")

    order: Order | None = None  # that was found

    def clean(self) -> dict[str, Any]:
        """Find it. That either is wrong is not told apart from that both are."""
        data = super().clean() or self.cleaned_data
        if "number" in data and "email" in data:
            number = data["number"].removeprefix("#")
            # the shop's own numbers cannot be guessed; those of other systems often count up
            found = Order.objects.filter(pk__in={number, number.lower()}, source=Order.Source.SHOP)
            self.order = found.filter(email__iexact=data["email"]).first()
            if self.order is None:
                self.add_error(None, "There is no order with this number and this e-mail. ")
        return data
