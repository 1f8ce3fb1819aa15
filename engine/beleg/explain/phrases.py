"""The named parameters that clauses' sentences may use, worked out from a check.

{address} {place}   what the check is about, and where that stands in the mail
{records}           how many candidates: "3 orders"; {one} {many}: the words for the type
{record} {kept}     the record that was left (or that a person removed); all that were kept
{candidates} {out}  all candidates; those that were dropped
{numbers}           the numbers of the mail that name the record that was left; {number_place}: where they stand
{named}             which numbers name which candidates, in brackets
{by} {on}           who removed, and when
{message} {earlier} the earlier message; what is to say of all of them
{source} {role} {condition} {reason}   of a follow-up
and every count of the check by its name ({active}, {inactive}).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from beleg.directory import COUNTED
from beleg.explain.words import HEADERS, LIMITS, PLACES, ROLES, STAGES, STATUSES, TEXTS
from beleg.record import RecordRef, RecordType, Words
from beleg.trace import At, Check, Naming

SHOWN = 8
"""How many candidates a sentence lists."""


def deciding(check: Check) -> list[Naming]:
    """The numbers that name the record that a check was left with: all of it, or where it has to be singled out, those
    that do."""
    kept = set(_kept(check))
    single = "by_reference" in check.counts
    return [naming for naming in check.numbers if kept & set(naming.on) and not (single and naming.total > 1)]


def _kept(check: Check) -> tuple[str, ...]:
    """The records that were left, or that a person removed."""
    return check.kept or tuple(filter(None, (check.facts.get("record"),)))


class Phrases:
    """Makes the parameters of sentences in one language. `moment` words a time (ISO 8601, as the trace has it); with
    `by_subject`, an earlier mail is called by its subject and date where they are known, not by its Message-ID."""

    def __init__(
        self,
        types: Mapping[str, RecordType],
        language: str,
        moment: Callable[[str], str] = str,
        by_subject: bool = False,
    ) -> None:
        self._types = types
        self.moment = moment
        self._by_subject = by_subject
        self.language = language
        self.texts = TEXTS[language]

    def words(self, type_: str) -> Words:
        """The words for a record type; an unknown one is called by its name."""
        declared = self._types.get(type_)
        return declared.words.get(self.language, Words(type_, type_)) if declared else Words(type_, type_)

    def record(self, name: str) -> str:
        """`order:O-81` as people write it: `order O-81`; several, parted by commas, likewise."""
        if ", " in name:
            return ", ".join(self.record(each) for each in name.split(", "))
        ref = RecordRef.parse(name)
        return f"{self.words(ref.type).one} {ref.id}"

    def place(self, at: At | None) -> str:
        """`From`, `subject`, `content`."""
        if at is None:
            return ""
        places = PLACES[self.language]
        return places.get(at.part) or (at.part if at.part in HEADERS else places[""])

    def stage(self, stage: str) -> str:
        """`participants`, `two numbers`; a plugin's own stage by its name."""
        return STAGES[self.language].get(stage, stage)

    def count(self, total: int, type_: str) -> str:
        """`3 orders`, `1 order`, `more than 1,000 orders`."""
        words = self.words(type_)
        if total > COUNTED:
            return f"{self.texts['over']} {words.many}"
        return f"{total} {words.one if total == 1 else words.many}"

    def parameters(self, check: Check, type_: str) -> dict[str, str]:
        """The parameters of the sentences of a check by a step of this record type."""
        words = self.words(type_)
        listed = check.candidates.listed if check.candidates else ()
        total = check.candidates.total if check.candidates else check.counts.get("records", 0)
        kept = _kept(check)
        naming = deciding(check)
        parameters = {
            "address": check.about,
            "place": self.place(check.at),
            "records": self.count(total, type_),
            "one": words.one,
            "many": words.many,
            "record": self.names(kept, "" if check.verdict == "skipped" else type_),
            "kept": self.names(kept, "") or self.texts["nothing_left"],
            "candidates": self.names(listed, type_, total),
            "out": self.names([name for name in listed if name not in kept], type_, total - len(kept)),
            "numbers": ", ".join(dict.fromkeys(number.number for number in naming)),
            "number_place": ", ".join(dict.fromkeys(self.place(number.at) for number in naming)),
            "named": self._named(check.numbers, type_),
            "by": check.facts.get("by", ""),
            "on": ", ".join(map(self.moment, filter(None, check.facts.get("on", "").split(", ")))),
            "message": self._message(check),
            "earlier": self.texts["earlier_empty" if check.counts.get("earlier") else "no_earlier"],
            "limit": LIMITS[self.language].get(check.facts.get("limit", ""), ""),
            "allowed": check.facts.get("allowed", ""),
            "found": check.facts.get("found", ""),
        }
        parameters |= {name: str(count) for name, count in check.counts.items() if name not in parameters}
        if "role" in check.facts:
            parameters |= self._follow(check, type_)
        return parameters

    def role(self, role: str) -> str:
        """The word for a link role."""
        known = ROLES.get(role)
        return known[self.language] if known else self.words(role).one

    def status(self, status: str) -> str:
        """The word for a status; a plugin's own as it is."""
        known = STATUSES.get(status)
        return known[self.language] if known else status

    def shown_status(self, status: str | None) -> str:
        """What stands of a status beside the name of a record; nothing where the ERP says there is none."""
        return self.status(status) if status and status != "none" else ""

    def _message(self, check: Check) -> str:
        subject, date = check.facts.get("subject"), check.facts.get("date")
        if not self._by_subject or not subject:
            return check.about
        quoted = self.texts["quoted"].format(text=subject)
        return f"{quoted} ({self.moment(date)})" if date else quoted

    def _named(self, numbers: Sequence[Naming], type_: str) -> str:
        if not numbers:
            return ""
        said = []
        for number in numbers[:SHOWN]:
            few = number.total <= SHOWN
            said.append(f"{number.number}: {self.names(number.on, type_) if few else self.count(number.total, type_)}")
        return f" ({'; '.join(said)})"

    def _follow(self, check: Check, type_: str) -> dict[str, str]:
        role, reason = check.facts["role"], check.facts.get("reason", "")
        target = check.facts.get("record", "")
        parameters = {
            "source": self.record(check.facts["source"]),
            "role": self.role(role),
            "one": self.words(type_).one,
            "record": self.record(target) if target else "",
            "records": self.count(check.counts["targets"], role),
        }
        when = check.rules[-1].when
        condition = "first" if "others" in when else "single" if "targets == 1" in when else ""
        reason_text = {"removed": "was_removed"}.get(reason, reason)
        parameters["condition"] = self.texts[condition].format_map(parameters) if condition else ""
        parameters["reason"] = self.texts[reason_text].format_map(parameters) if reason else ""
        return parameters

    def names(self, names: Sequence[str], type_: str, total: int | None = None) -> str:
        """Some records, no more than a sentence bears: those of this type by id alone (`O-77, O-90`)."""
        shown = [self._short(name, type_) for name in names[:SHOWN]]
        if (len(names) if total is None else total) > len(shown):
            shown.append("…")
        return ", ".join(shown)

    def _short(self, name: str, type_: str) -> str:
        return name.removeprefix(f"{type_}:") if name.startswith(f"{type_}:") else self.record(name)
