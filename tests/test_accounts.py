"""Accounts, and what is created with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from beleg import hookimpl
from beleg.accounts import Accounts, AccountSettings
from beleg.errors import InputError, NotFound
from beleg.mailserver import (
    CheckStep,
    Delivery,
    Endpoint,
    Envelope,
    IncomingProtocol,
    MailboxSession,
    MailServerError,
    OutgoingProtocol,
    Sentence,
)
from beleg.plugins import PluginError, installed
from beleg.store import Database
from beleg.store.account_tables import account
from beleg.workspace import Workspace
from serving import accounts_on


class Fetching(IncomingProtocol):
    """Tells what it was tried with."""

    name, title = "here", Sentence("Here", "Hier")
    ports: ClassVar = {"plain": 110, "starttls": 110, "tls": 995}
    auths = ("login", "apop", "oauth2")

    def check(self, endpoint: Endpoint) -> Iterator[CheckStep]:
        said = Sentence("{secret}", "{secret}")
        yield CheckStep("sign_in", said, True, said, {"secret": endpoint.secret.get_secret_value()})

    @contextmanager
    def open(self, endpoint: Endpoint) -> Iterator[MailboxSession]:
        raise NotImplementedError
        yield


class Sending(OutgoingProtocol):
    name, title = "away", Sentence("Away", "Fort")
    ports: ClassVar = {"plain": 25, "starttls": 587, "tls": 465}
    auths = ("login", "none", "oauth2")

    def check(self, endpoint: Endpoint) -> Iterator[CheckStep]:
        yield from ()

    def send(self, endpoint: Endpoint, envelope: Envelope) -> Delivery:
        raise NotImplementedError


class Plugin:
    @hookimpl
    def beleg_mail_servers(self) -> Sequence[object]:
        return [Fetching(), Sending()]


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return accounts_on(Workspace(database, installed(extra=[("test", Plugin())])))


def shop(accounts: Accounts, **fields: Any) -> Any:
    values = {"name": "Shop", "protocol": "here", "host": "pop.example.com", "user": "shop@example.com", **fields}
    return accounts.add("in", "Ada", sends={"protocol": "away"}, password=SecretStr("geheim"), **values)


def test_saving_a_new_account_creates_what_belongs_to_it(accounts: Accounts) -> None:
    made = shop(accounts)
    assert (made.port, made.active, made.has_secret) == (995, False, True)
    [sends] = accounts.accounts("out")
    assert (sends.name, sends.host, sends.port, sends.active) == ("Shop", "smtp.example.com", 465, False)
    assert sends.senders == ("shop@example.com",)
    [group] = accounts.groups()
    assert (group.name, group.address, made.group) == ("Shop", "shop@example.com", group.id)
    assert [each.name for each in accounts.signatures()] == ["Shop"]
    assert group.signature == accounts.signatures()[0].id
    assert accounts.arrival_rules()[made.id][1:] == (group.id, "open", None, None)
    with accounts.reading() as connection:
        assert accounts.workspace.ignore_list(connection).entry_for("shop@example.com")


def test_switched_on_in_the_form_both_are_active(accounts: Accounts) -> None:
    shop(accounts, active=True)
    assert [each.active for each in accounts.accounts()] == [True, True]


def test_a_user_name_that_is_no_address_needs_the_groups(accounts: Accounts) -> None:
    with pytest.raises(InputError, match="enter the address of the group 'Shop'"):
        shop(accounts, user="shop")
    assert accounts.accounts() == accounts.groups() == accounts.signatures() == []
    made = accounts.add(
        "in", "Ada", group_address="shop@example.com", sends={"protocol": "away"},
        name="Shop", protocol="here", host="h", user="shop",
    )  # fmt: skip
    assert accounts.group("shop").address == "shop@example.com"
    assert accounts.account("SHOP") == made


def test_the_password_is_stored_encrypted_alone(accounts: Accounts, database: Database) -> None:
    made = shop(accounts)
    with database.begin() as connection:
        sealed = connection.scalars(select(account.c.secret)).all()
    assert len(sealed) == 2
    assert not any("geheim" in each for each in sealed)
    assert accounts.endpoint(made).secret.get_secret_value() == "geheim"
    assert "geheim" not in repr(accounts.endpoint(made))


def test_a_check_without_a_password_takes_the_stored_one(accounts: Accounts) -> None:
    made = shop(accounts)
    [step] = accounts.check("in", made.id, auth="apop")
    assert step.values["secret"] == "geheim"
    [step] = accounts.check("in", made.id, password=SecretStr("anders"))
    assert step.values["secret"] == "anders"
    assert accounts.account(made.id).host == "pop.example.com"


ELSEWHERE: list[dict[str, Any]] = [
    {"host": "other.example.com"}, {"port": 110}, {"security": "plain"}, {"user": "else@example.com"}
]  # fmt: skip


@pytest.mark.parametrize("elsewhere", ELSEWHERE, ids=lambda each: next(iter(each)))
def test_a_password_goes_only_to_where_it_was_stored_for(accounts: Accounts, elsewhere: dict[str, Any]) -> None:
    made = shop(accounts)
    with pytest.raises(InputError, match="enter the password again"):
        accounts.check("in", made.id, **elsewhere)
    with pytest.raises(InputError, match="'Shop' changes: enter the password again"):
        accounts.change_many([made.id], "Ada", active=True, **elsewhere)
    assert accounts.account(made.id) == made
    changed = accounts.change(made.id, "Ada", password=SecretStr("anders"), **elsewhere)
    assert accounts.endpoint(changed).secret.get_secret_value() == "anders"


def test_a_password_does_not_move_along_while_another_sign_in_is_used(accounts: Accounts) -> None:
    made = shop(accounts)
    linked = accounts.change(made.id, "Ada", auth="oauth2", provider="microsoft")
    assert linked.has_secret
    with pytest.raises(InputError, match="enter the password again"):
        accounts.change(made.id, "Ada", host="other.example.com", auth="login")
    assert not accounts.change(made.id, "Ada", host="other.example.com").has_secret
    back = accounts.change(made.id, "Ada", auth="login")
    assert accounts.endpoint(back).secret.get_secret_value() == ""


def test_a_check_of_another_sign_in_gives_no_password_as_a_token(accounts: Accounts) -> None:
    made = shop(accounts)
    with pytest.raises(MailServerError, match="link the account"):
        list(accounts.check("in", made.id, auth="oauth2", provider="microsoft"))


def test_the_eleventh_is_refused(accounts: Accounts) -> None:
    few = accounts_on(accounts.workspace, AccountSettings(limit=2))
    for name in ("A", "B"):
        shop(few, name=name)
    with pytest.raises(InputError, match=r"there can be 2 accounts that fetch mail.*account_limit"):
        shop(few, name="C")
    assert len(few.groups()) == 2


def test_removing_takes_the_account_that_sends_with_it(accounts: Accounts) -> None:
    first, _ = shop(accounts), shop(accounts, name="Other")
    gone = accounts.remove([first.id], "Ada")
    assert [(each.direction, each.name) for each in gone] == [("in", "Shop"), ("out", "Shop")]
    assert {each.name for each in accounts.accounts()} == {"Other"}
    assert [each.name for each in accounts.groups()] == ["Other", "Shop"]
    shop(accounts, name="shop")
    assert [each.name for each in accounts.groups()] == ["Other", "Shop"]


def test_several_are_changed_at_once_or_none(accounts: Accounts) -> None:
    one, two = shop(accounts), shop(accounts, name="Other")
    changed = accounts.change_many([one.id, two.id], "Ada", after="later", days=14)
    assert [(each.after, each.days) for each in changed] == [("later", 14)] * 2
    with pytest.raises(InputError, match="one name"):
        accounts.change_many([one.id, two.id], "Ada", name="Same")
    with pytest.raises(NotFound):
        accounts.change_many([one.id, 99], "Ada", active=True)
    assert not accounts.account(one.id).active


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": " "}, "a name is"),
        ({"host": "https://h"}, "not the name or the address of a server"),
        ({"port": 70_000}, "a port is"),
        ({"user": "a\r\nQUIT"}, "control characters"),
        ({"security": "ssl"}, "the connection is one of"),
        ({"auth": "oauth2"}, "choose the provider"),
        ({"user": ""}, "user name"),
        ({"after": "later"}, "after how many days"),
        ({"after": "never"}, "after fetching is one of"),
        ({"protocol": "imap"}, "no plugin"),
    ],
)
def test_what_is_refused(accounts: Accounts, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        shop(accounts, **fields)
    assert accounts.accounts() == []


def test_apop_does_not_exist_for_smtp(accounts: Accounts) -> None:
    with pytest.raises(InputError, match="APOP does not exist for SMTP"):
        accounts.add("out", "Ada", name="S", protocol="away", host="h", auth="apop", user="u")


def test_what_went_wrong_is_kept_until_it_goes_well_or_is_changed(accounts: Accounts) -> None:
    made = shop(accounts)
    fault = MailServerError("sign_in", Sentence("No, {who}", "Nein, {who}"), "-ERR [AUTH]", who="Ada")
    accounts.settled(made.id, fault, halted=True)
    found = accounts.account(made.id)
    assert (found.fault, found.failures, found.halted) == ("sign_in", 1, True)
    assert found.error == {"en": "No, Ada (-ERR [AUTH])", "de": "Nein, Ada (-ERR [AUTH])"}
    assert not accounts.change(made.id, "Ada", password=SecretStr("neu")).halted
    accounts.settled(made.id, fault)
    accounts.settled(made.id, None)
    assert accounts.account(made.id).error is None


def test_what_is_still_missing(accounts: Accounts) -> None:
    assert accounts.missing() == ["in", "out"]
    accounts.add("out", "Ada", name="S", protocol="away", host="h", auth="none", senders=["*"])
    assert accounts.missing() == ["in"]


def test_two_plugins_of_one_name_are_told_apart() -> None:
    with pytest.raises(PluginError, match="'one' and 'two' both bring the mail server 'here'"):
        installed(extra=[("one", Plugin()), ("two", Plugin())])


def test_what_is_no_mail_server_is_told() -> None:
    class Wrong:
        @hookimpl
        def beleg_mail_servers(self) -> Sequence[object]:
            return ["smtp"]

    with pytest.raises(PluginError, match="hook beleg_mail_servers: it returned a str"):
        installed(extra=[("wrong", Wrong())])
