"""The command replay, as a user gives it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from beleg.cli import main
from beleg.replay import CAUSES, KINDS
from beleg.replay.change import BY_HAND, NO_CHECK, NO_STEP
from beleg.replay.words import TEXTS
from commands import ANSWER, ERP, FAILING, QUESTION, STRANGER, VAGUE, Cli
from conftest import PostgresServer
from writing import day, mail, publish

HOSTILE = mail(
    "<script>alert(1)</script> & <img src=http://x.example/> {{ 7*7 }} \x1b[31m",
    sender="bodo@leuchten.example", to="carla@c.example", id_="böse@x", date=day(6),
)  # fmt: skip
CARLA = "contacts: [{id: K-7, addresses: [carla@c.example]}]"
ABSTAIN = 'on_conflict = "abstain"\n'


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with five mails of two mailboxes, decided."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "erp.yaml").write_text(ERP, encoding="utf-8")
    for number, raw in enumerate((QUESTION, ANSWER, VAGUE, STRANGER, HOSTILE), 1):
        place = folder / ("in/sub" if number < 4 else "other")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.eml").write_bytes(raw)

    def run(*arguments: str) -> None:
        assert main(["--database", f"sqlite:///{folder}/beleg.db", *arguments]) == 0

    run("db", "upgrade")
    (folder / "carla.yaml").write_text(CARLA)
    run("erp", "import", str(folder / "erp.yaml"), str(folder / "carla.yaml"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("mail", "import", "in", "other/")
    return folder


@pytest.fixture
def cli(cli: Cli, prepared: Path) -> Cli:
    shutil.copy(prepared / "beleg.db", cli.folder)
    return cli


def test_nothing_changed(cli: Cli) -> None:
    assert cli("replay") == (
        "5 messages decided anew, compared with their stored decisions\n  5  the same\nNothing changed.\n"
    )
    assert cli("replay", "--since", "2027-01-01") == "No message is selected.\n"


def test_what_a_plugin_is_good_for(cli: Cli) -> None:
    result = cli.run("replay", "--disable", "order")
    assert (result.code, result.err) == (1, "")
    assert result.out.splitlines() == [
        "5 messages decided anew, compared with their stored decisions",
        "  3  explanation only (3 of them by other clauses)",
        "  2  lost a record",
        "",
        "Outcome changes, by clause before and now",
        "  1  lost a record: history.assigned → history.assigned",
        "     because of: rules, an earlier mail of the thread is decided otherwise (1)",
        '     for example 2 "Re: Frage"',
        "       order O-81, contact K-5, offer AN-7, article A-1 → offer AN-7, contact K-5",
        "  1  lost a record: order.participants.reference → (no such step)",
        "     because of: rules (1)",
        '     for example 1 "Frage zu AB-1042"',
        "       order O-81, contact K-5, offer AN-7, article A-1 → offer AN-7, contact K-5",
        "",
        f"Rule set {ruleset('before', cli)} (5 decisions) → {ruleset('after', cli, '--disable', 'order')}",
        "  plugin order: beleg 0.1.0 → not there",
        "  step order: 200 → not there",
    ]


def ruleset(side: str, cli: Cli, *options: str) -> str:
    id_ = json.loads(cli.run("replay", "--json", *options).out.splitlines()[0])[f"ruleset_{side}"]
    assert isinstance(id_, str)
    return id_


def test_in_german(cli: Cli) -> None:
    result = cli.run("replay", "--disable", "order", "--lang", "de")
    assert "Eintrag verloren: order.participants.reference → (kein solcher Schritt)" in result.out
    assert "Plugin order: beleg 0.1.0 → nicht vorhanden" in result.out
    assert "--lang is one of en, de" in cli.refused("replay", "--lang", "fr")


def test_there_are_words_for_everything() -> None:
    assert TEXTS["en"].keys() == TEXTS["de"].keys()
    assert {*KINDS, *CAUSES, NO_STEP, NO_CHECK, BY_HAND} <= TEXTS["en"].keys()


def test_json_lines(cli: Cli) -> None:
    cli.write("abstain.toml", ABSTAIN)
    result = cli.run("replay", "--settings", "abstain.toml", "--json")
    assert (result.code, result.err) == (1, "")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["kind"] for line in lines] == ["explanation", "same", "explanation", "same", "lost"]
    lost = lines[4]
    assert lost.pop("digest_before") != lost.pop("digest_after")
    assert lost.pop("ruleset_before") != lost.pop("ruleset_after")
    assert lost.pop("subject").startswith("<script>")
    assert lost == {
        "row": 5, "message_id": "böse@x", "kind": "lost", "causes": ["rules"], "changed": [],
        "from": "contact.participants.unique", "to": "contact.participants.conflict", "step": "contact",
        "before": ["contact:K-6"], "after": [], "error": None,
    }  # fmt: skip


def test_allowed_and_strict(cli: Cli) -> None:
    cli.write("abstain.toml", ABSTAIN)
    candidate = ("replay", "--settings", "abstain.toml")
    for allowed in ("lost:contact", "*:contact", "lost:*", "*:*"):
        assert "1 of 1 outcome changes are allowed" in cli(*candidate, "--allow", allowed)
    for other in ("gained:contact", "lost:order"):
        assert cli.run(*candidate, "--allow", other).code == 1
    assert cli.run(*candidate, "--allow", "gained:*", "--allow", "*:contact").code == 0
    assert cli.run(*candidate, "--allow", "*:*", "--strict").code == 1
    assert cli.run("replay", "--strict").code == 0
    assert cli.run(*candidate, "--until", "2026-03-05").code == 0  # explanations alone
    assert cli.run(*candidate, "--until", "2026-03-05", "--strict").code == 1


def test_a_step_that_only_a_stored_decision_had_can_be_allowed(cli: Cli) -> None:
    assert cli.run("replay", "--disable", "order", "--allow", "lost:order", "--allow", "lost:history").code == 0


def test_selection(cli: Cli) -> None:
    def rows(*options: str) -> list[int]:
        return [line["row"] for line in cli.json("replay", "--json", *options)]

    assert rows("--mailbox", "in") == rows("--mailbox", "./in/") == rows("--folder", "in/sub") == [1, 2, 3]
    assert rows("--mailbox", "other") == rows("--folder", "other") == [4, 5]
    assert rows("--folder", "in") == [1, 2, 3]
    assert rows("--since", "2026-03-03", "--until", "2026-03-04") == [2, 3]
    assert rows("--search", "ab-1042 FRAGE") == [1]
    assert rows("--search", "carla@c.example") == [5]


def test_two_configurations(cli: Cli) -> None:
    cli.write("abstain.toml", ABSTAIN)
    cli.write("first.toml", "# all as it comes\n")
    assert cli("replay", "--baseline", "first.toml").startswith("5 messages decided under two configurations\n  5  ")
    result = cli.run("replay", "--settings", "abstain.toml", "--baseline", "first.toml", "--disable", "offer")
    assert result.code == 1
    assert "setting on_conflict: first → abstain" in result.out
    assert "plugin offer: beleg 0.1.0 → not there" in result.out
    back = cli.run("replay", "--settings", "first.toml", "--baseline", "abstain.toml", "--json")
    assert json.loads(back.out.splitlines()[4])["kind"] == "gained"


def test_plugins_are_switched_relative_to_the_settings(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.write("beleg.toml", 'disabled_plugins = ["order"]\n')
    assert cli.run("replay").code == 1
    assert cli("replay", "--enable", "order").endswith("Nothing changed.\n")
    assert cli.run("replay", "--enable", "order", "--disable", "contact").code == 1  # the last mail has a contact alone
    # A file that is named is read without the environment.
    cli.write("plain.toml", "")
    monkeypatch.setenv("BELEG_ON_CONFLICT", "abstain")
    assert cli("replay", "--settings", "plain.toml").endswith("Nothing changed.\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--disable", "ordr"], "--disable: there is no plugin 'ordr'; did you mean 'order'?"),
        (
            ["--enable", "x"],
            "--enable: there is no plugin 'x'; known here: contact, greyhound, history, offer, order, pop3, smtp",
        ),
        (["--enable", "order", "--disable", "order"], "'order' is named by --disable and by --enable"),
        (["--settings", "no.toml"], "no.toml: there is no such settings file"),
        (["--baseline", "no.toml"], "no.toml: there is no such settings file"),
        (["--settings", "wrong.toml"], "wrong.toml: unknown key 'on_conflikt'; did you mean 'on_conflict'?"),
        (["--settings", "broken.toml"], "broken.toml: the settings can't be read"),
        (["--settings", "plugin.toml"], "plugin.toml: the setting disabled_plugins names 'ordr'"),
        (["--baseline", "plugin.toml"], "plugin.toml: the setting disabled_plugins names 'ordr'"),
        (["--settings", "step.toml"], "step.toml: the setting disabled_steps names 'ordr'"),
        (["--since", "gestern"], "--since is a day as in 2026-03-31, not 'gestern'"),
        (["--until", "2026-02-30"], "--until is a day as in 2026-03-31, not '2026-02-30'"),
        (["--since", "2026-03-02", "--until", "2026-03-01"], "--since 2026-03-02 is later than --until 2026-03-01"),
        (["--mailbox", "im"], "no stored mail is of the mailbox 'im'; known here: in, other"),
        (["--folder", "in/su"], "no stored mail is of the folder 'in/su'; did you mean 'in/sub'?"),
        (["--search", " "], "--search needs a word"),
        (["--jobs", "0"], "--jobs is a number of processes from 1 to 64, not 0"),
        (["--allow", "lost"], "--allow is KIND:STEP, for example gained:order or lost:*, not 'lost'"),
        (["--allow", "losst:order"], "--allow losst:order: there is no kind of change 'losst'; did you mean 'lost'?"),
        (["--allow", "lost:ordr"], "--allow lost:ordr: there is no step 'ordr'; did you mean 'order'?"),
        (["--apply", "--baseline", "first.toml"], "--apply stores what is compared with stored decisions"),
        (["--html", "no/such/folder.html"], "no/such/folder.html: the page can't be written"),
    ],
)
def test_wrong_usage(cli: Cli, arguments: list[str], says: str) -> None:
    cli.write("first.toml", "")
    cli.write("wrong.toml", 'on_conflikt = "first"\n')
    cli.write("broken.toml", "on_conflict = \n")
    cli.write("plugin.toml", 'disabled_plugins = ["ordr"]\n')
    cli.write("step.toml", 'disabled_steps = ["ordr"]\n')
    assert cli.refused("replay", *arguments).startswith(says)


def test_a_database_in_memory_is_for_one_process(cli: Cli) -> None:
    refused = cli.refused("--database", "sqlite:///:memory:", "replay", "--jobs", "2")
    assert refused == "other processes can't reach a database in memory; leave out --jobs"


# --- storing


def test_apply(cli: Cli) -> None:
    cli("remove", "3", "offer:AN-7", "--by", "erika")
    cli("add", "4", "order:O-77", "--by", "erika")
    before = cli.assigned()
    out = cli.run("replay", "--disable", "order", "--apply")
    assert out.code == 1
    assert out.out.endswith("5 decisions stored\n")
    assert cli("replay", "--disable", "order").endswith("Nothing changed.\n")
    after = cli.assigned()
    assert after["frage@kunde.example"] == after["antwort@firma.example"] == ["offer:AN-7", "contact:K-5"]
    assert after["vage@kunde.example"] == []
    assert after["fremd@nirgends.example"] == before["fremd@nirgends.example"] == ["order:O-77", "contact:K-5"]
    assert "order O-81" in cli.run("replay").out
    assert cli.run("replay", "--apply", "--json").code == 1
    assert cli("replay").endswith("Nothing changed.\n")
    assert cli.assigned() == before


def test_apply_stores_explanations_too(cli: Cli) -> None:
    cli.write("beleg.toml", ABSTAIN)
    some = ("replay", "--until", "2026-03-05")
    assert "No outcome changed." in cli(*some)
    assert cli.run(*some, "--strict", "--apply").code == 1
    assert "Nothing changed.\n" in cli(*some, "--strict")


def test_a_step_that_fails(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path, monkeypatch, "failing", FAILING)
    result = cli.run("replay", "--allow", "*:*")
    assert result.code == 3
    assert "failed" in result.out
    assert "step 'failing' failed on message frage@kunde.example: RuntimeError: kaputt" in result.out
    assert cli("replay", "--disable", "failing").endswith("Nothing changed.\n")


# --- the page


class Page(HTMLParser):
    """Collects what could load or run something, and the texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.mark.parametrize(("lang", "says"), [("en", "Outcome changes, by clause before and now"),
                                            ("de", "Geänderte Ergebnisse, nach Klausel vorher und jetzt")])  # fmt: skip
def test_a_page_to_send_around(cli: Cli, lang: str, says: str) -> None:
    cli.write("abstain.toml", ABSTAIN)
    cli.run("replay", "--settings", "abstain.toml", "--html", "page.html", "--lang", lang)
    html = (cli.folder / "page.html").read_text(encoding="utf-8")
    page = Page(html)
    assert says in page.texts
    assert f'<html lang="{lang}">' in html
    assert not page.tags & {"script", "img", "link", "iframe", "object", "embed", "base", "form", "a"}
    assert not page.attributes & {"src", "href", "style", "srcset"}
    assert not any(name.startswith("on") for name in page.attributes)
    assert "@import" not in html
    assert "url(" not in html
    assert "default-src 'none'" in html
    [shown] = [each for each in page.texts if each.startswith('"<script>')]
    assert shown == '"<script>alert(1)</script> & <img src=http://x.example/> {{ 7*7 }} \ufffd[31m"'
    assert "contact.participants.conflict" in page.texts
    assert "49" not in page.texts


def test_a_page_on_nothing(cli: Cli) -> None:
    cli("replay", "--html", "page.html")
    texts = Page((cli.folder / "page.html").read_text(encoding="utf-8")).texts
    assert "No outcome changed." in texts
    cli("replay", "--since", "2027-01-01", "--html", "page.html", "--json")
    assert "No message is selected." in Page((cli.folder / "page.html").read_text(encoding="utf-8")).texts


# --- the process

SLOW = """
    import os, pathlib, time
    from beleg import Check, RuleSeen, Step, hookimpl

    class Slow(Step):
        name = "slow"
        priority = 150

        def clauses(self):
            return []

        def run(self, context):
            pathlib.Path(f"at-work-{os.getpid()}").touch()
            time.sleep(0.3)
            return iter(())

    @hookimpl
    def beleg_steps():
        return [Slow()]
"""


def test_an_interrupt_ends_all_processes(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("mail", "import", *(cli.write(f"more/{n}.eml", mail("Hallo", id_=f"{n}@y")) for n in range(40)))
    publish(tmp_path, monkeypatch, "slow", SLOW)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site-slow")}
    # A shell that starts the tests in the background has them ignore interrupts, and all that they start.
    listen = "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code = f"{listen}from beleg.cli import main\nif __name__ == '__main__': sys.exit(main(sys.argv[1:]))"
    script = cli.write("run.py", code)
    with subprocess.Popen(
        [sys.executable, script, "replay", "--jobs", "2"], cwd=cli.folder, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    ) as started:  # fmt: skip
        deadline = time.monotonic() + 60
        while len([*cli.folder.glob("at-work-*")]) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(started.pid, signal.SIGINT)  # as a terminal does: to all of them
        out, err = started.communicate(timeout=30)
    assert (started.returncode, out, err) == (3, b"", b"beleg: interrupted\n")
    deadline = time.monotonic() + 10
    while _alive(started.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_same_on_postgresql(cli: Cli, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELEG_DATABASE_URL", postgres_server.fresh_database())
    cli("erp", "import", cli.write("erp.yaml", ERP))
    cli("mail", "import", cli.write("1.eml", QUESTION), cli.write("2.eml", ANSWER), cli.write("3.eml", VAGUE))
    assert cli("replay").endswith("Nothing changed.\n")
    assert cli.run("replay", "--disable", "order", "--apply").code == 1
    assert cli("replay", "--disable", "order").endswith("Nothing changed.\n")
