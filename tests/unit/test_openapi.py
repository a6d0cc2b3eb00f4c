"""docs/openapi.json is what the routes say, and whoever reads it finds all that it points at."""

import json
import re
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator

from shopsite.api.keys import SCOPES
from shopsite.api.openapi import document
from shopsite.api.routes import ROUTES
from shopsite.api.routing import ROOT, Route
from tests.support.api import resolved

OPERATIONS = [pytest.param(route, id=route.path) for route in ROUTES]


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == "$ref")
        for value in node.values():
            yield from references(value)
    if isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_document_in_docs_is_true() -> None:
    call_command("openapi", check=True)


def test_every_route_is_documented_and_nothing_else() -> None:
    assert document()["paths"].keys() == {route.path for route in ROUTES}


@pytest.mark.parametrize("route", OPERATIONS)
def test_an_operation_says_what_it_does_takes_and_answers(route: Route) -> None:
    operation = document()["paths"][route.path]["get"]
    assert operation["summary"]
    assert route.scope in SCOPES
    names = {parameter["name"] for parameter in operation["parameters"]}
    form = {"format"} if route.table else set()
    assert names == {*re.findall(r"\{(\w+)\}", route.path), *route.query.__struct_encode_fields__} | form
    assert {"200", "304", "400", "401", "403", "406", "429", "500", "503"} <= operation["responses"].keys()
    assert ("404" in operation["responses"]) == ("{" in route.path)
    assert all(
        parameter.get("description") for parameter in operation["parameters"] if parameter["in"] == "query"
    )


def test_operations_have_names_of_their_own() -> None:
    names = [path["get"]["operationId"] for path in document()["paths"].values()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere() -> None:
    found = list(references(document()))
    assert len(found) > 20
    assert all(resolved({"$ref": reference}) for reference in found)


def test_every_schema_is_one() -> None:
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert json.dumps(document())


def test_no_route_hides_another() -> None:
    for number, route in enumerate(ROUTES):
        path = ROOT + re.sub(r"\{\w+\}", "a", route.path)
        assert [other.path for other in ROUTES if other.ids(path) is not None] == [route.path], number


def test_ids_are_decoded_and_may_hold_slashes() -> None:
    route = next(route for route in ROUTES if route.path.endswith("/stock"))
    for sent, meant in (
        ("a%2Fb", "a/b"),
        ("a/b", "a/b"),
        ("%C3%A4%20%25", "ä %"),
        ("stock/stock", "stock/stock"),
    ):
        assert route.ids(f"{ROOT}/products/{sent}/stock") == {"product_id": meant}
    assert route.ids(f"{ROOT}/products//stock") is None
    assert route.ids(f"{ROOT}/products/stock") is None
