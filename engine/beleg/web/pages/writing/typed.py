"""What a person typed into the editor, read from its form: never refused, so that it can be shown again."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from fastapi import Request
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.types import Scope

from beleg.errors import InputError
from beleg.show import file_name
from beleg.store import DatabaseError
from beleg.store.outgoing import Draft, NewFile
from beleg.web.sessions import COOKIE
from beleg.web.site import Site

LONGEST_TYPED = 2 * 1024 * 1024
"""Bytes of what is typed: all that a form may have besides its files, or whose sender is not signed in (any more)."""
MOST_FILES = 100
FIELDS = ("to", "cc", "bcc", "subject", "text")
_EDITOR = re.compile(r"/outbox/\d{1,18}/edit")
_CONTROLS = re.compile("[\\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,100}")


@dataclass(frozen=True)
class Typed:
    """The form: what is written, the files that were chosen, which button was pressed (`do`, with what it is `about`),
    the `version` of the draft that it was typed over, and the chosen signature. `cut`: the files were so large that
    none came."""

    draft: Draft
    files: tuple[NewFile, ...] = ()
    do: str = "save"
    about: str = ""
    version: str = ""
    signature: int | None = None
    cut: bool = False


def version_of(draft: Draft) -> str:
    """Stands for what a draft says: another text has another version."""
    said = [draft.to, draft.cc, draft.bcc, draft.subject, draft.text, draft.group]
    return sha256(msgspec.json.encode(said)).hexdigest()[:32]


def longest(site: Site, scope: Scope) -> int:
    """How long a body may be: that of the editor's form longer than others."""
    if scope["method"] != "POST" or not _EDITOR.fullmatch(scope["path"]):
        return 0
    cookie = Request(scope).cookies.get(COOKIE)
    signed_in = False
    with suppress(DatabaseError):  # which the page will meet, too, and tell
        signed_in = bool(cookie and site.signer.read(cookie))
    return LONGEST_TYPED + (site.outbox.most_attached if signed_in else 0)


async def typed(request: Request) -> Typed:
    """The form of a request. Raises InputError where part of what was typed is missing, so that it replaces nothing."""
    # How long all of it may be is bounded before (`beleg.web.body`).
    async with request.form(max_files=MOST_FILES, max_fields=50, max_part_size=2**40) as form:
        if any(name not in form for name in FIELDS):
            raise InputError("This is not the whole form of the editor. Go back, and shorten the text.")
        files = [
            NewFile(file_name(each.filename), _type(each.headers), await each.read())
            for each in form.getlist("files")
            if isinstance(each, UploadFile) and each.filename
        ]
        do, _, about = _text(form, "do").partition(":")
        draft = Draft(
            to=_people(form, "to"), cc=_people(form, "cc"), bcc=_people(form, "bcc"),
            subject=" ".join(_text(form, "subject").split()), text=_text(form, "text"), group=_number(form, "group"),
        )  # fmt: skip
        cut = bool(getattr(request.state, "cut", False))
        version, signature = _text(form, "version"), _number(form, "signature")
    return Typed(draft, () if cut else tuple(files), do or "save", about, version, signature, cut)


def _text(form: FormData, name: str) -> str:
    """A field's text, with the line ends of Python, and without characters that nobody types."""
    value = form.get(name)
    return _CONTROLS.sub("", value.replace("\r\n", "\n").replace("\r", "\n")) if isinstance(value, str) else ""


def _people(form: FormData, name: str) -> str:
    """Addresses, which may have been put in one a line."""
    return ", ".join(line.strip(" ,;") for line in _text(form, name).split("\n") if line.strip(" ,;"))


def _number(form: FormData, name: str) -> int | None:
    text = _text(form, name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _type(headers: Headers) -> str:
    """The media type that the browser names for a file, where it is one."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind if _TYPE.fullmatch(kind) else "application/octet-stream"
