"""The page on which a shopper confirms a payment, as a bank would show it. app.py -> here -> HTML.

One file without a script; its style is named by its hash, and its form may only lead back to the shop.
"""

import base64
import hashlib
import sqlite3
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from shopsite.gateway.scripts import ACTION, AUTHORISED, CAPTURED

HERE = Path(__file__).parent
STYLE = (HERE / "challenge.css").read_text(encoding="utf-8")
PAGE = Template((HERE / "challenge.html").read_text(encoding="utf-8"))
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
OVER = {
    AUTHORISED: ("Confirmed", "You have confirmed this payment. You can go back to the shop."),
    CAPTURED: ("Confirmed", "This payment is made. You can go back to the shop."),
}
WITHDRAWN = ("Nothing to confirm", "This payment was called off. Nothing was charged.")
ASKED = """<form method="post">
<button class="main" name="agree" value="yes">Confirm the payment</button>
<button name="agree" value="no">Decline</button>
</form>"""


def challenge(payment: sqlite3.Row) -> tuple[dict[str, str], bytes]:
    """(headers, body) of the page for one payment: the question, or that it is over."""
    shop = _origin(payment["return_url"])
    is_open = payment["state"] == ACTION
    title, lead = (
        ("Is this payment yours?", "The shop waits for your answer before it takes the money.")
        if is_open
        else OVER.get(payment["state"], WITHDRAWN)
    )
    back = f'<a href="{escape(payment["return_url"])}">Back to the shop</a>' if shop else ""
    body = PAGE.substitute(
        style=STYLE,
        title=title,
        lead=lead,
        shop=escape(urlsplit(shop).netloc or "a shop"),
        amount=f"{float(payment['amount']):,.2f} {escape(payment['currency'])}",
        reference=escape(payment["key"]),
        date=f"{datetime.fromtimestamp(payment['created'], UTC):%d %b %Y, %H:%M} UTC",
        act=ASKED if is_open else back,
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {shop}"
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy.strip(),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    return headers, body.encode()


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else ""
