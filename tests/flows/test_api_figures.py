"""Figures over HTTP: the report, any statistic in parts, the answers."""

import csv
import io
import json
from urllib.parse import urlencode

import pytest
import redis as redis_package
from django.core.management import call_command
from pytest_django.fixtures import Settings

from dashboards.folds import FOLDS
from shopsite.api import keys, limits
from tests.support.aggregates import click, log_of, numbered, paid, writer_of
from tests.support.api import ask

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis
DAY = {"from": "2024-06-18T00:00:00Z", "to": "2024-06-19T00:00:00Z"}


@pytest.fixture
def key() -> str:
    keys.forget()
    limits.forget()
    return keys.create("reader", scopes=["figures"])


def asked(**more: object) -> str:
    return urlencode(DAY | more)


def fill(redis: Redis) -> None:
    clicks = [click(f"u{n}", f"p{n % 3}", campaign=f"c{n % 5}") for n in range(12)]
    log_of("clicks-0", clicks).fold(writer_of(redis))
    numbered("orders-0", [paid("1", "12.345")]).fold(writer_of(redis))


def test_the_figures_are_those_of_the_report(
    redis: Redis, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(redis)
    call_command("report", "--from", "2024-06-18", "--to", "2024-06-19", "--json")
    assert ask("/figures", key, query=asked()).body == json.loads(capsys.readouterr().out)


def test_a_statistic_comes_in_parts_that_join_without_a_seam(redis: Redis, key: str) -> None:
    fill(redis)
    whole = ask("/figures/campaigns", key, query=asked()).body["items"]
    parts: list[dict[str, object]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = ask("/figures/campaigns", key, query=asked(limit=2, cursor=cursor)).body
        parts += page["items"]
        cursor = page["next"]
    assert parts == whole
    assert [row["number"] for row in whole] == [3, 3, 2, 2, 2]


def test_every_statistic_has_an_address(redis: Redis, key: str) -> None:
    fill(redis)
    for name in sorted({fold.name for fold in FOLDS} | {"delay"}):
        assert ask(f"/figures/{name}", key, query=asked()).status == 200, name
    (visitors,) = ask("/figures/visitors", key, query=asked()).body["items"]
    assert visitors == {"name": "visitors", "number": 12}


@pytest.mark.parametrize(
    ("path", "query", "status", "says"),
    [
        ("/figures", "", 400, "to"),
        ("/figures", urlencode({"from": DAY["to"], "to": DAY["from"]}), 400, "must be before"),
        ("/figures", urlencode({"from": "2024-06-18", "to": "now"}), 400, "RFC3339"),
        ("/figures/moon", urlencode(DAY), 404, "There is no statistic moon"),
        ("/figures/campaigns", urlencode(DAY | {"cursor": "nonsense!"}), 400, "cursor"),
    ],
)
def test_a_wrong_question_is_a_problem_that_says_what_to_do(
    redis: Redis, key: str, path: str, query: str, status: int, says: str
) -> None:
    seen = ask(path, key, query=query)
    assert (seen.status, seen.headers["content-type"]) == (status, "application/problem+json")
    assert says in seen.body["detail"]


def test_figures_are_tables_too_by_accept_or_by_format(redis: Redis, key: str) -> None:
    fill(redis)
    log_of("clicks-1", [click("u99", "=1+1")]).fold(writer_of(redis))

    table = ask("/figures", key, query=asked(), accept="text/csv")
    lines = ask("/figures", key, query=asked(format="jsonl"))
    plain = ask("/figures", key, query=asked(), accept="text/csv;q=0.5, application/json")

    rows = list(csv.DictReader(io.StringIO(table.body)))
    assert {"section": "revenue", "name": "", "figure": "GBP", "value": "12.345"} in rows
    assert {"section": "products", "name": "'=1+1", "figure": "views", "value": "1"} in rows
    assert table.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert len(lines.body.splitlines()) == len(rows)
    assert plain.body["revenue"] == {"GBP": "12.345"}
    assert len({seen.headers["etag"] for seen in (table, lines, plain)}) == 3


def test_a_table_in_parts_says_where_the_next_one_is(redis: Redis, key: str) -> None:
    fill(redis)
    names, query = list[str](), asked(limit=2, format="csv")
    while query:
        seen = ask("/figures/campaigns", key, query=query)
        names += [row["name"] for row in csv.DictReader(io.StringIO(seen.body))]
        query = seen.headers.get("link", "?").partition("?")[2].partition(">")[0]
    assert names == [row["name"] for row in ask("/figures/campaigns", key, query=asked()).body["items"]]


@pytest.mark.parametrize(
    ("path", "query", "accept", "status", "says"),
    [
        ("/figures", urlencode(DAY), "image/png", 406, "text/csv"),
        ("/figures", urlencode(DAY), "text/csv;q=0", 406, "text/csv"),
        ("/figures", asked(format="xml"), "", 400, "json, csv, jsonl"),
        ("/orders", "", "text/csv", 406, "Answers are application/json."),
        ("/orders", "format=csv", "", 406, "Answers are application/json."),
    ],
)
def test_what_no_table_can_be_is_a_problem(
    redis: Redis, key: str, path: str, query: str, accept: str, status: int, says: str
) -> None:
    seen = ask(path, key, query=query, accept=accept)
    assert (seen.status, seen.headers["content-type"]) == (status, "application/problem+json")
    assert says in seen.body["detail"]


def test_the_answers_are_read_as_they_are_kept(redis: Redis, key: str) -> None:
    seen = ask("/answers", key)
    assert (seen.status, seen.body["trending"]) == (200, None)
    assert ask("/answers", key, query="format=csv").body.splitlines()[0] == "section,name,figure,value"


def test_without_redis_it_says_when_to_try_again(key: str, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    seen = ask("/figures", key, query=asked())
    assert (seen.status, seen.headers["retry-after"]) == (503, "5")


def test_a_key_for_orders_reads_no_figures(redis: Redis) -> None:
    other = keys.create("other", scopes=["orders"])
    assert ask("/figures", other, query=asked()).status == 403
