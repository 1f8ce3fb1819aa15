"""Testing the rules: `test`, with `--coverage` and `--mutate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beleg.cli.frame import Frame, Json, Lang, complain, frame, progress, say, say_json, say_lines

if TYPE_CHECKING:
    from beleg.explain import Explainer
    from beleg.orchestrator import StepFailed
    from beleg.ruletest.scope import Scope
    from beleg.scenario import Outcome, Scenario


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("test")(run_scenarios)


def run_scenarios(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Scenario files, or folders of them (docs/scenarios.md).")
    ],
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Which clauses held in a scenario, which never.")
    ] = False,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Break each rule and guard in turn: does a scenario notice it?")
    ] = False,
    equivalent: Annotated[
        Path | None,
        typer.Option(
            "--equivalent",
            metavar="FILE",
            help="List of equivalent mutants, if not equivalent.yaml beside the scenarios.",
        ),
    ] = None,
    plugin: Annotated[
        list[str] | None,
        typer.Option(
            "--plugin", metavar="NAME", help="With --coverage and --mutate: only what this plugin brings (repeatable)."
        ),
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Run scenarios: a line each, for a failing one what was expected, what came out, and the explanation."""
    from beleg.errors import InputError

    if equivalent and not mutate:
        raise InputError("--equivalent goes with --mutate")
    if plugin and not (coverage or mutate):
        raise InputError("--plugin goes with --coverage or --mutate")
    one = frame(context)
    run = _Run(one, one.explainer(lang), as_json)
    scope = _scope(one, plugin or []) if coverage or mutate else None
    run.files(paths)
    if scope and coverage:
        _cover(run, scope)
    good = run.good()
    if scope and mutate:
        if good:
            good = _mutate(run, scope, paths, equivalent)
        else:
            complain("no rule was broken to see who notices: scenarios fail as the rules are; repair them first")
    if not good:
        raise typer.Exit(1)


@dataclass
class _Run:
    """One run of scenarios: what came of them, and how it is told."""

    frame: Frame
    explainer: Explainer
    as_json: bool
    outcomes: list[Outcome] = field(default_factory=list)
    unreadable: int = 0
    raised: int = 0
    """Scenarios in which a step failed: nothing came out."""

    def files(self, paths: list[Path]) -> None:
        """Run every scenario under the paths, telling of each. Raises InputError where there is none."""
        from beleg.errors import InputError
        from beleg.orchestrator import StepFailed
        from beleg.scenario import find, load, run

        titles: dict[str, str] = {}
        for file in find(paths):
            try:
                for scenario in load(file, self.frame.installed):
                    if scenario.title in titles:
                        fault = f"the title {scenario.title!r} stands in {titles[scenario.title]} already"
                        raise InputError(f"{file}, line {scenario.line}: {fault}; titles are unique within a run")
                    titles[scenario.title] = str(file)
                    try:
                        outcome = run(scenario, self.frame.installed)
                    except StepFailed as error:
                        self._raised(scenario, error)
                        continue
                    self.outcomes.append(outcome)
                    self._tell(outcome)
            except InputError as error:
                self.unreadable += 1
                if self.as_json:
                    say_json(_line(str(file), None, False, [], [], str(error)))
                else:
                    say(f"UNREADABLE  {error}")
        if not self.as_json:
            failed = sum(bool(outcome.faults) for outcome in self.outcomes)
            say(f"{len(self.outcomes) - failed} passed, {failed + self.raised} failed")

    def good(self) -> bool:
        """Whether every scenario passed. Raises InputError where one could not be read, or there is none."""
        from beleg.errors import InputError

        if self.unreadable:
            raise InputError(f"{self.unreadable} of the files could not be read")
        if not self.outcomes and not self.raised:
            raise InputError("there is no scenario under these paths; scenarios are *.yaml and *.yml files")
        return not self.raised and not any(outcome.faults for outcome in self.outcomes)

    def _raised(self, scenario: Scenario, error: StepFailed) -> None:
        self.raised += 1
        cause = error.__cause__
        fault = f"the step {error.step!r} failed: {type(cause).__name__}: {cause}"
        if self.as_json:
            say_json(_line(scenario.file, scenario.title, False, [], [], fault))
        else:
            say(f"FAILED  {scenario.title}")
            say(f"  {scenario.file}, line {scenario.line}")
            say(f"  {fault}")

    def _tell(self, outcome: Outcome) -> None:
        from beleg.trace import digest

        scenario, faults = outcome.scenario, outcome.faults
        if self.as_json:
            say_json(_line(scenario.file, scenario.title, not faults, outcome.assigned, outcome.clauses, None))
            return
        say(f"{'FAILED' if faults else 'passed'}  {scenario.title}")
        if faults:
            trace = outcome.decision.trace
            for line in outcome.failure(self.explainer.text(trace, digest(trace))):
                say(f"  {line}".rstrip())


def _scope(one: Frame, plugins: list[str]) -> Scope:
    from beleg.ruletest.scope import scope

    return scope(one.installed, plugins)


def _cover(run: _Run, scope: Scope) -> None:
    from beleg.ruletest.coverage import coverage
    from beleg.ruletest.report import coverage_data, coverage_lines

    covered = coverage(run.outcomes, scope)
    if run.as_json:
        for clause in covered:
            say_json(coverage_data(clause))
    else:
        say()
        say_lines(coverage_lines(covered, run.explainer.language))


def _lists(paths: list[Path], named: Path | None) -> list[Path]:
    """Where the lists of equivalent mutants are: the one that is named, or inside the folders and beside the files,
    whether there is one or not."""
    from beleg.scenario import EQUIVALENT

    return [named] if named else list(dict.fromkeys((p if p.is_dir() else p.parent) / EQUIVALENT for p in paths))


def _mutate(run: _Run, scope: Scope, paths: list[Path], named: Path | None) -> bool:
    from beleg.ruletest.equivalent import read
    from beleg.ruletest.mutation import mutants, mutate
    from beleg.ruletest.report import mutation_data, mutation_lines, wrong_data

    lists = _lists(paths, named)
    equivalences = [entry for path in lists if named or path.is_file() for entry in read(path)]
    with progress("mutating", len(mutants(scope))) as advance:
        mutation = mutate(scope, [outcome.scenario for outcome in run.outcomes], equivalences, advance)
    if run.as_json:
        for tried in mutation.tried:
            say_json(mutation_data(tried))
        for wrong in wrong_data(mutation, run.explainer.language):
            say_json(wrong)
    else:
        say()
        say_lines(mutation_lines(mutation, run.explainer.language, str(lists[0])))
    return mutation.good


def _line(
    file: str, title: str | None, passed: bool, assigned: list[str], clauses: list[str], error: str | None
) -> dict[str, Any]:
    return {
        "file": file, "title": title, "passed": passed, "assigned": assigned, "clauses": clauses, "error": error,
    }  # fmt: skip
