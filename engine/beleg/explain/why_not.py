"""The answer to "why not this record?" as a person reads it: where it was lost, what would have assigned it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from beleg.explain.lines import Line, line
from beleg.explain.render import FEW, WIDTH, Explainer
from beleg.trace import At

if TYPE_CHECKING:
    from beleg.why_not import Change, Edit, Lost, WhatIf, WhyNot

SHOWN_CHANGES = 10
"""How many changes the text shows; the JSON has them all."""


def why_not_lines(explainer: Explainer, answer: WhyNot) -> list[Line]:
    """The answer as styled lines."""
    return list(_WhyNotText(explainer).lines(answer))


def what_if_line(explainer: Explainer, found: WhatIf) -> Line:
    """One line: what comes out of the mail without the evidence that decided."""
    texts, phrases = TEXTS[explainer.language], explainer.phrases
    place = f" ({phrases.place(found.at)})" if found.at else ""
    if found.message:
        gone = texts["if_message"].format(message=found.message)
    else:
        gone = texts["if_evidence"].format(evidence=(found.address or ", ".join(found.numbers)) + place)
    comes = texts["if_comes"].format(records=", ".join(phrases.record(each) for each in found.assigned))
    said = gone + (comes if found.assigned else texts["if_nothing"])
    return line((f"{said} ({found.clause})." if found.clause else f"{said}.", "dim"))


class _WhyNotText:
    def __init__(self, explainer: Explainer) -> None:
        self._explainer = explainer
        self._phrases = explainer.phrases
        self._texts = TEXTS[explainer.language]

    def lines(self, answer: WhyNot) -> Iterator[Line]:
        texts, lost = self._texts, answer.lost
        title = texts["title"].format(record=self._phrases.record(answer.record))
        mark = f"trace {answer.trace[:12]}"
        yield line((title, "head"), " " * max(2, WIDTH - len(title) - len(mark)), (mark, "dim"))
        yield line(self._explainer.mail(answer.message))
        where = lost.check.clause if lost.check else lost.facts.get("clause", "")
        yield line((texts[lost.kind].upper(), "good" if lost.kind == "assigned" else "bad"), "  ", (where, "dim"))
        yield from (line((said, "strong")) for said in self._story(lost))
        if answer.stored:
            yield line((texts["stored"], "dim"))
        if answer.addresses or answer.numbers:
            yield line()
        yield from self._evidence(answer)
        if answer.still:
            yield line()
        yield from self._still(answer)
        if lost.kind not in ("assigned", "retired"):
            yield line()
            yield from self._changes(answer)

    def _story(self, lost: Lost) -> Iterator[str]:
        texts, phrases = self._texts, self._phrases
        if lost.kind in ("retired", "no_step"):
            yield texts[f"{lost.kind}_said"]
        if lost.kind == "never_candidate":
            yield texts[f"never_by_{lost.facts['by']}"]
        if lost.kind == "removed" and not (lost.check and lost.check.stage):
            yield texts["removed_said"].format(**lost.facts)
        if lost.kind == "assigned" and lost.check is None:
            yield phrases.texts["because_hand"] if lost.facts["origin"] == "manual" else phrases.texts["stood"]
        checks = (*((lost.check,) if lost.check else ()), *lost.more)
        for check in checks[:FEW]:
            about = f"{check.about} ({phrases.place(check.at)}): " if check.at else ""
            stage = f"{phrases.stage(check.stage)}: " if check.stage and not check.at else ""
            if check.stage == "follow":
                stage = texts["follow"].format(
                    role=phrases.role(check.facts["role"]), source=phrases.record(check.about)
                )
            prefix = texts["not_reached_said"] if lost.kind == "not_reached" else ""
            yield f"{prefix}{stage}{about}{self._explainer.said(check, check.clause.partition('.')[0])}"
        if len(checks) > FEW:
            yield phrases.texts["more"].format(count=len(checks) - FEW)

    def _evidence(self, answer: WhyNot) -> Iterator[Line]:
        texts, phrases = self._texts, self._phrases
        found: list[tuple[At | None, tuple[str, str, str, str]]] = []
        for each in answer.addresses:
            via = texts["via"].format(record=phrases.record(each.via)) if each.via else ""
            state = self._place_of(each.at)
            if each.ignored_as:
                state += f", {phrases.texts['ignored']}: {phrases.texts[each.ignored_as]} {each.ignored}"
            found.append((each.at, (texts["address"], each.address, via, state)))
        for number in answer.numbers:
            found.append((number.at, (texts["number"], number.number, "", self._place_of(number.at))))
        # What the mail has of it comes first: a record may have very many addresses and numbers.
        shown = sorted(found, key=lambda each: each[0] is None)[:FEW]
        widths = [max((len(row[column]) for _, row in shown), default=0) for column in range(3)]
        for at, row in shown:
            cells = (cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True) if width)
            yield line("  ", ("  ".join((*cells, row[3])), "" if at else "dim"))
        if len(found) > FEW:
            yield line("  ", (phrases.texts["more"].format(count=len(found) - FEW), "dim"))

    def _place_of(self, at: At | None) -> str:
        return self._phrases.place(at) if at else self._texts["not_in_mail"]

    def _still(self, answer: WhyNot) -> Iterator[Line]:
        for bars, head in ((True, "bars"), (False, "still")):
            stages: dict[str, list[str]] = defaultdict(list)
            for gate in answer.still:
                if gate.bars is bars:
                    stage, _, rule = gate.clause.rpartition(".")
                    stages[stage].append(f"{rule} ({gate.when})")
            if stages:
                yield line((f"  {self._texts[head]}", "dim"))
            width = max(map(len, stages), default=0)
            for stage, rules in stages.items():
                yield line((f"    {stage.ljust(width)}  {', '.join(rules)}", "dim"))

    def _changes(self, answer: WhyNot) -> Iterator[Line]:
        texts = self._texts
        head = "changes" if answer.changes else "no_change"
        yield line((texts[head if answer.max_edits > 1 else f"{head}_of_one"].format(most=answer.max_edits), "strong"))
        for number, change in enumerate(answer.changes[:SHOWN_CHANGES], 1):
            said = texts["and"].join(self.edit(edit) for edit in change.edits)
            yield line(f"  {number:>2}  ", said)
            yield line((f"      → {self._then(answer, change)}", "dim"))
        if len(answer.changes) > SHOWN_CHANGES:
            yield line((texts["more"].format(count=len(answer.changes) - SHOWN_CHANGES), "dim"))
        tried = texts["tried"].format(tried=answer.tried, vocabulary=answer.vocabulary)
        yield line((tried + ("." if answer.complete else texts["stopped"]), "dim"))

    def _then(self, answer: WhyNot, change: Change) -> str:
        others = [self._phrases.record(each) for each in change.assigned if each != answer.record]
        clause = change.clause or self._texts["by_hand"]
        return clause + (self._texts["beside"].format(records=", ".join(others)) if others else "")

    def edit(self, edit: Edit) -> str:
        """An edit as half a sentence."""
        kind: str = edit.kind
        if kind == "not_removed" and edit.message:
            kind = "not_removed_earlier"
        parameters: Mapping[str, str] = {
            "record": self._phrases.record(edit.record) if edit.record else "",
            "number": edit.number,
            "address": edit.address,
            "entry": edit.entry,
            "kind": self._phrases.texts.get(edit.entry_kind, ""),
            "status": self._phrases.status(edit.status),
            "message": edit.message,
        }
        return EDITS[self._explainer.language][kind].format_map(parameters)


EDITS = {
    "en": {
        "names": "the mail names {number}",
        "names_not": "the mail does not name {number}",
        "carries": "{record} carries {address}",
        "not_removed": "the removal of {record} from this mail is taken back",
        "not_removed_earlier": "the removal of {record} from the earlier mail {message} is taken back",
        "unassigned": "nothing was ever assigned to the earlier mail {message}",
        "not_ignored": "{address} is not ignored ({kind} {entry})",
        "status": "{record} has the status {status}",
        "absent": "{record} does not exist",
    },
    "de": {
        "names": "die Mail nennt {number}",
        "names_not": "die Mail nennt {number} nicht",
        "carries": "{record} hat die Adresse {address}",
        "not_removed": "die Entfernung von {record} von dieser Mail wird zurückgenommen",
        "not_removed_earlier": "die Entfernung von {record} von der früheren Mail {message} wird zurückgenommen",
        "unassigned": "der früheren Mail {message} wurde nie etwas zugeordnet",
        "not_ignored": "{address} wird nicht ignoriert ({kind} {entry})",
        "status": "{record} hat den Status {status}",
        "absent": "{record} gibt es nicht",
    },
}
TEXTS = {
    "en": {
        "title": "Why not {record}?",
        "assigned": "it is assigned",
        "retired": "gone",
        "limit": "mail not read",
        "inherited": "the thread decided",
        "removal_inherited": "the thread decided",
        "skipped": "step skipped",
        "removed": "removed by hand",
        "dropped": "dropped",
        "not_reached": "never reached",
        "never_candidate": "never a candidate",
        "not_followed": "did not follow",
        "no_step": "no step for it",
        "retired_said": "the ERP no longer has it, and what is gone is no candidate",
        "never_by_address": "no address that counts leads to it",
        "never_by_numbers": "no address that counts leads to it, and no two numbers of the content stand on it",
        "no_step_said": "no step assigns records of its type, and nothing that is assigned points at it",
        "removed_said": "{by} removed it from this mail ({on}); no run makes it again",
        "not_reached_said": "the step had ended before: ",
        "follow": "{role} of {source}: ",
        "stored": "The stored decision is another one: records, corrections, thread or rules have changed since.",
        "address": "address",
        "number": "number",
        "via": "through {record}",
        "not_in_mail": "not in the mail",
        "bars": "what must not have held then:",
        "still": "what it would still have had to pass, one of:",
        "changes": "What would assign it (each was tried):",
        "changes_of_one": "What would assign it (each was tried):",
        "no_change": "No change of at most {most} edits was found that assigns it.",
        "no_change_of_one": "No single edit was found that assigns it.",
        "and": ", and ",
        "more": "      … and {count} more (--json lists them all)",
        "tried": "{tried} combinations of {vocabulary} possible edits were tried",
        "stopped": "; it stopped early, for the time was up (--seconds): there may be more.",
        "by_hand": "set by hand",
        "beside": "; with it: {records}",
        "if_evidence": "Without {evidence} ",
        "if_message": "Without what stands on the earlier mail {message} ",
        "if_nothing": "nothing would be assigned",
        "if_comes": "it would be {records}",
    },
    "de": {
        "title": "Warum nicht {record}?",
        "assigned": "ist zugeordnet",
        "retired": "nicht mehr da",
        "limit": "Mail nicht gelesen",
        "inherited": "der Verlauf entschied",
        "removal_inherited": "der Verlauf entschied",
        "skipped": "Schritt übersprungen",
        "removed": "von Hand entfernt",
        "dropped": "ausgeschieden",
        "not_reached": "nicht mehr geprüft",
        "never_candidate": "nie Kandidat",
        "not_followed": "folgte nicht",
        "no_step": "kein Schritt dafür",
        "retired_said": "im ERP nicht mehr vorhanden, und was nicht mehr da ist, ist kein Kandidat",
        "never_by_address": "keine Adresse, die zählt, führt dorthin",
        "never_by_numbers": "keine Adresse, die zählt, führt dorthin, und keine zwei Nummern des Inhalts stehen darauf",
        "no_step_said": "kein Schritt ordnet Einträge dieser Art zu, und nichts Zugeordnetes ist damit verknüpft",
        "removed_said": "{by} hat die Zuordnung von dieser Mail entfernt ({on}); kein Lauf stellt sie wieder her",
        "not_reached_said": "der Schritt war schon zu Ende: ",
        "follow": "{role} zu {source}: ",
        "stored": "Die gespeicherte Entscheidung ist eine andere: ERP, Korrekturen, Verlauf oder Regeln sind anders.",
        "address": "Adresse",
        "number": "Nummer",
        "via": "über {record}",
        "not_in_mail": "nicht in der Mail",
        "bars": "was dann nicht hätte gelten dürfen:",
        "still": "was danach noch zu bestehen war, eines von:",
        "changes": "Was zur Zuordnung führen würde (jeweils ausprobiert):",
        "changes_of_one": "Was zur Zuordnung führen würde (jeweils ausprobiert):",
        "no_change": "Nichts gefunden, das mit höchstens {most} Änderungen zur Zuordnung führt.",
        "no_change_of_one": "Keine einzelne Änderung gefunden, die zur Zuordnung führt.",
        "and": ", und ",
        "more": "      … und {count} weitere (--json nennt alle)",
        "tried": "{tried} Kombinationen aus {vocabulary} möglichen Änderungen wurden ausprobiert",
        "stopped": "; die Zeit war vorher um (--seconds): es kann weitere geben.",
        "by_hand": "von Hand gesetzt",
        "beside": "; dazu: {records}",
        "if_evidence": "Ohne {evidence} ",
        "if_message": "Ohne das, was an der früheren Mail {message} steht, ",
        "if_nothing": "würde nichts zugeordnet",
        "if_comes": "würde zugeordnet: {records}",
    },
}
