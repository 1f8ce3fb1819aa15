"""Saved filters: what a new account makes of them, a person's own, their names and order; on both databases."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import insert, text

from beleg.accounts import Accounts, Group
from beleg.accounts.creating import filters_for, group_for
from beleg.errors import InputError, NotFound
from beleg.plugins import Installed
from beleg.store import Database
from beleg.store.account_tables import outgoing
from beleg.store.criteria import Criteria
from beleg.workspace import Workspace
from commands import Cli
from serving import accounts_on
from writing import day, mail

MAILS = [mail(f"Frage {n}", "lampe" if n % 2 else "", id_=f"{n}@x", date=day(n)) for n in range(1, 7)]
ROLES = ["open", "pool", "mine", "sent", "failed", "deleted", "done", "drafts", "spam", "checked"]


@pytest.fixture
def accounts(database: Database, installed: Installed) -> Accounts:
    workspace = Workspace(database, installed)
    workspace.import_mail(((raw, "") for raw in MAILS), decide=False)
    return accounts_on(workspace)


def group(accounts: Accounts, name: str) -> Group:
    """A group with its filters, as a new account makes it."""
    with accounts.writing() as connection:
        found = group_for(connection, name, f"{name.lower()}@firma.example", None)
        filters_for(connection, found)
    return found


def titles(accounts: Accounts, language: str = "en") -> list[str]:
    return ["  " * depth + each.title(language) for each, depth in accounts.filters()]


def person(accounts: Accounts, id_: int, name: str) -> None:
    with accounts.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO person (id, key, name, address, password, role, mail, active, created) "
                "VALUES (:id, :name, :name, '', '', 'support', true, true, '')"
            ),
            {"id": id_, "name": name},
        )


def test_filters_stand_group_by_group_in_both_languages(accounts: Accounts) -> None:
    group(accounts, "Shop")
    group(accounts, "Buying")
    accounts.add_filter("Lamps", Criteria(text="lampe"), "Ada")
    assert titles(accounts)[:2] == ["All e-mails", "Lamps"]
    assert titles(accounts)[2] == "Buying (Open mails)"
    assert titles(accounts, "de")[12:] == [
        "Shop (Offene Mails)", "Shop (Pool)", "Shop (Meine Mails)", "Gesendete Elemente", "Fehlgeschlagen",
        "Gelöschte Elemente", "Erledigt", "Entwürfe", "Spamverdacht", "  Geprüft",
    ]  # fmt: skip


def test_each_shows_what_it_says_and_how_many(accounts: Accounts) -> None:
    shop = group(accounts, "Shop")
    person(accounts, 7, "bert")
    every = [1, 2, 3, 4, 5, 6]
    accounts.handle(every, "Ada", group=shop.id)
    accounts.handle([1, 2], "Ada", work="done")
    accounts.handle([3], "Ada", owner=7)
    accounts.handle([4], "Ada", spam=1)
    accounts.handle([5], "Ada", spam=2)
    accounts.handle([6], "Ada", deleted=True)
    with accounts.writing() as connection:
        for state in ("draft", "failed", "unclear", "sent"):
            values = {"kind": "new", "sender": "", "recipients": "{}", "subject": "", "body": "", "said": ""}
            one = insert(outgoing).values(state=state, mail_group=shop.id, tries=0, changed=0, deleted=False, **values)
            connection.execute(one)
    filters = {each.filter.role: each.filter for each in accounts.filters()}
    counts = accounts.filter_counts([filters[role] for role in ("all", *ROLES)], 7)
    shown: dict[str, Sequence[int]] = {
        "all": [5, 4, 3, 2, 1], "open": [3], "pool": [], "mine": [3], "sent": [], "deleted": [6], "done": [2, 1],
        "spam": [4], "checked": [5],
    }  # fmt: skip
    for role, rows in shown.items():
        found = accounts.workspace.inbox(criteria=filters[role].criteria, me=7)
        assert [each.message.row for each in found.rows] == rows, role
        assert counts[filters[role].id] == len(rows), role
    assert (counts[filters["drafts"].id], counts[filters["failed"].id]) == (1, 2)
    assert accounts.filter_counts([filters["mine"]], None) == {filters["mine"].id: 0}


def test_a_search_of_one_s_own(accounts: Accounts) -> None:
    made = accounts.add_filter("  Lamps ", Criteria(text="lampe", state="undecided"), "Ada")
    assert accounts.filter("lamps") == accounts.filter(made.id) == made
    assert [each.message.row for each in accounts.workspace.inbox(criteria=made.criteria).rows] == [5, 3, 1]
    assert accounts.workspace.inbox("all", "frage 3", criteria=made.criteria).rows[0].message.row == 3
    assert accounts.filter_counts([made]) == {made.id: None}
    changed = accounts.change_filter(made.id, "Ada", name="All of it", criteria=Criteria())
    assert (changed.name, changed.criteria) == ("All of it", Criteria())
    accounts.remove_filter(made.id, "Ada")
    with pytest.raises(NotFound, match="there is no filter 'Lamps'"):
        accounts.filter("Lamps")


@pytest.mark.parametrize(
    ("criteria", "said"),
    [
        (Criteria(group=9), "there is no group 9"),
        (Criteria(topic=9), "there is no topic 9"),
        (Criteria(tags=(9,)), "there is no tag 9"),
        (Criteria(owner=9), "there is no user 9"),
        (Criteria(state="red"), "messages are filtered by all, .* not by 'red'"),
        (Criteria(text=" ".join(f"w{n}" for n in range(31))), "at most 30 words"),
        (Criteria(text="x" * 1_001), "at most 1,000 characters"),
        (Criteria(work="lost"), "a filter can't ask for that"),  # type: ignore[arg-type]  # there is none such
    ],
)
def test_what_is_not_there_can_not_be_asked_for(accounts: Accounts, criteria: Criteria, said: str) -> None:
    with pytest.raises((InputError, NotFound), match=said):
        accounts.add_filter("Wrong", criteria, "Ada")
    assert accounts.filters() == []


def test_what_beleg_made_can_be_renamed_and_shows_the_same(accounts: Accounts) -> None:
    group(accounts, "Shop")
    made = accounts.filter("Shop (Offene Mails)")
    renamed = accounts.change_filter(made.id, "Ada", name="To do")
    assert (renamed.title("de"), renamed.criteria) == ("To do", made.criteria)
    with pytest.raises(InputError, match="what this filter shows can't be changed"):
        accounts.change_filter(made.id, "Ada", criteria=Criteria())
    assert accounts.change_filter(made.id, "Ada", name="") == made


def test_a_name_is_there_once_in_a_group(accounts: Accounts) -> None:
    shop = group(accounts, "Shop")
    accounts.add_filter("Lamps", Criteria(text="lampe"), "Ada")
    for name, criteria in (("LAMPS", Criteria()), ("Alle E-Mails", Criteria()), ("Sent", Criteria(group=shop.id))):
        with pytest.raises(InputError, match="there is a filter"):
            accounts.add_filter(name, criteria, "Ada")
    accounts.add_filter("Lamps", Criteria(group=shop.id, text="lampe"), "Ada")
    with pytest.raises(NotFound, match="several filters are called 'lamps'; name one by its number"):
        accounts.filter("lamps")
    with pytest.raises(InputError, match="a name is 1 to 200 characters"):
        accounts.add_filter(" ", Criteria(), "Ada")


def test_order(accounts: Accounts) -> None:
    made = [accounts.add_filter(name, Criteria(text=name), "Ada") for name in ("a", "b", "c")]
    below = accounts.add_filter("d", Criteria(text="d"), "Ada", parent=made[0].id)
    assert titles(accounts) == ["a", "  d", "b", "c"]
    accounts.reorder_filters([made[2].id, made[0].id, made[1].id], "Ada")
    assert titles(accounts) == ["c", "a", "  d", "b"]
    accounts.move_filter(made[1].id, "Ada", up=True)
    accounts.move_filter(made[2].id, "Ada", up=True)  # the first one stays
    accounts.move_filter(made[0].id, "Ada", up=False)  # and so does the last
    assert titles(accounts) == ["c", "b", "a", "  d"]
    with pytest.raises(InputError, match="beside one another"):
        accounts.reorder_filters([made[0].id, below.id], "Ada")
    accounts.remove_filter(made[0].id, "Ada")
    assert titles(accounts) == ["c", "b"]


def test_on_the_command_line(cli: Cli) -> None:
    cli("init")
    cli("mail", "import", *(cli.write(f"{n}.eml", raw) for n, raw in enumerate(MAILS)))
    assert cli("filter", "list").split() == ["number", "filter", "group", "mails"]
    from beleg.settings import load

    database = Database(load().database_url)
    with database.begin() as connection:
        filters_for(connection, group_for(connection, "Shop", "shop@firma.example", None))
    database.close()
    listed = cli.json("filter", "list", "--lang", "de", "--json")
    assert [(each["title"], each["count"]) for each in listed[:2]] == [("Alle E-Mails", 6), ("Shop (Offene Mails)", 0)]
    assert listed[1]["criteria"] == {"group": 1, "work": "open", "spam": 0}
    assert len(cli.json("filter", "show", "All e-mails", "--json")) == 6
    assert "Frage 6" in cli("filter", "show", "Alle E-Mails", "--limit", "1")
    assert cli.refused("filter", "show", "Shop (My mails)").startswith("this filter shows the mails of who looks")
    assert cli.refused("filter", "show", "Drafts").endswith("see the outbox")
    assert cli.refused("filter", "show", "Nope") == "there is no filter 'Nope'"
