"""durable_rules, caged: the only module that imports it.

Version 2.0.28 has sharp edges (DESIGN.md, "Rules are data, and durable_rules is caged"). Here it is given one
ruleset a table and one event a decision (non-negative integers, a guard and a nonce), and gives back the
position of the rule that decided. Everything else about it stays in here.

- Its dispatcher threads are never started: they steal actions and walk freed memory.
- Every rule asks for the guard, which only our event carries, because the session's state is a fact as well.
- `pri` orders the rules: the engine sorts its actions by it and runs the first that has a result. That
  consumes the event, so no other rule sees it.
- Whatever is off (no answer, an exception, an old nonce): the ruleset is deleted, since an event may be left
  in it that would spoil a later answer, and the next question builds a new one.
- One lock is around every use, a fork included: a child never inherits a half-answered question.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from beleg.rulebook.table import Comparison, Condition

_SESSION = "beleg"
_GUARD = "beleg"
_FACT = "fact_"  # before a fact's name, lest it be one the engine knows, such as "id"
_OPERATORS = {"!=": "$neq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}  # "==" has none

_lock = threading.RLock()  # taken again by the thread that forks
_forks = 0
_names = itertools.count(1)
_nonces = itertools.count(1)


class RulebookError(RuntimeError):
    """The rule engine, or what it was asked, is not right; the text says what to do."""


class EngineFault(Exception):
    """The engine gave no answer that can be trusted; the text says why."""


class Cage:
    """One table's ruleset. It is built for the first question, and again after a fork or a fault."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._definition = _definition(conditions)
        self._host: Any = None
        self._ruleset = ""
        self._delete: Callable[[], object] | None = None
        self._forks = 0

    def winner(self, counts: Mapping[str, int]) -> int:
        """The position of the first rule that holds; EngineFault if the engine does not say."""
        event = {_FACT + fact: count for fact, count in counts.items()}
        with _lock:
            try:
                return self._ask(event)
            except BaseException as fault:
                self.discard()
                if isinstance(fault, EngineFault) or not isinstance(fault, Exception):
                    raise
                # The engine's own exceptions keep their text in an attribute.
                text = getattr(fault, "message", None) or str(fault)
                raise EngineFault(f"{type(fault).__name__}: {text}") from fault

    def discard(self) -> None:
        """Delete the ruleset; the next question builds it anew."""
        with _lock:
            delete, self._delete, self._host = self._delete, None, None
            if delete is not None:
                with contextlib.suppress(Exception):  # it may be gone
                    delete()

    def _ask(self, event: dict[str, int]) -> int:
        if self._forks != _forks:
            self.discard()
        if self._host is None:
            self._build()
        nonce = next(_nonces)
        state = self._host.post(self._ruleset, {"sid": _SESSION, _GUARD: 1, "nonce": nonce, **event})
        if not isinstance(state, dict):
            raise EngineFault("no rule answered")
        if "exception" in state:
            raise EngineFault(f"a rule's action failed: {state['exception']}")
        if state.get("nonce") != nonce:
            raise EngineFault("the answer belongs to another question")
        verdict = state.get("verdict")
        if type(verdict) is not int or not 0 <= verdict < len(self._definition):
            raise EngineFault(f"the answer {verdict!r} is no rule of the table")
        return verdict

    def _build(self) -> None:
        host_type, engine = _durable()
        name = f"beleg{next(_names)}"
        host = host_type()
        # A copy, because registering takes the actions out of what it is given.
        host.register_rulesets({name: copy.deepcopy(self._definition)})
        # At most once, by `discard` or when the cage is collected: the engine gives handles out again.
        delete = weakref.finalize(self, engine.delete_ruleset, host.get_ruleset(name)._handle)
        delete.atexit = False
        self._host, self._ruleset, self._delete, self._forks = host, name, delete, _forks


def _definition(conditions: Sequence[Condition]) -> dict[str, Any]:
    return {
        f"rule{index}": {
            "all": [{"m": {"$and": [{"$ex": {_GUARD: 1}}, *map(_term, condition)]}}],
            "pri": index + 1,
            "run": _action(index),
        }
        for index, condition in enumerate(conditions)
    }


def _term(comparison: Comparison) -> dict[str, Any]:
    equal = {_FACT + comparison.fact: comparison.number}
    return equal if comparison.operator == "==" else {_OPERATORS[comparison.operator]: equal}


def _action(index: int) -> Callable[[Any], None]:
    def answer(c: Any) -> None:  # exactly one parameter: with two the engine waits for a callback
        c.s.verdict = index
        c.s.nonce = c.m.nonce

    return answer


@functools.cache
def _durable() -> tuple[Any, Any]:
    """The host class and the C module. Imported here, so that `beleg --help` does not pay for them."""
    import durable.engine
    import durable_rules_engine

    # It takes differences of this only. Its own calls a function that Python 3.12 deprecates, and goes by the
    # local wall clock, so a change to summer time looks to it like an action that ran for an hour.
    durable.engine._unix_now = time.monotonic

    class QuietHost(durable.engine.Host):  # type: ignore[misc]  # durable has no types
        def _run(self) -> None:
            """Start no dispatcher threads."""

    return QuietHost, durable_rules_engine


def _before_fork() -> None:
    _lock.acquire()


def _after_fork_in_parent() -> None:
    _lock.release()


def _after_fork_in_child() -> None:
    global _lock, _forks
    _lock = threading.RLock()
    _forks += 1


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
