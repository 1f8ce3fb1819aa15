"""`fetch`: get the mail of the accounts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from beleg.cli.frame import Json, Lang, complain, frame, say, say_json

if TYPE_CHECKING:
    from beleg.accounts import Account
    from beleg.accounts.fetching import Fetcher, FetchReport

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
    the server what the account says."""
    from beleg.accounts.fetching import Fetcher
    from beleg.errors import InputError

    if once and every:
        raise InputError("give --once or --every, not both")
    one = frame(context)
    language = one.language(lang)
    seconds = _seconds(every) if every else None
    fetcher = Fetcher(one.accounts, seconds or one.settings.fetch_every)
    named = one.accounts.account(account) if account else None
    if seconds is None:
        chosen = [named] if named else [each for each in one.accounts.accounts("in") if each.active]
        if not chosen:
            complain("no account that fetches mail is active")
        # A password that was refused is tried again by a person who names the account, not by a timer.
        halted = [each for each in chosen if each.halted and not named]
        for each in halted:
            complain(f"{each.name}: not tried again before the account is checked or changed: {_last(each, language)}")
        reports = [_fetched(fetcher, each, language, as_json) for each in chosen if each not in halted]
        if halted or any(each.error or each.failed for each in reports):
            raise typer.Exit(3)
        return
    try:
        _again_and_again(fetcher, named, language, as_json)
    except KeyboardInterrupt:
        return


def _again_and_again(fetcher: Fetcher, named: Account | None, language: str, as_json: bool) -> None:
    """Until Ctrl-C. What is halted waits for a person; a named account is tried once all the same."""
    import time

    from beleg.store import DatabaseError

    if named:
        _fetched(fetcher, named, language, as_json)
    while True:
        try:
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


def _seconds(text: str) -> int:
    from beleg.errors import InputError

    found = _DURATION.fullmatch(text.strip().lower())
    seconds = int(found[1]) * _SECONDS[found[2] or "s"] if found else 0
    if not seconds:
        raise InputError(f"--every is a time such as 60s, 5m or 1h, not {text!r}")
    return seconds
