"""German shop mails of about 20 KB, and the ERP world whose customers write them.

Everything is a function of a number: the same on every machine, and streamed, so that ten million orders need
no more memory than ten thousand.
"""

from __future__ import annotations

import base64
import quopri
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from random import Random

from beleg.record import Link, Record, RecordRef, Reference

SHOP = "service@lampenladen.example"
RELAY = "kaeufer-relay@marktplatz.example"
IGNORED = [SHOP, "dhl.example", "*.newsletter.example"]
ORDERS_EACH = 3
ARTICLES = 500
_OFFER_EVERY = 20

_FIRST = ("Jürgen", "Anna", "Björn", "Käthe", "Martin", "Sabine", "Ute", "Holger", "Müge", "Claudia", "Uwe")
_LAST = ("Müller", "Schröder", "Weiß", "Köhler", "Becker", "Großmann", "Yılmaz", "Hoffmann", "Nowak", "Jäger")
_HOSTS = ("gmx", "web", "t-online", "posteo", "tischlerei-nord", "hotel-seeblick", "praxis-am-markt", "firma")
_ASCII = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i", "Ö": "Oe", "Ü": "Ue"})


@dataclass(frozen=True)
class World:
    """The ERP of a shop: three orders a customer, and `relay` more of one marketplace's relay address."""

    orders: int
    relay: int = 0

    @property
    def customers(self) -> int:
        """How many ordinary customers there are."""
        return -(-self.orders // ORDERS_EACH)

    def records(self) -> Iterator[Record]:
        """All records, one after the other: articles, contacts, offers, orders."""
        for n in range(ARTICLES):
            yield Record(RecordRef("article", f"A-{n}"), label=f"Leuchte {n}")
        for n in range(self.customers):
            status = "inactive" if n % 29 == 28 else "none" if n % 31 == 30 else None
            yield Record(RecordRef("contact", f"K-{n}"), None, name(n), status, (address(n),))
        for n in range(0, self.orders, _OFFER_EVERY):
            yield _document(RecordRef("offer", f"AN-{n}"), f"AN-2026-{n:06}", n, n // ORDERS_EACH)
        for n in range(self.orders):
            yield _order(n, n // ORDERS_EACH, *([f"AN-{n}"] if n % _OFFER_EVERY == 0 else []))
        if self.relay:
            yield Record(RecordRef("contact", "K-relay"), label="Marktplatz", addresses=(RELAY,))
        for n in range(RELAY_FROM, RELAY_FROM + self.relay):
            yield _order(n, "relay")

    def mails(self, count: int) -> Iterator[bytes]:
        """The first `count` mails of its customers, all over the world; of four the last answers one."""
        return (self.mail(n) for n in range(count))

    def mail(self, number: int) -> bytes:
        """One mail. Its structure depends on `number` alone, whatever the size of the world."""
        turn = int(number % 4 == 3)
        talk = number - turn
        ours = Random(f"conversation {talk}")
        customer = int(ours.random() * (self.orders // ORDERS_EACH))
        order = customer * ORDERS_EACH + ours.randrange(ORDERS_EACH)
        return _Writing(Random(f"mail {number}"), customer, order, talk, turn).mail()


RELAY_FROM = 50_000_000


def _order(n: int, customer: int | str, *offers: str) -> Record:
    own, marketplace, invoice = numbers(n)
    references = (Reference("marketplace", marketplace), Reference("invoice", invoice))
    links = [Link("offer", RecordRef("offer", offer)) for offer in offers]
    return _document(RecordRef("order", f"O-{n}"), own, n, customer, references, links)


def _document(
    ref: RecordRef,
    number: str,
    n: int,
    customer: int | str,
    references: tuple[Reference, ...] = (),
    links: Sequence[Link] = (),
) -> Record:
    articles = [RecordRef("article", f"A-{_mix(n + 7 * each) % ARTICLES}") for each in range(1 + n % 3)]
    owner = Link("customer", RecordRef("contact", f"K-{customer}"))
    links = (owner, *links, *(Link("article", article) for article in articles))
    return Record(ref, number, references=references, links=links)


def _mix(n: int) -> int:
    n = (n ^ (n >> 16)) * 0x45D9F3B & 0xFFFFFFFF
    return (n ^ (n >> 16)) * 0x45D9F3B & 0xFFFFFFFF


def name(customer: int) -> str:
    """A customer's name."""
    return f"{_FIRST[_mix(customer) % len(_FIRST)]} {_LAST[_mix(customer + 1) % len(_LAST)]}"


def address(customer: int) -> str:
    """A customer's address."""
    local = name(customer).translate(_ASCII).replace(" ", ".").lower()
    return f"{local}.{customer}@{_HOSTS[_mix(customer + 2) % len(_HOSTS)]}.example"


def numbers(n: int) -> tuple[str, str, str]:
    """The numbers of an order: the shop's own, the marketplace's, that of the invoice."""
    own, marketplace = f"AB-{1_000_000 + n}", f"{301 + n % 9}-{_mix(n) % 10**7:07}-{n % 10**7:07}"
    return own, marketplace, f"RE-2026-{n:07}"


_SENTENCES = (
    "leider ist die Lampe mit einem Sprung im Glas angekommen, Fotos kann ich gern nachreichen.",
    "laut Sendungsverfolgung liegt das Paket seit Montag im Verteilzentrum und bewegt sich nicht mehr.",
    "können Sie mir bitte sagen, wann die restlichen Artikel geliefert werden?",
    "für unsere Buchhaltung benötigen wir die Rechnung noch einmal mit der vollständigen Firmenanschrift.",
    "das mitgelieferte Leuchtmittel passt nicht in die Fassung, auf der Packung steht E27 statt E14.",
    "ich möchte zwei Stück zurücksenden und gegen die größere Ausführung tauschen.",
    "die Montageanleitung fehlt, und ohne sie traue ich mich nicht an den Anschluss.",
    "bei der Überweisung habe ich versehentlich den falschen Verwendungszweck angegeben.",
    "im Wohnzimmer hängen schon drei davon, und wir sind damit sehr zufrieden.",
    "der Rabatt von 10 % wurde nicht abgezogen, obwohl ich den Gutschein eingegeben habe.",
    "bitte liefern Sie nicht vor dem 14. des nächsten Monats, wir sind bis dahin verreist.",
    "über eine kurze Rückmeldung würde ich mich freuen, telefonisch bin ich ab 17 Uhr erreichbar.",
)
_SUBJECTS = ("Rückfrage zu {}", "Wo bleibt meine Bestellung {}?", "Rechnung zu {}", "Reklamation {} – defekt")
_TD = '<td style="padding:8px 12px;border-bottom:1px solid #e5e5e5;font-family:Arial;font-size:13px">'
_STYLE = """<style>.ExternalClass{width:100%} body{margin:0;padding:0;-webkit-text-size-adjust:100%}
@media only screen and (max-width:600px){.w{width:100%!important}}</style>"""

_LINE = "\n"


class _Writing:
    """One mail being written: turn 0 opens a conversation, turn 1 answers, with more quoted."""

    def __init__(self, rng: Random, customer: int, order: int, talk: int, turn: int) -> None:
        self.rng, self.customer, self.talk, self.turn = rng, customer, talk, turn
        self.number = rng.choice(numbers(order)) if rng.random() < 0.85 else None
        self.said = rng.choices(_SENTENCES, k=rng.randint(5, 10))
        if self.number:
            self.said[rng.randrange(3)] = f"es geht um {rng.choice(('Bestellung', 'Auftrag', 'Nr.'))} {self.number}."
        self.quoted = rng.choices(_SENTENCES, k=rng.randint(10, 18) + 4 * turn)
        self.items = [(rng.randrange(ARTICLES), rng.randint(900, 24900) / 100) for _ in range(rng.randint(10, 18))]
        host = "https://klick.newsletter.example"
        self.links = [f"{host}/c/{rng.getrandbits(180):x}?u={rng.getrandbits(90):x}" for _ in range(3)]

    def mail(self) -> bytes:
        """Its bytes, with CRLF as a server gives them."""
        charset = self.rng.choice(("utf-8", "utf-8", "iso-8859-1"))
        transfer = self.rng.choice(("quoted-printable", "quoted-printable", "base64", "8bit"))
        boundary = f"----=_Part_{self.rng.getrandbits(80):x}"
        pieces = [self._header(boundary).encode()]
        for kind, text in (("plain", self._plain()), ("html", self._html())):
            pieces.append(
                f"\n--{boundary}\nContent-Type: text/{kind}; charset={charset}\n"
                f"Content-Transfer-Encoding: {transfer}\n\n".encode()
            )
            pieces.append(_encoded(text.encode(charset, "xmlcharrefreplace"), transfer))
        return b"".join((*pieces, f"\n--{boundary}--\n".encode())).replace(b"\n", b"\r\n")

    def _header(self, boundary: str) -> str:
        rng, sender, first = self.rng, address(self.customer), f"<{self.talk}.0.lampe@mail.example>"
        sent = format_datetime(datetime(2026, 1, 5, 8) + timedelta(minutes=97 * self.talk + 1500 * self.turn))
        subject = "AW: " * self.turn + rng.choice(_SUBJECTS).format(self.number or "unserer Lieferung")
        received = "".join(
            f"Received: from mx{hop}.host.example (mx{hop}.host.example [192.0.2.{rng.randrange(255)}])\n"
            f"\tby in{hop}.lampenladen.example (Postfix) with ESMTPS id {rng.getrandbits(48):X}\n"
            f"\tfor <{SHOP}>; {sent}\n"
            for hop in range(3)
        )
        signature = base64.encodebytes(rng.randbytes(256)).decode().strip().replace("\n", "\n\t ")
        answers = f"In-Reply-To: {first}\nReferences: {first}\n" if self.turn else ""
        return f"""Return-Path: <{sender}>
{received}DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=mail.example; s=s2026;
\th=from:to:subject:date:message-id; bh={rng.getrandbits(250):x};
\tb={signature}
Authentication-Results: in0.lampenladen.example; dkim=pass; spf=pass smtp.mailfrom={sender}
{answers}Message-ID: <{self.talk}.{self.turn}.lampe@mail.example>
Date: {sent}
From: {Header(name(self.customer), "utf-8").encode()} <{sender}>
To: Lampenladen <{SHOP}>
Subject: {Header(subject, "utf-8", header_name="Subject").encode()}
X-Mailer: Apple Mail (2.3774.600.62)
X-Spam-Status: No, score=-{rng.randrange(40) / 10}
X-Virus-Scanned: clamav at in0.lampenladen.example
Content-Language: de
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="{boundary}"
"""

    def _plain(self) -> str:
        table = [f"1 x Leuchte {n} (Art. A-{n}) {price:.2f} EUR" for n, price in self.items]
        links = [f"Sendung verfolgen: {self.links[0]}", f"Abbestellen: {self.links[1]}"]
        quoted = [*self.quoted, *self._confirmation(), *table, *links]
        lines = ["Guten Tag,", "", *self.said, "", "Mit freundlichen Grüßen", name(self.customer), ""]
        lines += [
            "-- ",
            *self._signature(),
            "",
            f"Am 5. Januar 2026 um 10:31 schrieb Lampenladen <{SHOP}>:",
            "",
        ]
        return "\n".join([*lines, *("> " * (1 + self.turn) + line for line in quoted)])

    def _html(self) -> str:
        said = [f'<p class="MsoNormal" style="margin:0cm;font-size:11pt">{line}</p>' for line in self.said]
        own = [f'<div style="color:#777777;font-size:11px">{line}</div>' for line in self._signature()]
        quoted = [f'<p style="margin:0 0 10px 0;line-height:1.5;color:#333333">{line}</p>' for line in self.quoted]
        rows = [
            f'<tr>{_TD}<a href="{self.links[2]}&amp;a={n}" style="color:#1a73e8">Leuchte {n}</a></td>'
            f"{_TD}1</td>{_TD}{price:.2f}&nbsp;EUR</td></tr>"
            for n, price in self.items
        ]
        quoted += [f"<p><b>{line}</b></p>" for line in self._confirmation()]
        return f"""<!DOCTYPE html><html lang="de"><head><meta charset="utf-8">{_STYLE}</head>
<body bgcolor="#ffffff"><div class="WordSection1"><p>Guten Tag,</p>{"".join(said)}
<p>Mit freundlichen Gr&uuml;&szlig;en<br>{name(self.customer)}</p>{"".join(own)}</div>
<blockquote type="cite" style="margin:0 0 0 .8ex;border-left:1px #ccc solid">
Von: <a href="mailto:{SHOP}">{SHOP}</a><br>
{_LINE.join(quoted)}
<table class="w" width="600" cellpadding="0" cellspacing="0" role="presentation">
{_LINE.join(rows)}</table>
<p><a href="{self.links[0]}">Sendung verfolgen</a> | <a href="{self.links[1]}">Abbestellen</a></p>
<img src="{self.links[2]}" width="1" height="1" alt=""></blockquote></body></html>
"""

    def _confirmation(self) -> tuple[str, ...]:
        where = f"Lieferung an 2{self.customer % 9000:04} Hamburg"
        return (
            "vielen Dank für Ihre Bestellung vom 2.01.2026.",
            f"Kundennummer {200_000 + self.customer}, {where}",
        )

    def _signature(self) -> tuple[str, ...]:
        n, mixed = self.customer, _mix(self.customer)
        return (
            name(n),
            f"Tel. +49 40 {mixed % 10**7:07} · Mobil 0171/{_mix(n + 3) % 10**7:07} · HRB {mixed % 10**5}",
            f"Lindenweg {n % 200}, 2{n % 9000:04} Hamburg · USt-IdNr. DE{mixed % 10**9:09}",
            f"IBAN DE{n % 90 + 10} 2005 0550 {mixed % 10**4:04} {_mix(n + 4) % 10**4:04} 00",
        )


def _encoded(data: bytes, transfer: str) -> bytes:
    if transfer == "base64":
        return base64.encodebytes(data)
    return quopri.encodestring(data) if transfer == "quoted-printable" else data
