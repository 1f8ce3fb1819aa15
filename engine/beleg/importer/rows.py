"""One row of an import file, of whatever format, to one `Record`.

The keys are those of docs/scenarios.md: `id`, `number`, `name`, `status`, `addresses`, `references` (kind: number or
list of numbers), the type's own link roles (`customer`, `offer`) and lists (`articles`), and `links` (role: id).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from beleg.errors import InputError, Where, unknown_key
from beleg.record import Link, Record, RecordRef, RecordType, Reference, role_types

COMMON = ("id", "number", "name", "status", "addresses", "references", "links")
GENERIC = "records"
"""The key under which rows of any type stand, each with a `type`."""


class RowReader:
    """Makes records of rows, by the record types that are installed."""

    def __init__(self, types: Mapping[str, RecordType]) -> None:
        self._types = types
        self._by_plural = {declared.plural: declared for declared in types.values()}
        self._roles = role_types(types.values())

    def plurals(self) -> list[str]:
        """The keys of the import format, the generic one last."""
        return [*self._by_plural, GENERIC]

    def type_of(self, plural: str) -> RecordType | None:
        """The type whose rows stand under this key; None for the generic key."""
        return self._by_plural.get(plural)

    def keys(self, declared: RecordType | None) -> list[str]:
        """The keys that a row of the type may have."""
        if declared is None:
            lists = [key for each in self._types.values() for key in each.lists or {}]
            return [*COMMON, "type", *dict.fromkeys([*self._roles, *lists])]
        return [*COMMON, *(declared.links or {}), *(declared.lists or {})]

    def read(self, declared: RecordType | None, row: Any, where: Callable[[str | None], Where]) -> Record:
        """One row to a record. `where` gives the place of a key (None: of the row). Raises InputError."""
        if not isinstance(row, Mapping):
            raise InputError("a record must be a mapping with at least an id", where(None))
        keys = self.keys(declared)
        for key in row:
            if key not in keys:
                raise InputError(unknown_key(key, keys), where(key))
        type_ = declared.name if declared else self._text(row, "type", where)
        if not type_:
            raise InputError("a record under 'records' needs a type", where(None))
        declared = declared or self._types.get(type_)
        id_ = self._text(row, "id", where)
        if not id_:
            raise InputError("the record has no id; every record needs one, unique within its type", where(None))
        return Record(
            RecordRef(type_, id_),
            self._text(row, "number", where),
            self._text(row, "name", where),
            self._status(declared, row, where),
            tuple(self._texts(row.get("addresses"), "addresses", where)),
            tuple(self._references(row, where)),
            tuple(self._links(declared, row, where)),
        )

    def _status(
        self, declared: RecordType | None, row: Mapping[str, Any], where: Callable[[str | None], Where]
    ) -> str | None:
        status = self._text(row, "status", where)
        if declared is None or not declared.statuses:
            return status
        if status and status not in declared.statuses:
            allowed = ", ".join(declared.statuses)
            raise InputError(
                f"{status!r} is no status of a {declared.name}; write one of {allowed}, or nothing", where("status")
            )
        return declared.facet(status)

    def _references(
        self, row: Mapping[str, Any], where: Callable[[str | None], Where]
    ) -> Iterator[Reference]:
        references = row.get("references") or {}
        if not isinstance(references, Mapping):
            raise InputError("references must be a mapping of kind to number or list of numbers", where("references"))
        for kind, numbers in references.items():
            for number in self._texts(numbers, "references", where):
                yield Reference(str(kind), number)

    def _links(
        self, declared: RecordType | None, row: Mapping[str, Any], where: Callable[[str | None], Where]
    ) -> Iterator[Link]:
        roles = {**self._roles, **(declared.roles() if declared else {})}
        lists = (
            dict(declared.lists or {})
            if declared
            else {key: role for each in self._types.values() for key, role in (each.lists or {}).items()}
        )
        for key, value in row.items():
            if key in lists:
                role = lists[key]
                for id_ in self._texts(value, key, where):
                    yield Link(role, RecordRef(roles.get(role, role), id_))
            elif key in roles:
                if id_ := self._text(row, key, where):
                    yield Link(key, RecordRef(roles[key], id_))
        links = row.get("links") or {}
        if not isinstance(links, Mapping):
            raise InputError("links must be a mapping of role to id", where("links"))
        for role, value in links.items():
            for id_ in self._texts(value, "links", where):
                yield Link(str(role), RecordRef(roles.get(role, str(role)), id_))

    @staticmethod
    def _text(row: Mapping[str, Any], key: str, where: Callable[[str | None], Where]) -> str | None:
        value = row.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise InputError(f"{key} must be one text, not a {_kind(value)}", where(key))
        return _clean(value).strip() or None

    @staticmethod
    def _texts(value: Any, key: str, where: Callable[[str | None], Where]) -> Iterator[str]:
        if value is None:
            return
        for item in value if isinstance(value, list) else [value]:
            if item is None:
                continue
            if not isinstance(item, str):
                raise InputError(f"{key} must hold texts, not a {_kind(item)}", where(key))
            if text := _clean(item).strip():
                yield text


def _kind(value: Any) -> str:
    return "list" if isinstance(value, list) else "mapping" if isinstance(value, Mapping) else type(value).__name__


def _clean(text: str) -> str:
    """Without NUL (PostgreSQL refuses it) and lone surrogates (both databases do)."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
