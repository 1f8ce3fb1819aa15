"""Testing the rules themselves: which clauses the scenarios reach, and whether they would notice a broken rule.

`coverage` counts the clauses that held. `mutation` breaks every rule of every installed table (`tables`) and every
guard of the procedure (`guards`) in turn, and decides the scenarios again: a mutant that none of them notices shows a
rule that nothing pins down. `scope` is what of it is looked at, `equivalent` the list of mutants that no mail can tell
from the rules as they are.
"""
