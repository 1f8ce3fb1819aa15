"""What people do with messages, on both databases: handling, topics, tags, and that no decision knows of it."""

from __future__ import annotations

from typing import Any

import pytest
from argon2.profiles import CHEAPEST

from beleg.accounts import HANDLED, Accounts
from beleg.errors import InputError, NotFound
from beleg.message import parse
from beleg.people import People
from beleg.plugins import Installed
from beleg.store import Database, journal
from beleg.store.criteria import Criteria
from beleg.store.handling import Handled
from beleg.store.inbox import EVERYTHING
from beleg.store.mails import Handling, Mails
from beleg.trace import digest
from beleg.workspace import Workspace
from commands import Cli
from serving import accounts_on
from worlds import contact, order
from writing import day, mail

WORLD = [contact("K-5", "anna@kunde.example"), order("O-81", customer="K-5", number="AB-1042")]
MAILS = [mail(f"Frage {n} zu AB-1042", id_=f"{n}@x", date=day(n)) for n in (1, 2, 3)]


@pytest.fixture
def accounts(database: Database, installed: Installed) -> Accounts:
    workspace = Workspace(database, installed)
    workspace.import_records(WORLD)
    workspace.import_mail((raw, "") for raw in MAILS)
    people = People(database, CHEAPEST)
    people.add("Ada", "ein gutes Passwort", role="admin", by="test")
    people.add("Bert", "ein gutes Passwort", by="test")
    people.add("Carl", "ein gutes Passwort", mail=False, by="test")
    return accounts_on(workspace)


def stands(accounts: Accounts, row: int = 1) -> Handled:
    return accounts.handled([row])[row]


def listed(accounts: Accounts, criteria: Criteria = EVERYTHING, search: str = "", me: int | None = None) -> list[int]:
    return [each.message.row for each in accounts.workspace.inbox("all", search, criteria=criteria, me=me).rows]


def test_a_new_mail_is_open_in_the_pool(accounts: Accounts) -> None:
    assert stands(accounts) == Handled()


def test_each_act_changes_what_it_says_and_nothing_else(accounts: Accounts) -> None:
    topic, tag = accounts.add_topic("Returns", "Ada"), accounts.add_tag("urgent", "Ada")
    acts: list[tuple[dict[str, Any], Handled]] = [
        ({"work": "done"}, Handled("done")),
        ({"work": "open"}, Handled()),
        ({"owner": "me"}, Handled(owner=1)),
        ({"owner": 2}, Handled(owner=2)),
        ({"owner": None}, Handled()),
        ({"spam": 1}, Handled(spam=1)),
        ({"spam": 2}, Handled(spam=2)),
        ({"spam": 0}, Handled()),
        ({"topic": topic.id}, Handled(topic=topic.id)),
        ({"topic": None, "tags_add": [tag.id]}, Handled(tags=(tag.id,))),
        ({"tags_remove": [tag.id]}, Handled()),
        ({"deleted": True}, Handled(deleted=True)),
        ({"deleted": False}, Handled()),
    ]
    for act, after in acts:
        assert accounts.handle([1], "Ada", 1, **act) == [1]
        assert stands(accounts) == after
        assert accounts.handle([1], "Ada", 1, **act) == []  # once more changes nothing
    assert stands(accounts, 2) == Handled()


def test_several_are_changed_at_once_and_each_is_in_the_journal(accounts: Accounts) -> None:
    accounts.handle([2], "Ada", work="done")
    assert accounts.handle([1, 2, 3, 1], "Bert", 2, work="done", owner="me") == [1, 2, 3]
    with accounts.reading() as connection:
        [entry] = [each for each in journal.of_message(connection, 3) if each.act == HANDLED]
        last = journal.of_message(connection, 2)[-1]
    assert (entry.who, entry.payload) == (
        "Bert", {"before": {"work": "open", "owner": None}, "after": {"work": "done", "owner": "Bert"}},
    )  # fmt: skip
    assert last.payload == {"before": {"owner": None}, "after": {"owner": "Bert"}}


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"owner": 9}, NotFound, "there is no user 9"),
        ({"owner": 3}, InputError, "'Carl' may not use mail"),
        ({"owner": "me"}, InputError, "only someone who is a user can take a message"),
        ({"topic": 9}, NotFound, "there is no topic 9"),
        ({"group": 9}, NotFound, "there is no group 9"),
        ({"tags_add": [9]}, NotFound, "there is no tag 9"),
        ({"work": "sent"}, InputError, "open or done, not 'sent'"),
        ({"spam": 3}, InputError, "spam is 0"),
    ],
)
def test_what_can_not_be_is_refused(
    accounts: Accounts, fields: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        accounts.handle([1], "Ada", **fields)
    assert stands(accounts) == Handled()


@pytest.mark.parametrize("row", [9, 0, -1, 2**70])
def test_all_or_none(accounts: Accounts, row: int) -> None:
    with pytest.raises(NotFound, match=f"there is no message {row}"):
        accounts.handle([1, row], "Ada", work="done")
    assert stands(accounts) == Handled()


def test_mail_of_our_own_stays_sent(accounts: Accounts) -> None:
    with accounts.writing() as connection:
        row = Mails(connection).add(parse(b"X: 1\n\n"), b"X: 1\n\n", handling=Handling("sent"))
    assert accounts.handle([1, row], "Ada", work="done") == [1]
    assert stands(accounts, row).work == "sent"
    accounts.handle([row], "Ada", 1, work="done", owner="me")
    assert stands(accounts, row) == Handled("sent", owner=1)


def test_deleted_mail_is_hidden_and_stays_in_its_thread(accounts: Accounts) -> None:
    workspace = accounts.workspace
    accounts.handle([2], "Ada", deleted=True)
    assert listed(accounts) == listed(accounts, search="frage") == [3, 1]
    assert listed(accounts, Criteria(deleted=True)) == [2]
    assert [each.row for each, _ in workspace.newest(9)] == [3, 1]
    assert workspace.inbox_counts()["all"] == 2
    workspace.import_mail([(mail("Re: Frage", "danke", id_="9@x", reply_to="2@x", date=day(9)), "")])
    [answer] = [each for each in workspace.inbox().rows if each.message.message_id == "9@x"]
    assert [str(each.ref) for each in answer.records] == ["order:O-81", "contact:K-5"]
    accounts.handle([2], "Ada", deleted=False)
    assert listed(accounts) == [4, 3, 2, 1]


def test_no_decision_knows_of_it(accounts: Accounts) -> None:
    workspace = accounts.workspace
    before = [digest(workspace.trace(row)) for row in (1, 2, 3)]
    tag = accounts.add_tag("urgent", "Ada")
    accounts.handle([1, 2, 3], "Ada", 1, work="done", owner="me", spam=1, deleted=True, tags_add=[tag.id])
    workspace.assign([1, 2, 3])
    assert [digest(workspace.trace(row)) for row in (1, 2, 3)] == before


# --- topics


def test_topics_are_a_tree(accounts: Accounts) -> None:
    returns = accounts.add_topic("Returns", "Ada")
    damaged = accounts.add_topic("Damaged", "Ada", returns.id)
    accounts.add_topic("Ask", "Ada")
    assert [each.title for each in accounts.topics()] == ["Ask", "Returns", "Returns / Damaged"]
    accounts.handle([1], "Ada", topic=damaged.id)
    accounts.handle([2], "Ada", topic=returns.id)
    assert listed(accounts, Criteria(topic=returns.id)) == [2, 1]
    assert listed(accounts, Criteria(topic=damaged.id)) == [1]
    assert accounts.topic("returns/DAMAGED") == accounts.topic("damaged") == accounts.topic(damaged.id)
    moved = accounts.change_topic(damaged.id, "Ada", name="Broken", parent=None)
    assert moved.title == "Broken"
    assert listed(accounts, Criteria(topic=returns.id)) == [2]


def test_no_topic_stands_below_itself(accounts: Accounts) -> None:
    one = accounts.add_topic("One", "Ada")
    two = accounts.add_topic("Two", "Ada", one.id)
    for below in (one.id, two.id):
        with pytest.raises(InputError, match="the topic 'One' can't stand below itself"):
            accounts.change_topic(one.id, "Ada", parent=below)
    for n in range(8):
        two = accounts.add_topic(f"T{n}", "Ada", two.id)
    with pytest.raises(InputError, match="at most 10 deep"):
        accounts.add_topic("Deeper", "Ada", two.id)
    other = accounts.add_topic("Other", "Ada")
    with pytest.raises(InputError, match="at most 10 deep"):
        accounts.change_topic(one.id, "Ada", parent=other.id)


def test_names_of_topics_are_there_once_beside_one_another(accounts: Accounts) -> None:
    one, two = accounts.add_topic("One", "Ada"), accounts.add_topic("Two", "Ada")
    below = accounts.add_topic("two", "Ada", one.id)
    for act in (
        lambda: accounts.add_topic("ONE", "Ada"),
        lambda: accounts.change_topic(two.id, "Ada", name="one"),
        lambda: accounts.change_topic(below.id, "Ada", parent=None),
        lambda: accounts.remove_topic(one.id, "Ada"),  # 'two' would go up to 'Two'
    ):
        with pytest.raises(InputError, match="there is a topic"):
            act()
    with pytest.raises(InputError, match="slash"):
        accounts.add_topic("a/b", "Ada")
    with pytest.raises(NotFound, match=r"2 topics are called 'TWO'|there is no topic"):
        accounts.topic("x two")
    assert accounts.topic("Two") == two


def test_a_topic_that_goes_is_lost_and_those_below_go_up(accounts: Accounts) -> None:
    one = accounts.add_topic("One", "Ada")
    two = accounts.add_topic("Two", "Ada", one.id)
    accounts.handle([1], "Ada", topic=one.id)
    accounts.handle([2], "Ada", topic=two.id)
    kept = accounts.add_filter("Ones", Criteria(topic=one.id), "Ada")
    with pytest.raises(InputError, match="the filter 'Ones' shows what has 'One'; remove it first"):
        accounts.remove_topic(one.id, "Ada")
    accounts.remove_filter(kept.id, "Ada")
    accounts.remove_topic(one.id, "Ada")
    assert [each.title for each in accounts.topics()] == ["Two"]
    assert (stands(accounts, 1).topic, stands(accounts, 2).topic) == (None, two.id)


# --- tags


def test_tags(accounts: Accounts) -> None:
    one, two = accounts.add_tag("one", "Ada"), accounts.add_tag("two", "Ada")
    with pytest.raises(InputError, match="there is a tag 'one' already"):
        accounts.add_tag("ONE", "Ada")
    with pytest.raises(InputError, match="there is a tag 'one' already"):
        accounts.change_tag(two.id, "Ada", "One")
    accounts.handle([1, 2], "Ada", tags_add=[one.id])
    accounts.handle([2, 3], "Ada", tags_add=[two.id])
    assert listed(accounts, Criteria(tags=(one.id,))) == [2, 1]
    assert listed(accounts, Criteria(tags=(one.id, two.id))) == [2]
    assert listed(accounts, Criteria(tags=(two.id,)), "frage 3") == [3]
    assert accounts.change_tag(one.id, "Ada", "eins").name == "eins"
    accounts.remove_tag(two.id, "Ada")
    assert (stands(accounts, 2).tags, accounts.tags()) == ((one.id,), [accounts.tag("EINS")])
    with pytest.raises(NotFound, match="there is no tag 'two'"):
        accounts.tag("two")


# --- command line


def test_on_the_command_line(cli: Cli) -> None:
    cli("init")
    cli("mail", "import", *(cli.write(f"{n}.eml", raw) for n, raw in enumerate(MAILS)))
    cli("topic", "add", "Returns", "--by", "Ada")
    cli("topic", "add", "Damaged", "--parent", "Returns")
    cli("tag", "add", "urgent")
    marks = ("--done", "--topic", "Damaged", "--tag", "urgent", "--spam", "suspected")
    assert cli("mail", "mark", "1", "2@x", *marks) == "2 of 2 mails changed\n"
    cli("mail", "mark", "3", "--delete")
    assert "Frage 3" not in cli("mail", "list")
    cli("mail", "mark", "3", "--restore")
    assert "Frage 3" in cli("mail", "list")
    assert [each["path"] for each in cli.json("topic", "list", "--json")] == [["Returns"], ["Returns", "Damaged"]]
    assert [each["name"] for each in cli.json("tag", "list", "--json")] == ["urgent"]
    assert cli.refused("mail", "mark", "1", "--done", "--open") == "--done and --open can't both be"
    assert cli.refused("mail", "mark", "1", "--topic", "Nope") == "there is no topic 'Nope'"
    assert cli.refused("mail", "mark", "1").startswith("say how the mails stand")
    assert cli.refused("mail", "mark", "1", "--spam", "x").startswith("--spam is one of")
    cli("topic", "set", "Damaged", "--name", "Broken", "--parent", "")
    cli("tag", "rename", "urgent", "hot")
    cli("tag", "remove", "hot")
    cli("topic", "remove", "Returns")
    assert cli("topic", "list").split() == ["number", "topic", "2", "Broken"]
