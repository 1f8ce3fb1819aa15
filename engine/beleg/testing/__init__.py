"""What plugin authors test with: `from beleg.testing import …`. See docs/plugins.md.

Needs the extra `beleg[testing]`. Scenario files as tests and the fixture `trace_snapshot` need no import: they come by
`beleg.pytest_plugin`.
"""

from beleg.scenario import Scenario
from beleg.testing.conformance import ROUND_TRIPS, StepConformance
from beleg.testing.scenarios import explained, read_records, scenarios

__all__ = ["ROUND_TRIPS", "Scenario", "StepConformance", "explained", "read_records", "scenarios"]
