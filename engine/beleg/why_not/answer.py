"""The answer to "why not this record?", as data. Everything a person reads is rendered from it (`beleg.explain`)."""

from __future__ import annotations

from typing import Literal

import msgspec

from beleg.trace import At, Check, MessageSeen

SCHEMA = "beleg.why_not/1"

EditKind = Literal["names", "names_not", "carries", "not_removed", "unassigned", "not_ignored", "status", "absent"]
LostKind = Literal[
    "assigned", "retired", "limit", "inherited", "removal_inherited", "skipped", "removed", "dropped", "not_reached",
    "never_candidate", "not_followed", "no_step",
]  # fmt: skip


class Edit(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change to a message's world, of a closed vocabulary:

    names        the mail names `number`, at the end of its content
    names_not    the mail does not name `number`
    carries      `record` carries `address`
    not_removed  the removal of `record` by hand is taken back, on this message or on `message` of the thread
    unassigned   nothing was ever assigned to the earlier `message`
    not_ignored  `entry` (of the kind `entry_kind`) is not on the list of ignored addresses; `address` it takes out
    status       `record`, a rival, has the status `status`
    absent       `record`, a rival, does not exist
    """

    kind: EditKind
    record: str = ""
    number: str = ""
    address: str = ""
    entry: str = ""
    entry_kind: str = ""
    status: str = ""
    message: str = ""
    sha256: str = ""

    @property
    def in_mail(self) -> bool:
        """Whether it changes what the mail says, not the world around it."""
        return self.kind in ("names", "names_not")


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """Edits that together assign the record: the clause that then does it, the origin it then has, and what stands on
    the message then."""

    edits: tuple[Edit, ...]
    clause: str | None
    origin: str
    assigned: tuple[str, ...]


class Carried(msgspec.Struct, frozen=True, omit_defaults=True):
    """An address that leads to the record: its own or (`via`) its customer's; where the mail has it, if it has, and
    the entry that takes it out."""

    address: str
    via: str | None = None
    at: At | None = None
    ignored: str | None = None
    ignored_as: str | None = None


class Numbered(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reference number of the record, and where the mail names it, if it does."""

    number: str
    at: At | None = None


class Gate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A clause that could have assigned the record later, and its condition; with `bars`, one that would have kept
    that from happening."""

    clause: str
    when: str
    bars: bool = False


class Lost(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the record was lost.

    assigned           it was not: it stands on the message
    retired            the ERP no longer has it
    limit              the message is beyond a limit and was not read in full
    inherited          the thread decided: an earlier message has other assignments (`check`)
    removal_inherited  the thread decided: a person removed what stood on an earlier message
    skipped            its step did not run, because of what stood already
    removed            a person removed it from this message
    dropped            it was a candidate; `check` let it go, and so did `more`
    not_reached        it would have been a candidate later; the step had ended with another record (`check`)
    never_candidate    no address that counts, and no two numbers of the content, lead to it
    not_followed       it follows from an assigned record, but the follow-up was not made (`check`)
    no_step            no step assigns records of its type, and it follows from nothing that is assigned
    """

    kind: LostKind
    step: str = ""
    check: Check | None = None
    more: tuple[Check, ...] = ()
    facts: dict[str, str] = {}


class WhyNot(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="schema", tag=SCHEMA):
    """Why `record` is not on the message, and what would have put it there.

    `trace` is the digest of the decision that was looked at, made now; `stored` that of the stored one where it
    differs (records or rules have changed since). `changes` are minimal (none holds another), in order of size.
    `tried` sets of at most `max_edits` edits were executed, of `vocabulary` edits in all; `complete` is False where
    time ran out before all of them were.
    """

    record: str
    message: MessageSeen
    trace: str
    stored: str | None
    lost: Lost
    addresses: tuple[Carried, ...]
    numbers: tuple[Numbered, ...]
    still: tuple[Gate, ...]
    changes: tuple[Change, ...]
    max_edits: int
    vocabulary: int
    tried: int
    complete: bool


class WhatIf(msgspec.Struct, frozen=True, omit_defaults=True):
    """What comes out without the evidence that decided: the evidence taken away, the record that it had led to, and
    what then stands on the message, with the clause that then decides."""

    record: str
    address: str = ""
    numbers: tuple[str, ...] = ()
    message: str = ""
    at: At | None = None
    assigned: tuple[str, ...] = ()
    clause: str = ""
