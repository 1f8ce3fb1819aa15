"""What GREYHOUND's documentation does not say, and what is assumed of it: all of it in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from beleg import MailServerError, Sentence
from beleg_greyhound.fields import number, records, text

_VERSION = re.compile(r"\d{1,5}(?:\.\d{1,6}){0,4}")
_LONGEST_ID = 18


class NotDocumented:
    """Assumptions, each of which a real server may prove wrong. Where one does, the answer is an error that says so, or
    a field less; nothing is guessed beyond what stands here."""

    # --- the shape of answers: as JSON-RPC 1.1 has it

    @staticmethod
    def result(answer: Mapping[str, Any]) -> Any:
        """`result`; what is empty or zero may be left out."""
        return answer.get("result")

    @staticmethod
    def error(answer: Any) -> Any:
        """`error`; None where there is none."""
        return answer.get("error") if isinstance(answer, dict) else None

    @staticmethod
    def words(error: Any) -> tuple[int | None, str]:
        """The code of an error and its message: an object with `code` and `message`, or the message alone."""
        if isinstance(error, str):
            return None, error
        return number(error, "code", None), text(error, "message") or text(error, "name")

    @staticmethod
    def list_of(result: Any) -> list[Mapping[str, Any]]:
        """A list is an array of objects; an empty one may be left out."""
        if result is None or isinstance(result, list):
            return records(result)
        raise MailServerError("protocol", _NO_LIST)

    @staticmethod
    def one(result: Any) -> dict[str, Any]:
        """One thing is an object."""
        if isinstance(result, dict) and result:
            return dict(result)
        raise MailServerError("protocol", _NOTHING)

    @staticmethod
    def new_id(result: Any) -> str:
        """`New` answers with the new id."""
        found = number({"ID": result} if not isinstance(result, dict) else result, "ID", 0)
        if not found:
            raise MailServerError("unclear", _NO_ID)
        return str(found)

    @staticmethod
    def version(result: Any) -> tuple[int, ...]:
        """`GetServerInfo` answers with an object that has a `Version`, numbers and dots in front."""
        found = _VERSION.match(text(result, "Version").strip())
        return tuple(map(int, found[0].split("."))) if found else ()

    @staticmethod
    def checked(result: Any) -> tuple[bool, str]:
        """`CheckConnection` raises an error where the connection fails; false or a text in place of a number is one,
        too."""
        if isinstance(result, str):
            return not result.strip(), result
        return result is not False, text(result, "Message")

    @staticmethod
    def progress(result: Any) -> int | None:
        """`CheckOAuth2Authentication` answers with the state, or with an object that has it as `State`."""
        return number(result if isinstance(result, dict) else {"State": result}, "State", 0)

    @staticmethod
    def classified(item: Mapping[str, Any]) -> list[int]:
        """`Classified` is a list of ids, or of objects that have them as `ItemRef` or `ID`."""
        found = item.get("Classified")
        entries = found if isinstance(found, list) else []
        ids = (
            number(each, "ItemRef", 0) or number(each, "ID", 0) if isinstance(each, dict) else each for each in entries
        )
        return [each for each in ids if isinstance(each, int)]

    # --- how things are said

    NEWEST_FIRST = 1
    """OrderDirection: descending. (This and the next three stand in the vendor's type reference.)"""
    BY_ID, BY_CREATED, ID_SINCE = 15, 11, (5, 5, 231)
    """OrderBy: by id, which servers know from a version on, else by creation."""
    LISTED = 1 | 2048 | 4096 | 16384
    """ListValues: GroupRef, State, Kind, Flags."""
    EX_SINCE = (5, 5)
    """The version from which on GetList has ListValuesEx."""
    EMAILS = 1
    """Kinds as a set: e-mails."""
    PLAIN_CONTACT = 0
    """AddClassified's Kind: neither sender nor recipient in particular."""

    @staticmethod
    def senders(found: str) -> list[str]:
        """An SMTP account's `Filter` is a list of addresses, parted by blanks, line ends, commas or semicolons."""
        return [each for each in re.split(r"[\s,;]+", found) if each]

    @staticmethod
    def id_of(id: str) -> int:
        """Ids are whole numbers above zero. Raises MailServerError."""
        if id.isascii() and id.isdigit() and len(id) <= _LONGEST_ID and int(id):
            return int(id)
        raise MailServerError("refused", _BAD_ID, id=id[:40])


# Dates: their encoding is not documented, so no field that is a date is read, and no list is asked for by date.
# Locks: whether Put and Delete need one is not documented, so none is taken; where a server wants one, it answers with
# an error, which is shown.

_NO_LIST = Sentence(
    "The server answered with something else than a list.", "Der Server hat etwas anderes als eine Liste geantwortet."
)
_NOTHING = Sentence(
    "The server has nothing under this id, or answers in an unknown form.",
    "Unter dieser ID hat der Server nichts, oder er antwortet in unbekannter Form.",
)
_NO_ID = Sentence(
    "The server did not say the id of what was made; look there whether it was.",
    "Der Server hat die ID des Angelegten nicht genannt; sehen Sie dort nach, ob es angelegt wurde.",
)
_BAD_ID = Sentence("{id} is no id of GREYHOUND's.", "{id} ist keine ID von GREYHOUND.")
