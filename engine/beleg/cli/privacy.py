"""Data protection: `erase`, `export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beleg.cli.frame import By, Frame, Json, Lang, complain, frame, person, progress, say, say_json, say_table

if TYPE_CHECKING:
    from beleg.privacy import Plan

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The person's e-mail address.")]
_WHY = {
    "sender": "from this address",
    "only_outsider": "no other outside participant",
    "participant": "one of several participants",
    "mentioned": "mentions the address",
    "unmaskable": "can't be masked safely",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(erase)
    app.command()(export)


def erase(
    context: typer.Context,
    address: Address,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, without asking.")] = False,
    with_ignored: Annotated[
        bool, typer.Option("--with-ignored", help="Take the address off the lists of ignored addresses, too.")
    ] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Erase what is stored about an address: its own mails go, others' mails that name it are masked. Without --yes it
    is only shown (on a terminal you are asked). Exit code 1: nothing is stored about it."""
    from beleg import privacy

    one = frame(context)
    with progress("looking through mails", _count(one)) as advance:
        found = privacy.plan(one.workspace, address, with_ignored=with_ignored, progress=advance)
    asked = not yes and not as_json and sys.stdin.isatty() and not found.empty
    if not as_json:
        _tell(found)
    if found.empty:
        if as_json:
            say_json(_plain(found, done=False))
        if yes:  # an earlier run may have left bytes in the file
            privacy.reclaim(one.workspace)
        raise typer.Exit(1)
    if not (yes or (asked and typer.confirm("Erase all this for good?"))):
        if as_json:
            say_json(_plain(found, done=False))
        else:
            say("Nothing was changed. --yes erases it for good.")
        return
    with progress("erasing (mails)", _count(one)) as advance:
        erased = privacy.erase(one.workspace, found, person(by), progress=advance)
    if as_json:
        say_json(_plain(erased.plan, done=True))
    else:
        say("Erased." if erased.plan.counts() == found.counts() else f"Erased: {_counted(erased.plan)}.")
    if not erased.reclaimed:
        complain(
            "the database file still holds erased bytes, for another process uses it; stop that, and run: "
            f"beleg erase {address} --yes"
        )


def export(
    context: typer.Context,
    address: Address,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write.")],
    zipped: Annotated[bool, typer.Option("--zip", help="Write one zip file instead of a folder.")] = False,
    all_mentions: Annotated[
        bool, typer.Option("--all-mentions", help="Also mails that only mention the address.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Write what is stored about an address for the person: mails, explanations, records, what was done by hand. Exit
    code 1: nothing is stored about it."""
    from beleg import privacy

    one = frame(context)
    explainer = one.explainer(lang)
    with progress("looking through mails", _count(one)) as advance:
        done = privacy.export(
            one.workspace, address, output, explainer, all_mentions=all_mentions, zipped=zipped, force=force,
            progress=advance,
        )  # fmt: skip
    if as_json:
        counts = {"mails": done.mails, "mentions": done.mentions, "records": done.records, "journal": done.journal,
                  "written": done.written}  # fmt: skip
        say_json({"path": str(done.path) if done.path else None, **counts, "ignored": done.ignored})
    elif done.path is None:
        say(f"Nothing is stored about {address}.")
    else:
        say(f"{done.path} written; mails: {done.mails}, records: {done.records}, journal entries: {done.journal}")
        if done.mentions:
            said = "written as well" if all_mentions else "left out, --all-mentions writes them"
            say(f"{done.mentions} more mails only mention the address: {said}")
        if done.written:
            say(f"{done.written} mails that are written to the address (drafts, sent, failed)")
        say("Look through it before you hand it over: mails may hold other people's data.")
    if done.path is None:
        raise typer.Exit(1)


def _count(one: Frame) -> int:
    return len(one.workspace.everything())


def _tell(found: Plan) -> None:
    if found.mails:
        rows = [
            (str(each.row), each.fate, _WHY[each.why] + (f": {each.note}" if each.note else ""), each.subject[:50])
            for each in found.mails
        ]
        say_table(("row", "mail is", "because", "subject"), rows)
    say(f"Nothing is stored about {found.address}." if found.empty else _counted(found))
    if found.records:
        say(f"The address is taken off {', '.join(found.records[:10])}{' …' if len(found.records) > 10 else ''}.")
    if found.deleted_records:
        say(f"Records that are named by the address go: {', '.join(found.deleted_records)}.")
    if found.written_deleted or found.written_masked:
        say(
            f"Of the mails that are written (drafts, sent, failed) {found.written_deleted} are deleted, "
            f"{found.written_masked} masked."
        )
    if found.records or found.deleted_records:
        say("The ERP must erase it too, else its next import brings it back.")
    for name, entry in found.ignored:
        fate = (
            "goes" if found.with_ignored else "stays, so that his mails are not processed; --with-ignored takes it off"
        )
        say(f"The entry {entry} of the list {name} {fate}.")


def _counted(found: Plan) -> str:
    counts = found.counts()
    return (
        f"{counts['deleted']} mails deleted with {counts['assignments']} assignments, {counts['masked']} masked; "
        f"{counts['decisions']} decisions on mails that stay, {counts['records']} records and {counts['journal']} "
        "journal entries without the address"
    )


def _plain(found: Plan, *, done: bool) -> dict[str, Any]:
    return {
        "address": found.address,
        "erased": done,
        **found.counts(),
        "mails": [
            {
                "row": each.row,
                "message_id": each.message_id,
                "subject": each.subject,
                "fate": each.fate,
                "why": each.why,
                "note": each.note,
            }
            for each in found.mails
        ],
        "records_changed": found.records,
        "records_deleted": found.deleted_records,
        "ignored_entries": [
            {"list": name, "entry": entry, "goes": found.with_ignored} for name, entry in found.ignored
        ],
    }
