"""Tell the shop what no answer told it. Rows of `event` -> here -> POST to the shop, until it answers 2xx.

An answer to a call is not told again; what happens by itself (a confirmation, a late decision, a lost
answer) is. Signed as `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import sqlite3
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from shopsite.gateway.bank import by_id
from shopsite.gateway.store import Store

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.05
AT_ONCE = 16
MAX_TRIES = 15  # with back-off: about a day
LONGEST_PAUSE = 3 * 3600.0
POST_SECONDS = 5.0


def signature(secret: str, body: bytes, at: int) -> str:
    """The value of the Gateway-Signature header."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Messenger:
    """Delivers webhooks, several side by side, and each again until it is taken."""

    def __init__(self, store: Store, secret: str) -> None:
        self._store, self._secret = store, secret
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")

    async def run(self) -> None:
        """Look for what is due, until cancelled."""
        while True:
            due = await self._store.do(_take_due)
            if due:
                await asyncio.gather(*(self._deliver(event) for event in due))
            else:
                await asyncio.sleep(LOOK_SECONDS)

    async def _deliver(self, event: Mapping[str, object]) -> None:
        body = json.dumps({name: event[name] for name in ("id", "kind", "created", "payment")}).encode()
        forged = event["forge"] and event["tries"] == 0
        headers = {
            "Content-Type": "application/json",
            "Gateway-Signature": signature("forged" if forged else self._secret, body, int(time.time())),
        }
        request = Request(str(event["url"]), body, headers)
        problem = await asyncio.get_running_loop().run_in_executor(self._threads, _post, request)
        if problem:
            logger.info("webhook %s was not taken: %s", event["id"], problem)
        await self._store.do(lambda db: _settle(db, event, problem))


def _take_due(db: sqlite3.Connection) -> list[dict[str, object]]:
    """Events to deliver now; the states that they tell of begin at this moment."""
    rows = db.execute(
        "SELECT * FROM event WHERE due <= ? ORDER BY due LIMIT ?", (time.time(), AT_ONCE)
    ).fetchall()
    events = []
    for row in rows:
        if row["then_state"]:
            db.execute(
                "UPDATE payment SET state = ? WHERE id = ? AND state = 'pending'",
                (row["then_state"], row["payment"]),
            )
        payment = by_id(db, row["payment"])
        events.append({**dict(row), "payment": payment["key"], "url": payment["webhook_url"]})
    return events


def _settle(db: sqlite3.Connection, event: Mapping[str, object], problem: str) -> None:
    tries = int(str(event["tries"])) + 1
    pause = min(0.5 * 2.0**tries, LONGEST_PAUSE)
    due = time.time() + pause if problem and tries < MAX_TRIES else None
    db.execute("UPDATE event SET tries = ?, due = ? WHERE number = ?", (tries, due, event["number"]))


def _post(request: Request) -> str:
    """Why it was not taken; empty where it was."""
    if not request.full_url.startswith(("http://", "https://")):
        return ""  # the shop named no address: nobody is to be told
    try:
        with urlopen(request, timeout=POST_SECONDS):
            return ""
    except HTTPError as error:
        error.close()
        return f"answered {error.code}"
    except (OSError, HTTPException) as error:
        return str(error) or type(error).__name__
