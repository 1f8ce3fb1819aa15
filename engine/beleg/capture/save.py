"""Puts a captured scenario on disk: it is loaded back and run first, and nothing stays where it decides otherwise."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from beleg.capture.write import files
from beleg.errors import InputError, Where
from beleg.message import Limits
from beleg.orchestrator import Decision
from beleg.plugins import Installed
from beleg.scenario import Scenario, load, run
from beleg.step import RuleSettings
from beleg.trace import digest


class CaptureFailed(Exception):
    """The file would not decide as the mail was decided, or would tell what it must not; it was not written."""


@dataclass(frozen=True)
class Saved:
    """A scenario that was written: its text, the files beside it, and whether its whole trace is that of the mail (the
    records, their origins and the clauses are in any case)."""

    text: bytes
    beside: tuple[str, ...]
    same_trace: bool


def save(
    scenario: Scenario,
    decision: Decision,
    installed: Installed,
    path: Path | None,
    *,
    settings: RuleSettings | None = None,
    force: bool = False,
) -> Saved:
    """Write the scenario of a decision, made under `settings`, to `path` (None: nowhere, for printing), with a file
    beside it for each mail that YAML can't hold. `force` overwrites.
    Raises InputError where it can't be written, CaptureFailed where it does not decide the same."""
    name = path.name if path else "capture.yaml"
    if not name or (path and path.exists() and not path.is_file()):
        raise InputError("this is no name of a file; give one such as case.yaml", Where(str(path)))
    made = files(scenario, installed.types, name)
    beside = tuple(each for each in made if each != name)
    if path is None and beside:
        raise InputError(
            "a mail of this scenario is long, or no text that YAML can hold, and needs a file; name one with -o"
        )
    if path and not force:
        for each in made:
            if (path.parent / each).exists():
                raise InputError("the file is there already; --force overwrites it", Where(str(path.parent / each)))
    try:
        with tempfile.TemporaryDirectory(prefix=".beleg-capture-", dir=path.parent if path else None) as folder:
            for each, data in made.items():
                Path(folder, each).write_bytes(data)
            same = prove(Path(folder, name), decision, installed, settings or scenario.settings)
            if path:
                # What the scenario names is there before the scenario is.
                for each in (*beside, name):
                    Path(folder, each).replace(path.parent / each)
    except OSError as error:
        raise InputError(f"the file can't be written: {error.strerror}", Where(str(path))) from None
    return Saved(made[name], beside, same)


def packed(
    scenario: Scenario, decision: Decision, installed: Installed, name: str, settings: RuleSettings
) -> tuple[str, bytes]:
    """The scenario of a decision to hand over: the name of its file and what is in it, a zip archive where mails stand
    beside the scenario. `name` is that of the scenario without an ending. Raises CaptureFailed where it does not decide
    the same."""
    made = files(scenario, installed.types, f"{name}.yaml")
    with tempfile.TemporaryDirectory(prefix="beleg-capture-") as folder:
        for each, data in made.items():
            Path(folder, each).write_bytes(data)
        prove(Path(folder, f"{name}.yaml"), decision, installed, settings)
    if len(made) == 1:
        return f"{name}.yaml", made[f"{name}.yaml"]
    archive = io.BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as zipped:
        for each, data in made.items():
            zipped.writestr(each, data)
    return f"{name}.zip", archive.getvalue()


def prove(path: Path, decision: Decision, installed: Installed, settings: RuleSettings) -> bool:
    """Load the one scenario of a file and run it: whether its whole trace is that of the decision.
    Raises CaptureFailed where not even its records, their origins and its clauses are."""
    try:
        (scenario,) = load(path, installed)
    except InputError as error:
        fault = str(error).replace(f"{path}, ", "").replace(f"{path}: ", "")
        raise CaptureFailed(f"the scenario format can't hold this world: {fault}") from None
    outcome = run(scenario, installed)
    differences = list(outcome.faults)
    if list(decision.trace.held()) != outcome.clauses:
        differences.append(f"the clauses {_listed(decision.trace.held())} became {_listed(outcome.clauses)}")
    if differences:
        raise CaptureFailed(
            f"the scenario decides otherwise than the mail: {'; '.join(differences)}{_limits(settings)}"
        )
    return digest(outcome.decision.trace) == digest(decision.trace)


def _listed(clauses: list[str]) -> str:
    return ", ".join(clauses) or "(none)"


def _limits(settings: RuleSettings) -> str:
    """Why that may be: a scenario can't say how large a mail may be."""
    usual = Limits()
    changed = [f"max_{key}" for key in Limits.__slots__ if getattr(settings.limits, key) != getattr(usual, key)]
    if not changed:
        return ""
    return f" (a scenario runs with the default limits, and the settings change {', '.join(changed)})"
