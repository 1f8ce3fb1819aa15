"""Finding mails on disk: files, folders, mbox files, Maildirs."""

from __future__ import annotations

import mailbox
import os
from pathlib import Path

import pytest

from beleg.errors import InputError
from beleg.mailbox import FoundMail, Skipped, count, mails
from writing import mail

ONE, TWO, THREE = (mail(f"Nummer {n}", id_=f"{n}@x") for n in (1, 2, 3))


def found(*paths: Path) -> tuple[list[FoundMail], list[str]]:
    skipped = Skipped([])
    return list(mails(paths, skipped)), skipped.files


def raws(*paths: Path) -> list[bytes]:
    return [each.raw for each in found(*paths)[0]]


def box(path: Path, *content: bytes) -> Path:
    """An mbox as the standard library writes it."""
    written = mailbox.mbox(path)
    for raw in content:
        written.add(raw)
    written.close()
    return path


def test_a_file_that_is_named_is_taken_whatever_it_holds(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no mail at all")
    (tmp_path / "empty.eml").write_bytes(b"")
    assert raws(tmp_path / "x", tmp_path / "empty.eml") == [b"no mail at all", b""]


def test_a_folder_is_searched_to_its_depth(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "b.eml").write_bytes(TWO)
    (tmp_path / "a.eml").write_bytes(ONE)
    (tmp_path / "deep" / "er" / "12345").write_bytes(THREE)
    taken, skipped = found(tmp_path)
    assert [each.raw for each in taken] == [ONE, TWO, THREE]
    assert [each.folder for each in taken] == [str(tmp_path)] * 2 + [str(tmp_path / "deep" / "er")]
    assert skipped == []
    assert count([tmp_path]) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"Dies ist ein Text.\nMit Zeilen.\n",
        b"",
        b"\n\n",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"key: value\nAnd then text.\n",
        b"Note: only one field\n\nText",
        b"{'a': 1}\n",
        b"From the desk of: me\n",
    ],
)
def test_what_is_no_mail_is_skipped_and_noted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert found(tmp_path) == ([], [str(tmp_path / "file")])


@pytest.mark.parametrize(
    "content",
    [
        b"From: a@b.example\nTo: c@d.example\n\nText",
        b"\xef\xbb\xbfFrom: a@b.example\r\nTo: c@d.example\r\n\r\nText",
        b"From a@b.example Mon Mar  2 10:00:00 2026\nFrom: a@b.example\nTo: c@d.example\n\nText",
        b"Received: by x\n\twith y\nX-A: b\n\n",
        b"\nSubject : old\nFrom: a@b.example\n\n",
    ],
)
def test_what_begins_as_a_mail_does_is_taken(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert raws(tmp_path) == [content]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.eml").write_bytes(ONE)
    (tmp_path / ".hidden.eml").write_bytes(ONE)
    assert found(tmp_path) == ([], [])
    inside = tmp_path / ".git" / "x.eml"
    assert raws(inside) == [ONE]
    assert raws(tmp_path / ".git") == [ONE]


# --- mbox


def test_an_mbox(tmp_path: Path) -> None:
    path = box(tmp_path / "archive.mbox", ONE, TWO, THREE)
    taken, _ = found(path)
    assert [each.raw for each in taken] == [ONE, TWO, THREE]
    assert [each.name for each in taken] == [f"{path}, mail {n}" for n in (1, 2, 3)]
    assert {each.folder for each in taken} == {str(path)}


def test_an_mbox_without_a_suffix_and_in_a_folder(tmp_path: Path) -> None:
    box(tmp_path / "Inbox", ONE, TWO)
    assert raws(tmp_path) == [ONE, TWO]


def test_an_mbox_of_one_mail(tmp_path: Path) -> None:
    assert raws(box(tmp_path / "one.mbox", ONE)) == [ONE]


def test_an_mbox_with_crlf(tmp_path: Path) -> None:
    line = b"From anna@kunde.example Mon Mar  2 10:00:00 2026\r\n"
    one, two = (raw.replace(b"\n", b"\r\n") for raw in (ONE, TWO))
    (tmp_path / "x.mbox").write_bytes(line + one + b"\r\n" + line + two + b"\r\n")
    assert raws(tmp_path / "x.mbox") == [one, two]


def test_a_sentence_that_begins_with_from_parts_nothing(tmp_path: Path) -> None:
    raw = mail("x", "Liebe Leute,\n\nFrom Monday on we are closed.\nFrom Mon to Fri, too.\n")
    (tmp_path / "a.mbox").write_bytes(b"From a@b.example Mon Mar  2 10:00:00 2026\n" + raw + b"\n")
    assert raws(tmp_path / "a.mbox") == [raw]
    (tmp_path / "b.eml").write_bytes(raw)
    assert raws(tmp_path / "b.eml") == [raw]


def test_a_mail_that_begins_with_a_from_line_is_one_mail(tmp_path: Path) -> None:
    raw = b"From a@b.example Mon Mar  2 10:00:00 2026\n" + ONE
    (tmp_path / "x.eml").write_bytes(raw)
    assert raws(tmp_path / "x.eml") == [raw]


def test_an_mbox_of_many_mails_is_read_quickly(tmp_path: Path) -> None:
    line = b"From a@b.example Mon Mar  2 10:00:00 2026\n"
    (tmp_path / "many.mbox").write_bytes((line + ONE + b"\n") * 20_000)
    assert len(raws(tmp_path / "many.mbox")) == 20_000


# --- Maildir


def test_a_maildir(tmp_path: Path) -> None:
    maildir = mailbox.Maildir(tmp_path / "Maildir")
    keys = [maildir.add(raw) for raw in (ONE, TWO)]
    message = maildir[keys[1]]
    message.set_subdir("cur")
    message.add_flag("S")
    maildir[keys[1]] = message
    (tmp_path / "Maildir" / "tmp" / "half").write_bytes(THREE)
    folder = maildir.add_folder("Archiv")
    folder.add(THREE)
    assert sorted(raws(tmp_path / "Maildir")) == sorted([ONE, TWO, THREE])


def test_a_folder_that_happens_to_be_called_tmp(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "a.eml").write_bytes(ONE)
    assert raws(tmp_path) == [ONE]


# --- what can't be read


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(ONE)
    with pytest.raises(InputError, match="none: there is no such file or folder"):
        next(mails([tmp_path / "a.eml", tmp_path / "none"], Skipped([])))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(ONE)
    path.chmod(0)
    with pytest.raises(InputError, match="can't be read"):
        raws(path)


def test_links_that_lead_nowhere_or_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(ONE)
    (tmp_path / "gone.eml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle").symlink_to(tmp_path)
    assert raws(tmp_path) == [ONE]
