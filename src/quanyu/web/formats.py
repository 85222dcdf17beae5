"""Numbers, times and texts as a reader of Chinese or English expects them (Jinja filters)."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_decimal
from jinja2 import pass_context
from jinja2.runtime import Context

from quanyu.kernel import Language, LocalText, day_in_zone, in_zone, iso, translate_count
from quanyu.market import yuan

LOCALES: dict[Language, str] = {"zh": "zh_Hans_CN", "en": "en_GB"}
_UNITS = ("B", "KB", "MB", "GB", "TB")


def _language(context: Context) -> Language:
    language: Language = context["language"]
    return language


def _zone(context: Context) -> str:
    zone: str = context["settings"].time_zone
    return zone


@pass_context
def local(context: Context, text: LocalText | str | None) -> str:
    """A bilingual text in the page's language; a plain text as it is; nothing for nothing."""
    if text is None:
        return ""
    return text.to(_language(context)) if isinstance(text, LocalText) else text


@pass_context
def number(context: Context, value: float | None, digits: int = 0) -> str:
    """A number with its thousands parted; a dash for an unknown one."""
    if value is None:
        return "—"
    pattern = "#,##0." + "#" * digits if digits else "#,##0"
    return format_decimal(value, format=pattern, locale=LOCALES[_language(context)])


@pass_context
def ngettext(context: Context, one: str, many: str, count: int, /, **params: object) -> str:
    """A text about a number of things, as the page's language counts; ``{count}`` is the number,
    its thousands parted."""
    filled = {"count": number(context, count), **params}
    return translate_count(_language(context), one, many, count, **filled)


@pass_context
def compact(context: Context, value: float) -> str:
    """A large number in few characters: ``1.2万`` or ``12K``."""
    return format_compact_decimal(value, fraction_digits=1, locale=LOCALES[_language(context)])


@pass_context
def moment(context: Context, value: datetime | None) -> str:
    """Date and time to the minute, in the node's time zone, whose offset is said."""
    return "—" if value is None else in_zone(value, _zone(context))


@pass_context
def day(context: Context, value: date | datetime | None) -> str:
    """A date, or the day of an instant in the node's time zone, in the reader's long form."""
    if isinstance(value, datetime):
        value = day_in_zone(value, _zone(context))
    return _long(context, value)


@pass_context
def day_of_data(context: Context, value: datetime | None) -> str:
    """The day of an instant in data, which are in UTC, in the reader's long form."""
    return _long(context, value and value.astimezone(UTC).date())


def _long(context: Context, value: date | None) -> str:
    if value is None:
        return "—"
    return format_date(value, "long", locale=LOCALES[_language(context)])


def instant(text: str) -> datetime:
    """The instant that an RFC 3339 text of a document names."""
    return datetime.fromisoformat(text)


def rfc3339(value: datetime) -> str:
    """For ``<time datetime>``."""
    return iso(value)


def size(value: float) -> str:
    """Bytes in the largest unit that leaves a digit before the point (units of 1024)."""
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("the last unit takes everything")


def short(value: str, keep: int = 10) -> str:
    """A long hash or id, its middle left out."""
    return value if len(value) <= 2 * keep + 1 else f"{value[:keep]}…{value[-keep:]}"


def degrees(value: float) -> str:
    """A coordinate to five decimals, about a metre."""
    return f"{value:.5f}"


FILTERS: dict[str, Callable[..., Any]] = {
    "local": local,
    "number": number,
    "yuan": yuan,
    "compact": compact,
    "moment": moment,
    "day": day,
    "day_of_data": day_of_data,
    "instant": instant,
    "rfc3339": rfc3339,
    "size": size,
    "short": short,
    "degrees": degrees,
}
