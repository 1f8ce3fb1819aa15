"""The users page and tokens: what an administrator does, what nobody can, and errors in the visitor's language."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from beleg.errors import InputError
from beleg.plugins import Installed
from beleg.store import Database
from beleg.web.language import Language
from serving import PASSWORD, Served, serving, site_on

GOOD = "noch ein gutes Passwort"


@pytest.fixture
def served(sqlite: Database, installed: Installed) -> Iterator[Served]:
    """A site without mail."""
    with serving(site_on(sqlite, installed)) as found:
        yield found


def secret_of(text: str) -> str:
    """The token that a page shows."""
    found = re.search(r"beleg_[\w-]+", text)
    assert found, text
    return found[0]


def test_a_user_is_added_and_changed(served: Served) -> None:
    client = served.client("Ada")
    form = {"name": "Dora", "password": GOOD, "address": "dora@firma.example", "role": "support", "language": "de"}
    answer = client.post("/users", data={**form, "mail": "true"})
    dora = served.site.people.user("Dora")
    assert answer.headers["location"] == f"/users/{dora.id}?done=added"
    assert (dora.address, dora.role, dora.language, dora.mail) == ("dora@firma.example", "support", "de", True)
    assert "dora@firma.example" in served.site.workspace.ignored().users
    # An unticked box is not sent.
    client.post(f"/users/{dora.id}", data={"name": "Dora B.", "address": "", "role": "admin", "active": "true"})
    changed = served.site.people.user("Dora B.")
    assert (changed.id, changed.address, changed.role, changed.language, changed.mail, changed.active) == (
        dora.id, "", "admin", None, False, True,
    )  # fmt: skip
    assert "Dora B." in client.get("/users").text


def test_a_password_is_set_and_a_user_signed_out(served: Served) -> None:
    bert = served.client("Bert")
    id_ = served.site.people.user("Bert").id
    client = served.client("Ada")
    client.post(f"/users/{id_}/sign-out")
    assert bert.get("/profile").status_code == 303
    client.post(f"/users/{id_}/password", data={"password": GOOD})
    assert served.client().post("/sign-in", data={"name": "Bert", "password": GOOD}).status_code == 303
    assert served.client().post("/sign-in", data={"name": "Bert", "password": PASSWORD}).status_code == 401


def test_nobody_locks_himself_out(served: Served) -> None:
    ada = served.site.people.user("Ada")
    client = served.client("Ada", lang="de")
    for form in ({"role": "support", "active": "true"}, {"role": "admin"}):
        answer = client.post(f"/users/{ada.id}", data={"name": "Ada", "mail": "true", **form})
        assert answer.status_code == 400
        assert "Ada ist der einzige aktive Administrator" in answer.text
    assert served.site.people.user("Ada") == ada


def test_only_administrators_see_and_change_users(served: Served) -> None:
    client = served.client("Bert")
    id_ = served.site.people.user("Bert").id
    assert client.get("/users").status_code == 403
    assert client.get(f"/users/{id_}").status_code == 403
    for path in (f"/users/{id_}", f"/users/{id_}/tokens", f"/users/{id_}/password", f"/users/{id_}/sign-out", "/users"):
        answer = client.post(path, data={"name": "Bert", "role": "admin", "active": "true", "password": GOOD})
        assert answer.status_code == 403, path
    assert served.site.people.user("Bert").role == "support"
    assert "/users" not in client.get("/profile").text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"name": "bert", "password": GOOD}, "Es gibt schon einen Benutzer &#39;Bert&#39;"),
        ({"name": "Eva", "password": "kurz"}, "Ein Passwort hat 10 bis 1.000 Zeichen"),
        ({"name": " ", "password": GOOD}, "Der Name eines Benutzers hat 1 bis 100 Zeichen"),
        ({"name": "Eva", "password": GOOD, "address": "<b>eva"}, "ist keine E-Mail-Adresse"),
        ({"name": "Eva", "password": GOOD, "role": "chef"}, "Eine Rolle ist eine von support, admin"),
        ({"name": "Eva", "password": GOOD, "language": "fr"}, "Eine Sprache ist eine von en, de"),
    ],
    ids=lambda each: str(each)[:30],
)
def test_what_is_wrong_is_said_in_the_visitors_language(served: Served, form: dict[str, str], said: str) -> None:
    answer = served.client("Ada", lang="de").post("/users", data=form)
    assert answer.status_code == 400
    assert said in answer.text
    assert "<b>" not in answer.text
    assert GOOD not in answer.text
    assert len(served.site.people.users()) == 3


def test_a_token_is_shown_once_and_revoked(served: Served) -> None:
    people = served.site.people
    bert = people.user("Bert")
    client = served.client("Ada")
    base = f"/users/{bert.id}/tokens"
    answer = client.post(base, data={"name": "Bericht", "scopes": ["read", "correct"], "days": "30"})
    secret = secret_of(answer.text)
    found = people.token(secret)
    assert found is not None
    assert (found[0].name, found[1]) == ("Bert", {"read", "correct"})
    page = client.get(f"/users/{bert.id}").text
    assert ("Bericht" in page, secret in page) == (True, False)
    token = people.tokens(bert.id)[0]
    ada = people.user("Ada").id
    assert client.post(f"/users/{ada}/tokens/{token.id}/revoke").status_code == 404  # not one of hers
    client.post(f"{base}/{token.id}/revoke")
    assert people.token(secret) is None


def test_ones_own_tokens_are_no_more_than_the_role(served: Served) -> None:
    people = served.site.people
    client = served.client("Bert", lang="de")
    assert 'value="admin"' not in client.get("/profile").text
    secret = secret_of(client.post("/profile/tokens", data={"name": "Skript", "scopes": "read", "days": ""}).text)
    found = people.token(secret)
    assert found is not None
    assert found[1] == {"read"}
    for form, said in (
        ({"name": "x", "scopes": "admin"}, "ihre Tokens dürfen nicht: admin"),
        ({"name": "x"}, "Ein Token erlaubt etwas von read, correct, admin"),
        ({"name": "x", "scopes": "read", "days": "0"}, "Ein Token gilt 1 bis"),
        ({"name": "x", "scopes": "read", "days": "²"}, "Ein Token gilt 1 bis"),
    ):
        answer = client.post("/profile/tokens", data=form)
        assert (answer.status_code, said in answer.text) == (400, True), form
    other, _ = people.new_token(people.user("Ada").id, "fremd", ["read"], by="test")
    assert client.post(f"/profile/tokens/{other.id}/revoke").status_code == 404
    token = people.tokens(people.user("Bert").id)[0]
    assert client.post(f"/profile/tokens/{token.id}/revoke").status_code == 303
    assert people.token(secret) is None


def test_an_error_is_told_with_its_values() -> None:
    german = Language.load("de")
    error = InputError("%(entry)r is not on the blacklist.", entry="100 %")
    assert str(error) == "'100 %' is not on the blacklist."
    assert german.tell(error) == "'100 %' steht nicht auf der Blacklist."
    assert german.tell(InputError("100 % unknown")) == "100 % unknown"
