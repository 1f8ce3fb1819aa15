"""Pages from templates."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from beleg.printable import harmless, printable
from beleg.version import __version__
from beleg.web.language import NAMES, Language
from beleg.web.sessions import Visitor

HERE = Path(__file__).parent
STATIC = HERE / "static"


class AsTyped(str):
    """What a person typed, in the field where it is typed further: it comes back as it is."""


def page(request: Request, visitor: Visitor, template: str, /, *, status: int = 200, **values: Any) -> Response:
    """A template filled in, in the visitor's language. A mail's words are text in it, never markup."""
    found = environment(visitor.language).get_template(template)
    html = found.render(visitor=visitor, request=request, path=request.url.path, **values)
    return HTMLResponse(html, status)


def see(path: str) -> Response:
    """After a change: look at this page (303, so that reloading does not repeat the change)."""
    return RedirectResponse(path, 303)


@cache
def environment(language: Language) -> Environment:
    """The templates in a language."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        finalize=_printable,
    )
    made.install_gettext_translations(language.words, newstyle=True)  # type: ignore[attr-defined]  # of the extension
    made.filters |= {
        "line": harmless,
        "date": language.date,
        "at": language.at,
        "moment": language.moment,
        "day": language.day,
        "number": language.number,
    }
    made.globals |= {
        "language": language.code,
        "languages": NAMES,
        "version": __version__,
        "static": _static,
    }
    return made


def _printable(value: Any) -> Any:
    """Without what has no place on a screen: a mail must not turn the writing direction of what stands beside it."""
    if isinstance(value, Undefined | AsTyped):
        return value
    said = printable(str(value))
    # What a message of the catalogues has filled in is marked as safe by then, and no less a stranger's.
    return Markup(said) if isinstance(value, Markup) else said


@cache
def _static(name: str) -> str:
    """The address of a static file, another one when it changes."""
    mark = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{mark}"
