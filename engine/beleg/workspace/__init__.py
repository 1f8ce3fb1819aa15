"""What people do with Beleg, as functions: take in mail and records, decide, explain, correct, look up.

The command line, the web pages and the API are thin layers over this package; each of its modules has one concern.
"""

from __future__ import annotations

from beleg.deciding import BATCH
from beleg.workspace.corrections import Corrections
from beleg.workspace.decisions import AssignReport, uncollected
from beleg.workspace.mail import Incoming, Mail, MailReport
from beleg.workspace.opened import Opened, Reading, ThreadMail
from beleg.workspace.records import Records, Shown

__all__ = [
    "BATCH",
    "AssignReport",
    "Incoming",
    "MailReport",
    "Opened",
    "Shown",
    "ThreadMail",
    "Workspace",
    "uncollected",
]


class Workspace(Records, Mail, Corrections, Reading):
    """One database with the installed plugins and the settings that decisions depend on."""
