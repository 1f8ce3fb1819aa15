"""Mail that is written and sent: `write`, and `outbox list`, `show`, `send`, `resend`, `mark-sent`, `discard`."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beleg.cli.frame import By, Frame, Json, Lang, complain, frame, person, say, say_json, say_table
from beleg.cli.named import MESSAGE

if TYPE_CHECKING:
    from beleg.accounts.outbox import Outbox
    from beleg.accounts.sending import SendReport
    from beleg.store.outgoing import Draft, NewFile, Outgoing

Id = Annotated[int, typer.Argument(metavar="MAIL", help="Its number, as beleg outbox list shows it.")]
STDIN = "-"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(write)
    outbox = typer.Typer(help="Mail that is written and sent.", no_args_is_help=True)
    outbox.command("list")(list_)
    outbox.command("show")(show)
    outbox.command("send")(send)
    outbox.command("resend")(resend)
    outbox.command("mark-sent")(mark_sent)
    outbox.command("discard")(discard)
    app.add_typer(outbox, name="outbox")


def write(
    context: typer.Context,
    to: Annotated[list[str] | None, typer.Option("--to", help="A recipient; several times for several.")] = None,
    cc: Annotated[list[str] | None, typer.Option("--cc", help="Who gets a copy.")] = None,
    bcc: Annotated[list[str] | None, typer.Option("--bcc", help="Who gets a copy unseen.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="The subject.")] = None,
    text_file: Annotated[str, typer.Option("--text-file", metavar="FILE", help="Its text in UTF-8; - is stdin.")] = "",
    attach: Annotated[list[Path] | None, typer.Option("--attach", metavar="FILE", help="A file to attach.")] = None,
    reply_to: Annotated[str | None, typer.Option("--reply-to", metavar="MESSAGE", help=f"Answer it. {MESSAGE}")] = None,
    to_all: Annotated[bool, typer.Option("--all", help="Answer its other recipients, too.")] = False,
    group: Annotated[str | None, typer.Option("--group", help="The group that it is sent for.")] = None,
    as_draft: Annotated[bool, typer.Option("--draft", help="Keep it as a draft; nothing is sent.")] = False,
    by: By = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Write a mail, with the group's signature, and put it into the outbox: beleg outbox send, or beleg serve, sends
    it."""
    from beleg.errors import InputError

    if to_all and reply_to is None:
        raise InputError("--all goes with --reply-to")
    one = frame(context)
    outbox = _outbox(one)
    writer = _writer(one, by, lang)
    wanted = None if group is None else one.accounts.group(group).id
    if reply_to is None:
        draft = outbox.compose(wanted)
    else:
        draft = outbox.reply_to(one.workspace.find_message(reply_to).row, writer, all=to_all)
        draft = draft if wanted is None else outbox.with_group(draft, wanted)
    draft = _filled(draft, to, cc, bcc, subject, _text(text_file) if text_file else "")
    draft = replace(draft, files=tuple(map(_file, attach or ())))
    id_ = outbox.save(draft, writer)
    try:
        mail = outbox.get(id_) if as_draft else outbox.queue(id_, writer.name)
    except InputError:
        outbox.discard(id_, writer.name)  # nothing half done is left behind
        raise
    if as_json:
        say_json(_told(mail))
    elif as_draft:
        say(f"mail {id_} is kept as a draft")
    else:
        say(f"mail {id_} is in the outbox")


def _filled(
    draft: Draft, to: list[str] | None, cc: list[str] | None, bcc: list[str] | None, subject: str | None, text: str
) -> Draft:
    """The draft with what was given."""

    def given(lists: list[str] | None, before: str) -> str:
        return before if lists is None else ", ".join(lists)

    return replace(
        draft, to=given(to, draft.to), cc=given(cc, draft.cc), bcc=given(bcc, draft.bcc),
        subject=draft.subject if subject is None else subject, text=text.rstrip("\n") + (draft.text or "\n"),
    )  # fmt: skip


def list_(
    context: typer.Context,
    state: Annotated[list[str] | None, typer.Option("--state", help="draft, queued, sent, failed or unclear.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, what changed last first.")] = 50,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """List mail that is written and sent, what changed last first."""
    from beleg.errors import InputError
    from beleg.store.outgoing import STATES

    one = frame(context)
    if unknown := [each for each in state or () if each not in STATES]:
        raise InputError(f"--state is one of {', '.join(STATES)}, not {unknown[0]!r}")
    found = _outbox(one).listed([each for each in STATES if each in (state or ())], limit=limit).rows
    if as_json:
        for each in found:
            say_json(_told(each))
        return
    language = one.language(lang)
    rows = [
        (
            str(each.id),
            each.state,
            _time(each.changed),
            each.draft.to[:40],
            each.draft.subject[:40],
            each.say(language)[:60],
        )
        for each in found
    ]
    say_table(("mail", "state", "changed", "to", "subject", "said"), rows)


def show(
    context: typer.Context,
    mail: Id,
    raw: Annotated[bool, typer.Option("--raw", help="Print the bytes that are sent instead.")] = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Show a mail that is written or sent: what it says, and what became of it."""
    one = frame(context)
    outbox = _outbox(one)
    found = outbox.get(mail)
    if raw:
        sys.stdout.buffer.write(outbox.raw(mail) or b"")
        return
    if as_json:
        say_json(_told(found))
        return
    draft = found.draft
    fields = {
        "state": found.state + (" (discarded)" if found.deleted else ""), "said": found.say(one.language(lang)),
        "changed": _time(found.changed), "next try": _time(found.due) if found.due else "", "from": found.sender,
        "to": draft.to, "cc": draft.cc, "bcc": draft.bcc, "subject": draft.subject,
        "attached": ", ".join(f"{each.name} ({each.size:,} bytes)" for each in found.files),
        "message": str(found.message or ""), "message-id": found.message_id or "",
    }  # fmt: skip
    for name, value in fields.items():
        if value:
            say(f"{name + ':':12} {value}")
    say()
    say(draft.text)


def send(context: typer.Context, as_json: Json = False) -> None:
    """Send what is due now. Ends with 3 where something failed or is unclear."""
    one = frame(context)
    outbox = _outbox(one)
    report = outbox.send_due()
    if as_json:
        say_json(asdict(report))
    elif report.busy:
        say("another process sends at this moment")
    else:
        counts = (len(report.sent), len(report.waiting), len(report.failed), len(report.unclear))
        say("{} sent, {} waiting, {} failed, {} unclear".format(*counts))
    _tell_failures(outbox, report, one.language(None))


def _tell_failures(outbox: Outbox, report: SendReport, language: str) -> None:
    for id_ in (*report.failed, *report.unclear):
        mail = outbox.get(id_)
        complain(f"mail {id_} ({mail.state}): {mail.say(language)}")
    if report.failed or report.unclear:
        raise typer.Exit(3)


def resend(context: typer.Context, mail: Id, by: By = None) -> None:
    """Send again what failed, or what is unclear: the same mail, with the same Message-ID."""
    _outbox(frame(context)).resend(mail, person(by))
    say(f"mail {mail} is in the outbox again")


def mark_sent(context: typer.Context, mail: Id, by: By = None) -> None:
    """Say of an unclear mail that it was sent: it is stored and decided."""
    found = _outbox(frame(context)).mark_sent(mail, person(by))
    say(f"mail {mail} was sent; it is message {found.message}")


def discard(context: typer.Context, mail: Id, by: By = None) -> None:
    """Discard what was not sent: a draft, what waits, what failed or is unclear."""
    _outbox(frame(context)).discard(mail, person(by))
    say(f"mail {mail} is discarded")


def _outbox(one: Frame) -> Outbox:
    from beleg.accounts.outbox import Outbox

    return Outbox(one.accounts)


def _writer(one: Frame, by: str | None, lang: str | None) -> Any:
    from beleg.accounts.outbox import Writer
    from beleg.errors import NotFound

    name, language = person(by), one.language(lang)
    try:
        return Writer.of(one.people.user(name), language)
    except NotFound:
        return Writer(name, language=language)


def _text(name: str) -> str:
    from beleg.errors import InputError, Where

    try:
        data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"the file can't be read: {error.strerror}", Where(name)) from None
    except UnicodeDecodeError:
        raise InputError("this is no text in UTF-8", Where(name)) from None


def _file(path: Path) -> NewFile:
    from mimetypes import guess_type

    from beleg.errors import InputError, Where
    from beleg.store.outgoing import NewFile

    try:
        return NewFile(path.name, guess_type(path.name)[0] or "application/octet-stream", path.read_bytes())
    except OSError as error:
        raise InputError(f"the file can't be read: {error.strerror}", Where(str(path))) from None


def _told(mail: Outgoing) -> dict[str, Any]:
    fields = asdict(mail)
    fields["draft"].pop("files")
    return fields


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
