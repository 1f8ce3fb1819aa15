"""Scenarios for tests: each as a parameter, how it is explained, and what is said of one that fails."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from beleg import scenario
from beleg.explain import Explainer
from beleg.importer import read_files, read_mapping
from beleg.plugins import Installed, installed
from beleg.record import Record
from beleg.scenario import Outcome, Scenario
from beleg.trace import digest

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet


@cache
def everything() -> Installed:
    """All that is installed, whatever a beleg.toml says. Raises PluginError."""
    return installed()


def scenarios(folder: Path) -> list[ParameterSet]:
    """Every scenario under a folder (or of one file), for `pytest.mark.parametrize`; the ids are fit for file names.
    Raises InputError, PluginError."""
    import pytest

    root = folder if folder.is_dir() else folder.parent
    return [pytest.param(each, id=slug(each, root)) for each in scenario.load_all([folder], everything())]


def slug(each: Scenario, root: Path) -> str:
    """A scenario's file, from `root`, and title as a file name: `order-participants-three-orders-by-one-address-…`."""
    path = Path(each.file).relative_to(root).with_suffix("").as_posix()
    plain = unicodedata.normalize("NFKD", f"{path} {each.title}").encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower().replace("'", "")).strip("-")


def explained(each: Scenario | Outcome, language: str = "en") -> str:
    """The explanation of what comes of a scenario, with the trace's digest, as `beleg explain` prints it.
    Raises StepFailed."""
    outcome = each if isinstance(each, Outcome) else scenario.run(each, everything())
    return explain(outcome, everything(), language)


def explain(outcome: Outcome, having: Installed, language: str) -> str:
    """The same, under these plugins."""
    trace = outcome.decision.trace
    return Explainer.of(having, language).text(trace, digest(trace))


def failure(outcome: Outcome) -> str:
    """What `beleg test` prints of a failing scenario: where it stands, what was expected, what came out, and why."""
    return "\n".join(outcome.failure(explained(outcome)))


def read_records(*files: Path, mapping: Path | None = None) -> list[Record]:
    """The records that `beleg erp import` would take in from these files. Raises InputError."""
    types = everything().types
    return list(read_files(list(files), types, mapping=read_mapping(mapping, types) if mapping else None))
