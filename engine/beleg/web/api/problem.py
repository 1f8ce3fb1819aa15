"""Errors as problems: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from beleg.errors import InputError, NotFound
from beleg.mailserver import MailServerError
from beleg.orchestrator import StepFailed
from beleg.printable import printable
from beleg.store import DatabaseError
from beleg.web.room import RETRY_AFTER, Busy

MEDIA = "application/problem+json"
_log = logging.getLogger(__name__)
LONGEST = 1_000
"""Characters of a detail, which may quote what was sent."""


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field("about:blank", description="about:blank: the status says it")
    title: str = Field(description="the status in words")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what was wrong with this request, and what to do")


def problem(status: int, detail: str, **headers: str) -> Response:
    """A problem as an answer."""
    said = printable(detail)[:LONGEST]
    found = Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=said)
    return Response(found.model_dump_json(), status, headers, MEDIA)


def responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """For a route: the problems that it may answer with, for the OpenAPI document."""
    content = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {each: {"description": HTTPStatus(each).phrase, "content": content} for each in statuses}


def explain_errors(api: FastAPI, allowed: Callable[[str], list[str]]) -> None:
    """Make every error of an application a problem; `allowed` are the methods of a path."""

    def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 405:
            methods = ", ".join(allowed(request.scope["path"].removeprefix(request.scope.get("root_path", ""))))
            return problem(405, f"this can be asked for by {methods}", allow=methods)
        return _answer(error)

    told = (NotFound, InputError, MailServerError, Busy, StepFailed, DatabaseError)
    for kind in (HTTPException, RequestValidationError, *told, Exception):
        api.add_exception_handler(kind, answer)


def _answer(error: Exception) -> Response:
    if isinstance(error, HTTPException):
        if (error.status_code, error.detail) == (404, HTTPStatus(404).phrase):
            return problem(404, "there is nothing at this path; /api/v1/openapi.json lists what there is")
        return problem(error.status_code, str(error.detail), **(error.headers or {}))
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return problem(422, f"{where}: {first['msg']}")
    if isinstance(error, NotFound):
        return problem(404, str(error))
    if isinstance(error, InputError):
        return problem(400, str(error))
    if isinstance(error, MailServerError):
        return problem(502, str(error))
    if isinstance(error, Busy):
        return problem(503, str(error), **{"retry-after": RETRY_AFTER})
    if isinstance(error, StepFailed):
        return problem(500, str(error))
    if isinstance(error, DatabaseError):
        _log.error("%s", error)  # names the database's host and user, which is not for everybody
        return problem(503, "the database can't be used now; the server's log says why")
    return problem(500, "Beleg met an error of its own; the server's log says which")
