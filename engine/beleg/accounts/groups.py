"""Groups and signatures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from beleg.accounts import entered
from beleg.accounts.base import Base, arrival_of, found_account, found_group, group_of, signature_of
from beleg.accounts.model import ArrivalRule, Group, Signature
from beleg.accounts.topics import found_topic, topics_of
from beleg.errors import InputError, NotFound
from beleg.store import accounts as store
from beleg.store import people


class Grouping(Base):
    """Groups, which are made with accounts; their signatures; where mail that arrives goes."""

    def groups(self) -> list[Group]:
        """All groups, by name."""
        with self.reading() as connection:
            return [group_of(row) for row in store.groups(connection)]

    def group(self, id_or_name: int | str) -> Group:
        """The group of this number, or of this name. Raises NotFound."""
        with self.reading() as connection:
            if isinstance(id_or_name, int):
                return group_of(found_group(connection, id_or_name))
            row = store.group_named(connection, entered.key(" ".join(id_or_name.split())))
        if row is None:
            raise NotFound("there is no group %(name)r", name=id_or_name)
        return group_of(row)

    def change_group(self, id: int, by: str, **fields: Any) -> Group:
        """Change a group's `name`, `address` or default `signature` (a number, or None). Raises NotFound,
        InputError."""
        with self.writing() as connection:
            before = group_of(found_group(connection, id))
            values = dict(fields)
            if "name" in values:
                values["name"] = entered.name(values["name"])
                values["key"] = entered.key(values["name"])
                other = store.group_named(connection, values["key"])
                if other is not None and other.id != id:
                    raise InputError("there is a group %(name)r already; choose another name", name=other.name)
            if "address" in values:
                values["address"] = entered.address(values["address"])
            if values.get("signature") is not None and not store.one_signature(connection, values["signature"]):
                raise NotFound("there is no signature %(number)s", number=str(values["signature"]))
            if values:
                store.change_group(connection, id, values)
            after = group_of(found_group(connection, id))
            if after != before:
                self.note(
                    connection, by, "group.change", before.name,
                    before={"name": before.name, "address": before.address},
                    after={"name": after.name, "address": after.address},
                )  # fmt: skip
        return after

    # --- signatures ----------------------------------------------------------------------------------------------

    def signatures(self) -> list[Signature]:
        """All signatures, by name."""
        with self.reading() as connection:
            return [signature_of(row) for row in store.signatures(connection)]

    def signature(self, id: int) -> Signature:
        """The signature of this number. Raises NotFound."""
        with self.reading() as connection:
            row = store.one_signature(connection, id)
        if row is None:
            raise NotFound("there is no signature %(number)s", number=str(id))
        return signature_of(row)

    def save_signature(self, id: int | None, name: str, text: str, by: str) -> Signature:
        """Store a signature, a new one where there is no number. Raises NotFound, InputError."""
        made = Signature(id or 0, entered.name(name), text.replace("\r\n", "\n").rstrip())
        if len(made.text) > 20_000 or "\0" in made.text:
            raise InputError("a signature is at most %(most)s characters", most=20_000)
        values = {"key": entered.key(made.name), "name": made.name, "text": made.text}
        with self.writing() as connection:
            other = store.signature_named(connection, values["key"])
            if other is not None and other.id != id:
                raise InputError("there is a signature %(name)r already; choose another name", name=other.name)
            if id is None:
                made = replace(made, id=store.add_signature(connection, **values))
            elif store.one_signature(connection, id) is None:
                raise NotFound("there is no signature %(number)s", number=str(id))
            else:
                store.change_signature(connection, id, values)
            self.note(connection, by, "signature.save", made.name)
        return made

    def remove_signature(self, id: int, by: str) -> None:
        """Remove a signature; groups that had it have none then. Raises NotFound."""
        with self.writing() as connection:
            row = store.one_signature(connection, id)
            if row is None:
                raise NotFound("there is no signature %(number)s", number=str(id))
            store.remove_signature(connection, id)
            self.note(connection, by, "signature.remove", row.name)

    # --- where mail goes that arrives ----------------------------------------------------------------------------

    def arrival_rules(self) -> dict[int, ArrivalRule]:
        """The rules "Incoming: [name]", by account."""
        with self.reading() as connection:
            return {row.account: arrival_of(row) for row in store.arrival_rules(connection)}

    def change_arrival_rule(self, rule: ArrivalRule, by: str) -> None:
        """Store where mail goes that arrives on an account. Raises NotFound, InputError."""
        if rule.work not in ("open", "done"):
            raise InputError("mail arrives open or done, not %(work)r", work=rule.work)
        with self.writing() as connection:
            row = found_account(connection, rule.account)
            found_group(connection, rule.group)
            if rule.owner is not None and people.user(connection, rule.owner) is None:
                raise NotFound("there is no user %(number)s", number=str(rule.owner))
            if rule.topic is not None:
                found_topic(topics_of(connection), rule.topic)
            values = {"mail_group": rule.group, "work": rule.work, "owner": rule.owner, "topic": rule.topic}
            store.set_arrival_rule(connection, rule.account, values)
            self.note(connection, by, "arrival.change", row.name, after=values)
