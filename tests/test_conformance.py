"""Beleg's own steps pass the test that any plugin must pass."""

from __future__ import annotations

from beleg.testing import StepConformance
from conftest import FIXTURES


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
