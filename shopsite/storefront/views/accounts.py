"""Accounts: sign up, log in, log out, passwords. urls.py -> here -> django.contrib.auth.

The e-mail address is the user name. Cart and orders hang on the browser's id, which none of this changes.
"""

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth
from django.contrib.auth.models import User
from django.contrib.messages.views import SuccessMessageMixin
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from shopsite.storefront.accounts import ChangeForm, LogInForm, NewPasswordForm, ResetForm, SignUpForm
from shopsite.storefront.clicks import note
from shopsite.storefront.forms import fault, summary
from shopsite.storefront.visitors import ShopRequest

PAGE: Final = "storefront/account.html"
SIGN_UP = {
    "title": "Make an account",
    "button": "Make it",
    "nothing": "No account was made.",
    "extra": "sign_up",
}


class Paper:
    """One form on a page of its own: it asks for these words."""

    title = button = nothing = lead = ""
    extra = ""  # the name of a link below the form

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The words, and what is to be mended."""
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        form = context.get("form")
        words = {name: getattr(self, name) for name in ("title", "lead", "button", "nothing", "extra")}
        return context | words | {"faults": summary(form) if form is not None and form.is_bound else []}


class LogIn(Paper, auth.LoginView):
    """Log in; an account that is logged in already is sent on."""

    template_name = PAGE
    title, button, nothing, extra = "Log in", "Log in", "You are not logged in.", "log_in"
    authentication_form = LogInForm
    redirect_authenticated_user = True

    def get(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form."""
        note(self.request, "page_view")
        return super().get(*args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Where to go on to comes along to the link that makes an account."""
        return super().get_context_data(**kwargs) | {"next": self.get_redirect_url()}


class LogOut(auth.LogoutView):
    """Log out, and back to the shop."""

    next_page = "/"


class ChangePassword(Paper, SuccessMessageMixin, auth.PasswordChangeView):  # type: ignore[type-arg]
    """A new password for who knows the old one."""

    template_name = PAGE
    title, button, nothing = "Change the password", "Change it", "The password is as it was."
    form_class = ChangeForm
    success_url = reverse_lazy("orders")
    success_message = "Your password is changed."


class ResetPassword(Paper, SuccessMessageMixin, auth.PasswordResetView):  # type: ignore[type-arg]
    """Ask for a mail with a link."""

    template_name = PAGE
    title, button, nothing = "A new password", "Send me a link", "No mail was sent."
    lead = "We send a link to your address; with it you choose a new password."
    form_class = ResetForm
    email_template_name = "storefront/mail/reset.txt"
    subject_template_name = "storefront/mail/reset_subject.txt"
    success_url = reverse_lazy("login")
    success_message = "If there is an account with this address, a link is on its way."

    def form_valid(self, form: ResetForm) -> HttpResponse:  # type: ignore[override]
        """The link leads to the shop's own address, whatever name the request came under."""
        self.extra_email_context = {"origin": settings.SHOP_ORIGIN, "shop": settings.SHOP_NAME}
        return super().form_valid(form)


class ConfirmPassword(Paper, SuccessMessageMixin, auth.PasswordResetConfirmView):  # type: ignore[type-arg]
    """Choose the new password, by the link of the mail."""

    template_name = PAGE
    title, button, nothing = "Choose a new password", "Keep it", "The password is as it was."
    form_class = NewPasswordForm
    success_url = reverse_lazy("login")
    success_message = "Your new password is kept. Log in with it."


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: ShopRequest) -> HttpResponseBase:
    """Make an account and log in to it."""
    onward = _onward(request)
    if request.user.is_authenticated:
        return redirect(onward)
    form = SignUpForm(request.POST or None)
    if request.method != "POST":
        note(request, "page_view")
    elif form.is_valid() and (user := _make(form)):
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        messages.success(request, "Your account is made, and you are logged in.")
        return redirect(onward)
    faults = summary(form) if form.is_bound else []
    return render(request, PAGE, {"form": form, "faults": faults, "next": onward, **SIGN_UP})


def _make(form: SignUpForm) -> User | None:
    """The new account; None, with a complaint at its field, where the address has one."""
    data = form.cleaned_data
    email = data["email"].lower()
    try:
        with transaction.atomic():
            return User.objects.create_user(email, email, data["password"], first_name=data["name"])
    except IntegrityError:
        form.add_error(
            "email", fault("has an account already", "This address has an account already: log in.")
        )
        return None


def _onward(request: ShopRequest) -> str:
    onward = request.POST.get("next", request.GET.get("next", ""))
    return onward if url_has_allowed_host_and_scheme(onward, None) else "/"
