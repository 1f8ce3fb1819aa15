"""Mail to `Message`: RULES.md section 2 and 8, through `parse`, broken mail included."""

from __future__ import annotations

import base64
import email
import email.message
import hashlib
import sys
import time
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest

from beleg.message import Limit, Limits, Message, Span, TextPart, clean, content_identity, parse

MAILS = Path(__file__).parents[2] / "shared" / "mails"


def one_part(body: str | bytes, kind: str = "text/plain; charset=utf-8", *more: str) -> Message:
    head = "".join(f"{line}\n" for line in (f"Content-Type: {kind}", *more))
    return parse(head.encode() + b"\n" + (body.encode() if isinstance(body, str) else body))


def text_of(message: Message) -> str:
    (part,) = message.content
    return part.text


def html(source: str) -> TextPart:
    (part,) = one_part(source, "text/html; charset=utf-8").content
    assert part.kind == "text/html"
    for span in part.spans:
        assert part.text[span.start : span.end] in ("", span.address)
    return part


def addresses(field: str, value: str | bytes) -> list[str]:
    raw = value if isinstance(value, bytes) else value.encode()
    return [one.address for one in parse(field.encode() + b": " + raw + b"\n\n").participants]


def codes(message: Message) -> list[str]:
    return [notice.code for notice in message.notices]


def multipart(*parts: str, kind: str = "mixed") -> bytes:
    head = f"Content-Type: multipart/{kind}; boundary=B\n\n"
    return (head + "".join(f"--B\n{part}\n" for part in parts) + "--B--\n").encode()


# --- The message as a whole ---------------------------------------------------------------------------


def test_a_plain_mail() -> None:
    raw = (
        b"From: Anna Kunde <anna@kunde.example>\r\nTo: shop@firma.example\r\n"
        b"Subject: =?utf-8?q?R=C3=BCckfrage?= zu AB-1042\r\nMessage-ID: <1@kunde.example>\r\n"
        b"In-Reply-To: <0@firma.example>\r\nReferences: <a@b> <0@firma.example>\r\n"
        b"Date: Mon, 3 Mar 2025 10:00:00 +0100\r\n\r\nGuten Tag\r\n"
    )
    message = parse(raw)
    assert [(p.field, p.address, p.key, p.name) for p in message.participants] == [
        ("From", "anna@kunde.example", "anna@kunde.example", "Anna Kunde"),
        ("To", "shop@firma.example", "shop@firma.example", ""),
    ]
    assert message.subject == "Rückfrage zu AB-1042"
    assert message.subject_part == TextPart("subject", "subject", message.subject)
    assert message.content == (TextPart("1", "text/plain", "Guten Tag\n"),)
    assert message.message_id == "1@kunde.example"
    assert message.references == ("0@firma.example", "a@b")
    assert message.date == datetime(2025, 3, 3, 9, tzinfo=UTC)
    assert message.size == len(raw)
    assert message.sha256 == hashlib.sha256(raw).hexdigest()
    assert (message.attachments, message.notices, message.limit) == ((), (), None)


def test_identity_counts_every_line_end_as_crlf() -> None:
    expected = hashlib.sha256(b"a\r\n\r\nb\r\n").hexdigest()
    for raw in (b"a\r\n\r\nb\r\n", b"a\n\nb\n", b"a\r\rb\r", b"a\r\n\nb\r", b"a\n\r\nb\n"):
        assert content_identity(raw) == parse(raw).sha256 == expected
    assert content_identity(b"") == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r", b"\r\n\r\n", b"\0", b":", b"a", b"\xef\xbb\xbf", b"From "])
def test_next_to_nothing_is_a_mail(raw: bytes) -> None:
    message = parse(raw)
    assert message.participants == ()
    assert (message.message_id, message.date, message.subject) == (None, None, "")


# --- The header block ---------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_each_line_end_ends_lines(end: bytes) -> None:
    raw = end.join([b"From: a@b.example", b"Subject: x", b" y", b"", b"text", b""])
    message = parse(raw)
    assert (message.subject, text_of(message)) == ("x y", "text\n")
    assert message.participants[0].address == "a@b.example"


@pytest.mark.parametrize(
    "before",
    [b"\xef\xbb\xbf", b"From someone@x.example Mon Jan  1 10:00:00 2024\n", b"\xef\xbb\xbfFrom x 10:00\n"],
)
def test_a_bom_or_from_line_before_the_header_is_skipped(before: bytes) -> None:
    message = parse(before + b"From: a@b.example\n\ntext")
    assert [p.address for p in message.participants] == ["a@b.example"]
    assert text_of(message) == "text"


def test_a_line_that_is_no_field_is_skipped() -> None:
    message = parse(b"From: a@b.example\nnonsense\n of two lines\n>From x\nTo : c@d.example\n\ntext")
    assert [p.address for p in message.participants] == ["a@b.example", "c@d.example"]
    assert text_of(message) == "text"


def test_only_an_empty_line_ends_the_header() -> None:
    message = parse(b"From: a@b.example\n \nTo: c@d.example\n\ntext")
    assert [p.address for p in message.participants] == ["a@b.example", "c@d.example"]


def test_the_first_subject_message_id_and_date_count() -> None:
    message = parse(
        b"Subject: one\nSubject: two\nMessage-ID: <1@x>\nMessage-ID: <2@x>\n"
        b"Date: Mon, 3 Mar 2025 10:00:00 +0000\nDate: Tue, 4 Mar 2025 10:00:00 +0000\n\n"
    )
    assert (message.subject, message.message_id) == ("one", "1@x")
    assert message.date == datetime(2025, 3, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("Größe".encode(), "Größe"),
        ("Größe".encode("cp1252"), "Größe"),
        (b"a\n\tb", "a b"),
        (b"AU\n 100234", "AU 100234"),
        (b"x\0y", "xy"),
        (b"=?utf-8?q?a=00b=0Ac?=", "ab c"),
        ("a\u00adb\u200b".encode(), "ab"),
        ("u\u0308".encode(), "ü"),
        (b"=?utf-8?b?dcyI?=", "ü"),
    ],
)
def test_subject_text(raw: bytes, subject: str) -> None:
    assert parse(b"Subject: " + raw + b"\n\n").subject == subject


# --- Encoded words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("=?utf-8?q?M=C3=BCller_AG?=", "Müller AG"),
        ("=?UTF-8?B?TcO8bGxlcg==?=", "Müller"),
        ("=?iso-8859-1*de?Q?M=FCller?=", "Müller"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?=\n =?iso-8859-1?q?=FC?=", "aü"),
        ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        ("=?utf-8?q?M=C3?= =?utf-8?q?=BCller?=", "Müller"),
        ("=?utf-8?b?TcM=?= =?utf-8?b?vGxsZXI=?=", "Müller"),
        ("=?utf-8?q?Really?_yes?=", "Really? yes"),
        ("=?utf-8?q?abc", "=?utf-8?q?abc"),
        ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        ("=?utf-8?b?!!!?=", "=?utf-8?b?!!!?="),
        ("=?utf-8?b?TcO8bGxlcg?=", "Müller"),
        ("=?x-nobody?q?M=C3=BCller?=", "Müller"),
        ("=?x-nobody?q?M=FCller?=", "Müller"),
        ("=?us-ascii?q?M=FCller?=", "Müller"),
        ("=?utf-8?q?M=FCller?=", "M\ufffdller"),
        ("Re:=?utf-8?q?x?=", "Re:x"),
        ("=?utf-8?q??=", ""),
    ],
)
def test_encoded_words(raw: str, subject: str) -> None:
    assert parse(f"Subject: {raw}\n\n".encode()).subject == subject


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("=?utf-8?q?evil=40x.test=3E?= kunde@firma.example", []),
        ("=?utf-8?q?evil=40x.test=3E?= <kunde@firma.example>", ["kunde@firma.example"]),
        ("=?utf-8?q?evil@x.test,?= <kunde@firma.example>", ["kunde@firma.example"]),
        ("=?utf-8?q?x,_evil@x.test,?= <kunde@firma.example>", ["kunde@firma.example"]),
        ("<=?utf-8?q?evil=40x.test?=>", []),
        ("=?utf-8?q?evil?=@x.test", []),
        ("<=?utf-8?q?evil?=@x.test>", []),
        ("a=?utf-8?q?evil?=@x.test", []),
        ('"=?utf-8?q?evil=40x.test?=" <kunde@firma.example>', ["kunde@firma.example"]),
        ("(=?utf-8?q?=29_evil=40x.test?=) <kunde@firma.example>", ["kunde@firma.example"]),
    ],
)
def test_an_encoded_word_never_becomes_an_address(field: str, found: list[str]) -> None:
    assert addresses("From", field) == found


# --- Participants -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("a@b.example", ["a@b.example"]),
        ("Max <a@b.example>", ["a@b.example"]),
        ('"Muster, Max" <a@b.example>, c@d.example', ["a@b.example", "c@d.example"]),
        ('"max@firm.example" <other@spam.example>', ["other@spam.example"]),
        ("max@firm.example <other@spam.example>", ["other@spam.example"]),
        ("undisclosed-recipients:;", []),
        ("Undisclosed-Recipient:;@x", []),
        ('team: a@b.example, "x" <c@d.example>;, e@f.example', ["a@b.example", "c@d.example", "e@f.example"]),
        ("<@relay,@other:a@b.example>", ["a@b.example"]),
        ('"a b"@c.example', ['"a b"@c.example']),
        ('"a@b"@c.example', ['"a@b"@c.example']),
        ('x."y z".w@c.example', ['x."y z".w@c.example']),
        ("a . b @ c . example", ["a.b@c.example"]),
        ("a (x (y) \\) z) @ (w) b.example (Max)", ["a@b.example"]),
        ("x@[192.0.2.1]", ["x@[192.0.2.1]"]),
        ("jörg@bücher.example", ["jörg@bücher.example"]),
        ("a" * 64 + "@b.example", ["a" * 64 + "@b.example"]),
        ("a@localhost", ["a@localhost"]),
        ("'a@b.example'", ["'a@b.example'"]),
        ("a@b.example; c@d.example", ["a@b.example", "c@d.example"]),
        (", ,a@b.example,,", ["a@b.example"]),
        ("Max\n <a@b.example>,\n\tc@d.example", ["a@b.example", "c@d.example"]),
        ("A@B.example, a@b.EXAMPLE", ["A@B.example"]),
        # Missing ends survive.
        ("Max <a@b.example", ["a@b.example"]),
        ("Max <a@b.example, Other <c@d.example>", ["a@b.example", "c@d.example"]),
        ('"Max <a@b.example>', ["a@b.example"]),
        ("(Max <a@b.example>", ["a@b.example"]),
        ("[Max <a@b.example>", ["a@b.example"]),
        ("<<a@b.example>>", ["a@b.example"]),
        # What is no addr-spec is no address.
        ("a@b@c", []),
        ("<a@b@c>", []),
        ("Max max@x.example", []),
        ("a@b.example c@d.example", []),
        ("a@b.example.", []),
        (".a@b.example", []),
        ("a..b@c.example", []),
        ('"a""b"@c.example', []),
        ('"a"b@c.example', []),
        ("a@", []),
        ("@b.example", []),
        ("<a b@c.example>", []),
        ("MAILER-DAEMON <>", []),
        ("a\u00a0b@c.example", []),
        ("a@b.ex\u0085ample", []),
    ],
)
def test_address_lists(field: str, found: list[str]) -> None:
    assert addresses("To", field) == found


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ('"Muster, Max" <a@b.example>', "Muster, Max"),
        ('"a \\"b\\" c" <a@b.example>', 'a "b" c'),
        ("=?utf-8?q?M=C3=BC?= =?utf-8?q?ller?= GmbH <a@b.example>", "Müller GmbH"),
        ('"=?utf-8?q?M=C3=BCller?=" <a@b.example>', "Müller"),
        ("a@b.example (Max)", "Max"),
        ("Max (Order 1) <a@b.example>", "Max (Order 1)"),
        ("Max   M. \n Muster <a@b.example>", "Max M. Muster"),
        ("<a@b.example>", ""),
    ],
)
def test_display_names(field: str, name: str) -> None:
    assert parse(f"From: {field}\n\n".encode()).participants[0].name == name


def test_raw_bytes_in_address_fields() -> None:
    for encoding in ("utf-8", "cp1252"):
        (one,) = parse("From: Jörg <jörg@bücher.example>\n\n".encode(encoding)).participants
        assert (one.name, one.address, one.key) == (
            "Jörg",
            "jörg@bücher.example",
            "jörg@xn--bcher-kva.example",
        )


def test_participants_in_order_each_address_once() -> None:
    message = parse(
        b"Bcc: e@x.example\nCc: d@x.example, A@x.example\nTo: c@x.example\nReply-To: b@x.example\n"
        b"To: f@x.example\nFrom: a@x.example\nFrom: g@x.example, c@x.example\n\n"
    )
    assert [(p.field, p.address) for p in message.participants] == [
        ("From", "a@x.example"),
        ("From", "g@x.example"),
        ("From", "c@x.example"),
        ("Reply-To", "b@x.example"),
        ("To", "f@x.example"),
        ("Cc", "d@x.example"),
        ("Bcc", "e@x.example"),
    ]
    assert codes(message) == ["several_from"]


def test_what_is_no_address_is_noticed() -> None:
    message = parse(b"To: Max max@x.example, a@b@c, <>, list:;\n\n")
    assert [(n.code, n.detail) for n in message.notices] == [
        ("not_an_address", "Max max@x.example"),
        ("not_an_address", "a@b@c"),
    ]


# --- Ids and dates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("<a@b>", "a@b"),
        (" <a@b> (comment)", "a@b"),
        ("<a@\n b>", "a@b"),
        ("a@b", "a@b"),
        ("plain", "plain"),
        ("<a@b", "a@b"),
        ("", None),
        ("<>", None),
        ("<" + "x" * 998 + ">", "x" * 998),
    ],
)
def test_message_id(raw: str, found: str | None) -> None:
    assert parse(f"Message-ID: {raw}\n\n".encode()).message_id == found


def test_an_id_longer_than_a_line_is_dropped_with_a_notice() -> None:
    long = "x" * 999
    message = parse(f"Message-ID: <{long}>\nReferences: <{long}> <a@b>\n\n".encode())
    assert (message.message_id, message.references) == (None, ("a@b",))
    assert codes(message) == ["long_id"]


def test_references() -> None:
    message = parse(
        b"In-Reply-To: Your mail of Monday <a@b>\nReferences: <c@d><a@b>\n <e\n @f>\nReferences: g@h i <j>\n\n"
    )
    assert message.references == ("a@b", "c@d", "e@f", "j")
    assert parse(b"References: a@b word c@d\n\n").references == ("a@b", "c@d")


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        ("Mon, 3 Mar 2025 10:00:00 +0100", datetime(2025, 3, 3, 9, tzinfo=UTC)),
        ("3 Mar 2025 10:00 GMT", datetime(2025, 3, 3, 10, tzinfo=UTC)),
        ("Mon, 3 Mar 2025 10:00:00 -0500 (EST)", datetime(2025, 3, 3, 15, tzinfo=UTC)),
        ("Mon, 3 Mar 2025 10:00:00", datetime(2025, 3, 3, 10, tzinfo=UTC)),
        ("Tue, 31 Dec 2024 23:59:60 +0000", datetime(2025, 1, 1, tzinfo=UTC)),
        ("Mon, 31 Feb 2025 10:00:00 +0000", None),
        ("Mon, 3 Mar 0 10:00:00 +0000", datetime(2000, 3, 3, 10, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:00:00 -0900", None),
        ("Mon, 3 Mar 99999999999 10:00:00 +0000", None),
        ("Mon, 3 Mar 2025 10:00:00 +99999999999999999", None),
        ("yesterday", None),
        ("", None),
        ("9" * 5000, None),
        ("Mon, 3 Mar 2025 10:00:00 +0000" + " " * 600 + "x", None),
    ],
)
def test_dates(raw: str, moment: datetime | None) -> None:
    assert parse(f"Date: {raw}\n\n".encode()).date == moment


# --- Structure ----------------------------------------------------------------------------------------


def parts(message: Message) -> list[tuple[str, str, str]]:
    return [(part.part, part.kind, part.text) for part in message.content]


def test_alternatives_are_both_read() -> None:
    raw = multipart("Content-Type: text/plain\n\nplain", "Content-Type: text/html\n\n<p>rich", kind="alternative")
    assert parts(parse(raw)) == [("1", "text/plain", "plain"), ("2", "text/html", "rich")]


def test_nested_multiparts_are_numbered_as_imap_does() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=outer\n\npreamble\n--outer\n"
        b"Content-Type: multipart/alternative; boundary=inner\n\n--inner\n\na\n--inner \n"
        b"Content-Type: text/html\n\nb\n--inner--\nepilogue\n--outer\n\nc\n--outer--\n--outer\n\nnot read"
    )
    assert parts(parse(raw)) == [
        ("1.1", "text/plain", "a"),
        ("1.2", "text/html", "b"),
        ("2", "text/plain", "c"),
    ]


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ("--B\n\na\n--B--", ["a"]),
        ("--B\n\na", ["a"]),
        ("--B\n\na\n--B", ["a"]),
        ("--B\n--B\n\na\n--B--", ["a"]),
        ("--B\n\n\n--B--", [""]),
        ("--B\n\na\n--Bx\n --B\n--B", ["a\n--Bx\n --B"]),
        ("--B\t \n\na\n--B-- \t\nrest", ["a"]),
        ("x--B\n\na\n--B\n\nb", ["b"]),
        ("--B\nno field\n\na\n--B--", ["a"]),
    ],
)
def test_boundaries(body: str, texts: list[str]) -> None:
    message = parse(f"Content-Type: multipart/mixed; boundary=B\n\n{body}".encode())
    assert [part.text for part in message.content] == texts


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed",
        "multipart/mixed; boundary=",
        'multipart/mixed; boundary=""',
        "multipart/mixed; boundary=C",
    ],
)
def test_a_multipart_without_a_usable_boundary_has_no_parts(content_type: str) -> None:
    message = parse(f"Content-Type: {content_type}\n\n--B\n\na\n--B--".encode())
    assert message.content == ()
    assert codes(message) == ["no_boundary"]


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed; boundary=B",
        'Multipart/Mixed; charset=x; BOUNDARY="B"',
        "multipart/mixed boundary=B",
        'multipart/mixed;\n boundary = "B"',
        "multipart/mixed; boundary*=utf-8''B",
        "multipart/mixed; boundary*0=B",
        'multipart/mixed; boundary="B" ; type="text/html"',
        "(comment) multipart/mixed; boundary=B",
    ],
)
def test_spellings_of_a_content_type(content_type: str) -> None:
    message = parse(f"Content-Type: {content_type}\n\n--B\n\na\n--B--".encode())
    assert [part.text for part in message.content] == ["a"]


def test_a_boundary_of_raw_bytes() -> None:
    for encoding in ("utf-8", "latin-1"):
        raw = 'Content-Type: multipart/mixed; boundary="Bü"\n\n--Bü\n\na\n--Bü--'.encode(encoding)
        assert [part.text for part in parse(raw).content] == ["a"]


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("", "text/plain"),
        ("text", "text/plain"),
        ("plain text", "text/plain"),
        ("/", "text/plain"),
        ("TEXT/HTML", "text/html"),
        ("text/html charset=utf-8", "text/html"),
        ("text/html, charset=utf-8", "text/html"),
        ('"text/html"', "text/html"),
    ],
)
def test_the_first_word_is_the_type(content_type: str, kind: str) -> None:
    assert one_part("x", content_type).content[0].kind == kind


@pytest.mark.parametrize("disposition", ["", "inline", "INLINE; filename=a.txt", "; filename=a.txt", '"inline"'])
def test_inline_text_is_content(disposition: str) -> None:
    assert text_of(one_part("x", "text/plain; name=a.txt", f"Content-Disposition: {disposition}")) == "x"


@pytest.mark.parametrize(
    "disposition",
    ["attachment", "Attachment; filename=a.txt", "attachment filename=a", "whatever", "=?utf-8?q?x?="],
)
def test_other_dispositions_are_attachments(disposition: str) -> None:
    message = one_part("x", "text/plain", f"Content-Disposition: {disposition}")
    assert message.content == ()
    assert [a.type for a in message.attachments] == ["text/plain"]


@pytest.mark.parametrize(
    "kind", ["text/csv", "text/calendar", "image/png", "message/delivery-status", "message/partial"]
)
def test_other_types_are_no_content(kind: str) -> None:
    message = one_part("From: a@b.example\n\n100234", kind)
    assert message.content == ()
    assert [(a.part, a.type, a.size) for a in message.attachments] == [("1", kind, 25)]


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["Content-Disposition: attachment; filename=a.pdf"], "a.pdf"),
        (['Content-Disposition: attachment; filename="a b.pdf"; size=1'], "a b.pdf"),
        (["Content-Disposition: attachment; filename=a b.pdf; size=1"], "a b.pdf"),
        (["Content-Disposition: attachment; filename*=utf-8''R%C3%BCck.pdf"], "Rück.pdf"),
        (
            ["Content-Disposition: attachment; filename*0*=utf-8''R%C3; filename*1*=%BCck; filename*2=.pdf"],
            "Rück.pdf",
        ),
        (['Content-Disposition: attachment; filename="=?utf-8?q?R=C3=BCck.pdf?="'], "Rück.pdf"),
        (['Content-Disposition: attachment; filename="a\\"b\\c.pdf"'], 'a"b\\c.pdf'),
        (["Content-Disposition: attachment"], "n.bin"),
        (["Content-Disposition: attachment; filename*=nobody'de'%FC%00.pdf"], "ü.pdf"),
    ],
)
def test_names_of_attachments(lines: list[str], name: str) -> None:
    (attachment,) = one_part("x", "application/octet-stream; name=n.bin", *lines).attachments
    assert attachment.name == name


def test_the_size_of_attachments_is_that_of_the_decoded_bytes() -> None:
    for length in range(100, 110):
        body = base64.encodebytes(bytes(length))
        message = one_part(body, "image/png", "Content-Transfer-Encoding: base64")
        assert message.attachments[0].size == length
    message = one_part("a=3Db=\n", "image/png", "Content-Transfer-Encoding: quoted-printable")
    assert message.attachments[0].size == 3


FORWARDED = "From: Anna <anna@kunde.example>\nSubject: AB-1042\n\nold text"


def test_an_attached_message_is_content() -> None:
    raw = multipart("\nnew text", f"Content-Type: message/rfc822\nContent-Disposition: attachment\n\n{FORWARDED}")
    message = parse(raw)
    assert parts(message) == [
        ("1", "text/plain", "new text"),
        ("2.header", "header", "From: Anna <anna@kunde.example>\nSubject: AB-1042"),
        ("2.1", "text/plain", "old text"),
    ]
    assert message.attachments == ()
    assert message.participants == ()


@pytest.mark.parametrize(
    ("encoding", "encoded"),
    [
        ("base64", base64.encodebytes(FORWARDED.replace("\n", "\r\n").encode()).decode()),
        ("quoted-printable", FORWARDED.replace("anna", "=61nna")),
        ("7bit", FORWARDED),
        ("base64", FORWARDED),
        ("7bit", f"\ufeffFrom x Mon Jan 1 10:00\n{FORWARDED}"),
    ],
)
def test_an_attached_message_is_decoded_first(encoding: str, encoded: str) -> None:
    message = one_part(encoded, "message/rfc822", f"Content-Transfer-Encoding: {encoding}")
    assert parts(message) == [
        ("1.header", "header", "From: Anna <anna@kunde.example>\nSubject: AB-1042"),
        ("1.1", "text/plain", "old text"),
    ]


def test_the_header_of_an_attached_message() -> None:
    raw = (
        "Content-Type: message/rfc822\n\n"
        "Subject: =?utf-8?q?R=C3=BCckfrage?= <x@y.example>\nSubject: second\nCc: Nr. 4711 x@y\n"
        'To: team: =?utf-8?q?M=C3=BC?= <b@x.example>, "c@x.example" <d@x.example>;\nTo: e@x.example\n'
        "Reply-To: no@x.example\nFrom: a@x.example\n\n"
    )
    part = parse(raw.encode()).content[0]
    assert part.text == (
        "From: a@x.example\nTo: team, Mü <b@x.example>, c@x.example <d@x.example>, e@x.example\n"
        "Cc: Nr. 4711 x@y\nSubject: Rückfrage <x@y.example>"
    )
    assert [(part.text[s.start : s.end], s.address) for s in part.spans] == [
        ("a@x.example", "a@x.example"),
        ("team", None),
        ("Mü", None),
        ("b@x.example", "b@x.example"),
        ("c@x.example", None),
        ("d@x.example", "d@x.example"),
        ("e@x.example", "e@x.example"),
        ("Nr. 4711 x@y", None),
    ]


def test_messages_attached_to_messages() -> None:
    attached = "Content-Type: message/rfc822\n\n"
    raw = f"Subject: 1\n{attached}Subject: 2\n{attached}Subject: 3\n\nend"
    assert parts(parse(raw.encode())) == [
        ("1.header", "header", "Subject: 2"),
        ("1.1.header", "header", "Subject: 3"),
        ("1.1.1", "text/plain", "end"),
    ]


def test_parts_of_a_digest_are_messages() -> None:
    raw = multipart("\nSubject: a\n\ntext", "Content-Type: text/plain\n\nplain", kind="digest")
    assert parts(parse(raw)) == [
        ("1.header", "header", "Subject: a"),
        ("1.1", "text/plain", "text"),
        ("2", "text/plain", "plain"),
    ]


# --- Transfer encodings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("base64", "SGFsbG8gV2VsdA==", "Hallo Welt"),
        ("BASE64", "SGFs\nbG8g V2VsdA==\n\n", "Hallo Welt"),
        ("base64", "SGFsbG8gV2VsdA", "Hallo Welt"),
        ("base64", "SGFs*bG8g!V2VsdA=", "Hallo Welt"),
        ("base64", "SGFsbG8gV2VsdAx", "Hallo Welt\f"),
        ("base64", "SGFsbG8gV2VsdA==\nSGFsbG8=", "Hallo WeltHallo"),
        ("base64", "SGFsbG8gV2VsdA==\n\n_____\nMailing-Liste\n", "Hallo Welt"),
        ("base64", "A", ""),
        ("base64", "", ""),
        ("quoted-printable", "Gr=C3=B6=C3=9Fe =\nweiter=3D", "Größe weiter="),
        ("quoted-printable", "a= \t\nb=zz=4", "ab=zz=4"),
        ("Quoted-Printable  ", "=41", "A"),
        ("x-uuencode", "begin 644 x\n#86)C\n \nend\n", "abc"),
        ("x-uuencode", "no begin", "no begin"),
        ("8bit", "Größe", "Größe"),
        ("binary", "a", "a"),
        ("x-unknown", "=41", "=41"),
        ("", "=41", "=41"),
    ],
)
def test_transfer_encodings(encoding: str, body: str, text: str) -> None:
    assert text_of(one_part(body, "text/plain; charset=utf-8", f"Content-Transfer-Encoding: {encoding}")) == text


def test_broken_base64_is_noticed() -> None:
    assert codes(one_part("SGFsbG8gV2VsdA", "text/plain", "Content-Transfer-Encoding: base64")) == ["broken_base64"]


def test_line_ends_in_base64_are_line_ends_of_the_text() -> None:
    body = base64.b64encode(b"a\r\nb\rc\n")
    assert text_of(one_part(body, "text/plain", "Content-Transfer-Encoding: base64")) == "a\nb\nc\n"


# --- Charsets and clean-up ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        ("utf-8", "ü€".encode(), "ü€"),
        ("utf-8", b"\xfc", "\ufffd"),
        ("", "ü".encode(), "ü"),
        ("", b"\xfc\x80", "ü€"),
        ("us-ascii", "ü".encode(), "ü"),
        ("us-ascii", b"\xfc", "ü"),
        ("x-nobody", b"\xfc", "ü"),
        ("iso-8859-1", b"\xfc\x80", "ü\x80"),
        ("ISO_8859-15", b"\xa4", "€"),
        ("windows-1252", b"\x80", "€"),
        ("'utf-8'", "ü".encode(), "ü"),
        ("utf-16", "ü".encode("utf-16"), "ü"),
        ("utf-7", b"+APw-", "ü"),
        ("utf-7", b"+2AA-x", "\ufffdx"),
        ("gb2312", "漢".encode("gbk"), "\ufffdh"),
        ("koi8-u", b"\xa4", "є"),
        ("cp437", b"\x81", "ü"),
        ("rot13", b"abc", "abc"),
        ("base64", b"YWJj", "YWJj"),
        ("idna", b"xn--bcher-kva", "xn--bcher-kva"),
        ("punycode", b"bcher-kva", "bcher-kva"),
        ("unicode_escape", b"\\u0041", "\\u0041"),
        ("undefined", b"abc", "abc"),
        ("zlib", b"abc", "abc"),
        ("a/../b", b"abc", "abc"),
        ("x" * 2000, b"abc", "abc"),
    ],
)
def test_charsets(charset: str, body: bytes, text: str) -> None:
    assert text_of(one_part(body, f'text/plain; charset="{charset}"')) == text


def test_an_unknown_charset_is_noticed() -> None:
    assert codes(one_part("x", "text/plain; charset=x-nobody")) == ["unknown_charset"]
    assert codes(one_part("x", "text/plain; charset=us-ascii")) == []


def test_no_charset_of_python_gives_lone_surrogates_or_nul() -> None:
    body = bytes(range(256)) + b"+2AA- +3AA \\ud800 %ud800 \x00\xd8\x00\xdc"
    encodings = sorted(set(sys.modules["encodings.aliases"].aliases.values()))
    for name in encodings:
        text = text_of(one_part(body, f"text/plain; charset={name}"))
        assert "\0" not in text, name
        text.encode()


def test_what_is_not_seen_is_not_read() -> None:
    assert text_of(one_part("AB\u00ad-10\u200b42\ufe0f \u2060x\u034fy\u202e\U000e0041 \ufeffz")) == "AB-1042 xy z"
    assert text_of(one_part("a\0b\rc\r\nd")) == "ab\nc\nd"


def test_invisible_is_what_unicode_calls_format_but_for_visible_marks() -> None:
    visible = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    for code in range(sys.maxunicode + 1):
        letter = chr(code)
        if unicodedata.category(letter) == "Cf":
            assert clean(letter) == (letter if code in visible else ""), hex(code)


def test_texts_are_in_nfc() -> None:
    assert text_of(one_part("u\u0308 \u1112\u1161\u11ab \u0958")) == "ü 한 \u0915\u093c"
    # Every pair that composes is found, though most letters are never looked at closely.
    for code in range(sys.maxunicode + 1):
        letter = chr(code)
        if unicodedata.decomposition(letter) and unicodedata.normalize("NFC", letter) == letter:
            apart = unicodedata.normalize("NFD", letter)
            assert clean(apart) == letter or apart == letter, hex(code)


def test_a_long_run_of_marks_is_broken_up() -> None:
    text = text_of(one_part("a" + "\u0301\u0323" * 100_000))
    assert len(text) > 200_000
    assert text.count("\u034f") == 200_000 // 30


# --- HTML ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>a</p><p>b</p>", "a\nb"),
        ("a<br>b<hr>c", "a\nb\nc"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><th>c</th></tr></table>d", "a\tb\nc\nd"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("<dl><dt>a<dd>b</dl>", "a\nb"),
        ("AU <b> 1</b>", "AU 1"),
        ("10<b>02</b><span>34</span>", "100234"),
        ("a<img>b<foo>c</foo>d<wbr>e", "abcde"),
        ("a \n\t b", "a b"),
        ("a&nbsp;&nbsp;b", "a\xa0\xa0b"),
        ("&lt;b&gt; &amp;amp; &#8364; &euro;", "<b> &amp; € €"),
        ("a<pre>  b\n c</pre>d  e", "a\n  b\n c\nd e"),
        ("<textarea>a  b\n<b></textarea>", "a  b\n<b>"),
        ("<xmp><b>a</xmp>", "<b>a"),
        ("a<!-- b -->c<!--> d -->e", "ac d -->e"),
        ("<head><title>t</title><style>s</style></head>a<script>b</script>c", "ac"),
        ("<title>t</title>a<template>b<p>c</template>d", "ad"),
        ("a<iframe>b</iframe>c<noframes>d</noframes>e<noembed>f</noembed>g", "aceg"),
        ("a<noscript>b<b>c</b></noscript>d", "abcd"),
        ('<img alt="x" title="y"><a title="z" href="http://x/100234">a</a>', "a"),
        ('<td bgcolor="#17346c">a', "a"),
        ("a<div hidden>b<p>c</div>d", "ad"),
        ('a<p HIDDEN="">b</p>c', "ac"),
        ('a<span style="display:none">b</span>c', "ac"),
        ('a<span style=" COLOR:red; Display : NONE !important ;display:block">b</span>c', "ac"),
        ('a<span style="display:none;display:block">b</span>c', "abc"),
        ('a<span style="visibility: hidden">b</span>c', "ac"),
        ('a<span style="/* x */visibility/**/:hidden">b</span>c', "ac"),
        ('a<span style="d&#105;splay:none">b</span>c', "ac"),
        ('a<span style="background:none;overflow:hidden">b</span>c', "abc"),
        ('a<br hidden>b<td style="display:none">c', "abc"),
        ("<p hidden>a<div>b</div>", "b"),
        ("<body><p>a", "a"),
        ("a<b", "a"),
        ('a<b title="x', "a"),
        ("a<!-- b", "a"),
        ("a</b", "a"),
        ("a < b", "a < b"),
        ("<select><option>a<option>b</select>", "a\nb"),
        ("a<table>b<tr><td>c</table>d", "ab\nc\nd"),
        ("1\u00ad2\u200b3", "123"),
        ("u&#x308;", "ü"),
        ("u<b>\u0308</b>", "ü"),
        ("a&#1;b\x02c&#6;d", "a\ufffdb\ufffdc\ufffdd"),
        ("a&#0;b&#xd800;c", "a\ufffdb\ufffdc"),
        ("<svg><title>t</title><text>a</text></svg>b", "ab"),
        ("<plaintext>a<b>", "a<b>"),
        ("", ""),
    ],
)
def test_html(source: str, text: str) -> None:
    assert html(source).text == text
    # More tags than can be trusted: the source is rewritten first and shows the same.
    assert html("<wbr>" * 13000 + source).text == text


@pytest.mark.parametrize(
    ("source", "text", "found"),
    [
        ('Mail <a href="mailto:max%40x.example?subject=1">Max</a>.', "Mail Max.", [(5, "max@x.example")]),
        ('<a href=" MAILTO:a@b.\nexample ">x</a>', "x", [(0, "a@b.example")]),
        ('<a href="mailto:a@b.example,c%2Bd@e.example">x</a>', "x", [(0, "a@b.example"), (0, "c+d@e.example")]),
        ('<a href="mailto:%C3%BC@b.example">x</a>', "x", [(0, "ü@b.example")]),
        ('<a href="mailto:A@b.example">a@B.example</a>', "a@B.example", [(0, "A@b.example")]),
        ('x <a href="mailto:a@b.example">write <b>now</b></a>', "x write now", [(2, "a@b.example")]),
        # A link parts no words, wherever it begins and ends.
        ('AB-10<a href="mailto:a@b.example">42</a>7', "AB-10427", [(5, "a@b.example")]),
        ('AU<a href="mailto:a@b.example"> 1</a>', "AU 1", [(3, "a@b.example")]),
        ('AU <a href="mailto:a@b.example"> 1</a> 2', "AU 1 2", [(3, "a@b.example")]),
        ('x<map><area href="mailto:a@b.example"></map>y', "xy", [(1, "a@b.example")]),
        ('x<br><a href="mailto:a@b.example"></a>', "x", [(1, "a@b.example")]),
        ('<p hidden><a href="mailto:a@b.example">x</a></p>y', "y", []),
        ('<link href="mailto:a@b.example">y', "y", []),
        ('<a href="mailto:nobody">x</a><a href="mailto:?to=a@b.example">y</a>', "xy", []),
        ('<a href="mailto:Max <a@b.example>">x</a>', "x", []),
        ('<a href="http://x/?mailto:a@b.example">x</a>', "x", []),
        ('<a href="m&#97;ilto:a@b.example">x</a>', "x", [(0, "a@b.example")]),
        ('ü\u200b<a href="mailto:a@b.example">x</a>\u0308', "üẍ", [(1, "a@b.example")]),
        ('<td><a href="mailto:a@b.example"><p>c</p></a>d', "c\nd", [(0, "a@b.example")]),
    ],
)
def test_mailto_links(source: str, text: str, found: list[tuple[int, str]]) -> None:
    for part in (html(source), html("<wbr>" * 13000 + source)):
        assert part.text == text
        assert part.spans == tuple(Span(at, at, address) for at, address in found)


def test_a_byte_order_mark_behind_the_from_line_of_a_mailbox_is_skipped() -> None:
    raw = b"From anna Mon Jan  5 09:00:00 2026\n\xef\xbb\xbfFrom: anna@kunde.example\n\nx"
    assert [participant.address for participant in parse(raw).participants] == ["anna@kunde.example"]


# --- Limits -------------------------------------------------------------------------------------------


def limited(raw: bytes, limits: Limits, limit: Limit) -> None:
    message = parse(b"From: a@b.example\nMessage-ID: <1@x>\nSubject: s\n" + raw, limits)
    assert message.limit == limit
    assert message.content == ()
    assert (message.subject, message.message_id) == ("s", "1@x")
    assert message.participants[0].address == "a@b.example"


def test_limits() -> None:
    limited(b"\n" + b"x" * 100, Limits(message_bytes=100), Limit("message_bytes", 100, 148))
    limited(b"\n" + b"x" * 101, Limits(text_bytes=100), Limit("text_bytes", 100, 101))
    limited(multipart("\nx", "\nx", "\nx"), Limits(parts=2), Limit("parts", 2, 3))
    limited(multipart("\nxx", "\nxx"), Limits(text_bytes=3), Limit("text_bytes", 3, 4))
    limited(b"To: " + b"x@y.example," * 5 + b"\n\nx", Limits(addresses=5), Limit("addresses", 5, 6))
    limited(b"Content-Type: message/rfc822\n" * 3 + b"\n", Limits(levels=0), Limit("levels", 0, 1))
    assert parse(b"\n" + b"x" * 100, Limits(text_bytes=100, message_bytes=101)).limit is None
    assert parse(multipart("\nx", "\nx"), Limits(parts=2, levels=1)).limit is None


def test_exactly_as_many_levels_and_parts_as_allowed() -> None:
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(50))
    assert text_of(parse(nested + b"\nx")) == "x"
    assert len(parse(multipart(*["\nx"] * 1000)).content) == 1000


LONG = 200_000
HOSTILE = {
    "nested multiparts": b"".join(b"Content-Type: multipart/x; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(1000)),
    "nested messages": b"Content-Type: message/rfc822\n\n" * 1000,
    "many parts": b"Content-Type: multipart/x; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "nested comments": b"From: " + b"(" * 5000 + b")" * 5000 + b" a@b.example\n\n",
    "encoded words": b"Subject: " + b"=?utf-8?q?=C3=A4?= " * 20_000 + b"\n\n",
    "unknown charsets": b"Subject: " + b" ".join(b"=?x-%d?q?a?=" % i for i in range(20_000)) + b"\n\n",
    "long lines": b"From: " + b"a" * LONG + b"\nTo: " + b"a " * LONG + b"\n\n",
    "parameters": b"Content-Type: multipart/x" + b"".join(b";a*%d=b" % i for i in range(100_000)) + b"\n\n",
    "boundary-like": b"Content-Type: multipart/x; boundary=b\n\n" + b"--bx\n" * 200_000,
    "soft breaks": b"Content-Transfer-Encoding: quoted-printable\n\n" + b"= " * LONG,
    "paddings": b"Content-Transfer-Encoding: base64\n\n" + b"AA== " * 200_000,
    "marks": b"Subject: " + "\u0301\u0323".encode() * 250_000 + b"\n\n",
    "large body": b"\n" + b"Hallo Welt 1234 das ist ein Text\r\n" * 400_000,
    "fields": b"From:a@b.example\n" * 60_000,
    **{
        f"From: {run!r}": b"From: " + run * (LONG // len(run)) + b"\n\n"
        for run in (
            b"@",
            b'"',
            b"(",
            b")",
            b"<",
            b"=?",
            b"<>",
            b"@.",
            b'"a',
            b"(a",
            b"[",
            b"\\",
            b",",
            b":a",
            b"a@b,",
            b"=?a?q?",
            b"=?a?q?x?=",
            b"<@a:",
            b"a\n b",
            b" ",
            b'\\"',
            b"a(b)",
            b'"" ',
        )
    },
    **{
        f"Subject: {run!r}": b"Subject: " + run * (LONG // len(run)) + b"\n\n"
        for run in (b"=?", b"=?a?q?", b"=?a?b?=?=", b"=?a?q?x?=", b"=", b"\n ")
    },
    **{
        f"html {run!r}": b"Content-Type: text/html\n\n" + run * (LONG // len(run))
        for run in (
            b"<div>",
            b"<b>",
            b"<p>x",
            b"<!--",
            b"<",
            b"<a",
            b"</",
            b"<ul><li>",
            b"<a><div>",
            b"<table><td>",
            b"<script>",
            b"&#",
            b"&#1",
            b"<p hidden>x",
            b"<a href=mailto:a@b.c>x</a>",
            b'<a b="',
            b"<font size=1>x",
        )
    },
    "many divs": b"Content-Type: text/html\n\n" + b"<div>" * 50_000 + b"x",
    "many attributes": b"Content-Type: text/html\n\n<a " + b" ".join(b"a%d=1" % i for i in range(50_000)) + b">x",
    **{
        f"formatting left open {name}": b"Content-Type: text/html\n\n<p>" + fonts + between + b"<p>x" * 3000
        for fonts in (b"".join(b"<font color=%d>" % i for i in range(3000)),)
        for name, between in {
            "": b"",
            "with its ends in a comment": b"<!--" + b"</font>" * 3000 + b"-->",
            "with its ends in a cell": b"<table><tr><td>" + b"</font>" * 3000 + b"</table>",
            "with its ends in a list": b"<select>" + b"</font>" * 3000 + b"</select>",
            "with its ends in data": b"<svg><![CDATA[>" + b"</font>" * 3000 + b"]]></svg>",
        }.items()
    },
    "quoted angles": b"Content-Type: text/html\n\n<a " + b" ".join(b'a%d=">"' % i for i in range(50_000)) + b">x",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_quick(name: str) -> None:
    start = time.perf_counter()
    parse(HOSTILE[name])
    # Tens of milliseconds each; what takes quadratic time takes minutes.
    assert time.perf_counter() - start < 3


def test_formatting_is_read_alike_in_html_that_is_rewritten_first() -> None:
    row = (
        "<tr><td>a<b>b</b> <i>c<u hidden>d</u></i> <a href='mailto:x@y.example'>e</a><a>f<b hidden>g</b>h</a></td></tr>"
    )
    rewritten = html("<wbr>" * 13_000 + f"<table>{row}</table>")
    assert (rewritten.text, rewritten.spans) == ("ab c efh", (Span(5, 5, "x@y.example"),))
    assert html(f"<table>{row}</table>") == rewritten


def test_deep_html_is_still_read() -> None:
    assert html("<div>" * 50_000 + "x" + "</div>" * 50_000 + "<p hidden>y</p>z").text == "x\nz"
    assert html("<p>a <b>b</b></p>" * 20_000).text == "\n".join(["a b"] * 20_000)
    many = "<tr><td>a</td><td hidden>h<div>h</div></td><td>b</td></tr>" * 10_000
    assert html(f"<table>{many}</table>").text == "\n".join(["a\tb"] * 10_000)


# --- Real mail ----------------------------------------------------------------------------------------


def _leaves(message: email.message.Message) -> list[email.message.Message]:
    """The inline text parts as compat32 sees them; of the message types only message/rfc822 is content."""
    found = []
    waiting = [message]
    while waiting:
        part = waiting.pop()
        inside = part.get_payload()
        if isinstance(inside, list):
            if part.get_content_maintype() == "multipart" or part.get_content_type() == "message/rfc822":
                waiting.extend(p for p in reversed(inside) if isinstance(p, email.message.Message))
            continue
        disposition = str(part.get("Content-Disposition") or "").split(";")[0].strip().lower()
        if part.get_content_type() in ("text/plain", "text/html") and disposition in ("", "inline"):
            found.append(part)
    return found


def _as_we_read_it(part: email.message.Message) -> TextPart:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    charset = part.get_param("charset", "")
    if isinstance(charset, tuple):
        charset = charset[2]
    return one_part(payload, f'{part.get_content_type()}; charset="{charset}"').content[0]


# compat32 does not decode: it compares Content-Transfer-Encoding with its blanks.
EXPLAINED = {"stalwart/resources/eml/thirdparty/003.eml"}


@pytest.mark.skipif(not MAILS.is_dir(), reason="no ../shared/mails here")
@pytest.mark.slow
def test_real_mail_reads_as_pythons_parser_reads_it() -> None:
    compared = 0
    for path in sorted(MAILS.rglob("*")):
        if not path.is_file() or path.suffix in (".tsv", ".md"):
            continue
        raw = path.read_bytes()
        message = parse(raw)
        assert message.limit is None
        assert b"".join(raw.splitlines()) == b"" or message.size
        theirs = email.message_from_bytes(raw)
        if any(part.defects for part in theirs.walk()):
            continue
        name = path.relative_to(MAILS).as_posix()
        expected = [(p.kind, p.text) for p in map(_as_we_read_it, _leaves(theirs))]
        found = [(p.kind, p.text) for p in message.content if p.kind != "header"]
        assert (found == expected) != (name in EXPLAINED), name
        compared += 1
    assert compared > 3000
