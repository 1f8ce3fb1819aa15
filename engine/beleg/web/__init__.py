"""The support page and the HTTP API: thin layers over the same functions as the command line."""

from beleg.web.app import create_app
from beleg.web.site import Site

__all__ = ["Site", "create_app"]
