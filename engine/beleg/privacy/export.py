"""Gives a person what is stored about his address (Art. 15 GDPR): a folder, or a zip file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from beleg.assignment import Assignment
from beleg.errors import InputError, Where
from beleg.explain import Explainer
from beleg.privacy.find import FoundMail, find_mails, read
from beleg.privacy.person import Person
from beleg.privacy.written import is_to, names
from beleg.record import Record
from beleg.store import erasing, journal
from beleg.store.mails import Mails
from beleg.workspace import Workspace

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time of every file in a zip, so that two exports of the same are the same."""
_EMAIL, _JSON, _TEXT = ".eml", ".json", ".txt"


@dataclass(frozen=True)
class Exported:
    """How much was written; `path` is None where nothing is stored about the address and nothing was written."""

    path: Path | None
    mails: int = 0
    mentions: int = 0
    """Mails that only mention the address, written or not."""
    records: int = 0
    journal: int = 0
    ignored: int = 0
    written: int = 0


def export(
    workspace: Workspace,
    address: str,
    path: Path,
    explainer: Explainer,
    *,
    all_mentions: bool = False,
    zipped: bool = False,
    force: bool = False,
    progress: Callable[[int], None] = lambda count: None,
) -> Exported:
    """Write the mails in which the address takes part (with `all_mentions` also those that name it elsewhere), the
    explanation of each decision, what stands on them, his records, what people did on his mails, and the mails that are
    written to him (drafts, sent, failed). Raises InputError
    where it is no address, or something is there already and not `force`."""
    person = Person(address)
    with workspace.database.begin(write=False) as connection:
        mails = Mails(connection)
        found = find_mails(mails, person, workspace.ignore_list(connection), workspace.rules.limits, progress).mails
        records = [each for each in erasing.records(connection) if person.key in each.address_keys()]
        ignored = erasing.ignored_entries(connection, person.key)
        written = [
            each
            for each in erasing.written(connection)
            if is_to(each, person) or (all_mentions and names(each, person, workspace.rules.limits))
        ]
        if not (found or records or ignored or written):
            return Exported(None)
        wanted = [each for each in found if all_mentions or each.role != "mentioned"]
        with closing(_target(path, zipped=zipped, force=force)) as target:
            target.put("README.txt", _readme(address.strip(), explainer.language).encode())
            for each in wanted:
                _write_mail(target, mails, each, explainer)
            entries = [entry for each in wanted for entry in journal.of_message(connection, each.stored.row)]
            target.put("mails.json", _json([_about(mails, each) for each in wanted]))
            target.put("records.json", _json([_record(each) for each in records]))
            target.put("journal.json", _json([each._asdict() for each in entries]))
            for each_written in written:
                if each_written.raw is not None:
                    target.put(f"written/{_number(each_written.id)}{_EMAIL}", each_written.raw)
            target.put("written.json", _json([_written(each) for each in written]))
            target.put("ignored.json", _json([{"list": name, "entry": entry} for name, entry in ignored]))
    mentions = sum(each.role == "mentioned" for each in found)
    taking_part = len(found) - mentions
    return Exported(path, taking_part, mentions, len(records), len(entries), len(ignored), len(written))


# --- where it goes ---------------------------------------------------------------------------------------------------


class _Target(Protocol):
    def put(self, name: str, data: bytes) -> None: ...

    def close(self) -> None: ...


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, name: str, data: bytes) -> None:
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def close(self) -> None:
        pass


class _Zip:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)

    def put(self, name: str, data: bytes) -> None:
        entry = zipfile.ZipInfo(name, _LONG_AGO)
        entry.external_attr = 0o600 << 16
        self._file.writestr(entry, data, zipfile.ZIP_DEFLATED)

    def close(self) -> None:
        self._file.close()


def _target(path: Path, *, zipped: bool, force: bool) -> _Target:
    if zipped and path.is_dir():
        raise InputError("a folder is there already; name another file", Where(str(path)))
    if not zipped and path.exists() and not path.is_dir():
        raise InputError("a file is there already; name a folder", Where(str(path)))
    if not force and path.exists() and (zipped or any(path.iterdir())):
        raise InputError("something is there already; --force writes over it", Where(str(path)))
    return _Zip(path) if zipped else _Folder(path)


# --- what is written -------------------------------------------------------------------------------------------------


def _write_mail(target: _Target, mails: Mails, found: FoundMail, explainer: Explainer) -> None:
    folder = "mentions" if found.role == "mentioned" else "mails"
    for stored, raw in read(mails, [found.stored.row]):
        target.put(f"{folder}/{_number(stored.row)}{_EMAIL}", raw)
        if decided := mails.decision(stored.row):
            target.put(f"explanations/{_number(stored.row)}{_TEXT}", explainer.text(*decided).encode())


def _about(mails: Mails, found: FoundMail) -> dict[str, Any]:
    stored = found.stored
    decisions = mails.decisions([stored.row])
    decided = decisions.get(stored.row)
    return {
        "number": _number(stored.row),
        "message_id": stored.message_id,
        "sha256": stored.sha256,
        "date": stored.date.isoformat() if stored.date else None,
        "subject": stored.subject,
        "role": found.role,
        "decision": {"digest": decided.digest, "ruleset": decided.ruleset} if decided else None,
        "assignments": [_assignment(each) for each in mails.assignments(stored.row)],
    }


def _assignment(each: Assignment) -> dict[str, Any]:
    return {
        "record": str(each.record),
        "origin": each.origin,
        "source": each.source,
        "clause": each.clause,
        "removed": {"by": each.removed.by, "at": each.removed.at} if each.removed else None,
    }


def _record(each: Record) -> dict[str, Any]:
    return {
        "record": str(each.ref),
        "number": each.number,
        "label": each.label,
        "status": each.status,
        "addresses": each.addresses,
        "references": [reference._asdict() for reference in each.references],
        "links": [{"role": link.role, "record": str(link.target)} for link in each.links],
    }


def _written(each: erasing.Written) -> dict[str, Any]:
    return {
        "number": _number(each.id),
        "state": each.state,
        "changed": datetime.fromtimestamp(each.changed, UTC).isoformat(),
        "from": each.sender,
        "recipients": each.recipients,
        "subject": each.subject,
        "text": each.body,
        "files": [name for name, _ in each.files],
    }


def _number(row: int) -> str:
    return f"{row:06}"


def _json(value: Sequence[Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _readme(address: str, language: str) -> str:
    return _README[language].format(address=address)


_README = {
    "en": """\
What Beleg has stored about {address}

Beleg ties e-mails to the records of a company's ERP that they are about. This is a copy of what it
has stored about this address (Art. 15 GDPR).

mails/         the mails that the address sent or received, as they came (any mail program opens them)
mentions/      mails that only name the address, where they were asked for
explanations/  for each mail: which records it was tied to, and why
mails.json     for each mail: what the address is to it, the records that stand on it, who removed any
records.json   the records of the ERP that carry the address, as they were last taken over
journal.json   what staff did on these mails by hand
written.json   mails that staff wrote to the address: drafts, and what was sent or could not be (written/)
ignored.json   entries by which the address does not count when mails are tied to records
""",
    "de": """\
Was Beleg über {address} gespeichert hat

Beleg ordnet E-Mails den Datensätzen der Warenwirtschaft zu, um die es in ihnen geht. Dies ist eine Kopie
dessen, was zu dieser Adresse gespeichert ist (Art. 15 DSGVO).

mails/         die Mails, die die Adresse gesendet oder empfangen hat, wie sie kamen (jedes Mailprogramm öffnet sie)
mentions/      Mails, die die Adresse nur nennen, wo sie verlangt wurden
explanations/  zu jeder Mail: welchen Datensätzen sie zugeordnet wurde und warum
mails.json     zu jeder Mail: was die Adresse in ihr ist, welche Datensätze an ihr stehen, wer welche entfernt hat
records.json   die Datensätze der Warenwirtschaft mit dieser Adresse, wie sie zuletzt übernommen wurden
journal.json   was Mitarbeiter an diesen Mails von Hand getan haben
written.json   Mails, die Mitarbeiter an die Adresse geschrieben haben: Entwürfe, gesendete, nicht gesendete (written/)
ignored.json   Einträge, durch die die Adresse beim Zuordnen nicht zählt
""",
}
