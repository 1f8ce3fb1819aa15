"""Runs the steps over one message, in order, and owns the trace.

The decision is a pure function of the message, its thread, what stands on it or was removed from it, the ERP records,
the ignored addresses, the settings and the plugins (RULES.md section 3).
"""

from beleg.orchestrator.decide import Decision, Engine, StepFailed

__all__ = ["Decision", "Engine", "StepFailed"]
