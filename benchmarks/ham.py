"""An ERP world made from the addresses and numbers of real mails, and those mails in a database of Beleg's.

    python benchmarks/ham.py FOLDER            # writes FOLDER/erp.json, to be imported, and FOLDER/ignored.txt
    python benchmarks/ham.py FOLDER --mails …  # from other mails than ../shared/mails/spamassassin/easy-ham-1

    cd FOLDER && beleg init && beleg erp import erp.json && beleg ignore add $(cat ignored.txt) && beleg mail import …

Two of three senders are known. Of these most are one active customer; some share their address with another contact,
some are leads, some have no order. Orders have up to three numbers, some of which stand in the sender's mails; some
came from an offer. The busiest addresses of To and Cc are mailing lists: half of them are ignored, half stand on
orders.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from email import message_from_bytes
from email.utils import getaddresses, parseaddr
from pathlib import Path
from random import Random
from typing import Any

from beleg import Link, Record, RecordRef, Reference

EASY_HAM = Path(__file__).parents[2] / "shared/mails/spamassassin/easy-ham-1"
LISTS = 20
NUMBER = re.compile(rb"(?<![\w@.])[A-Z]{0,3}-?\d{4,9}(?![\w@])")


def mails(folder: Path = EASY_HAM) -> list[bytes]:
    """The mails of a folder, one to a file, in order of their names."""
    return [path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()]


def lists(raws: Sequence[bytes]) -> list[str]:
    """The addresses that most mails go to, the busiest first."""
    times: Counter[str] = Counter()
    for raw in raws:
        message = message_from_bytes(raw)
        fields = [str(value) for name in ("To", "Cc") for value in message.get_all(name, [])]
        times.update({address.lower() for _, address in getaddresses(fields) if "@" in address})
    return [address for address, _ in times.most_common(LISTS)]


def ignored(raws: Sequence[bytes]) -> list[str]:
    """Every other one of the lists."""
    return lists(raws)[::2]


def world(raws: Sequence[bytes]) -> Iterator[Record]:
    """The ERP: contacts, articles, offers and orders. The same for the same mails."""
    rng = Random(1)
    numbers: dict[str, list[str]] = defaultdict(list)
    for raw in raws:
        sender = parseaddr(str(message_from_bytes(raw)["From"]))[1].lower()
        if "@" in sender:
            numbers[sender] += [found.decode() for found in NUMBER.findall(raw)]
    articles = [RecordRef("article", f"A-{n}") for n in range(50)]
    yield from (Record(ref, label=f"Artikel {ref.id[2:]}") for ref in articles)
    orders = 0
    for n, (sender, found) in enumerate(numbers.items()):
        if rng.random() > 0.67:
            continue
        customers = [RecordRef("contact", f"H-{n}{mark}") for mark in ("", "-b")[: 1 + (rng.random() < 0.15)]]
        for customer in customers:
            status = rng.choices(["active", "inactive", "none"], [8, 2, 1])[0]
            yield Record(customer, f"KD-{customer.id}", status=status, addresses=(sender,))
        known = list(dict.fromkeys(found))[-6:]
        rng.shuffle(known)
        for each in range(rng.choice([0, 1, 1, 2, 3, 5])):
            orders += 1
            owner = rng.choice(customers)
            links = [
                Link("customer", owner),
                *(Link("article", rng.choice(articles)) for _ in range(rng.randint(1, 3))),
            ]
            if rng.random() < 0.3:
                offer = RecordRef("offer", f"AN-{orders}")
                yield Record(offer, f"AN-26-{orders:05}", links=tuple(links))
                links.append(Link("offer", offer))
            references = (Reference("shop", known.pop()),) if known and rng.random() < 0.6 else ()
            more = (Reference("invoice", known[0]),) if known and rng.random() < 0.3 else ()
            if each == 0 or rng.random() < 0.8:
                yield Record(
                    RecordRef("order", f"O-{orders}"),
                    f"AB-26-{orders:05}",
                    references=references + more,
                    links=tuple(links),
                )
    for n, address in enumerate(lists(raws)[1::2]):
        for each in range(1 + n * 3):
            yield Record(RecordRef("order", f"L-{n}-{each}"), f"LB-{n}-{each:04}", addresses=(address,))


def as_import(records: Iterator[Record]) -> dict[str, list[dict[str, Any]]]:
    """Records as `beleg erp import` reads them from a JSON file."""
    plurals = {"contact": "contacts", "article": "articles", "offer": "offers", "order": "orders"}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        row: dict[str, Any] = {"id": record.ref.id, "number": record.number, "name": record.label}
        row |= {"status": record.status, "addresses": list(record.addresses)}
        row["references"] = {reference.kind: reference.number for reference in record.references}
        row["articles"] = [link.target.id for link in record.links if link.role == "article"]
        row |= {link.role: link.target.id for link in record.links if link.role != "article"}
        found[plurals[record.ref.type]].append({key: value for key, value in row.items() if value})
    return found


def main() -> None:
    """Write the world."""
    parser = argparse.ArgumentParser(description="Make an ERP world from real mails.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mails", type=Path, default=EASY_HAM, help="folder of real mails, one to a file")
    options = parser.parse_args()
    raws = mails(options.mails)
    options.folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(as_import(world(raws)), ensure_ascii=False, indent=1)
    (options.folder / "erp.json").write_text(text, encoding="utf-8")
    (options.folder / "ignored.txt").write_text("\n".join(ignored(raws)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
