"""How quick the support page is: requests a second and latencies of inbox, message and opening an undecided one.

`python benchmarks/web.py [--messages 100000] [--orders 100000] [--database URL]`. The server is a process of its own,
asked by a few clients at once on the same machine, so the figures hold for both together. Database: a generated world,
by default an SQLite file that is kept in the system's temporary folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from itertools import chain, cycle, islice
from pathlib import Path
from statistics import median, quantiles

import httpx
import shopmails
from run import CACHE, INSTALLED, note
from shopmails import SHOP, World, address, name, numbers

from beleg.people import People
from beleg.store import Database
from beleg.workspace import Workspace

USER, PASSWORD = "bench", "only for benchmarks"
LONG = 5_000
"""How many of the mails have 19 KB; the others are notes of a few lines."""
UNDECIDED = 2_000
CLIENTS = 4
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def notes(count: int, orders: int) -> Iterator[bytes]:
    """Short mails, half of which name one of the customer's numbers."""
    for n in range(count):
        order = (n * 7919) % orders
        customer = order // shopmails.ORDERS_EACH
        named = numbers(order)[0] if n % 2 else ""
        yield (
            f"From: {Header(name(customer), 'utf-8').encode()} <{address(customer)}>\r\n"
            f"To: {SHOP}\r\nSubject: Frage {n} {named}\r\nMessage-ID: <note-{n}@bench.example>\r\n"
            f"Date: {format_datetime(BEGIN + timedelta(minutes=4 * n))}\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\n\r\n"
            f"Guten Tag,\r\nwann kommt meine Lampe {named}? Vorgang {n}.\r\n{name(customer)}\r\n"
        ).encode()


def fill(database: Database, messages: int, orders: int) -> None:
    """The world, its mails, and a user; all but the last mails decided."""
    began = time.perf_counter()
    database.upgrade()
    workspace = Workspace(database, INSTALLED)
    world = World(orders)
    workspace.import_records(world.records())
    workspace.ignore("blacklist", shopmails.IGNORED)
    long = min(LONG, messages // 2)
    mails = chain(world.mails(long), notes(messages - long, orders))
    workspace.import_mail(((raw, "INBOX") for raw in mails), decide=False)
    note(f"(taken in after {time.perf_counter() - began:.0f} s)")
    workspace.assign(workspace.undecided()[:-UNDECIDED])
    People(database).add(USER, PASSWORD, role="admin", by="benchmark")
    note(f"(filled in {time.perf_counter() - began:.0f} s)")


def measure(what: str, url: str, cookies: httpx.Cookies, paths: Sequence[str]) -> None:
    """Ask for the paths with a few clients at once, and tell how it went."""
    times: list[float] = []
    waiting = iter(paths)
    lock = threading.Lock()

    def ask() -> None:
        with httpx.Client(base_url=url, cookies=cookies, timeout=60) as client:
            while True:
                with lock:
                    path = next(waiting, None)
                if path is None:
                    return
                began = time.perf_counter()
                answer = client.get(path)
                took = time.perf_counter() - began
                assert answer.status_code == 200, (path, answer.status_code)
                with lock:
                    times.append(took)

    began = time.perf_counter()
    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - began
    late = quantiles(times, n=20)[-1]
    shown = " | ".join(f"{each * 1000:,.0f} ms" for each in (median(times), late, max(times)))
    print(f"| {what} | {len(times) / spent:,.0f}/s | {shown} |", flush=True)


def serve(url: str) -> tuple[subprocess.Popen[str], str]:
    """A server on the database, and where it listens."""
    command = [str(Path(sys.executable).with_name("beleg")), "--database", url, "serve", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONUNBUFFERED": "1"})
    assert server.stdout
    for said in server.stdout:
        if "http://" in said:
            return server, "http://" + said.split("http://")[1].split()[0]
    raise SystemExit("the server did not start")


def sign_in(url: str) -> httpx.Cookies:
    """The cookies of someone who signed in."""
    with httpx.Client(base_url=url, headers={"origin": url}) as client:
        answer = client.post("/sign-in", data={"name": USER, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client.cookies


def cursors(url: str, cookies: httpx.Cookies, count: int) -> list[str]:
    """The pages of the inbox as someone turns them."""
    found = ["/messages"]
    with httpx.Client(base_url=url, cookies=cookies, timeout=60) as client:
        while len(found) < count:
            text = client.get(found[-1]).text
            start = text.find('rel="next"')
            link = text[text.rfind("<a", 0, start) : start + 400]
            if start < 0 or 'href="' not in link:
                break
            found.append(link.split('href="')[1].split('"')[0].replace("&amp;", "&"))
    return found


def main() -> None:
    """Fill, serve, ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--database", help="URL of an empty database; default: an SQLite file that is kept")
    parser.add_argument("--requests", type=int, default=400)
    options = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    file = CACHE / f"web-{options.messages}-{options.orders}.db"
    url = options.database or f"sqlite:///{file}"
    database = Database(url)
    if not database.ready() or not Workspace(database, INSTALLED).inbox(limit=1).rows:
        fill(database, options.messages, options.orders)
    workspace = Workspace(database, INSTALLED)
    waiting = workspace.undecided()
    unread = set(waiting)
    decided = [each for each in workspace.everything() if each not in unread]
    database.close()
    server, place = serve(url)
    try:
        cookies = sign_in(place)
        print("| What | Requests | Median | 95th percentile | Longest |\n| --- | --- | --- | --- | --- |", flush=True)

        def asked(paths: Sequence[str]) -> list[str]:
            return list(islice(cycle(paths), options.requests))

        turns: dict[str, Callable[[], list[str]]] = {
            "inbox, page by page": lambda: asked(cursors(place, cookies, 20)),
            "inbox, filters": lambda: asked(
                [f"/messages?state={each}" for each in ("assigned", "partly", "ambiguous", "nothing", "undecided")]
            ),
            "inbox, search: a common word, a rare one, a number": lambda: asked(
                ["/messages?q=lampe", "/messages?q=vorgang+4711", f"/messages?q={numbers(4711)[0]}"]
            ),
            "message": lambda: [
                f"/messages/{each}"
                for each in decided[:: max(1, len(decided) // options.requests)]
                if each not in waiting
            ],
            "message, undecided": lambda: [f"/messages/{each}" for each in waiting[: options.requests]],
        }
        for what, paths in turns.items():
            measure(what, place, cookies, paths())
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
