"""The trace: everything that was asked on the way to a decision, as data.

Whatever a person reads (terminal, page, English, German) is rendered from it, and nothing in it is rendered yet.
All of it is deterministic but the `run` block, which the digest leaves out: two runs, two machines, two Python
versions and two databases give one digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

SCHEMA = "beleg.trace/1"

Result = Literal["held", "not_held", "not_evaluated"]
Verdict = Literal["assigned", "nothing_found", "ambiguous", "conflict", "removed", "skipped", "next"]
VERDICTS: tuple[Verdict, ...] = (
    "assigned", "nothing_found", "ambiguous", "conflict", "removed", "skipped", "next",
)  # fmt: skip


class At(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where something stands in the mail: a header field, `subject` or a part's number, and character offsets."""

    part: str
    start: int = 0
    end: int = 0


class AddressSeen(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An address of the mail. `ignored` is the entry that took it out; `repeated`: already a participant."""

    address: str
    key: str
    at: At
    ignored: str | None = None
    ignored_as: str | None = None
    repeated: bool = False


class NumberSeen(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A number of the mail that the ERP knows."""

    number: str
    key: str
    at: At


class Naming(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A number of the mail and the candidates that it occurs on (the first 50), of `total` in all."""

    number: str
    at: At
    on: tuple[str, ...]
    total: int = 1


class Candidates(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The records that the evidence points at: the first 50 by id, and how many there are in all.

    `total` counts to 1,000; 1,001 means more.
    """

    listed: tuple[str, ...]
    total: int


class RuleSeen(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One rule of a decision table: its clause, whether it held, its condition and who supplied it."""

    clause: str
    result: Result
    when: str = ""
    source: str = ""


class Check(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One question and its answer: an address of a stage, a message of the thread, a follow-up, a skip.

    `rules` are the clauses that were asked, in order, the losers too; exactly one holds, or none for a follow-up
    that was not made. `about` names the address, message or record; `facts` holds what else a sentence needs.
    """

    verdict: Verdict
    rules: tuple[RuleSeen, ...]
    stage: str = ""
    about: str = ""
    at: At | None = None
    counts: dict[str, int] = {}
    candidates: Candidates | None = None
    kept: tuple[str, ...] = ()
    numbers: tuple[Naming, ...] = ()
    assigned: tuple[str, ...] = ()
    facts: dict[str, str] = {}

    @property
    def clause(self) -> str:
        """The clause that held; of a follow-up that was not made, the clause that did not."""
        return next((rule.clause for rule in self.rules if rule.result == "held"), self.rules[-1].clause)

    @property
    def held(self) -> bool:
        """Whether a clause held."""
        return any(rule.result == "held" for rule in self.rules)


class StepTrace(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One step that ran or was skipped, in order of priority."""

    step: str
    priority: int
    checks: tuple[Check, ...]


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A record that stands on the message when the run is over, and why.

    `clause` is None for what stood before. `gone`: the ERP no longer has the record.
    """

    record: str
    origin: str
    clause: str | None = None
    source: str | None = None
    number: str | None = None
    label: str | None = None
    status: str | None = None
    gone: bool = False


class Removed(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A record that a person removed from the message before the run."""

    record: str
    by: str
    at: str


class MessageSeen(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Which message was decided."""

    sha256: str
    message_id: str | None
    date: str | None
    subject: str
    sender: str


class NoticeSeen(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Something odd about the mail that a reader of the trace should know."""

    code: str
    detail: str


class Run(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What differs between two runs of one decision; not part of the digest."""

    time: str
    duration_ms: float
    host: str
    version: str
    ruleset: str


class Trace(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag_field="schema", tag=SCHEMA):
    """The whole decision on one message. Its JSON begins with `"schema":"beleg.trace/1"`."""

    message: MessageSeen
    settings: dict[str, str | int]
    addresses: tuple[AddressSeen, ...]
    numbers: tuple[NumberSeen, ...]
    notices: tuple[NoticeSeen, ...]
    removed: tuple[Removed, ...]
    steps: tuple[StepTrace, ...]
    assigned: tuple[Outcome, ...]
    run: Run | None = None

    def checks(self) -> Iterator[Check]:
        """Every check of every step, in order."""
        for step in self.steps:
            yield from step.checks

    def assigning(self, record: str) -> tuple[str, Check] | None:
        """The step whose check assigned the record in this run, and the check; None where it stood before, or does
        not stand."""
        return next(((s.step, check) for s in self.steps for check in s.checks if record in check.assigned), None)

    def held(self) -> list[str]:
        """All clauses that held, in order."""
        return [rule.clause for check in self.checks() for rule in check.rules if rule.result == "held"]


def decisive(checks: Sequence[Check]) -> Check | None:
    """Of the checks of a step that assigned nothing, the one that says why: a conflict or a removal before an address
    that was ambiguous, and of several alike the first; last, one that would assign but found nothing left to."""
    for verdict in ("conflict", "removed", "ambiguous", "assigned"):
        for check in checks:
            if check.verdict == verdict:
                return check
    return None


_ENCODER = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(Trace)


def encode(trace: Trace) -> bytes:
    """The trace as canonical JSON: fixed field order, sorted keys, no spaces, UTF-8."""
    return _ENCODER.encode(trace)


def encode_with_digest(trace: Trace) -> tuple[bytes, str]:
    """The canonical JSON and the digest, for the price of one encoding."""
    run = trace.run
    bare = _ENCODER.encode(trace if run is None else replace(trace, run=None))
    mark = hashlib.sha256(bare).hexdigest()
    if run is None:
        return bare, mark
    # `run` is the last field, so the whole is the part without it and the block behind.
    return b"".join((bare[:-1], b',"run":', _ENCODER.encode(run), b"}")), mark


def decode(data: bytes | str) -> Trace:
    """Read a trace back. Raises ValueError where the JSON is no trace of this schema."""
    try:
        return _DECODER.decode(data)
    except msgspec.DecodeError as error:
        raise ValueError(f"this is no trace of schema {SCHEMA!r}: {error}") from error


def digest(trace: Trace) -> str:
    """The sha256 (hex) of the canonical JSON without the `run` block."""
    return encode_with_digest(trace)[1]


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a trace."""
    schema = msgspec.json.schema(Trace)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA, **schema}
