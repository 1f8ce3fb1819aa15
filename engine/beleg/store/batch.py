"""Many rows in one statement: SQLite takes them as JSON (`json_each`), PostgreSQL as arrays (`unnest`).

One statement however many rows there are, and none of them a bound parameter of its own, of which both databases
allow only so many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, TextClause, text


class Batch:
    """A source of rows with these columns, all of them text, and the statements that read from it as `{batch}`.

    `{cross}` in a statement is a join that SQLite must make in the order in which it is written.
    """

    def __init__(self, *columns: str) -> None:
        self._columns = columns
        extracts = ", ".join(f"json_extract(value, '$[{n}]') AS {name}" for n, name in enumerate(columns))
        arrays = ", ".join(f"CAST(:batch_{name} AS text[])" for name in columns)
        self._sources = {
            "sqlite": f"(SELECT {extracts} FROM json_each(:batch))",
            "postgresql": f"(SELECT * FROM unnest({arrays}) AS u({', '.join(columns)}))",
        }

    def statement(self, sql: str) -> Statement:
        """The statement for both databases."""
        return Statement(
            {
                "sqlite": text(sql.format(batch=self._sources["sqlite"], cross="CROSS JOIN")),
                "postgresql": text(sql.format(batch=self._sources["postgresql"], cross="JOIN")),
            },
            self.parameters,
        )

    def parameters(self, dialect: str, rows: Sequence[Sequence[str | None]]) -> dict[str, Any]:
        """The rows as the parameters that the statement takes on this database."""
        if dialect == "sqlite":
            return {"batch": to_json(rows)}
        columns = zip(*rows, strict=True) if rows else ((),) * len(self._columns)
        return {f"batch_{name}": list(column) for name, column in zip(self._columns, columns, strict=True)}


class Statement:
    """A statement over a batch of rows."""

    def __init__(
        self,
        texts: Mapping[str, TextClause],
        parameters: Callable[[str, Sequence[Sequence[str | None]]], dict[str, Any]],
    ) -> None:
        self._texts = texts
        self._parameters = parameters

    def run(self, connection: Connection, rows: Iterable[Sequence[str | None]], **parameters: Any) -> Any:
        """Execute it over the rows, in one round trip."""
        dialect = connection.dialect.name
        values = self._parameters(dialect, list(rows))
        return connection.execute(self._texts[dialect], {**values, **parameters})


def to_json(value: Any) -> str:
    """JSON as text, which is how SQLite takes it."""
    return msgspec.json.encode(value).decode()
