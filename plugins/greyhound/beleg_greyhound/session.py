"""What a session asks of GREYHOUND: each of its methods is a few documented calls."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from beleg import (
    CheckStep,
    ItemKind,
    LinkState,
    MailServerError,
    Sentence,
    ServerItem,
    ServerLink,
    ServerMail,
    ServerSession,
)
from beleg_greyhound import items
from beleg_greyhound.client import Answered, Client
from beleg_greyhound.fields import Record, id_of, ids, number, records, text
from beleg_greyhound.undocumented import NotDocumented

_PROGRESS: Mapping[int, LinkState] = {0: "none", 1: "pending", 2: "finished", 3: "failed"}
_EMAIL = 0


class Session(ServerSession):
    """Calls with one client. Not to be shared between threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._named: set[int] = set()
        """Groups that something named: there is no documented list of them."""
        self._groups: dict[int, Record | None] = {}

    # --- what it keeps -----------------------------------------------------------------------------------------------

    def items(self, kind: ItemKind) -> Sequence[ServerItem]:
        """All of a kind. Groups are those that accounts, signatures, filters and mails name, and those above them."""
        found = self._all_groups() if kind == "group" else self._list(kind)
        return [
            ServerItem(str(id_of(each)), text(each, "Name"), items.read(kind, each)) for each in found if id_of(each)
        ]

    def _list(self, kind: ItemKind) -> list[Record]:
        found = NotDocumented.list_of(self._client.call(f"{items.SERVICES[kind]}.GetList", again=True))
        for each in found:
            self._named.update(ids(each, "GroupRefs"), [id_of(each, "GroupRef")])
            self._named.update(id_of(one, "GroupRef") for one in records(each.get("Groups")))
        return found

    def _all_groups(self) -> Iterator[Record]:
        for kind in items.SERVICES:
            if kind != "group":
                self._list(kind)
        for user in NotDocumented.list_of(self._client.call("RpcUsers.GetList", again=True)):
            self._named.update(ids(user, "GroupRefs"), [id_of(user, "GroupRef")])
        while waiting := sorted(self._named - self._groups.keys() - {0}):
            for each in waiting:
                self._groups[each] = found = self._group(each)
                self._named.add(id_of(found, "ParentRef") if found else 0)
        yield from (each for _, each in sorted(self._groups.items()) if each is not None)

    def _group(self, id: int) -> Record | None:
        """A group; None where the server has none under this id (any more)."""
        try:
            found = NotDocumented.one(self._client.call("RpcGroups.Get", id, again=True))
        except MailServerError as error:
            if isinstance(error, Answered) or error.fault == "protocol":
                return None
            raise
        return {**found, "ID": id}

    def create(self, kind: ItemKind, fields: Mapping[str, Any]) -> str:
        """Make one with `New`."""
        return NotDocumented.new_id(self._client.call(f"{items.SERVICES[kind]}.New", items.write(kind, fields)))

    def change(self, kind: ItemKind, id: str, fields: Mapping[str, Any]) -> None:
        """Get it, change these fields, and put it back whole: what Beleg does not know stays."""
        written = items.write(kind, fields)
        number = NotDocumented.id_of(id)
        whole = NotDocumented.one(self._client.call(f"{items.SERVICES[kind]}.Get", number, again=True))
        if kind == "signature" and "Groups" in written:
            written["Groups"] = _beside(whole, written["Groups"])
        self._client.call(f"{items.SERVICES[kind]}.Put", {**whole, "ID": number, **written})

    def remove(self, kind: ItemKind, id: str) -> None:
        """Delete one; a group can't be."""
        if kind == "group":
            raise MailServerError("unsupported", _NO_DELETE)
        self._client.call(f"{items.SERVICES[kind]}.Delete", NotDocumented.id_of(id))

    # --- accounts ----------------------------------------------------------------------------------------------------

    def check_account(self, kind: ItemKind, fields: Mapping[str, Any]) -> Sequence[CheckStep]:
        """`CheckConnection`, one step: the server looks at it all at once."""
        account = items.write(kind, fields)
        try:
            ok, said = NotDocumented.checked(
                self._client.call(f"{self._accounts(kind)}.CheckConnection", account, again=True)
            )
        except Answered as error:
            return [CheckStep("sign_in", _CHECK, False, error.sentence, error.values, error.server)]
        return [
            CheckStep("sign_in", _CHECK, ok, _CONNECTED if ok else _NOT_CONNECTED, {}, " ".join(said.split())[:500])
        ]

    def begin_link(self, kind: ItemKind, host: str, redirect_url: str, language: str) -> ServerLink:
        """`StartOAuth2Authentication`."""
        method = f"{self._accounts(kind)}.StartOAuth2Authentication"
        found = NotDocumented.one(self._client.call(method, host, redirect_url, language))
        identifier, url = text(found, "Identifier"), text(found, "Url")
        if not identifier or not url.startswith("https://") or any(each.isspace() for each in url):
            raise MailServerError("protocol", _NO_LINK)
        return ServerLink(identifier, json.dumps(found.get("Kind", "")), url)

    def link_state(self, kind: ItemKind, link: ServerLink) -> LinkState:
        """`CheckOAuth2Authentication`."""
        method = f"{self._accounts(kind)}.CheckOAuth2Authentication"
        try:
            as_given = json.loads(link.kind)
        except ValueError:
            as_given = link.kind
        state = NotDocumented.progress(self._client.call(method, link.identifier, as_given, again=True))
        if state is None or state not in _PROGRESS:
            raise MailServerError("protocol", _NO_PROGRESS)
        return _PROGRESS[state]

    @staticmethod
    def _accounts(kind: ItemKind) -> str:
        if kind not in ("incoming", "outgoing"):
            raise MailServerError("unsupported", _NO_ACCOUNT)
        return items.SERVICES[kind]

    # --- mail --------------------------------------------------------------------------------------------------------

    def mails(self, groups: Collection[str], offset: int) -> Sequence[ServerMail]:
        """A page of e-mails. What is no e-mail is on it, too, as `unfinished`, so that the next offset is right."""
        version = self._client.version()
        wanted = {
            "Kinds": NotDocumented.EMAILS,
            "MinClassified": -1,
            "MaxClassified": -1,
            **({"GroupRefs": [NotDocumented.id_of(each) for each in groups]} if groups else {}),
        }
        order = NotDocumented.BY_ID if version >= NotDocumented.ID_SINCE else NotDocumented.BY_CREATED
        params = [wanted, order, NotDocumented.NEWEST_FIRST, offset, NotDocumented.LISTED, [], 0]
        if version >= NotDocumented.EX_SINCE:
            params.append(0)
        found = NotDocumented.list_of(self._client.call("RpcItems.GetList", *params, again=True))
        listed = [_mail(each) for each in found if id_of(each)]
        if found and not listed:
            raise MailServerError("protocol", _NO_IDS)
        self._named.update(int(each.group) for each in listed if each.group)
        return listed

    def raw(self, id: str) -> bytes:
        """`GET /json/ItemsCurrentEml<id>`."""
        return self._client.download(f"/json/ItemsCurrentEml{NotDocumented.id_of(id)}")

    def thread(self, id: str) -> Sequence[str]:
        """`GetThreadList`."""
        params: list[Any] = [NotDocumented.id_of(id), NotDocumented.LISTED, [], True]
        found = NotDocumented.list_of(self._client.call("RpcItems.GetThreadList", *params, again=True))
        return [str(id_of(each)) for each in found if id_of(each) and str(id_of(each)) != id]

    def write_contact(self, id: str, contact: str, remark: str) -> None:
        """`AddClassified`, unless the contact stands there already: an earlier call may have been carried out."""
        item, ref = NotDocumented.id_of(id), NotDocumented.id_of(contact)
        there = NotDocumented.one(self._client.call("RpcItems.Get", item, False, again=True))
        if ref not in NotDocumented.classified(there):
            self._client.call("RpcItems.AddClassified", item, ref, NotDocumented.PLAIN_CONTACT, remark)


def _mail(record: Record) -> ServerMail:
    state, flags = number(record, "State", 0) or 0, number(record, "Flags", 0) or 0
    group = id_of(record, "GroupRef")
    return ServerMail(
        id=str(id_of(record)),
        group=str(group) if group else None,
        deleted=bool(flags & items.DELETED),
        failed="failure" if flags & items.FAILURE else "",
        done=bool(state & items.DONE),
        spam=bool(flags & items.SPAM),
        unfinished=bool(state & items.DRAFT or flags & items.UNSENT or number(record, "Kind", 0) != _EMAIL),
    )


def _beside(whole: Record, defaults: list[dict[str, Any]]) -> list[Record]:
    """The groups of a signature with another default: what is said of other groups stays."""
    changed = {each["GroupRef"] for each in defaults}
    return [*(each for each in records(whole.get("Groups")) if id_of(each, "GroupRef") not in changed), *defaults]


_CHECK = Sentence("Connection, checked by GREYHOUND", "Verbindung, von GREYHOUND geprüft")
_CONNECTED = Sentence("signed in", "angemeldet")
_NOT_CONNECTED = Sentence("the account could not be signed in to", "die Anmeldung am Konto gelang nicht")
_NO_DELETE = Sentence(
    "A group can't be deleted through this interface; delete it in GREYHOUND.",
    "Eine Gruppe lässt sich über diese Schnittstelle nicht löschen; löschen Sie sie in GREYHOUND.",
)
_NO_LINK = Sentence(
    "GREYHOUND did not say where the account is linked.", "GREYHOUND hat nicht gesagt, wo das Konto verknüpft wird."
)
_NO_PROGRESS = Sentence(
    "GREYHOUND did not say how far linking is.", "GREYHOUND hat nicht gesagt, wie weit das Verknüpfen ist."
)
_NO_ACCOUNT = Sentence("Only accounts can be checked and linked.", "Nur Konten können geprüft und verknüpft werden.")
_NO_IDS = Sentence(
    "The server lists mails without ids, so they can't be read.",
    "Der Server listet Mails ohne IDs; sie lassen sich nicht lesen.",
)
