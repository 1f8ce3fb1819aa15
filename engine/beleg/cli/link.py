"""Linking accounts with their OAuth2 providers: `account link`, `unlink`, `renew`; `provider list`, `set`, `remove`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from beleg.cli.frame import By, Frame, Json, Lang, complain, frame, person, say, say_json, say_table

if TYPE_CHECKING:
    from beleg.accounts import Account, Unlinked

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]
Out = Annotated[bool, typer.Option("--out/--in", help="The account that sends, not the one that fetches.")]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="The loopback port that the provider sends the browser back to; "
                      "0 takes a free one. Providers may want to know it beforehand.")
]  # fmt: skip
Provider = Annotated[str, typer.Argument(metavar="NAME", help="google, microsoft, or a name of your own.")]
BACK = "/oauth2/callback"


def register(app: typer.Typer) -> None:
    """Add the commands, those of accounts to the others of these."""
    account = next(each.typer_instance for each in app.registered_groups if each.name == "account")
    assert account is not None
    account.command("link")(link)
    account.command("unlink")(unlink)
    account.command("renew")(renew)
    provider = typer.Typer(help="OAuth2 providers, such as Google and Microsoft.", no_args_is_help=True)
    provider.command("list")(list_)
    provider.command("set")(set_)
    provider.command("remove")(remove)
    app.add_typer(provider, name="provider")


# --- linking -----------------------------------------------------------------------------------------------------


def link(
    context: typer.Context, name: Name, out: Out = False, port: Port = 0, lang: Lang = None, by: By = None
) -> None:
    """Link an account with its provider: prints the address where to sign in, and waits for ten minutes for the
    browser to come back (or for the address that it ended at, pasted here)."""
    one = frame(context)
    _link(one, _named(one, name, out), port, one.language(lang), person(by))


def unlink(context: typer.Context, name: Name, out: Out = False, lang: Lang = None, by: By = None) -> None:
    """Remove an account's link, and have the provider take the access back where it can."""
    one = frame(context)
    account = _named(one, name, out)
    _tell(account, one.accounts.links.unlink(account.id, person(by)), one.language(lang))


def renew(
    context: typer.Context, name: Name, out: Out = False, port: Port = 0, lang: Lang = None, by: By = None
) -> None:
    """Unlink, and link again."""
    one = frame(context)
    _link(one, _named(one, name, out), port, one.language(lang), person(by), again=True)


def _named(one: Frame, name: str, out: bool) -> Account:
    return one.accounts.account(name, "out" if out else "in")


def _tell(account: Account, unlinked: Unlinked, language: str) -> None:
    say(f"{account.name} is not linked any more")
    if unlinked.told:
        complain(unlinked.told.say(language))


def _link(one: Frame, account: Account, port: int, language: str, by: str, *, again: bool = False) -> None:
    import secrets

    from beleg.cli.loopback import Loopback

    links = one.accounts.links
    browser = secrets.token_urlsafe(32)
    with Loopback(port, BACK) as waiting:
        if again:
            unlinked, url = links.renew(account.id, waiting.address, browser, by)
            _tell(account, unlinked, language)
        else:
            url = links.begin(account.id, waiting.address, browser, by)
        say(f"Open this address in a browser, and sign in as {account.user}:")
        say(url)
        say("Beleg waits for ten minutes. If the browser runs on another machine, paste the address it ends at here:")
        sys.stdout.flush()
        answer = waiting.answer(url)
    outcome = links.finish(
        answer.get("state", ""), browser, by, code=answer.get("code", ""), error=answer.get("error", ""),
        said=answer.get("error_description", ""),
    )  # fmt: skip
    if outcome.what == "linked":
        say(outcome.say(language))
        return
    complain(outcome.say(language))
    if outcome.url:
        say(outcome.url)
    raise typer.Exit(1)


# --- providers ---------------------------------------------------------------------------------------------------


def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the providers, and whether Beleg is known to each; never a secret."""
    from dataclasses import asdict

    found = frame(context).accounts.links.providers()
    if as_json:
        for each in found:
            hidden = ("secret", "tips", "fetching", "sending", "extra")
            values = {name: value for name, value in asdict(each).items() if name not in hidden}
            say_json({**values, "ready": each.ready})
        return
    rows = [
        (
            each.name,
            each.title,
            "set up" if each.ready else "not set up",
            each.client_id or "-",
            "secret" if each.has_secret else "no secret",
            each.tenant or "-",
        )
        for each in found
    ]
    say_table(("name", "title", "state", "client id", "secret", "tenant"), rows)


def set_(
    context: typer.Context,
    name: Provider,
    client_id: Annotated[str | None, typer.Option("--client-id", help="What the provider calls Beleg.")] = None,
    client_secret_stdin: Annotated[
        bool, typer.Option("--client-secret-stdin", help="Read the client's secret from standard input's first line.")
    ] = False,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Microsoft: the company's directory.")] = None,
    testing: Annotated[
        bool | None, typer.Option("--testing/--no-testing", help="Google: the app is in testing; links last 7 days.")
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="How it is called.")] = None,
    scopes: Annotated[str | None, typer.Option("--scopes", help="The scopes, parted by blanks.")] = None,
    authorize: Annotated[str | None, typer.Option("--authorize", help="Address of its authorisation endpoint.")] = None,
    token: Annotated[str | None, typer.Option("--token", help="Address of its token endpoint.")] = None,
    revoke: Annotated[str | None, typer.Option("--revoke", help="Address of its revocation endpoint.")] = None,
    consent: Annotated[str | None, typer.Option("--consent", help="Address where administrators consent.")] = None,
    days: Annotated[int | None, typer.Option("--days", help="After how many unused days a link ends.")] = None,
    by: By = None,
) -> None:
    """Set a provider up; what is not given stays. Google and Microsoft need the client id (and its secret), any other
    its addresses and scopes too."""
    from pydantic import SecretStr

    given: dict[str, Any] = {
        "client_id": client_id, "tenant": tenant, "testing": testing, "title": title, "scopes": scopes,
        "authorize": authorize, "token": token, "revoke": revoke, "consent": consent, "days": days,
    }  # fmt: skip
    fields = {key: value for key, value in given.items() if value is not None}
    secret = SecretStr(_first_line()) if client_secret_stdin else None
    found = frame(context).accounts.links.set_provider(name, person(by), secret, **fields)
    say(f"{found.title} is set up")


def remove(context: typer.Context, name: Provider, by: By = None) -> None:
    """Forget how Beleg is known to a provider."""
    frame(context).accounts.links.remove_provider(name, person(by))
    say(f"{name} is not set up any more")


def _first_line() -> str:
    from beleg.errors import InputError

    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise InputError("the secret on standard input is no text in UTF-8") from None
