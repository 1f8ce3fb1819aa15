"""Beleg's benchmark: `python benchmarks/run.py [--quick] [--ten-million] [--mails FOLDER]`; see docs/benchmarks.md.

What counts are ratios. Two sides are measured chunk by chunk in turn, so that whatever else the machine does falls on
both; a round goes once through all chunks and gives one ratio; the table shows the median and the spread of several.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import re
import shutil
import sys
import tempfile
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message as Mail
from email.utils import parseaddr
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import zstandard
from shopmails import IGNORED, ORDERS_EACH, RELAY, SHOP, World, address, invoice_number, order_number
from sqlalchemy import event, text

from beleg import DocumentStep, Link, Record, RecordRef, RecordType, Words, hookimpl, keys
from beleg import record as beleg_record
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
Side = Callable[[Sequence[Any]], object]
Times = Mapping[str, Sequence[float]]


def interleaved(
    sides: Mapping[str, Side], chunks: Sequence[Sequence[Any]], rounds: int, prepare: Callable[[], None]
) -> Times:
    """Of each side its seconds in each round: chunk by chunk, all sides in turn, each time another one first."""
    names = list(sides)
    times = {name: [0.0] * rounds for name in names}
    for side in sides.values():  # warm up
        side(chunks[0])
    for turn in range(rounds):
        prepare()
        for n, chunk in enumerate(chunks):
            for name in names[n % len(names) :] + names[: n % len(names)]:
                gc.collect()
                began = time.perf_counter()
                sides[name](chunk)
                times[name][turn] += time.perf_counter() - began
    return times


def line(what: str, times: Times, over: str, under: str, each: int, target: float | None = None, more: str = "") -> None:
    """Print a line of the table: `each` is how many messages (or lookups) a round has."""
    ratios = [one / other for one, other in zip(times[over], times[under], strict=True)]
    middle = median(ratios)
    verdict = "" if target is None else "ok" if middle <= target else "OVER"
    costs = " / ".join(f"{median(times[name]) / each * 1e6:,.0f}" for name in (over, under))
    row(what, f"≤ {target:.2f}" if target else "–", f"{middle:.2f}", f"{min(ratios):.2f}–{max(ratios):.2f}", verdict, f"{costs} µs{more}")


def row(*cells: str) -> None:
    """Print a row of the table, which is Markdown."""
    widths = (58, 8, 6, 11, 7, 1)
    print("| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |", flush=True)


# --- databases ---------------------------------------------------------------------------------------------------


def build(path: Path, world: Iterable[Record], raws: Iterable[bytes]) -> Path:
    """A database with these records and mails, none decided."""
    began = time.perf_counter()
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    database = Database(f"sqlite:///{part}")

    @event.listens_for(database.engine, "connect")
    def fast(connection: Any, _: Any) -> None:
        for pragma in ("synchronous=OFF", "journal_mode=OFF", "cache_size=-1000000", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")

    database.upgrade()
    workspace = Workspace(database, INSTALLED)
    workspace.import_records(world)
    workspace.import_mail(((raw, "INBOX") for raw in raws), decide=False)
    workspace.ignore("blacklist", IGNORED)
    database.close()
    part.rename(path)
    print(f"(built {path.name}: {time.perf_counter() - began:.0f} s)", file=sys.stderr)
    return path


def cached(world: World, count: int) -> Path:
    """The database of a generated world and its first `count` mails; built once for every state of the generator."""
    sources = (World, keys, beleg_record, records, tables)
    files = [Path(sys.modules[getattr(each, "__module__", each.__name__)].__file__ or "") for each in sources]  # type: ignore[attr-defined]
    version = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]
    CACHE.mkdir(exist_ok=True)
    path = CACHE / f"{version}-{world.orders}-{world.relay}-{count}.db"
    return path if path.exists() else build(path, world.records(), world.mails(count))


def reset(workspace: Workspace) -> None:
    """Make all messages undecided again, and empty the database's page cache."""
    with workspace.database.begin() as connection:
        for statement in ("DELETE FROM decision", "DELETE FROM assignment", "UPDATE message SET decided = false"):
            connection.execute(text(statement))
    with workspace.database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    workspace.database.close()


def ham_world(raws: Sequence[bytes]) -> Iterator[Record]:
    """An ERP of 10,000 orders that knows two of three senders, each with one to four orders, some by a number that
    stands in the mails."""
    numbers: dict[str, list[str]] = {}
    for raw in raws:
        sender = parseaddr(str(message_from_bytes(raw)["From"]))[1].lower()
        if "@" in sender:
            numbers.setdefault(sender, []).extend(re.findall(rb"\b\d{5,9}\b", raw)[-2:])  # type: ignore[arg-type]
    rng, done = Random(1), 0
    for n, (sender, found) in enumerate(numbers.items()):
        if rng.random() < 0.67:
            contact = RecordRef("contact", f"H-{n}")
            yield Record(contact, addresses=(sender,))
            for each in range(rng.randint(1, 4)):
                number = found[each].decode() if each < len(found) else f"H-{n}-{each}"  # type: ignore[attr-defined]
                yield Record(RecordRef("order", f"H-{n}-{each}"), number, links=(Link("customer", contact),))
                done += 1
    yield from World(SMALL - done).records()


# --- the whole engine --------------------------------------------------------------------------------------------


def bare(raws: Sequence[bytes], *, words: bool = True) -> None:
    """The same reading with Python's email package: parse, every header (`words`: its encoded words decoded), walk,
    every payload decoded, every text made a string."""
    for raw in raws:
        for part in message_from_bytes(raw).walk():
            for _, value in part.items():
                try:
                    str(make_header(decode_header(value)) if words else value)
                except (ValueError, LookupError):
                    str(value)
            if not part.is_multipart():
                _payload(part)


def _payload(part: Mail) -> None:
    data = part.get_payload(decode=True)
    if part.get_content_maintype() == "text" and isinstance(data, bytes):
        try:
            data.decode(part.get_content_charset("utf-8"), "replace")
        except LookupError:
            data.decode("latin-1")


def whole(name: str, path: Path, limit: int | None, rounds: int, folder: Path) -> Mapping[str, float]:
    """Lines 1 and 2 on the mails of a database; returns its profile.

    Sides, each on a copy of the database: `batch` is `Workspace.assign` on the stored messages (read the raw mail,
    parse, evidence, steps, trace, write) in transactions of 100; `single` the same with one message to a transaction;
    `untraced` is `batch` with the null sink: no trace is built (`Engine.decide(trace=False)`), encoded or hashed, and
    the row of the decision is written with an empty one. The steps yield their checks on both sides: by these they
    tell what they assign."""
    copies = {side: Workspace(Database(f"sqlite:///{shutil.copy(path, folder / side)}"), INSTALLED) for side in ("batch", "single", "untraced")}
    off = copies["untraced"]
    off.engine.decide = partial(off.engine.decide, trace=False)  # type: ignore[method-assign]
    rows = copies["batch"].everything()[:limit]
    with copies["batch"].database.begin(write=False) as connection:
        box = mails.Mails(connection)
        raws = {each: box.raw(each) for each in rows}
    chunks = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]

    def untraced(chunk: Sequence[int]) -> None:
        with patch.object(mails, "encode_with_digest", lambda _: (b"", "")):
            off.assign(chunk)

    def single(chunk: Sequence[int]) -> None:
        for each in chunk:
            copies["single"].assign([each])

    def prepare() -> None:
        for workspace in copies.values():
            reset(workspace)

    sides: dict[str, Side] = {
        "bare": lambda chunk: bare([raws[each] for each in chunk]),
        "barer": lambda chunk: bare([raws[each] for each in chunk], words=False),
        "batch": copies["batch"].assign,
        "single": single,
        "untraced": untraced,
    }
    times = interleaved(sides, chunks, rounds, prepare)
    what = f"{name} ({len(rows):,})"
    line(f"{what}: engine, batches of 100 / bare parse", times, "batch", "bare", len(rows), 1.6)
    line(f"{what}: engine, commit a message / bare parse", times, "single", "bare", len(rows), 1.8)
    line(f"{what}: engine, batches / parse, headers undecoded", times, "batch", "barer", len(rows))
    line(f"{what}: trace on / off", times, "batch", "untraced", len(rows), 1.1)
    reset(copies["batch"])
    return profile(copies["batch"], rows)


# --- lookups -----------------------------------------------------------------------------------------------------


def evidence(sender: str, numbers: Sequence[str] = (), addresses: Sequence[str] = ()) -> tuple[Evidence, bytes]:
    """Of a mail that holds these numbers and addresses."""
    lines = [*(f"Es geht um {number} vom Montag." for number in numbers), *addresses]
    raw = f"From: {sender}\nTo: {SHOP}\nSubject: Frage\n\n{chr(10).join(lines)}\n".encode()
    return extract(parse(raw)), raw


def lookups(database: Database, sides: Mapping[str, Sequence[Evidence]], rounds: int) -> tuple[Times, dict[str, int]]:
    """`look_up` for the evidence of some mails, as a decision asks it, on each side; and its peak memory."""
    interests = [interest for step in INSTALLED.steps if (interest := step.interest())]
    with database.begin(write=False) as connection:
        directory = SqlDirectory(connection)

        def ask(side: str, places: Sequence[int]) -> None:
            for place in places:
                one = sides[side][place]
                found = look_up(one, [*one.participants[:1], *one.content], interests, directory)
                assert one.participants[0].key in str(found._found)

        times = interleaved(
            {side: partial(ask, side) for side in sides}, [range(n, n + 10) for n in range(0, 100, 10)], rounds, list
        )
        peaks = {}
        for side in sides:
            gc.collect()
            tracemalloc.start()
            ask(side, [0])
            peaks[side] = tracemalloc.get_traced_memory()[1] // 1000
            tracemalloc.stop()
    return times, peaks


def many_numbers(count: int, world: World, n: int) -> Evidence:
    """A mail of a customer with `count` reference-like numbers, a third of which the ERP knows."""
    known = [invoice_number((n * 997 + each * 31) % world.orders) for each in range(0, count, 3)]
    others = [f"LS-2025-{n * 1000 + each:07}" for each in range(count - len(known))]
    return evidence(address(n), [*known, *others])[0]


def hot(world: World, n: int, *, relay: bool) -> Evidence:
    """A mail from the relay address, or from an ordinary customer, with the number of one of the sender's orders."""
    order = 50_000_000 + n * 900 if relay else n * ORDERS_EACH
    return evidence(RELAY if relay else address(n), [order_number(order)])[0]


class _MoreSteps:
    """Twenty more document types, each with its step."""

    @hookimpl
    def beleg_record_types(self) -> Sequence[RecordType]:
        return [RecordType(f"kind{n}", f"kinds{n}", {"en": Words(f"kind{n}", f"kinds{n}")}) for n in range(20)]

    @hookimpl
    def beleg_steps(self) -> Sequence[DocumentStep]:
        return [DocumentStep(f"kind{n}", priority=1000 + n) for n in range(20)]


def statements(database: Database) -> None:
    """How many SQL statements a decision asks of the directory, for mails of very different size."""
    many = [address(n) for n in range(900)]
    numbers = [order_number(n * 7) for n in range(200)]
    more = installed(extra=[("more", _MoreSteps())])
    cases = {
        "1 address": (INSTALLED, evidence(address(1))[1]),
        "900 addresses": (INSTALLED, evidence(address(1), [], many)[1]),
        "1 number": (INSTALLED, evidence(address(1), numbers[:1])[1]),
        "200 numbers": (INSTALLED, evidence(address(1), numbers)[1]),
        "24 steps": (more, evidence(address(1), numbers[:1])[1]),
        "all of it": (more, evidence(address(1), numbers, many)[1]),
        "relay, 200 numbers": (INSTALLED, evidence(RELAY, numbers)[1]),
    }
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    counts = {}
    with database.begin(write=False) as connection:
        for name, (plugins, raw) in cases.items():
            asked.clear()
            made = Engine(plugins).decide(parse(raw), SqlDirectory(connection), IgnoreList([SHOP]))
            assert made.trace.steps[0].step != "message", f"{name}: beyond a limit"
            counts[name] = len(asked)
    steady = len({count for name, count in counts.items() if "relay" not in name}) == 1 and max(counts.values()) <= 3
    shown = ", ".join(f"{name}: {count}" for name, count in counts.items())
    row("SQL statements of a decision", "constant", str(max(counts.values())), "", "ok" if steady else "OVER", shown)


# --- where the time goes -----------------------------------------------------------------------------------------

TARGETS = {
    "beleg.workspace.parse": "parse",
    "beleg.orchestrator.decide.extract": "evidence",
    "beleg.orchestrator.decide.look_up": "lookup, Python",
    "beleg.store.directory.SqlDirectory.find": "lookup, SQL",
    "beleg.store.directory.SqlDirectory.share": "lookup, SQL",
    "beleg.store.directory.SqlDirectory.records": "lookup, SQL",
    "beleg.orchestrator.decide.Engine._steps": "steps",
    "beleg.orchestrator.decide.Engine.decide": "trace, built",
    "beleg.store.mails.encode_with_digest": "trace, encoded and compressed",
    "beleg.store.mails.Mails.raw": "raw mail, read and unpacked",
    "beleg.store.mails.Mails.threads": "threads and rows, read",
    "beleg.store.mails.Mails.get": "threads and rows, read",
    "beleg.store.mails.Mails.store": "writes",
}


def profile(workspace: Workspace, rows: Sequence[int]) -> dict[str, float]:
    """Where `Workspace.assign` spends its time, in percent: each function without the others that it calls."""
    spent: dict[str, float] = defaultdict(float)
    running: list[float] = []

    def timed(label: str, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
        running.append(0.0)
        began = time.perf_counter()
        result = call(*args, **options)
        if isinstance(result, Iterator):  # the steps; the engine makes a tuple of it at once
            result = iter(list(result))
        took = time.perf_counter() - began
        spent[label] += took - running.pop()
        if running:
            running[-1] += took
        return result

    def wrapped(label: str, call: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **options: timed(label, call, *args, **options)

    def compressor(**options: Any) -> Any:
        return SimpleNamespace(compress=wrapped(TARGETS["beleg.store.mails.encode_with_digest"], zstandard.ZstdCompressor(**options).compress))

    patches = [patch("beleg.store.mails.zstandard.ZstdCompressor", compressor)]
    for target, label in TARGETS.items():
        owner, _, name = target.rpartition(".")
        original = patch(target)
        call = original.getter()
        patches.append(patch(target, wrapped(label, getattr(call, name))))
    for each in patches:
        each.start()
    try:
        timed("transaction and the rest", workspace.assign, rows)
    finally:
        patch.stopall()
    total = sum(spent.values())
    return {label: 100 * took / total for label, took in spent.items()}


def main() -> None:
    """Run it all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="500 mails of each kind, 100,000 orders: a minute")
    parser.add_argument("--ten-million", action="store_true", help="also 10,000,000 orders (builds some 10 GB once)")
    parser.add_argument("--mails", type=Path, default=HAM, help="folder of real mails, one a file")
    options = parser.parse_args()
    limit, rounds = (500, 3) if options.quick else (None, 5)
    row("What", "Target", "Median", "Spread", "Verdict", "A message (or lookup)")
    row(*("---",) * 6)
    profiles = {}
    shop = cached(World(SMALL), 2000)
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        folder = Path(temporary)
        if options.mails.is_dir():
            raws = [file.read_bytes() for file in sorted(options.mails.iterdir()) if file.is_file()][:limit]
            ham = build(folder / "ham.db", ham_world(raws), raws)
            profiles["easy-ham"] = whole("easy-ham", ham, limit, rounds, folder)
        else:
            print(f"(skipped the real mails: there is no folder {options.mails}; name one with --mails)", file=sys.stderr)
        profiles["shop mails"] = whole("shop mails", shop, limit, rounds, folder)
    for orders in [100_000 if options.quick else 1_000_000] + [10_000_000] * options.ten_million:
        sizes = {str(n): Workspace(Database(f"sqlite:///{cached(World(n), 2000)}"), INSTALLED) for n in (SMALL, orders)}
        rows = {name: workspace.everything() for name, workspace in sizes.items()}
        places = range(500 if options.quick else 2000)
        sides: dict[str, Side] = {
            name: lambda chunk, name=name: sizes[name].assign([rows[name][place] for place in chunk]) for name in sizes  # type: ignore[misc]
        }
        chunks = [places[start : start + BATCH] for start in range(0, len(places), BATCH)]
        times = interleaved(sides, chunks, rounds, lambda sizes=sizes: [reset(each) for each in sizes.values()])  # type: ignore[misc]
        line(f"shop mails: at {orders:,} orders / at {SMALL:,}", times, str(orders), str(SMALL), len(places), 1.3)
    big = World(100_000 if options.quick else 1_000_000)
    asking = {str(n): [many_numbers(n, big, each) for each in range(100)] for n in (200, 20)}
    times, _ = lookups(Database(f"sqlite:///{cached(big, 2000)}"), asking, rounds)
    line(f"lookup: 200 numbers / 20, at {big.orders:,} orders", times, "200", "20", 100, 6)
    relay = World(SMALL, 100_000)
    database = Database(f"sqlite:///{cached(relay, 0)}")
    both = {name: [hot(relay, n, relay=name == "relay") for n in range(100)] for name in ("relay", "normal")}
    times, peaks = lookups(database, both, rounds)
    memory = f"; peak {peaks['relay']} / {peaks['normal']} KB"
    line("lookup: address with 100,000 orders / with 3, one number", times, "relay", "normal", 100, 3, memory)
    statements(database)
    print("\nWhere the time goes, in percent (engine, batches of 100):\n")
    print(f"| {'':<30} | " + " | ".join(profiles) + " |\n| --- |" + " ---: |" * len(profiles))
    for label in dict.fromkeys([*TARGETS.values(), "transaction and the rest"]):
        print(f"| {label:<30} | " + " | ".join(f"{each.get(label, 0):{len(name)}.1f}" for name, each in profiles.items()) + " |")


if __name__ == "__main__":
    main()
