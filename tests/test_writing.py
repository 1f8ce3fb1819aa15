"""Writing: what a person typed comes back out of the bytes; replies and forwards begin as people expect."""

from __future__ import annotations

import email
import email.policy
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from beleg.accounts.answering import Original, Speech, forward, reply, resigned, signed
from beleg.accounts.writing import MOST_IDS, Written, file_name, recipients, typed, write
from beleg.errors import InputError
from beleg.keys import address_key
from beleg.message import Mailbox, Message, clean, parse
from beleg.show import file, files
from beleg.store.outgoing import Draft, NewFile
from writing import day, mail

SHOP = Mailbox("Firma GmbH", "shop@firma.example")
BERLIN = ZoneInfo("Europe/Berlin")
OWN = {"shop@firma.example", "ada@firma.example"}


def written(
    original: bytes | None = None, attached: tuple[NewFile, ...] = (), **fields: Any
) -> tuple[Written, Message]:
    made = write(Draft(**{"to": "anna@kunde.example", **fields}), attached, SHOP, original, 1_772_000_000.0)
    lines_are_sound(made.raw)
    return made, parse(made.raw)


def lines_are_sound(raw: bytes) -> None:
    """What RFC 5322 section 2.1.1 and RFC 5321 ask of lines, and seven bits."""
    assert not re.search(rb"\0|(?<!\r)\n|\r(?!\n)", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()


def text_of(message: Message) -> str:
    return message.content[0].text


# --- whatever is typed

# No surrogates, which no keyboard types; NUL is left out on purpose (it can't be sent).
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200)


def as_line(text: str) -> str:
    """What is left of a text on one line of a header."""
    return " ".join(re.sub("[\\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", " ", clean(text)).split())


@settings(max_examples=300, deadline=None)
@given(LINE)
@example("=?utf-8?q?Hallo?=")
@example("x" * 2000)
@example("Grüße " * 100)
@example("a  b\tc")
@example('Frage: <x>, (y) "z" @')
def test_a_subject_comes_back(subject: str) -> None:
    assert parse(written(subject=subject)[0].raw).subject == as_line(subject)


@settings(max_examples=300, deadline=None)
@given(TEXT)
@example("Hallo\n\n-- \nFirma")
@example("From here\n.\n..\n" + "x" * 3000)
@example("\x0c\x0b\x85\u2028 \t\n \n")
@example("")
def test_a_text_comes_back(text: str) -> None:
    lines = clean(text.replace("\r\n", "\n").replace("\r", "\n"))
    assert text_of(written(text=text)[1]).rstrip("\n") == lines.rstrip("\n")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            LINE, st.sampled_from(["text/plain", "image/png", "a/b", "x", "multipart/mixed"]), st.binary(max_size=400)
        ),
        max_size=4,
    )
)
@example([("Größe " * 40 + ".pdf", "application/pdf", b"\r\n.\r\n")])
@example([('a"b\\c;d=.txt', "text/plain", b"x")])
def test_attachments_come_back(given_files: list[tuple[str, str, bytes]]) -> None:
    attached = tuple(NewFile(*each) for each in given_files)
    made, parsed = written(attached=attached, text="Hallo")
    found = [file(made.raw, each.part) for each in files(made.raw)]
    assert [each[1] for each in found if each] == [each.data for each in attached]
    assert [each.name for each in parsed.attachments] == [clean(file_name(each.name)).strip() for each in attached]
    assert text_of(parsed).strip() == "Hallo"
    # As others read it.
    other = email.message_from_bytes(made.raw, policy=email.policy.default)
    assert [each.get_content_disposition() for each in other.iter_attachments()] == ["attachment"] * len(attached)


LOCAL = st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[a-z0-9]{1,5})?", fullmatch=True)
ADDRESS = st.builds("{}@{}.example".format, LOCAL, st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(LINE, ADDRESS), min_size=1, max_size=5))
@example([("Müller, Jörg", "a@b.example"), ('"Q" (x) <y@z>', "c@d.example"), ("A. B; C:", "e@f.example")])
@example([("x" * 199, "a@b.example"), ("Ü" * 199, "c@d.example")])
def test_recipients_come_back(people: list[tuple[str, str]]) -> None:
    boxes = [Mailbox(*each) for each in people]
    keys = list(dict.fromkeys(address_key(address) for _, address in people))
    made, parsed = written(to=typed(boxes), cc="")
    there = [each for each in parsed.participants if each.field == "To"]
    assert [each.key for each in there] == keys
    assert [address_key(each) for each in made.recipients] == keys
    read = recipients(typed(boxes), "to")
    assert [each.name for each in there] == [as_line(each.name) for each in read]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
@example("anna@kunde.example\r\nBcc: x@y.example")
@example("anna@kunde.example, ")
@example("a@b.example; c@d.example")
def test_whatever_is_typed_for_recipients_is_taken_or_told(text: str) -> None:
    try:
        made = write(Draft(to=text), (), SHOP, None, 0)
    except InputError:
        return
    lines = made.raw.split(b"\r\n\r\n")[0].split(b"\r\n")
    names = [line.split(b":")[0] for line in lines if not line.startswith(b" ")]
    assert names[:5] == [b"From", b"To", b"Subject", b"Date", b"Message-ID"]
    assert not any(set("\r\n\0 <>") & set(each) for each in made.recipients)


# --- recipients


@pytest.mark.parametrize(
    "bad", ["anna", "anna@", "@kunde.example", "Anna <anna>", "a@b.example, bodo", "a b@c.example"]
)
def test_what_is_no_address_is_told(bad: str) -> None:
    with pytest.raises(InputError, match="is no e-mail address"):
        recipients(bad, "to")


@pytest.mark.parametrize("bad", ["a@b.example\r\nc@d.example", "a@b.example\n", "a@b\0.example", "a@b.example\x7f"])
def test_line_breaks_in_recipients_are_told(bad: str) -> None:
    with pytest.raises(InputError, match="Cc has a line break"):
        recipients(bad, "cc")


def test_a_mail_is_to_somebody() -> None:
    with pytest.raises(InputError, match="at least one recipient"):
        written(to=" , ")
    with pytest.raises(InputError, match="1,000"):
        written(to=",".join(f"a{number}@b.example" for number in range(1001)))


def test_domains_go_in_ascii_and_each_address_once() -> None:
    made, _ = written(to="Anna <anna@bücher.example>", cc="ANNA@xn--bcher-kva.example", bcc="chef@firma.example")
    assert made.recipients == ("ANNA@xn--bcher-kva.example", "chef@firma.example")
    assert b"anna@xn--bcher-kva.example" in made.raw


def test_bcc_is_in_no_header() -> None:
    made, parsed = written(to="", bcc="Chefin <chefin@firma.example>")
    assert made.recipients == ("chefin@firma.example",)
    assert b"chefin" not in made.raw.lower()
    assert b"\r\nTo: undisclosed-recipients:;\r\n" in made.raw
    assert [each.field for each in parsed.participants] == ["From"]


def test_letters_before_the_at_are_written_as_they_are() -> None:
    made = write(Draft(to="Jörg <jörg@kunde.example>"), (), SHOP, None, 0)
    assert "<jörg@kunde.example>\r\n".encode() in made.raw
    assert parse(made.raw).participants[1].address == "jörg@kunde.example"


# --- the header


def test_a_mail_says_who_wrote_it_when_and_as_what() -> None:
    made, parsed = written(subject="Ihre Bestellung", text="Guten Tag")
    assert (parsed.participants[0].address, parsed.participants[0].name) == ("shop@firma.example", "Firma GmbH")
    assert parsed.date is not None
    assert parsed.date.timestamp() == 1_772_000_000
    assert parsed.message_id == made.message_id
    assert made.message_id.endswith("@firma.example")
    assert made.message_id != written()[0].message_id
    assert b'Content-Type: text/plain; charset="utf-8"\r\n' in made.raw
    assert parsed.notices == ()


def test_an_answer_names_what_it_answers() -> None:
    question = mail(id_="frage@kunde.example", references="<eins@kunde.example> <zwei@firma.example>")
    _, parsed = written(question, kind="reply")
    assert parsed.references == ("frage@kunde.example", "eins@kunde.example", "zwei@firma.example")
    raw = written(question, kind="reply")[0].raw
    assert b"In-Reply-To: <frage@kunde.example>\r\n" in raw
    assert b"References: <eins@kunde.example> <zwei@firma.example> <frage@kunde.example>\r\n" in raw


def test_what_is_passed_on_is_of_the_thread_and_no_answer() -> None:
    raw = written(mail(id_="frage@kunde.example"), kind="forward")[0].raw
    assert b"In-Reply-To" not in raw
    assert b"References: <frage@kunde.example>\r\n" in raw


def test_references_are_bounded() -> None:
    many = " ".join(f"<{number}@kunde.example>" for number in range(500))
    _, parsed = written(mail(id_="frage@kunde.example", references=many), kind="reply")
    assert len(parsed.references) == MOST_IDS
    assert {"0@kunde.example", "499@kunde.example", "frage@kunde.example"} <= set(parsed.references)


@pytest.mark.parametrize("id_", ["x" * 5000 + "@y", "grüße@kunde.example", "a b\tc@d", "a<b>c@d"])
def test_an_id_that_can_t_be_named_does_no_harm(id_: str) -> None:
    made, _ = written(mail(id_=id_, references=f"<{id_}> <ok@kunde.example>"), kind="reply")
    assert b"<ok@kunde.example>" in made.raw


def test_a_reply_to_a_mail_without_references_names_what_that_answered() -> None:
    _, parsed = written(mail(id_="b@kunde.example", reply_to="a@firma.example"), kind="reply")
    assert parsed.references == ("b@kunde.example", "a@firma.example")


# --- attached messages

PLAIN = b"From: a@b.example\r\nSubject: x\r\n\r\n.\r\nHallo\r\n"


def test_a_mail_is_attached_byte_for_byte() -> None:
    made, parsed = written(attached=(NewFile("x.eml", "message/rfc822", PLAIN.replace(b"\r\n", b"\n")),), text="Da")
    assert b"Content-Type: message/rfc822\r\n" in made.raw
    assert PLAIN in made.raw
    assert [each.kind for each in parsed.content] == ["text/plain", "header", "text/plain"]


@pytest.mark.parametrize(
    "raw", ["Subject: ü\r\n\r\nß\r\n".encode(), b"A: b\r\n\r\n" + b"x" * 2000, b"A: b\r\n\r\n\0\r\n"]
)
def test_a_mail_that_can_t_go_so_goes_as_a_file(raw: bytes) -> None:
    made, parsed = written(attached=(NewFile("x.eml", "message/rfc822", raw),))
    assert [(each.name, each.type) for each in parsed.attachments] == [("x.eml", "application/octet-stream")]
    found = file(made.raw, parsed.attachments[0].part)
    assert found is not None
    assert found[1] == raw


# --- replies

QUESTION = mail(
    "AW: Re[2]: Wo bleibt AB-1042?", "Guten Tag,\n\n> gestern\nund heute?",
    to="shop@firma.example, Bodo <bodo@leuchten.example>", id_="frage@kunde.example", date=day(2),
)  # fmt: skip


def original(raw: bytes) -> Original:
    return Original(7, raw, parse(raw))


def answered(raw: bytes, language: str = "en", *, all: bool = False) -> Draft:
    return reply(original(raw), OWN, all, Speech(language, BERLIN))


def with_field(raw: bytes, name: str, value: str) -> bytes:
    return f"{name}: {value}\n".encode() + raw


def test_a_reply_goes_to_who_wrote_and_quotes_him() -> None:
    draft = answered(QUESTION)
    assert (draft.to, draft.cc, draft.subject) == ("Anna Kunde <anna@kunde.example>", "", "Re: Wo bleibt AB-1042?")
    assert (draft.kind, draft.answers) == ("reply", 7)
    assert draft.text == (
        "\n\nOn 2 March 2026 at 10:00, Anna Kunde <anna@kunde.example> wrote:\n"
        "> Guten Tag,\n>\n>> gestern\n> und heute?\n"
    )
    assert "\n\nAm 2. März 2026 um 10:00 schrieb Anna Kunde <anna@kunde.example>:\n> " in answered(QUESTION, "de").text


def test_a_reply_to_all_leaves_us_out() -> None:
    draft = answered(with_field(QUESTION, "Cc", "ADA@firma.example, Chef <chef@kunde.example>"), all=True)
    assert draft.to == "Anna Kunde <anna@kunde.example>, Bodo <bodo@leuchten.example>"
    assert draft.cc == "Chef <chef@kunde.example>"


def test_a_reply_goes_where_reply_to_says() -> None:
    asked = with_field(QUESTION, "Reply-To", "hilfe@kunde.example")
    assert answered(asked).to == "hilfe@kunde.example"
    assert "Anna Kunde" in answered(asked).text
    ours = with_field(QUESTION, "Reply-To", "shop@firma.example")
    assert answered(ours).to == "Anna Kunde <anna@kunde.example>"


def test_a_reply_to_our_own_mail_goes_to_whom_that_went() -> None:
    ours = mail(sender="Shop <shop@firma.example>", to="anna@kunde.example, ada@firma.example")
    assert answered(ours).to == "anna@kunde.example"
    alone = mail(sender="shop@firma.example", to="shop@firma.example")
    assert answered(alone).to == "shop@firma.example"


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Frage", "Re: Frage"), ("re: Frage", "Re: Frage"), ("AW: AW: Re: Frage", "Re: Frage"),
        ("Antw.: x", "Re: Antw.: x"), ("Fwd: Frage", "Re: Fwd: Frage"), ("Reklamation: x", "Re: Reklamation: x"),
        ("", "Re:"), ("Re:", "Re:"),
    ],
)  # fmt: skip
def test_a_subject_is_marked_once(subject: str, expected: str) -> None:
    assert answered(mail(subject)).subject == expected
    passed_on = forward(original(mail(f"WG: FW: {subject}")), Speech("de", None), attached=False).subject
    assert passed_on == f"Fwd: {subject.removeprefix('Fwd: ')}".strip()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600))
@example(b"")
@example(b"From: \r\n\r\n")
@example(b"Date: Mon, 1 Jan 0001 00:00:00 +2359\r\nFrom: a@b\r\n\r\nx")
@example(b'Subject: a\r\n b\r\nFrom: "x\ny" <a@b.example>\r\n\r\nHallo\rDu\x1b')
def test_any_mail_can_be_answered_and_passed_on(raw: bytes) -> None:
    for language in ("en", "de"):
        draft = answered(raw, language, all=True)
        assert "\n" not in draft.to + draft.cc + draft.subject
        made = write(Draft(**{**vars(draft), "to": "a@b.example", "files": ()}), (), SHOP, raw, 0)
        lines_are_sound(made.raw)
        for attached in (False, True):
            passed = forward(original(raw), Speech(language, None), attached=attached)
            lines_are_sound(write(Draft(to="a@b.example", text=passed.text), passed.files, SHOP, raw, 0).raw)


# --- forwarding


def test_what_is_passed_on_brings_text_and_attachments() -> None:
    inner = b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: innen\r\n\r\ninnen\r\n"
    raw = (
        b"From: Anna <anna@kunde.example>\r\nTo: shop@firma.example\r\nSubject: Frage\r\n"
        b"Date: 2 Mar 2026 10:00 +0100\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHallo\r\n"
        b"--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n"
        + inner + b"--b--\r\n"
    )  # fmt: skip
    draft = forward(original(raw), Speech("de", BERLIN), attached=False)
    assert draft.text == (
        "\n\n---------- Weitergeleitete Nachricht ----------\nVon: Anna <anna@kunde.example>\n"
        "Datum: 2. März 2026 10:00\nBetreff: Frage\nAn: shop@firma.example\n\nHallo\n"
    )
    assert [(each.name, each.type) for each in draft.files] == [
        ("a.pdf", "application/pdf"),
        ("innen.eml", "message/rfc822"),
    ]
    assert draft.files[0].data == b"\0\1\2"
    assert (draft.to, draft.subject, draft.kind, draft.answers) == ("", "Fwd: Frage", "forward", 7)


def test_a_mail_is_passed_on_whole() -> None:
    draft = forward(original(QUESTION), Speech("en", None), attached=True)
    assert draft.text == ""
    assert draft.files == (NewFile("AW_ Re[2]_ Wo bleibt AB-1042_.eml", "message/rfc822", QUESTION),)


# --- signatures


def test_a_signature_stands_in_front_of_what_is_quoted() -> None:
    assert signed("", "Firma") == "\n\n-- \nFirma"
    assert signed("Hallo", "") == "Hallo"
    text = answered(QUESTION).text
    assert signed(text, "Firma\nMax").startswith("\n\n-- \nFirma\nMax\n\nOn 2 March")
    passed_on = forward(original(QUESTION), Speech("en", None), attached=False).text
    assert signed(passed_on, "Firma").startswith("\n\n-- \nFirma\n\n---------- Forwarded")


WORDS = st.text("abc \n.", max_size=30)


@given(WORDS, st.from_regex(r"[A-Z][a-z]{0,5}", fullmatch=True), st.from_regex(r"[A-Z][a-z]{0,5}", fullmatch=True))
def test_another_signature_takes_the_place_of_the_first(text: str, first: str, second: str) -> None:
    assume(first != second)
    with_first = signed(text, first)
    assert resigned(with_first, first, second) == signed(text, second)
    assert resigned(resigned(with_first, first, second), second, first) == with_first
    assert resigned(with_first, first, "").rstrip() == text.rstrip()
    assert resigned("Ich habe sie gelöscht", first, second) == "Ich habe sie gelöscht\n\n-- \n" + second
