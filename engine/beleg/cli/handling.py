"""What people do with mail: `mail mark`, `filter list`, `filter show`, `topic …`, `tag …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from beleg.cli.frame import By, Frame, Json, Lang, frame, person, say, say_json, say_table

if TYPE_CHECKING:
    from beleg.accounts import Tag, Topic
    from beleg.store.inbox import InboxRow

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name, or its number.")]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="Its name.")]
Parent = Annotated[str | None, typer.Option("--parent", help="The topic above it; '' is the top.")]
Me = Annotated[str | None, typer.Option("--user", metavar="NAME", help="Who looks: whose mails are 'mine'.")]


def register(app: typer.Typer) -> None:
    """Add the commands; `mail mark` stands with those of mail."""
    filter_ = typer.Typer(help="Saved searches, as they stand at the inbox's side.", no_args_is_help=True)
    filter_.command("list")(filter_list)
    filter_.command("show")(filter_show)
    app.add_typer(filter_, name="filter")
    topic = typer.Typer(help="Topics of mail, a tree.", no_args_is_help=True)
    topic.command("list")(topic_list)
    topic.command("add")(topic_add)
    topic.command("set")(topic_set)
    topic.command("remove")(topic_remove)
    app.add_typer(topic, name="topic")
    tag = typer.Typer(help="Tags of mail.", no_args_is_help=True)
    tag.command("list")(tag_list)
    tag.command("add")(tag_add)
    tag.command("rename")(tag_rename)
    tag.command("remove")(tag_remove)
    app.add_typer(tag, name="tag")


# --- mail --------------------------------------------------------------------------------------------------------


def mark(
    context: typer.Context,
    messages: Annotated[
        list[str], typer.Argument(metavar="ROW", help="Row numbers, Message-IDs, or beginnings of a sha256.")
    ],
    done: Annotated[bool, typer.Option("--done", help="Done.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open again.")] = False,
    spam: Annotated[str | None, typer.Option("--spam", help="suspected, checked or none.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Hide it; --restore brings it back.")] = False,
    restore: Annotated[bool, typer.Option("--restore", help="Bring a deleted one back.")] = False,
    owner: Annotated[str | None, typer.Option("--owner", metavar="USER", help="Whose it is; '' is the pool.")] = None,
    group: Annotated[str | None, typer.Option("--group", help="Move it to this group.")] = None,
    topic: Annotated[str | None, typer.Option("--topic", help="Its topic; '' is none.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Add a tag.")] = None,
    untag: Annotated[list[str] | None, typer.Option("--untag", help="Take a tag off.")] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Say how mails stand: done or open, whose they are, spam, deleted, group, topic, tags. All or none."""
    from beleg.errors import InputError

    one = frame(context)
    accounts = one.accounts
    wanted: dict[str, Any] = {}
    for yes, no, names in ((done, open_, "--done and --open"), (delete, restore, "--delete and --restore")):
        if yes and no:
            raise InputError(f"{names} can't both be")
    if done or open_:
        wanted["work"] = "done" if done else "open"
    if delete or restore:
        wanted["deleted"] = delete
    if spam is not None:
        if spam not in _SPAM:
            raise InputError(f"--spam is one of {', '.join(_SPAM)}, not {spam!r}")
        wanted["spam"] = _SPAM[spam]
    if owner is not None:
        wanted["owner"] = _user(one, owner) if owner else None
    if group is not None:
        wanted["group"] = accounts.group(_word(group)).id
    if topic is not None:
        wanted["topic"] = accounts.topic(_word(topic)).id if topic else None
    wanted["tags_add"] = [accounts.tag(_word(each)).id for each in tag or ()]
    wanted["tags_remove"] = [accounts.tag(_word(each)).id for each in untag or ()]
    if wanted == {"tags_add": [], "tags_remove": []}:
        raise InputError("say how the mails stand, for example --done")
    rows = [one.workspace.find_message(each).row for each in messages]
    changed = accounts.handle(rows, person(by), **wanted)
    if as_json:
        say_json({"changed": changed})
    else:
        say(f"{len(changed)} of {len(set(rows))} mails changed")


_SPAM = {"none": 0, "suspected": 1, "checked": 2}


def _word(text: str) -> int | str:
    """A number, where it is one, else a name."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _user(one: Frame, name: str) -> int:
    return one.people.user(name).id


# --- filters -----------------------------------------------------------------------------------------------------


def filter_list(context: typer.Context, user: Me = None, lang: Lang = None, as_json: Json = False) -> None:
    """List the filters in their order, with how many mails each shows."""
    from msgspec import to_builtins

    from beleg.store.inbox import COUNTED

    one = frame(context)
    language = one.language(lang)
    filters = one.accounts.filters()
    counts = one.accounts.filter_counts([each.filter for each in filters], _user(one, user) if user else None)
    rows = []
    for each, depth in filters:
        count = counts[each.id]
        if as_json:
            say_json(
                {
                    "id": each.id,
                    "title": each.title(language),
                    "role": each.role,
                    "group": each.group.name if each.group else None,
                    "parent": each.parent,
                    "criteria": to_builtins(each.criteria),
                    "count": count,
                }
            )
        shown = "" if count is None else f"{COUNTED:,}+" if count > COUNTED else f"{count:,}"
        group = each.group.name if each.group else ""
        rows.append((str(each.id), "  " * depth + each.title(language), group, shown))
    if not as_json:
        say_table(("number", "filter", "group", "mails"), rows)


def filter_show(
    context: typer.Context,
    name: Name,
    user: Me = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List the mails that a filter shows, the newest first."""
    from beleg.errors import InputError

    one = frame(context)
    found = one.accounts.filter(_word(name))
    if found.criteria.outgoing:
        raise InputError(f"the filter {name!r} shows mails that are written; see the outbox")
    if found.criteria.owner == "me" and not user:
        raise InputError("this filter shows the mails of who looks: say who that is by --user")
    page = one.workspace.inbox(criteria=found.criteria, me=_user(one, user) if user else None, limit=limit)
    if as_json:
        for each in page.rows:
            say_json(_plain(each))
        return
    rows = []
    for each in page.rows:
        date = each.message.date.strftime("%Y-%m-%d %H:%M") if each.message.date else "-"
        records = ", ".join(str(one.ref) for one in each.records)
        rows.append((str(each.message.row), date, each.message.sender[:40], each.message.subject[:50], records))
    say_table(("row", "date", "from", "subject", "assigned"), rows)


def _plain(each: InboxRow) -> dict[str, Any]:
    return {
        "row": each.message.row,
        "message_id": each.message.message_id,
        "date": each.message.date.isoformat() if each.message.date else None,
        "from": each.message.sender,
        "subject": each.message.subject,
        "assigned": [str(one.ref) for one in each.records],
        **each.handled._asdict(),
    }


# --- topics ------------------------------------------------------------------------------------------------------


def topic_list(context: typer.Context, as_json: Json = False) -> None:
    """List the topics, each before those below it."""
    found = frame(context).accounts.topics()
    if as_json:
        for each in found:
            say_json({"id": each.id, "parent": each.parent, "name": each.name, "path": each.path})
    else:
        say_table(("number", "topic"), [(str(each.id), "  " * each.depth + each.name) for each in found])


def topic_add(context: typer.Context, name: NewName, parent: Parent = None, by: By = None) -> None:
    """A new topic."""
    accounts = frame(context).accounts
    made = accounts.add_topic(name, person(by), accounts.topic(_word(parent)).id if parent else None)
    _said(made, "added")


def topic_set(
    context: typer.Context,
    name: Name,
    new: Annotated[str | None, typer.Option("--name", help="Its new name.")] = None,
    parent: Parent = None,
    by: By = None,
) -> None:
    """Rename a topic, or move it with those below it."""
    from msgspec import UNSET

    accounts = frame(context).accounts
    above: Any = UNSET
    if parent is not None:
        above = accounts.topic(_word(parent)).id if parent else None
    _said(accounts.change_topic(accounts.topic(_word(name)).id, person(by), name=new, parent=above), "changed")


def topic_remove(context: typer.Context, name: Name, by: By = None) -> None:
    """Remove a topic: its mail has none then, topics below it go up."""
    accounts = frame(context).accounts
    _said(accounts.remove_topic(accounts.topic(_word(name)).id, person(by)), "removed")


# --- tags --------------------------------------------------------------------------------------------------------


def tag_list(context: typer.Context, as_json: Json = False) -> None:
    """List the tags."""
    found = frame(context).accounts.tags()
    if as_json:
        for each in found:
            say_json({"id": each.id, "name": each.name})
    else:
        say_table(("number", "tag"), [(str(each.id), each.name) for each in found])


def tag_add(context: typer.Context, name: NewName, by: By = None) -> None:
    """A new tag."""
    _said(frame(context).accounts.add_tag(name, person(by)), "added")


def tag_rename(context: typer.Context, name: Name, new: NewName, by: By = None) -> None:
    """Give a tag another name."""
    accounts = frame(context).accounts
    _said(accounts.change_tag(accounts.tag(_word(name)).id, person(by), new), "changed")


def tag_remove(context: typer.Context, name: Name, by: By = None) -> None:
    """Remove a tag from all mail, and as such."""
    accounts = frame(context).accounts
    _said(accounts.remove_tag(accounts.tag(_word(name)).id, person(by)), "removed")


def _said(each: Topic | Tag, done: str) -> None:
    title = each.title if hasattr(each, "title") else each.name
    say(f"{each.id} {title}: {done}")
