"""What every plugin must keep to, how each scenario is explained, and what the import makes of the example."""

from pathlib import Path

import pytest
from beleg.testing import Scenario, StepConformance, explained, read_records, scenarios
from syrupy.assertion import SnapshotAssertion

ROOT = Path(__file__).parents[1]
EXPORT = ROOT / "import" / "invoices.csv"
MAPPING = ROOT / "import" / "mapping.yaml"


class TestInvoice(StepConformance):
    plugin = "invoice"
    scenarios = ROOT / "fixtures"


# A change of what is decided, or of how it reads, shows as a difference between text files. Is it meant? Then run
# pytest --snapshot-update, and commit the files.
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("scenario", scenarios(ROOT / "fixtures"))
def test_explained(scenario: Scenario, language: str, trace_snapshot: SnapshotAssertion) -> None:
    assert explained(scenario, language) == trace_snapshot


def test_import() -> None:
    records = read_records(EXPORT, mapping=MAPPING)
    assert [(str(record.ref), record.number) for record in records] == [
        ("invoice:701", "RE-2026-701"),
        ("invoice:702", "RE-2026-702"),
    ]
    assert [str(target) for target in records[0].targets("order")] == ["order:O-81"]
    assert [tuple(reference) for reference in records[0].references] == [("order", "AB-1042")]
