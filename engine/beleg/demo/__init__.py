"""The small world that `beleg demo` shows: a lamp shop's records, and a week of its mail."""

from pathlib import Path

FOLDER = Path(__file__).parent
ERP = FOLDER / "erp.yaml"
MAILS = FOLDER / "mails"
MAIN = MAILS / "2-rueckfrage.eml"
"""The mail whose explanation the demo ends with."""
USERS = ("erika.braun@lampenladen.example",)
GROUPS = ("shop@lampenladen.example",)
BLACKLIST = ("dhl.example", "*.newsletter.example")
