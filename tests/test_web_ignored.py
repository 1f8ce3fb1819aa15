"""The blacklist page: who may change it, the effect before it is saved, deciding anew; work in the background."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from beleg import demo
from beleg.errors import InputError, NotFound
from beleg.message import content_identity
from beleg.plugins import Installed
from beleg.store import Database
from beleg.web.jobs import EVERYBODY, MOST_OF_ONE, Job, Jobs, Progress
from serving import Served, serving, site_on

ASKING = "2-rueckfrage.eml"


@pytest.fixture
def served(database: Database, installed: Installed) -> Iterator[Served]:
    """The lamp shop, served."""
    site = site_on(database, installed)
    demo.fill(site.workspace)
    with serving(site) as found:
        yield found


@pytest.fixture
def empty(sqlite: Database, installed: Installed) -> Iterator[Served]:
    """A site without mail."""
    with serving(site_on(sqlite, installed)) as found:
        yield found


def asking(served: Served) -> tuple[int, str]:
    """The row and the sender of a customer's question."""
    found = served.site.workspace.find_message(content_identity((demo.MAILS / ASKING).read_bytes()))
    return found.row, found.sender


def look(client: httpx.Client, **form: str) -> tuple[str, str]:
    """Ask for an effect and wait for it: the page's address, and what it says in the end."""
    answer = client.post("/ignored/effect", data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"], wait(client, answer.headers["location"])


def wait(client: httpx.Client, path: str) -> str:
    for _ in range(600):
        text = client.get(path).text
        if "data-job" not in text:
            return text
        assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in text
        time.sleep(0.02)
    raise AssertionError(f"{path} does not end")


def test_the_effect_is_shown_then_saved_then_decided_anew(served: Served) -> None:
    row, sender = asking(served)
    client = served.client("Ada")
    workspace = served.site.workspace
    before = workspace.ignored().blacklist
    path, told = look(client, add=sender)
    assert f'<a href="/messages/{row}">' in told
    assert "lost a record" in told
    assert "<code>order.participants.reference</code>" in told
    assert workspace.ignored().blacklist == before
    assert client.post(f"{path}/anew").status_code == 400  # nothing was saved yet

    assert client.post(f"{path}/save").headers["location"] == path
    assert sender in workspace.ignored().blacklist
    assert [str(each) for each in workspace.standing(row)] == ["order:O-81", "contact:K-5"]  # stays as it is
    saved = client.get(path).text
    assert "never undoes a person" in saved
    page = client.get("/ignored").text
    assert re.search(rf"<code>{re.escape(sender)}</code>.*?Ada, ", page, re.S)

    anew = client.post(f"{path}/anew").headers["location"]
    assert "decided anew." in wait(client, anew)
    assert workspace.standing(row) == []

    _, told = look(client, remove=sender)
    assert "gained a record" in told


def test_deciding_anew_keeps_what_a_person_did(served: Served) -> None:
    row, sender = asking(served)
    workspace = served.site.workspace
    standing = workspace.standing(row)[0]
    workspace.add(row, standing, "erika")  # by hand now
    client = served.client("Ada")
    path, _ = look(client, add=sender)
    client.post(f"{path}/save")
    wait(client, client.post(f"{path}/anew").headers["location"])
    assert standing in workspace.standing(row)


def test_support_sees_the_list_and_changes_nothing(empty: Served) -> None:
    empty.site.workspace.ignore("blacklist", ["dhl.example"])
    client = empty.client("Bert")
    page = client.get("/ignored").text
    assert "dhl.example" in page
    assert "only administrators" in page
    assert "/ignored/effect" not in page
    assert client.post("/ignored/effect", data={"add": "x.example"}).status_code == 403
    assert empty.client().get("/ignored").status_code == 303


def test_what_is_no_entry_or_changes_nothing_is_said_in_the_visitors_language(empty: Served) -> None:
    empty.site.workspace.ignore("blacklist", ["dhl.example"])
    client = empty.client("Ada", lang="de")
    for form, said in (
        ({"add": "zwei <b>Wörter"}, "ist kein Eintrag für die Blacklist"),
        ({"add": "@DHL.example"}, "steht schon auf der Blacklist"),
        ({"remove": "ups.example"}, "steht nicht auf der Blacklist"),
    ):
        answer = client.post("/ignored/effect", data=form)
        assert answer.status_code == 400
        assert said in answer.text
        assert "<b>" not in answer.text


def test_a_long_list_is_searched(empty: Served) -> None:
    entries = [f"firma{number}.example" for number in range(250)]
    empty.site.workspace.ignore("blacklist", [*entries, "*.ÄPFEL.example"])
    client = empty.client("Bert")
    page = client.get("/ignored").text
    assert (page.count('<th scope="row">'), "251 entries" in page) == (200, True)
    found = client.get("/ignored", params={"search": "firma24"}).text
    assert found.count('<th scope="row">') == 11
    assert "ÄPFEL" in client.get("/ignored", params={"search": "äpfel"}).text
    assert "No entry contains this." in client.get("/ignored", params={"search": "<script>"}).text


def test_users_and_groups_are_listed_and_cannot_be_changed_here(empty: Served) -> None:
    people = empty.site.people
    people.change(people.user("Bert").id, "test", address="bert@firma.example")
    empty.site.workspace.ignore("groups", ["shop@firma.example"])
    page = empty.client("Ada").get("/ignored").text
    assert re.search(r"bert@firma\.example</code> <span class=\"chip\">user", page)
    assert re.search(r"shop@firma\.example</code> <span class=\"chip\">group", page)
    assert 'name="remove"' not in page


def test_an_admin_without_mail_sees_no_subjects(served: Served) -> None:
    people = served.site.people
    people.change(people.user("Carl").id, "test", role="admin")
    row, sender = asking(served)
    _, told = look(served.client("Carl", lang="de"), add=sender)
    assert "Ihr Profil erlaubt keinen Zugriff auf Mails" in told
    assert f"/messages/{row}" not in told


def test_a_job_is_its_owners(served: Served) -> None:
    people = served.site.people
    people.change(people.user("Bert").id, "test", role="admin")
    path, _ = look(served.client("Ada"), add="x.example")
    other = served.client("Bert")
    assert other.get(path).status_code == 404
    assert other.post(f"{path}/save").status_code == 404
    assert other.get("/jobs/" + path.rpartition("/")[2]).status_code == 404
    assert served.client("Ada").get("/ignored/effect/nothing").status_code == 404


# --- jobs


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    """The jobs of a process."""
    found = Jobs()
    yield found
    found.close()


def ended(job: Job) -> Job:
    """Wait for its end."""
    for _ in range(500):
        if not job.under_way:
            return job
        time.sleep(0.01)
    raise AssertionError("the job does not end")


def waiting(go: threading.Event) -> Callable[[Progress], str]:
    """Work that waits until it may go on, and looks whether it is wanted."""

    def work(progress: Progress) -> str:
        while not go.wait(0.01):
            progress("wait", 1, 2)
        return "done"

    return work


def test_a_job_ends_and_keeps_its_result(jobs: Jobs) -> None:
    go = threading.Event()
    job = jobs.start(1, "test", None, waiting(go))
    go.set()
    assert (ended(job).state, job.result) == ("done", "done")
    assert jobs.find(job.id, 1).result == "done"
    for owner, kind in ((2, "test"), (1, "other")):
        with pytest.raises(NotFound):
            jobs.find(job.id, owner, kind)
    assert len({jobs.start(EVERYBODY, "test", None, lambda _: None).id for _ in range(3)}) == 3


def test_a_job_can_be_cancelled(jobs: Jobs) -> None:
    job = jobs.start(1, "test", None, waiting(threading.Event()))
    job.cancel()
    assert ended(job).state == "cancelled"


def test_nothing_goes_on_when_the_server_ends(jobs: Jobs) -> None:
    begun = [jobs.start(each, "test", None, waiting(threading.Event())) for each in range(1, 6)]
    while begun[0].state == "waiting":
        time.sleep(0.01)
    jobs.close()
    assert begun[0].state == "cancelled"
    assert all(each.state in ("cancelled", "waiting") for each in begun)


def test_one_person_has_a_few_jobs_at_most(jobs: Jobs) -> None:
    go = threading.Event()
    begun = [jobs.start(1, "test", None, waiting(go)) for _ in range(MOST_OF_ONE)]
    with pytest.raises(InputError, match="Too much"):
        jobs.start(1, "test", None, lambda _: None)
    go.set()
    for each in begun:
        ended(each)
    assert ended(jobs.start(1, "test", None, lambda _: 5)).result == 5


def test_a_job_that_fails_says_why_to_people_only_where_it_is_for_them(
    jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Progress) -> None:
        raise InputError("%(entry)r is wrong", entry="x")

    def break_(_: Progress) -> None:
        raise RuntimeError("secret detail")

    refused, broken = ended(jobs.start(1, "test", None, refuse)), ended(jobs.start(1, "test", None, break_))
    assert (refused.state, str(refused.error)) == ("failed", "'x' is wrong")
    assert (broken.state, broken.error) == ("failed", None)
    assert "secret detail" in caplog.text


def test_results_are_kept_for_an_hour(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    job = ended(jobs.start(1, "test", None, lambda _: None))
    later = time.monotonic() + 3601
    monkeypatch.setattr("beleg.web.jobs.time.monotonic", lambda: later)
    with pytest.raises(NotFound):
        jobs.find(job.id, 1)
