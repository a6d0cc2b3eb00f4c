"""Mails over a real SMTP server with TLS and a login: taken, refused for good, not yet, cut off."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from orders import sending
from orders.models import Mail, Order
from shopsite.runtime.checks import check_mail
from tests.support.shop import paid, product
from tests.support.smtp import Postmaster, mail_server, make_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("smtp"))


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts the server's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.fixture
def master(certificate: Path, settings: Settings, trusted: None) -> Iterator[Postmaster]:
    with mail_server(certificate, settings, tls="starttls") as master:
        yield master


@pytest.fixture(autouse=True)
def shelf() -> None:
    product("MUG", 50)


def bought(*names: str) -> list[Order]:
    """A paid order of each of these customers."""
    return [paid({"MUG": 1}, email=f"{name}@example.org") for name in names]


def states() -> dict[str, tuple[str, str]]:
    """State and reason of each mail, by recipient."""
    return {mail.to: (mail.state, mail.why) for mail in Mail.objects.all()}


def pauses_are_over() -> None:
    Mail.objects.filter(state="due").update(next_try_at=timezone.now())


def test_a_batch_goes_over_one_connection_with_tls_and_a_login(
    master: Postmaster, settings: Settings
) -> None:
    settings.DEFAULT_FROM_EMAIL = "Mugs & More <orders@shop.example>"
    bought("ada", "ben", "eve")
    assert sending.send_due() == 3
    assert [to for to, _ in master.taken] == ["ada@example.org", "ben@example.org", "eve@example.org"]
    assert (len(master.callers), master.logins) == (1, 1)
    mail = Mail.objects.get(to="ada@example.org")
    taken = message_from_bytes(master.taken[0][1], policy=policy.default)
    assert (taken["From"], taken["Message-ID"]) == (settings.DEFAULT_FROM_EMAIL, mail.message_id)
    text, html = taken.iter_parts()
    assert text.get_content().split() == mail.text.split()
    assert html.get_content().split() == mail.html.split()
    assert set(states().values()) == {("sent", "")}


def test_a_server_that_speaks_tls_from_the_first_byte_is_spoken_to_so(
    certificate: Path, settings: Settings, trusted: None
) -> None:
    bought("ada")
    with mail_server(certificate, settings, tls="tls") as master:
        sending.send_due()
        assert check_mail().ok
    assert len(master.taken) == 1


def test_a_refusal_for_good_is_said_and_not_tried_again_and_stops_no_other(master: Postmaster) -> None:
    master.says["ada@example.org"] = "550 5.1.1 No such user here"
    (order, _) = bought("ada", "ben")
    sending.send_due()
    assert states() == {
        "ada@example.org": ("failed", "refused: 550 5.1.1 No such user here"),
        "ben@example.org": ("sent", ""),
    }
    assert len(master.callers) == 1
    pauses_are_over()
    assert sending.send_due() == 0
    assert order.mails.get().tries == 1


@pytest.mark.parametrize(
    ("said", "connections"), [("451 4.7.1 Greylisted, try later", 1), ("421 4.3.2 Shutting down", 2)]
)
def test_a_refusal_for_now_is_tried_again_later(master: Postmaster, said: str, connections: int) -> None:
    master.says["ada@example.org"] = said
    bought("ada", "ben")
    sending.send_due()
    assert states() == {"ada@example.org": ("due", f"not yet: {said}"), "ben@example.org": ("sent", "")}
    assert len(master.callers) == connections
    assert sending.send_due() == 0
    master.says.clear()
    pauses_are_over()
    sending.send_due()
    assert states()["ada@example.org"] == ("sent", "")


def test_a_mail_whose_answer_was_lost_goes_out_again_and_can_be_recognised(master: Postmaster) -> None:
    master.hangs_up_after_data = True
    bought("ada")
    sending.send_due()
    (mail,) = Mail.objects.all()
    assert (mail.state, mail.tries) == ("due", 1)
    master.hangs_up_after_data = False
    pauses_are_over()
    sending.send_due()
    first, again = (message_from_bytes(mail, policy=policy.default) for _, mail in master.taken)
    assert first["Message-ID"] == again["Message-ID"] == mail.message_id
    words = [[part.get_content() for part in one.iter_parts()] for one in (first, again)]
    assert words[0] == words[1]
    assert states() == {"ada@example.org": ("sent", "")}


def test_a_server_that_lets_us_not_in_costs_one_mail_a_try_and_doctor_says_why(
    master: Postmaster, settings: Settings
) -> None:
    settings.EMAIL_HOST_PASSWORD = "forgotten"
    bought("ada", "ben")
    assert sending.send_due() == 1
    assert sorted(Mail.objects.values_list("tries", flat=True)) == [0, 1]
    assert "535" in states()["ada@example.org"][1]
    found = check_mail()
    assert (found.ok, "535" in found.what, "EMAIL_" in found.mend) == (False, True, True)
    assert master.taken == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_server_whose_certificate_nobody_vouches_for_never_hears_the_password(
    certificate: Path, settings: Settings, tls: str
) -> None:
    bought("ada")
    with mail_server(certificate, settings, tls=tls) as master:
        sending.send_due()
    assert "certificate verify failed" in states()["ada@example.org"][1]
    assert (master.logins, master.taken) == (0, [])
