"""The small world that `beleg demo` shows: a lamp shop's records, and four weeks of its mail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from beleg.importer import read_files
from beleg.mailbox import Skipped, mails

if TYPE_CHECKING:
    from beleg.accounts import Accounts
    from beleg.store.records import ImportReport
    from beleg.workspace import MailReport, Workspace

FOLDER = Path(__file__).parent
ERP = FOLDER / "erp.yaml"
MAILS = FOLDER / "mails"
MAIN = MAILS / "2-rueckfrage.eml"
"""The mail whose explanation the demo ends with."""
USERS = ("erika.braun@lampenladen.example", "jonas.keller@lampenladen.example")
PEOPLE = (("erika", USERS[0], "support"), ("jonas", USERS[1], "admin"))
"""Who may sign in to the page of the demo: name, address, role."""
PASSWORD = "lampenladen"
GROUPS = ("shop@lampenladen.example",)
BLACKLIST = ("dhl.example", "*.newsletter.example", "markthalle.example", "noreply@bezahldienst.example")


def fill(workspace: Workspace) -> tuple[ImportReport, MailReport]:
    """Put the world into an empty workspace: its ignored addresses, its records, its mail, each mail decided."""
    for list_, entries in (("users", USERS), ("groups", GROUPS), ("blacklist", BLACKLIST)):
        workspace.ignore(list_, entries)
    records = workspace.import_records(read_files([ERP], workspace.installed.types), files="demo")
    found = mails([MAILS], Skipped([]))
    return records, workspace.import_mail((each.raw, each.folder, each.mailbox) for each in found)


def add_account(accounts: Accounts) -> None:
    """Give the shop a mail account, which is switched off for there is no such server, and its mail to the group of the
    account; the older half of it is done."""
    if not {"pop3", "smtp"} <= accounts.installed.mail_servers.keys():
        return
    made = accounts.add("in", "demo", name="Lampenladen", host="pop.lampenladen.example", user=GROUPS[0])
    rows = [stored.row for stored, _ in accounts.workspace.newest(1_000)]
    accounts.handle(rows, "demo", group=made.group)
    accounts.handle(rows[len(rows) // 2 :], "demo", work="done")
