"""Data protection: what is stored about a person's address is given to him (`export`), or goes (`erase`)."""

from beleg.privacy.erase import Erased, Plan, PlannedMail, erase, plan, reclaim
from beleg.privacy.export import Exported, export

__all__ = ["Erased", "Exported", "Plan", "PlannedMail", "erase", "export", "plan", "reclaim"]
