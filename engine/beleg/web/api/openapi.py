"""The OpenAPI document: what FastAPI says of the routes, and what it can't know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from beleg.explain.ladder import Ladder
from beleg.trace import Trace
from beleg.version import __version__
from beleg.web.api.access import SCHEME, Needs, caller
from beleg.web.api.fields import dependencies
from beleg.web.api.problem import Problem, responses
from beleg.why_not import WhyNot

DESCRIPTION = """
Everything that the support page does, for programs.

A request carries a token of a person: `Authorization: Bearer beleg_…` (made by `beleg user token`). Each operation
says which scope the token needs; a token allows no more than the role of its person. What a token does is written in
the journal under the name of its person.

An error is a problem (RFC 9457, `application/problem+json`). A parameter that an operation does not know is refused
(422), so that none is mistyped in vain. A list has `next` and `previous`, the cursors of the pages behind and before
it, or null. Records are written `TYPE:ID` (`order:O-77`); in a path type and id stand apart, and a slash within an id
is sent as `%2F`. Texts are in English or German (`lang`, `Accept-Language`).
"""
TAGS = {
    "messages": "Stored mail: list, search, open, and its bytes.",
    "assignments": "Correcting by hand what stands on a message.",
    "handling": "What people do with messages: done, whose they are, spam, deleted, group, topic, tags.",
    "filters": "Saved searches, topics and tags.",
    "explanations": "Why a message was decided so, and why not otherwise.",
    "records": "Records of the ERP, and what was written about them.",
    "ignored": "Addresses that never count as evidence.",
    "outgoing": "Mail that is written and sent.",
    "accounts": "Mail accounts, and what belongs to them: groups, signatures, where mail goes that arrives.",
    "users": "People who may sign in, and their tokens.",
    "rules": "What is installed: plugins, steps, decision tables, clauses.",
    "health": "Whether Beleg works.",
}
_REFERENCE = "#/components/schemas/{name}"


def document(routes: Sequence[APIRoute]) -> dict[str, Any]:
    """The document of these routes."""
    made = get_openapi(
        title="Beleg",
        version=__version__,
        description=DESCRIPTION.strip(),
        routes=routes,
        tags=[{"name": name, "description": said} for name, said in TAGS.items()],
        servers=[{"url": "/api/v1"}],
    )
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):  # ours are problems
        schemas.pop(name, None)
    others = _schemas()
    assert not schemas.keys() & others.keys(), "two schemas have one name"
    schemas |= others
    for route in routes:
        for method in route.methods or ():
            _complete(made["paths"][route.path_format][method.lower()], route)
    return made


def _schemas() -> dict[str, Any]:
    """Of what is not made of pydantic's models, and of the problem, which no route returns."""
    _, found = msgspec.json.schema_components([Trace, Ladder, WhyNot], ref_template=_REFERENCE)
    return {**found, "Problem": Problem.model_json_schema(ref_template="#/components/schemas/{model}")}


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    needs = {each.call for each in dependencies(route) if each.call is caller or isinstance(each.call, Needs)}
    scope = next((each.scope for each in needs if isinstance(each, Needs)), None)
    statuses = [500, 503]
    if needs:
        operation["security"] = [{SCHEME: [scope] if scope else []}]
        said = f"Needs a token with the scope `{scope}`." if scope else "Needs a token, of whichever scope."
        statuses += [401, 403] if scope else [401]
    else:
        operation.pop("security", None)
        said = "Open to all."
    operation["description"] = f"{operation.get('description', '').strip()}\n\n{said}"
    if operation.get("parameters") or "requestBody" in operation:
        statuses += [400, 422]
    if "requestBody" in operation:
        statuses += [413]
    if "{" in route.path_format:
        statuses += [404]
    general = {str(status): said for status, said in responses(*sorted(statuses)).items()}
    own = {status: said for status, said in operation["responses"].items() if status != "422"}
    operation["responses"] = dict(sorted({**general, **own}.items()))
