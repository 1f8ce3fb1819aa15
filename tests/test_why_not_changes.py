"""What why-not says would have assigned a record: held against a naive search that builds every world anew.

Nothing here uses the copies that why-not makes: a world is plain data, an edit changes that data (the text of the
mail, the list of records, the lists of ignored addresses, what stands on the mails), and the changed world is parsed,
indexed and decided from scratch. Which numbers a text names is `test_properties`' plain reading of the rule book.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from operator import attrgetter

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from beleg.assignment import Assignment, Removal, ThreadMessage
from beleg.case import Case
from beleg.clause import Clause, Sentences
from beleg.directory import MemoryDirectory
from beleg.evidence import Evidence, extract
from beleg.hooks import RuleChange
from beleg.ignore import IgnoreList
from beleg.keys import address_key, reference_key
from beleg.message import Message, parse
from beleg.orchestrator import Engine
from beleg.plugins import Installed, installed
from beleg.record import CUSTOMER, Link, Record, RecordRef, Reference
from beleg.rulebook import Rule
from beleg.step import OnConflict, RuleSettings
from beleg.store import Database
from beleg.store.mails import Mails
from beleg.thread import thread_of
from beleg.trace import Trace
from beleg.why_not import Edit, WhatIf, WhyNot, what_if, why_not
from beleg.workspace import Workspace
from stored import add_mail, empty, ignore
from test_properties import INSTALLED, addresses_in, counting, possible_numbers
from worlds import contact, order
from writing import day, mail, plugin

# --- worlds as plain data


@dataclass(frozen=True)
class Mail:
    """An earlier mail of the thread (an answer to it is the mail to decide), and what stands on it."""

    day: int
    assignments: tuple[Assignment, ...] = ()

    @property
    def raw(self) -> bytes:
        return mail("Früher", id_=f"{self.day}@firma.example", date=day(self.day))


@dataclass(frozen=True)
class World:
    """All that a decision depends on."""

    records: tuple[Record, ...]
    subject: str = "Frage"
    body: str = "Guten Tag"
    sender: str | None = None
    to: str = ""
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
    thread: tuple[Mail, ...] = ()
    own: tuple[Assignment, ...] = ()
    on_conflict: OnConflict = "first"
    crowd_rule: int = 0
    """Where a plugin's rule lets more candidates than these be passed over (0: there is no such rule)."""

    @property
    def installed(self) -> Installed:
        return with_crowd_rule(self.crowd_rule) if self.crowd_rule else INSTALLED

    @property
    def raw(self) -> bytes:
        references = " ".join(f"<{each.day}@firma.example>" for each in self.thread)
        return mail(
            self.subject, self.body, sender=self.sender, to=self.to, id_="frage@firma.example",
            references=references or None, date=day(20),
        )  # fmt: skip

    def case(self) -> Case:
        message, evidence = read(self.raw)
        stored = [(each, read(each.raw)[0]) for each in self.thread]
        tied = thread_of(message, [m for _, m in stored])
        thread = tuple(
            ThreadMessage(m.sha256, m.message_id, m.date, m.subject, each.assignments, m.bytes_sha256)
            for each, m in stored
            if m.sha256 in tied
        )
        ignored = IgnoreList(self.users, self.groups, self.blacklist)
        directory = MemoryDirectory(self.records, self.installed.types)
        return Case(message, evidence, thread, self.own, directory, ignored, RuleSettings(self.on_conflict))

    def engine(self) -> Engine:
        return Engine(self.installed, RuleSettings(self.on_conflict))

    def decide(self) -> Trace:
        return self.case().decide(self.engine()).trace

    def assigns(self, ref: RecordRef) -> bool:
        made = self.case().decide(self.engine(), trace=False).made
        by_hand = {str(each.record) for each in self.own if each.origin == "manual"}
        kept = [e for e in self.own if e.origin == "manual" or (e.origin == "derived" and e.source in by_hand)]
        return any(each.record == ref and each.removed is None for each in (*kept, *made))

    def why_not(self, ref: RecordRef, max_edits: int = 2) -> WhyNot:
        return why_not(self.case(), ref, self.engine(), max_edits=max_edits, seconds=600)


@cache
def with_crowd_rule(most: int) -> Installed:
    """A rule more passes over an address that leads to more than so many documents, and contacts likewise."""
    said = {"en": Sentences("too many"), "de": Sentences("zu viele")}
    steps = ("order", "offer", "contact")
    brought = plugin(
        rules=[
            RuleChange("document.address", Rule("crowd", f"candidates > {most}", "nothing", before="removed")),
            RuleChange("contact.address", Rule("crowd", f"inactive > {most}", "assign:active", before="removed")),
        ],
        clauses=[
            Clause(f"{step}.{stage}.crowd", "own", said) for step in steps for stage in ("participants", "content")
        ],
    )
    return installed(extra=[("crowd", brought)])


@cache
def read(raw: bytes) -> tuple[Message, Evidence]:
    message = parse(raw)
    return message, extract(message)


# --- the vocabulary, naively

Change = tuple[str, ...]
"""An edit as plain words: its kind, and what it is about."""


def as_words(edit: Edit) -> Change:
    """An edit of why-not's in the same words."""
    about = {
        "names": [reference_key(edit.number)],
        "names_not": [reference_key(edit.number)],
        "carries": [edit.record, address_key(edit.address)],
        "not_ignored": [edit.entry_kind, edit.entry],
        "status": [edit.record, edit.status],
        "absent": [edit.record],
        "unassigned": [edit.message],
        "not_removed": [edit.record, edit.message],
    }
    return (edit.kind, *about[edit.kind])


def vocabulary(world: World, target: Record) -> Iterator[Change]:
    """Everything that could be changed, however far from the mail it is."""
    texts = (world.subject, world.body)
    addresses = {address_key(each) for each in (world.sender, *world.to.split(", ")) if each}
    addresses |= {address_key(text[start:end]) for text in texts for start, end in addresses_in(text)}
    named = set(named_numbers(world))
    numbers = {n for source in [target, *sources(world, target, addresses)] for n in source.reference_keys()}
    yield from (("names", key) for key in sorted(numbers - named) if len(key) >= 4 and any(c.isdigit() for c in key))
    yield from (("names_not", key) for key in sorted(named))
    yield from (("carries", str(target.ref), key) for key in sorted(addresses))
    yield from (("not_ignored", "user", text) for text in world.users)
    yield from (("not_ignored", "group", text) for text in world.groups)
    for text in world.blacklist:
        yield "not_ignored", "wildcard" if text[0] == "*" else "address" if "@" in text[1:] else "domain", text
    for record in world.records:
        if record.ref == target.ref:
            continue
        yield "absent", str(record.ref)
        if record.ref.type == "contact":
            yield from (("status", str(record.ref), status) for status in ("active", "inactive", "none"))
    for each in world.own:
        if each.removed:
            yield "not_removed", str(each.record), ""
    for earlier in world.thread:
        yield "unassigned", f"{earlier.day}@firma.example"
        for each in earlier.assignments:
            if each.removed:
                yield "not_removed", str(each.record), f"{earlier.day}@firma.example"


def sources(world: World, target: Record, addresses: Collection[str]) -> Iterator[Record]:
    """The candidates that the record follows from."""
    possible = {key for text in (world.subject, world.body) for _, _, key in possible_numbers(text)}
    carried = {record.ref: record.address_keys() for record in world.records}
    roles = {"order": ("customer", "offer", "article"), "offer": ("customer", "article")}
    for record in world.records:
        through = [carried.get(link.target, frozenset()) for link in record.links if link.role == CUSTOMER]
        near = record.address_keys().union(*through) & addresses or record.reference_keys() & possible
        if near and any(
            link.target == target.ref and link.role in roles.get(record.ref.type, ()) for link in record.links
        ):
            yield record


def named_numbers(world: World) -> list[str]:
    known = {key for record in world.records for key in record.reference_keys()}
    return [key for text in (world.subject, world.body) for _, _, key in counting(text, known)]


def idle_together(one: Change, other: Change) -> bool:
    """One status is enough, and what does not exist has none; who was never assigned was not removed."""
    kinds = {one[0], other[0]}
    if kinds <= {"status", "absent"}:
        return one[1] == other[1]
    return "unassigned" in kinds and kinds <= {"unassigned", "not_removed"} and one[-1] == other[-1]


def changed(world: World, changes: Collection[Change]) -> World:
    """The world with changes made by hand: those of the text last, for which numbers it names is the ERP's to say."""
    for change in changes:
        world = change_one(world, *change)
    gone = {change[1] for change in changes if change[0] == "names_not"}
    added = [change[1] for change in changes if change[0] == "names"]
    world = replace(world, subject=blotted(world, world.subject, gone), body=blotted(world, world.body, gone))
    return replace(world, body="\n".join([world.body, *(spelled(world, key) for key in added)]))


def change_one(world: World, kind: str, *about: str) -> World:
    records = world.records
    if kind == "absent":
        return replace(world, records=tuple(r for r in records if str(r.ref) != about[0]))
    if kind == "status":
        new = (replace(r, status=about[1]) if str(r.ref) == about[0] else r for r in records)
        return replace(world, records=tuple(new))
    if kind == "carries":
        new = (replace(r, addresses=(*r.addresses, about[1])) if str(r.ref) == about[0] else r for r in records)
        return replace(world, records=tuple(new))
    if kind == "not_ignored":
        name = {"user": "users", "group": "groups"}.get(about[0], "blacklist")
        kept = tuple(text for text in getattr(world, name) if text != about[1])
        return replace(world, **{name: kept})
    if kind == "unassigned":
        new_mails = (Mail(m.day) if about[0] == f"{m.day}@firma.example" else m for m in world.thread)
        return replace(world, thread=tuple(new_mails))
    if kind == "not_removed" and not about[1]:
        return replace(world, own=taken_back(world.own, about[0]))
    if kind == "not_removed":
        new_mails = (
            Mail(m.day, taken_back(m.assignments, about[0])) if about[1] == f"{m.day}@firma.example" else m
            for m in world.thread
        )
        return replace(world, thread=tuple(new_mails))
    return world


def taken_back(assignments: Sequence[Assignment], name: str) -> tuple[Assignment, ...]:
    return tuple(replace(each, removed=None) if str(each.record) == name else each for each in assignments)


def blotted(world: World, text: str, gone: Collection[str]) -> str:
    """The text with something that is no part of a number in the place of the numbers that are gone."""
    known = {key for record in world.records for key in record.reference_keys()}
    for start, end, key in counting(text, known):
        if key in gone:
            text = text[:start] + "*" * (end - start) + text[end:]
    return text


def spelled(world: World, key: str) -> str:
    """The number as some record bears it; where a text can't name it so, its letters and digits."""
    for record in world.records:
        for number in (record.number, *(reference.number for reference in record.references)):
            if number and reference_key(number) == key and key in {found for _, _, found in possible_numbers(number)}:
                return number
    return key


def smallest(world: World, target: Record, most: int) -> set[frozenset[Change]]:
    """Every set of at most `most` changes that assigns the record and holds no smaller one that does."""
    everything = sorted(set(vocabulary(world, target)))
    found: set[frozenset[Change]] = set()
    for size in range(1, most + 1):
        for chosen in combinations(everything, size):
            if any(idle_together(*two) for two in combinations(chosen, 2)):
                continue
            some = frozenset(chosen)
            if not any(smaller <= some for smaller in found) and changed(world, some).assigns(target.ref):
                found.add(some)
    return found


def told(answer: WhyNot) -> set[frozenset[Change]]:
    changes = [frozenset(map(as_words, change.edits)) for change in answer.changes]
    assert len(set(changes)) == len(changes)
    return set(changes)


def check(world: World, target: Record, most: int) -> WhyNot:
    """Hold what why-not says against the naive search; (a) what it tells is so, (b) and (c) nothing is missing."""
    answer = world.why_not(target.ref, most)
    assert answer.complete
    for change in answer.changes:
        after = changed(world, list(map(as_words, change.edits))).decide()
        outcome = {each.record: (each.origin, each.clause) for each in after.assigned}
        assert outcome[str(target.ref)] == (change.origin, change.clause)
        assert sorted(outcome) == sorted(change.assigned)
    if answer.lost.kind == "assigned":
        assert world.assigns(target.ref)
        assert answer.changes == ()
    else:
        assert not world.assigns(target.ref)
        assert told(answer) == smallest(world, target, most)
    assert [len(change.edits) for change in answer.changes] == sorted(len(change.edits) for change in answer.changes)
    return answer


# --- random worlds, dense enough for records to be lost in every way

ADDRESSES = ["anna@kunde.example", "relay@markt.example", "c@y.example"]
OFTEN = ["anna@kunde.example", *ADDRESSES]
NUMBERS = ["AB-1042", "1042", "AU 100234", "RE-7700", "Nr. 77", "K-1"]
ENTRIES = ["relay@markt.example", "kunde.example", "*.example", "*.y.example", "@markt.example"]
IDS = st.sampled_from(["1", "2", "3", "4"])
REFS = st.builds(RecordRef, st.sampled_from(["order", "order", "offer", "contact", "article"]), IDS)
REMOVED = st.sampled_from([None, None, Removal("erika", "2026-03-09")])
ASSIGNMENTS = st.lists(
    st.builds(Assignment, REFS, st.sampled_from(["automatic", "manual", "derived"]), st.none(), REMOVED),
    max_size=2,
    unique_by=lambda each: each.record,
).map(tuple)


@st.composite
def records(draw: st.DrawFn) -> Record:
    type_ = draw(st.sampled_from([*["order"] * 4, *["contact"] * 3, "offer", "offer", "article", "invoice"]))
    links = []
    if type_ in ("order", "offer", "invoice"):
        links += [Link(CUSTOMER, RecordRef("contact", id_)) for id_ in draw(st.lists(IDS, max_size=1))]
        links += [Link("article", RecordRef("article", id_)) for id_ in draw(st.lists(IDS, max_size=2))]
    if type_ == "order":
        links += [Link("offer", RecordRef("offer", id_)) for id_ in draw(st.lists(IDS, max_size=1))]
    return Record(
        RecordRef(type_, draw(IDS)),
        draw(st.none() | st.sampled_from(NUMBERS)),
        status=draw(st.sampled_from([None, "active", "inactive", "none"])) if type_ == "contact" else None,
        addresses=tuple(draw(st.lists(st.sampled_from(OFTEN), max_size=2))),
        references=tuple(Reference("x", number) for number in draw(st.lists(st.sampled_from(NUMBERS), max_size=1))),
        links=tuple(links),
    )  # fmt: skip


def worlds(most_records: int, most_words: int) -> st.SearchStrategy[World]:
    return st.builds(
        World,
        st.lists(records(), min_size=most_records // 2, max_size=most_records, unique_by=REF).map(tuple),
        st.sampled_from(["Frage", "Frage zu AB-1042", "AU 100234 und 1042"]),
        st.lists(st.sampled_from([*NUMBERS, *ADDRESSES]), max_size=most_words).map(" ".join),
        st.sampled_from([*OFTEN, *OFTEN, None]),
        st.lists(st.sampled_from(ADDRESSES), max_size=2, unique=True).map(", ".join),
        st.lists(st.sampled_from(ADDRESSES), max_size=1).map(tuple),
        st.just(()),
        st.lists(st.sampled_from(ENTRIES), max_size=1).map(tuple),
        st.lists(st.builds(Mail, st.integers(1, 3), ASSIGNMENTS), max_size=1).map(tuple),
        st.just(()) | ASSIGNMENTS,
        st.sampled_from(["first", "abstain"]),
    )  # fmt: skip


@st.composite
def crowds(draw: st.DrawFn) -> World:
    """Many alike by one address: orders, or contacts of every status."""
    relay = "relay@markt.example"
    if draw(st.booleans()):
        numbers = draw(st.lists(st.sampled_from(["K-1001", "K-1002", "K-1003", "K-1004"]), max_size=3))
        customer = draw(st.sampled_from(["", "K-5"]))
        records = [order(f"O-{n}", relay, customer=customer, number=f"K-{1000 + n}") for n in range(draw(CROWD))]
        records += [contact("K-5")] if draw(st.booleans()) else []
    else:
        numbers = []
        statuses = draw(st.lists(st.sampled_from(["active", "inactive", "inactive", "none"]), min_size=2, max_size=9))
        records = [contact(f"K-{n}", relay, status=status) for n, status in enumerate(statuses)]
    records.append(draw(st.sampled_from([order("O-X", "anna@kunde.example"), contact("K-X", "anna@kunde.example")])))
    return World(
        tuple(records),
        body=" ".join(numbers),
        sender=relay,
        to="anna@kunde.example",
        on_conflict=draw(st.sampled_from(["first", "abstain"])),
        crowd_rule=draw(st.sampled_from([0, 0, 1, 3])),
    )


CROWD = st.integers(2, 9)
REF = attrgetter("ref")
slow = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


def look(world: World, data: st.DataObject, most: int) -> None:
    answer = check(world, data.draw(st.sampled_from(world.records)), most)
    event(answer.lost.kind)
    event(f"{len(answer.changes[0].edits) if answer.changes else 'no'} edits")


@settings(slow, max_examples=30)
@given(worlds(5, 3), st.data())
def test_changes(world: World, data: st.DataObject) -> None:
    look(world, data, 2)


@settings(slow, max_examples=15)
@given(crowds(), st.data())
def test_changes_of_a_crowd(world: World, data: st.DataObject) -> None:
    look(world, data, 2)


@settings(slow, max_examples=10)
@given(worlds(3, 2), st.data())
def test_changes_of_three_edits(world: World, data: st.DataObject) -> None:
    look(world, data, 3)


@pytest.mark.slow
@settings(slow, max_examples=1000)
@given(worlds(8, 4), st.data())
def test_many_changes(world: World, data: st.DataObject) -> None:
    look(world, data, 2)


@pytest.mark.slow
@settings(slow, max_examples=400)
@given(crowds(), st.data())
def test_many_changes_of_a_crowd(world: World, data: st.DataObject) -> None:
    look(world, data, 2)


@pytest.mark.slow
@settings(slow, max_examples=150)
@given(worlds(4, 3), st.data())
def test_many_changes_of_three_edits(world: World, data: st.DataObject) -> None:
    look(world, data, 3)


@pytest.mark.parametrize("crowd_rule", [0, 2])
@pytest.mark.parametrize("size", range(2, 8))
def test_where_a_crowd_begins(size: int, crowd_rule: int) -> None:
    """However many they are by one address, not one absence that helps is left out."""
    records = tuple(order(f"O-{n}", "relay@markt.example", number=f"K-{1000 + n}") for n in range(size))
    world = World(records, subject="K-1001", sender="relay@markt.example", crowd_rule=crowd_rule)
    check(world, records[0], 2)
    check(replace(world, subject="Frage"), records[0], 2)


def test_few_among_two_crowds() -> None:
    """Many carry the address and many bear the number, but only two do both."""
    crowd = [order(f"O-{n}", "relay@markt.example") for n in range(5)]
    crowd += [order(f"P-{n}", number="K-1001") for n in range(5)]
    both = [order(f"X-{n}", "relay@markt.example", number="K-1001") for n in range(2)]
    answer = check(World((*crowd, *both), subject="K-1001", sender="relay@markt.example"), both[0], 1)
    assert told(answer) == {frozenset({("absent", "order:X-1")})}


# --- the question turned round


def without(world: World, found: WhatIf) -> World:
    """The world without the evidence that decided."""
    if found.message:
        return changed(world, [("unassigned", found.message)])
    if found.numbers:
        return changed(world, [("names_not", reference_key(number)) for number in found.numbers])
    key = address_key(found.address)
    to = [each for each in world.to.split(", ") if each and address_key(each) != key]
    return replace(
        world,
        sender=world.sender if world.sender and address_key(world.sender) != key else None,
        to=", ".join(to),
        subject=world.subject.replace(found.address, "*"),
        body=world.body.replace(found.address, "*"),
    )


@settings(slow, max_examples=100)
@given(worlds(8, 4))
def test_what_if(world: World) -> None:
    """What comes out without the evidence that decided is what a world without it gives."""
    trace = world.decide()
    found = what_if(world.case(), trace, world.engine())
    made = [check for check in trace.checks() if check.assigned and check.stage != "follow"]
    if found is None:
        assert made == []
        return
    assert found.record == made[0].assigned[0]
    after = without(world, found).decide()
    assert found.assigned == tuple(each.record for each in after.assigned)
    assert found.clause in after.held() or not after.steps
    event(made[0].clause.partition(".")[2])


# --- worlds in a database


@settings(slow, max_examples=20)
@given(worlds(8, 4), st.data())
def test_from_the_database(sqlite: Database, world: World, data: st.DataObject) -> None:
    """What is taken out of a database for one record is enough: the answer is that of the whole world."""
    target = data.draw(st.sampled_from(world.records))
    workspace = Workspace(sqlite, world.installed, RuleSettings(world.on_conflict))
    empty(sqlite)
    workspace.import_records(world.records)
    ignore(workspace, IgnoreList(world.users, world.groups, world.blacklist))
    with sqlite.begin() as connection:
        for each in world.thread:
            add_mail(Mails(connection), each.raw, each.assignments)
        row = add_mail(Mails(connection), world.raw, world.own)
    case = workspace.case(workspace.find_message(str(row)), [target.ref])
    answer, expected = why_not(case, target.ref, workspace.engine, seconds=600), world.why_not(target.ref)
    assert answer.trace == expected.trace
    assert answer.lost == expected.lost
    assert answer.changes == expected.changes
