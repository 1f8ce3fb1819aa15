"""The explanation that the support page and the API show: whole for every scenario, in both languages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from syrupy.assertion import SnapshotAssertion

from beleg import scenario
from beleg.clause import LANGUAGES
from beleg.explain import Explainer
from beleg.explain.ladder import Caution, Ladder, ladder, linked_since, pieces, short_reason, warnings
from beleg.explain.ladder.notes import LONGEST
from beleg.message import Message, parse
from beleg.record import Link, Record, RecordRef, Reference
from beleg.scenario import Outcome
from beleg.testing.scenarios import everything as installed
from beleg.thread import newcomers
from beleg.trace import NoticeSeen, Trace
from test_explain import BY, EARLIER, TWO, anna, on, trace_of
from test_scenarios import outcomes, world_files
from worlds import contact, order
from writing import day, mail

TELLING = {
    "reference": "Three orders by one address, the number in the subject picks one",
    "ambiguous": "The mail names two of the three orders, which singles out neither",
    "two-references": "Two orders bear both numbers of the text",
    "conflict": "With abstain, sender and copy lead to two orders, and two numbers in the text decide later",
    "contact": "Three contacts share the family's address, one of them is an active customer",
    "history": "A reply belongs where the customer's first mail belongs",
    "removal-inherited": "A person took the order off the first mail, and its answers follow that",
    "removed": "The number picks an order that a person took off, the others are no second best",
    "by-hand": "An order set by hand with what followed from it stays, and three steps are skipped",
    "follow-ups": "Another offer was taken off this mail, so the customer does not follow a second time",
    "ignored": "User, group, blacklisted address, domain and subdomain never count, the mail itself does",
    "limit": "A mail of 1,001 parts is beyond the limit and gets its history only",
    "nothing": "Nobody in the ERP has any address of the mail",
}


def outcome_of(title: str) -> Outcome:
    return next(each for each in outcomes() if each.scenario.title == title)


@cache
def explained_by(language: str) -> Explainer:
    """As the page does it: with times and earlier mails for people."""
    everything = installed()
    return Explainer(
        everything.clauses,
        everything.types,
        everything.steps,
        language,
        moment=lambda time: time[:10],
        by_subject=True,
    )


def ladder_of(outcome: Outcome, language: str) -> Ladder:
    return ladder(explained_by(language), outcome.decision.trace)


# how it reads


def told(found: Ladder) -> Iterator[str]:
    """The ladder as text, line by line."""
    yield found.short
    yield from (f"! {each.text}" for each in found.warnings)
    for each in found.linked:
        named = " · ".join(filter(None, (each.name, each.number, each.label, each.status)))
        yield f"[{named}] ({each.origin_label}) {each.clause}"
        yield "    " + "".join(f"<{text}>" if cited else text for text, cited in pieces(each.because, each.cites))
    for rung in found.steps:
        open_ = "open: " if rung.decisive else ""
        yield f"{rung.number or ' '} {rung.label}: {rung.mark}  {open_}{rung.headline}"
        for check in rung.checks:
            about = f"{check.about.text} ({check.about.place})" if check.about else ""
            about = f"{check.earlier.name}, {check.earlier.subject!r}" if check.earlier else about
            yield f"    [{' · '.join(filter(None, (check.stage_label, about, check.verdict_label)))}] {check.clause}"
            yield from (f"        {asked.result} {asked.short}: {asked.text}" for asked in check.asked)
            if check.candidates:
                yield f"        {check.candidates.total_label} {check.candidates.more}".rstrip()
                for row in check.candidates.rows:
                    by = f"{row.by.text} ({row.by.place})" if row.by else "–"
                    numbers = ", ".join(f"{cited.text} ({cited.place})" for cited in row.numbers) or "–"
                    yield f"        {'✓' if row.kept else '✗'} {row.name} | {by} | {numbers} | {row.why}"
        for follow in rung.follow_ups:
            yield f"    → {follow.role_label}: {'made' if follow.made else 'not made'} {follow.name} | {follow.why}"
    for seen in found.evidence:
        yield f"{seen.text} ({seen.place}): {seen.note}"
        yield from (
            f"    {use.step_label} · {use.stage_label} · {use.clause}{' · decided' if use.decided else ''}"
            for use in seen.uses
        )
    for part, marked in found.spans.items():
        yield f"{part}: {', '.join(f'{span.start}-{span.end} {span.state}' for span in marked)}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TELLING)
def test_told(name: str, language: str, trace_snapshot: SnapshotAssertion) -> None:
    assert "\n".join(told(ladder_of(outcome_of(TELLING[name]), language))) + "\n" == trace_snapshot


# what holds for every one


def check_whole(outcome: Outcome, message: Message, language: str) -> None:
    found = ladder_of(outcome, language)
    trace = outcome.decision.trace
    assert [each.record for each in found.linked] == [each.record for each in trace.assigned]
    assert all(each.because for each in found.linked)
    assert 0 < len(found.short) <= LONGEST
    assert {rung.step for rung in found.steps} >= {step.step for step in trace.steps}
    assert {rung.step for rung in found.steps} >= {step.name for step in installed().steps}
    assert sum(rung.decisive for rung in found.steps) == any(
        rung.mark not in ("nothing", "skipped", "not_needed") for rung in found.steps
    )
    for rung in found.steps:
        assert rung.headline
        assert rung.label
        for check in rung.checks:
            assert check.said
            assert all(asked.text for asked in check.asked)
            for row in check.candidates.rows if check.candidates else ():
                assert row.why, (rung.step, check.clause, row.record)
        assert all(follow.why for follow in rung.follow_ups)
    assert not set("\n".join(told(found))) & set("{}")
    assert msgspec.json.decode(msgspec.json.encode(found), type=Ladder) == found
    check_spans(found, message)


def check_spans(found: Ladder, message: Message) -> None:
    """Ascending and disjoint, and at each place stands what is said to stand there."""
    texts = {part.part: part.text for part in (message.subject_part, *message.content)}
    for part, marked in found.spans.items():
        assert all(one.end <= other.start for one, other in pairwise(marked))
        for span in marked:
            assert span.title
            for index in span.evidence:
                seen = found.evidence[index]
                assert span.start <= seen.at.start < seen.at.end <= span.end
                text = texts[part][seen.at.start : seen.at.end]
                assert text == seen.text
    placed = [index for index, seen in enumerate(found.evidence) if seen.at.end > seen.at.start]
    assert sorted(index for marked in found.spans.values() for span in marked for index in span.evidence) == placed


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_scenario(language: str) -> None:
    for outcome in outcomes():
        check_whole(outcome, parse(outcome.scenario.raw), language)


@pytest.mark.parametrize("path", world_files())
def test_every_worked_example(path: Path) -> None:
    for each in scenario.load(path, installed()):
        outcome, message = scenario.run(each, installed()), parse(each.raw)
        for language in LANGUAGES:
            check_whole(outcome, message, language)


# what is linked


def linked(trace: Trace, language: str) -> dict[str, str]:
    return {each.record: each.because for each in ladder(explained_by(language), trace).linked}


def test_what_follows_from_what_a_person_set() -> None:
    own = [on("order:O-1", "manual"), on("contact:K-5", "derived", source="order:O-1")]
    trace = trace_of(installed(), mail("Hallo", sender="x@y.example"), *anna(*TWO), own=own)
    assert linked(trace, "en")["contact:K-5"] == "because it belongs to order O-1, which a person set."
    assert linked(trace, "de")["contact:K-5"] == "weil dieser Eintrag zu Bestellung O-1 gehört (von Hand gesetzt)."


def test_an_earlier_mail_is_called_by_its_subject_and_date() -> None:
    def trace(subject: str) -> Trace:
        thread = [dataclasses.replace(EARLIER, subject=subject)]
        return trace_of(installed(), mail("Re:", date=day(5)), TWO[0], thread=thread)

    assert "früher@x" in linked(trace(""), "en")["order:O-1"]
    assert '"Tisch" (2026-' in linked(trace("Tisch"), "en")["order:O-1"]
    assert "„Tisch“ (2026-" in linked(trace("Tisch"), "de")["order:O-1"]
    (found,) = ladder(explained_by("en"), trace("Tisch")).linked
    assert found.earlier
    assert (found.earlier.name, found.earlier.subject) == ("früher@x", "Tisch")


def test_a_record_that_is_gone() -> None:
    trace = trace_of(installed(), mail("Re:", date=day(5)), thread=[EARLIER])
    (found,) = ladder(explained_by("en"), trace).linked
    assert found.gone
    assert found.because.startswith("because the earlier mail")


def test_a_record_that_was_set_since() -> None:
    anna = Record(RecordRef("contact", "K-5"), "20417", "Anna Kunde", "inactive")
    found = linked_since(explained_by("de"), anna.ref, "manual", "von Hand gesetzt von Jan, 3. Nov.", anna)
    assert (found.name, found.number, found.label, found.status) == ("Kontakt K-5", "20417", "Anna Kunde", "inaktiv")
    assert (found.origin_label, found.because, found.gone) == ("von Hand", "von Hand gesetzt von Jan, 3. Nov.", False)
    assert linked_since(explained_by("de"), anna.ref, "manual", "").gone


def test_pieces_are_the_sentence() -> None:
    sentence = "because a@x.example (From) has AB-1 and AB-12."
    found = list(pieces(sentence, ["AB-1", "AB-12", "a@x.example", ""]))
    assert "".join(text for text, _ in found) == sentence
    assert [text for text, cited in found if cited] == ["a@x.example", "AB-1", "AB-12"]
    assert list(pieces(sentence, [])) == [(sentence, False)]


# why a candidate was kept or dropped


def rows(trace: Trace, clause: str, language: str = "en") -> dict[str, tuple[bool, str]]:
    found = ladder(explained_by(language), trace)
    (check,) = (check for rung in found.steps for check in rung.checks if check.clause == clause)
    assert check.candidates
    return {row.record: (row.kept, row.why) for row in check.candidates.rows}


def numbered(id_: str, *numbers: str, customer: str = "K-5") -> Record:
    own, *others = numbers
    links = (Link("customer", RecordRef("contact", customer)),) if customer else ()
    return Record(
        RecordRef("order", id_), own, references=tuple(Reference("invoice", each) for each in others), links=links
    )


def test_a_number_on_several() -> None:
    orders = (numbered("O-1", "AB-1001", "KD-7007"), numbered("O-2", "AB-1002", "KD-7007"), numbered("O-3", "AB-1003"))
    trace = trace_of(installed(), mail("KD-7007"), *anna(*orders))
    found = rows(trace, "order.participants.ambiguous")
    assert found["order:O-1"] == (False, "KD-7007 (subject) names it, but also O-2")
    assert found["order:O-3"] == (False, "no number of the mail names it")
    found = rows(trace, "order.participants.ambiguous", "de")
    assert found["order:O-2"] == (False, "KD-7007 (Betreff) steht hier, aber auch auf O-1")
    # A number on all of them disturbs nothing.
    trace = trace_of(installed(), mail("KD-7007", "AB-1001 bitte"), *anna(*orders))
    found = rows(trace, "order.participants.reference")
    assert found["order:O-1"] == (True, "AB-1001 (content) names it alone")
    assert found["order:O-2"] == (False, "KD-7007 (subject) names it, but also O-1")


def test_numbers_of_several() -> None:
    orders = tuple(numbered(f"O-{n}", f"AB-100{n}", f"RE-200{n}") for n in (1, 2, 3))
    trace = trace_of(installed(), mail("AB-1001 RE-2001", "AB-1002 und AB-1003"), *anna(*orders))
    found = rows(trace, "order.participants.ambiguous")
    assert found["order:O-1"][1] == (
        "AB-1001 (subject), RE-2001 (subject) name it alone; but other numbers name O-2, O-3 alone"
    )


def test_one_that_was_removed_is_not_kept() -> None:
    trace = trace_of(installed(), mail("AB-1001"), *anna(*TWO), own=[on("order:O-1", removed=BY)])
    found = rows(trace, "order.participants.removed")
    assert found["order:O-1"] == (
        False,
        "would be assigned, but erika@firma.example removed it from this mail (2026-03-01)",
    )
    assert found["order:O-2"] == (False, "no number of the mail names it")


def test_one_of_the_earlier_mail_that_was_removed_here() -> None:
    thread = [dataclasses.replace(EARLIER, assignments=(on("order:O-1"), on("order:O-2")))]
    trace = trace_of(installed(), mail("Re:", date=day(5)), *TWO, thread=thread, own=[on("order:O-2", removed=BY)])
    assert rows(trace, "history.assigned") == {
        "order:O-1": (True, "stands on the earlier mail"),
        "order:O-2": (False, "erika@firma.example removed it from this mail (2026-03-01)"),
    }


def test_nothing_is_left_to_adopt() -> None:
    trace = trace_of(installed(), mail("Re:", date=day(5)), *TWO, thread=[EARLIER], own=[on("order:O-1", removed=BY)])
    first, *later = ladder(explained_by("en"), trace).steps
    assert (first.step, first.mark, first.decisive) == ("history", "removed", True)
    assert {rung.mark for rung in later} == {"not_needed"}


def test_two_numbers_of_which_one_is_on_very_many() -> None:
    """Which of the listed fifty carry it is not told of the fifty-first: nothing wrong is said of it."""
    many = [numbered(f"O-{n:03}", f"AB-{1000 + n}", "KD-7007", customer="") for n in range(80)]
    trace = trace_of(installed(), mail("Frage", "KD-7007 und AB-1079", sender="x@y.example"), *many)
    assert rows(trace, "order.two_references.unique") == {"order:O-079": (True, "carries two numbers of the content")}


def test_a_step_of_another_make() -> None:
    """Without numbers and without sentences of its own for it, the clause's sentence is the reason."""
    trace = trace_of(installed(), mail("Hallo"), *anna(contact("K-6", "anna@kunde.example")))
    clause = "contact.participants.ambiguous_active"
    assert rows(trace, clause)["contact:K-5"] == (False, "2 contacts, 2 of them active customers")


@pytest.mark.parametrize(("orders", "more"), [(50, ""), (60, "… and 10 more"), (1200, "… and more than 950 more")])
def test_more_candidates_than_are_listed(orders: int, more: str) -> None:
    many = [order(f"O-{n:04}", customer="K-5", number=f"AB-{10000 + n}") for n in range(orders)]
    found = ladder(explained_by("en"), trace_of(installed(), mail("Hallo"), *anna(*many)))
    (table,) = (c.candidates for rung in found.steps for c in rung.checks if c.clause == "order.participants.ambiguous")
    assert table
    assert len(table.rows) == 50
    assert table.more == more


# the steps


def test_what_stood_already_did_not_follow() -> None:
    own = [on("contact:K-5", "manual")]
    found = ladder(explained_by("en"), trace_of(installed(), mail("Hallo"), *anna(TWO[0]), own=own))
    follow = next(rung for rung in found.steps if rung.step == "order").follow_ups[0]
    assert (follow.made, follow.stood, follow.record) == (False, True, "contact:K-5")
    assert follow.why == "it stands on this mail already"


def test_a_trace_that_is_older_than_what_is_installed() -> None:
    """A step that came since, one that went, clauses that nobody explains any more."""
    trace = trace_of(installed(), mail("AB-1001"), *anna(*TWO))
    steps = tuple(replace(step, step="bill") if step.step == "offer" else step for step in trace.steps)
    everything = installed()
    bare = Explainer({}, everything.types, everything.steps, "en")
    found = ladder(bare, replace(trace, steps=steps))
    by_name = {rung.step: rung for rung in found.steps}
    assert list(by_name) == ["history", "order", "bill", "offer", "contact"]
    assert (by_name["bill"].label, by_name["bill"].number) == ("bill", None)
    assert by_name["offer"].headline == "not part of this decision: the step was not installed then"
    assert [each.because for each in found.linked] == ["order.participants.reference", "order.follow.customer"]


def test_very_many_checks_show_those_that_found_something() -> None:
    text = " ".join(f"a{n}@b.example" for n in range(200)) + " anna@kunde.example"
    trace = trace_of(installed(), mail("Hallo", text, sender="x@y.example"), *anna(*TWO))
    found = next(rung for rung in ladder(explained_by("en"), trace).steps if rung.step == "order")
    assert len(found.checks) == 50
    assert found.more == f"… and {len(next(s for s in trace.steps if s.step == 'order').checks) - 50} more checks"
    assert [c.about.text for c in found.checks if c.about and c.candidates] == ["anna@kunde.example"]


# the evidence


def test_overlapping_addresses_are_one_stretch() -> None:
    raw = mail("Hallo", "siehe a@b.example.c@d.example, e@f.example")
    trace = trace_of(installed(), raw)
    found = ladder(explained_by("en"), trace)
    ((part, marked),) = found.spans.items()
    text = next(each.text for each in parse(raw).content if each.part == part)
    assert [text[span.start : span.end] for span in marked] == ["a@b.example.c@d.example", "e@f.example"]
    assert [len(span.evidence) for span in marked] == [2, 1]
    check_spans(found, parse(raw))


def test_the_sender_named_again_in_the_text() -> None:
    raw = mail("Hallo", "Schreiben Sie an anna@kunde.example.", sender="anna@kunde.example")
    found = ladder(explained_by("en"), trace_of(installed(), raw, *anna(TWO[0])))
    again = next(seen for seen in found.evidence if seen.state == "repeated")
    assert [use.clause for use in again.uses if use.decided] == ["order.participants.unique"]
    assert [span.state for span in found.spans["1"]] == ["decided"]


def test_the_subject_is_not_of_the_content() -> None:
    """A number that stands in both has a say in `two_references` by its place in the content alone."""
    raw = mail("AB-1001", "AB-1001 und RE-2001", sender="x@y.example")
    trace = trace_of(installed(), raw, numbered("O-1", "AB-1001", "RE-2001", customer=""))
    found = ladder(explained_by("en"), trace)
    assert {(seen.text, seen.at.part): seen.decided for seen in found.evidence if seen.kind == "number"} == {
        ("AB-1001", "subject"): False,
        ("AB-1001", "1"): True,
        ("RE-2001", "1"): True,
    }
    assert [span.state for span in found.spans["subject"]] == ["known"]


def test_very_much_evidence_lists_what_led_to_something() -> None:
    text = " ".join(f"a{n}@b.example" for n in range(700)) + " anna@kunde.example"
    trace = trace_of(installed(), mail("Hallo", text, sender="x@y.example"), *anna(*TWO))
    found = ladder(explained_by("en"), trace)
    assert len(found.evidence) == 500
    assert found.evidence[-1].text == "anna@kunde.example"
    assert found.more_evidence == f"… and {len(trace.addresses) - 500} more addresses and numbers"


# what is said in a line


def test_a_short_reason_is_short() -> None:
    long = "x" * 60
    orders = tuple(numbered(f"O-{n}{long}", f"AB-100{n}", f"RE-200{n}") for n in (1, 2))
    for raw in (mail("Hallo"), mail("AB-1001"), mail("AB-1001 AB-1002"), mail(long * 5)):
        trace = trace_of(installed(), raw, *anna(*orders))
        for language in LANGUAGES:
            assert 20 < len(short_reason(explained_by(language), trace)) <= LONGEST


def test_a_short_reason_leaves_out_what_is_in_brackets() -> None:
    said = short_reason(explained_by("de"), outcome_of(TELLING["two-references"]).decision.trace)
    assert said == "Keine Zuordnung (Bestellung): 2 Bestellungen tragen zwei Nummern des Inhalts, genau 1 nötig."


def codes(found: Sequence[Caution]) -> list[str]:
    assert all(each.text for each in found)
    return [each.code for each in found]


@pytest.mark.parametrize("language", LANGUAGES)
def test_warnings(language: str) -> None:
    explainer = explained_by(language)
    raw = mail("Re:", sender='"chef@firma.example" <eva@spam.example>', date=day(5))
    trace = trace_of(installed(), raw, TWO[0], thread=[EARLIER])
    participants = parse(raw).participants
    assert codes(warnings(explainer, trace)) == []
    assert codes(warnings(explainer, trace, ["eva@spam.example"], participants)) == ["newcomer", "misleading_name"]
    first, second = warnings(explainer, trace, ["eva@spam.example"], participants)
    assert "eva@spam.example" in first.text
    assert "chef@firma.example" in second.text
    colleague = replace(trace, addresses=tuple(replace(a, ignored="x", ignored_as="user") for a in trace.addresses))
    assert codes(warnings(explainer, colleague, ["eva@spam.example"])) == []
    odd = (NoticeSeen("several_from", "2"), NoticeSeen("broken_base64", "part 1"), NoticeSeen("long_id", "x"))
    assert codes(warnings(explainer, replace(trace, notices=odd))) == ["several_from", "broken"]
    assert codes(warnings(explainer, outcome_of(TELLING["limit"]).decision.trace)) == ["limit"]


def test_a_name_that_is_the_address_misleads_nobody() -> None:
    raw = mail("Hallo", sender='"Anna@KUNDE.example" <anna@kunde.example>')
    assert warnings(explained_by("en"), trace_of(installed(), raw), (), parse(raw).participants) == ()


def test_newcomers() -> None:
    assert newcomers(["eva@x"], []) == ()
    assert newcomers(["eva@x", "anna@x", "eva@x"], [["anna@x"], ["bodo@x"]]) == ("eva@x",)
    assert newcomers(["anna@x"], iter([["bodo@x"], ["anna@x", "eva@x"]])) == ()
