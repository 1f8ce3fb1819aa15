"""What `from beleg import …` gives: the whole public interface for plugin authors. See docs/plugins.md."""

from beleg.assignment import Assignment, Removal, ThreadMessage
from beleg.clause import Clause, Sentences
from beleg.directory import COUNTED, LISTED, Group, MemoryDirectory, count_total
from beleg.document import DocumentStep
from beleg.evidence import FoundAddress, FoundNumber, Place
from beleg.hooks import RuleChange, hookimpl
from beleg.lookup import Hits, Interest, Lookup
from beleg.mailserver import (
    Auth,
    CheckStep,
    Delivery,
    Endpoint,
    Envelope,
    Fault,
    IncomingProtocol,
    ItemKind,
    LinkState,
    Listed,
    MailboxSession,
    MailServerError,
    OutgoingProtocol,
    Security,
    Sentence,
    ServerItem,
    ServerLink,
    ServerMail,
    ServerProtocol,
    ServerSession,
    ServerSettings,
    unreliable,
)
from beleg.record import Link, Record, RecordRef, RecordType, Reference, Words
from beleg.rulebook import Rule, Rulebook, Table
from beleg.stages import AddressStep, Look
from beleg.stages.clauses import stage_clauses
from beleg.step import Context, FollowUp, RuleSettings, Step
from beleg.trace import At, Candidates, Check, Naming, RuleSeen

__all__ = [
    "COUNTED",
    "LISTED",
    "AddressStep",
    "Assignment",
    "At",
    "Auth",
    "Candidates",
    "Check",
    "CheckStep",
    "Clause",
    "Context",
    "Delivery",
    "DocumentStep",
    "Endpoint",
    "Envelope",
    "Fault",
    "FollowUp",
    "FoundAddress",
    "FoundNumber",
    "Group",
    "Hits",
    "IncomingProtocol",
    "Interest",
    "ItemKind",
    "Link",
    "LinkState",
    "Listed",
    "Look",
    "Lookup",
    "MailServerError",
    "MailboxSession",
    "MemoryDirectory",
    "Naming",
    "OutgoingProtocol",
    "Place",
    "Record",
    "RecordRef",
    "RecordType",
    "Reference",
    "Removal",
    "Rule",
    "RuleChange",
    "RuleSeen",
    "RuleSettings",
    "Rulebook",
    "Security",
    "Sentence",
    "Sentences",
    "ServerItem",
    "ServerLink",
    "ServerMail",
    "ServerProtocol",
    "ServerSession",
    "ServerSettings",
    "Step",
    "Table",
    "ThreadMessage",
    "Words",
    "count_total",
    "hookimpl",
    "stage_clauses",
    "unreliable",
]
