"""The installed rules as a person reads them: conditions and outcomes in words, and what each clause says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

from beleg.explain.phrases import Phrases
from beleg.explain.rule_words import COMPARED, FACTS, FLAGS, OTHERWISE, OUTCOMES, PLACEHOLDERS, TEXTS
from beleg.frame_clauses import FRAME
from beleg.plugins import Installed
from beleg.rulebook import Rule, Table
from beleg.rulebook.table import Comparison
from beleg.stages import CONTENT, PARTICIPANTS, AddressStep
from beleg.step import Step


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sentence; `filled`: it stands for what a decision fills in there."""

    text: str
    filled: bool = False


@dataclass(frozen=True, slots=True)
class ReadClause:
    """A clause: its id, the stage in words ('' for none), and what it says where it holds."""

    id: str
    stage: str
    sentence: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class ReadRule:
    """One rule of a table, of one step: the condition in words and as it is written (`formula`), what follows, in words
    and as it is `written`, who supplied it, and its clauses, one a stage."""

    condition: str
    formula: str
    outcome: str
    written: str
    source: str
    clauses: tuple[ReadClause, ...]


@dataclass(frozen=True, slots=True)
class ReadTable:
    """A table of a step. Of its rules the first that holds decides."""

    name: str
    rules: tuple[ReadRule, ...]


@dataclass(frozen=True, slots=True)
class ReadStep:
    """A step. `skipped_by` and `follows` are words; `others` are the clauses that need no table."""

    name: str
    place: int
    priority: int
    label: str
    type: str
    source: str
    skipped_by: tuple[str, ...]
    follows: tuple[str, ...]
    tables: tuple[ReadTable, ...]
    others: tuple[ReadClause, ...]


class RuleReader:
    """Reads what is installed, in the language of the phrases; `label` says what people call a step."""

    def __init__(self, installed: Installed, phrases: Phrases, labels: Mapping[str, str]) -> None:
        self._installed = installed
        self._phrases = phrases
        self._labels = labels
        self._language = phrases.language
        self._texts = TEXTS[self._language]

    def steps(self) -> list[ReadStep]:
        """The steps in their order."""
        return [self._step(step, place) for place, step in enumerate(self._installed.steps, 1)]

    def frame(self) -> list[ReadClause]:
        """The clauses of no step."""
        return [self._clause(each) for each in self._installed.clauses if each.partition(".")[0] == FRAME]

    def condition(self, table: Table, comparisons: Sequence[Comparison], step: Step) -> str:
        """A condition of a table in words."""
        if not comparisons:
            return OTHERWISE[self._language]
        return self._texts["and"].join(self._comparison(table, each, step) for each in comparisons)

    def outcome(self, table: Table, rule: Rule) -> str:
        """What follows, in words; a plugin's own outcome as it is written."""
        said = OUTCOMES[self._language]
        own = said.get((table.name.rpartition(".")[2], rule.then)) or said.get(("", rule.then))
        return own or rule.then

    def sentence(self, text: str, type_: str = "") -> tuple[Piece, ...]:
        """A sentence of a clause of a step of this record type, its parameters in words."""
        return tuple(self._pieces(text, type_))

    def _step(self, step: Step, place: int) -> ReadStep:
        tables = [self._table(step, self._installed.tables[table.name]) for table in step.tables]
        told = {clause.id for table in tables for rule in table.rules for clause in rule.clauses}
        own = [each for each in self._installed.clauses if each.startswith(f"{step.name}.") and each not in told]
        own.sort(key=lambda each: (".follow." in each, not each.endswith(".skipped")))
        types = [self._phrases.words(each).one for each in step.skipped_by]
        when = self._texts
        follows = [f"{self._phrases.role(each.role)} ({when[each.when]})" for each in step.follow_ups]
        source = next((each.name for each in self._installed.plugins if step.name in each.steps), "")
        return ReadStep(
            step.name,
            place,
            step.priority,
            self._labels[step.name],
            self._phrases.words(step.type).one if step.type else "",
            source,
            tuple(types),
            tuple(follows),
            tuple(tables),
            tuple(self._clause(each) for each in own),
        )

    def _table(self, step: Step, table: Table) -> ReadTable:
        stages = self._stages(step, table)
        rules = []
        for rule, comparisons in zip(table.rules, table.conditions(), strict=True):
            names = [".".join(filter(None, (step.name, stage, rule.name))) for stage in stages]
            clauses = tuple(self._clause(each) for each in names if each in self._installed.clauses)
            rules.append(
                ReadRule(
                    self.condition(table, comparisons, step),
                    rule.when,
                    self.outcome(table, rule),
                    rule.then,
                    rule.source,
                    clauses,
                )
            )
        return ReadTable(table.name, tuple(rules))

    def _stages(self, step: Step, table: Table) -> Sequence[str]:
        """The stages whose clauses come out of a table; '' where the clauses name none."""
        if isinstance(step, AddressStep) and table.name == step.table.name:
            return (PARTICIPANTS, CONTENT)
        stage = table.name.rpartition(".")[2]
        named = any(each.startswith(f"{step.name}.{stage}.") for each in self._installed.clauses)
        return (stage if named else "",)

    def _clause(self, id_: str) -> ReadClause:
        parts = id_.split(".")
        stage = parts[1] if len(parts) > 2 and parts[1] != "follow" else ""
        clause = self._installed.clauses[id_]
        sentences = clause.sentences[self._language]
        # Of a follow-up the sentence in the explanation is the record's name alone.
        text = sentences.because if parts[1:2] == ["follow"] else sentences.held
        type_ = next((step.type or "" for step in self._installed.steps if step.name == parts[0]), "")
        return ReadClause(id_, self._phrases.stage(stage) if stage else "", self.sentence(text, type_))

    def _comparison(self, table: Table, each: Comparison, step: Step) -> str:
        flags = FLAGS[self._language]
        flag = flags.get(f"{table.name}.{each.fact}") or flags.get(each.fact)
        if flag and (yes := _as_flag(each)) is not None:
            return flag[0] if yes else flag[1]
        one, many = self._fact(each.fact, step)
        if each.number == 0 and each.operator in ("==", "<="):
            key = "none"
        elif each.number == 0 and each.operator in (">", "!="):
            key, each = "at_least", Comparison(each.fact, ">=", 1)
        else:
            key = COMPARED[each.operator]
        return self._texts[key].format(number=each.number, what=one if each.number == 1 else many)

    def _fact(self, fact: str, step: Step) -> tuple[str, str]:
        known = FACTS[self._language].get(fact)
        if known is None:
            said = fact.replace("_", " ")
            return said, said
        words = self._phrases.words(step.type or "")
        one, many = (each.format(one=words.one, many=words.many) for each in known)
        return one, many

    def _pieces(self, text: str, type_: str) -> Iterator[Piece]:
        known = PLACEHOLDERS[self._language]
        words = self._phrases.words(type_)
        for plain, name, _, _ in Formatter().parse(text):
            if plain:
                yield Piece(plain)
            if type_ and name in ("one", "many"):
                yield Piece(getattr(words, name))
            elif name and (said := known.get(name, name)):
                yield Piece(said, True)


def _as_flag(each: Comparison) -> bool | None:
    """Whether a comparison asks that a count of 0 or 1 is 1; None where it asks something else."""
    holds = [each.holds({each.fact: count}) for count in (0, 1)]
    return None if holds[0] == holds[1] else holds[1]
