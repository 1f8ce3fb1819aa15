"""Two rules for the table contact.address of the step contact, which other plugins' mails are decided by, too.

Its counts, for one address of the mail:
  contacts   contacts that carry the address
  active     active customers among them
  inactive   inactive customers among them (the rest, leads and suppliers, are neither)
  removed    1 when a person removed from this mail the contact that would be assigned, else 0
"""

from beleg import Rule, RuleChange

CHANGES = (
    # Added. A tax adviser's address stands with all of his clients. When all but one of them have left, he still does
    # not write for that one alone.
    RuleChange("contact.address", Rule("adviser", "contacts > 3", "ambiguous", before="active")),
    # Replaced: "contacts == 1". Invoices come in, too: from suppliers, who are contacts and no customers. The mail that
    # a supplier sends is not to be tied to him. A former customer is found by the rule `inactive`, as before.
    RuleChange("contact.address", Rule("unique", "contacts == 1 and active == 1", "assign:only", replaces=True)),
)
