"""What holds for every mail and every world: number matching, addresses in running text, and decisions."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from random import Random

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from beleg.assignment import Assignment, ThreadMessage
from beleg.directory import MemoryDirectory
from beleg.evidence import Evidence, extract
from beleg.ignore import IgnoreList
from beleg.keys import address_key, reference_key
from beleg.message import parse
from beleg.orchestrator import Decision, Engine
from beleg.plugins import installed
from beleg.record import CUSTOMER, Link, Record, RecordRef, Reference
from beleg.step import OnConflict, RuleSettings
from beleg.trace import digest
from worlds import contact, order
from writing import mail

INSTALLED = installed()
settings.register_profile("quick", max_examples=150, deadline=None, derandomize=True)
quick = settings(settings.get_profile("quick"))
many = settings(quick, max_examples=600)


# --- an independent reading of RULES.md section 2, as slow and as plain as can be

JOINERS = "-/_."
DASHES = "‐‑‒–—−"


def plain(text: str) -> str:
    return "".join("-" if c in DASHES else c for c in text)


def in_segment(c: str) -> bool:
    return unicodedata.category(c).startswith("L") or unicodedata.category(c) == "Nd"


def is_letter(c: str) -> bool:
    return unicodedata.category(c).startswith("L")


def one_case(text: str) -> str:
    return "".join("İ" if c == "İ" else c.casefold() if len(c.casefold()) == 1 else c.lower() for c in text)


def addresses_in(text: str) -> list[tuple[int, int]]:
    """Start and end of each address in running text."""
    found = []
    for at in (index for index, c in enumerate(text) if c == "@"):
        start = at
        while start > 0 and (in_segment(text[start - 1]) or text[start - 1] in "._%+&'-"):
            start -= 1
        while start < at and text[start] in "._%+&'-":
            start += 1
        ends = [end for end in range(at + 1, len(text) + 1) if is_domain(text[at + 1 : end])]
        if start < at and ends:
            found.append((start, ends[-1]))
    return found


def is_domain(text: str) -> bool:
    labels = text.split(".")
    return len(labels) >= 2 and all(map(is_label, labels)) and is_letter(labels[-1][0])


def is_label(text: str) -> bool:
    inner = all(in_segment(c) or c in "-_" for c in text)
    return bool(text) and inner and in_segment(text[0]) and in_segment(text[-1])


def possible_numbers(text: str, shortest: int = 4) -> list[tuple[int, int, str]]:
    """Start, end and key of everything that could be a number."""
    taken = {index for start, end in addresses_in(text) for index in range(start, end)}
    text = "".join("\0" if index in taken else c for index, c in enumerate(plain(text)))
    found = []
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            if is_number(text, start, end):
                found.append((start, end))
                if (word := word_before(text, start)) is not None:
                    found.append((word, end))
    keys = [(start, end, "".join(filter(in_segment, text[start:end]))) for start, end in found]
    return [(start, end, one_case(key)) for start, end, key in keys if len(key) >= shortest]


def is_number(text: str, start: int, end: int) -> bool:
    """Whole segments, joined by single joiners, with a digit."""
    piece = text[start:end]
    whole = (start == 0 or not in_segment(text[start - 1])) and (end == len(text) or not in_segment(text[end]))
    if not whole or not in_segment(piece[0]) or not in_segment(piece[-1]):
        return False
    if not all(in_segment(c) or c in JOINERS for c in piece):
        return False
    if any(one in JOINERS and other in JOINERS for one, other in pairwise(piece)):
        return False
    return any(unicodedata.category(c) == "Nd" for c in piece)


def word_before(text: str, start: int) -> int | None:
    """Where a word of at most four letters begins that stands one space before."""
    if start == 0 or text[start - 1] not in " \u00a0":
        return None
    begin = start - 1
    while begin > 0 and in_segment(text[begin - 1]):
        begin -= 1
    word = text[begin : start - 1]
    return begin if 1 <= len(word) <= 4 and all(map(is_letter, word)) else None


def counting(text: str, known: Collection[str]) -> list[tuple[int, int, str]]:
    """The numbers that count: longest first, of equal ones the first, none that shares a character."""
    rest = sorted((each for each in set(possible_numbers(text)) if each[2] in known), key=lambda e: (e[0] - e[1], e[0]))
    kept: list[tuple[int, int, str]] = []
    for start, end, key in rest:
        if all(end <= other_start or start >= other_end for other_start, other_end, _ in kept):
            kept.append((start, end, key))
    return sorted(kept)


# --- texts that are meant to hurt

LETTERS = "abzAZäÖßéİı文"
NASTY = LETTERS + "0123459٣²Ⅷ" + JOINERS + "–‐−" + " \u00a0\t\n" + "@,;:#()[]<>'\"+%&!?=" + "\u0301\u00ad\u200b\u2009"
PIECES = [
    "AB-1042", "1042", "AU 100234", "AU\u00a01002", "302-1234567-1234567", "RE-7700", "a@b.de", "m+x@firma.example",
    "12", "x", "nr.", "Best", "Nummer", "-", "–", ".", "/", "_", " ", "@", "\u0301", "2024/0012", "b.de@c.de", "٣٤٥٦",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(NASTY, max_size=30),
    st.lists(st.sampled_from(PIECES) | st.text(NASTY, max_size=3), max_size=9).map("".join),
)


def evidence_of(text: str, **more: str) -> tuple[Evidence, str]:
    """The evidence of a mail with this body, and the body as the parser understands it."""
    message = parse(mail("", text, sender=None, to="", **more))
    return extract(message), "".join(part.text for part in message.content)


@many
@given(TEXTS)
@example("x\u0301AU 1234")
@example("AB-1042.5")
@example("a@b.de-1042 1042")
@example("١٢٣٤-AB")
@example("00İ-")
def test_possible_numbers(text: str) -> None:
    evidence, body = evidence_of(text)
    assert evidence.possible_keys() == {key for _, _, key in possible_numbers(body)}


@many
@given(TEXTS, st.data())
def test_numbers_that_count(text: str, data: st.DataObject) -> None:
    evidence, body = evidence_of(text)
    keys = sorted({key for _, _, key in possible_numbers(body)})
    known = data.draw(st.sets(st.sampled_from(keys)) if keys else st.just(set()))
    found = evidence.numbers(known)
    assert [(number.place.start, number.place.end, number.key) for number in found] == counting(body, known)
    assert [number.text for number in found] == [body[number.place.start : number.place.end] for number in found]


@many
@given(TEXTS)
@example("a@b.de@c.de")
@example("..-a@b-.de")
@example("a@b.de-")
@example("a@b.de–AB-1042")
@example("a@b.c.4")
@example("a@b_c.de_x")
def test_addresses_in_running_text(text: str) -> None:
    evidence, body = evidence_of(text)
    places: dict[str, tuple[int, int]] = {}
    for start, end in addresses_in(body):
        places.setdefault(address_key(body[start:end]), (start, end))
    assert {found.key: (found.place.start, found.place.end) for found in evidence.content} == places
    assert [found.key for found in evidence.content] == list(places)


# --- number matching

SEGMENTS = st.lists(
    st.text("abcxyzäöü", min_size=1, max_size=4) | st.text("0123456789", min_size=1, max_size=6),
    min_size=1,
    max_size=5,
).filter(lambda each: any(s[0].isdecimal() for s in each) and sum(map(len, each)) >= 4)
AROUND = st.sampled_from(["", " ", "\n", "#", "(", "»", ": ", ", ", "="])


def written(segments: Sequence[str], joiners: Sequence[str], upper: Sequence[bool]) -> str:
    pieces = [segment.upper() if up else segment for segment, up in zip(segments, upper, strict=True)]
    return pieces[0] + "".join(joiner + piece for joiner, piece in zip(joiners, pieces[1:], strict=True))


@st.composite
def two_spellings(draw: st.DrawFn) -> tuple[str, str]:
    segments = draw(SEGMENTS)

    def one() -> str:
        count = len(segments) - 1
        joiners = draw(st.lists(st.sampled_from(["", *JOINERS, *DASHES]), min_size=count, max_size=count))
        upper = draw(st.lists(st.booleans(), min_size=count + 1, max_size=count + 1))
        return written(segments, joiners, upper)

    return one(), one()


@quick
@given(two_spellings(), AROUND, AROUND)
def test_joiners_and_case_never_matter(spellings: tuple[str, str], before: str, behind: str) -> None:
    of_the_erp, of_the_mail = spellings
    evidence, _ = evidence_of(f"Zu{before or ' '}{of_the_mail}{behind or ' '}!")
    key = reference_key(of_the_erp)
    assert [number.key for number in evidence.numbers({key})] == [key]


@quick
@given(
    st.text("0123456789abc", min_size=4, max_size=9).filter(lambda s: any(c.isdecimal() for c in s)),
    st.text("0123456789abcÄß", max_size=3),
    st.text("0123456789abcÄß", max_size=3),
)
def test_a_number_is_never_part_of_a_segment(number: str, before: str, behind: str) -> None:
    assume(before or behind)
    longer = before + number + behind
    evidence, _ = evidence_of(f"Vorgang {longer}, bitte.")
    assert evidence.numbers({number}) == ()


@quick
@given(st.sampled_from(["302-1234567-1234567", "AB-2024/00123", "12.34.56.78"]), st.data())
def test_a_known_number_covers_its_parts(number: str, data: st.DataObject) -> None:
    evidence, _ = evidence_of(f"Vorgang {number}.")
    others = data.draw(st.sets(st.sampled_from(sorted(evidence.possible_keys()))))
    whole = reference_key(number)
    assert [found.key for found in evidence.numbers({whole, *others})] == [whole]


# --- decisions

ADDRESSES = [
    "anna@kunde.example",
    "bodo@kunde.example",
    "relay@markt.example",
    "ö@bücher.example",
    "c@y.example",
]
NUMBERS = ["AB-1042", "AB-1043", "1042", "302-1234567-1234567", "KD-2024", "AU 100234"]
DOCUMENTS = st.sampled_from(["order", "offer"])
SOME_ID = st.sampled_from(["1", "2", "10", "B", "a"])


@st.composite
def records(draw: st.DrawFn) -> Record:
    type_ = draw(st.sampled_from(["order", "order", "offer", "contact", "article", "invoice"]))
    links = []
    if type_ != "contact":
        links = [Link(CUSTOMER, RecordRef("contact", id_)) for id_ in draw(st.lists(SOME_ID, max_size=1))]
        if type_ == "order":
            links += [Link("offer", RecordRef("offer", id_)) for id_ in draw(st.lists(SOME_ID, max_size=1))]
        links += [Link("article", RecordRef("article", id_)) for id_ in draw(st.lists(SOME_ID, max_size=2))]
    return Record(
        RecordRef(type_, draw(SOME_ID)),
        draw(st.none() | st.sampled_from(NUMBERS)),
        status=draw(st.none() | st.sampled_from(["active", "inactive", "none"])) if type_ == "contact" else None,
        addresses=tuple(draw(st.lists(st.sampled_from(ADDRESSES), max_size=2))),
        references=tuple(Reference("x", number) for number in draw(st.lists(st.sampled_from(NUMBERS), max_size=2))),
        links=tuple(links),
    )  # fmt: skip


WORLDS = st.lists(records(), max_size=12, unique_by=lambda record: record.ref)
MAILS = st.builds(
    lambda sender, to, subject, body: mail(" ".join(subject), " ".join(body), sender=sender, to=", ".join(to)),
    st.none() | st.sampled_from(ADDRESSES),
    st.lists(st.sampled_from(ADDRESSES), max_size=2),
    st.lists(st.sampled_from(NUMBERS), max_size=2),
    st.lists(st.sampled_from(NUMBERS + ADDRESSES), max_size=4),
)
OWN = st.lists(
    st.builds(
        Assignment,
        st.builds(RecordRef, DOCUMENTS, SOME_ID),
        st.sampled_from(["automatic", "manual", "derived"]),
        st.none(),
    ),
    max_size=2,
    unique_by=lambda each: each.record,
)
RULES = st.sampled_from(["first", "abstain"])


def decide(
    raw: bytes,
    world: Sequence[Record],
    rule: OnConflict = "first",
    *,
    ignored: Sequence[str] = (),
    own: Sequence[Assignment] = (),
    thread: Sequence[ThreadMessage] = (),
) -> Decision:
    engine = Engine(INSTALLED, RuleSettings(on_conflict=rule))
    directory = MemoryDirectory(world, INSTALLED.types)
    return engine.decide(parse(raw), directory, IgnoreList(blacklist=ignored), thread, own)


@quick
@given(MAILS, WORLDS, RULES, OWN, st.randoms(use_true_random=False))
def test_the_order_of_the_records_is_of_no_importance(
    raw: bytes, world: list[Record], rule: OnConflict, own: list[Assignment], random: Random
) -> None:
    shuffled = list(world)
    random.shuffle(shuffled)
    one, other = decide(raw, world, rule, own=own), decide(raw, shuffled, rule, own=own)
    assert digest(one.trace) == digest(other.trace)
    assert one.made == other.made


UNRELATED = ["1043", "B-1042", "AB-10420", "AB-104", "302-1234567", "1234567-123456", "100235", "99999"]


@quick
@given(
    MAILS,
    WORLDS,
    RULES,
    st.sampled_from(["order", "offer", "contact", "article", "invoice"]),
    st.lists(st.sampled_from(UNRELATED + NUMBERS), max_size=3),
    st.lists(st.sampled_from(["anna@kunde.exampl", "nna@kunde.example", *ADDRESSES]), max_size=2),
    st.lists(SOME_ID, max_size=1),
)
def test_an_unrelated_record_never_changes_a_decision(
    raw: bytes,
    world: list[Record],
    rule: OnConflict,
    type_: str,
    numbers: list[str],
    addresses: list[str],
    customer: list[str],
) -> None:
    # Its id is new, so no record points at it (else a link that led nowhere would lead to it).
    links = tuple(Link(CUSTOMER, RecordRef("contact", id_)) for id_ in customer if type_ != "contact")
    added = Record(
        RecordRef(type_, "new"),
        references=tuple(Reference("x", number) for number in numbers),
        addresses=tuple(addresses),
        links=links,
    )
    evidence = extract(parse(raw))
    carried = set(added.address_keys())
    for record in world:
        if record.ref in added.targets(CUSTOMER):
            carried |= record.address_keys()
    occurring = {each.key for each in (*evidence.participants, *evidence.content)}
    assume(not carried & occurring)
    assume(not added.reference_keys() & evidence.possible_keys())
    before, after = decide(raw, world, rule), decide(raw, [added, *world], rule)
    assert after.made == before.made
    assert digest(after.trace) == digest(before.trace)


def held_about(decision: Decision, key: str) -> Iterator[str]:
    """The clauses of every check that is about this address."""
    for check in decision.trace.checks():
        if check.at and address_key(check.about) == key:
            yield check.clause


@quick
@given(MAILS, WORLDS, RULES, st.sampled_from(ADDRESSES))
def test_an_ignored_address_never_leads_to_an_assignment(
    raw: bytes, world: list[Record], rule: OnConflict, address: str
) -> None:
    # Another address may decide in its place (with "first" it was hidden behind this one), but never this one:
    # no stage asks about it, and what is assigned then is assigned without it just the same.
    key = address_key(address)
    decision = decide(raw, world, rule, ignored=[address])
    assert list(held_about(decision, key)) == []
    seen = [each for each in decision.trace.addresses if each.key == key and not each.repeated]
    assert all(each.ignored == address for each in seen)
    before = decide(raw, world, rule)
    if not seen:
        assert digest(decision.trace) == digest(before.trace)
    elif not list(held_about(before, key)):
        assert decision.made == before.made  # it was never asked about, so nothing changes


@quick
@given(MAILS, WORLDS, RULES)
def test_with_all_addresses_ignored_two_numbers_alone_decide(raw: bytes, world: list[Record], rule: OnConflict) -> None:
    decision = decide(raw, world, rule, ignored=ADDRESSES)
    clauses = {each.clause for each in decision.made if each.origin == "automatic"}
    assert clauses <= {"order.two_references.unique", "offer.two_references.unique"}


@quick
@given(MAILS, WORLDS, RULES, OWN)
def test_what_a_person_set_stands_after_every_run(
    raw: bytes, world: list[Record], rule: OnConflict, own: list[Assignment]
) -> None:
    decision = decide(raw, world, rule, own=own)
    standing = {outcome.record: outcome.origin for outcome in decision.trace.assigned}
    for each in own:
        if each.origin == "manual":
            assert standing[str(each.record)] == "manual"
    again = decide(raw, world, rule, own=[*own, *decision.made])
    assert digest(again.trace) == digest(decision.trace)
    assert again.made == decision.made


@quick
@given(MAILS, WORLDS, RULES)
def test_one_record_is_never_assigned_twice(raw: bytes, world: list[Record], rule: OnConflict) -> None:
    made = [each.record for each in decide(raw, world, rule).made]
    assert len(made) == len(set(made))


def test_a_contact_that_carries_an_address_twice_is_one() -> None:
    world = [contact("K-1", "anna@kunde.example", "ANNA@kunde.example"), order("O-1", "x@y.example")]
    assert [str(each.record) for each in decide(mail(), world).made] == ["contact:K-1"]
