"""What the explanation consists of. Every text is in the reader's language; names of records are `order:O-81`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from beleg.trace import At, MessageSeen, Result, Verdict

SCHEMA = "beleg.ladder/1"

Mark = Literal["decided", "open", "removed", "nothing", "skipped", "not_needed", "limit"]
"""How a step ended: it assigned something; it found several and left it open; a person had removed what it found; it
found nothing; it was skipped; it did not run any more; or the mail was not read in full."""


class Cited(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An address or a number of the mail, and where it stands, in words (`subject`) and in characters."""

    text: str
    place: str = ""
    at: At | None = None


class Earlier(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An earlier message of the thread: its Message-ID (or `sha256:…`), subject and date (ISO 8601)."""

    name: str
    subject: str = ""
    date: str = ""


class Linked(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A record that the decision left on the message.

    `name` is what people call it (`order O-81`); `status` and `origin_label` are words. `because` is the one sentence
    under it, and `cites` are the pieces of that sentence that stand in the mail (see `pieces`). `step` and `clause`
    made it; `source` is what it follows from: a record, or for `inherited` the message that `earlier` tells more of.
    `gone`: the ERP no longer had it.
    """

    record: str
    type: str
    id: str
    name: str
    origin: str
    origin_label: str
    because: str
    cites: tuple[str, ...] = ()
    number: str = ""
    label: str = ""
    status: str = ""
    step: str = ""
    clause: str = ""
    source: str = ""
    earlier: Earlier | None = None
    gone: bool = False


class Asked(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A clause that a check asked: its id, the last part of that, the section of the rule book, what became of it, and
    what it says; its condition and who supplied it."""

    clause: str
    short: str
    result: Result
    text: str
    section: str = ""
    when: str = ""
    source: str = ""


class Candidate(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A record that the evidence pointed at: by which address, which numbers of the mail it carries, whether it was
    kept, and why or why not."""

    record: str
    name: str
    kept: bool
    why: str
    by: Cited | None = None
    numbers: tuple[Cited, ...] = ()


class CandidateTable(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The candidates of a check: those listed (50 at most), how many there are in all, in words too (`3 orders`), and
    what is to be said where not all are listed (`… and 950 more`)."""

    rows: tuple[Candidate, ...]
    total: int
    total_label: str
    more: str = ""


class CheckSeen(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One question of a step: about which address (`about`) or message (`earlier`) of which stage, what came of it in a
    sentence, the clause that held and the others that were asked, the candidates. `decided`: it assigned something."""

    verdict: Verdict
    verdict_label: str
    clause: str
    said: str
    asked: tuple[Asked, ...]
    stage: str = ""
    stage_label: str = ""
    about: Cited | None = None
    earlier: Earlier | None = None
    candidates: CandidateTable | None = None
    assigned: tuple[str, ...] = ()
    decided: bool = False

    @property
    def others(self) -> tuple[Asked, ...]:
        """The clauses that were asked beside the one that held."""
        return tuple(each for each in self.asked if each.clause != self.clause)


class FollowUpSeen(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What was to follow from an assigned record (`source`), in a role: `made`, or it `stood` already, or not, and why.
    `record` is '' where there is none, or several."""

    role: str
    role_label: str
    source: str
    clause: str
    made: bool
    why: str
    record: str = ""
    name: str = ""
    stood: bool = False


class Rung(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A step of the ladder, also one that did not run. `number` is its place in the sequence, None for what no step
    did; `records` are what it assigned itself. `decisive`: it says why the decision is as it is; at most one is.
    `more`: what is to be said where not every check is shown."""

    step: str
    label: str
    mark: Mark
    headline: str
    number: int | None = None
    decisive: bool = False
    records: tuple[str, ...] = ()
    checks: tuple[CheckSeen, ...] = ()
    more: str = ""
    follow_ups: tuple[FollowUpSeen, ...] = ()


class Use(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A check that used a piece of evidence: step, stage, the clause that held and what it said. `decided`: it assigned
    something by this."""

    step: str
    step_label: str
    clause: str
    verdict: Verdict
    said: str
    stage: str = ""
    stage_label: str = ""
    decided: bool = False


class Seen(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An address or a number of the mail: where it stands, what became of it (`state`, in words `note`), the entry that
    ignored it, and the checks that used it."""

    kind: Literal["address", "number"]
    text: str
    at: At
    place: str
    state: Literal["counts", "ignored", "repeated", "known"]
    note: str
    ignored: str = ""
    ignored_as: str = ""
    uses: tuple[Use, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether something was assigned by it."""
        return any(use.decided for use in self.uses)


SpanState = Literal["decided", "used", "counts", "ignored", "repeated", "known"]
"""What became of what stands there: something was assigned by it, a check found something by it, or as in `Seen`."""


class Span(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A stretch of a part's text to highlight: characters `start` up to `end`, the evidence that stands there (indices
    into `Ladder.evidence`; more than one where two overlap), and what to say of it in a line or several."""

    start: int
    end: int
    evidence: tuple[int, ...]
    title: str
    state: SpanState


class Caution(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Something that a person should look at: a code, and the text."""

    code: str
    text: str


class Ladder(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag_field="schema", tag=SCHEMA):
    """The whole explanation of one decision, in one language."""

    language: str
    message: MessageSeen
    short: str
    summary: tuple[str, ...]
    warnings: tuple[Caution, ...]
    linked: tuple[Linked, ...]
    steps: tuple[Rung, ...]
    evidence: tuple[Seen, ...]
    spans: dict[str, tuple[Span, ...]]
    """By part (`subject`, `1`, `2.1`, as `TextPart.part`): ascending, disjoint."""
    more_evidence: str = ""
    """What is to be said where not every piece of evidence is listed."""


def pieces(sentence: str, cites: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """A sentence cut into pieces, each with whether it stands in the mail: to highlight what is cited."""
    words = sorted(filter(None, cites), key=len, reverse=True)
    if not words:
        yield sentence, False
        return
    for index, piece in enumerate(re.split(f"({'|'.join(map(re.escape, words))})", sentence)):
        if piece:
            yield piece, index % 2 == 1
