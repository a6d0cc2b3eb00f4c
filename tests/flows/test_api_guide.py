"""The page about the API: everything that the document for machines has, for people, at its own address."""

import httpx
import pytest
from django.test import Client
from django.utils.html import escape

from shopsite.api.guide import with_code
from shopsite.api.openapi import PROBLEMS, document
from tests.support.site import serving

pytestmark = pytest.mark.django_db


def test_every_address_parameter_and_error_stands_on_the_page(client: Client) -> None:
    page = client.get("/api/").content.decode()
    for path, operation in document()["paths"].items():
        one = operation["get"]
        section = page.partition(f'id="get-{one["operationId"]}"')[2].partition("guide-one")[0]
        assert f"/api/v1{path}</code>" in section
        assert escape(one["summary"]) in section
        for parameter in one["parameters"]:
            assert parameter["in"] == "path" or f"<code>{parameter['name']}</code>" in section
    for status in PROBLEMS:
        assert f'<dt class="num">{status}</dt>' in page
    assert "http://testserver/api/v1/orders?limit=50" in page


def test_code_is_marked_and_markup_is_not_believed() -> None:
    assert with_code("ask `next` <b>") == "ask <code>next</code> &lt;b&gt;"


@pytest.mark.django_db(transaction=True)
def test_the_server_shows_it_to_whoever_has_no_key() -> None:
    with serving() as address:
        answer = httpx.get(f"{address}/api/")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert httpx.get(f"{address}/api/v1/orders").status_code == 401
