"""What pytest loads where Beleg is installed: scenario files as tests, and the fixture `trace_snapshot`.

pytest loads this in every run, of other people's projects too, so nothing of Beleg is imported until it is used.
PYTEST_DONT_REWRITE: there is no assert in it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from beleg.testing.collect import ScenarioFile

_SUFFIXES = (".yaml", ".yml")
_MESSAGE = re.compile(rb"^(?:\xef\xbb\xbf)?(?:title|message|message_file)\s*:", re.MULTILINE)
_WORLD = re.compile(rb"^(?:\xef\xbb\xbf)?(?:erp|expect)\s*:", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option `beleg_scenarios`."""
    help_ = "folders, from the root folder, whose scenario files are tests (Beleg; default: fixtures)"
    parser.addini("beleg_scenarios", help_, type="args", default=["fixtures"])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    """A scenario file that is named on the command line, or lies in one of the folders and looks like one."""
    if file_path.suffix not in _SUFFIXES:
        return None
    named = parent.session.isinitpath(file_path)
    folders = [parent.config.rootpath / folder for folder in parent.config.getini("beleg_scenarios")]
    if not named and not (any(map(file_path.is_relative_to, folders)) and _looks_like_one(file_path)):
        return None
    from beleg.testing.collect import ScenarioFile

    return ScenarioFile.from_parent(parent, path=file_path)


def _looks_like_one(path: Path) -> bool:
    try:
        data = path.read_bytes()
    except OSError:
        return True  # that it can't be read is for the test to say
    return bool(_MESSAGE.search(data) and _WORLD.search(data))


@pytest.fixture
def trace_snapshot(request: pytest.FixtureRequest) -> Any:
    """A syrupy snapshot in a text file named by the test: `assert explained(scenario) == trace_snapshot`."""
    if not request.config.pluginmanager.hasplugin("syrupy"):
        pytest.fail("trace_snapshot needs syrupy, which is not installed: pip install 'beleg[testing]'", pytrace=False)
    from beleg.testing.snapshots import TextFile

    return request.getfixturevalue("snapshot").use_extension(TextFile)
