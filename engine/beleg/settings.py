"""Settings: `beleg.toml` in the working folder (or where BELEG_CONFIG points), then the environment (`BELEG_…`).

Read by the command line only, and handed inward as values.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from beleg.errors import InputError, Where, unknown_key
from beleg.message import Limits
from beleg.step import RuleSettings

CONFIG_FILE = "beleg.toml"
_LIMITS = Limits()


class Settings(BaseSettings):
    """All settings with their defaults."""

    model_config = SettingsConfigDict(env_prefix="BELEG_", extra="forbid")

    database_url: str = Field("sqlite:///beleg.db", description="SQLAlchemy URL of the database")
    language: Literal["en", "de"] = Field("en", description="language of explanations")
    decide_on_arrival: bool = Field(True, description="decide a mail as soon as it is stored")
    fetch_every: Annotated[int, Field(ge=1)] = Field(60, description="seconds between two looks into a mailbox")
    fetch_in_serve: bool = Field(True, description="beleg serve fetches mail; else beleg fetch does")
    disabled_plugins: list[str] = Field(default_factory=list, description="plugins that are not loaded")
    disabled_steps: list[str] = Field(
        default_factory=list, description="steps that do not run; the record types of their plugins stay"
    )
    on_conflict: Literal["first", "abstain"] = Field(
        "first", description="several addresses: take the first that leads to a record, or all must agree"
    )
    min_reference_length: Annotated[int, Field(ge=1)] = Field(
        4, description="letters and digits of a number that counts"
    )
    max_message_bytes: Annotated[int, Field(ge=1)] = Field(_LIMITS.message_bytes, description="limit on a mail's size")
    max_text_bytes: Annotated[int, Field(ge=1)] = Field(_LIMITS.text_bytes, description="limit on its text")
    max_addresses: Annotated[int, Field(ge=1)] = Field(_LIMITS.addresses, description="limit on its addresses")
    max_numbers: Annotated[int, Field(ge=1)] = Field(_LIMITS.numbers, description="limit on its possible numbers")
    max_parts: Annotated[int, Field(ge=1)] = Field(_LIMITS.parts, description="limit on its parts")
    max_levels: Annotated[int, Field(ge=1)] = Field(_LIMITS.levels, description="limit on how deep parts nest")
    account_limit: Annotated[int, Field(ge=1)] = Field(10, description="limit on mail accounts of each direction")
    authorities_file: str = Field(
        "", description="certificates (PEM) that mail servers and providers are trusted by, besides the system's"
    )
    key_file: str = Field(
        "beleg.key", description="file with the keys that passwords are encrypted with; BELEG_KEY goes before it"
    )
    scenarios: str = Field("fixtures", description="folder of scenarios; the rules page shows what they cover")
    time_zone: str = Field("", description="time zone of the pages, such as Europe/Berlin; empty: this machine's")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_path())

    def authorities(self) -> str:
        """The certificates of `authorities_file`, empty where none is named. Raises InputError."""
        if not self.authorities_file:
            return ""
        try:
            return Path(self.authorities_file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            where = Where(self.authorities_file)
            raise InputError(f"the setting authorities_file: it can't be read: {error}", where) from None

    def rules(self) -> RuleSettings:
        """What decisions depend on."""
        return RuleSettings(
            self.on_conflict,
            self.min_reference_length,
            Limits(
                message_bytes=self.max_message_bytes,
                text_bytes=self.max_text_bytes,
                addresses=self.max_addresses,
                numbers=self.max_numbers,
                parts=self.max_parts,
                levels=self.max_levels,
            ),
        )


def config_path() -> Path:
    """The settings file, which need not exist."""
    return Path(os.environ.get("BELEG_CONFIG", CONFIG_FILE))


def load(file: Path | None = None) -> Settings:
    """Read the settings; those of a `file` that is named, without the environment: they are the same in every shell.
    Raises InputError that names the setting, where it stands and what it may be."""
    path = file or config_path()
    if file and not file.is_file():
        raise InputError("there is no such settings file", Where(str(file)))
    if "BELEG_CONFIG" in os.environ and not path.is_file():
        raise InputError("BELEG_CONFIG names a file that does not exist", Where(str(path)))
    try:
        return _read(file) if file else Settings()  # type: ignore[call-arg]  # file and environment fill it
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:1])
        in_environment = not file and f"BELEG_{name.upper()}" in {key.upper() for key in os.environ}
        where = Where(f"environment variable BELEG_{name.upper()}" if in_environment else str(path))
        if first["type"] == "extra_forbidden":
            raise InputError(unknown_key(name, Settings.model_fields), where) from None
        raise InputError(f"the setting {name}: {first['msg']}, not {first['input']!r}", where) from None
    except SettingsError as error:
        # Raised for a value in the environment that has to be JSON and is none.
        found = re.search(r'field "(\w+)"', str(error))
        name = found[1] if found else ""
        fault = f'the setting {name}: write a list of texts, for example ["offer"]'
        raise InputError(fault, Where(f"environment variable BELEG_{name.upper()}")) from None
    except (ValueError, OSError) as error:
        raise InputError(f"the settings can't be read: {error}", Where(str(path))) from None


def _read(file: Path) -> Settings:
    class OfFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **more: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (TomlConfigSettingsSource(settings_cls, file),)

    return OfFile()  # type: ignore[call-arg]  # the file fills it


def template(database_url: str | None = None) -> str:
    """A `beleg.toml` with every setting, its meaning and its default."""
    lines = ["# Settings of Beleg. Each can also be given in the environment as BELEG_<NAME>.", ""]
    for name, field in Settings.model_fields.items():
        value = field.get_default(call_default_factory=True)
        if name == "database_url" and database_url:
            value = database_url
        shown = json.dumps(value, ensure_ascii=False)  # of a text, a number or a list of texts it is TOML as well
        prefix = "" if name == "database_url" else "# "
        lines += [f"# {field.description}", f"{prefix}{name} = {shown}", ""]
    return "\n".join(lines)
