"""Who is signed in: a signed cookie that holds the session's secret, and when it was last used."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from beleg.people import User
from beleg.web.language import Language, accepted

COOKIE = "beleg_session"
IDLE = 60 * 60
"""Seconds without a request after which a session has ended. The absolute limit is in `beleg.people`."""
RENEWED = 60
"""Seconds after which the cookie is written anew."""


class Signer:
    """Signs and reads the cookie."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="beleg.session")

    def cookie(self, session: str, *, secure: bool) -> str:
        """The value of Set-Cookie for a session's secret; an empty one takes the cookie away."""
        written: SimpleCookie = SimpleCookie()
        value = self._serializer.dumps(session)
        written[COOKIE] = value.decode() if isinstance(value, bytes) else value
        flags = {"path": "/", "httponly": True, "samesite": "Lax", "secure": secure}
        for name, flag in flags.items():
            written[COOKIE][name] = flag
        return written[COOKIE].OutputString()

    def read(self, cookie: str) -> tuple[str, float] | None:
        """The session's secret, and the seconds since the cookie was written; None for a forged or idle one."""
        try:
            secret, written = self._serializer.loads(cookie, max_age=IDLE, return_timestamp=True)
        except BadSignature:
            return None
        return str(secret), time.time() - written.timestamp()


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page, and in which language. `user` is None before he has signed in."""

    language: Language
    user: User | None = None

    @property
    def name(self) -> str:
        """Who does it, for the journal."""
        return self.user.name if self.user else ""

    @property
    def id(self) -> int:
        """His number; 0 before he has signed in."""
        return self.user.id if self.user else 0

    @property
    def is_admin(self) -> bool:
        """Whether he may change settings and users."""
        return self.user is not None and self.user.role == "admin"


class NotSignedIn(Exception):
    """The page is for people who signed in; the way to come back after that."""

    def __init__(self, back: str) -> None:
        super().__init__("not signed in")
        self.back = back


class NotAllowed(Exception):
    """Who signed in may not see or do this; `need` says what he lacks: `admin` or `mail`."""

    def __init__(self, need: str) -> None:
        super().__init__(need)
        self.need = need


def visitor(request: Request) -> Visitor:
    """Whoever makes the request, signed in or not."""
    site = request.app.state.site
    user = _user(request, site)
    wanted = (request.query_params.get("lang"), user.language if user else None)
    accept = accepted(request.headers.get("accept-language", ""))
    code = next(each for each in (*wanted, accept, site.language, "en") if each in site.languages)
    found = Visitor(site.languages[code], user)
    request.state.visitor = found
    return found


def _user(request: Request, site: Any) -> User | None:
    cookie = request.cookies.get(COOKIE)
    read = site.signer.read(cookie) if cookie else None
    if read is None:
        return None
    secret, age = read
    session = site.people.session(secret)
    if session is None:
        return None
    if age > RENEWED:
        request.state.set_cookie = site.signer.cookie(secret, secure=request.url.scheme == "https")
    user: User = session[0]
    return user


def signed_in(request: Request, found: Annotated[Visitor, Depends(visitor)]) -> Visitor:
    """Someone who signed in. Raises NotSignedIn."""
    if found.user is None:
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        raise NotSignedIn(back if request.method == "GET" else "/")
    return found


def reader(found: Annotated[Visitor, Depends(signed_in)]) -> Visitor:
    """Someone who may use mail. Raises NotSignedIn, NotAllowed."""
    if found.user is None or not found.user.mail:
        raise NotAllowed("mail")
    return found


def admin(found: Annotated[Visitor, Depends(signed_in)]) -> Visitor:
    """Someone who may change settings and users. Raises NotSignedIn, NotAllowed."""
    if not found.is_admin:
        raise NotAllowed("admin")
    return found


Anyone = Annotated[Visitor, Depends(visitor)]
SignedIn = Annotated[Visitor, Depends(signed_in)]
Reader = Annotated[Visitor, Depends(reader)]
Admin = Annotated[Visitor, Depends(admin)]


def local(path: str) -> str:
    """The path to go back to, if it is one of ours: no other site, no sign-in again."""
    if not path.startswith("/") or path.startswith(("//", "/\\", "/sign-")) or any(ord(each) < 32 for each in path):
        return "/"
    return quote(path, safe="/?&=%:+,;@!$'()*~._-")
