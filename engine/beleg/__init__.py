"""Beleg ties every e-mail of a company to the ERP records it is about, and proves each decision.

The public interface for plugin authors is `from beleg import …`: `beleg.interface`. See docs/plugins.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from beleg.version import __version__ as __version__

if TYPE_CHECKING:
    from beleg.interface import *  # noqa: F403, its __all__ is what this package offers
else:

    def __getattr__(name):
        """Load the interface when the first of it is asked for: `beleg --help` needs none of it."""
        if name in ("__path__", "interface"):
            raise AttributeError(name)
        try:
            return getattr(import_module("beleg.interface"), name)
        except AttributeError:
            raise AttributeError(f"module 'beleg' has no attribute {name!r}") from None
