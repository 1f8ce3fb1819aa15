"""Filters: saved searches, shown at the inbox's side."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import ValidationError

from beleg.accounts import entered
from beleg.accounts.base import Base, filter_of, found_group, group_of
from beleg.accounts.model import MailFilter
from beleg.accounts.topics import found_tag, found_topic, tags_of, topics_of
from beleg.clause import LANGUAGES
from beleg.errors import InputError, NotFound
from beleg.store import accounts as store
from beleg.store import people
from beleg.store.criteria import Criteria, decode, encode
from beleg.store.inbox import FILTERS
from beleg.store.words import search

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import Connection

MOST = 500
"""How many filters there can be."""


class PlacedFilter(NamedTuple):
    """A filter, and how many filters stand above it."""

    filter: MailFilter
    depth: int


class Filtering(Base):
    """Filters."""

    def filters(self) -> list[PlacedFilter]:
        """All filters: those of no group, then group by group, by name; each before those below it."""
        with self.reading() as connection:
            return filters_of(connection)

    def filter(self, id_or_name: int | str) -> MailFilter:
        """The filter of this number, or of this title in one of the languages. Raises NotFound."""
        there = [each.filter for each in self.filters()]
        if isinstance(id_or_name, int):
            return _numbered(there, id_or_name)
        key = entered.key(" ".join(id_or_name.split()))
        found = [each for each in there if key in {entered.key(each.title(language)) for language in LANGUAGES}]
        if len(found) == 1:
            return found[0]
        if not found:
            raise NotFound("there is no filter %(name)s", name=repr(id_or_name))
        numbers = ", ".join(str(each.id) for each in found)
        raise NotFound("several filters are called %(name)r; name one by its number: %(numbers)s", name=id_or_name,
                       numbers=numbers)  # fmt: skip

    def filter_counts(self, wanted: Sequence[MailFilter], me: int | None = None) -> dict[int, int | None]:
        """How many mails some filters show, by number; 1,001 means more than 1,000, None: it searches for words, which
        is not counted. `me` is the number of the person who looks."""
        found = self.workspace.count_each([each.criteria for each in wanted], me)
        return {each.id: count for each, count in zip(wanted, found, strict=True)}

    def add_filter(self, name: str, criteria: Criteria, by: str, *, parent: int | None = None) -> MailFilter:
        """Save a search. It stands with the filters of its group, or below another filter of that. Raises NotFound,
        InputError."""
        name = entered.name(name)
        with self.writing() as connection:
            there = [each.filter for each in filters_of(connection)]
            if len(there) >= MOST:
                raise InputError("there can be %(most)s filters, and all of them are there; remove one", most=MOST)
            _free(there, name, criteria.group)
            self._check(connection, criteria)
            if parent is not None and _group(_numbered(there, parent)) != criteria.group:
                raise InputError("a filter stands below one of the same group")
            id_ = store.add_filter(
                connection, role=None, name=name, mail_group=criteria.group, parent=parent, criteria=encode(criteria)
            )
            made = _numbered([each.filter for each in filters_of(connection)], id_)
            self.note(connection, by, "filter.add", name, after=encode(criteria))
        return made

    def change_filter(
        self, id: int, by: str, *, name: str | None = None, criteria: Criteria | None = None
    ) -> MailFilter:
        """Rename a filter, or give it another search; what a filter that Beleg made shows stays, and an empty name
        gives it its own back. Raises NotFound, InputError."""
        with self.writing() as connection:
            there = [each.filter for each in filters_of(connection)]
            before = _numbered(there, id)
            values: dict[str, object] = {}
            if name is not None:
                values["name"] = "" if before.role and not name.strip() else entered.name(name)
                if values["name"]:
                    _free(there, str(values["name"]), _group(before), but=id)
            if criteria is not None and criteria != before.criteria:
                if before.role:
                    raise InputError("what this filter shows can't be changed: save a search of your own")
                self._check(connection, criteria)
                if criteria.group != _group(before):
                    if before.parent is not None or any(each.parent == id for each in there):
                        raise InputError("a filter stands below one of the same group")
                    _free(there, str(values.get("name", before.name)), criteria.group, but=id)
                values |= {"criteria": encode(criteria), "mail_group": criteria.group}
            if values:
                store.change_filter(connection, id, values)
            after = _numbered([each.filter for each in filters_of(connection)], id)
            if after != before:
                self.note(
                    connection, by, "filter.change", before.title("en"),
                    before={"name": before.name, "criteria": encode(before.criteria)},
                    after={"name": after.name, "criteria": encode(after.criteria)},
                )  # fmt: skip
        return after

    def remove_filter(self, id: int, by: str) -> MailFilter:
        """Remove a filter with those below it. Raises NotFound."""
        with self.writing() as connection:
            gone = _numbered([each.filter for each in filters_of(connection)], id)
            store.remove_filter(connection, id)
            self.note(connection, by, "filter.remove", gone.title("en"), before=encode(gone.criteria))
        return gone

    def reorder_filters(self, ids: Collection[int], by: str) -> None:
        """Put filters that stand beside one another into this order. Raises NotFound, InputError."""
        with self.writing() as connection:
            there = [each.filter for each in filters_of(connection)]
            self._reorder(connection, [_numbered(there, id_) for id_ in dict.fromkeys(ids)], by)

    def move_filter(self, id: int, by: str, *, up: bool) -> None:
        """Move a filter one place up, or down, among those beside it; the first one goes no further. Raises
        NotFound."""
        with self.writing() as connection:
            there = [each.filter for each in filters_of(connection)]
            moved = _numbered(there, id)
            beside = [each for each in there if _place(each) == _place(moved)]
            here = beside.index(moved)
            other = here - 1 if up else here + 1
            if 0 <= other < len(beside):
                beside[here], beside[other] = beside[other], beside[here]
                self._reorder(connection, beside, by)

    def _reorder(self, connection: Connection, wanted: Sequence[MailFilter], by: str) -> None:
        if len({_place(each) for each in wanted}) > 1:
            raise InputError("only filters that stand beside one another can be put into an order")
        places = sorted(each.position for each in wanted)
        for each, position in zip(wanted, places, strict=True):
            if each.position != position:
                store.change_filter(connection, each.id, {"position": position})
        self.note(connection, by, "filter.order", "", after=[each.title("en") for each in wanted])

    @staticmethod
    def _check(connection: Connection, criteria: Criteria) -> None:
        """What is asked for is there. Raises NotFound, InputError."""
        try:
            decode(encode(criteria))
        except ValidationError as error:
            raise InputError("a filter can't ask for that: %(fault)s", fault=str(error)) from None
        if criteria.state not in FILTERS:
            raise InputError("messages are filtered by %(states)s, not by %(state)r", states=", ".join(FILTERS),
                             state=criteria.state)  # fmt: skip
        if len(criteria.text) > 1_000:
            raise InputError("a search has at most %(most)s characters", most=1_000)
        search(criteria.text)
        if criteria.group is not None:
            found_group(connection, criteria.group)
        if criteria.topic is not None:
            found_topic(topics_of(connection), criteria.topic)
        for each in criteria.tags:
            found_tag(tags_of(connection), each)
        if isinstance(criteria.owner, int) and people.user(connection, criteria.owner) is None:
            raise NotFound("there is no user %(name)s", name=str(criteria.owner))


def filters_of(connection: Connection) -> list[PlacedFilter]:
    """All filters in the order in which they are shown. Two round trips."""
    groups = {row.id: group_of(row) for row in store.groups(connection)}
    below: dict[tuple[int | None, int | None], list[MailFilter]] = {}
    for row in store.filters(connection):
        below.setdefault((row.mail_group, row.parent), []).append(filter_of(row, groups))

    def walk(group: int | None, parent: int | None, depth: int) -> Iterator[PlacedFilter]:
        for each in below.get((group, parent), ()):
            yield PlacedFilter(each, depth)
            yield from walk(group, each.id, depth + 1)

    return [each for group in (None, *groups) for each in walk(group, None, 0)]


def _numbered(there: Sequence[MailFilter], id_: int) -> MailFilter:
    for each in there:
        if each.id == id_:
            return each
    raise NotFound("there is no filter %(name)s", name=str(id_))


def _group(each: MailFilter) -> int | None:
    return each.group.id if each.group else None


def _place(each: MailFilter) -> tuple[int | None, int | None]:
    return _group(each), each.parent


def _free(there: Sequence[MailFilter], name: str, group: int | None, but: int | None = None) -> None:
    for each in there:
        titles = {entered.key(each.title(language)) for language in LANGUAGES}
        if each.id != but and _group(each) == group and entered.key(name) in titles:
            raise InputError("there is a filter %(name)r already; choose another name", name=name)
