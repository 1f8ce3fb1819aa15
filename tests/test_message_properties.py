"""What holds for every mail: `parse` on bytes that no one has thought of."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from beleg.keys import address_key
from beleg.message import Limits, Message, clean, is_addr_spec, mailboxes, parse

LINES = st.sampled_from(
    [
        "From: ",
        "To: ",
        "Cc: ",
        "Subject: ",
        "Date: Mon, 3 Mar 2025 10:00:00 +0100",
        "Message-ID: <a@b>",
        "References: <a> <b@",
        "Content-Type: multipart/mixed; boundary=B",
        "Content-Type: multipart/digest; boundary=B",
        "Content-Type: message/rfc822",
        "Content-Type: text/html; charset=utf-8",
        "Content-Type: text/plain; charset=utf-7",
        "Content-Type: text/plain; charset=utf-16",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Transfer-Encoding: x-uuencode",
        "Content-Disposition: attachment; filename*0*=utf-8''%00%ff; filename*1=",
        "begin 644 x",
        "--B",
        "--B--",
        "",
        " ",
    ]
)
SCRAPS = st.sampled_from(
    [
        *'<>(),:;@."\\[]=?& \t\0\r\n-+/',
        "=?utf-8?q?=00=ff?=",
        "=?utf-7?q?+2AA-?=",
        "a@b.example",
        "=?",
        "?=",
        "<a@b>",
        "<p hidden>",
        "</p>",
        '<a href="mailto:a@b.example">',
        "</a>",
        "<!--",
        "-->",
        "<td>",
        "<pre>",
        "&#1;",
        "&#0;",
        "\u0301",
        "\u200b",
        "ü",
        "\ud7ff",
        "\ufffe",
        "\x01",
        "\x07",
        "AU 100234",
        "+2AA-",
        "TcO8bA==",
        "\u1160",
    ]
)
TEXTS = st.lists(SCRAPS | st.text(max_size=5), max_size=12).map("".join)
MAILS = st.lists(st.builds(str.__add__, LINES, TEXTS), max_size=12).map(
    lambda lines: "\n".join(lines).encode("utf-8", "surrogateescape")
)
RAW = MAILS | st.binary(max_size=300) | st.builds(lambda a, b: a + b"\n" + b, MAILS, st.binary(max_size=80))


def strings(message: Message) -> list[str]:
    found = [message.subject, message.message_id or "", *message.references]
    for one in message.participants:
        found += [one.address, one.key, one.name]
    for part in message.content:
        found += [part.text, *(span.address or "" for span in part.spans)]
    found += [text for one in message.attachments for text in (one.name, one.type)]
    return found + [notice.detail for notice in message.notices]


@settings(max_examples=250, deadline=None)
@given(RAW)
def test_any_bytes_give_a_sound_message(raw: bytes) -> None:
    message = parse(raw)
    for text in strings(message):
        assert "\0" not in text
        assert "\r" not in text
        text.encode("utf-8")  # no lone surrogate
    assert len({one.key for one in message.participants}) == len(message.participants)
    for one in message.participants:
        assert is_addr_spec(one.address)
        assert one.key == address_key(one.address)
    assert message.subject == message.subject_part.text
    assert "\n" not in message.subject
    for part in message.content:
        end = 0
        for span in part.spans:
            assert end <= span.start <= span.end <= len(part.text)
            assert span.address is not None or span.start < span.end  # a link's address takes no room
            if span.address is not None:
                assert part.text[span.start : span.end] in ("", span.address)
                assert is_addr_spec(span.address)
            end = span.end


@settings(max_examples=100, deadline=None)
@given(MAILS.map(lambda raw: raw.replace(b"\r", b"")))
def test_the_kind_of_line_end_makes_no_difference(raw: bytes) -> None:
    message = parse(raw)
    for end in (b"\r\n", b"\r"):
        other = raw.replace(b"\n", end)
        read = parse(other)
        assert read == replace(message, size=len(other), bytes_sha256=read.bytes_sha256)


@settings(max_examples=100, deadline=None)
@given(MAILS)
def test_a_mail_beyond_a_limit_has_no_content(raw: bytes) -> None:
    message = parse(raw)
    for limits in (Limits(message_bytes=10), Limits(parts=0), Limits(levels=0), Limits(text_bytes=1)):
        limited = parse(raw, limits)
        assert limited.limit is None or limited.content == ()
        assert limited.participants == message.participants
        assert limited.sha256 == message.sha256
        if limited.limit is None:
            assert limited == message


@settings(max_examples=300, deadline=None)
@given(TEXTS.filter(lambda text: "\n" not in text))
def test_address_lists_survive_and_hold_only_addr_specs(text: str) -> None:
    for one in mailboxes(text):
        assert one.address is None or is_addr_spec(one.address)


WORD = st.text("abz09+_-", min_size=1, max_size=5)
ADDRESS = st.builds("{}.{}@{}.example".format, WORD, WORD, st.text("abz09", min_size=1, max_size=5))
NAME = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"]), max_size=12)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(NAME, ADDRESS), max_size=6))
def test_a_well_formed_list_is_read_back(pairs: list[tuple[str, str]]) -> None:
    quoted = (name.replace("\\", "\\\\").replace('"', '\\"') for name, _ in pairs)
    field = ", ".join(f'"{name}" <{address}>' for name, (_, address) in zip(quoted, pairs, strict=True))
    assert [one.address for one in mailboxes(field)] == [address for _, address in pairs]


@settings(max_examples=100, deadline=None)
@given(NAME, ADDRESS, ADDRESS)
def test_nothing_in_a_name_or_comment_is_an_address(name: str, inner: str, outer: str) -> None:
    shown = name.replace("\\", "").replace('"', "").replace("(", "").replace(")", "")
    for field in (
        f'"{shown} <{inner}>" <{outer}>',
        f"({shown} <{inner}>) {outer}",
        f"{outer} ({shown}, {inner})",
        f"=?utf-8?q?{inner.replace('@', '=40')}=2C?= <{outer}>",
        f"=?utf-8?q?x_<{inner}>,?= <{outer}>",
    ):
        assert [one.address for one in mailboxes(field)] == [outer]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_clean_text_is_in_nfc_and_stays_as_it_is(text: str) -> None:
    once = clean(text.encode("utf-8", "replace").decode())
    assert unicodedata.is_normalized("NFC", once)
    assert clean(once) == once


WORDS = st.text("ab1 -ü&\n", max_size=6).map(lambda text: text.replace("&", "&amp;"))
ATTRIBUTES = st.sampled_from(
    ["", "", "", " hidden", ' style="display:none"', ' style="color:red"', ' class=x title="a>b"']
)


def _element(inside: st.SearchStrategy[str], *names: str) -> st.SearchStrategy[str]:
    return st.builds(
        lambda name, attributes, text: f"<{name}{attributes}>{text}</{name}>",
        st.sampled_from(names),
        ATTRIBUTES,
        inside,
    )


def _table(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    row = _element(st.lists(_element(inside, "td", "th"), max_size=3).map("".join), "tr")
    return st.lists(row, max_size=3).map(lambda rows: f"<table><tbody>{''.join(rows)}</tbody></table>")


INLINE = st.recursive(
    WORDS | st.sampled_from(["<br>", "<img>", "<!-- <b> -->", "<script>a<b</script>", "<wbr hidden>"]),
    lambda inside: _element(st.lists(inside, max_size=3).map("".join), "span", "b", "unknown"),
    max_leaves=5,
)
TREES = st.recursive(
    INLINE | _element(INLINE, "p", "h1"),
    lambda inside: _element(st.lists(inside, max_size=3).map("".join), "div", "blockquote", "li") | _table(inside),
    max_leaves=8,
)


def html_of(source: str) -> str:
    return parse(b"Content-Type: text/html; charset=utf-8\n\n" + source.encode()).content[0].text


@settings(max_examples=60, deadline=None)
@given(st.lists(TREES, max_size=3).map("".join))
def test_html_that_is_rewritten_first_shows_the_same(source: str) -> None:
    # 13,000 start tags are more than the parser is trusted with.
    assert html_of("<wbr>" * 13000 + source) == html_of(source)


@settings(max_examples=20, deadline=None)
@given(st.lists(TREES, max_size=3).map("".join))
def test_html_with_too_many_tags_for_a_tree_shows_the_same(source: str) -> None:
    assert html_of("<wbr>" * 50_001 + source) == html_of(source)
