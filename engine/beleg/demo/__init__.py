"""The small world that `beleg demo` shows: a lamp shop's records, and four weeks of its mail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from beleg.importer import read_files
from beleg.mailbox import Skipped, mails

if TYPE_CHECKING:
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
