"""One row of an import file, of whatever format, to one `Record`.

The keys are those of docs/scenarios.md: `id`, `number`, `name`, `status`, `addresses`, `references` (kind:
number or list of numbers), the type's own link roles (`customer`, `offer`) and lists (`articles`), and
`links` (role: id, or type and id where the role does not say the type).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from beleg.errors import InputError, Where, unknown_key
from beleg.record import GENERIC, Link, Record, RecordRef, RecordType, Reference, role_types

COMMON = ("id", "number", "name", "status", "addresses", "references", "links")

At = Callable[[str | None], Where]
"""Gives the place of a key of the row (None: of the row itself)."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the rows of a type may hold: their keys, links (role: type) and lists (key: role, type)."""

    keys: tuple[str, ...]
    known: frozenset[str]
    links: Mapping[str, str]
    lists: Mapping[str, tuple[str, str]]
    roles: Mapping[str, str]


class RowReader:
    """Makes records of rows, by the record types that are installed."""

    def __init__(self, types: Mapping[str, RecordType]) -> None:
        self._types = types
        self._by_plural = {declared.plural: declared for declared in types.values()}
        self._roles = role_types(types.values())
        self._shapes = {declared: self._shape_of(types.get(declared)) for declared in ("", *types)}

    def plurals(self) -> list[str]:
        """The keys of the import format, the generic one last."""
        return [*self._by_plural, GENERIC]

    def type_of(self, plural: str) -> RecordType | None:
        """The type whose rows stand under this key; None for the generic key."""
        return self._by_plural.get(plural)

    def keys(self, declared: RecordType | None) -> list[str]:
        """The keys that a row of the type may have."""
        return list(self._shape(declared).keys)

    def lists(self, declared: RecordType | None) -> list[str]:
        """Those keys of the type that hold a list of ids."""
        return list(self._shape(declared).lists)

    def _shape(self, declared: RecordType | None) -> _Shape:
        return self._shapes[declared.name if declared else ""]

    def _shape_of(self, declared: RecordType | None) -> _Shape:
        roles = {**self._roles, **(declared.roles() if declared else {})}
        owners = [declared] if declared else list(self._types.values())
        lists = {key: role for each in owners for key, role in (each.lists or {}).items()}
        links = dict(declared.links or {}) if declared else roles
        keys = (*COMMON, *(() if declared else ("type",)), *dict.fromkeys([*links, *lists]))
        return _Shape(
            keys,
            frozenset(keys),
            links,
            {key: (role, roles.get(role, role)) for key, role in lists.items()},
            roles,
        )

    def read(self, declared: RecordType | None, row: Any, where: At) -> Record:
        """One row to a record. `where` gives the place of a key (None: of the row). Raises InputError."""
        if not isinstance(row, Mapping):
            raise InputError("a record must be a mapping with at least an id", where(None))
        shape = self._shape(declared)
        _check_keys(row, shape, where)
        if declared:
            type_ = declared.name
        else:
            type_ = _text(row, "type", where) or ""
            if not type_:
                raise InputError(f"a record under {GENERIC!r} needs a type", where(None))
            if ":" in type_:
                raise InputError(f"{type_!r} is no name of a type: it must hold no colon", where("type"))
            if declared := self._types.get(type_):
                shape = self._shape(declared)
                _check_keys(row, shape, where, "type")
        id_ = _text(row, "id", where)
        if not id_:
            raise InputError("the record has no id; every record needs one, unique within its type", where(None))
        return Record(
            RecordRef(type_, id_),
            _text(row, "number", where),
            _text(row, "name", where),
            _status(declared, row, where),
            tuple(_texts(row.get("addresses"), "addresses", where)),
            tuple(_references(row, where)),
            tuple(_links(shape, row, where)),
        )


def _check_keys(row: Mapping[str, Any], shape: _Shape, where: At, *more: str) -> None:
    for key in row:
        if key not in shape.known and key not in more:
            raise InputError(unknown_key(key, [*shape.keys, *more]), where(key))


def _status(declared: RecordType | None, row: Mapping[str, Any], where: At) -> str | None:
    status = _text(row, "status", where)
    if declared is None or not declared.statuses:
        return status
    if status and status not in declared.statuses:
        allowed = ", ".join(declared.statuses)
        raise InputError(
            f"{status!r} is no status of a {declared.name}; write one of {allowed}, or nothing",
            where("status"),
        )
    return declared.facet(status)


def _references(row: Mapping[str, Any], where: At) -> Iterator[Reference]:
    references = row.get("references")
    if references is None:
        return
    if not isinstance(references, Mapping):
        raise InputError("references must be a mapping of kind to number or list of numbers", where("references"))
    for kind, numbers in references.items():
        for number in _texts(numbers, "references", where):
            yield Reference(_name(kind, "references", where), number)


def _links(shape: _Shape, row: Mapping[str, Any], where: At) -> Iterator[Link]:
    """In the order of the declaration, so that the order of a file's keys or columns changes no record."""
    for role, type_ in shape.links.items():
        if role in row and (id_ := _text(row, role, where)):
            yield Link(role, RecordRef(type_, id_))
    for key, (role, type_) in shape.lists.items():
        if key in row:
            for id_ in _texts(row[key], key, where):
                yield Link(role, RecordRef(type_, id_))
    links = row.get("links")
    if links is None:
        return
    if not isinstance(links, Mapping):
        raise InputError("links must be a mapping of role to id", where("links"))
    for key, value in links.items():
        role = _name(key, "links", where)
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, Mapping):
                yield Link(role, _target(item, where))
            else:
                for id_ in _texts(item, "links", where):
                    yield Link(role, RecordRef(shape.roles.get(role, role), id_))


def _target(item: Mapping[str, Any], where: At) -> RecordRef:
    """What a link points at where its role does not say the type."""
    if faulty := next((key for key in item if key not in ("type", "id")), None):
        raise InputError(unknown_key(faulty, ("type", "id")), where("links"))
    type_, id_ = _text(item, "type", lambda key: where("links")), _text(item, "id", lambda key: where("links"))
    if not type_ or not id_ or ":" in type_:
        raise InputError("what a link points at is an id, or a mapping with a type and an id", where("links"))
    return RecordRef(type_, id_)


def _name(text: Any, key: str, where: At) -> str:
    name = _clean(str(text)).strip()
    if not name:
        raise InputError(f"each of the {key} needs a name", where(key))
    return name


def _text(row: Mapping[str, Any], key: str, where: At) -> str | None:
    value = row.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InputError(f"{key} must be one text, not {_kind(value)}", where(key))
    return _clean(value).strip() or None


def _texts(value: Any, key: str, where: At) -> Iterator[str]:
    if value is None:
        return
    for item in value if isinstance(value, list) else (value,):
        if item is None:
            continue
        if not isinstance(item, str):
            raise InputError(f"{key} must hold texts, not {_kind(item)}", where(key))
        if text := _clean(item).strip():
            yield text


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return f"{str(value).lower()}; write it in quotes if it's meant as a text"
    if isinstance(value, list):
        return "a list"
    return "a mapping" if isinstance(value, Mapping) else f"a {type(value).__name__}"


def _clean(text: str) -> str:
    """Without NUL (PostgreSQL refuses it) and lone surrogates (both databases do)."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
