"""The blacklist: which addresses never count, and what another entry would change before it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from beleg.errors import InputError
from beleg.ignore import OWN_KINDS, Entry, IgnoreList, classify
from beleg.replay.change import OUTCOMES, Change
from beleg.replay.ignoring import Effect, effect
from beleg.replay.text import Wording
from beleg.web.jobs import Job, Progress
from beleg.web.render import page, see
from beleg.web.sessions import Admin, SignedIn, Visitor
from beleg.web.site import Site, site_of
from beleg.workspace import AssignReport, Workspace
from beleg.workspace.ignoring import entry_key

router = APIRouter()

SHOWN = 200
"""How many entries, or changes, one page lists."""
EFFECT, ANEW = "ignored.effect", "ignored.anew"


@dataclass(frozen=True)
class Wanted:
    """A change of the blacklist: one entry put on it or taken off it."""

    entry: str
    adding: bool

    @classmethod
    def of(cls, add: str, remove: str) -> Wanted:
        """What a form asks for. Raises InputError."""
        entry = (add or remove).strip()
        entry_key("blacklist", entry)
        return cls(entry, bool(add))

    def saved(self, ignored: IgnoreList) -> bool:
        """Whether the list is like that."""
        wanted = classify(self.entry)
        there = any(classify(text) == wanted for text in ignored.blacklist)
        return there == self.adding


@dataclass(frozen=True)
class Listed:
    """An entry as the page lists it; `who` and `at` are None where the journal does not know."""

    entry: Entry
    who: str | None = None
    at: str | None = None


@router.get("/ignored")
def listed(request: Request, visitor: SignedIn, search: str = "") -> Response:
    """The list."""
    return _listed(request, visitor, search)


@router.post("/ignored/effect")
def look(
    request: Request,
    visitor: Admin,
    add: Annotated[str, Form(max_length=1000)] = "",
    remove: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Begin to work out what an entry, or its removal, would change."""
    assert visitor.user
    site = site_of(request)
    try:
        wanted = Wanted.of(add, remove)
        if wanted.saved(site.workspace.ignored()):
            if wanted.adding:
                raise InputError("%(entry)r is on the blacklist already.", entry=wanted.entry)
            raise InputError("%(entry)r is not on the blacklist.", entry=wanted.entry)
        job = site.jobs.start(visitor.user.id, EFFECT, wanted, partial(_effect, site.workspace, wanted))
    except InputError as error:
        return _listed(request, visitor, "", entered=add, fault=visitor.language.tell(error))
    return see(f"/ignored/effect/{job.id}")


@router.get("/ignored/effect/{id_}")
def shown(request: Request, visitor: Admin, id_: str) -> Response:
    """How far that is, or what would change."""
    site, job, wanted = _job(request, visitor, id_, EFFECT)
    found: Effect | None = job.result
    return page(
        request,
        visitor,
        "ignored_effect.html",
        job=job,
        wanted=wanted,
        saved=wanted.saved(site.workspace.ignored()),
        told=visitor.language.tell(job.error) if job.error else None,
        effect=found,
        changes=_told(site, visitor, found) if found else [],
        shown=SHOWN,
    )


@router.post("/ignored/effect/{id_}/cancel")
def cancel(request: Request, visitor: Admin, id_: str) -> Response:
    """Work it out no further."""
    _job(request, visitor, id_, EFFECT)[1].cancel()
    return see("/ignored")


@router.post("/ignored/effect/{id_}/save")
def save(request: Request, visitor: Admin, id_: str) -> Response:
    """Change the list. Decisions that are stored stay as they are."""
    site, _, wanted = _job(request, visitor, id_, EFFECT)
    change = site.workspace.ignore if wanted.adding else site.workspace.unignore
    change("blacklist", [wanted.entry], visitor.name)
    return see(f"/ignored/effect/{id_}")


@router.post("/ignored/effect/{id_}/anew")
def anew(request: Request, visitor: Admin, id_: str) -> Response:
    """Begin to decide the messages anew that the change is about."""
    assert visitor.user
    site, job, wanted = _job(request, visitor, id_, EFFECT)
    if not isinstance(job.result, Effect) or not wanted.saved(site.workspace.ignored()):
        raise InputError("The blacklist was not changed, so there is nothing to decide anew.")
    work = partial(_decide, site.workspace, job.result.rows)
    return see(f"/ignored/anew/{site.jobs.start(visitor.user.id, ANEW, wanted, work).id}")


@router.get("/ignored/anew/{id_}")
def decided(request: Request, visitor: Admin, id_: str) -> Response:
    """How far deciding is, and what came of it."""
    _, job, wanted = _job(request, visitor, id_, ANEW)
    told = visitor.language.tell(job.error) if job.error else None
    return page(request, visitor, "ignored_anew.html", job=job, wanted=wanted, told=told)


@router.post("/ignored/anew/{id_}/cancel")
def stop(request: Request, visitor: Admin, id_: str) -> Response:
    """Decide no further messages."""
    _job(request, visitor, id_, ANEW)[1].cancel()
    return see(f"/ignored/anew/{id_}")


def _effect(workspace: Workspace, wanted: Wanted, progress: Progress) -> Effect:
    add, remove = ([wanted.entry], []) if wanted.adding else ([], [wanted.entry])
    return effect(workspace, add, remove, progress)


def _decide(workspace: Workspace, rows: list[int], progress: Progress) -> AssignReport:
    done = 0

    def count(decided: int) -> None:
        nonlocal done
        done += decided
        progress("decide", done, len(rows))

    return workspace.assign(rows, count)


def _job(request: Request, visitor: Visitor, id_: str, kind: str) -> tuple[Site, Job, Wanted]:
    assert visitor.user
    site = site_of(request)
    job = site.jobs.find(id_, visitor.user.id, kind)
    return site, job, job.about


def _listed(
    request: Request, visitor: Visitor, search: str, *, entered: str = "", fault: str | None = None
) -> Response:
    workspace = site_of(request).workspace
    since = workspace.ignored_since()
    entries = [entry for entry, _ in workspace.ignored().entries()]
    mine = [each for each in entries if each.kind not in OWN_KINDS]
    wanted = [each for each in mine if search.strip().casefold() in each.text.casefold()]
    wanted.sort(key=lambda each: each.text.casefold())
    lines = [
        Listed(each, *since.get(("blacklist", entry_key("blacklist", each.text)), (None, None)))
        for each in wanted[:SHOWN]
    ]
    return page(
        request,
        visitor,
        "ignored.html",
        status=400 if fault else 200,
        entries=lines,
        total=len(mine),
        found=len(wanted),
        people=[each for each in entries if each.kind in OWN_KINDS],
        search=search,
        entered=entered,
        fault=fault,
        shown=SHOWN,
    )


def _told(site: Site, visitor: Visitor, found: Effect) -> list[dict[str, Any]]:
    """The changes as they are read, other records first, then the newest first."""
    wording = Wording(site.explainers[visitor.language.code].phrases)
    newest = found.changes[::-1]
    changes = sorted(newest, key=lambda change: change.kind not in (*OUTCOMES, "failed"))
    return [_line(change, wording, change.row in found.otherwise) for change in changes[:SHOWN]]


def _line(change: Change, wording: Wording, otherwise: bool) -> dict[str, Any]:
    return {
        "row": change.row,
        "subject": change.subject or wording.texts["no_subject"],
        "kind": change.kind,
        "said": wording.texts["explanation" if change.kind == "same" else change.kind],
        "before": wording.records(change.before),
        "after": wording.records(change.after),
        "from": wording.clause(change.from_) if change.from_ else "",
        "to": wording.clause(change.to) if change.to else "",
        "error": change.error,
        "otherwise": otherwise,
    }
