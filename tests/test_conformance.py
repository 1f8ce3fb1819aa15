"""Beleg's own steps pass the test that any plugin must pass."""

from __future__ import annotations

from pathlib import Path

from beleg.testing import StepConformance

FIXTURES = Path(__file__).parents[1] / "fixtures"


class TestHistory(StepConformance):
    plugin = "history"
    scenarios = FIXTURES / "history"


class TestOrder(StepConformance):
    plugin = "order"
    scenarios = FIXTURES / "order"


class TestOffer(StepConformance):
    plugin = "offer"
    scenarios = FIXTURES / "offer"


class TestContact(StepConformance):
    plugin = "contact"
    scenarios = FIXTURES / "contact"
