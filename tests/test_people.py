"""People who may sign in: on both databases, through `People` and the command line."""

from __future__ import annotations

import io
import os
import pty
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import time_machine
from argon2 import Parameters, extract_parameters
from argon2.profiles import CHEAPEST, RFC_9106_LOW_MEMORY
from hypothesis import given, settings
from hypothesis import strategies as st

from beleg.errors import InputError, NotFound
from beleg.people import OF_NAME, OF_ORIGIN, ROLES, SCOPES, SESSION_SECONDS, WITHIN, People, SignInRefused, User
from beleg.people.entered import name_key
from beleg.plugins import Installed
from beleg.store import Database, journal
from beleg.workspace import Workspace
from commands import Cli

PASSWORD = "ein gutes Passwort"
START = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def people(request: pytest.FixtureRequest) -> People:
    """On SQLite, and on PostgreSQL too where a test is marked so."""
    return People(request.getfixturevalue(getattr(request, "param", "sqlite")), CHEAPEST)


both = pytest.mark.parametrize("people", ["sqlite", "postgres"], indirect=True)
"""For what the database has a part in."""


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as found:
        yield found


def written(people: People) -> list[journal.Entry]:
    """The journal, in order."""
    with people.database.begin(write=False) as connection:
        return journal.newest(connection, 1000)[::-1]


def everything(database: Database) -> str:
    """All that is stored, as text."""
    tables = ("person", "session", "token", "attempt", "secret", "journal", "ignored")
    with database.begin(write=False) as connection:
        return "\n".join(str(row) for name in tables for row in connection.exec_driver_sql(f"SELECT * FROM {name}"))


def refused(people: People, name: str, password: str = "falsch", origin: str = "192.0.2.1") -> int | None:
    """Try to sign in, in vain; returns for how long to wait."""
    with pytest.raises(SignInRefused) as caught:
        people.sign_in(name, password, origin)
    return caught.value.retry_after


def stored_hash(database: Database, user: User) -> str:
    with database.begin(write=False) as connection:
        return str(connection.exec_driver_sql(f"SELECT password FROM person WHERE id = {user.id}").scalar_one())


# --- users


@both
def test_a_user(people: People, clock: time_machine.Traveller) -> None:
    made = people.add(
        "  Erika   Muster ", PASSWORD, address=" e@firma.example ", role="admin", language="de", by="root"
    )
    assert made == User(
        made.id, "Erika Muster", "e@firma.example", "admin", "de", True, True, "2026-03-02T10:00:00+00:00"
    )
    bert = people.add("bert", PASSWORD, mail=False, by="Erika Muster")
    assert (bert.role, bert.language, bert.address, bert.mail, bert.active) == ("support", None, "", False, True)
    assert people.users() == [bert, made]
    assert people.user(made.id) == people.user("ERIKA MUSTER") == made
    for unknown in ("anna", "", "\0", "\ud800", 77, 0, -1, 2**31, 2**70):
        with pytest.raises(NotFound, match="there is no user"):
            people.user(unknown)


@pytest.mark.parametrize("same", ["erika", "ERIKA", " Erika ", "Ｅrika", "ErIKa"])
def test_a_name_is_taken_in_any_spelling(people: People, same: str) -> None:
    people.add("Erika", PASSWORD, by="root")
    other = people.add("Otto", PASSWORD, by="root")
    with pytest.raises(InputError, match="there is a user 'Erika' already"):
        people.add(same, PASSWORD, by="root")
    with pytest.raises(InputError, match="there is a user 'Erika' already"):
        people.change(other.id, "root", name=same)
    assert [each.name for each in people.users()] == ["Erika", "Otto"]


def test_names_that_differ(people: People) -> None:
    names = ["Erika", "Erik", "Érika", "Straße", "Strase", "Иван"]
    for name in names:
        people.add(name, PASSWORD, by="root")
    with pytest.raises(InputError, match="'Straße'"):
        people.add("STRASSE", PASSWORD, by="root")
    with pytest.raises(InputError, match="'Érika'"):
        people.add("E\u0301RIKA", PASSWORD, by="root")
    assert len(people.users()) == len(names)


@given(st.text(max_size=450))
@settings(max_examples=100, deadline=None)
def test_a_name_is_compared_with_itself(text: str) -> None:
    key = name_key(text)
    assert key == name_key(key)
    assert key == name_key(f" {text[:400]}  ") or len(text) > 390
    assert key.isprintable()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": ""}, "the name of a user is 1 to 100 characters"),
        ({"name": " \n "}, "the name of a user"),
        ({"name": "x" * 101}, "the name of a user"),
        ({"name": "er\0ika"}, "none of them a control character"),
        ({"name": "erika\u202eakire"}, "none of them a control character"),
        ({"name": "er\u200bika"}, "none of them a control character"),
        ({"name": "er\ud800ika"}, "none of them a control character"),
        ({"role": "boss"}, "a role is one of support, admin, not 'boss'"),
        ({"role": ""}, "a role is one of"),
        ({"language": "fr"}, "a language is one of en, de, not 'fr'"),
        ({"address": "erika"}, "'erika' is no e-mail address"),
        ({"address": "@firma.example"}, "is no e-mail address"),
        ({"address": "a@x.example, b@x.example"}, "is no e-mail address"),
        ({"address": "Erika <e@x.example>"}, "is no e-mail address"),
        ({"address": "e\ud800@x.example"}, "is no e-mail address"),
    ],
)
def test_what_a_user_can_not_be(people: People, fields: dict[str, Any], says: str) -> None:
    erika = people.add("Erika", PASSWORD, by="root")
    before = everything(people.database)
    with pytest.raises(InputError, match=says):
        people.add(**{"name": "Otto", "password": PASSWORD, "by": "root", **fields})
    with pytest.raises(InputError, match=says):
        people.change(erika.id, "root", **fields)
    assert everything(people.database) == before


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "10 to 1,000"),
        ("neunkurze", "10 to 1,000"),
        ("u\u0308" * 9, "10 to 1,000"),
        ("x" * 1_001, "10 to 1,000"),
        ("x" * 1_000_000, "10 to 1,000"),
        ("geheim\ud800geheim", "no text in UTF-8"),
    ],
)
def test_what_a_password_can_not_be(people: People, password: str, says: str) -> None:
    erika = people.add("Erika", PASSWORD, by="root")
    for attempt in (
        lambda: people.add("Otto", password, by="root"),
        lambda: people.set_password(erika.id, password, "root"),
    ):
        with pytest.raises(InputError, match=says) as caught:
            attempt()
        assert not password or password not in str(caught.value)
    assert people.sign_in("Erika", PASSWORD, "192.0.2.1")
    refused(people, "Erika", password)


@pytest.mark.parametrize(
    "password", ["x" * 10, "ü" * 1_000, "u\u0308" * 1_000, "  0123456789  ", "🔑" * 10, "tab\tund\0null"]
)
def test_what_a_password_can_be(people: People, password: str) -> None:
    people.add("Erika", password, by="root")
    assert people.sign_in("erika", password, "192.0.2.1")
    refused(people, "erika", password + "x")
    refused(people, "erika", password[:-1])


def test_a_password_as_another_keyboard_writes_it(people: People) -> None:
    people.add("Erika", "gr\u00fcne Wiese", by="root")
    assert people.sign_in("erika", "gru\u0308ne Wiese", "192.0.2.1")


@both
def test_changes(people: People) -> None:
    erika = people.add("Erika", PASSWORD, role="admin", by="root")
    otto = people.add("Otto", PASSWORD, by="Erika")
    changed = people.change(
        otto.id, "Erika", name="Otto Normal", role="admin", language="de", mail=False, address="o@x.de"
    )
    assert changed == people.user("otto normal") == people.user(otto.id)
    assert (changed.name, changed.role, changed.language, changed.mail) == ("Otto Normal", "admin", "de", False)
    assert (changed.id, changed.created) == (otto.id, otto.created)
    assert people.change(otto.id, "Erika", language=None, address="").language is None
    assert people.change(otto.id, "Erika", name="OTTO NORMAL").name == "OTTO NORMAL"
    entries = len(written(people))
    assert people.change(otto.id, "Erika", name="OTTO NORMAL", mail=False) == people.user(otto.id)
    assert len(written(people)) == entries
    assert people.user(erika.id) == erika
    with pytest.raises(NotFound):
        people.change(77, "Erika", mail=False)


@pytest.mark.parametrize("lost", [{"active": False}, {"role": "support"}])
def test_an_active_admin_is_left(people: People, lost: dict[str, Any]) -> None:
    erika = people.add("Erika", PASSWORD, role="admin", by="root")
    otto = people.add("Otto", PASSWORD, by="root")
    for _ in range(2):
        with pytest.raises(InputError, match="Erika is the only active admin"):
            people.change(erika.id, "Erika", **lost)
        people.change(otto.id, "Erika", role="admin", active=False)  # an inactive one is none
    people.change(otto.id, "Erika", active=True)
    people.change(erika.id, "Otto", **lost)
    with pytest.raises(InputError, match="Otto is the only active admin"):
        people.change(otto.id, "Otto", **lost)


def test_before_there_is_an_admin_everything_can_change(people: People) -> None:
    otto = people.add("Otto", PASSWORD, by="root")
    assert not people.change(otto.id, "root", active=False).active


@both
def test_two_admins_who_resign_at_once(people: People) -> None:
    both = [people.add(name, PASSWORD, role="admin", by="root") for name in ("Erika", "Otto")]
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(people.change, each.id, each.name, role="support") for each in both]
    assert sorted(type(each.exception()).__name__ for each in done) == ["InputError", "NoneType"]
    assert [each.role for each in people.users()].count("admin") == 1


@both
def test_a_name_that_two_take_at_once(people: People) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(people.add, name, PASSWORD, by="root") for name in ("erika", "Erika", "ERIKA", "eriKa")]
    assert [type(each.exception()).__name__ for each in done].count("InputError") == 3
    assert len(people.users()) == 1


# --- signing in


@both
def test_a_session(people: People, clock: time_machine.Traveller) -> None:
    erika = people.add("Erika", PASSWORD, by="root")
    user, secret = people.sign_in(" eRIKA ", PASSWORD, "192.0.2.1")
    _, other = people.sign_in("Erika", PASSWORD, "192.0.2.1")
    assert user == erika
    assert secret != other
    assert len(secret) >= 43
    assert people.session(secret) == (erika, int(START.timestamp()))
    for unknown in ("", secret[:-1], secret + "x", "\ud800"):
        assert people.session(unknown) is None
        people.sign_out(unknown)
    changed = people.change(erika.id, "root", role="admin")
    assert people.session(secret) == (changed, int(START.timestamp()))
    people.sign_out(secret)
    assert people.session(secret) is None
    assert people.session(other) is not None


def test_a_session_lasts_12_hours(people: People, clock: time_machine.Traveller) -> None:
    assert SESSION_SECONDS == 12 * 60 * 60
    people.add("Erika", PASSWORD, by="root")
    _, secret = people.sign_in("Erika", PASSWORD, "192.0.2.1")
    clock.shift(SESSION_SECONDS - 1)
    assert people.session(secret) is not None
    clock.shift(1)
    assert people.session(secret) is None
    people.sign_in("Erika", PASSWORD, "192.0.2.1")
    with people.database.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM session").scalar_one() == 1


@pytest.mark.parametrize("end", ["password", "everywhere", "inactive"])
def test_what_ends_all_sessions_of_a_user(people: People, end: str) -> None:
    erika = people.add("Erika", PASSWORD, by="root")
    people.add("Otto", PASSWORD, by="root")
    secrets = [people.sign_in("Erika", PASSWORD, "192.0.2.1")[1] for _ in range(2)]
    _, ottos = people.sign_in("Otto", PASSWORD, "192.0.2.1")
    if end == "password":
        people.set_password(erika.id, "ein anderes Passwort", "root")
        refused(people, "Erika", PASSWORD)
        assert people.sign_in("Erika", "ein anderes Passwort", "192.0.2.1")
    elif end == "everywhere":
        people.sign_out_everywhere(erika.id)
    else:
        people.change(erika.id, "root", active=False)
        assert all(people.session(each) is None for each in secrets)
        people.change(erika.id, "root", active=True)
    assert all(people.session(each) is None for each in secrets)
    assert people.session(ottos) is not None


def test_who_is_refused_hears_the_same(people: People) -> None:
    people.add("Erika", PASSWORD, by="root")
    gone = people.add("Otto", PASSWORD, by="root")
    people.change(gone.id, "root", active=False)
    heard = set()
    for name, password in (
        ("Erika", "falsch"),
        ("Otto", "falsch"),
        ("Otto", PASSWORD),
        ("niemand", "x"),
        ("\0", "\ud800"),
    ):
        with pytest.raises(SignInRefused) as caught:
            people.sign_in(name, password, "192.0.2.1")
        heard.add((str(caught.value), caught.value.retry_after))
    assert heard == {("name and password do not fit", None)}


def test_who_is_refused_waits_as_long(sqlite: Database) -> None:
    """An unknown name costs what a wrong password does, by a hash that takes about 20 ms."""
    people = People(sqlite, Parameters(CHEAPEST.type, CHEAPEST.version, 16, 32, 4, 8_192, 1))
    people.add("Erika", PASSWORD, by="root")
    gone = people.add("Otto", PASSWORD, by="root")
    people.change(gone.id, "root", active=False)

    def took(name: str, password: str) -> float:
        times = []
        for n in range(OF_NAME):
            start = time.thread_time()
            refused(people, name, password, f"192.0.2.{n}")
            times.append(time.thread_time() - start)
        return median(times)

    wrong = took("Erika", "falsch")
    assert took("niemand", "falsch") == pytest.approx(wrong, rel=0.5)
    assert took("Otto", PASSWORD) == pytest.approx(wrong, rel=0.5)
    start = time.thread_time()
    refused(people, "Erika", PASSWORD)
    assert time.thread_time() - start < wrong / 2, "after too many attempts the password is looked at still"


@pytest.mark.parametrize("name", ["Erika", "Otto", "niemand"])
def test_five_failures_of_a_name(people: People, clock: time_machine.Traveller, name: str) -> None:
    assert (OF_NAME, OF_ORIGIN, WITHIN) == (5, 20, 15 * 60)
    people.add("Erika", PASSWORD, by="root")
    people.change(people.add("Otto", PASSWORD, by="root").id, "root", active=False)
    for n in range(OF_NAME):
        assert refused(people, name.upper(), origin=f"192.0.2.{n}") is None
        clock.shift(60)
    assert refused(people, name, PASSWORD, "198.51.100.1") == WITHIN - 5 * 60
    clock.shift(WITHIN - 5 * 60 - 1)
    assert refused(people, name, PASSWORD, "198.51.100.1") == 1
    clock.shift(1)
    if name == "Erika":
        assert people.sign_in(name, PASSWORD, "198.51.100.1")
    else:
        assert refused(people, name, PASSWORD, "198.51.100.1") is None


def test_success_clears_the_failures_of_the_name(people: People, clock: time_machine.Traveller) -> None:
    people.add("Erika", PASSWORD, by="root")
    for _ in range(3):
        for _ in range(OF_NAME - 1):
            assert refused(people, "Erika") is None
        people.sign_in("Erika", PASSWORD, "192.0.2.1")
    for _ in range(OF_NAME):
        assert refused(people, "Erika") is None
    assert refused(people, "Erika", PASSWORD) == WITHIN


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (["192.0.2.1", "::ffff:192.0.2.1"], "192.0.2.2"),
        (["2001:db8::1", "2001:db8:0:0:ffff::2"], "2001:db8:0:1::1"),
        (["unix", "unix"], "unix2"),
    ],
)
def test_twenty_failures_of_an_origin(
    people: People, clock: time_machine.Traveller, same: list[str], other: str
) -> None:
    people.add("Erika", PASSWORD, by="root")
    for n in range(OF_ORIGIN):
        assert refused(people, f"niemand {n}", origin=same[n % 2]) is None
        people.sign_in("Erika", PASSWORD, other)  # successes do not count
    assert refused(people, "Erika", PASSWORD, same[0]) == WITHIN
    assert refused(people, "Erika", PASSWORD, same[1]) == WITHIN
    assert people.sign_in("Erika", PASSWORD, other)
    clock.shift(WITHIN)
    assert people.sign_in("Erika", PASSWORD, same[0])
    with people.database.begin() as connection:  # what no longer counts is not kept
        assert connection.exec_driver_sql("SELECT count(*) FROM attempt").scalar_one() == 0


@both
def test_success_does_not_clear_the_failures_of_the_origin(people: People, clock: time_machine.Traveller) -> None:
    people.add("Erika", PASSWORD, by="root")
    for n in range(OF_ORIGIN):
        assert refused(people, f"niemand {n}") is None
        if n < OF_ORIGIN - 1:
            people.sign_in("Erika", PASSWORD, "192.0.2.1")
    assert refused(people, "Erika", PASSWORD) == WITHIN


@both
def test_many_attempts_at_once_are_no_more(people: People) -> None:
    people.add("Erika", PASSWORD, by="root")
    with ThreadPoolExecutor(12) as pool:
        waits = list(pool.map(lambda n: refused(people, "Erika", origin=f"192.0.2.{n}"), range(12)))
    assert waits.count(None) == OF_NAME


def test_a_new_password_lets_one_try_again(people: People) -> None:
    erika = people.add("Erika", PASSWORD, by="root")
    for _ in range(OF_NAME):
        refused(people, "Erika")
    people.set_password(erika.id, "ein anderes Passwort", "root")
    assert people.sign_in("Erika", "ein anderes Passwort", "192.0.2.1")


def test_a_hash_is_made_anew_when_the_parameters_changed(people: People) -> None:
    erika = people.add("Erika", PASSWORD, by="root")
    database = people.database
    dearer = Parameters(CHEAPEST.type, CHEAPEST.version, 16, 32, 2, 16, 1)
    later = People(database, dearer)
    refused(later, "Erika")
    assert extract_parameters(stored_hash(database, erika)) == CHEAPEST
    _, secret = later.sign_in("Erika", PASSWORD, "192.0.2.1")
    made = stored_hash(database, erika)
    assert extract_parameters(made) == dearer
    later.sign_in("Erika", PASSWORD, "192.0.2.1")
    assert stored_hash(database, erika) == made
    assert later.session(secret) is not None
    refused(later, "Erika")


def test_the_parameters_that_are_used_unless_others_are_given(sqlite: Database) -> None:
    erika = People(sqlite).add("Erika", PASSWORD, by="root")
    found = stored_hash(sqlite, erika)
    assert extract_parameters(found) == RFC_9106_LOW_MEMORY
    assert found.startswith("$argon2id$")


def test_a_password_that_changes_while_one_signs_in(sqlite: Database) -> None:
    """Who began with the old one gets no session that outlives the change."""
    slow = People(sqlite, Parameters(CHEAPEST.type, CHEAPEST.version, 16, 32, 20, 16_384, 1))
    quick = People(sqlite, CHEAPEST)
    erika = slow.add("Erika", PASSWORD, by="root")
    with ThreadPoolExecutor(1) as pool:
        signing_in = pool.submit(slow.sign_in, "Erika", PASSWORD, "192.0.2.1")
        while "origin:" not in everything(sqlite):
            time.sleep(0.001)
        quick.set_password(erika.id, "ein anderes Passwort", "root")
    assert isinstance(signing_in.exception(), SignInRefused)


# --- tokens


@pytest.mark.parametrize("role", ROLES)
@both
def test_a_token(people: People, clock: time_machine.Traveller, role: str) -> None:
    erika = people.add("Erika", PASSWORD, role=role, by="root")
    token, secret = people.new_token(erika.id, " Nacht lauf ", ["correct", "read", "read"], by="Erika")
    assert secret.startswith("beleg_")
    assert len(secret) >= 49
    assert (token.person, token.name, token.scopes, token.expires) == (
        erika.id,
        "Nacht lauf",
        ("read", "correct"),
        None,
    )
    assert people.token(secret) == (erika, {"read", "correct"})
    assert people.tokens(erika.id) == [token]
    for unknown in ("", "beleg_", secret.upper(), secret[:-1], f"{secret} ", "\ud800"):
        assert people.token(unknown) is None
    people.revoke(erika.id, token.id, "Erika")
    assert people.token(secret) is None
    assert people.tokens(erika.id) == []
    for number in (token.id, 0, -1, 2**70):
        with pytest.raises(NotFound, match="Erika has no token"):
            people.revoke(erika.id, number, "Erika")


def test_a_token_allows_no_more_than_its_user_may(people: People) -> None:
    people.add("Otto", PASSWORD, role="admin", by="root")
    erika = people.add("Erika", PASSWORD, role="admin", by="root")
    _, secret = people.new_token(erika.id, "alles", SCOPES, by="Erika")
    assert people.token(secret) == (erika, set(SCOPES))
    support = people.change(erika.id, "Otto", role="support")
    assert people.token(secret) == (support, {"read", "correct"})
    with pytest.raises(InputError, match="Erika has the role support, whose tokens can't have: admin"):
        people.new_token(erika.id, "mehr", ["read", "admin"], by="Otto")
    people.change(erika.id, "Otto", active=False)
    assert people.token(secret) is None
    people.change(erika.id, "Otto", active=True)
    assert people.token(secret) == (support, {"read", "correct"})


def test_a_token_expires(people: People, clock: time_machine.Traveller) -> None:
    erika = people.add("Erika", PASSWORD, by="root")
    now = int(time.time())
    token, secret = people.new_token(erika.id, "kurz", ["read"], expires=now + 60, by="Erika")
    clock.shift(59)
    assert people.token(secret) is not None
    clock.shift(1)
    assert people.token(secret) is None
    assert people.tokens(erika.id) == [token]
    for wrong in (now, now + 60, 0, -1, 2**62, 2**70):
        with pytest.raises(InputError, match="a token expires after it is made"):
            people.new_token(erika.id, "nie", ["read"], expires=wrong, by="Erika")


@pytest.mark.parametrize(
    ("name", "scopes", "says"),
    [
        ("", ["read"], "the name of a token"),
        ("a\nb\0", ["read"], "the name of a token"),
        ("x", [], "a token has some of the scopes read, correct, admin, not none"),
        ("x", ["read", "write"], "a token has some of the scopes read, correct, admin, not read, write"),
    ],
)
def test_what_a_token_can_not_be(people: People, name: str, scopes: list[str], says: str) -> None:
    erika = people.add("Erika", PASSWORD, by="root")
    with pytest.raises(InputError, match=says):
        people.new_token(erika.id, name, scopes, by="Erika")
    with pytest.raises(NotFound):
        people.new_token(77, "x", ["read"], by="Erika")
    with pytest.raises(NotFound):
        people.tokens(77)
    assert people.tokens(erika.id) == []


# --- the installation's secrets


@both
def test_a_secret_is_made_once(people: People) -> None:
    start = threading.Barrier(8)

    def ask(use: str) -> tuple[str, str]:
        start.wait()
        return use, people.secret(use)

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(ask, ["session", "csrf"] * 4))
    assert len(found) == 2
    assert len({value for _, value in found}) == 2
    assert all(len(value) >= 43 for _, value in found)
    assert ("session", People(people.database).secret("session")) in found


# --- the journal, and what is kept secret


@both
def test_the_journal(people: People, clock: time_machine.Traveller) -> None:
    erika = people.add("Erika", PASSWORD, role="admin", address="e@x.example", by="root")
    people.change(erika.id, "Otto", name="Erika M.", language="de")
    people.set_password(erika.id, "ein anderes Passwort", "Otto")
    token, _ = people.new_token(erika.id, "Nachtlauf", ["read"], by="Erika M.")
    people.revoke(erika.id, token.id, "Otto")
    people.sign_out_everywhere(erika.id)
    people.sign_out_everywhere(erika.id, "Otto")
    told = {"token": token.id, "name": "Nachtlauf", "scopes": ["read"], "expires": None}
    user = {"address": "e@x.example", "role": "admin", "language": None, "mail": True, "active": True, "name": "Erika"}
    entries = written(people)
    assert [(each.who, each.act, each.payload) for each in entries] == [
        ("root", "user.add", {"about": "Erika", "after": user}),
        (
            "Otto",
            "user.change",
            {
                "about": "Erika",
                "before": {"name": "Erika", "language": None},
                "after": {"name": "Erika M.", "language": "de"},
            },
        ),
        ("Otto", "user.password", {"about": "Erika M."}),
        ("Erika M.", "token.add", {"about": "Erika M.", "after": told}),
        ("Otto", "token.revoke", {"about": "Erika M.", "before": told}),
        ("Erika M.", "user.sign-out", {"about": "Erika M."}),
        ("Otto", "user.sign-out", {"about": "Erika M."}),
    ]
    assert {(each.at, each.message) for each in entries} == {("2026-03-02T10:00:00.000+00:00", None)}


def test_what_is_refused_is_not_in_the_journal(people: People) -> None:
    erika = people.add("Erika", PASSWORD, role="admin", by="root")
    refusals: list[Callable[[], object]] = [
        lambda: people.add("erika", PASSWORD, by="root"),
        lambda: people.change(erika.id, "root", active=False),
        lambda: people.set_password(erika.id, "kurz", "root"),
        lambda: people.new_token(erika.id, "x", ["all"], by="root"),
        lambda: people.revoke(erika.id, 7, "root"),
        lambda: people.sign_out_everywhere(77),
    ]
    for each in refusals:
        with pytest.raises((InputError, NotFound)):
            each()
    assert [each.act for each in written(people)] == ["user.add"]


@both
def test_no_secret_is_stored_or_shown(people: People) -> None:
    erika = people.add("Erika", PASSWORD, by="root")
    user, session = people.sign_in("Erika", PASSWORD, "192.0.2.1")
    token, secret = people.new_token(erika.id, "x", ["read"], by="Erika")
    typed = "im falschen Feld"
    refused(people, typed, typed)
    stored = everything(people.database)
    for hidden in (PASSWORD, session, secret, secret.removeprefix("beleg_"), typed):
        assert hidden not in stored
    told = "\n".join(map(repr, [erika, user, token, *people.users(), *people.tokens(erika.id), *written(people)]))
    hash_ = stored_hash(people.database, erika)
    with people.database.begin() as connection:
        hashes = [
            connection.exec_driver_sql(sql).scalar_one() for sql in ("SELECT id FROM session", "SELECT hash FROM token")
        ]
    for hidden in (PASSWORD, session, secret, hash_, "argon2", *hashes):
        assert hidden not in told


# --- a user's address is ignored


@both
def test_the_address_of_a_user_is_ignored(people: People, installed: Installed) -> None:
    workspace = Workspace(people.database, installed)
    erika = people.add("Erika", PASSWORD, address="Erika@Firma.example", by="root")
    people.add("Otto", PASSWORD, by="root")
    assert workspace.ignored().users == ("Erika@Firma.example",)
    found = workspace.ignored().entry_for("erika@firma.example")
    assert found is not None
    assert found.kind == "user"
    people.change(erika.id, "root", active=False)
    assert workspace.ignored().users == ("Erika@Firma.example",)
    people.change(erika.id, "root", address="muster@firma.example")
    assert workspace.ignored().users == ("muster@firma.example",)
    people.change(erika.id, "root", address="")
    assert workspace.ignored().users == ()


@both
def test_an_entry_made_by_hand_stays(people: People, installed: Installed) -> None:
    workspace = Workspace(people.database, installed)
    workspace.ignore("users", ["e@firma.example", "shop@firma.example"])
    erika = people.add("Erika", PASSWORD, address="e@firma.example", by="root")
    assert sorted(workspace.ignored().users) == ["e@firma.example", "shop@firma.example"]
    people.change(erika.id, "root", address="neu@firma.example")
    assert sorted(workspace.ignored().users) == ["e@firma.example", "neu@firma.example", "shop@firma.example"]
    assert workspace.unignore("users", ["e@firma.example"]) == ["e@firma.example"]
    with pytest.raises(InputError, match=r"'NEU@firma\.example' is the address of the user 'Erika'"):
        workspace.unignore("users", ["shop@firma.example", "NEU@firma.example"])
    assert sorted(workspace.ignored().users) == ["neu@firma.example", "shop@firma.example"]


# --- the command line


class Shell(Cli):
    """Commands that are given a standard input."""

    monkeypatch: pytest.MonkeyPatch

    def fed(self, text: str | bytes, *arguments: str) -> str:
        self.feed(text)
        return self(*arguments, "--password-stdin", "--by", "root")

    def feed(self, text: str | bytes) -> None:
        raw = text.encode() if isinstance(text, str) else text
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))


@pytest.fixture
def shell(cli: Cli, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    cli("init")
    found = Shell(cli.folder, capsys)
    found.monkeypatch = monkeypatch
    return found


def test_users_on_the_command_line(shell: Shell) -> None:
    out = shell.fed(f"{PASSWORD}\n", "user", "add", "Ada", "--role", "admin", "--address", "ada@firma.example")
    assert out == "Ada may sign in (role admin)\n"
    shell.fed(f"{PASSWORD}\r\nund mehr", "user", "add", "Änne", "--lang", "de", "--no-mail")
    ada, aenne = shell.json("user", "list", "--json")
    assert (ada["name"], ada["role"], ada["address"], ada["language"], ada["mail"]) == (
        "Ada", "admin", "ada@firma.example", None, True,
    )  # fmt: skip
    assert (aenne["name"], aenne["role"], aenne["language"], aenne["mail"]) == ("Änne", "support", "de", False)
    day = ada["created"][:10]
    assert [line.split("  ")[0] for line in shell("user", "list").splitlines()] == ["name", "Ada", "Änne"]
    assert shell("user", "list").endswith(f"Änne  support  active  -                  de        no mail  {day}\n")
    assert shell("ignore", "list") == "list   entry\nusers  ada@firma.example\n"
    assert shell("user", "set", "änne", "--mail", "--lang", "", "--name", "Anne", "--inactive") == "Anne changed\n"
    assert shell("user", "set", "anne", "--mail") == "Anne is so already\n"
    assert "beleg assign --all --again" in shell("user", "set", "anne", "--address", "anne@firma.example", "--active")
    anne = shell.json("user", "list", "--json")[1]
    assert (anne["name"], anne["language"], anne["mail"], anne["active"]) == ("Anne", None, True, True)
    people = People(Database("sqlite:///beleg.db"))
    assert people.sign_in("anne", PASSWORD, "192.0.2.1")
    assert "signed out everywhere" in shell.fed("ein anderes Passwort\n", "user", "password", "ANNE")
    assert people.sign_in("anne", "ein anderes Passwort", "192.0.2.1")
    assert {each.who for each in written(people)[:2]} == {"root"}
    people.database.close()


def test_tokens_on_the_command_line(shell: Shell) -> None:
    shell.fed(PASSWORD, "user", "add", "Ada", "--role", "admin")
    shell.fed(PASSWORD, "user", "add", "Bert")
    with time_machine.travel(START, tick=False):
        arguments = ["user", "token", "ada", "--name", "Nachtlauf", "--scope", "read", "--scope", "correct"]
        first = shell(*arguments, "--days", "90").strip()
        second = shell(*arguments).strip()
    assert first.startswith("beleg_")
    people = People(Database("sqlite:///beleg.db"))
    with time_machine.travel(START, tick=False):
        assert people.token(first) == (people.user("ada"), {"read", "correct"})
        listed = shell("user", "tokens", "Ada")
        assert listed.splitlines()[1:] == [
            "1   Nachtlauf  read correct  2026-03-02  2026-05-31",
            "2   Nachtlauf  read correct  2026-03-02  never",
        ]
    assert first[6:] not in listed
    with time_machine.travel(datetime(2026, 6, 1, tzinfo=UTC), tick=False):
        assert "2026-05-31 (expired)" in shell("user", "tokens", "Ada")
    one, two = shell.json("user", "tokens", "ada", "--json")
    assert (one["scopes"], two["expires"]) == (["read", "correct"], None)
    assert shell.refused("user", "revoke", "bert", "2") == "Bert has no token 2"
    assert shell("user", "revoke", "ada", "2") == "token 2 (Nachtlauf) of Ada revoked\n"
    assert people.token(second) is None
    people.database.close()


def test_the_first_user_should_be_an_admin(shell: Shell) -> None:
    shell.feed(PASSWORD)
    result = shell.run("user", "add", "Bert", "--password-stdin")
    assert result.code == 0
    assert result.err == (
        "beleg: note: nobody is an admin, so nobody can manage users on the page; beleg user add --role admin\n"
    )
    shell.fed(PASSWORD, "user", "add", "Ada", "--role", "admin")
    shell.fed(PASSWORD, "user", "add", "Carl")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["user", "add", "ADA", "--password-stdin"], "there is a user 'Ada' already; names differ in more than case"),
        (["user", "add", "Bert", "--role", "boss", "--password-stdin"], "a role is one of support, admin, not 'boss'"),
        (["user", "add", "Bert"], "no terminal is there to ask for the password on; give it with --password-stdin"),
        (["user", "set", "Bert", "--mail"], "there is no user 'Bert'"),
        (["user", "set", "Ada"], "nothing to change was given; beleg user set --help lists what can be"),
        (["user", "set", "Ada", "--inactive"], "Ada is the only active admin; make another user one first"),
        (["user", "password", "Bert", "--password-stdin"], "there is no user 'Bert'"),
        (["user", "tokens", "Bert"], "there is no user 'Bert'"),
        (["user", "revoke", "Ada", "99999999999999999999"], "Ada has no token 99999999999999999999"),
        (["user", "token", "Ada", "--name", "x", "--scope", "all"], "a token has some of the scopes"),
        (["user", "token", "Ada", "--name", "x", "--scope", "read", "--days", "0"], "Invalid value for '--days'"),
    ],
)
def test_what_is_refused_on_the_command_line(shell: Shell, arguments: list[str], says: str) -> None:
    shell.fed(PASSWORD, "user", "add", "Ada", "--role", "admin")
    shell.feed(f"{PASSWORD}\n")
    assert shell.refused(*arguments).startswith(says)


@pytest.mark.parametrize("given", ["", "kurz\n", "x" * 1_001, b"gr\xfcne Wiese\n"])
def test_a_password_that_can_not_be_is_not_shown(shell: Shell, given: str | bytes) -> None:
    shell.feed(given)
    said = shell.refused("user", "add", "Ada", "--password-stdin")
    assert "password" in said
    assert not given or str(given).strip() not in said
    assert shell.json("user", "list", "--json") == []


@pytest.mark.parametrize("again", [PASSWORD, "ein anderes Passwort"])
def test_a_password_on_a_terminal(shell: Shell, again: str) -> None:
    """It is asked for twice, and never shown."""
    program = shutil.which("beleg", path=str(Path(sys.executable).parent))
    assert program
    ours, theirs = pty.openpty()
    shown = b""
    with subprocess.Popen(
        [program, "user", "add", "Ada"], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as started:
        os.close(theirs)
        answers = {b"Password: ": PASSWORD, b"Once more: ": again}
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
            if not read:
                break
            shown += read
            for question in [each for each in answers if each in shown]:
                os.write(ours, f"{answers.pop(question)}\n".encode())
    os.close(ours)
    assert PASSWORD.encode() not in shown
    assert again.encode() not in shown
    users = [each["name"] for each in shell.json("user", "list", "--json")]
    if again == PASSWORD:
        assert (started.returncode, users) == (0, ["Ada"])
    else:
        assert (started.returncode, users) == (2, [])
        assert b"these were two different passwords; nothing was changed" in shown
