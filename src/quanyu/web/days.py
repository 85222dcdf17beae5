"""Days as people write them in forms."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from quanyu.kernel import Invalid


def start_of(text: str, zone: str, field: str) -> datetime | None:
    """The beginning of a day (``2026-05-01``) in a time zone, ``None`` for an empty text.

    Raises :class:`Invalid` on ``field`` for what is no day.
    """
    if not text.strip():
        return None
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time(), ZoneInfo(zone))
    except ValueError as error:
        raise Invalid("this is no day", field=field, mend="write it like 2026-05-01") from error
