"""The API's own OpenAPI document: that it is one, that it is complete, and that the server does as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from beleg.plugins import Installed
from beleg.web.api import ROUTES
from beleg.web.api.openapi import document
from serving import Served, serving_the_demo

METHODS = [(method.lower(), route.path_format) for route in ROUTES for method in sorted(route.methods or ())]
SCOPES = ("read", "correct", "admin")

SPARED = {
    "changeUser": "could make the administrator whose token is used another one, or inactive",
    "setPassword": "hashes a password for each example; the body is that of addUser",
    "checkAccount": "would connect to made-up hosts",
    "checkMailServer": "likewise",
    "revokeToken": "could revoke the token that is used",
}
"""Operations that are not called at random, and why; `test_api` has them all."""
CHECKED = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, negative_data_rejection,
]  # fmt: skip
"""What is checked of each answer. Not whether right requests are accepted: no schema can say which names are free,
which cursors were given and which records there are."""


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(ROUTES)


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, found in described["paths"].items():
        for method, operation in found.items():
            yield method, path, operation


def test_it_is_an_openapi_document(described: dict[str, Any]) -> None:
    from jsonschema_specifications import REGISTRY  # the metaschema of 2020-12, which OpenAPI 3.1's schemas follow

    assert described["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(described).validate()
    metaschema = REGISTRY.contents("https://json-schema.org/draft/2020-12/schema")
    for name, schema in described["components"]["schemas"].items():
        jsonschema.validate(schema, metaschema)
        assert name


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    found = set(references(described))
    assert found
    for each in found:
        assert each.removeprefix("#/components/schemas/") in described["components"]["schemas"]


def test_every_operation_is_described_whole(described: dict[str, Any]) -> None:
    found = list(operations(described))
    assert [(method, path) for method, path, _ in found] == sorted(METHODS, key=[(m, p) for m, p, _ in found].index)
    ids = [operation["operationId"] for _, _, operation in found]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in described["tags"]}
    for method, path, operation in found:
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"].strip(), where
        assert len(operation["tags"]) == 1, where
        assert set(operation["tags"]) <= tags, where
        if path == "/health":
            assert "security" not in operation
        else:
            (scope,) = operation["security"]
            assert scope["token"] or path == "/me", where
            assert {"401", "500", "503"} <= set(operation["responses"]), where
        for scope_name in operation.get("security", [{}])[0].get("token", []):
            assert f"`{scope_name}`" in operation["description"], where
            assert "403" in operation["responses"], where
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (where, parameter["name"])
        for status, answer in operation["responses"].items():
            assert answer["description"], (where, status)
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (where, status)
            elif status != "204":
                assert answer["content"], (where, status)


def test_every_field_of_a_body_has_bounds(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for _, _, operation in operations(described)
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]
    assert bodies
    for name in bodies:
        assert schemas[name]["additionalProperties"] is False
        for field, schema in schemas[name]["properties"].items():
            for each in schema.get("anyOf", [schema]):
                bounded = each.get("type") != "string" or {"maxLength", "enum", "const", "format"} & set(each)
                assert bounded, (name, field)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, installed: Installed) -> Iterator[Served]:
    with serving_the_demo(tmp_path_factory.mktemp("schema"), installed) as found:
        yield found


@pytest.fixture(scope="module")
def secret(served: Served) -> str:
    people = served.site.people
    return people.new_token(people.user("Ada").id, "schemathesis", SCOPES, by="test")[1]


def obey(served: Served, secret: str, examples: int) -> None:
    """Call every operation with made-up requests, right and wrong ones, and check each answer by the document."""
    headers = {"authorization": f"Bearer {secret}"}
    schema = schemathesis.openapi.from_dict(httpx.get(f"{served.url}/api/v1/openapi.json").json())
    schema.config.update(base_url=f"{served.url}/api/v1")
    called = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        name = operation.definition.raw["operationId"]
        if name in SPARED:
            continue
        for mode in GenerationMode:
            try:
                _calling(operation.as_strategy(generation_mode=mode), examples, headers)()
            except Unsatisfiable:  # without parameters nothing can be wrong
                assert mode is GenerationMode.NEGATIVE
        called.add(name)
    assert called | set(SPARED) == {route.operation_id for route in ROUTES}


def _calling(cases: Any, examples: int, headers: dict[str, str]) -> Any:
    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases)
    def run(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKED)

    return run


def test_the_server_does_as_it_says(served: Served, secret: str) -> None:
    obey(served, secret, 3)


@pytest.mark.slow
def test_the_server_does_as_it_says_at_length(served: Served, secret: str) -> None:
    obey(served, secret, 30)
