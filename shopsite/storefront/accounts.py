"""Django's account forms in the shop's words. views/accounts.py -> here."""

from typing import Any

from django import forms
from django.contrib.auth import forms as auth
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password

from shopsite.storefront.forms import email_field, password_field

LENGTH = "At least eight characters, and not only digits."


def _dress(form: forms.BaseForm) -> None:
    """Give Django's own fields the look of ours."""
    for field in form.fields.values():
        field.widget.attrs["class"] = "input"
        field.error_messages["required"] = f"{field.label} is missing."


class LogInForm(auth.AuthenticationForm):
    """An e-mail address, or the name of a member of staff."""

    error_messages = {
        "invalid_login": "E-mail and password do not fit together. ",
        "inactive": "This account is closed. ",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "E-mail"
        self.fields["username"].widget.attrs |= {"autocomplete": "username", "inputmode": "email"}
        _dress(self)

    def clean_username(self) -> str:
        """Shoppers' names are addresses in small letters; those of staff stay as they are."""
        name: str = self.cleaned_data["username"]
        return name.lower() if "@" in name else name


class SignUpForm(forms.Form):
    """What an account needs."""

    email = email_field()
    name = forms.CharField(
        label="Name",
        max_length=150,
        error_messages={"required": "Name is missing."},
        widget=forms.TextInput({"class": "input", "autocomplete": "name"}),
    )
    password = password_field("Password", "new-password", LENGTH)

    def clean_password(self) -> str:
        """As strict as the settings say."""
        password: str = self.cleaned_data["password"]
        validate_password(password, User(email=self.cleaned_data.get("email", "")))
        return password


class ChangeForm(auth.PasswordChangeForm):
    """The old password and the new one twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = LENGTH
        _dress(self)


class ResetForm(auth.PasswordResetForm):
    """The address to send a link to."""

    email = email_field()  # says more about what is wrong than Django's


class NewPasswordForm(auth.SetPasswordForm):  # type: ignore[type-arg]  # not generic at run time
    """A new password twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = LENGTH
        _dress(self)
