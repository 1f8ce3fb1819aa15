"""Deciding stored messages anew, in memory, and comparing: with their stored decisions, or with a second rule set."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from beleg.deciding import READ_TOGETHER, Decided, Deciding, Turn
from beleg.directory import AskedAhead, Directory
from beleg.evidence import Evidence, extract
from beleg.ignore import IgnoreList
from beleg.lookup import entries_of, groups_of, look_up
from beleg.message import Message, parse
from beleg.orchestrator.inputs import Changed, Found, Inputs, changed
from beleg.orchestrator.inputs import decode as decode_inputs
from beleg.orchestrator.ruleset import Question, RuleSet
from beleg.record import RecordRef
from beleg.replay.change import Cause, Change, Side, causes, compare
from beleg.store import SqlDirectory
from beleg.store.mails import Mails, StoredDecision, StoredMessage
from beleg.trace import Trace, digest
from beleg.workspace import Workspace

TOGETHER = 20
"""How many changed messages are held with both traces."""


class _Differing(NamedTuple):
    """A message whose new decision is not the stored one."""

    decided: Decided
    stored: StoredDecision
    mark: str


class Replayer:
    """Replays messages under the rules of a workspace, and writes nothing. `baseline` is a second workspace on the same
    database, to compare with in place of the stored decisions; `words` select messages by what they say."""

    def __init__(self, candidate: Workspace, baseline: Workspace | None = None, words: Sequence[str] = ()) -> None:
        self._candidate = candidate
        self._baseline = baseline
        self._words = [word.casefold() for word in words]
        self._rulesets: dict[str, RuleSet | None] = {}

    def replay(self, rows: Sequence[int]) -> list[Change]:
        """What becomes of these messages, which are in order of date and share no thread with others that are replayed;
        those that lack a word are left out. One transaction that reads."""
        with self._candidate.database.begin(write=False) as connection:
            mails = Mails(connection)
            if self._words:
                wanted = self._with_words(mails, rows)
                rows = [row for row in rows if row in wanted]
            ignored = self._candidate.ignore_list(connection)
            turns = Deciding(connection, self._candidate.engine, ignored, rows).turns()
            if self._baseline is None:
                return list(self._against_stored(turns, mails, SqlDirectory(connection), ignored, rows))
            ignored = self._baseline.ignore_list(connection)
            before = Deciding(connection, self._baseline.engine, ignored, rows).turns()
            return [self._one_of_two(*both) for both in zip(before, turns, strict=True)]

    def _with_words(self, mails: Mails, rows: Sequence[int]) -> set[int]:
        found = set()
        for start in range(0, len(rows), READ_TOGETHER):
            for row, raw in mails.raw(rows[start : start + READ_TOGETHER]).items():
                text = _text(parse(raw, self._candidate.rules.limits))
                if all(word in text for word in self._words):
                    found.add(row)
        return found

    # --- two rule sets -------------------------------------------------------------------------------------------

    def _one_of_two(self, before: Turn, after: Turn) -> Change:
        for turn in (before, after):
            if turn.failed:
                return _uncompared(turn.stored, failed=turn)
        one, other = before.decided[-1], after.decided[-1]
        digests = digest(one.decision.trace), digest(other.decision.trace)
        rulesets = self._ruleset(self._baseline).id, self._ruleset(self._candidate).id
        if digests[0] == digests[1]:
            return _same(other, digests, rulesets)
        assert one.decision.seen is not None
        assert other.decision.seen is not None
        # Both ask one database at one moment: what may differ is what became of the earlier messages, and what the two
        # ignore.
        was, now = one.decision.seen.inputs(), other.decision.seen.inputs()
        inputs = [Changed("thread_decision")] if was.by_runs != now.by_runs else []
        if apart := {key for key, _ in was.ignored.items() ^ now.ignored.items()}:
            inputs.append(Changed("ignored", tuple(sorted(apart))))
        sides = [
            Side(each.decision.trace, _standing(each.decision.trace), _steps(self._ruleset(workspace)))
            for each, workspace in ((one, self._baseline), (other, self._candidate))
        ]
        return _change(other, sides[0], sides[1], causes(rulesets[0] != rulesets[1], inputs), digests, rulesets)

    @staticmethod
    def _ruleset(workspace: Workspace | None) -> RuleSet:
        assert workspace is not None
        return workspace.engine.ruleset

    # --- stored decisions ----------------------------------------------------------------------------------------

    def _against_stored(
        self, turns: Iterator[Turn], mails: Mails, directory: Directory, ignored: IgnoreList, rows: Sequence[int]
    ) -> Iterator[Change]:
        stored = mails.decisions(rows)
        unknown = {each.ruleset for each in stored.values()} - self._rulesets.keys()
        if unknown:
            self._rulesets |= {**dict.fromkeys(unknown), **mails.rulesets()}
        now = self._candidate.engine.ruleset.id
        differing: list[_Differing] = []
        for turn in turns:
            before = stored.get(turn.stored.row)
            if turn.failed:
                yield _uncompared(turn.stored, failed=turn)
            elif before is None:
                yield _uncompared(turn.stored)
            else:
                decided = turn.decided[-1]
                mark = digest(decided.decision.trace)
                if mark == before.digest:
                    yield _same(decided, (mark, mark), (before.ruleset, now))
                    continue
                differing.append(_Differing(decided, before, mark))
                if len(differing) == TOGETHER:
                    yield from self._differing(differing, mails, directory, ignored)
                    differing = []
        if differing:
            yield from self._differing(differing, mails, directory, ignored)

    def _differing(
        self, differing: Sequence[_Differing], mails: Mails, directory: Directory, ignored: IgnoreList
    ) -> Iterator[Change]:
        ruleset = self._candidate.engine.ruleset
        traces = mails.traces([each.stored for each in differing])
        inputs = {each.stored.id: decode_inputs(each.stored.inputs) for each in differing if each.stored.inputs}
        found = _Asker(self._candidate, mails, directory, ignored).ask(
            [(each.decided, inputs[each.stored.id], self._rulesets[each.stored.ruleset])
             for each in differing if each.stored.id in inputs]
        )  # fmt: skip
        for decided, stored, mark in differing:
            row, trace = decided.stored.row, decided.decision.trace
            parts = None
            if was := inputs.get(stored.id):
                assert decided.decision.seen is not None
                parts = changed(was, decided.decision.seen, found[row])
            standing = dict.fromkeys(str(each.record) for each in decided.before if each.stands)
            yield _change(
                decided,
                Side(traces[stored.id], tuple(standing), _steps(self._rulesets[stored.ruleset])),
                Side(trace, _standing(trace), _steps(ruleset)),
                causes(stored.ruleset != ruleset.id, parts),
                (stored.digest, mark),
                (stored.ruleset, ruleset.id),
            )


class _Asker:
    """Asks the ERP for what stored decisions asked of it, as their rules did, so that records that changed are told
    from rules that ask otherwise."""

    def __init__(self, candidate: Workspace, mails: Mails, directory: Directory, ignored: IgnoreList) -> None:
        self._candidate = candidate
        self._mails = mails
        self._directory = directory
        self._ignored = ignored

    def ask(self, each_with: Sequence[tuple[Decided, Inputs, RuleSet | None]]) -> Mapping[int, Found]:
        """What the ERP says now, by row number: what the new decision was told where that covers what the stored one
        asked for, else an answer of its own."""
        question = self._candidate.engine.ruleset.question
        answers: dict[int, Found] = {}
        others: dict[Question, list[tuple[int, Inputs, Evidence]]] = {}
        for decided, before, ruleset in each_with:
            assert decided.decision.seen is not None
            now = decided.decision.seen.found
            then = ruleset.question if ruleset else question
            covered = set(before.asked) <= set(map(str, now.asked))
            if before.found is not None and (then != question or not covered or now.lookup is None):
                evidence = self._evidence(decided, then, question)
                others.setdefault(then, []).append((decided.stored.row, before, evidence))
            elif covered:
                answers[decided.stored.row] = now
            else:
                answers[decided.stored.row] = Found.named(_refs(before.asked), self._directory)
        for then, asking in others.items():
            ahead = AskedAhead(self._directory, groups_of(then.interests))
            ahead.ask(set().union(*(entries_of(evidence) for _, _, evidence in asking)))
            for row, before, evidence in asking:
                addresses = [
                    each for each in (*evidence.participants, *evidence.content)
                    if self._ignored.entry_for(each.key) is None
                ]  # fmt: skip
                lookup = look_up(evidence, addresses, then.interests, ahead, _refs(before.asked))
                answers[row] = Found.by(lookup)
        return answers

    def _evidence(self, decided: Decided, then: Question, now: Question) -> Evidence:
        message = decided.message
        if then.limits != now.limits:
            message = parse(self._mails.raw([decided.stored.row])[decided.stored.row], then.limits)
        elif then.min_reference_length == now.min_reference_length:
            return decided.evidence
        return extract(message, min_reference_length=then.min_reference_length, limits=then.limits)


def _refs(names: Collection[str]) -> list[RecordRef]:
    return [RecordRef.parse(name) for name in names]


def _text(message: Message) -> str:
    """What a search looks at: subject, the participants' addresses, content."""
    addresses = (each.address for each in message.participants)
    return "\n".join((message.subject, *addresses, *(part.text for part in message.content))).casefold()


def _standing(trace: Trace) -> tuple[str, ...]:
    return tuple(outcome.record for outcome in trace.assigned)


def _steps(ruleset: RuleSet | None) -> frozenset[str] | None:
    return None if ruleset is None else frozenset(step.name for step in ruleset.steps)


def _uncompared(stored: StoredMessage, failed: Turn | None = None) -> Change:
    if failed:
        return Change(stored.row, stored.message_id, stored.subject, "failed", error=str(failed.failed))
    return Change(stored.row, stored.message_id, stored.subject, "undecided")


def _same(decided: Decided, digests: tuple[str, str], rulesets: tuple[str, str]) -> Change:
    stored, standing = decided.stored, _standing(decided.decision.trace)
    return Change(
        stored.row, stored.message_id, stored.subject, "same", before=standing, after=standing,
        digest_before=digests[0], digest_after=digests[1], ruleset_before=rulesets[0], ruleset_after=rulesets[1],
    )  # fmt: skip


def _change(
    decided: Decided,
    before: Side,
    after: Side,
    why: tuple[tuple[Cause, ...], tuple[str, ...]],
    digests: tuple[str, str],
    rulesets: tuple[str, str],
) -> Change:
    verdict = compare(before, after)
    return Change(
        decided.stored.row,
        decided.stored.message_id,
        decided.stored.subject,
        verdict.kind,
        *why,
        from_=verdict.from_,
        to=verdict.to,
        step=verdict.step,
        before=tuple(before.records),
        after=tuple(after.records),
        digest_before=digests[0],
        digest_after=digests[1],
        ruleset_before=rulesets[0],
        ruleset_after=rulesets[1],
    )
