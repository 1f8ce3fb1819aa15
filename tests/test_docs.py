"""The pages keep what they promise: commands exist, outputs are real, code runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
import typer.main

from beleg import MemoryDirectory, Record, RecordRef
from beleg.accounts.fetching import Fetcher
from beleg.cli.main import app
from beleg.explain import Explainer
from beleg.ignore import IgnoreList
from beleg.message import parse
from beleg.orchestrator import Engine
from beleg.plugins import Installed, installed
from beleg.store import Database
from beleg.trace import digest
from beleg.workspace import Workspace
from commands import Cli
from fresh import Fresh
from serving import accounts_on
from worlds import contact, order
from writing import mail

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("plugins/*/README.md"))]
PAGES += sorted(ROOT.glob("examples/*/README.md"))


def under(mark: str) -> str:
    """The fenced block under `<!-- mark -->` in the README."""
    found = re.search(rf"<!-- {mark} -->\n```\w*\n(.*?)```\n", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"README.md has no block under <!-- {mark} -->"
    return found[1]


# --- the two commands


@pytest.mark.parametrize("mark", ["demo", "tests"])
def test_ci_reads_the_command_that_the_readme_shows(mark: str) -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    function = re.search(r"^block\(\) \{.*\}$", script, re.MULTILINE)
    assert function
    read = subprocess.run(
        ["bash", "-c", f"{function[0]}\nblock {mark}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert read.stdout == under(mark)
    assert read.stdout.count("\n") == 1


def test_ci_runs_the_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "tests=$(block tests)" in script
    assert 'eval "$tests"' in script
    assert "pytest" in under("tests")
    assert under("demo").rstrip().endswith(".venv/bin/beleg demo")


def test_the_readme_shows_what_the_demo_prints(cli: Cli) -> None:
    printed = cli("demo")
    assert under("demo output") == printed[printed.index('Mail "') :]


# --- commands on the pages

FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")


def command_lines() -> Iterator[tuple[str, str]]:
    """Each command line of ours on the pages, and the page."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for language, block in FENCED.findall(text):
            if language in ("", "sh", "console"):
                yield from ((line, page.name) for line in block.splitlines())
        yield from ((line, page.name) for line in INLINE.findall(FENCED.sub("", text)))


CALL = re.compile(r"(?:\$ )?(?:BELEG_\w+=\S+ )*(?:\S*/)?(beleg [a-z-].*)")
COMMANDS = sorted(
    {(found[1].partition("  #")[0].strip(), page) for line, page in command_lines() if (found := CALL.match(line))}
)


def options_of(command: Any) -> set[str]:
    """Its options, also those that say no (`--no-mail`)."""
    return {option for each in command.params for option in (*each.opts, *each.secondary_opts)}


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) > 20


@pytest.mark.parametrize(("line", "page"), COMMANDS, ids=[f"{page}: {line}" for line, page in COMMANDS])
def test_a_command_on_a_page_exists(line: str, page: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line.replace("[", " ").replace("]", " ").replace("|", " | ").replace("…", " "))[1:]
    options = options_of(command)
    for word in words:
        if word == "|":
            continue
        if word.startswith("--"):
            assert word.partition("=")[0] in {*options, "--help"}, f"{word} on {page}"
        elif hasattr(command, "commands"):
            assert word in command.commands, f"{word} on {page}"
            command = command.commands[word]
            options = options_of(command)


# --- code on the pages


class Block(NamedTuple):
    """A fenced block of docs/plugins.md: what the comment above it says of it, its language, its text."""

    mark: str
    language: str
    text: str


def blocks() -> list[Block]:
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    found = re.findall(r"(?:^<!-- ([^\n]*) -->\n)?^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(found) == text.count("\n```") / 2
    return [Block(*each) for each in found]


PLUGINS = [block.text for block in blocks() if block.language == "python" and not block.mark]


def as_plugin(number: int) -> ModuleType:
    module = ModuleType(f"page_{number}")
    exec(compile(PLUGINS[number], module.__name__, "exec"), module.__dict__)
    return module


def decided(having: Installed, *records: Record) -> list[str]:
    """What a mail of Anna's is assigned to, having checked that it can be explained."""
    message = parse(mail())
    trace = Engine(having).decide(message, MemoryDirectory(records, having.types), IgnoreList()).trace
    for language in ("en", "de"):
        assert Explainer.of(having, language).text(trace, digest(trace))
    assert {rule.clause for check in trace.checks() for rule in check.rules} <= set(having.clauses)
    return [outcome.record for outcome in trace.assigned]


def test_the_plugins_on_the_page_are_those_that_are_tried_here() -> None:
    assert len(PLUGINS) == 4
    both = installed(extra=[(f"page_{number}", as_plugin(number)) for number in range(len(PLUGINS))])
    assert [step.name for step in both.steps] == ["history", "order", "offer", "project", "contact"]


def test_the_rule_that_is_added() -> None:
    having = installed(extra=[("page", as_plugin(0))])
    orders = [order(f"O-{n}", "anna@kunde.example", number="AB-1" if n else "AB-2") for n in range(21)]
    assert [rule.name for rule in having.tables["document.address"].rules][3:5] == ["crowded", "reference"]
    assert decided(having, *orders[:1]) == ["order:O-0"]
    assert decided(having, *orders) == []


def test_the_rule_that_is_replaced() -> None:
    having = installed(extra=[("page", as_plugin(1))])
    assert decided(having, contact("K-1", "anna@kunde.example", status="active")) == ["contact:K-1"]
    assert decided(having, contact("K-1", "anna@kunde.example", status="none")) == []
    assert decided(installed(), contact("K-1", "anna@kunde.example", status="none")) == ["contact:K-1"]
    assert having.clauses["contact.content.unique"].source == "page"


def test_the_step_of_its_own_kind() -> None:
    having = installed(extra=[("page", as_plugin(2))])
    projects = [Record(RecordRef("project", f"P-{n}"), addresses=("anna@kunde.example",)) for n in (1, 2)]
    assert decided(having, *projects[:1]) == ["project:P-1"]
    assert decided(having, *projects) == []
    assert decided(having) == []


def test_the_mail_server(database: Database, tmp_path: Path) -> None:
    page = as_plugin(3)
    page.FOLDER = tmp_path  # type: ignore[attr-defined]  # the page's own name
    for part in ("new", "cur"):
        (tmp_path / "shop" / part).mkdir(parents=True)
    (tmp_path / "shop/new/1.a").write_bytes(mail("Eins"))
    (tmp_path / "shop/cur/2.b:2,S").write_bytes(mail("Zwei", id_="zwei@kunde.example").replace(b"\r\n", b"\n"))
    accounts = accounts_on(Workspace(database, installed(extra=[("page", page)])))
    fields: dict[str, Any] = {"protocol": "maildir", "host": "localhost", "security": "plain", "after": "delete"}
    account = accounts.add(
        "in", "Ada", group_address="shop@firma.example", name="Shop", user="shop", active=True, **fields
    )
    (step,) = accounts.check("in", account.id)
    assert (step.ok, step.said.say("en", step.values)) == (True, "2 mails lie there.")
    report = Fetcher(accounts, 60).fetch(account.id)
    assert (report.new, report.deleted, report.error) == (2, 2, None)
    assert {each.subject for each, _ in accounts.workspace.newest(5)} == {"Eins", "Zwei"}
    assert not list(tmp_path.rglob("*.a"))
    (wrong,) = accounts.check("in", account.id, user="laden")
    assert not wrong.ok
    assert "Es gibt kein Maildir laden." in wrong.said.say("de", wrong.values)


@pytest.mark.slow
def test_every_other_block_of_the_page_is_run(tmp_path: Path) -> None:
    """From top to bottom, as somebody who follows it."""
    fresh = Fresh(tmp_path / "venv")
    folder = tmp_path / "author"
    folder.mkdir()
    printed = ""
    for block in blocks():
        kind, _, name = block.mark.partition(" ")
        if block.language == "sh":
            assert kind in ("", "fails"), block
            printed = fresh.run(f"{block.text}pwd > {tmp_path}/there", folder, fails=1 if kind == "fails" else 0)
            folder = Path((tmp_path / "there").read_text().strip())
        elif kind == "file":
            assert (folder / name).parent.is_dir()
            (folder / name).write_text(block.text, encoding="utf-8")
        elif kind == "in":
            holds(tomllib.loads((folder / name).read_text("utf-8")), tomllib.loads(block.text))
        elif kind == "output":
            assert block.text in printed
        else:
            assert block.text in PLUGINS


def holds(whole: Any, part: Any) -> None:
    """The whole has what the part has."""
    for key, value in part.items():
        if isinstance(value, dict):
            holds(whole[key], value)
        else:
            assert whole[key] == value


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        text = FENCED.sub("", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (page.parent / target).exists(), f"{target} on {page}"


def test_the_settings_that_the_pages_name_exist() -> None:
    from beleg.settings import Settings

    page = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:max|min|disabled)_\w+)", page))
    assert named
    assert named <= set(Settings.model_fields)
    limits = {name for name in Settings.model_fields if name.startswith("max_")}
    assert limits <= named
