"""The payment gateway of a test run: a process of its own, asked over HTTP, as the shop asks it."""

import json
import sys
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings

from shopsite.runtime.ports import answers, free_port
from shopsite.runtime.service import Program, Service


class Bank:
    """`manage.py gateway` on a free port; its address is known from the beginning."""

    def __init__(self, folder: Path, *, late: float = 0.6, hold: float = 0.05) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key, self.webhook_secret = "test-key", "test-webhook-secret"
        arguments = ["--store", folder / "gateway.sqlite3", "--late", late, "--hold", hold]
        self.service = Service(
            Program(
                "gateway",
                [sys.executable, "manage.py", "gateway", *(str(argument) for argument in arguments)],
                {
                    "SHOP_LOCAL_DIR": str(folder),
                    "GATEWAY_URL": self.url,
                    "GATEWAY_KEY": self.key,
                    "WEBHOOK_SECRET": self.webhook_secret,
                    "REDIS_URL": "redis://127.0.0.1:1/0",
                },
                ready=lambda _pid: answers(self.port),
            )
        )

    def start(self) -> None:
        """Start it, where it does not run yet, and wait until it answers."""
        if not self.service.is_alive():
            self.service.start()
            self.service.wait_ready()

    def stop(self) -> None:
        """Stop it in an orderly way."""
        self.service.stop()

    def state(self, payment: str) -> dict[str, Any] | None:
        """All that it knows of a payment of this test's shop; None where it never heard of it."""
        status, told = self.call("GET", f"/v1/payments?payment={quote(payment, safe='')}")
        return None if status == 404 else told

    def asked(self, payment: str, kind: str) -> int:
        """How often it was asked to do this with a payment."""
        known = self.state(payment)
        return int(known["asked"].get(kind, 0)) if known else 0

    def money(self, payment: str) -> tuple[Decimal, Decimal]:
        """(captured, refunded) of a payment."""
        known = self.state(payment)
        if known is None:
            return Decimal(0), Decimal(0)
        given = sum((Decimal(amount) for amount in known["refunds"].values()), Decimal(0))
        return Decimal(known["captured"]), given

    def call(self, method: str, path: str, body: bytes = b"", key: str = "") -> tuple[int, dict[str, Any]]:
        """(status, JSON) of any call, in this test's name."""
        connection = HTTPConnection("127.0.0.1", urlsplit(self.url).port, timeout=10)
        try:
            headers = {
                "Authorization": f"Bearer {self.key}",
                "Gateway-Account": settings.GATEWAY_ACCOUNT,
                "Idempotency-Key": key,
            }
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()
