"""YAML as Beleg's files use it: scalars as they are written, lines known, nothing clever."""

from __future__ import annotations

from typing import Any

import pytest

from beleg.errors import InputError
from beleg.yamltext import Mapping, Sequence, documents


def value(text: str | bytes) -> Any:
    [found] = documents(text, "a.yaml")
    return found


@pytest.mark.parametrize(
    "written",
    ["00123", "12:30", "1_000", "0x1F", "0o17", "1e3", ".5", "1.0", "yes", "no", "on", "off", "true", "Null", "NULL",
     "2026-01-05", "=", "<<", "2026-01-05T10:00:00Z", ".inf", "+1"],
)  # fmt: skip
def test_a_scalar_is_the_text_that_is_written(written: str) -> None:
    assert value(f"a: {written}") == {"a": written}


@pytest.mark.parametrize("written", ["null", "~", "", " # nothing"])
def test_what_is_null(written: str) -> None:
    assert value(f"a: {written}") == {"a": None}
    assert value(f"[{written or '~'}, b]" if "#" not in written else "[~, b]") == [None, "b"]


@pytest.mark.parametrize("written", ["'null'", '"~"', "''", '""'])
def test_in_quotes_it_is_a_text(written: str) -> None:
    assert value(f"a: {written}") == {"a": written[1:-1]}


def test_lines() -> None:
    found = value("\na: 1\nb:\n  - x\n\n  - {c: y,\n     d: z}\n")
    assert isinstance(found, Mapping)
    assert found.lines == {"a": 2, "b": 3}
    assert isinstance(found["b"], Sequence)
    assert found["b"].lines == [4, 6]
    assert found["b"][1].lines == {"c": 6, "d": 7}


def test_several_documents() -> None:
    assert list(documents("a: 1\n---\nb: 2\n---\n", "a.yaml")) == [{"a": "1"}, {"b": "2"}, None]
    assert list(documents("", "a.yaml")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", r"^a\.yaml, line 2.*: this is no valid YAML"),
        ("a: 1\na: 2\n", r"^a\.yaml, line 2: the key 'a' stands here twice; remove one$"),
        ("a: &x [1]\nb: *x\n", r"^a\.yaml, line 2: an alias \(\*name\) is not allowed here; write it out$"),
        ("? [1]\n: 2\n", r"^a\.yaml, line 1: a key must be a text$"),
        (b"a: \xff\n", r"^a\.yaml"),
        ("a: \x00", r"^a\.yaml"),
        ("[" * 60 + "]" * 60, r"^a\.yaml, line 1: nested too deeply$"),
        # libyaml 0.2.6 has a limit of its own, and reads so far ahead that it meets that first.
        ("[" * 100_000, r"^a\.yaml, line 1(: nested too deeply|, .*: exceeded maximum nesting depth)$"),
        ("- " * 100_000, r"^a\.yaml, line 1: nested too deeply$"),
        ("a: b: c", r"^a\.yaml, line 1, column 5: this is no valid YAML"),
        ("\ta: 1", r"^a\.yaml, line 1"),
    ],
)
def test_what_is_refused(text: str | bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(documents(text, "a.yaml"))


def test_an_alias_bomb_is_refused_at_once() -> None:
    text = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    with pytest.raises(InputError, match="an alias"):
        list(documents(text, "a.yaml"))
