"""The language of a page: its words (PO files, read at start), and how dates and numbers are written."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from datetime import date as Date
from pathlib import Path

from babel import Locale, dates, numbers
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from beleg.clause import LANGUAGES
from beleg.errors import Told

LOCALES = Path(__file__).with_name("locales")
NAMES = {"en": "English", "de": "Deutsch"}


@dataclass(frozen=True)
class Language:
    """One language: English is what the templates are written in, others have catalogues."""

    code: str
    words: NullTranslations
    locale: Locale
    zone: tzinfo | None

    @classmethod
    def load(cls, code: str, zone: str | None = None) -> Language:
        """Read its catalogues. Raises LookupError where there is no such time zone."""
        return cls(code, _words(code), Locale(code), dates.get_timezone(zone) if zone else None)

    def say(self, message: str, /, **parameters: object) -> str:
        """A message in this language, its `%(name)s` filled in."""
        said = self.words.ugettext(message)
        return said % parameters if parameters else said

    def tell(self, error: Exception) -> str:
        """What an error says, in this language where the catalogues have its words."""
        if not isinstance(error, Told):
            return self.say(str(error))
        values = {n: self.number(v) if isinstance(v, int) else v for n, v in error.values.items()}
        said = self.say(error.message, **values)
        where = getattr(error, "where", None)
        return f"{where}: {said}" if where else said

    def date(self, moment: datetime | str | None) -> str:
        """Date and time to the minute, in the site's time zone; a text is ISO 8601."""
        if isinstance(moment, str):
            try:
                moment = datetime.fromisoformat(moment)
            except ValueError:
                return str(moment)
        if moment is None:
            return "–"
        moment = moment.astimezone(self.zone)
        parts = (dates.format_skeleton(each, moment, self.zone, locale=self.locale) for each in ("yMMMd", "Hm"))
        return ", ".join(parts)

    def moment(self, seconds: float) -> str:
        """The date of a time in seconds since 1970 UTC."""
        return self.day(datetime.fromtimestamp(seconds, self.zone))

    def at(self, seconds: float) -> str:
        """Date and time of a time in seconds since 1970 UTC."""
        return self.date(datetime.fromtimestamp(seconds, UTC))

    def day(self, day: Date) -> str:
        """A date without a time."""
        return dates.format_skeleton("yMMMd", day, locale=self.locale)

    def number(self, value: float) -> str:
        """A number with the separators of the language."""
        return numbers.format_decimal(value, locale=self.locale)


def catalogues(code: str) -> Iterator[tuple[Path, Catalog]]:
    """The catalogues of a language, one a page area."""
    for path in sorted((LOCALES / code).glob("*.po")):
        with path.open("rb") as file:
            yield path, read_po(file, locale=code)


def _words(code: str) -> NullTranslations:
    whole = Catalog(locale=code)
    for _, found in catalogues(code):
        for message in found:
            if message.id:
                whole.add(message.id, message.string, context=message.context)
    if not len(whole):
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return Translations(compiled)


def accepted(header: str) -> str | None:
    """The first language of an Accept-Language header (RFC 9110 12.5.4) that Beleg speaks."""
    wanted: list[tuple[float, int, str]] = []
    for place, each in enumerate(header[:500].split(",")):
        name, _, rest = each.strip().partition(";")
        wanted.append((-_quality(rest), place, name.strip().lower().partition("-")[0]))
    return next((name for quality, _, name in sorted(wanted) if quality and name in LANGUAGES), None)


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
