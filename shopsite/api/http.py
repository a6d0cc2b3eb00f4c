"""A request, a response, and how faults are told (RFC 9457). server.py, dispatch.py, endpoints -> here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import msgspec

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Request:
    """What a program asks."""

    method: str
    path: str  # as it was sent, percent-encoded, from /api on
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # by lower-case name


@dataclass(frozen=True, slots=True)
class Response:
    """What it gets."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Fault(msgspec.Struct, frozen=True):
    """A parameter that is not understood."""

    parameter: str
    detail: str


class ProblemBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request was refused (RFC 9457)."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"  # the status says what kind it is
    errors: Sequence[Fault] = ()


class Problem(Exception):
    """The request is answered with this status; `detail` says what to do."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Fault] = (),
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers, self.errors = headers or {}, errors

    def response(self) -> Response:
        """As it is sent; nobody keeps it."""
        title = HTTPStatus(self.status).phrase
        body = ProblemBody(title=title, status=self.status, detail=self.detail, errors=self.errors)
        headers = {"content-type": PROBLEM_JSON, "cache-control": "no-store", **self.headers}
        return Response(self.status, msgspec.json.encode(body), headers)


def invalid(parameter: str, detail: str) -> Problem:
    """A parameter that is not understood."""
    return Problem(400, f"{parameter}: {detail}", errors=[Fault(parameter, detail)])
