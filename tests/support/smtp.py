"""A mail server with TLS and a login, that answers as it is told."""

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pytest_django.fixtures import Settings

from shopsite.runtime.ports import free_port

USER, PASSWORD = "shop", "open sesame"


class Postmaster:
    """What came in, and what is said to whom."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []  # recipient, the mail
        self.callers: set[object] = set()  # a connection each
        self.says: dict[str, str] = {}  # to which recipient something else than 250
        self.hangs_up_after_data = False
        self.logins = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        self.callers.add(session.peer)
        if said := self.says.get(address):
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail, and say so, unless the line breaks just then."""
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append((envelope.rcpt_tos[0], content))
        if self.hangs_up_after_data:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "250 OK"

    def let_in(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: object
    ) -> AuthResult:
        """Only who knows the password."""
        self.logins += 1
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=known, handled=False)


def make_certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 that signs itself, with its key in the same file."""
    file = folder / "smtp.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", file, "-out", folder / "cert.pem"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + (folder / "cert.pem").read_text())
    return file


@contextmanager
def mail_server(certificate: Path, settings: Settings, *, tls: str) -> Iterator[Postmaster]:
    """A server that the settings name. tls: starttls or tls."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    master = Postmaster()
    ways = {
        "starttls": {"tls_context": context, "require_starttls": True, "auth_required": True},
        "tls": {"ssl_context": context, "auth_require_tls": False},  # it knows of STARTTLS only
    }
    controller = Controller(
        master,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=master.let_in,
        **ways[tls],  # type: ignore[arg-type]
    )
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.EMAIL_TLS, settings.EMAIL_TIMEOUT = tls, 5
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = tls == "starttls", tls == "tls"
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = USER, PASSWORD
    try:
        yield master
    finally:
        controller.stop()
