"""`serve`: the support page and the HTTP API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beleg.cli.frame import frame, say

if TYPE_CHECKING:
    import uvicorn

    from beleg.accounts import Accounts
    from beleg.accounts.runner import Runner
    from beleg.settings import Settings
    from beleg.web import Site

HOST = "127.0.0.1"
PORT = 8000

Port = Annotated[int, typer.Option("--port", help="The port to listen on; 0 takes a free one.", min=0, max=65535)]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = HOST,
    port: Port = PORT,
    proxy: Annotated[
        str,
        typer.Option(
            "--proxy",
            help="Addresses or networks of proxies in front, parted by commas: what they say of a visitor's address "
            "and of https (X-Forwarded-For, X-Forwarded-Proto) counts; nobody else's word does.",
        ),
    ] = "",
) -> None:
    """Start the support page and the HTTP API. Sign in with a name made by `beleg user add`."""
    one = frame(context)
    site = site_of(one.accounts, one.settings)
    if not site.people.users():
        say("Nobody can sign in yet; make the first administrator: beleg user add NAME --role admin")
    run(site, host, port, proxy, background(one.accounts, one.settings))


def background(accounts: Accounts, settings: Settings) -> Runner:
    """What the server does by itself."""
    from threading import Event

    from beleg.accounts.fetching import Fetcher
    from beleg.accounts.outbox import Outbox
    from beleg.accounts.runner import LOOK, Fetching, Runner, Task
    from beleg.accounts.servers import Servers

    stop = Event()
    tasks = [Task("send", LOOK, Outbox(accounts).send_due)]
    if settings.fetch_in_serve:
        fetching = Fetching(Fetcher(accounts, settings.fetch_every, stop=stop))
        tasks.append(Task("fetch", min(LOOK, settings.fetch_every), fetching.run, fetching.join))
        tasks.append(Task("server", settings.fetch_every, lambda: Servers(accounts).read_due(stop)))
    return Runner(tasks, stop)


def site_of(accounts: Accounts, settings: Settings) -> Site:
    """The site of a workspace with its accounts. Raises InputError where the settings name no time zone."""
    from beleg.errors import InputError
    from beleg.people import People
    from beleg.web import Site

    scenarios = Path(settings.scenarios)
    try:
        return Site(
            accounts,
            People(accounts.database),
            settings.language,
            scenarios if settings.scenarios and scenarios.is_dir() else None,
            settings.time_zone or None,
        )
    except LookupError:
        raise InputError(f"the setting time_zone: there is no time zone {settings.time_zone!r}") from None


def configured(site: Site, proxy: str = "") -> uvicorn.Config:
    """How the server runs. Who is believed about a visitor's address could try passwords without end, and lock others
    out; so nobody is, unless he is named, not even this machine."""
    import uvicorn

    from beleg.web import create_app

    return uvicorn.Config(
        create_app(site), log_level="warning", server_header=False, proxy_headers=bool(proxy), forwarded_allow_ips=proxy
    )


def run(site: Site, host: str, port: int, proxy: str = "", runner: Runner | None = None) -> None:
    """Listen until interrupted; meanwhile a runner does its work. Raises OSError where it can't listen there."""
    import socket
    from contextlib import nullcontext

    import uvicorn

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, for asyncio sends small packets at once (TCP_NODELAY) only where it is: else each answer
    # waited 40 ms for an acknowledgement between its head and its body.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen()  # before it is said, so that who reads the line can connect at once
        except OSError as error:
            raise OSError(error.errno, f"can't listen on {host} port {port}: {error.strerror}") from None
        shown = f"[{host}]" if ":" in host else host
        say(f"Beleg listens on http://{shown}:{listening.getsockname()[1]} (Ctrl-C ends it)")
        with runner or nullcontext():
            uvicorn.Server(configured(site, proxy)).run(sockets=[listening])
