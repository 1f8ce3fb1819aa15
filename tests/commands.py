"""The command line as the tests of several modules run it, and the small shop that they run it on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from beleg.cli import main
from writing import day, mail

ERP = """
contacts:
  - {id: K-5, name: Anna Kunde, addresses: [anna@kunde.example]}
  - {id: K-6, name: Bodo Lieferant, status: none, addresses: [bodo@leuchten.example]}
articles:
  - {id: A-1, name: Lampe}
offers:
  - {id: AN-7, number: AN-2026-7, customer: K-5}
orders:
  - {id: O-77, number: AB-1039, customer: K-5}
  - {id: O-81, number: AB-1042, customer: K-5, offer: AN-7, articles: [A-1, A-1]}
"""
QUESTION = mail("Frage zu AB-1042", id_="frage@kunde.example", date=day(2))
ANSWER = mail(
    "Re: Frage", sender="shop@firma.example", id_="antwort@firma.example", reply_to="frage@kunde.example",
    date=day(3),
)  # fmt: skip
VAGUE = mail("Wo bleibt meine Lampe?", id_="vage@kunde.example", date=day(4))
STRANGER = mail("Werbung", sender="fremd@nirgends.example", id_="fremd@nirgends.example", date=day(5))
FAILING = """
    from beleg import Step, hookimpl

    class Failing(Step):
        name = "failing"
        priority = 150

        def clauses(self):
            return []

        def run(self, context):
            if any("anna" in each.key for each in context.participants):
                raise RuntimeError("kaputt")
            return iter(())

    @hookimpl
    def beleg_steps():
        return [Failing()]
"""
"""A plugin whose step fails on Anna's mails."""


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Cli:
    """Runs commands in the folder; `cli(…)` must succeed, and gives what was printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def run(self, *arguments: str) -> Result:
        self._capsys.readouterr()
        code = main(list(arguments))
        out, err = self._capsys.readouterr()
        return Result(code, out, err)

    def __call__(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert (result.code, result.err) == (0, "")
        return result.out

    def json(self, *arguments: str) -> list[Any]:
        """The JSON documents that a command prints, one a line."""
        return [json.loads(line) for line in self(*arguments).splitlines()]

    def refused(self, *arguments: str, code: int = 2) -> str:
        """The one line that says why a command did nothing."""
        result = self.run(*arguments)
        assert result.code == code
        assert result.out == ""
        assert result.err.startswith("beleg: ")
        assert result.err.count("\n") == 1
        assert result.err.endswith("\n")
        return result.err.removeprefix("beleg: ").removesuffix("\n")

    def write(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def assigned(self) -> dict[str, list[str]]:
        """What stands on each stored mail, by Message-ID."""
        listed = self.json("mail", "list", "--json")
        return {each["message_id"]: each["assigned"] for each in listed}
