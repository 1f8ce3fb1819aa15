"""What is installed: plugins, and the rules that decide."""

from __future__ import annotations

from dataclasses import asdict

import msgspec
from fastapi import APIRouter, Request, Response

from beleg.clause import Clause
from beleg.plugins import Installed
from beleg.rulebook import Table
from beleg.step import Step
from beleg.trace import json_schema
from beleg.web.api.access import Reading
from beleg.web.api.fields import Lang
from beleg.web.api.shapes import Answer
from beleg.web.site import site_of

router = APIRouter(tags=["rules"])


class Plugin(Answer):
    """A plugin, where it came from, and what it brings."""

    name: str
    distribution: str
    version: str
    steps: list[str]
    types: list[str]
    rules: list[str]
    """Rules that it adds to the tables of others."""
    mail_servers: list[str]
    """The mail protocols and mail servers that it speaks."""


class Plugins(Answer):
    """The installed plugins, and what the settings switch off."""

    items: list[Plugin]
    disabled: list[str]
    disabled_steps: list[str]


class Rule(Answer):
    """A rule of a decision table."""

    name: str
    when: str
    then: str
    source: str
    """Who supplied it."""


class TableSeen(Answer):
    """A decision table: the first rule that holds decides."""

    name: str
    facts: list[str]
    """The counts that its conditions are about."""
    rules: list[Rule]


class FollowUp(Answer):
    """What follows from an assigned record: the one that it links to in a role."""

    role: str
    label: str
    when: str


class StepSeen(Answer):
    """A step of the sequence."""

    name: str
    label: str
    """What people call it."""
    priority: int
    """Lower runs first."""
    type: str | None
    """The record type that it assigns; null: that of others."""
    skipped_by: list[str]
    """A record of such a type on the message skips it."""
    follow_ups: list[FollowUp]
    tables: list[TableSeen]


class ClauseSeen(Answer):
    """A clause of the rule book, with the sentences that tell of it."""

    id: str
    section: str
    source: str
    """The plugin that it came with."""
    held: str
    """What it says where it held; `{…}` are filled in from the mail and the records."""
    not_held: str
    because: str
    hint: str


class Rules(Answer):
    """All that decides: the steps in their order with their tables, and the clauses."""

    ruleset: str
    """Id of this rule set, which each decision names."""
    steps: list[StepSeen]
    clauses: list[ClauseSeen]


@router.get("/plugins", operation_id="listPlugins", summary="List plugins")
def plugins(request: Request, caller: Reading) -> Plugins:
    """What is installed, and what the settings switch off."""
    installed = site_of(request).workspace.installed
    return Plugins(
        items=[Plugin.model_validate(asdict(each)) for each in installed.plugins],
        disabled=list(installed.disabled),
        disabled_steps=list(installed.disabled_steps),
    )


@router.get("/rules", operation_id="listRules", summary="List steps, decision tables and clauses")
def rules(request: Request, caller: Reading, lang: Lang) -> Rules:
    """The rules as they are installed, with what plugins changed in them."""
    workspace = site_of(request).workspace
    installed = workspace.installed
    explainer = lang.explainer(caller)
    steps = [
        StepSeen(
            name=step.name, label=explainer.label(step.name), priority=step.priority, type=step.type,
            skipped_by=list(step.skipped_by),
            follow_ups=[
                FollowUp(role=each.role, label=explainer.phrases.role(each.role), when=each.when)
                for each in step.follow_ups
            ],
            tables=_tables(installed, step),
        )
        for step in installed.steps
    ]  # fmt: skip
    language = lang.code(caller)
    clauses = [_clause(each, language) for _, each in sorted(installed.clauses.items())]
    return Rules(ruleset=workspace.engine.ruleset.id, steps=steps, clauses=clauses)


@router.get(
    "/trace-schema",
    operation_id="getTraceSchema",
    summary="Get the JSON Schema of a trace",
    response_class=Response,
    responses={
        200: {"description": "A JSON Schema", "content": {"application/schema+json": {"schema": {"type": "object"}}}}
    },
)
def trace_schema(caller: Reading) -> Response:
    """The JSON Schema (2020-12) of what `GET …/trace` answers."""
    return Response(msgspec.json.encode(json_schema()), media_type="application/schema+json")


def _tables(installed: Installed, step: Step) -> list[TableSeen]:
    return [_table(installed.tables[each.name]) for each in step.tables]


def _table(table: Table) -> TableSeen:
    rules = [Rule(name=each.name, when=each.when, then=each.then, source=each.source) for each in table.rules]
    return TableSeen(name=table.name, facts=list(table.facts), rules=rules)


def _clause(clause: Clause, language: str) -> ClauseSeen:
    said = clause.sentences[language]
    return ClauseSeen(
        id=clause.id, section=clause.section, source=clause.source,
        held=said.held, not_held=said.not_held, because=said.because, hint=said.hint,
    )  # fmt: skip
