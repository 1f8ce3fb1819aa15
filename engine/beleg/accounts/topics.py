"""Topics, which are a tree, and tags: what people sort mail by."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec import UNSET, UnsetType

from beleg.accounts import entered
from beleg.accounts.base import Base
from beleg.accounts.model import SEPARATOR, Tag, Topic
from beleg.errors import InputError, NotFound
from beleg.store import accounts as store
from beleg.store import topics as rows
from beleg.store.criteria import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

Found = TypeVar("Found", Topic, Tag)
DEEPEST = 10
"""How many topics may stand above one another."""


class Sorting(Base):
    """Topics and tags."""

    # --- topics --------------------------------------------------------------------------------------------------

    def topics(self) -> list[Topic]:
        """All topics: each before those below it, those of one parent by name."""
        with self.reading() as connection:
            return topics_of(connection)

    def topic(self, id_or_name: int | str) -> Topic:
        """The topic of this number, of this path (`Returns / Damaged`), or of this name where only one has it. Raises
        NotFound."""
        return _named(self.topics(), id_or_name, "topic")

    def add_topic(self, name: str, by: str, parent: int | None = None) -> Topic:
        """A new topic, below another or at the top. Raises NotFound, InputError."""
        name = entered.name(name)
        with self.writing() as connection:
            there = topics_of(connection)
            _free(there, name, parent)
            if parent is not None and found_topic(there, parent).depth + 1 >= DEEPEST:
                raise InputError("topics stand at most %(most)s deep", most=DEEPEST)
            id_ = rows.add_topic(connection, parent, entered.key(name), name)
            made = found_topic(topics_of(connection), id_)
            self.note(connection, by, "topic.add", made.title)
        return made

    def change_topic(
        self, id: int, by: str, *, name: str | None = None, parent: int | UnsetType | None = UNSET
    ) -> Topic:
        """Rename a topic, or move it with those below it; `parent` None is the top. Raises NotFound, InputError."""
        with self.writing() as connection:
            there = topics_of(connection)
            before = found_topic(there, id)
            wanted = before.name if name is None else entered.name(name)
            above = before.parent if isinstance(parent, UnsetType) else parent
            if above != before.parent:
                _can_move(there, before, above)
            _free(there, wanted, above, but=id)
            rows.change_topic(connection, id, above, entered.key(wanted), wanted)
            after = found_topic(topics_of(connection), id)
            if after != before:
                self.note(connection, by, "topic.change", before.title, before=before.title, after=after.title)
        return after

    def remove_topic(self, id: int, by: str) -> Topic:
        """Remove a topic: messages have none then, topics below it go up. Raises NotFound; InputError where a filter
        asks for it, or where those that go up would have a name that is taken."""
        with self.writing() as connection:
            there = topics_of(connection)
            gone = found_topic(there, id)
            _unused(connection, gone)
            for each in there:
                if each.parent == id:
                    _free(there, each.name, gone.parent, but=id)
            rows.remove_topic(connection, id, gone.parent)
            self.note(connection, by, "topic.remove", gone.title)
        return gone

    # --- tags ----------------------------------------------------------------------------------------------------

    def tags(self) -> list[Tag]:
        """All tags, by name."""
        with self.reading() as connection:
            return tags_of(connection)

    def tag(self, id_or_name: int | str) -> Tag:
        """The tag of this number, or of this name. Raises NotFound."""
        return _named(self.tags(), id_or_name, "tag")

    def add_tag(self, name: str, by: str) -> Tag:
        """A new tag. Raises InputError."""
        name = entered.name(name)
        with self.writing() as connection:
            _free_tag(tags_of(connection), name)
            made = Tag(rows.add_tag(connection, entered.key(name), name), name)
            self.note(connection, by, "tag.add", name)
        return made

    def change_tag(self, id: int, by: str, name: str) -> Tag:
        """Rename a tag. Raises NotFound, InputError."""
        name = entered.name(name)
        with self.writing() as connection:
            there = tags_of(connection)
            before = found_tag(there, id)
            _free_tag(there, name, but=id)
            if name != before.name:
                rows.change_tag(connection, id, entered.key(name), name)
                self.note(connection, by, "tag.change", before.name, before=before.name, after=name)
        return Tag(id, name)

    def remove_tag(self, id: int, by: str) -> Tag:
        """Remove a tag from all messages, and as such. Raises NotFound; InputError where a filter asks for it."""
        with self.writing() as connection:
            gone = found_tag(tags_of(connection), id)
            _unused(connection, gone)
            rows.remove_tag(connection, id)
            self.note(connection, by, "tag.remove", gone.name)
        return gone


def topics_of(connection: Connection) -> list[Topic]:
    """All topics, each before those below it. One round trip."""
    below: dict[int | None, list[tuple[int, str]]] = {}
    for row in rows.topics(connection):
        below.setdefault(row.parent, []).append((row.id, row.name))

    def walk(parent: int | None, path: tuple[str, ...]) -> Iterator[Topic]:
        for id_, name in below.get(parent, ()):
            yield Topic(id_, parent, (*path, name))
            yield from walk(id_, (*path, name))

    return list(walk(None, ()))


def tags_of(connection: Connection) -> list[Tag]:
    """All tags, by name. One round trip."""
    return [Tag(row.id, row.name) for row in rows.tags(connection)]


def found_topic(there: Sequence[Topic], id_: int) -> Topic:
    """The topic of this number. Raises NotFound."""
    return _numbered(there, id_, "topic")


def found_tag(there: Sequence[Tag], id_: int) -> Tag:
    """The tag of this number. Raises NotFound."""
    return _numbered(there, id_, "tag")


def _numbered(there: Sequence[Found], id_: int, what: str) -> Found:
    for each in there:
        if each.id == id_:
            return each
    raise NotFound(_NONE[what], name=str(id_))


def _named(there: Sequence[Found], id_or_name: int | str, what: str) -> Found:
    if isinstance(id_or_name, int):
        return _numbered(there, id_or_name, what)
    key = _path_key(id_or_name)
    paths = {each.id: each.title if isinstance(each, Topic) else each.name for each in there}
    found = [each for each in there if _path_key(paths[each.id]) == key]
    found = found or [each for each in there if _path_key(each.name) == key]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(_NONE[what], name=repr(id_or_name))
    raise NotFound(
        "%(count)s topics are called %(name)r; name one with those above it: %(titles)s",
        count=len(found), name=id_or_name, titles=", ".join(paths[each.id] for each in found[:5]),
    )  # fmt: skip


def _path_key(text: str) -> str:
    return "/".join(entered.key(" ".join(part.split())) for part in text.split("/"))


def _can_move(there: Sequence[Topic], topic: Topic, above: int | None) -> None:
    """No topic stands below itself, and none too deep. Raises NotFound, InputError."""
    if above is None:
        return
    target = found_topic(there, above)
    if target.path[: len(topic.path)] == topic.path:
        raise InputError("the topic %(name)r can't stand below itself", name=topic.title)
    deepest = max(each.depth for each in there if each.path[: len(topic.path)] == topic.path)
    if target.depth + 1 + deepest - topic.depth >= DEEPEST:
        raise InputError("topics stand at most %(most)s deep", most=DEEPEST)


def _free(there: Sequence[Topic], name: str, parent: int | None, but: int | None = None) -> None:
    """A name is there once among those of one parent. Raises NotFound, InputError."""
    if parent is not None:
        found_topic(there, parent)
    if SEPARATOR.strip() in name:
        raise InputError("a topic's name can't have a slash; that stands between the names of a path")
    for each in there:
        if each.parent == parent and each.id != but and entered.key(each.name) == entered.key(name):
            raise InputError("there is a topic %(name)r already; choose another name", name=each.title)


def _free_tag(there: Sequence[Tag], name: str, but: int | None = None) -> None:
    for each in there:
        if each.id != but and entered.key(each.name) == entered.key(name):
            raise InputError("there is a tag %(name)r already; choose another name", name=each.name)


def _unused(connection: Connection, gone: Topic | Tag) -> None:
    """A filter that asks for what is gone would show something else than its name says. Raises InputError."""
    for row in store.filters(connection):
        wanted = decode(row.criteria)
        if gone.id in ((wanted.topic,) if isinstance(gone, Topic) else wanted.tags):
            raise InputError("the filter %(filter)r shows what has %(name)r; remove it first", filter=row.name,
                             name=gone.name)  # fmt: skip


_NONE = {"topic": "there is no topic %(name)s", "tag": "there is no tag %(name)s"}
