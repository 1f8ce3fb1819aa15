"""What another blacklist would change: told at once, and exactly what replaying everything tells."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beleg import demo
from beleg.errors import InputError
from beleg.message import Limits, content_identity
from beleg.plugins import Installed
from beleg.record import RecordRef
from beleg.replay import Change, replay, select
from beleg.replay.ignoring import Effect, effect
from beleg.step import RuleSettings
from beleg.store import Database
from beleg.store.mails import Mails, Selection
from beleg.workspace import Workspace
from writing import day, mail

ENTRIES = [
    "halle-nord.example", "*.example", "dhl.example", "kunde@x.example", "*.newsletter.example",
    "markthalle.example", "noreply@bezahldienst.example", "lampenladen.example",
]  # fmt: skip


@pytest.fixture
def shop(database: Database, installed: Installed) -> Workspace:
    """The lamp shop of the demo."""
    workspace = Workspace(database, installed)
    demo.fill(workspace)
    return workspace


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory, installed: Installed) -> Iterator[Workspace]:
    """The same, with a life: corrections, a late question that nobody opened, other records and other rules since."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('shop')}/beleg.db")
    database.upgrade()
    workspace = Workspace(database, installed)
    demo.fill(workspace)
    rows = workspace.newest(100)
    first, records = next((message, refs) for message, refs in rows if len(refs) > 1)
    workspace.remove(first.row, records[0], "erika")
    workspace.add(rows[3][0].row, RecordRef("order", "O-81"), "erika")
    for number in (5, 9):
        late = mail(
            "Spät",
            sender=rows[number][0].sender,
            reply_to=rows[number][0].message_id,
            id_=f"late{number}@x",
            date=day(1),
        )
        workspace.import_mail([(late, "")], decide=False)
    yield workspace
    database.close()


def in_full(workspace: Workspace, add: Collection[str], remove: Collection[str]) -> dict[int, Change]:
    """The slow way: replay all messages under both lists, which are really stored for it."""
    rows = select(workspace, Selection())
    before = {each.row: each for each in replay(workspace, rows, baseline=workspace)}
    taken = workspace.unignore("blacklist", list(remove))
    added = workspace.ignore("blacklist", list(add))
    after = {each.row: each for each in replay(workspace, rows, baseline=workspace)}
    workspace.unignore("blacklist", added)
    workspace.ignore("blacklist", taken)
    with workspace.database.begin(write=False) as connection:
        decided = Mails(connection).decisions([row for row, _ in rows])
    return {row: after[row] for row in before if row in decided and before[row].digest_after != after[row].digest_after}


def agrees(found: Effect, full: dict[int, Change]) -> None:
    """The effect names the same messages, and what comes out of each."""
    assert {each.row: (each.digest_after, each.after) for each in found.changes} == {
        row: (each.digest_after, each.after) for row, each in full.items()
    }


def senders(workspace: Workspace) -> list[str]:
    """The domains of all senders."""
    return sorted({each.sender.rpartition("@")[2] for each, _ in workspace.newest(100)})


def test_an_entry_takes_effect_as_replaying_everything_tells(shop: Workspace) -> None:
    changes = 0
    for domain in senders(shop)[::9]:
        found = effect(shop, [domain])
        agrees(found, in_full(shop, [domain], []))
        assert found.messages == len(shop.everything())
        assert found.replayed < found.messages
        changes += len(found.changes)
    assert changes > 3
    assert len(effect(shop, remove=demo.BLACKLIST).changes) > 0


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_happened_before(changing: Workspace, data: st.DataObject) -> None:
    entries = st.lists(st.sampled_from([*ENTRIES, *senders(changing)]), max_size=3, unique=True)
    add, remove = data.draw(entries), data.draw(entries)
    remove = [each for each in remove if each not in add]
    agrees(effect(changing, add, remove), in_full(changing, add, remove))


def test_what_would_change_is_told_by_clause(shop: Workspace) -> None:
    asking = shop.find_message(demo_id("2-rueckfrage.eml"))
    found = effect(shop, [f"@{asking.sender.rpartition('@')[2].upper()}"])
    change = next(each for each in found.outcomes if each.row == asking.row)
    assert (change.kind, change.before, change.after) == ("lost", ("order:O-81", "contact:K-5"), ())
    assert (change.from_, change.causes) == ("order.participants.reference", ("ignored",))
    assert change.changed == (asking.sender,)
    assert asking.row in found.rows
    assert not found.otherwise


def test_nothing_is_written(shop: Workspace) -> None:
    before = list(shop.ignored().entries())
    effect(shop, ["example.com"], ["dhl.example"])
    assert list(shop.ignored().entries()) == before


def test_stored_decisions_that_are_others_anyway_are_told(shop: Workspace) -> None:
    asking = shop.find_message(demo_id("2-rueckfrage.eml"))
    shop.ignore("users", [asking.sender])
    assert not effect(shop, [asking.sender]).changes  # by now it counts for nothing either way
    shop.unignore("users", [asking.sender])
    shop.remove(asking.row, RecordRef("order", "O-81"), "erika")
    found = effect(shop, [asking.sender])
    assert asking.row in found.otherwise


def test_deciding_anew_brings_what_was_told(shop: Workspace) -> None:
    domain = senders(shop)[0]
    found = effect(shop, [domain])
    assert found.outcomes
    shop.ignore("blacklist", [domain], "ada")
    shop.assign(found.rows)
    for change in found.changes:
        assert tuple(map(str, shop.standing(change.row))) == change.after
    assert not effect(shop, [domain]).changes


def test_traces_that_may_name_fewer_addresses_are_no_reason_to_leave_a_message_out(
    shop: Workspace, installed: Installed
) -> None:
    """Those of a Beleg that read less of a mail."""
    narrow = Workspace(shop.database, installed, RuleSettings(limits=Limits(addresses=1)))
    narrow.assign(narrow.everything())
    for domain in senders(shop)[:2]:
        agrees(effect(shop, [domain]), in_full(shop, [domain], []))


def test_progress_is_told_and_may_end_the_work(shop: Workspace) -> None:
    told: list[tuple[str, int, int]] = []
    found = effect(shop, ["*.example"], progress=lambda *what: told.append(what))
    assert [each[0] for each in told] == sorted((each[0] for each in told), reverse=True)
    assert told[-1] == ("decide", found.replayed, found.replayed)

    def stop(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        effect(shop, ["*.example"], progress=stop)


def test_what_is_no_entry_is_refused(shop: Workspace) -> None:
    with pytest.raises(InputError, match="'two words' is no blacklist entry; write an address"):
        effect(shop, ["dhl.example", "two words"])


def test_the_journal_tells_who_put_an_entry_there(database: Database, installed: Installed) -> None:
    workspace = Workspace(database, installed)
    workspace.ignore("blacklist", ["DHL.example"], "ada")
    workspace.ignore("blacklist", ["ups.example"])
    since = workspace.ignored_since()
    assert {key: who for key, (who, _) in since.items()} == {
        ("blacklist", "domain:dhl.example"): "ada",
        ("blacklist", "domain:ups.example"): "beleg",
    }


def demo_id(name: str) -> str:
    """How a mail of the demo is named."""
    return content_identity((demo.MAILS / name).read_bytes())
