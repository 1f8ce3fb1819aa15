"""The decision table of the step contact, for one address of a stage.

Counts:
  contacts   contacts that carry the address
  active     active customers among them
  inactive   inactive customers among them (the rest are neither)
  removed    1 when a person removed from this message the contact that would be assigned, else 0
"""

from beleg import Rule, Table

ADDRESS = Table(
    "contact.address",
    ("contacts", "active", "inactive", "removed"),
    (
        Rule("none", "contacts == 0", "nothing", "beleg_contact"),
        Rule("removed", "removed == 1", "removed", "beleg_contact"),
        Rule("unique", "contacts == 1", "assign:only", "beleg_contact"),
        Rule("active", "active == 1", "assign:active", "beleg_contact"),
        Rule("ambiguous_active", "active > 1", "ambiguous", "beleg_contact"),
        Rule("inactive", "inactive == 1", "assign:inactive", "beleg_contact"),
        Rule("ambiguous_inactive", "otherwise", "ambiguous", "beleg_contact"),
    ),
)
