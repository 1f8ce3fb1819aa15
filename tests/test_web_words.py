"""The words of the pages: every one is in the catalogues once, and no template says anything past them."""

from __future__ import annotations

import ast
import io
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import TypeGuard

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract
from jinja2 import Environment, nodes

import beleg
from beleg.clause import LANGUAGES
from beleg.ignore import NO_ENTRY
from beleg.web.language import catalogues

WEB = Path(beleg.__file__).with_name("web")
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
OTHERS = [code for code in LANGUAGES if code != "en"]
KEYWORDS = {"_": None, "gettext": None, "say": None, "ngettext": (1, 2)}
OPTIONS = {"trimmed": "false", "silent": "false", "trim_blocks": "true", "lstrip_blocks": "true"}
SPOKEN = ("title", "alt", "placeholder", "aria-label", "aria-description", "aria-roledescription", "label")
"""The attributes whose text people read or hear."""
NAMES = {"Beleg", "Beleg.", "JSON", "HTML", "CSV"}
"""Words that are the same in every language."""

RAISING = ("InputError", "NotFound", "_name", "_one_of", "plain")
"""What raises an error whose words it is given."""

MsgId = str | tuple[str, str]


@cache
def used() -> dict[MsgId, str]:
    """The messages of templates and modules, and a place of each."""
    found: dict[MsgId, str] = {}
    for path in TEMPLATES:
        with path.open("rb") as file:
            for line, message, _, _ in extract("jinja2.ext:babel_extract", file, KEYWORDS, (), OPTIONS):
                words = message if isinstance(message, str) else tuple(message)
                found.setdefault(words, f"{path.relative_to(WEB)}:{line}")
    for path in sorted(WEB.rglob("*.py")):
        for line, words in said_in(path.read_text()):
            found.setdefault(words, f"{path.relative_to(WEB)}:{line}")
    return found


def said_in(source: str) -> Iterator[tuple[int, MsgId]]:
    """The messages of a module, with their lines. (Babel's own extractor takes any text within such a call.)"""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).removeprefix("visitor.").removeprefix("language.")
            count = len(KEYWORDS[name] or (1,)) if name in KEYWORDS else 0
            texts = [str(each.value) for each in node.args[:count] if _is_text(each)]
            if count and len(texts) == count:
                yield node.lineno, texts[0] if count == 1 else (texts[0], texts[1])


@cache
def texts_of_the_engine() -> set[MsgId]:
    """All texts in its modules: an error that is told to people may be raised anywhere (`beleg.errors.Told`)."""
    found: set[MsgId] = set()
    for path in WEB.parent.rglob("*.py"):
        found.update(each.value for each in ast.walk(ast.parse(path.read_text())) if _is_text(each))
    return found


def _is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@cache
def raised() -> set[MsgId]:
    """The messages of errors that pages tell: of what people enter about users, tokens and addresses, of messages."""
    package = WEB.parent
    paths = [*(package / "people").glob("*.py"), *WEB.glob("*.py"), *(WEB / "pages").rglob("*.py")]
    found: set[MsgId] = {NO_ENTRY}
    paths += [package / "accounts" / f"{name}.py" for name in ("drafts", "outbox", "sending", "writing")]
    paths += [package / "workspace" / f"{name}.py" for name in ("corrections", "ignoring", "opened")]
    names = ("base", "entered", "accounts", "groups", "creating", "servers")
    paths += [package / "accounts" / f"{name}.py" for name in names]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISING:
                found |= {e.value for e in node.args if isinstance(e, ast.Constant) and isinstance(e.value, str)}
    return found


def translated(code: str) -> Iterator[tuple[str, Message]]:
    """The messages of the catalogues of a language, with the file of each."""
    for path, catalogue in catalogues(code):
        yield from ((path.name, message) for message in catalogue if message.id)


def texts(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, (tuple, list)) else [message.string]


@pytest.mark.parametrize("code", OTHERS)
def test_every_message_is_in_the_catalogues(code: str) -> None:
    there = {message.id for _, message in translated(code)}
    assert {words: place for words, place in used().items() if words not in there} == {}


@pytest.mark.parametrize("code", OTHERS)
def test_no_message_of_the_catalogues_is_there_twice_or_for_nothing(code: str) -> None:
    places = [(message.id, name) for name, message in translated(code)]
    times = Counter(words for words, _ in places)
    assert [each for each in places if times[each[0]] > 1] == []
    assert [each for each in places if each[0] not in used() and each[0] not in texts_of_the_engine()] == []


@pytest.mark.parametrize("code", OTHERS)
def test_what_is_entered_wrongly_is_told_in_every_language(code: str) -> None:
    there = {message.id for _, message in translated(code)}
    assert len(raised()) > 20
    assert [words for words in raised() if words not in there] == []


@pytest.mark.parametrize("code", OTHERS)
def test_every_translation_is_whole(code: str) -> None:
    for name, message in translated(code):
        assert not message.fuzzy, (name, message.id)
        assert all(texts(message)), (name, message.id)
        assert len(texts(message)) == (2 if message.pluralizable else 1), (name, message.id)


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_has_the_places_of_its_message(code: str) -> None:
    for name, message in translated(code):
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        for said in texts(message):
            # One of a plural may leave the number out.
            wanted = {frozenset(_places(each)) for each in ids}
            assert frozenset(_places(said)) in wanted, (name, message.id, said)


def _places(text: str) -> list[str]:
    return re.findall(r"%\(\w+\)[a-z]", text)


# --- templates ---


class _Read(HTMLParser):
    """Collects what people read of a page: its text, and the attributes that are spoken."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._code += tag in ("code", "script", "style", "kbd")
        self.found += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "script", "style", "kbd")

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.found.append(data)


def bare(source: str) -> list[str]:
    """The words of a template that do not come from an expression."""
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(source)
    reading = _Read()
    # What an expression gives is a mark without letters, so that the text and the attributes around it stay whole.
    reading.feed("".join(each.data if isinstance(each, nodes.TemplateData) else "\0" for each in _output(tree)))
    reading.close()
    words = (word for text in reading.found for word in re.split(r"[\s\0]+", text))
    return [word for word in words if re.search(r"[^\W\d_]{2}", word) and word not in NAMES]


def _output(tree: nodes.Node) -> Iterator[nodes.Node]:
    for output in tree.find_all(nodes.Output):
        yield from output.nodes


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_says_anything_past_the_catalogues(path: Path) -> None:
    assert bare(path.read_text()) == []


def test_what_is_said_past_the_catalogues_is_found() -> None:
    assert bare('<p title="Hover">One {{ two }} {% if x %}three{% endif %}</p><code>four</code>') == [
        "Hover",
        "One",
        "three",
    ]
    assert bare("<p class=\"{{ 'x' }}\">{{ _('Said') }} · 5 – <kbd>Enter</kbd></p>") == []


def test_what_is_marked_is_extracted() -> None:
    found = list(extract("jinja2.ext:babel_extract", io.BytesIO(b'{{ ngettext("one", "many", n) }}'), KEYWORDS, ()))
    assert [tuple(message) for _, message, _, _ in found] == [("one", "many")]
