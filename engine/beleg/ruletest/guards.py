"""The mutants of the procedure: what keeps a step from evidence, in its place, or in its turn, broken one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import get_args

from beleg.assignment import ORIGINS
from beleg.case import Case
from beleg.document import DocumentStep
from beleg.ignore import Kind
from beleg.plugins import Installed
from beleg.ruletest import changes
from beleg.ruletest.mutant import Mutant, same_case, same_rules
from beleg.ruletest.scope import Scope
from beleg.stages import CONTENT, PARTICIPANTS, AddressStep
from beleg.step import FollowUp, Step


def guard_mutants(scope: Scope) -> Iterator[Mutant]:
    """Every mutant of every guard: of the steps in their order, then (of everything) of what all steps share."""
    steps = scope.installed.steps
    for step in steps:
        if scope.step(step):
            yield from _step(step)
    for step, after in pairwise(steps):
        if scope.step(step) or scope.step(after):
            yield _guard(
                f"{step.name} and {after.name}: exchanged",
                "steps",
                f"the step {after.name} runs before the step {step.name}",
                f"der Schritt {after.name} läuft vor dem Schritt {step.name}",
                installed=changes.exchanged(step.name, after.name),
            )
    if scope.whole:
        yield from _ignored()
        yield from _removals(scope.installed)
        yield from _set_before()
        yield from _thread()
        yield from _settings()
        yield from _evidence()


def _guard(
    id_: str,
    group: str,
    en: str,
    de: str,
    *,
    installed: Callable[[Installed], Installed] = same_rules,
    case: Callable[[Case], Case] = same_case,
) -> Mutant:
    return Mutant(id_, group, {"en": en, "de": de}, installed=installed, case=case)


# One step


def _step(step: Step) -> Iterator[Mutant]:
    yield _guard(
        f"{step.name}: left out",
        "steps",
        f"the step {step.name} does not run",
        f"der Schritt {step.name} läuft nicht",
        installed=lambda installed: replace(installed, steps=tuple(s for s in installed.steps if s.name != step.name)),
    )
    for verdict in sorted(step.ends):
        yield _guard(
            f"{step.name}/ends when {verdict}: left out",
            "steps",
            f"after a verdict '{verdict}' of the step {step.name} the later steps run",
            f"nach einem Urteil '{verdict}' des Schritts {step.name} laufen die späteren Schritte",
            installed=changes.with_attributes(step, ends=step.ends - {verdict}),
        )
    for type_ in step.skipped_by:
        yield _guard(
            f"{step.name}/skipped by {type_}: left out",
            "skips",
            f"the step {step.name} runs although the message has a record of the type {type_}",
            f"der Schritt {step.name} läuft, obwohl an der Mail ein Datensatz der Art {type_} steht",
            installed=changes.with_attributes(
                step, skipped_by=tuple(other for other in step.skipped_by if other != type_)
            ),
        )
    if isinstance(step, AddressStep):
        yield from _stages(step)
    yield from _follow_ups(step)
    yield _guard(
        f"{step.name}/removals: forgotten",
        "removals",
        f"the step {step.name} does not know what a person removed from the message",
        f"der Schritt {step.name} weiß nicht, was jemand von der Mail entfernt hat",
        installed=changes.shown(step.name, lambda context: replace(context, removed={})),
    )


def _stages(step: AddressStep) -> Iterator[Mutant]:
    order = step.stage_order
    for stage in order:
        yield _guard(
            f"{step.name}/{stage}: left out",
            "stages",
            f"the step {step.name} has no stage {stage}",
            f"der Schritt {step.name} hat keine Stufe {stage}",
            installed=changes.with_attributes(step, stage_order=tuple(other for other in order if other != stage)),
        )
    for place, (stage, after) in enumerate(pairwise(order)):
        yield _guard(
            f"{step.name}/{stage} and {after}: exchanged",
            "stages",
            f"the step {step.name} tries the stage {after} before the stage {stage}",
            f"der Schritt {step.name} versucht die Stufe {after} vor der Stufe {stage}",
            installed=changes.with_attributes(step, stage_order=(*order[:place], after, stage, *order[place + 2 :])),
        )
    for stage in (PARTICIPANTS, CONTENT):
        yield _guard(
            f"{step.name}/{stage}: addresses reversed",
            "addresses",
            f"the step {step.name} tries the addresses of the stage {stage} from last to first",
            f"der Schritt {step.name} versucht die Adressen der Stufe {stage} von der letzten zur ersten",
            installed=changes.shown(step.name, changes.reversed_addresses(stage)),
        )
    yield _guard(
        f"{step.name}/removed: goes on",
        "removals",
        f"the step {step.name} goes on with the next address after a record that a person removed",
        f"der Schritt {step.name} macht nach einem Datensatz, den jemand entfernt hat, mit der nächsten Adresse weiter",
        installed=changes.in_place_of(step, changes.GoingOn(step)),
    )
    if isinstance(step, DocumentStep):
        yield _guard(
            f"{step.name}/two_references: numbers of the subject let in",
            "stages",
            f"the stage two_references of the step {step.name} reads the subject, too",
            f"die Stufe two_references des Schritts {step.name} liest auch den Betreff",
            installed=changes.shown(step.name, changes.subject_too),
        )


def _follow_ups(step: Step) -> Iterator[Mutant]:
    follow_ups = step.follow_ups
    for follow_up in follow_ups:
        name = f"{step.name}/follow.{follow_up.role}"
        yield _guard(
            f"{name}: left out",
            "follow-ups",
            f"of an assigned record of the step {step.name}, {follow_up.role} does not follow",
            f"aus einem Datensatz, den der Schritt {step.name} zuordnet, folgt {follow_up.role} nicht",
            installed=changes.with_attributes(
                step, follow_ups=tuple(other for other in follow_ups if other != follow_up)
            ),
        )
        if follow_up.when != "always":
            changed = [FollowUp(one.role) if one == follow_up else one for one in follow_ups]
            yield _guard(
                f"{name}: {follow_up.when} → always",
                "follow-ups",
                f"of an assigned record of the step {step.name}, {follow_up.role} follows always",
                f"aus einem Datensatz, den der Schritt {step.name} zuordnet, folgt {follow_up.role} immer",
                installed=changes.with_attributes(step, follow_ups=tuple(changed)),
            )
    if len(follow_ups) > 1:
        yield _guard(
            f"{step.name}/follow: reversed",
            "follow-ups",
            f"what follows a record of the step {step.name} follows in reverse order",
            f"was aus einem Datensatz des Schritts {step.name} folgt, folgt in umgekehrter Reihe",
            installed=changes.with_attributes(step, follow_ups=follow_ups[::-1]),
        )


# What all steps share


def _ignored() -> Iterator[Mutant]:
    words = {
        "user": ("the address of a user", "die Adresse eines Benutzers"),
        "group": ("the address of a group", "die Adresse einer Gruppe"),
        "address": ("an address on the blacklist", "eine Adresse der Blacklist"),
        "domain": ("an address whose domain is on the blacklist", "eine Adresse, deren Domain auf der Blacklist steht"),
        "wildcard": (
            "an address of a subdomain that a wildcard names",
            "eine Adresse einer Subdomain, die ein Platzhalter nennt",
        ),
    }
    for kind in get_args(Kind):
        en, de = words[kind]
        yield _guard(
            f"ignored/{kind}: let through",
            "ignored addresses",
            f"{en} counts",
            f"{de} zählt",
            case=changes.let_through(kind),
        )
    yield _guard(
        "ignored/domain: its subdomains, too",
        "ignored addresses",
        "a domain on the blacklist takes its subdomains out, too",
        "eine Domain der Blacklist gilt auch für ihre Subdomains",
        case=changes.blacklisted_too(
            lambda entry: f"*.{entry.strip().removeprefix('@')}" if changes.kind_of(entry) == "domain" else None
        ),
    )
    yield _guard(
        "ignored/wildcard: the domain itself, too",
        "ignored addresses",
        "a wildcard on the blacklist takes the domain itself out, too",
        "ein Platzhalter der Blacklist gilt auch für die Domain selbst",
        case=changes.blacklisted_too(
            lambda entry: entry.strip().removeprefix("*.") if changes.kind_of(entry) == "wildcard" else None
        ),
    )


def _removals(installed: Installed) -> Iterator[Mutant]:
    for type_ in installed.types:
        yield _guard(
            f"removals of {type_}: forgotten",
            "removals",
            f"a record of the type {type_} that a person removed from the message was never removed",
            f"ein Datensatz der Art {type_}, den jemand von der Mail entfernt hat, wurde nie entfernt",
            case=changes.never_removed(type_),
        )
    yield _guard(
        "removals in the thread: forgotten",
        "removals",
        "what a person removed from an earlier message was never there",
        "was jemand von einer früheren Mail entfernt hat, stand dort nie",
        case=changes.thread_assignments(lambda all_: [a for a in all_ if a.stands]),
    )
    for origin in ORIGINS:
        if origin == "manual":
            continue
        yield _guard(
            f"removals in the thread: forgotten where the origin is {origin}",
            "removals",
            f"what a person removed from an earlier message was never there where its origin is {origin}",
            f"was jemand von einer früheren Mail entfernt hat, stand dort nie, wo die Herkunft {origin} ist",
            case=changes.thread_assignments(changes.without_removed(origin)),
        )
    yield _guard(
        "removals in the thread: taken back",
        "removals",
        "what a person removed from an earlier message still stands there",
        "was jemand von einer früheren Mail entfernt hat, steht dort noch",
        case=changes.thread_assignments(lambda all_: [replace(a, removed=None) for a in all_]),
    )
    yield _guard(
        "removals in the thread: those of what was set by hand, too",
        "removals",
        "what was set by hand on an earlier message and removed again counts as a removal",
        "was an einer früheren Mail von Hand gesetzt und wieder entfernt wurde, gilt als entfernt",
        case=changes.thread_assignments(lambda all_: [a if a.stands else replace(a, origin="automatic") for a in all_]),
    )


def _set_before() -> Iterator[Mutant]:
    yield _guard(
        "set by hand: forgotten",
        "what stands before",
        "a run takes away what a person set on the message",
        "ein Lauf nimmt weg, was jemand an der Mail gesetzt hat",
        case=changes.own(lambda own: [a for a in own if a.removed or a.origin != "manual"]),
    )
    yield _guard(
        "derived from what was set by hand: forgotten",
        "what stands before",
        "a run takes away what was derived from a record that a person set",
        "ein Lauf nimmt weg, was aus einem von Hand gesetzten Datensatz folgte",
        case=changes.own(lambda own: [a for a in own if a.removed or a.origin != "derived"]),
    )
    yield _guard(
        "derived from what was set by hand and removed: forgotten",
        "what stands before",
        "a run takes away what was derived from a record that a person set and removed again",
        "ein Lauf nimmt weg, was aus einem von Hand gesetzten und wieder entfernten Datensatz folgte",
        case=changes.own(changes.without_followers_of_removed),
    )
    yield _guard(
        "set by hand after a removal: forgotten",
        "what stands before",
        "what a person removed and set again by hand counts as removed",
        "was jemand entfernt und wieder von Hand gesetzt hat, gilt als entfernt",
        case=changes.own(changes.not_set_again),
    )
    yield _guard(
        "made by an earlier run: kept",
        "what stands before",
        "a run keeps what an earlier run made",
        "ein Lauf behält, was ein früherer gemacht hat",
        case=changes.own(lambda own: [replace(a, origin="manual") if a.stands else a for a in own]),
    )


def _thread() -> Iterator[Mutant]:
    yield _guard(
        "thread: reversed",
        "thread",
        "the earlier messages of the thread are looked at from newest to oldest",
        "die früheren Mails des Verlaufs werden von der neuesten zur ältesten angesehen",
        installed=changes.shown(None, lambda context: replace(context, earlier=tuple(reversed(context.earlier)))),
    )
    yield _guard(
        "thread: earlier messages of one time reversed",
        "thread",
        "of earlier messages of one time the one with the larger Message-ID or hash is looked at first",
        "von früheren Mails gleicher Zeit wird die mit der größeren Message-ID oder dem größeren Hash zuerst angesehen",
        installed=changes.shown(None, changes.ties_reversed),
    )
    yield _guard(
        "thread: later messages let in",
        "thread",
        "messages of the thread that are later count as earlier",
        "spätere Mails des Verlaufs zählen als frühere",
        case=lambda case: replace(case, message=replace(case.message, date=None)),
    )
    yield _guard(
        "thread: messages of the same time let in",
        "thread",
        "of two messages of the same time the other one is the earlier",
        "von zwei Mails gleicher Zeit ist die andere die frühere",
        case=changes.at_the_same_time,
    )
    yield _guard(
        "thread: messages without a date let in",
        "thread",
        "a message of the thread without a readable date counts as earlier",
        "eine Mail des Verlaufs ohne lesbares Datum zählt als frühere",
        case=changes.undated_long_ago,
    )


def _settings() -> Iterator[Mutant]:
    yield _guard(
        "on_conflict: abstain → first",
        "settings",
        'on_conflict = "abstain" is taken for "first"',
        'on_conflict = "abstain" gilt als "first"',
        case=changes.set_otherwise(lambda settings: replace(settings, on_conflict="first")),
    )
    yield _guard(
        "on_conflict: first → abstain",
        "settings",
        'on_conflict = "first" is taken for "abstain"',
        'on_conflict = "first" gilt als "abstain"',
        case=changes.set_otherwise(lambda settings: replace(settings, on_conflict="abstain")),
    )
    yield _guard(
        "min_reference_length: one less",
        "settings",
        "numbers count that are one sign too short",
        "Nummern zählen, die um 1 Zeichen zu kurz sind",
        case=changes.set_otherwise(
            lambda settings: replace(settings, min_reference_length=max(settings.min_reference_length - 1, 1))
        ),
    )
    yield _guard(
        "min_reference_length: one more",
        "settings",
        "numbers that are just long enough do not count",
        "Nummern, die gerade lang genug sind, zählen nicht",
        case=changes.set_otherwise(
            lambda settings: replace(settings, min_reference_length=settings.min_reference_length + 1)
        ),
    )


def _evidence() -> Iterator[Mutant]:
    yield _guard(
        "limit: ignored",
        "evidence",
        "a message beyond a limit gets every step",
        "eine Mail jenseits einer Grenze bekommt jeden Schritt",
        case=lambda case: replace(case, evidence=replace(case.evidence, limit=None)),
    )
    yield _guard(
        "content: participants tried again",
        "evidence",
        "an address of the content that is a participant, too, is tried a second time",
        "eine Adresse des Inhalts, die auch zu den Beteiligten gehört, wird noch einmal versucht",
        case=lambda case: replace(
            case, evidence=replace(case.evidence, content=(*case.evidence.content, *case.evidence.repeated))
        ),
    )
    yield _guard(
        "records that the ERP does not have: made up",
        "follow-ups",
        "a record follows although the ERP does not have it",
        "ein Datensatz folgt, obwohl das ERP ihn nicht hat",
        case=changes.made_up,
    )
    yield _guard(
        "numbers of the subject: not read",
        "evidence",
        "reference numbers in the subject do not count",
        "Nummern im Betreff zählen nicht",
        case=changes.numbers_where(lambda part: part != "subject"),
    )
    yield _guard(
        "numbers of the content: not read",
        "evidence",
        "reference numbers in the content do not count",
        "Nummern im Inhalt zählen nicht",
        case=changes.numbers_where(lambda part: part == "subject"),
    )
