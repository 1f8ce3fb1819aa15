"""Writes the package of a new plugin, which installs and passes its tests as it is (`beleg new-plugin`)."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from string import Template
from types import ModuleType

from beleg.clause import LANGUAGES
from beleg.errors import InputError, Where
from beleg.frame_clauses import FRAME
from beleg.hooks import PROJECT
from beleg.plugins import Installed, installed
from beleg.record import GENERIC, Words
from beleg.version import __version__

TEMPLATE = Path(__file__).parent / "template"
SUFFIX = ".tmpl"
"""Of the files of the template, so that no tool takes them for what they are to become."""
LONGEST = 30
PRIORITY = 250
"""Where a new step stands unless it is said: between order and offer."""
HIGHEST = 1_000_000
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_TYPE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_WORDS = re.compile(r"[^\W_]+(?:[ '’./-]+[^\W_]+)*")


@dataclass(frozen=True)
class Plan:
    """A package that can be written: its names are good and free."""

    name: str
    type: str
    priority: int
    words: Words
    words_de: Words

    @property
    def distribution(self) -> str:
        """What pip calls it."""
        return f"beleg-{self.name}".replace("_", "-")

    def fields(self) -> dict[str, str]:
        """What the template is filled with."""
        identifier = self.name.replace("-", "_")
        return {
            "name": self.name,
            "identifier": identifier,
            "module": f"beleg_{identifier}",
            "distribution": self.distribution,
            "class_name": "".join(part.title() for part in identifier.split("_")),
            "type": self.type,
            "plural": _plural(self.type),
            "prefix": self.type[:2].upper(),
            "priority": str(self.priority),
            "one": self.words.one,
            "many": self.words.many,
            "one_de": self.words_de.one,
            "many_de": self.words_de.many,
            "beleg": __version__,
        }


def plan(
    name: str, type_: str, priority: int | None = None, words: str | None = None, words_de: str | None = None
) -> Plan:
    """Check everything that was asked for. Raises InputError, PluginError."""
    name = name.removeprefix("beleg-").removeprefix("beleg_")
    _check_name("name", name, _NAME, "lower-case letters and digits, parted by - or _")
    _check_name("type", type_, _TYPE, "lower-case letters and digits, parted by _")
    having = installed()
    _free("plugin", name, [plugin.name for plugin in having.plugins], PROJECT)
    _free("record type", type_, having.types)
    _free("step", type_, [step.name for step in having.steps], FRAME)
    # Import files name a type by its name or its plural.
    words_taken = [word for declared in having.types.values() for word in (declared.name, declared.plural)]
    for word in (type_, _plural(type_)):
        _free("import key", word, words_taken, GENERIC)
    said = type_.replace("_", " ")
    english = _words("--words", words) or Words(said, _plural(said))
    german = _words("--words-de", words_de) or Words(english.one.title(), english.many.title())
    return Plan(name, type_, _priority(priority, having), english, german)


def write(wanted: Plan, folder: Path) -> list[Path]:
    """Write the package into a folder that is not there or empty. Returns the files. Raises InputError, PluginError."""
    fields = wanted.fields()
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError("this is there already; name a folder that is not, or an empty one", Where(str(folder)))
        files = [_write(path, folder, fields) for path in sorted(TEMPLATE.rglob(f"*{SUFFIX}"))]
        files += _snapshots(wanted, folder, fields)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror}", Where(str(error.filename or folder))) from None
    return files


def _write(path: Path, folder: Path, fields: dict[str, str]) -> Path:
    name = path.relative_to(TEMPLATE).as_posix().removesuffix(SUFFIX)
    for field in ("module", "plural", "identifier"):
        name = name.replace(f"_{field}_", fields[field])
    target = folder / name.replace("_gitignore", ".gitignore")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(Template(path.read_text(encoding="utf-8")).substitute(fields), encoding="utf-8")
    return target


def _snapshots(wanted: Plan, folder: Path, fields: dict[str, str]) -> Iterator[Path]:
    """How the scenarios are explained, where the package's own test looks for it: that depends on what is installed."""
    from beleg import scenario
    from beleg.testing.scenarios import explain, slug

    stored = folder / "tests" / "__snapshots__" / f"test_{fields['identifier']}"
    stored.mkdir(parents=True)
    fixtures = folder / "fixtures"
    with _imported(fields["module"], folder / "src") as module:
        having = installed(extra=[(wanted.name, module)])
        for each in scenario.load_all([fixtures], having):
            outcome = scenario.run(each, having)
            for language in LANGUAGES:
                path = stored / f"test_explained[{slug(each, fixtures)}-{language}].txt"
                path.write_text(explain(outcome, having, language), encoding="utf-8")
                yield path


@contextmanager
def _imported(name: str, source: Path) -> Iterator[ModuleType]:
    """The new package, imported without being installed, and without a trace of it."""
    place = (source / name).resolve()  # Python remembers what a relative path meant first
    spec = spec_from_file_location(name, place / "__init__.py", submodule_search_locations=[str(place)])
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.dont_write_bytecode = before
        for loaded in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
            del sys.modules[loaded]


# --- what may be asked for


def _check_name(what: str, name: str, pattern: re.Pattern[str], allowed: str) -> None:
    if not pattern.fullmatch(name) or len(name) > LONGEST:
        raise InputError(f"the {what} {name!r} is not fit: {allowed}, a letter first, at most {LONGEST} characters")


def _free(what: str, name: str, taken: Collection[str], reserved: str = "") -> None:
    if name == reserved:
        raise InputError(f"the {what} {name!r} is Beleg's own; choose another name")
    if name in taken:
        raise InputError(f"there is a {what} {name!r} installed already; choose another name (see: beleg plugins)")


def _priority(wanted: int | None, having: Installed) -> int:
    taken = {step.priority: step.name for step in having.steps}
    if wanted is None:
        return next(number for number in range(PRIORITY, HIGHEST) if number not in taken)
    if not 1 <= wanted <= HIGHEST:
        raise InputError(f"--priority is a whole number from 1 to {HIGHEST}, not {wanted}")
    if wanted in taken:
        near = next(number for number in range(wanted, HIGHEST + len(taken)) if number not in taken)
        raise InputError(
            f"the step {taken[wanted]!r} has the priority {wanted} already; choose another, such as {near} "
            f"(taken: {', '.join(f'{step} {number}' for number, step in sorted(taken.items()))})"
        )
    return wanted


def _words(option: str, text: str | None) -> Words | None:
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    if len(words) != 2 or not all(_WORDS.fullmatch(word) and len(word) <= LONGEST for word in words):
        raise InputError(
            f"{option} is the word for one and for many, such as {option} 'return,returns', each of at most "
            f"{LONGEST} letters; {text!r} is not"
        )
    return Words(*words)


def _plural(word: str) -> str:
    """The English plural, as a first guess."""
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}es" if re.search(r"(?:s|x|z|ch|sh)$", word) else f"{word}s"
