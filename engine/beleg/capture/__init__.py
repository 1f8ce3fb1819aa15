"""From a real decision to a fixture: a decided mail and all that its decision depends on, as a scenario file.

`stored` captures a stored message, `world` makes a scenario of a case, `mask` makes it shareable, `write` is its text,
and `save` puts it on disk once it is proven that the file decides as the mail did.
"""

from beleg.capture.mask import masked
from beleg.capture.save import CaptureFailed, Saved, packed, prove, save
from beleg.capture.stored import Captured, captured
from beleg.capture.world import outcome_of, scenario_of

__all__ = [
    "CaptureFailed",
    "Captured",
    "Saved",
    "captured",
    "masked",
    "outcome_of",
    "packed",
    "prove",
    "save",
    "scenario_of",
]
