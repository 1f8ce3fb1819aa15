"""What any plugin must keep to, as a test class: `class TestInvoice(StepConformance): plugin = "invoice"; …`.

Each test says all that is wrong at once, by scenario and by clause.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches, unified_diff
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import entry_points
from itertools import islice
from pathlib import Path
from string import Formatter
from types import SimpleNamespace
from typing import Any, ClassVar, NoReturn

import msgspec

from beleg import scenario
from beleg.clause import LANGUAGES, Clause, ClauseError, Sentences
from beleg.directory import LISTED, MemoryDirectory
from beleg.explain.phrases import Phrases
from beleg.hooks import PROJECT, hookimpl
from beleg.ignore import IgnoreList
from beleg.message import parse
from beleg.orchestrator import Engine, StepFailed
from beleg.plugins import HOOKS, Installed, PluginError, installed
from beleg.record import CUSTOMER, Record, RecordRef, Reference
from beleg.scenario import Scenario
from beleg.step import Step
from beleg.testing.directories import Counting, Unreachable
from beleg.testing.guard import watching
from beleg.testing.scenarios import everything, explain
from beleg.trace import Check, RuleSeen, Trace, encode

ROUND_TRIPS = 4
"""How often a decision may ask the directory, whatever the mail holds."""
FEW, MANY = 3, 300
ANOTHER_DAY = datetime(1999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=13)))
SHOWN = 20
"""How many lines of a difference between two traces are shown."""


class StepConformance:
    """Subclass it in a test module, and pytest runs what every plugin must pass.

    `plugin` is the name of its entry point; `scenarios` a folder of scenarios (or several), which must reach every
    clause that it brings; `unreached` are clauses (patterns: `return.content.*`) that they do not, with the reason.
    """

    plugin: ClassVar[str]
    scenarios: ClassVar[Path | Sequence[Path]]
    unreached: ClassVar[Mapping[str, str]] = {}

    # --- pure

    def test_the_same_input_gives_the_same_trace(self) -> None:
        """Again, in another order, and on another day in another time zone."""
        found, having, faults = _scenarios(self), everything(), []
        again = reversed([_trace(each, having) for each in reversed(found)])
        with _another_day():
            later = [_trace(each, having) for each in found]
        afresh = installed()
        for each, *others in zip(found, again, later, strict=True):
            first = _trace(each, afresh)
            for other, when in zip(others, ("decided again", "decided on another day"), strict=True):
                if encode(first) != encode(other):
                    faults.append(f"{each.title}: {when}, the trace is another\n{_difference(first, encode(other))}")
                    break
        _fail_for("the decision does not depend on its input alone", faults)

    def test_another_process_gives_the_same_trace(self) -> None:
        """Of another start, and with another order of everything that has none: of sets, above all."""
        faults = []
        for each, first, other in zip(_scenarios(self), _traces(self), _elsewhere(self), strict=True):
            if encode(first) != other:
                faults.append(
                    f"{each.title}: decided in another process, the trace is another\n{_difference(first, other)}"
                )
        _fail_for("the decision does not depend on its input alone (does it go through a set?)", faults)

    def test_nothing_is_written_reached_or_started(self) -> None:
        """No network, no writing, no process and no thread, while a message is decided."""
        faults = []
        for each in _scenarios(self):
            with watching() as watch:
                try:
                    _trace(each, everything())
                except StepFailed as error:
                    if not watch.seen:
                        raise
                    watch.seen.append(f"which ended in: {error}")
            faults += [f"{each.title}: {said}" for said in watch.seen]
        _fail_for("a decision must do nothing but decide", faults)

    # --- bounded

    def test_round_trips_are_bounded(self) -> None:
        """However many addresses and numbers a mail has, the directory is asked as often."""
        having = everything()
        faults = []
        for each in _scenarios(self):
            asked = Counting(MemoryDirectory(each.records, having.types))
            scenario.run(each, having, asked)
            if len(asked.asked) > ROUND_TRIPS:
                faults.append(f"{each.title}: {len(asked.asked)} round trips, {ROUND_TRIPS} allowed ({_said(asked)})")
        few, many = _wide(self, FEW), _wide(self, MANY)
        if len(many.asked) > min(len(few.asked), ROUND_TRIPS):
            faults.append(
                f"{len(few.asked)} round trips for a mail with {FEW} addresses and numbers, {len(many.asked)} for one "
                f"with {MANY} ({_said(many)})"
            )
        _fail_for("the directory is asked too often (say in interest() what is looked up, use context.lookup)", faults)

    # --- said

    def test_every_clause_is_registered_with_its_sentences(self) -> None:
        """In both languages, with parameters that exist, and `because` where it assigns."""
        having = everything()
        faults = list(dict.fromkeys(_unregistered(self, having)))
        for clause in _clauses(self, having).values():
            faults += _wrong_sentences(clause, _counts(self, clause))
        _fail_for("clauses are not fit to explain a decision", faults)

    def test_every_decision_can_be_explained(self) -> None:
        """In both languages, without anything left to fill in."""
        faults = []
        for each in _scenarios(self):
            outcome = scenario.run(each, everything())
            for language in LANGUAGES:
                try:
                    explain(outcome, everything(), language)
                except ClauseError as error:
                    faults.append(f"{each.title} ({language}): {error}")
        _fail_for("decisions can't be explained", faults)

    def test_every_clause_is_reached(self) -> None:
        """Each clause holds in a scenario, or stands in `unreached` with a reason."""
        clauses = _clauses(self, everything())
        held = {clause for trace in _traces(self) for clause in trace.held()}
        missing = [clause for clause in clauses if clause not in held]
        faults = [
            f"{clause} holds in no scenario; write one, or say in `unreached` why there is none"
            for clause in missing
            if not any(fnmatchcase(clause, pattern) for pattern in self.unreached)
        ]
        for pattern, reason in self.unreached.items():
            if not any(fnmatchcase(clause, pattern) for clause in missing):
                faults.append(f"unreached names {pattern!r} ({reason}), but no unreached clause is like it; remove it")
            if not reason.strip():
                faults.append(f"unreached names {pattern!r} without a reason")
        _fail_for("not every clause is shown by a scenario", faults)

    # --- errors

    def test_an_error_names_step_and_message(self) -> None:
        """A step that fails, and a directory that does not answer, end the decision: neither becomes 'nothing'."""
        having = everything()
        faults: list[str] = []
        for step in _steps(self, having):
            faults += _failing(_broken(step), having, "its run() raises")
            alone = replace(having, steps=(step,))
            for each in _scenarios(self):
                asked = Counting(MemoryDirectory(each.records, having.types))
                scenario.run(each, alone, asked)
                if "find" not in asked.asked:
                    continue
                try:
                    scenario.run(each, alone, Unreachable())
                except StepFailed as error:
                    faults += _unnamed(step, parse(each.raw).message_id or "sha256:", error)
                else:
                    faults.append(f"{each.title}: step {step.name!r} went on after the directory had failed")
        _fail_for("errors are lost, or do not say where they are from", faults)

    def test_an_error_at_start_names_plugin_and_hook(self) -> None:
        """Whichever of its hooks fails."""
        plugin = _entry_point(self).load()
        hooks = {name: getattr(plugin, name) for name in HOOKS if hasattr(plugin, name)}
        name = f"{self.plugin} (broken)"
        faults = []
        for hook in hooks:
            try:
                installed([self.plugin], [(name, SimpleNamespace(**{**hooks, hook: _raising(hook)}))])
            except PluginError as error:
                faults += [f"{hook}: {said} is not named: {error}" for said in (name, hook) if said not in str(error)]
            else:
                faults.append(f"{hook}: nobody hears of it")
        _fail_for("errors at start-up are lost, or do not say where they are from", faults)


# --- the plugin and what comes of its scenarios


def _entry_point(test: StepConformance) -> Any:
    found = {point.name: point for point in entry_points(group=PROJECT)}
    name = getattr(test, "plugin", None)
    if name is None:
        _wrong(f"{type(test).__name__} says no plugin; add: plugin = NAME, the name of its entry point")
    if name not in found:
        near = get_close_matches(name, found, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"installed are {', '.join(sorted(found))}"
        _wrong(f"no plugin {name!r} is installed; {hint} (a new one: pip install --editable .)")
    return found[name]


def _wrong(said: str) -> NoReturn:
    raise AssertionError(said)


def _scenarios(test: StepConformance) -> tuple[Scenario, ...]:
    _entry_point(test)
    where = getattr(test, "scenarios", None)
    if where is None:
        _wrong(f"{type(test).__name__} says no scenarios; add: scenarios = Path(…), the folder that they are in")
    folders = (where,) if isinstance(where, Path) else tuple(where)
    found = _loaded(folders)
    if not found:
        _wrong(f"there is no scenario under {', '.join(map(str, folders))}")
    return found


@cache
def _loaded(folders: tuple[Path, ...]) -> tuple[Scenario, ...]:
    return tuple(scenario.load_all(folders, everything()))


def _traces(test: StepConformance) -> tuple[Trace, ...]:
    return tuple(_decided(each) for each in _scenarios(test))


_known: dict[int, tuple[Scenario, Trace]] = {}


def _decided(each: Scenario) -> Trace:
    """The trace, worked out once a run; for what does not ask whether it is always the same."""
    if id(each) not in _known:
        _known[id(each)] = each, _trace(each, everything())
    return _known[id(each)][1]


def _trace(each: Scenario, having: Installed) -> Trace:
    return msgspec.structs.replace(scenario.run(each, having).decision.trace, run=None)


def _steps(test: StepConformance, having: Installed) -> list[Step]:
    _entry_point(test)
    info = next(info for info in having.plugins if info.name == test.plugin)
    return [step for step in having.steps if step.name in info.steps]


def _clauses(test: StepConformance, having: Installed) -> dict[str, Clause]:
    """What the plugin brings, and the skips and follow-ups of its steps."""
    names = {step.name for step in _steps(test, having)}
    return {
        id_: clause
        for id_, clause in having.clauses.items()
        if clause.source == test.plugin or id_.partition(".")[0] in names
    }


# --- pure


@contextmanager
def _another_day() -> Iterator[None]:
    try:
        import time_machine
    except ImportError:
        _wrong("the conformance test needs time-machine, which is not installed: pip install 'beleg[testing]'")
    with time_machine.travel(ANOTHER_DAY, tick=False):
        yield


def _elsewhere(test: StepConformance) -> list[bytes]:
    """The encoded traces, decided in another process with another hash seed."""
    folders = [test.scenarios] if isinstance(test.scenarios, Path) else test.scenarios
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import tell; tell()", *map(str, folders)],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
        capture_output=True,
    )
    if done.returncode:
        _wrong(f"in another process nothing could be decided:\n{done.stderr.decode(errors='replace').strip()}")
    return done.stdout.splitlines()


def tell() -> None:
    """Write the encoded trace of each scenario under the folders of the command line, a line each: what the other
    process does."""
    for each in _loaded(tuple(map(Path, sys.argv[1:]))):
        sys.stdout.buffer.write(encode(_trace(each, everything())) + b"\n")


def _difference(one: Trace, other: bytes) -> str:
    first, then = (
        json.dumps(json.loads(each), indent=1, ensure_ascii=False).splitlines() for each in (encode(one), other)
    )
    changed = unified_diff(first, then, "first", "then", n=1, lineterm="")
    return "\n".join(f"    {line}" for line in islice(changed, SHOWN))


# --- bounded


def _wide(test: StepConformance, size: int) -> Counting:
    """What is asked for a mail that names `size` records of each type that the plugin assigns, each with an address and
    a number of its own, and two numbers and an address that more records carry than are listed."""
    having = everything()
    types = [step.type for step in _steps(test, having) if step.type]
    records = []
    for type_ in types:
        records += [
            Record(RecordRef(type_, f"{n}"), f"WIDE-{1000 + n}", addresses=(f"wide{n}@wide.example",))
            for n in range(size)
        ]
        shared = (Reference("first", "SHARED-1001"), Reference("second", "SHARED-1002"))
        records += [
            Record(RecordRef(type_, f"shared {n}"), addresses=("shared@wide.example",), references=shared)
            for n in range(LISTED + 10)
        ]
    lines = [f"wide{n}@wide.example WIDE-{1000 + n}" for n in range(size)]
    mail = ["From: shared@wide.example", "Subject: wide", "", "SHARED-1001, SHARED-1002", *lines]
    asked = Counting(MemoryDirectory(records, having.types))
    Engine(having).decide(parse("\n".join(mail).encode()), asked, IgnoreList())
    return asked


def _said(asked: Counting) -> str:
    return ", ".join(f"{asked.asked.count(name)} {name}" for name in dict.fromkeys(asked.asked))


# --- said


def _unregistered(test: StepConformance, having: Installed) -> Iterator[str]:
    """Clauses that the plugin writes into traces, and nobody registers or lets assign without a reason to give."""
    names = {step.name for step in _steps(test, having)}
    for trace in _traces(test):
        for step in trace.steps:
            for check in step.checks:
                for rule in check.rules:
                    if rule.clause not in having.clauses and (step.step in names or rule.source == test.plugin):
                        yield (
                            f"{rule.clause} is written by the step {step.step!r}, but not registered; return it from "
                            "the step's clauses(), or from the hook beleg_clauses"
                        )
                clause = having.clauses.get(check.clause)
                if clause and check.assigned and clause.id in _clauses(test, having):
                    for language in LANGUAGES:
                        if not clause.sentences[language].because:
                            yield f"{clause.id} assigns, and has no sentence `because` in {language}"


def _counts(test: StepConformance, clause: Clause) -> set[str]:
    """The counts that the clause's sentences may name: those of the tables of its step, and those seen in traces."""
    step = clause.id.partition(".")[0]
    counts = {fact for each in everything().steps if each.name == step for t in each.tables for fact in t.facts}
    for trace in _traces(test):
        for check in trace.checks():
            if any(rule.clause == clause.id for rule in check.rules):
                counts |= set(check.counts)
    return counts


def _wrong_sentences(clause: Clause, counts: set[str]) -> Iterator[str]:
    for language in LANGUAGES:
        sentences = clause.sentences[language]
        if not sentences.held.strip():
            yield f"{clause.id} has no sentence `held` in {language}"
        known = _parameters(language) | counts
        for name in Sentences.__slots__:
            try:
                fields = {found for _, found, _, _ in Formatter().parse(getattr(sentences, name)) if found is not None}
            except ValueError as error:
                yield f"{clause.id}, `{name}` in {language}: {error}"
                continue
            for field in sorted(fields - known):
                near = get_close_matches(field, known, 1)
                hint = f"; did you mean {{{near[0]}}}?" if near else f"; there are {', '.join(sorted(known))}"
                yield f"{clause.id}, `{name}` in {language}: there is no parameter {{{field}}}{hint}"
    for name in Sentences.__slots__:
        if len({bool(getattr(clause.sentences[language], name)) for language in LANGUAGES}) > 1:
            yield f"{clause.id} has a sentence `{name}` in one language only"


@cache
def _parameters(language: str) -> frozenset[str]:
    facts = {"role": CUSTOMER, "source": "type:id"}
    check = Check("nothing_found", (RuleSeen("step.follow.role", "held"),), counts={"targets": 0}, facts=facts)
    return frozenset(Phrases(everything().types, language).parameters(check, "type")) - {"targets"}


# --- errors


def _broken(step: Step) -> Step:
    broken = copy(step)
    broken.run = _raising("run")  # type: ignore[method-assign]  # this one's alone
    return broken


def _raising(name: str) -> Any:
    def fails(*_: object) -> NoReturn:
        raise RuntimeError("broken for the test")

    fails.__name__ = name
    return hookimpl(fails) if name in HOOKS else fails


def _failing(step: Step, having: Installed, how: str) -> Iterator[str]:
    mail = b"From: anna@kunde.example\nMessage-ID: <conformance@beleg.example>\n\n"
    try:
        Engine(replace(having, steps=(step,))).decide(parse(mail), MemoryDirectory((), having.types), IgnoreList())
    except StepFailed as error:
        yield from _unnamed(step, "conformance@beleg.example", error)
    else:
        yield f"step {step.name!r}: nobody hears of it when {how}"


def _unnamed(step: Step, message: str, error: StepFailed) -> Iterator[str]:
    for said in (repr(step.name), message):
        if said not in str(error):
            yield f"step {step.name!r}: the error does not name {said}: {error}"


def _fail_for(what: str, faults: Sequence[str]) -> None:
    if faults:
        raise AssertionError(f"{what}:\n" + "\n".join(f"  {fault}" for fault in faults))
