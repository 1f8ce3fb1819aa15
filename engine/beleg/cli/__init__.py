"""The command line: thin over `beleg.workspace`. Exit codes: 0 done, 1 the answer is "no", 2 wrong usage or unreadable
input, 3 internal or outside failure."""

from beleg.cli.main import main

__all__ = ["main"]
