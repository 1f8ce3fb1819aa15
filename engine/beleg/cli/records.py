"""ERP records: `erp import`, `show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from beleg.cli.frame import Json, Lang, frame, progress, say, say_json, say_table


def register(app: typer.Typer) -> None:
    """Add the commands."""
    erp = typer.Typer(help="ERP records.", no_args_is_help=True)
    erp.command("import")(import_)
    app.add_typer(erp, name="erp")
    app.command()(show)


def import_(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="YAML, JSON or CSV files (docs/import.md).")],
    mapping: Annotated[Path | None, typer.Option(help="Mapping file for foreign column names.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Record type of the CSV files.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Delimiter of the CSV files; found out if left out.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of the CSV files; found out if left out.")] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Retire records of the imported types that the files do not hold.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take ERP records in, all or nothing; known ones are updated in place."""
    from beleg.importer import check_files, read_files, read_mapping

    one = frame(context)
    types = one.installed.types
    options = {"type_": type_, "delimiter": delimiter, "encoding": encoding}
    columns = read_mapping(mapping, types) if mapping else None
    size = sum(job.size for job in check_files(files, types, mapping=columns, **options))
    with progress("importing (bytes)", size) as advance:
        records = read_files(files, types, mapping=columns, on_bytes=advance, **options)
        report = one.workspace.import_records(records, files=", ".join(map(str, files)), prune=prune)
    if as_json:
        say_json(
            {
                "new": report.new,
                "changed": report.changed,
                "unchanged": report.unchanged,
                "retired": report.retired,
                "dangling": report.dangling_count,
                "dangling_links": [
                    {"record": record, "role": role, "target": target} for record, role, target in report.dangling
                ],
            }
        )
        return
    say(f"{report.total} records: {report.new} new, {report.changed} changed, {report.unchanged} unchanged")
    if prune:
        say(f"{report.retired} retired")
    if report.dangling_count:
        say(f"{report.dangling_count} links point at records that are not there (kept):")
        for record, role, target in report.dangling[:10]:
            say(f"  {record} {role} → {target}")
        if report.dangling_count > 10:
            say(f"  … and {report.dangling_count - 10} more")


def show(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="TYPE:ID|NUMBER", help="A record, or a number or address of it.")],
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Show a record, or all that carry a number, with their messages."""
    one = frame(context)
    phrases = one.explainer(lang).phrases
    for index, shown in enumerate(one.workspace.show(what)):
        record = shown.record
        if as_json:
            say_json(_as_json(shown))
            continue
        if index:
            say()
        title = phrases.record(str(shown.ref))
        if record and record.number:
            title += f"  {record.number}"
        say(title + ("  (the ERP no longer has it)" if shown.gone else ""))
        if record:
            for name, value in (("name", record.label), ("status", record.status)):
                if value:
                    say(f"  {name}: {value}")
            if record.addresses:
                say(f"  addresses: {', '.join(record.addresses)}")
            for reference in record.references:
                say(f"  {reference.kind}: {reference.number}")
            for link in dict.fromkeys(record.links):
                say(f"  {phrases.role(link.role)}: {link.target.id}")
        say(f"  messages: {len(shown.messages)}")
        rows = [
            (f"    {m.row}", m.date.date().isoformat() if m.date else "-", m.sender, m.subject[:50], a.origin,
             a.clause or "-")
            for m, a in shown.messages
        ]  # fmt: skip
        if rows:
            say_table(("    row", "date", "from", "subject", "origin", "clause"), rows)


def _as_json(shown: Any) -> dict[str, Any]:
    record = shown.record
    return {
        "record": str(shown.ref),
        "gone": shown.gone,
        "number": record.number if record else None,
        "name": record.label if record else None,
        "status": record.status if record else None,
        "addresses": record.addresses if record else [],
        "references": [list(reference) for reference in record.references] if record else [],
        "links": [[link.role, str(link.target)] for link in record.links] if record else [],
        "messages": [
            {
                "row": message.row,
                "message_id": message.message_id,
                "date": message.date.isoformat() if message.date else None,
                "from": message.sender,
                "subject": message.subject,
                "origin": assignment.origin,
                "clause": assignment.clause,
            }
            for message, assignment in shown.messages
        ],
    }
