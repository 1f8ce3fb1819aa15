"""Mail: `mail import`, `mail list`, `mail mark`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beleg.cli import handling
from beleg.cli.frame import Json, complain, frame, progress, say, say_json, say_table


def register(app: typer.Typer) -> None:
    """Add the commands."""
    mail = typer.Typer(help="Stored mail.", no_args_is_help=True)
    mail.command("import")(import_)
    mail.command("list")(list_)
    mail.command("mark")(handling.mark)
    app.add_typer(mail, name="mail")


def import_(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help=".eml files, folders, mbox files, Maildirs.")],
    as_json: Json = False,
) -> None:
    """Store mails that are not stored yet, and decide them (setting decide_on_arrival)."""
    from beleg.mailbox import Skipped, count, mails

    one = frame(context)
    skipped = Skipped([])
    workspace = one.workspace
    with progress("importing (files)", count([path for path in paths if path.exists()])) as advance:
        found = ((each.raw, each.folder, each.mailbox) for each in mails(paths, skipped))
        report = workspace.import_mail(found, decide=one.settings.decide_on_arrival, progress=advance)
    if as_json:
        say_json(
            {
                "new": report.new,
                "known": report.known,
                "decided": report.decided,
                "skipped": skipped.files,
                "failed": report.failed,
            }
        )
    else:
        say(f"{report.new} mails stored, {report.known} were stored already, {report.decided} decided")
        if skipped.files:
            say(f"{len(skipped.files)} files are no mail and were left out: {', '.join(skipped.files[:5])}")
    tell_failures(report.failed)


def tell_failures(failed: list[str]) -> None:
    """Name what could not be decided, and exit with 3 when there is any."""
    for fault in failed[:10]:
        complain(fault)
    if failed:
        if len(failed) > 10:
            complain(f"… and {len(failed) - 10} more messages failed")
        raise typer.Exit(3)


def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List stored mails that are not deleted, the newest first, with what they are assigned to."""
    rows = []
    for message, records in frame(context).workspace.newest(limit):
        if as_json:
            say_json(
                {
                    "row": message.row,
                    "message_id": message.message_id,
                    "sha256": message.sha256,
                    "date": message.date.isoformat() if message.date else None,
                    "from": message.sender,
                    "subject": message.subject,
                    "decided": message.decided,
                    "assigned": [str(record) for record in records],
                }
            )
        date = message.date.strftime("%Y-%m-%d %H:%M") if message.date else "-"
        state = ", ".join(map(str, records)) or ("nothing" if message.decided else "not decided yet")
        rows.append((str(message.row), date, message.sender[:40], message.subject[:50], state))
    if not as_json:
        say_table(("row", "date", "from", "subject", "assigned"), rows)
