"""The pages keep what they promise: commands exist, outputs are real, code runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from beleg.cli import main
from beleg.cli.main import app
from beleg.plugins import installed

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "plugins").glob("*/README.md"))]


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


def test_the_readme_shows_what_the_demo_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("BELEG_")]:
        monkeypatch.delenv(name)
    assert main(["demo"]) == 0
    printed = capsys.readouterr().out
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


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) > 20


@pytest.mark.parametrize(("line", "page"), COMMANDS, ids=[f"{page}: {line}" for line, page in COMMANDS])
def test_a_command_on_a_page_exists(line: str, page: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line.replace("[", " ").replace("]", " ").replace("|", " | ").replace("…", " "))[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        if word == "|":
            continue
        if word.startswith("--"):
            assert word.partition("=")[0] in {*options, "--help"}, f"{word} on {page}"
        elif hasattr(command, "commands"):
            assert word in command.commands, f"{word} on {page}"
            command = command.commands[word]
            options = {option for parameter in command.params for option in parameter.opts}


# --- code on the pages


def python_blocks() -> list[str]:
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    return [block for language, block in FENCED.findall(text) if language == "python"]


def test_every_python_block_is_a_plugin() -> None:
    blocks = python_blocks()
    assert len(blocks) == 2
    plugins = []
    for number, code in enumerate(blocks):
        module = ModuleType(f"page_{number}")
        exec(compile(code, module.__name__, "exec"), module.__dict__)
        plugins.append((module.__name__, module))
    having = installed(extra=plugins)
    assert [step.name for step in having.steps] == ["history", "order", "return", "offer", "contact"]
    assert having.types["return"].plural == "returns"
    assert "crowded" in [rule.name for rule in having.tables["document.address"].rules]
    assert "order.participants.crowded" in having.clauses


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
