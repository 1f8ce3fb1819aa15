"""Which steps, types, tables and clauses are installed, checked as a whole before anything is decided.

Built-in steps come in through the entry-point group `beleg`, exactly as a third party's do. Everything that is wrong
is a `PluginError` that names the plugin, the hook, the fault and the remedy; nothing is global.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from beleg.clause import Clause, ClauseError, registry
from beleg.frame_clauses import FRAME, frame_clauses
from beleg.hooks import PROJECT, Hooks, RuleChange
from beleg.mailserver import IncomingProtocol, MailServer, OutgoingProtocol, ServerProtocol
from beleg.record import GENERIC, RecordType
from beleg.rulebook import Rulebook, RuleError, Table, check_outcome, with_rules
from beleg.step import Step

HOOKS = tuple(name for name in vars(Hooks) if name.startswith("beleg_"))


class PluginError(Exception):
    """Something is wrong with a plugin; the text says which, where, what, and what to do."""


@dataclass(frozen=True)
class PluginInfo:
    """One plugin: its name, the distribution and version it came with, and what it brings."""

    name: str
    distribution: str
    version: str
    steps: tuple[str, ...]
    types: tuple[str, ...]
    rules: tuple[str, ...]
    mail_servers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Installed:
    """Everything installed: steps in order of priority, record types by name, tables by name, clauses by id, mail
    protocols and mail servers by name."""

    steps: tuple[Step, ...]
    types: Mapping[str, RecordType]
    tables: Mapping[str, Table]
    clauses: Mapping[str, Clause]
    plugins: tuple[PluginInfo, ...]
    disabled: tuple[str, ...] = ()
    disabled_steps: tuple[str, ...] = ()
    mail_servers: Mapping[str, MailServer] = field(default_factory=dict)

    @cached_property
    def rulebook(self) -> Rulebook:
        """The rule book of all tables."""
        return Rulebook(self.tables.values())

    def step_for(self, type_: str) -> Step | None:
        """The step that assigns records of this type."""
        return next((step for step in self.steps if step.type == type_), None)


def available() -> list[str]:
    """The names of the plugins that are installed, switched off or not."""
    return sorted({point.name for point in entry_points(group=PROJECT)})


def installed(
    disabled: Collection[str] = (),
    extra: Sequence[tuple[str, Any]] = (),
    *,
    builtin: bool = True,
    disabled_steps: Collection[str] = (),
) -> Installed:
    """Load every plugin but the disabled ones, and `extra` (name, object) pairs after them, and check the whole.

    A disabled step does not run; the record types of its plugin stay. `builtin` False leaves the entry points out.
    Raises PluginError.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    origins: dict[str, EntryPoint | None] = {}
    found = sorted(entry_points(group=PROJECT), key=lambda point: point.name) if builtin else []
    for point in found:
        if point.name in origins:
            raise PluginError(
                f"two installed plugins are both named {point.name!r} ({point.value} and another); "
                "uninstall one of them, or rename its entry point"
            )
        origins[point.name] = point
    for point in found:
        if point.name not in disabled:
            _register(manager, point.name, _load(point))
    for name, plugin in extra:
        if name in origins and name not in disabled:
            raise PluginError(f"two plugins are both named {name!r}; rename one of them")
        origins[name] = None
        if name not in disabled:
            _register(manager, name, plugin)
    if unknown := sorted(set(disabled) - set(origins)):
        raise PluginError(
            f"the setting disabled_plugins names {unknown[0]!r}, but no such plugin is installed "
            f"(installed: {', '.join(sorted(origins)) or 'none'}); correct the name or remove it"
        )
    return _assemble(manager, origins, tuple(sorted(set(disabled))), frozenset(disabled_steps))


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        raise PluginError(
            f"plugin {point.name!r} ({point.value}) can't be loaded: {type(error).__name__}: {error}; "
            f"repair or uninstall it, or switch it off with disabled_plugins = [{point.name!r}] in beleg.toml"
        ) from error


def _register(manager: pluggy.PluginManager, name: str, plugin: Any) -> None:
    if name == PROJECT:
        raise PluginError(f"a plugin is named {name!r}, as what comes with the engine itself; rename its entry point")
    if other := manager.get_name(plugin):
        raise PluginError(
            f"plugins {other!r} and {name!r} are one and the same module; remove one of the two entry points"
        )
    for attribute in dir(plugin):
        if not attribute.startswith("beleg_") or attribute.startswith("beleg_impl"):
            continue
        value = getattr(plugin, attribute)
        if inspect.ismodule(value) or not callable(value):
            continue
        if attribute not in HOOKS:
            near = get_close_matches(attribute, HOOKS, 1)
            hint = f"did you mean {near[0]}?" if near else f"the hooks are {', '.join(HOOKS)}"
            raise PluginError(f"plugin {name!r}: there is no hook {attribute!r}; {hint}")
        if not hasattr(value, f"{PROJECT}_impl"):
            raise PluginError(
                f"plugin {name!r}, hook {attribute}: the function is not marked, so Beleg would never call it; "
                "put @hookimpl (from beleg import hookimpl) above it"
            )
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        raise PluginError(f"plugin {name!r}: {error}; see the hook's signature in beleg.hooks") from error


def _call(manager: pluggy.PluginManager, hook: str) -> Iterable[tuple[str, Any]]:
    """Each plugin's answer to a hook, item by item, in order of plugin name."""
    implementations = sorted(getattr(manager.hook, hook).get_hookimpls(), key=lambda each: each.plugin_name)
    for implementation in implementations:
        name = implementation.plugin_name
        try:
            items = list(implementation.function())
        except Exception as error:
            raise PluginError(
                f"plugin {name!r}, hook {hook}: it failed with {type(error).__name__}: {error}; "
                f"repair it, or switch it off with disabled_plugins = [{name!r}]"
            ) from error
        for item in items:
            yield name, item


def _expect(kind: type, plugin: str, hook: str, item: Any) -> None:
    if not isinstance(item, kind):
        raise PluginError(
            f"plugin {plugin!r}, hook {hook}: it returned a {type(item).__name__} among its items; "
            f"each must be a {kind.__name__} (from beleg import {kind.__name__})"
        )


def _assemble(
    manager: pluggy.PluginManager,
    origins: Mapping[str, EntryPoint | None],
    disabled: tuple[str, ...],
    disabled_steps: frozenset[str],
) -> Installed:
    types, type_owner = _types(manager)
    steps, off, step_owner = _steps(manager, disabled_steps)
    tables, changes = _tables(manager, steps, off, step_owner)
    clauses = _clauses(manager, steps, step_owner)
    servers, server_owner = _mail_servers(manager)
    infos = []
    for name in sorted(origins):
        if name in disabled:
            continue
        dist = getattr(origins[name], "dist", None)
        infos.append(
            PluginInfo(
                name,
                dist.name if dist else "",
                dist.version if dist else "",
                tuple(step.name for step in steps if step_owner[step.name] == name),
                tuple(type_ for type_, owner in type_owner.items() if owner == name),
                tuple(f"{change.table}.{change.rule.name}" for owner, change in changes if owner == name),
                tuple(server for server, owner in server_owner.items() if owner == name),
            )
        )
    return Installed(
        tuple(steps), types, tables, clauses, tuple(infos), disabled, tuple(sorted(disabled_steps)), servers
    )


def _types(manager: pluggy.PluginManager) -> tuple[dict[str, RecordType], dict[str, str]]:
    types: dict[str, RecordType] = {}
    owners: dict[str, str] = {}
    for plugin, item in _call(manager, "beleg_record_types"):
        _expect(RecordType, plugin, "beleg_record_types", item)
        if GENERIC in (item.name, item.plural):
            raise PluginError(
                f"plugin {plugin!r}: its record type {item.name!r} ({item.plural}) can't be told from the key "
                f"{GENERIC!r} of import files, which holds records of any type; rename it"
            )
        for other in types.values():
            if item.name == other.name or item.plural == other.plural:
                raise PluginError(
                    f"plugins {owners[other.name]!r} and {plugin!r} both bring the record type "
                    f"{item.name!r} ({item.plural}); rename one of them"
                )
            if item.name == other.plural or item.plural == other.name:
                raise PluginError(
                    f"the record types {other.name!r} ({other.plural}, plugin {owners[other.name]!r}) and "
                    f"{item.name!r} ({item.plural}, plugin {plugin!r}) share a word, and import files name a type by "
                    "either; rename one of them"
                )
        types[item.name] = item
        owners[item.name] = plugin
    return types, owners


def _mail_servers(manager: pluggy.PluginManager) -> tuple[dict[str, MailServer], dict[str, str]]:
    servers: dict[str, MailServer] = {}
    owners: dict[str, str] = {}
    hook = "beleg_mail_servers"
    for plugin, item in _call(manager, hook):
        if not isinstance(item, IncomingProtocol | OutgoingProtocol | ServerProtocol):
            raise PluginError(
                f"plugin {plugin!r}, hook {hook}: it returned a {type(item).__name__} among its items; each must be an "
                "IncomingProtocol, an OutgoingProtocol or a ServerProtocol (from beleg import …)"
            )
        if item.name in servers:
            raise PluginError(
                f"plugins {owners[item.name]!r} and {plugin!r} both bring the mail server {item.name!r}; rename one of "
                "them or switch one off with disabled_plugins"
            )
        servers[item.name] = item
        owners[item.name] = plugin
    return servers, owners


def _steps(manager: pluggy.PluginManager, disabled: frozenset[str]) -> tuple[list[Step], list[Step], dict[str, str]]:
    """The steps that run, in order; those that are switched off; and which plugin brings each."""
    steps: list[Step] = []
    off: list[Step] = []
    owners: dict[str, str] = {}
    for plugin, item in _call(manager, "beleg_steps"):
        _expect(Step, plugin, "beleg_steps", item)
        if item.name == FRAME:
            raise PluginError(
                f"plugin {plugin!r}: its step is named {FRAME!r}, under which traces show what no step decides; "
                "rename it"
            )
        if isinstance(item.skipped_by, str):
            raise PluginError(
                f"plugin {plugin!r}: skipped_by of its step {item.name!r} is the text {item.skipped_by!r}; write a "
                f"tuple of record types, ({item.skipped_by!r},)"
            )
        if item.name in disabled:
            off.append(item)
            continue
        for other in steps:
            if item.name == other.name:
                raise PluginError(
                    f"plugins {owners[other.name]!r} and {plugin!r} both bring a step named {item.name!r}; "
                    "rename one of them or switch one off with disabled_plugins"
                )
            if item.priority == other.priority:
                raise PluginError(
                    f"the steps {other.name!r} (plugin {owners[other.name]!r}) and {item.name!r} "
                    f"(plugin {plugin!r}) both have the priority {item.priority}; give one of them another, or switch "
                    "one off with disabled_plugins"
                )
        steps.append(item)
        owners[item.name] = plugin
    if unknown := sorted(disabled - {step.name for step in off}):
        near = get_close_matches(unknown[0], owners, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"the steps are {', '.join(sorted(owners)) or 'none'}"
        raise PluginError(f"the setting disabled_steps names {unknown[0]!r}, but there is no such step; {hint}")
    return sorted(steps, key=lambda step: step.priority), off, owners


def _tables(
    manager: pluggy.PluginManager, steps: Sequence[Step], off: Sequence[Step], owners: Mapping[str, str]
) -> tuple[dict[str, Table], list[tuple[str, RuleChange]]]:
    tables: dict[str, Table] = {}
    for step in steps:
        for table in step.tables:
            if tables.setdefault(table.name, table) is not table:
                raise PluginError(
                    f"plugin {owners[step.name]!r}: its step {step.name!r} brings a table {table.name!r}, "
                    "a name that another step's table has; rename it"
                )
    idle = {table.name for step in off for table in step.tables} - set(tables)
    changes: dict[tuple[str, str], list[RuleChange]] = {}
    listed = []
    for plugin, item in _call(manager, "beleg_rules"):
        _expect(RuleChange, plugin, "beleg_rules", item)
        if item.table in idle:
            continue
        if item.table not in tables:
            near = get_close_matches(item.table, tables, 1)
            raise PluginError(
                f"plugin {plugin!r}, hook beleg_rules: there is no table {item.table!r}"
                + (f"; did you mean {near[0]!r}?" if near else f"; the tables are {', '.join(sorted(tables))}")
            )
        try:
            check_outcome(tables[item.table], item.rule)
        except RuleError as error:
            raise PluginError(f"plugin {plugin!r}, hook beleg_rules: {error}") from error
        changes.setdefault((item.table, plugin), []).append(item)
        listed.append((plugin, item))
    for (name, plugin), items in changes.items():
        try:
            tables[name] = with_rules(tables[name], [item.rule for item in items], plugin)
        except RuleError as error:
            raise PluginError(f"plugin {plugin!r}, hook beleg_rules: {error}") from error
    return tables, listed


def _clauses(manager: pluggy.PluginManager, steps: Sequence[Step], owners: Mapping[str, str]) -> dict[str, Clause]:
    supplied = [replace(clause, source=PROJECT) for clause in frame_clauses(steps)]
    for step in steps:
        supplied += [replace(clause, source=owners[step.name]) for clause in step.clauses()]
    for plugin, item in _call(manager, "beleg_clauses"):
        _expect(Clause, plugin, "beleg_clauses", item)
        supplied.append(replace(item, source=plugin))
    try:
        return registry(supplied)
    except ClauseError as error:
        raise PluginError(str(error)) from error
