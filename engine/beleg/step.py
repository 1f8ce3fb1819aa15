"""What a step is, what it sees, and what it tells the orchestrator.

A step looks at one message's evidence and yields a `Check` for every question it asked. A check that names a
record in `assigned` assigns it; the orchestrator makes the assignment, its follow-ups, the skips, and the trace.
Steps see the ERP through `Context.lookup` alone and know nothing of SQL, of mail syntax or of the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Literal, get_args

from beleg.assignment import Origin, Removal, ThreadMessage
from beleg.clause import Clause
from beleg.evidence import FoundAddress, FoundNumber
from beleg.lookup import Interest, Lookup
from beleg.message import Limits
from beleg.record import RecordRef
from beleg.rulebook import Rulebook, Table
from beleg.trace import Check, Verdict

OnConflict = Literal["first", "abstain"]
ON_CONFLICT: tuple[OnConflict, ...] = get_args(OnConflict)


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """The settings that a decision depends on (RULES.md sections 2, 5 and 8)."""

    on_conflict: OnConflict = "first"
    min_reference_length: int = 4
    limits: Limits = field(default_factory=Limits)


@dataclass(slots=True)
class Context:
    """What a step may look at.

    `participants` and `content` are the addresses that count, in order, ignored ones left out; `numbers` the
    reference numbers that count, `content_numbers` those of them that stand in the content. `earlier` are the
    earlier messages of the thread, oldest first. `removed` are the records a person removed from this message.
    """

    participants: Sequence[FoundAddress]
    content: Sequence[FoundAddress]
    earlier: Sequence[ThreadMessage]
    removed: Mapping[RecordRef, Removal]
    settings: RuleSettings
    rulebook: Rulebook
    _look_up: Callable[[], Lookup]
    looked_up: Lookup | None = None
    """The answer of `lookup`, once a step wanted it."""

    @property
    def lookup(self) -> Lookup:
        """What the ERP says to the mail's evidence; asked once, when the first step wants it."""
        if self.looked_up is None:
            self.looked_up = self._look_up()
        return self.looked_up

    @property
    def numbers(self) -> Sequence[FoundNumber]:
        """The reference numbers of subject and content that count, in reading order."""
        return self.lookup.numbers

    @property
    def content_numbers(self) -> Sequence[FoundNumber]:
        """The reference numbers of the content alone."""
        return [number for number in self.lookup.numbers if number.in_content]


Condition = Literal["always", "first", "single"]
CONDITIONS: tuple[Condition, ...] = get_args(Condition)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A record that follows from an assigned one: the record that it links to in `role`.

    `when`: `always`; `first`, when no other record of the assigned one's type stands on the message or was
    removed from it by a person; `single`, when the links of this role name exactly one record. The clause is
    `<step>.follow.<role>`. Raises ValueError for another `when`.
    """

    role: str
    when: Condition = "always"

    def __post_init__(self) -> None:
        if self.when not in CONDITIONS:
            raise ValueError(f"a follow-up happens {', '.join(CONDITIONS)}; {self.when!r} is none of these")


class Step:
    """One plugin of the fixed sequence. Subclass it, or use `DocumentStep` for a document type.

    `name` prefixes the clauses; `priority` is the place in the sequence (lower runs first); `type` is the record
    type that it assigns, None for one that assigns others' records; a record of a type in `skipped_by` that
    stands on the message skips the step; `tables` are its decision tables.
    """

    name: str
    priority: int
    type: str | None = None
    labels: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What people call the step, by language; the words for its type where it says nothing."""
    skipped_by: tuple[str, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    tables: tuple[Table, ...] = ()
    ends: frozenset[Verdict] = frozenset()
    """The verdicts after which no later step runs."""
    origin: Origin = "automatic"
    """The origin of what it assigns; `inherited` where a check is about the message that it adopts from."""

    def clauses(self) -> Sequence[Clause]:
        """The sentences of every clause this step may write, but for its skip and follow-ups."""
        raise NotImplementedError

    def interest(self) -> Interest | None:
        """What it looks up in the ERP; None for a step that asks nothing of it."""
        return None

    def run(self, context: Context) -> Iterator[Check]:
        """Ask the step's questions in order. Pure: no clock, no network, no writing."""
        raise NotImplementedError
