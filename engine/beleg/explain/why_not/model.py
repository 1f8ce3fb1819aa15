"""What the answer consists of. Every text is in the reader's language; names of records are `order:O-81`."""

from __future__ import annotations

import msgspec


class EvidenceSeen(msgspec.Struct, frozen=True, gc=False):
    """An address or a number that leads to the record: `kind` in words, through which other record (`via`, in words),
    and where in the mail it stands or that it does not (`state`)."""

    kind: str
    text: str
    via: str
    state: str
    in_mail: bool


class Hurdles(msgspec.Struct, frozen=True, gc=False):
    """What the record would still have had to pass, or what must not have held: of each stage the clauses, as
    `unique (candidates == 1)`, one of which is enough."""

    head: str
    stages: dict[str, tuple[str, ...]]


class ChangeSeen(msgspec.Struct, frozen=True, gc=False):
    """Edits that together assign the record, each as half a sentence, and what comes of them."""

    edits: tuple[str, ...]
    then: str


class WhyNotSeen(msgspec.Struct, frozen=True, gc=False):
    """The answer in words. `verdict` says in a word or two where the record was lost, by which `clause`; `story` in
    sentences. `stored` is what is to be said where the stored decision is another. `changes` were each tried;
    `complete` is False where time was up before all were. `assigned`: it stands on the message after all."""

    record: str
    title: str
    verdict: str
    clause: str
    assigned: bool
    story: tuple[str, ...]
    stored: str
    evidence: tuple[EvidenceSeen, ...]
    more_evidence: str
    hurdles: tuple[Hurdles, ...]
    changes_head: str
    """Empty where no changes were looked for."""
    changes: tuple[ChangeSeen, ...]
    tried: str
    complete: bool
