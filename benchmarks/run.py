"""Beleg's benchmark; docs/benchmarks.md says what each line means.

What counts are ratios. Their sides are measured in turn, chunk by chunk, so that whatever else the machine
does falls on all; a round goes once through all chunks; the table shows median and spread of several rounds.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import re
import shutil
import sqlite3
import sys
import tempfile
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from unittest.mock import patch

import shopmails
import zstandard
from shopmails import RELAY, SHOP, World, address, numbers
from sqlalchemy import event

from beleg import DocumentStep, Link, Record, RecordRef, RecordType, Words, hookimpl
from beleg.evidence import Evidence, extract
from beleg.ignore import IgnoreList
from beleg.lookup import look_up
from beleg.message import parse
from beleg.orchestrator import Engine
from beleg.plugins import installed
from beleg.store import Database, SqlDirectory, mails, records, tables
from beleg.workspace import BATCH, Workspace

CACHE = Path(tempfile.gettempdir()) / "beleg-bench"
HAM = Path(__file__).parents[2] / "shared/mails/spamassassin/easy-ham-1"
INSTALLED = installed()
SMALL = 10_000
Side = Callable[[Sequence[int]], object]
Times = Mapping[str, Sequence[float]]


def interleaved(
    sides: Mapping[str, Side],
    count: int,
    rounds: int,
    prepare: Callable[[], None] = lambda: None,
    size: int = BATCH,
) -> Times:
    """Of each side the seconds that one of `count` takes, in each round. Chunk by chunk, given as places, the
    sides take turns, each time another one first."""
    chunks = [range(start, min(start + size, count)) for start in range(0, count, size)]
    names = list(sides)
    times = {name: [0.0] * rounds for name in names}
    for side in sides.values():  # warm up
        side(chunks[0])
    for number in range(rounds):
        prepare()
        for turn, chunk in enumerate(chunks):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                gc.collect()
                began = time.perf_counter()
                sides[name](chunk)
                times[name][number] += (time.perf_counter() - began) / count
    return times


def line(what: str, times: Times, over: str, under: str, target: float | None = None, more: str = "") -> None:
    """Print a line of the table."""
    ratios = [one / other for one, other in zip(times[over], times[under], strict=True)]
    middle, spread = median(ratios), f"{min(ratios):.2f}–{max(ratios):.2f}"
    verdict = "" if target is None else "ok" if middle <= target else "OVER"
    costs = " / ".join(f"{median(times[name]) * 1e6:,.0f}" for name in (over, under))
    row(what, f"≤ {target:.2f}" if target else "", f"{middle:.2f}", spread, verdict, f"{costs} µs{more}")


def row(*cells: str) -> None:
    """Print cells as a row of Markdown."""
    padded = (cell.ljust(width) for cell, width in zip(cells, (63, 8, 6, 11, 7, 0), strict=True))
    print("|", " | ".join(padded), "|", flush=True)


def note(text: str) -> None:
    """Tell what is not part of the table."""
    print(text, file=sys.stderr, flush=True)


# --- databases ----------------------------------------------------------------------------------------------


def build(path: Path, world: Iterable[Record], raws: Iterable[bytes]) -> Path:
    """A database with these records and mails, none decided."""
    began = time.perf_counter()
    part = path.with_suffix(f".{os.getpid()}")  # another run may be building the same
    part.unlink(missing_ok=True)
    workspace = opened(part)

    @event.listens_for(workspace.database.engine, "connect")
    def hurry(connection: Any, _: Any) -> None:
        for pragma in ("synchronous=OFF", "journal_mode=OFF", "cache_size=-1000000", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")

    workspace.database.upgrade()
    workspace.import_records(world)
    workspace.import_mail(((raw, "INBOX") for raw in raws), decide=False)
    workspace.ignore("blacklist", shopmails.IGNORED)
    workspace.database.close()
    part.rename(path)
    note(f"({path.name} built in {time.perf_counter() - began:.0f} s)")
    return path


def cached(world: World, count: int = 2000) -> Path:
    """The database of a world and its first `count` mails, built where this generator has not yet."""
    sources = (Path(str(module.__file__)).read_bytes() for module in (shopmails, records, tables))
    version = hashlib.sha256(b"".join(sources)).hexdigest()[:8]
    CACHE.mkdir(exist_ok=True)
    path = CACHE / f"{version}-{world.orders}-{world.relay}-{count}.db"
    return path if path.exists() else build(path, world.records(), world.mails(count))


def opened(path: Path | str) -> Workspace:
    """A workspace on a database file."""
    return Workspace(Database(f"sqlite:///{path}"), INSTALLED)


def reset(workspaces: Iterable[Workspace]) -> None:
    """Make all messages undecided again, and begin with empty page caches."""
    for workspace in workspaces:
        workspace.database.close()
        database = sqlite3.connect(str(workspace.database.url.database))
        database.executescript("DELETE FROM decision; DELETE FROM assignment; UPDATE message SET decided = false;")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()


def ham_world(raws: Sequence[bytes]) -> Iterator[Record]:
    """An ERP of 10,000 orders that knows two of three senders, each with one to four orders, some by a number
    that stands in the sender's mails."""
    in_mails: dict[str, list[str]] = defaultdict(list)
    for raw in raws:
        sender = parseaddr(str(message_from_bytes(raw)["From"]))[1]
        in_mails[sender] += [found.decode() for found in re.findall(rb"\b\d{5,9}\b", raw)[-2:]]
    rng, orders = Random(1), 0
    for n, (sender, found) in enumerate(in_mails.items()):
        if "@" in sender and rng.random() < 0.67:
            customer = RecordRef("contact", f"H-{n}")
            yield Record(customer, addresses=(sender,))
            for number in (found + [f"H-{n}-{each}" for each in range(4)])[: rng.randint(1, 4)]:
                orders += 1
                yield Record(RecordRef("order", f"H-{orders}"), number, links=(Link("customer", customer),))
    yield from World(SMALL - orders).records()


# --- the whole engine ---------------------------------------------------------------------------------------


def bare(raws: Iterable[bytes], *, decoded: bool = True) -> None:
    """The same reading with Python's email package: parse, every header (`decoded`: with its encoded words),
    walk, every payload decoded, every text made a string."""
    for part in (part for raw in raws for part in message_from_bytes(raw).walk()):
        for _, value in part.items():
            try:
                str(make_header(decode_header(value)) if decoded else value)
            except (ValueError, LookupError):
                str(value)
        data = None if part.is_multipart() else part.get_payload(decode=True)
        if isinstance(data, bytes) and part.get_content_maintype() == "text":
            try:
                data.decode(part.get_content_charset("utf-8"), "replace")
            except LookupError:
                data.decode("latin-1")


def whole(name: str, path: Path, limit: int | None, rounds: int, folder: Path) -> Mapping[str, float]:
    """The lines about the whole engine on the mails of a database; returns its profile.

    Each side has a copy of the database. `batch` is `Workspace.assign` on stored messages (read and unpack
    the raw mail, parse, evidence, steps, trace, write) in transactions of 100; `single` is the same with one
    message to a transaction. `untraced` is `batch` with the null sink: no trace is built or encoded
    (`Engine.decide(trace=False)`), and the decision's row is written with an empty one. The steps yield their
    checks on both sides: they say by these what they assign.
    """
    batch, single, untraced = (
        opened(shutil.copy(path, folder / f"{name} {side}")) for side in ("batch", "single", "untraced")
    )
    rows = batch.everything()[:limit]
    with batch.database.begin(write=False) as connection:
        packed = connection.exec_driver_sql("SELECT id, raw FROM message").fetchall()
    stored = {found.id: found.raw for found in packed}
    raws = [zstandard.decompress(stored[row]) for row in rows]

    def without_trace(places: Sequence[int]) -> None:
        decide = partial(untraced.engine.decide, trace=False)
        with (
            patch.object(untraced.engine, "decide", decide),
            patch.object(mails, "encode_with_digest", _nothing),
        ):
            untraced.assign([rows[place] for place in places])

    sides: dict[str, Side] = {
        "bare": lambda places: bare(raws[place] for place in places),
        "barer": lambda places: bare((raws[place] for place in places), decoded=False),
        "batch": lambda places: batch.assign([rows[place] for place in places]),
        "single": lambda places: [single.assign([rows[place]]) for place in places],
        "untraced": without_trace,
    }
    times = interleaved(sides, len(rows), rounds, lambda: reset((batch, single, untraced)))
    what = f"{name} ({len(rows):,})"
    line(f"{what}: engine, batches of 100 / bare parse", times, "batch", "bare", 1.6)
    line(f"{what}: engine, a commit a message / bare parse", times, "single", "bare", 1.8)
    line(f"{what}: engine, batches / parse, headers undecoded", times, "batch", "barer")
    line(f"{what}: trace on / off", times, "batch", "untraced", 1.1)
    reset([batch])
    return profile(batch, rows)


def _nothing(_: object) -> tuple[bytes, str]:
    return b"", ""


def at_size(orders: int, count: int, rounds: int) -> None:
    """The line about the size of the world: other mails in each chunk, of customers all over the world."""
    large, small = opened(cached(World(orders))), opened(cached(World(SMALL)))
    rows, small_rows = large.everything(), small.everything()
    sides: dict[str, Side] = {
        "large": lambda places: large.assign([rows[place] for place in places]),
        "small": lambda places: small.assign([small_rows[place] for place in places]),
    }
    times = interleaved(sides, count, rounds, lambda: reset((large, small)))
    line(f"shop mails ({count:,}): {orders:,} orders / {SMALL:,}", times, "large", "small", 1.3)


# --- lookups ------------------------------------------------------------------------------------------------


def mail(sender: str, *lines: str) -> bytes:
    """A small mail."""
    return f"From: {sender}\nTo: {SHOP}\nSubject: Frage\n\n{chr(10).join(lines)}\n".encode()


def lookups(path: Path, over: Sequence[bytes], under: Sequence[bytes], rounds: int) -> tuple[Times, str]:
    """`look_up` for the evidence of these mails, as a decision asks it; and the peak memory of one each."""
    interests = [interest for step in INSTALLED.steps if (interest := step.interest())]
    with opened(path).database.begin(write=False) as connection:
        directory = SqlDirectory(connection)

        def ask(read: Sequence[Evidence], places: Sequence[int]) -> None:
            for each in (read[place] for place in places):
                found = look_up(each, [each.participants[0], *each.content], interests, directory)
                assert found.numbers, "the ERP knows none of the numbers"

        over_read, under_read = ([extract(parse(raw)) for raw in raws] for raws in (over, under))
        sides = {"over": partial(ask, over_read), "under": partial(ask, under_read)}
        times = interleaved(sides, len(over), rounds, size=10)
        peaks = []
        for side in sides.values():
            tracemalloc.start()
            side([0])
            peaks.append(f"{tracemalloc.get_traced_memory()[1] / 1000:.0f}")
            tracemalloc.stop()
    return times, f"; peak memory {' / '.join(peaks)} KB"


def many_numbers(count: int, world: World, n: int) -> bytes:
    """A mail of a customer with `count` reference-like numbers, a third of which the ERP knows."""
    known = [numbers((n * 997 + each * 31) % world.orders)[2] for each in range(0, count, 3)]
    unknown = [f"LS-2025-{n * 1000 + each:07}" for each in range(count - len(known))]
    return mail(address(n), *(f"Es geht um {number} vom Montag." for number in (*known, *unknown)))


class MoreSteps:
    """A plugin with twenty more document types."""

    names = tuple(f"kind{n}" for n in range(20))

    @hookimpl
    def beleg_record_types(self) -> Sequence[RecordType]:
        """The types."""
        return [RecordType(name, f"{name}s", {"en": Words(name, f"{name}s")}) for name in self.names]

    @hookimpl
    def beleg_steps(self) -> Sequence[DocumentStep]:
        """Their steps."""
        return [DocumentStep(name, priority=1000 + n) for n, name in enumerate(self.names)]


def statements(path: Path) -> None:
    """The line about the SQL statements that a decision asks of the directory."""
    many = [address(n) for n in range(990)]
    named = [f"Nr. {numbers(n * 7)[0]}" for n in range(200)]
    more = installed(extra=[("more", MoreSteps())])
    cases = {
        "1 address, 1 number": (INSTALLED, mail(address(1), named[0])),
        "990 addresses": (INSTALLED, mail(address(1), named[0], *many)),
        "200 numbers": (INSTALLED, mail(address(1), *named)),
        "24 steps": (more, mail(address(1), named[0])),
        "all of it": (more, mail(address(1), *named, *many)),
        "hot address, 200 numbers": (INSTALLED, mail(RELAY, *named)),
    }
    database, asked, counts = opened(path).database, [], []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    with database.begin(write=False) as connection:
        for plugins, raw in cases.values():
            asked.clear()
            made = Engine(plugins).decide(parse(raw), SqlDirectory(connection), IgnoreList([SHOP]))
            assert made.trace.steps[0].step != "message", "beyond a limit"
            counts.append(len(asked))
    verdict = "ok" if len(set(counts[:-1])) == 1 and counts[-1] <= counts[0] + 1 else "OVER"
    shown = ", ".join(f"{name}: {count}" for name, count in zip(cases, counts, strict=True))
    row(
        "SQL statements of a decision (a hot key takes one more)",
        "constant",
        f"{counts[0]}",
        "",
        verdict,
        shown,
    )


# --- where the time goes ------------------------------------------------------------------------------------

REST = "transaction and the rest"
PARTS = {
    "beleg.store.mails.Mails.get": "messages and threads, read",
    "beleg.store.mails.Mails.threads": "messages and threads, read",
    "beleg.store.mails.Mails.raw": "raw mail, read and unpacked",
    "beleg.deciding.parse": "parse",
    "beleg.orchestrator.decide.extract": "evidence",
    "beleg.store.directory._FIND.run": "lookup: SQL",
    "beleg.store.directory._SHARE.run": "lookup: SQL",
    "beleg.store.directory._RECORDS.run": "lookup: SQL",
    "beleg.store.directory.SqlDirectory.find": "lookup: Python",
    "beleg.store.directory.SqlDirectory.records": "lookup: Python",
    "beleg.orchestrator.decide.look_up": "lookup: Python",
    "beleg.orchestrator.decide.Engine._steps": "steps",
    "beleg.orchestrator.decide.Engine.decide": "trace, built",
    "beleg.orchestrator.inputs.Seen.inputs": "inputs, hashed",
    "beleg.store.mails.decided.encode_with_digest": "trace, encoded and hashed",
    "beleg.store.mails.Mails.store": "writes, with compression",
}


def profile(workspace: Workspace, rows: Sequence[int]) -> Mapping[str, float]:
    """Where `Workspace.assign` spends its time, in percent: each function without those that it calls."""
    spent: dict[str, float] = defaultdict(float)
    inner = [0.0]

    def timed(label: str, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        inner.append(0.0)
        began = time.perf_counter()
        result = call(*args, **options)
        if isinstance(result, Iterator):  # the steps: the engine makes a tuple of them at once
            result = iter(list(result))
        took = time.perf_counter() - began
        spent[label] += took - inner.pop()
        inner[-1] += took
        return result

    def wrap(label: str, call: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **options: timed(label, call, *args, **options)

    for target, label in PARTS.items():
        each = patch(target)
        try:
            call = each.get_original()[0]
            patch(target, wrap(label, call)).start()
        except AttributeError:
            note(f"(the profile finds no {target})")
    try:
        timed(REST, workspace.assign, rows)
    finally:
        patch.stopall()
    return {label: 100 * took / sum(spent.values()) for label, took in spent.items()}


def main() -> None:
    """Run it all and print the table and the profile."""
    parser = argparse.ArgumentParser(description="Measure what a message costs.")
    parser.add_argument("--quick", action="store_true", help="500 mails of each kind, 100,000 orders, 3 rounds")
    parser.add_argument("--ten-million", action="store_true", help="also 10,000,000 orders: builds 10 GB once")
    parser.add_argument("--mails", type=Path, default=HAM, help="folder of real mails, one to a file")
    options = parser.parse_args()
    limit, count, orders, rounds = (500, 500, 100_000, 3) if options.quick else (None, 2000, 1_000_000, 5)
    profiles = {}
    row("What", "Target", "Median", "Spread", "", "One message or lookup")
    row(*["---"] * 6)
    shop, relay = cached(World(SMALL)), cached(World(SMALL, relay=100_000), 0)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        if options.mails.is_dir():
            raws = [file.read_bytes() for file in sorted(options.mails.iterdir()) if file.is_file()][:limit]
            ham = build(folder / "ham.db", ham_world(raws), raws)
            profiles["easy-ham"] = whole("easy-ham", ham, limit, rounds, folder)
        else:
            note(f"(no real mails: there is no folder {options.mails}; name one with --mails)")
        profiles["shop mails"] = whole("shop mails", shop, limit, rounds, folder)
    for size in [orders] + [10_000_000] * options.ten_million:
        at_size(size, count, rounds)
    world = World(orders)
    few, many = ([many_numbers(each, world, n) for n in range(100)] for each in (20, 200))
    line("lookup: 200 numbers / 20", lookups(cached(world), many, few, rounds)[0], "over", "under", 6)
    hot = [mail(RELAY, f"Nr. {numbers(shopmails.RELAY_FROM + n * 900)[0]}") for n in range(100)]
    normal = [mail(address(n), f"Nr. {numbers(n * shopmails.ORDERS_EACH)[0]}") for n in range(100)]
    times, peaks = lookups(relay, hot, normal, rounds)
    line("lookup: address with 100,000 orders / with 3, one number", times, "over", "under", 3, peaks)
    statements(relay)
    print("\n| Percent of the time (batches) |", " | ".join(profiles), "|\n| --- |", " ---: |" * len(profiles))
    for label in dict.fromkeys([*PARTS.values(), REST]):
        print(
            "|",
            " | ".join([f"{label:<29}", *(f"{each.get(label, 0):10.1f}" for each in profiles.values())]),
            "|",
        )


if __name__ == "__main__":
    main()
