"""The explanation of a decision: the answer first, in a sentence, then the whole way to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from beleg.clause import Clause, ClauseError, Sentences
from beleg.directory import COUNTED
from beleg.explain.lines import Line, line, plain
from beleg.explain.phrases import Phrases
from beleg.explain.words import FRAME, NOTICES
from beleg.frame_clauses import FRAME as FRAME_STEP
from beleg.plugins import Installed
from beleg.record import RecordType
from beleg.step import Step
from beleg.trace import Check, MessageSeen, Outcome, RuleSeen, StepTrace, Trace, decisive

WIDTH = 80
FEW = 20
"""How many addresses, numbers or checks of one kind the text shows; the JSON has them all."""
MARKS = {"held": "✓", "not_held": "✗"}


class Explainer:
    """Renders traces in one language, by the installed clauses, steps and types. For `moment` and
    `by_subject` see `Phrases`: left as they are, times stay ISO 8601, and mails are called by their Message-ID."""

    def __init__(
        self,
        clauses: Mapping[str, Clause],
        types: Mapping[str, RecordType],
        steps: Sequence[Step],
        language: str = "en",
        *,
        moment: Callable[[str], str] = str,
        by_subject: bool = False,
    ) -> None:
        self._clauses = clauses
        self.steps = steps
        self._step_types = {step.name: step.type or "" for step in steps}
        self._order = {step.name: number for number, step in enumerate(steps, 1)}
        self._labels = {step.name: step.labels.get(language) for step in steps}
        self.phrases = Phrases(types, language, moment, by_subject)
        self.language = language
        self.texts = self.phrases.texts

    @classmethod
    def of(
        cls, installed: Installed, language: str, *, moment: Callable[[str], str] = str, by_subject: bool = False
    ) -> Explainer:
        """For what is installed."""
        return cls(installed.clauses, installed.types, installed.steps, language, moment=moment, by_subject=by_subject)

    # --- the answer in a sentence --------------------------------------------------------------------------------

    def because(self, outcome: Outcome, trace: Trace) -> str:
        """The one sentence under an assigned record, beginning with 'because'."""
        for step in trace.steps:
            for check in step.checks:
                if outcome.record in check.assigned and check.clause == outcome.clause:
                    sentence = self.sentences(check.clause).because
                    return self.say(sentence, check, step.step)
        if outcome.origin == "derived" and outcome.source:
            return self.texts["because_hand_follows"].format(source=self.phrases.record(outcome.source))
        return self.texts["because_hand"]

    def summary(self, trace: Trace) -> list[str]:
        """Why these records, in a sentence each; and of each step that found something and decided nothing, why,
        and what would have helped. Never empty."""
        said = []
        for outcome in trace.assigned:
            if outcome.origin in ("automatic", "inherited"):
                sentence = self.because(outcome, trace)
                said.append(sentence[:1].upper() + sentence[1:])
        said = list(dict.fromkeys(said))
        open_ends = [end for step in trace.steps for end in self._open_end(step)]
        if not said and not open_ends:
            if trace.assigned:
                said.append(self.texts["because_hand"][:1].upper() + self.texts["because_hand"][1:])
            else:
                said.append(self._nothing_fits(trace))
        return said + open_ends

    def _open_end(self, step: StepTrace) -> Iterator[str]:
        """Why a step that found something decided nothing, and what would have helped."""
        if any(check.assigned for check in step.checks):
            return
        check = decisive(step.checks) if step.step in self._step_types else step.checks[-1]
        if check is None:
            return
        about = f"{check.about} ({self.phrases.place(check.at)}): " if check.at else ""
        type_ = self._step_types.get(step.step, "")
        start = self.texts["no"].format(one=self.phrases.words(type_).one) if type_ else ""
        sentences = self.sentences(check.clause)
        said = self.say(sentences.held, check, step.step)
        yield f"{start}{about}{said}." if start or about else f"{said[:1].upper()}{said[1:]}."
        if sentences.hint:
            yield self.texts["hint"] + self.say(sentences.hint, check, step.step)

    def _nothing_fits(self, trace: Trace) -> str:
        counting = [seen.address for seen in trace.addresses if not seen.ignored and not seen.repeated]
        if not counting:
            return self.texts["none_found"] + self.texts["no_addresses"]
        listed = ", ".join(counting[:3]) + (" …" if len(counting) > 3 else "")
        types = [self.phrases.words(type_).one for type_ in self._step_types.values() if type_]
        said = self.texts["no_records"].format(addresses=listed, types=self.texts["or"].join(types))
        return self.texts["none_found"] + said

    # --- the whole -----------------------------------------------------------------------------------------------

    def text(self, trace: Trace, digest: str) -> str:
        """The explanation as plain text."""
        return plain(self.lines(trace, digest))

    def lines(
        self, trace: Trace, digest: str, *, what_if: Line | None = None, standing: Collection[str] | None = None
    ) -> list[Line]:
        """The explanation as styled lines; `what_if` (see `what_if_line`) stands below the answer, and what people
        changed since, where it is said which records are `standing` now."""
        return [
            *self._head(trace, digest),
            *(line((sentence, "strong")) for sentence in self.summary(trace)),
            *([what_if] if what_if else []),
            *(self._since(trace, standing) if standing is not None else ()),
            line(),
            *self._evidence(trace),
            *(each for step in trace.steps for each in self._step(step)),
        ]

    def _since(self, trace: Trace, standing: Collection[str]) -> Iterator[Line]:
        """What is not as the decision left it: only a person changes that without deciding anew."""
        then = [outcome.record for outcome in trace.assigned]
        gone = [record for record in then if record not in standing]
        come = [record for record in standing if record not in then]
        for key, records in (("since_removed", gone), ("since_set", come)):
            if records:
                yield line((self.texts[key].format(records=", ".join(map(self.phrases.record, records))), "bad"))

    def mail(self, message: MessageSeen) -> str:
        """The mail by its subject."""
        return f"{self.texts['mail']} " + (f'"{message.subject}"' if message.subject else self.texts["no_subject"])

    def _head(self, trace: Trace, digest: str) -> Iterator[Line]:
        title = self.mail(trace.message)
        mark = f"trace {digest[:12]}"
        yield line((title, "head"), " " * max(2, WIDTH - len(title) - len(mark)), (mark, "dim"))
        if not trace.assigned:
            yield line((self.texts["nothing"], "bad"))
        label = self.texts["assigned"]
        width = max((len(self._title(outcome)) for outcome in trace.assigned), default=0)
        for number, outcome in enumerate(trace.assigned):
            start = (label, "good") if number == 0 else (" " * len(label), "")
            note = outcome.clause or self.texts["manual" if outcome.origin == "manual" else "stood"]
            if outcome.gone:
                note += f"  ({self.texts['gone']})"
            yield line(start, "  ", (self._title(outcome).ljust(width), "strong"), "  ", (note, "dim"))

    def _title(self, outcome: Outcome) -> str:
        named = [each for each in (outcome.number, outcome.label) if each]
        return self.phrases.record(outcome.record) + (f" ({', '.join(named)})" if named else "")

    def _evidence(self, trace: Trace) -> Iterator[Line]:
        rows = []
        for seen in trace.addresses[:FEW]:
            style = ""
            if seen.ignored_as:
                note = f"{self.texts['ignored']}: {self.texts[seen.ignored_as]} {seen.ignored}"
                style = "dim"
            else:
                note = self.texts["repeated" if seen.repeated else "counts"]
            rows.append((seen.address, self.phrases.place(seen.at), note, style))
        if len(trace.addresses) > FEW:
            rows.append((self._more(len(trace.addresses) - FEW), "", "", "dim"))
        numbers = dict.fromkeys((number.number, self.phrases.place(number.at)) for number in trace.numbers)
        rows += [(number, place, self.texts["known"], "") for number, place in list(numbers)[:FEW]]
        if len(numbers) > FEW:
            rows.append((self._more(len(numbers) - FEW), "", "", "dim"))
        for notice in trace.notices[:FEW]:
            known = NOTICES.get(notice.code) or (NOTICES["broken"] if notice.code.startswith("broken_") else {})
            text = known.get(self.language, f"{notice.code} {{detail}}").format(detail=notice.detail)
            rows.append((f"{self.texts['warning']}: {text}", "", "", "dim"))
        for removed in trace.removed:
            note = f"{self.texts['removed']}: {removed.by}, {removed.at}"
            rows.append((self.phrases.record(removed.record), "", note, "dim"))
        label = f"  {self.texts['evidence']}  "
        widths = [max((len(row[column]) for row in rows if row[1]), default=0) for column in (0, 1)]
        for index, (what, where, note, style) in enumerate(rows):
            text = f"{what.ljust(widths[0])}  {where.ljust(widths[1])}  {note}"
            yield line((label if index == 0 else " " * len(label), "dim"), (text, style))

    def _step(self, step: StepTrace) -> Iterator[Line]:
        number = self._order.get(step.step)
        type_ = self._step_types.get(step.step, "")
        made = [name for check in step.checks for name in check.assigned if check.stage != "follow"]
        mark, style = ("✓", "good") if made else ("–", "dim")
        start = f"{number or ' '} {self.label(step.step).ljust(11)} "
        single = step.checks[0] if len(step.checks) == 1 else None
        if single and not single.at and not single.stage:
            yield line((start, "strong"), (mark, style), "  ", self.said(single, step.step))
            return
        yield line((start, "strong"), (mark, style), "  ", (self.phrases.names(made, type_), "strong"))
        shown = step.checks if len(step.checks) <= FEW else [*step.checks[: FEW - 5], *step.checks[-5:]]
        follow = [check for check in shown if check.stage == "follow"]
        for index, check in enumerate(shown):
            if len(step.checks) > FEW and index == FEW - 5:
                yield line((f"              {self._more(len(step.checks) - FEW)}", "dim"))
            if check.stage != "follow":
                yield from self._check(check, step.step, type_)
        if follow:
            pieces: list[str | tuple[str, str]] = [" " * 14]
            for check in follow:
                mark, style = ("✓", "good") if check.held else ("–", "dim")
                said = self.say_rule(check, check.rules[0], step.step)
                pieces += [(f"{mark} {self.phrases.role(check.facts['role'])}: {said}", style), "   "]
            yield line(*pieces)

    def _check(self, check: Check, step: str, type_: str) -> Iterator[Line]:
        indent = " " * 14
        two = check.stage and not check.at
        if check.candidates is None or len(check.rules) == 1 or not (check.at or check.stage):
            about = f"{check.about} ({self.phrases.place(check.at)}): " if check.at else ""
            stage = f"{self.phrases.stage(check.stage)}: " if two else ""
            mark, style = ("✓", "good") if check.assigned else ("–", "dim")
            yield line(indent, (f"{mark} {stage}{about}{self.said(check, step)}", style))
            return
        total = check.candidates.total
        candidates = self.phrases.names(check.candidates.listed, type_, total)
        by = self.phrases.stage(check.stage) if two else f"{check.about} ({self.phrases.place(check.at)})"
        word = self.texts["candidate" if total == 1 else "candidates"]
        shown = str(total) if total <= COUNTED else self.texts["over"]
        yield line(indent, f"{candidates} {self.texts['by']} {by}", "  ", (f"{shown} {word}", "dim"))
        said = [(rule, self.say_rule(check, rule, step)) for rule in check.rules if rule.result != "not_evaluated"]
        width = max(12, *(len(_short(rule)) for rule, text in said if text))
        for rule, text in said:
            if not text:
                continue
            mark = MARKS[rule.result]
            style = ("good" if check.kept and check.verdict == "assigned" else "bad") if mark == "✓" else "dim"
            yield line(indent, (f"{mark} {_short(rule).ljust(width)} {text}", style))

    def label(self, step: str) -> str:
        """What people call a step; of the frame, what it is about."""
        if step == FRAME_STEP:
            return FRAME[self.language]
        return self._labels.get(step) or self.phrases.words(self.type_of(step) or step).one

    def type_of(self, step: str) -> str:
        """The record type that a step assigns; '' where it assigns others', or is not installed."""
        return self._step_types.get(step, "")

    def number_of(self, step: str) -> int | None:
        """The place of a step in the sequence; None where it is not installed."""
        return self._order.get(step)

    # --- sentences -----------------------------------------------------------------------------------------------

    def section(self, clause: str) -> str:
        """The section of the rule book that a clause stands in; '' where it is not installed."""
        found = self._clauses.get(clause)
        return found.section if found else ""

    def sentences(self, clause: str) -> Sentences:
        """What a clause says in this language."""
        found = self._clauses.get(clause)
        # A trace may be older than the plugins: a clause that is no longer installed is shown by its id.
        return found.sentences[self.language] if found else Sentences(clause, clause)

    def said(self, check: Check, step: str) -> str:
        """What the clause that held says of a check; of a follow-up that was not made, why not."""
        return self.say_rule(check, next(rule for rule in check.rules if rule.clause == check.clause), step)

    def say_rule(self, check: Check, rule: RuleSeen, step: str) -> str:
        """What one of the clauses that a check asked says of it; '' where there is nothing to say."""
        sentences = self.sentences(rule.clause)
        return self.say(sentences.held if rule.result == "held" else sentences.not_held, check, step)

    def say(self, sentence: str, check: Check, step: str) -> str:
        """A sentence, filled in from a check. Raises ClauseError."""
        parameters = self.phrases.parameters(check, self._step_types.get(step, ""))
        try:
            return sentence.format_map(parameters)
        except (LookupError, ValueError, AttributeError) as error:
            raise ClauseError(
                f"step {step!r}: its sentence {sentence!r} can't be filled in ({type(error).__name__}: {error}); "
                "correct it in the plugin, whose conformance test names the clause"
            ) from error

    def _more(self, count: int) -> str:
        return self.texts["more"].format(count=count)


def _short(rule: RuleSeen) -> str:
    return rule.clause.rpartition(".")[2]
