"""Days as people write them in forms, and instants as programs do."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from quanyu.kernel import Invalid


def start_of(text: str, zone: str, field: str) -> datetime | None:
    """The beginning of a day (``2026-05-01``) in a time zone, ``None`` for an empty text.

    Raises :class:`Invalid` on ``field`` for what is no day.
    """
    return datetime.combine(day(text, field), time(), ZoneInfo(zone)) if text.strip() else None


def day(text: str, field: str) -> date:
    """A day (``2026-05-01``); raises :class:`Invalid` on ``field``."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid("this is no day", field=field, mend="write it like 2026-05-01") from error


def instant(text: object, field: str) -> datetime:
    """An instant with its offset; raises :class:`Invalid` on ``field``."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Invalid(
            "an instant with its offset is needed here",
            field=field,
            mend="such as 2026-11-03T08:30:00Z",
        )
    return found
