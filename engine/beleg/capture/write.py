"""A scenario as the text of its file (docs/scenarios.md): what `beleg.scenario.load` reads, written."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from beleg.assignment import Assignment
from beleg.ignore import ENTRY_LISTS
from beleg.message import parse
from beleg.record import GENERIC, Record, RecordType, role_types
from beleg.scenario import Scenario
from beleg.step import RuleSettings

_UNHOLDABLE = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010fffd]")
"""What YAML can't hold as it stands, or takes for a line end."""

_LONGEST = 100_000
"""Bytes of a mail that is written into the scenario; a longer one nobody wants to read there."""


def files(scenario: Scenario, types: Mapping[str, RecordType], name: str) -> dict[str, bytes]:
    """The scenario's file, called `name`, and behind it those of the mails that YAML can't hold, or that are long."""
    writer = _Writer(types, name.removesuffix(".yaml").removesuffix(".yml"))
    document = dict(writer.members(scenario))
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
    return {name: text.encode(), **writer.mails}


class _Text(str):
    """A mail that is written line by line."""


class _Flow(dict[str, Any]):
    """A mapping on one line."""


class _Row(list[Any]):
    """A list on one line."""


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def analyze_scalar(self, scalar: str) -> Any:
        analysis = super().analyze_scalar(scalar)
        analysis.allow_block = True  # blanks at the ends of lines too: they read back as they are
        return analysis


_Dumper.add_representer(_Text, lambda d, text: d.represent_scalar("tag:yaml.org,2002:str", str(text), style="|"))
_Dumper.add_representer(_Flow, lambda d, data: d.represent_mapping("tag:yaml.org,2002:map", data, flow_style=True))
_Dumper.add_representer(_Row, lambda d, data: d.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True))


class _Writer:
    """Makes the parts of one file; collects the mails that need files of their own."""

    def __init__(self, types: Mapping[str, RecordType], stem: str) -> None:
        self.mails: dict[str, bytes] = {}
        self._types = types
        self._roles = role_types(types.values())
        self._stem = stem

    def members(self, scenario: Scenario) -> Iterator[tuple[str, Any]]:
        """The keys of the file that are not empty, with their values."""
        yield "title", scenario.title
        if scenario.records:
            yield "erp", self._erp(scenario.records)
        if ignored := {name: list(found) for name in ENTRY_LISTS if (found := getattr(scenario.ignored, name))}:
            yield "ignored", {name: _Row(found) for name, found in ignored.items()}
        if settings := dict(_settings(scenario.settings)):
            yield "settings", _Flow(settings)
        if scenario.mailbox:
            tied = Counter(_tie(each.raw) for each in scenario.mailbox)
            yield (
                "mailbox",
                [
                    {**self._mail(each.raw, f"-{n}", tied[_tie(each.raw)] > 1), **_assignments(each.assignments)}
                    for n, each in enumerate(scenario.mailbox, 1)
                ],
            )
        yield from _assignments(scenario.assignments).items()
        yield from self._mail(scenario.raw, "", False).items()
        expect = scenario.expect
        yield (
            "expect",
            {
                "assigned": _Row(sorted(expect.assigned or ())),
                **({"origins": _Flow(expect.origins)} if expect.origins else {}),
                "clauses": list(expect.clauses or ()),
            },
        )

    def _mail(self, raw: bytes, ending: str, exact: bool) -> dict[str, Any]:
        text = None if exact and b"\r" in raw else _holdable(raw)
        if text is not None:
            return {"message": _Text(text)}
        name = f"{self._stem}{ending}.eml"
        self.mails[name] = raw
        return {"message_file": name}

    # --- records ---------------------------------------------------------------------------------------------------

    def _erp(self, records: Iterable[Record]) -> dict[str, list[Any]]:
        rows: dict[str, list[Any]] = {declared.plural: [] for declared in self._types.values()}
        rows[GENERIC] = []
        for record in records:
            declared = self._types.get(record.ref.type)
            rows[declared.plural if declared else GENERIC].append(self.row(record, declared))
        return {plural: found for plural, found in rows.items() if found}

    def row(self, record: Record, declared: RecordType | None) -> dict[str, Any]:
        """The row of a record, as `beleg.importer.rows` reads it."""
        row: dict[str, Any] = {} if declared else {"type": record.ref.type}
        row["id"] = record.ref.id
        for key, value in (("number", record.number), ("name", record.label), ("status", record.status)):
            if value:
                row[key] = value
        if record.addresses:
            row["addresses"] = _Row(record.addresses)
        if record.references:
            kinds: dict[str, _Row] = defaultdict(_Row)
            for reference in record.references:
                kinds[reference.kind].append(reference.number)
            row["references"] = _Flow({kind: _one(numbers) for kind, numbers in kinds.items()})
        return row | self._links(record, declared)

    def _links(self, record: Record, declared: RecordType | None) -> dict[str, Any]:
        roles = {**self._roles, **(declared.roles() if declared else {})}
        single = declared.links or {} if declared else {}
        lists = {role: key for key, role in (declared.lists or {}).items()} if declared else {}
        found: dict[str, _Row] = defaultdict(_Row)
        for role, target in record.links:
            # A target of another type than those of its role have is written out.
            usual = roles.get(role, role) == target.type
            found[role].append(target.id if usual else _Flow(type=target.type, id=target.id))
        row: dict[str, Any] = {}
        others = _Flow()
        for role, ids in found.items():
            plain = all(isinstance(each, str) for each in ids)
            if plain and role in single and len(ids) == 1:
                row[role] = ids[0]
            elif plain and role in lists:
                row[lists[role]] = ids
            else:
                others[role] = _one(ids)
        return row | ({"links": others} if others else {})


def _one(items: _Row) -> Any:
    return items[0] if len(items) == 1 else items


def _tie(raw: bytes) -> Any:
    """Messages that share this are put in order by their bytes (RULES.md section 4): line ends count then."""
    parsed = parse(raw)
    return parsed.date, parsed.message_id


def _holdable(raw: bytes) -> str | None:
    """The mail as a text that YAML holds as it is, but for its line ends, which no decision sees."""
    if len(raw) > _LONGEST:
        return None
    try:
        text = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if not text or _UNHOLDABLE.search(text) else text


def _settings(settings: RuleSettings) -> Iterator[tuple[str, Any]]:
    usual = RuleSettings()
    for key in ("on_conflict", "min_reference_length"):
        if getattr(settings, key) != getattr(usual, key):
            yield key, getattr(settings, key)


def _assignments(found: Iterable[Assignment]) -> dict[str, Any]:
    written = []
    for each in found:
        item = _Flow(record=str(each.record), origin=each.origin)
        if each.source:
            item["from"] = each.source
        if each.removed:
            item["removed"] = _Flow(by=each.removed.by, at=each.removed.at)
        written.append(item)
    return {"assignments": written} if written else {}
