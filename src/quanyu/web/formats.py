"""Numbers, times and texts as a reader of Chinese or English expects them (Jinja filters)."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_compact_decimal, format_decimal
from jinja2 import pass_context
from jinja2.runtime import Context

from quanyu.kernel import Language, LocalText, iso

LOCALES: dict[Language, str] = {"zh": "zh_Hans_CN", "en": "en_GB"}
_UNITS = ("B", "KB", "MB", "GB", "TB")


def _language(context: Context) -> Language:
    language: Language = context["language"]
    return language


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
def compact(context: Context, value: float) -> str:
    """A large number in few characters: ``1.2万`` or ``12K``."""
    return format_compact_decimal(value, fraction_digits=1, locale=LOCALES[_language(context)])


@pass_context
def moment(context: Context, value: datetime | None) -> str:
    """Date and time to the minute, in UTC, which is said."""
    if value is None:
        return "—"
    text = format_datetime(
        value.astimezone(UTC), "yyyy-MM-dd HH:mm", locale=LOCALES[_language(context)]
    )
    return f"{text} UTC"


@pass_context
def day(context: Context, value: date | datetime | None) -> str:
    """A date in the reader's long form."""
    if value is None:
        return "—"
    return format_date(value, "long", locale=LOCALES[_language(context)])


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
    "compact": compact,
    "moment": moment,
    "day": day,
    "rfc3339": rfc3339,
    "size": size,
    "short": short,
    "degrees": degrees,
}
