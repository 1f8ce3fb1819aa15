"""Many rows in one statement: SQLite takes them as JSON (`json_each`), PostgreSQL as arrays (`unnest`).

One statement however many rows there are, and none of them a bound parameter of its own, of which both
databases allow only so many.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection

Row = Collection[str | None]

_WORDS = {
    "sqlite": {"cross": "CROSS JOIN", "array": "json_group_array"},
    "postgresql": {"cross": "JOIN", "array": "json_agg"},
}


class Statement:
    """A statement for both databases that reads from batches of rows.

    `batches` names each batch and its columns, all of them text (`refs="type id"`); the statement has
    `{refs}` where it would have a table. Further words: `{cross}`, a join that SQLite must make in the order
    in which it is written; `{array}`, the aggregate that makes one list of many values (read it by
    `as_list`).
    """

    def __init__(self, sql: str, **batches: str) -> None:
        self._batches = {name: columns.split() for name, columns in batches.items()}
        self._texts = {
            dialect: _driver_text(
                dialect, sql.format(**words, **{n: _source(dialect, n, c) for n, c in self._batches.items()})
            )
            for dialect, words in _WORDS.items()
        }

    def run(self, connection: Connection, **parameters: Any) -> Any:
        """Execute it, in one round trip; a batch is given as the collection of its rows."""
        dialect = connection.dialect.name
        for name, columns in self._batches.items():
            parameters.update(_parameters(dialect, name, columns, parameters.pop(name)))
        # As the driver reads it: a text() would be analysed anew each time, at the price of the query itself.
        return connection.exec_driver_sql(self._texts[dialect], parameters)


def _driver_text(dialect: str, sql: str) -> str:
    """The statement with its parameters written as the dialect's driver wants them."""
    if dialect == "sqlite":
        return sql
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", sql.replace("%", "%%"))


def _source(dialect: str, name: str, columns: list[str]) -> str:
    if dialect == "sqlite":
        values = ", ".join(f"json_extract(value, '$[{n}]') AS {column}" for n, column in enumerate(columns))
        return f"(SELECT {values} FROM json_each(:{name}))"
    arrays = ", ".join(f"CAST(:{name}_{column} AS text[])" for column in columns)
    return f"(SELECT * FROM unnest({arrays}) AS u({', '.join(columns)}))"


def _parameters(dialect: str, name: str, columns: list[str], rows: Collection[Row]) -> dict[str, Any]:
    if dialect == "sqlite":
        return {name: _encode(rows if isinstance(rows, (list, tuple)) else list(rows)).decode()}
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return {f"{name}_{column}": list(each) for column, each in zip(columns, values, strict=True)}


def as_list(value: Any) -> list[str]:
    """What `{array}` gave: a list from PostgreSQL, None when that had nothing to list, JSON from SQLite."""
    return _decode(value) if isinstance(value, str) else value or []


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(list[str]).decode
