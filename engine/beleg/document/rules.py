"""The decision tables of every document type. A rule's name is the last part of the clause.

Counts of `document.address`, for one address of a stage:
  candidates   documents of the type that carry the address, directly or through their customer
  by_reference 1 when the reference numbers of the mail single out one of several candidates, else 0
  removed      1 when a person removed from this message the document that would be assigned, else 0

Counts of `document.two_references`, for the content as a whole:
  candidates   documents of the type on which at least two different reference numbers of the content occur
  removed      as above
"""

from beleg.rulebook import Rule, Table

ADDRESS = Table(
    "document.address",
    ("candidates", "by_reference", "removed"),
    (
        Rule("none", "candidates == 0", "nothing", "beleg"),
        Rule("removed", "removed == 1", "removed", "beleg"),
        Rule("unique", "candidates == 1", "assign:only", "beleg"),
        Rule("reference", "candidates > 1 and by_reference == 1", "assign:referenced", "beleg"),
        Rule("ambiguous", "otherwise", "ambiguous", "beleg"),
    ),
)

TWO_REFERENCES = Table(
    "document.two_references",
    ("candidates", "removed"),
    (
        Rule("none", "candidates == 0", "nothing", "beleg"),
        Rule("removed", "removed == 1", "removed", "beleg"),
        Rule("unique", "candidates == 1", "assign:only", "beleg"),
        Rule("ambiguous", "otherwise", "ambiguous", "beleg"),
    ),
)
