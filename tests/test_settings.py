"""Settings: the file, the environment, and what is said about wrong ones."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from beleg.errors import InputError
from beleg.message import Limits
from beleg.settings import Settings, load, template
from beleg.step import RuleSettings

pytestmark = pytest.mark.usefixtures("folder")


def test_the_defaults() -> None:
    settings = load()
    assert settings.database_url == "sqlite:///beleg.db"
    assert settings.language == "en"
    assert settings.decide_on_arrival
    assert settings.disabled_plugins == []
    assert settings.disabled_steps == []
    assert settings.rules() == RuleSettings("first", 4, Limits())


def test_the_limits_are_those_of_the_rule_book() -> None:
    limits = load().rules().limits
    megabyte = 1024 * 1024
    assert limits.message_bytes == 50 * megabyte
    assert limits.text_bytes == 30 * megabyte
    assert (limits.addresses, limits.parts, limits.levels) == (20_000, 1_000, 50)


def test_the_file(folder: Path) -> None:
    (folder / "beleg.toml").write_text(
        'language = "de"\non_conflict = "abstain"\nmin_reference_length = 6\nmax_levels = 7\n'
        'disabled_steps = ["offer"]\ndecide_on_arrival = false\n'
    )
    settings = load()
    assert (settings.language, settings.disabled_steps) == ("de", ["offer"])
    assert not settings.decide_on_arrival
    assert settings.rules() == RuleSettings("abstain", 6, Limits(levels=7))


def test_the_environment_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "beleg.toml").write_text('language = "de"\nmax_parts = 5\n')
    monkeypatch.setenv("BELEG_LANGUAGE", "en")
    monkeypatch.setenv("BELEG_DISABLED_PLUGINS", '["offer", "contact"]')
    monkeypatch.setenv("BELEG_DECIDE_ON_ARRIVAL", "no")
    settings = load()
    assert settings.language == "en"
    assert settings.disabled_plugins == ["offer", "contact"]
    assert not settings.decide_on_arrival
    assert settings.max_parts == 5


def test_another_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "beleg.toml").write_text('language = "de"\n')
    (folder / "other.toml").write_text("max_parts = 3\n")
    monkeypatch.setenv("BELEG_CONFIG", "other.toml")
    assert (load().language, load().max_parts) == ("en", 3)
    monkeypatch.setenv("BELEG_CONFIG", "none.toml")
    with pytest.raises(InputError, match=r"^none\.toml: BELEG_CONFIG names a file that does not exist$"):
        load()


def fault() -> str:
    with pytest.raises(InputError) as raised:
        load()
    return str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('langauge = "de"', "beleg.toml: unknown key 'langauge'; did you mean 'language'?"),
        ('database = "x"', "beleg.toml: unknown key 'database'; did you mean 'database_url'?"),
        ('language = "fr"', "beleg.toml: the setting language: Input should be 'en' or 'de', not 'fr'"),
        ("max_parts = 0", "beleg.toml: the setting max_parts: Input should be greater than or equal to 1, not 0"),
        ('disabled_steps = "x"', "beleg.toml: the setting disabled_steps: Input should be a valid list, not 'x'"),
        (
            'decide_on_arrival = "perhaps"',
            "beleg.toml: the setting decide_on_arrival: Input should be a valid boolean, unable to interpret input, "
            "not 'perhaps'",
        ),
    ],
)  # fmt: skip
def test_a_wrong_file(folder: Path, content: str, said: str) -> None:
    (folder / "beleg.toml").write_text(content)
    assert fault() == said


def test_a_key_that_is_like_no_other_lists_them_all(folder: Path) -> None:
    (folder / "beleg.toml").write_text("xyz = 1")
    said = fault()
    assert said.startswith("beleg.toml: unknown key 'xyz'; known here: database_url, language, ")
    assert "disabled_steps" in said


def test_a_file_that_is_no_toml(folder: Path) -> None:
    (folder / "beleg.toml").write_text("language = de\n")
    said = fault()
    assert said.startswith("beleg.toml: the settings can't be read: ")
    assert "line 1" in said


def test_a_file_that_is_no_text(folder: Path) -> None:
    (folder / "beleg.toml").write_bytes(b"\xff\xfe\x00")
    assert fault().startswith("beleg.toml: the settings can't be read: ")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BELEG_LANGUAGE", "fr", "the setting language: Input should be 'en' or 'de', not 'fr'"),
        ("BELEG_MAX_PARTS", "many", "the setting max_parts: Input should be a valid integer, unable to parse"),
        ("BELEG_DISABLED_STEPS", "offer", 'the setting disabled_steps: write a list of texts, for example ["offer"]'),
    ],
)
def test_a_wrong_environment(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    assert fault().startswith(f"environment variable {name}: {said}")


# --- the template


def test_the_template_holds_every_setting_with_its_default(folder: Path) -> None:
    text = template()
    (folder / "beleg.toml").write_text(text, encoding="utf-8")
    assert load() == Settings.model_construct(**Settings.model_construct().model_dump())
    everything = "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line)
    values = tomllib.loads(everything)
    assert list(values) == list(Settings.model_fields)
    assert values == Settings.model_construct().model_dump()


@pytest.mark.parametrize("url", ["postgresql://beleg@localhost/beleg", "sqlite:///C:\\data\\beleg's.db", 'a"b'])
def test_the_template_holds_the_url(folder: Path, url: str) -> None:
    (folder / "beleg.toml").write_text(template(url), encoding="utf-8")
    assert load().database_url == url
