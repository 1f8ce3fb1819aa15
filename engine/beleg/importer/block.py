"""The keys around the rows of a YAML or JSON file: a scenario's `erp:` block, alone or under that key."""

from __future__ import annotations

from beleg.errors import InputError, Where, unknown_key
from beleg.importer.rows import RowReader
from beleg.record import GENERIC, RecordType

WRAPPER = "erp"
_SCENARIO = frozenset(("title", "ignored", "settings", "mailbox", "message", "message_file", "assignments", "expect"))


class Block:
    """Checks the keys of one block in the order in which they stand."""

    def __init__(self, rows: RowReader) -> None:
        self._plurals = rows.plurals()
        self._rows = rows
        self._seen: set[str] = set()
        self.wrapped = False

    def wraps(self, key: str, where: Where) -> bool:
        """Whether this key of the file's top level is the `erp` around the block."""
        if key in _SCENARIO and key not in self._plurals:
            raise InputError(
                f"{key!r} is a key of a scenario; an import file holds what stands under 'erp' and nothing "
                "else (a scenario is run with: beleg test)",
                where,
            )
        if self.wrapped and key == WRAPPER:
            raise InputError("the key 'erp' stands here twice; put all its records under one", where)
        if self.wrapped:
            raise InputError(f"beside 'erp' nothing else may stand; move {key!r} into it", where)
        if key != WRAPPER:
            return False
        if self._seen:
            raise InputError("'erp' stands around all other keys or is left out", where)
        self.wrapped = True
        return True

    def type_of(self, key: str, where: Where) -> RecordType | None:
        """The type of the rows under this key; None for rows that each name their own."""
        if key not in self._plurals:
            known = self._plurals if self.wrapped else [*self._plurals, WRAPPER]
            raise InputError(unknown_key(key, known), where)
        if key in self._seen:
            raise InputError(f"the key {key!r} stands here twice; put all its records under one", where)
        self._seen.add(key)
        return None if key == GENERIC else self._rows.type_of(key)
