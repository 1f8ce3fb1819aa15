"""What the distribution holds, and what its pages say about it."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

import beleg
from beleg import interface, testing
from beleg.plugins import Installed

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if path.is_dir())
MAIL_SERVERS = ("greyhound", "pop3", "smtp")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_three_lists_agree(project: dict[str, Any]) -> None:
    build = project["tool"]["hatch"]["build"]
    packages = build["targets"]["wheel"]["packages"]
    assert packages == ["engine/beleg", *(f"plugins/{name}/beleg_{name}" for name in sorted_as(packages))]
    assert build["dev-mode-dirs"] == [str(Path(each).parent) for each in packages]
    assert project["project"]["entry-points"]["beleg"] == {
        Path(each).parent.name: Path(each).name for each in packages[1:]
    }
    assert sorted(Path(each).parent.name for each in packages[1:]) == PLUGINS


def sorted_as(packages: list[str]) -> list[str]:
    """The plugins' names in the order of the steps, in which the list is written."""
    return [Path(each).parent.name for each in packages[1:]]


def test_each_import_root_holds_one_package(project: dict[str, Any]) -> None:
    for root in project["tool"]["hatch"]["build"]["dev-mode-dirs"]:
        packages = [path.parent.name for path in (ROOT / root).glob("*/__init__.py")]
        assert len(packages) == 1
        assert (ROOT / root / packages[0] / "py.typed").is_file()
        assert not list((ROOT / root).glob("*.py"))


def test_what_the_engine_reads_lies_inside_it() -> None:
    from beleg import demo
    from beleg.store.database import MIGRATIONS

    engine = ROOT / "engine" / "beleg"
    for path in (demo.ERP, demo.MAIN, demo.MAILS, MIGRATIONS / "env.py"):
        assert path.exists()
        assert path.resolve().is_relative_to(engine.resolve()) or "site-packages" in str(path)


def test_the_wheel_holds_all_that_the_packages_do(project: dict[str, Any], tmp_path: Path) -> None:
    """Templates, catalogues, the demo's mails, migrations: what is no Python is missed only once it is installed."""
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with ZipFile(built) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    packages = [ROOT / each for each in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
    files = {
        path.relative_to(package.parent).as_posix()
        for package in packages
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert packed == files
    for kind in ("web/templates/*.html", "web/static/*.css", "web/locales/de/*.po", "demo/mails/*.eml"):
        assert any(Path(name).match(f"beleg/{kind}") for name in packed), kind


@pytest.mark.parametrize("name", MAIL_SERVERS)
def test_each_mail_server_says_what_it_speaks(installed: Installed, name: str) -> None:
    text = (ROOT / "plugins" / name / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {installed.mail_servers[name].title.en}\n")
    assert f"`{name}`" in text


@pytest.mark.parametrize("name", sorted(set(PLUGINS) - set(MAIL_SERVERS)))
def test_each_plugin_says_what_it_decides(installed: Installed, name: str) -> None:
    text = (ROOT / "plugins" / name / "README.md").read_text(encoding="utf-8")
    step = next(step for step in installed.steps if step.name == name)
    assert text.startswith(f"# The step {name} ({step.priority})\n")
    clauses = [clause for clause in installed.clauses if clause.startswith(f"{name}.")]
    assert clauses
    for clause in clauses:
        assert f"`{clause}`" in text or f"`{clause.rpartition('.')[2]}`" in text, clause
    for table in step.tables:
        assert f"`{table.name}`" in text or name == "offer"


def test_our_own_scenarios_are_tests_once(project: dict[str, Any]) -> None:
    """By tests/test_scenarios.py; `pytest fixtures` runs them as authors run theirs."""
    assert project["tool"]["pytest"]["ini_options"]["testpaths"] == ["tests"]
    assert project["project"]["entry-points"]["pytest11"] == {"beleg": "beleg.pytest_plugin"}


# --- the public interface


def names_imported(code: str, module: str = "beleg") -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            yield from (alias.name for alias in node.names)


def modules_imported(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_the_public_names_are_those_that_the_page_lists() -> None:
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    listed = page.partition("## All names\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"`(\w+)`", listed)) == sorted(interface.__all__)
    listed = page.partition("## All names for tests\n")[2].partition("\n\nThey are")[0]
    assert sorted(re.findall(r"`(\w+)`", listed)) == sorted(testing.__all__)


def test_the_public_names_are_there() -> None:
    assert len(set(interface.__all__)) == len(interface.__all__)
    for name in interface.__all__:
        assert getattr(beleg, name) is getattr(interface, name)
    everything: dict[str, Any] = {}
    exec("from beleg import *", everything)
    assert set(interface.__all__) <= set(everything)
    with pytest.raises(AttributeError, match="module 'beleg' has no attribute 'Chek'"):
        beleg.Chek  # type: ignore[attr-defined]  # noqa: B018, asking for a name that is not there is the test


def test_our_own_plugins_use_public_names_alone() -> None:
    used = set()
    for path in (ROOT / "plugins").rglob("*.py"):
        code = path.read_text(encoding="utf-8")
        used |= set(names_imported(code))
        assert "from beleg." not in code, path
        assert "import beleg." not in code, path
    assert used
    assert used <= set(interface.__all__)


@pytest.mark.parametrize("pattern", ["examples/invoice/**/*.py", "engine/beleg/new_plugin/template/**/*.py.tmpl"])
def test_what_authors_are_shown_uses_public_names_alone(pattern: str) -> None:
    files = sorted(ROOT.glob(pattern))
    assert len(files) == 4
    used, used_in_tests = set(), set()
    for path in files:
        code = path.read_text(encoding="utf-8").replace("$module", "module").replace("$", "")
        used |= set(names_imported(code))
        used_in_tests |= set(names_imported(code, "beleg.testing"))
        assert {name for name in modules_imported(code) if name.startswith("beleg.")} <= {"beleg.testing"}, path
        assert "beleg.testing" not in code or path.parent.name == "tests", path
    assert "DocumentStep" in used
    assert used <= set(interface.__all__)
    assert "StepConformance" in used_in_tests
    assert used_in_tests <= set(testing.__all__)


def test_the_example_shows_what_it_is_to_show() -> None:
    code = (ROOT / "examples/invoice/src/beleg_invoice/rules.py").read_text(encoding="utf-8")
    assert code.count("RuleChange(") == 2
    assert code.count("replaces=True") == 1
    titles = [
        line for path in ROOT.glob("examples/invoice/fixtures/*.yaml") for line in path.read_text("utf-8").splitlines()
        if line.startswith("title:")
    ]  # fmt: skip
    snapshots = list((ROOT / "examples/invoice/tests/__snapshots__/test_invoice").iterdir())
    assert len(snapshots) == 2 * len(titles)


def test_the_version_is_said_once(project: dict[str, Any]) -> None:
    assert beleg.__version__ == project["project"]["version"]
    assert project["project"]["requires-python"] == ">=3.11,<3.13"
