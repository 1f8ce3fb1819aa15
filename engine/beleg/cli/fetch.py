"""`fetch`: get the mail of the accounts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from beleg.cli.frame import Json, Lang, complain, frame, say, say_json

if TYPE_CHECKING:
    from beleg.accounts import Account
    from beleg.accounts.fetching import Fetcher, FetchReport
    from beleg.accounts.servers import Servers

_DURATION = re.compile(r"(\d{1,6})\s*(s|m|h)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(fetch)


def fetch(
    context: typer.Context,
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="Only this account, by its name; also one that is halted.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Fetch once and end; so it is without --every, too.")] = False,
    every: Annotated[
        str | None, typer.Option("--every", help="Fetch again and again, so often: 60s, 5m, 1h. Ctrl-C ends it.")
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Get the mail of all active accounts, or of one: store it, decide it (setting decide_on_arrival), and delete on
    the server what the account says. Without an account, the mail server of another make that serves the company is
    read, too."""
    from beleg.accounts.fetching import Fetcher
    from beleg.accounts.servers import Servers
    from beleg.errors import InputError

    if once and every:
        raise InputError("give --once or --every, not both")
    one = frame(context)
    language = one.language(lang)
    seconds = _seconds(every) if every else None
    fetcher = Fetcher(one.accounts, seconds or one.settings.fetch_every)
    named = one.accounts.account(account) if account else None
    servers = Servers(one.accounts) if named is None else None
    if seconds is None:
        chosen = [named] if named else [each for each in one.accounts.accounts("in") if each.active]
        serving = servers is not None and servers.active() is not None
        if not chosen and not serving:
            complain("no account that fetches mail is active")
        # A password that was refused is tried again by a person who names the account, not by a timer.
        halted = [each for each in chosen if each.halted and not named]
        for each in halted:
            complain(f"{each.name}: not tried again before the account is checked or changed: {_last(each, language)}")
        reports = [_fetched(fetcher, each, language, as_json) for each in chosen if each not in halted]
        well = servers is None or not serving or _read(servers, language, as_json)
        if halted or not well or any(each.error or each.failed for each in reports):
            raise typer.Exit(3)
        return
    try:
        _again_and_again(fetcher, servers, seconds, named, language, as_json)
    except KeyboardInterrupt:
        return


def _again_and_again(
    fetcher: Fetcher, servers: Servers | None, seconds: int, named: Account | None, language: str, as_json: bool
) -> None:
    """Until Ctrl-C. What is halted waits for a person; a named account is tried once all the same."""
    import time

    from beleg.store import DatabaseError

    if named:
        _fetched(fetcher, named, language, as_json)
    next_read = 0.0
    while True:
        try:
            if servers and time.monotonic() >= next_read and servers.due(time.time()):
                _read(servers, language, as_json)
                next_read = time.monotonic() + seconds
            for each in fetcher.due():
                if named is None or each.id == named.id:
                    _fetched(fetcher, each, language, as_json, only_due=True)
        except DatabaseError as error:  # it may come back
            complain(str(error))
        time.sleep(1)


def _last(account: Account, language: str) -> str:
    return account.error[language] if account.error else ""


def _fetched(
    fetcher: Fetcher, account: Account, language: str, as_json: bool, *, only_due: bool = False
) -> FetchReport:
    """Fetch an account and say what was done."""
    report = fetcher.fetch(account.id, only_due=only_due)
    error = report.error.say(language) if report.error else None
    if as_json:
        say_json(
            {
                "account": account.name,
                "new": report.new,
                "known": report.known,
                "deleted": report.deleted,
                "decided": report.decided,
                "failed": report.failed,
                "fault": report.error.fault if report.error else None,
                "error": error,
                "idle": report.idle,
            }
        )
    elif report.idle:
        if not only_due:
            say(f"{account.name}: another process is fetching it")
    else:
        say(
            f"{account.name}: {report.new} new, {report.known} were stored already, {report.decided} decided, "
            f"{report.deleted} deleted on the server"
        )
    if error:
        complain(f"{account.name}: {error}")
    for fault in report.failed:
        complain(f"{account.name}: {fault}")
    return report


def _read(servers: Servers, language: str, as_json: bool) -> bool:
    """Read the mail server that serves the company, if it is time, and say what was done: whether all went well."""
    import time

    name = servers.active()
    if name is None:
        return True
    if not servers.due(time.time()):
        view = servers.settings_view(name)
        complain(f"{name}: not tried again now: {view.error[language] if view.error else ''}")
        return not view.halted
    report = servers.read(time.time())
    error = report.error.say(language) if report.error else None
    faults = [*(f"mail {item}: {each.say(language)}" for item, each in report.skipped.items()), *report.failed]
    if as_json:
        say_json(
            {
                "server": name,
                "new": report.new,
                "known": report.known,
                "decided": report.decided,
                "failed": faults,
                "fault": report.error.fault if report.error else None,
                "error": error,
                "idle": report.busy,
            }
        )
    elif report.busy:
        say(f"{name}: another process is reading it")
    else:
        say(f"{name}: {report.new} new, {report.known} were stored already, {report.decided} decided")
    for fault in (error, *faults):
        if fault:
            complain(f"{name}: {fault}")
    return not (error or faults)


def _seconds(text: str) -> int:
    from beleg.errors import InputError

    found = _DURATION.fullmatch(text.strip().lower())
    seconds = int(found[1]) * _SECONDS[found[2] or "s"] if found else 0
    if not seconds:
        raise InputError(f"--every is a time such as 60s, 5m or 1h, not {text!r}")
    return seconds
