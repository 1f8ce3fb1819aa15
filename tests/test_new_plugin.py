"""`beleg new-plugin`: what it writes installs and passes at once, and what can't be is refused with a remedy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from beleg.cli import main
from beleg.new_plugin import LONGEST, TEMPLATE
from fresh import Fresh
from writing import publish

RUFF = Path(sys.executable).parent / "ruff"


def new_plugin(*arguments: str) -> int:
    return main(["new-plugin", *arguments])


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert new_plugin(*arguments) == 2
    return capsys.readouterr().err.removeprefix("beleg: ").rstrip("\n")


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# --- what it writes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "folder", "type_", "plural"),
    [
        ("returns --type return --words-de Retoure,Retouren", "beleg-returns", "return", "returns"),
        ("field_service --type delivery_note --priority 90", "beleg-field-service", "delivery_note", "delivery_notes"),
    ],
)
def test_it_installs_and_passes(tmp_path: Path, arguments: str, folder: str, type_: str, plural: str) -> None:
    fresh = Fresh(tmp_path / "venv")
    fresh.run(f"beleg new-plugin {arguments}", tmp_path)
    package = tmp_path / folder
    fresh.run("ruff check . && ruff format --check . && mypy", package)
    fresh.run("pip install --editable '.[test]'", package)
    printed = fresh.run("pytest", package)
    assert re.search(r"\b16 passed\b", printed), printed
    assert "4 snapshots passed" in printed
    [line] = [line for line in fresh.run("beleg plugins", package).splitlines() if folder in line]
    assert type_ in line
    assert "2 passed, 0 failed" in fresh.run("beleg test fixtures", package)
    fresh.run("beleg init", package)
    printed = fresh.run(f"beleg erp import --mapping import/mapping.yaml import/{plural}.csv", package)
    assert "2 records: 2 new" in printed
    assert "-1002\n  addresses: anna@kunde.example" in fresh.run(f"beleg show {type_}:N-2", package)
    fresh.run(f"pip uninstall --yes {folder} && pip install .", package)  # as its users install it
    assert type_ in fresh.run(f"beleg rules {type_}", tmp_path)


def test_each_file_of_the_template_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new_plugin("returns", "--type", "return") == 0
    printed = capsys.readouterr().out
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {line for line in printed.splitlines() if line.startswith("beleg-returns/")}
    snapshots = {path for path in written if "__snapshots__" in path}
    assert len(snapshots) == 4
    assert len(written - snapshots) == len([path for path in TEMPLATE.rglob("*") if path.is_file()])
    assert printed.endswith("\nGo on with: cd beleg-returns && pip install --editable '.[test]' && pytest\n")
    for path in written:
        assert not re.search(r"\$\w|_(module|plural|identifier)_", path + (tmp_path / path).read_text("utf-8"))
    assert "beleg_returns" not in sys.modules


def test_words(tmp_path: Path) -> None:
    assert new_plugin("x", "--type", "delivery_note", "--words-de", "Lieferschein, Lieferscheine") == 0
    code = (tmp_path / "beleg-x" / "src" / "beleg_x" / "__init__.py").read_text("utf-8")
    assert '"en": Words("delivery note", "delivery notes"),' in code
    assert '"de": Words("Lieferschein", "Lieferscheine"),' in code
    assert '"delivery_notes",  # its key' in code
    [german] = tmp_path.glob("beleg-x/tests/__snapshots__/test_x/*picks-none*-de].txt")
    assert "Keine Zuordnung (Lieferschein): einkauf@dealer.example (Absender): 4 Lieferscheine, zu viele" in (
        german.read_text("utf-8")
    )


@pytest.mark.parametrize(("type_", "plural"), [("query", "queries"), ("box", "boxes"), ("day", "days")])
def test_the_plural(tmp_path: Path, type_: str, plural: str) -> None:
    assert new_plugin("x", "--type", type_) == 0
    assert (tmp_path / "beleg-x" / "import" / f"{plural}.csv").is_file()


@pytest.mark.parametrize("letters", [1, LONGEST])
def test_it_is_well_formatted_whatever_the_names(tmp_path: Path, letters: int) -> None:
    word = "q" + "w" * (letters - 1)
    words = f"{word},{word}"
    options = ["--type", word, "--words", words, "--words-de", words, "--priority", "1000000"]
    assert new_plugin(word, *options, "--folder", "there") == 0
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run([RUFF, *command, "."], cwd=tmp_path / "there", capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_the_first_free_priority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(
        tmp_path,
        monkeypatch,
        "claims",
        """
        from beleg import DocumentStep, RecordType, Words, hookimpl

        @hookimpl
        def beleg_record_types():
            words = {"en": Words("claim", "claims"), "de": Words("Reklamation", "Reklamationen")}
            return [RecordType("claim", "claims", words)]

        @hookimpl
        def beleg_steps():
            return [DocumentStep("claim", priority=250)]
        """,
    )
    assert new_plugin("returns", "--type", "return") == 0
    assert "priority=251," in (tmp_path / "beleg-returns/src/beleg_returns/__init__.py").read_text("utf-8")


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert new_plugin("beleg-returns", "--type", "return", "--folder", "there") == 0
    assert 'name = "beleg-returns"' in (tmp_path / "there" / "pyproject.toml").read_text("utf-8")


# --- what it refuses


@pytest.mark.parametrize(
    ("name", "type_"),
    [("x", "orders"), ("x", "contacts"), ("x", "record"), ("x", "records"), ("x", "message"), ("beleg", "x")],
)
def test_a_name_that_would_be_taken_for_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, type_: str
) -> None:
    assert new_plugin(name, "--type", type_) == 2
    assert "choose another name" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["Returns", "2nd", "re turns", "re--turns", "../up", "-", "", "r" * 31, "réturns"])
def test_a_name_that_is_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    said = refused(capsys, "--type", "return", "--", name)
    assert said == (
        f"the name {name!r} is not fit: lower-case letters and digits, parted by - or _, a letter first, "
        "at most 30 characters"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("type_", ["Return", "re-turn", "order:x", "a.b", "_x", ""])
def test_a_type_that_is_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str], type_: str) -> None:
    said = refused(capsys, "returns", "--type", type_)
    assert said.startswith(f"the type {type_!r} is not fit: lower-case letters and digits, parted by _, a letter first")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["order", "--type", "return"], "there is a plugin 'order' installed already"),
        (["returns", "--type", "order"], "there is a record type 'order' installed already"),
        (["returns", "--type", "history"], "there is a step 'history' installed already"),
        (["articles", "--type", "article"], "there is a record type 'article' installed already"),
        (["people", "--type", "contacts"], "there is a key of import files 'contacts' installed already"),
        (["discs", "--type", "record"], "there is a key of import files 'records' installed already"),
        (["letters", "--type", "message"], "there is a kind of clauses 'message' installed already"),
    ],
)
def test_what_is_there_already(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert refused(capsys, *arguments) == f"{said}; choose another name (see: beleg plugins)"


def test_a_priority_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "returns", "--type", "return", "--priority", "300") == (
        "the step 'offer' has the priority 300 already; choose another, such as 301 "
        "(taken: history 100, order 200, offer 300, contact 400)"
    )


@pytest.mark.parametrize("priority", ["0", "-1", "1000001"])
def test_a_priority_that_is_none(capsys: pytest.CaptureFixture[str], priority: str) -> None:
    said = refused(capsys, "returns", "--type", "return", f"--priority={priority}")
    assert said == f"--priority is a whole number from 1 to 1000000, not {priority}"


@pytest.mark.parametrize("words", ["one", "a,b,c", ",b", 'a"b,c', "a\\,b", "a\nb,c", "w" * 31 + ",b", "$a,b"])
@pytest.mark.parametrize("option", ["--words", "--words-de"])
def test_words_that_are_not_fit(capsys: pytest.CaptureFixture[str], option: str, words: str) -> None:
    said = refused(capsys, "returns", "--type", "return", option, words)
    assert said.startswith(f"{option} is the word for one and for many, such as {option} 'return,returns', ")


def test_a_folder_that_is_not_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "beleg-returns" / "mine"
    mine.parent.mkdir()
    mine.write_text("mine")
    said = refused(capsys, "returns", "--type", "return")
    assert said == "beleg-returns: this is there already; name a folder that is not, or an empty one"
    assert [path.name for path in mine.parent.iterdir()] == ["mine"]
    assert "is there already" in refused(capsys, "returns", "--type", "return", "--folder", str(mine))


def test_a_folder_that_cant_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    said = refused(capsys, "returns", "--type", "return", "--folder", "file/there")
    assert said == "file/there: can't be written: Not a directory"
