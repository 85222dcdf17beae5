"""Time is UTC and aware, everywhere; people read it in the time zone of their node."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, such as ``2026-03-01T08:30:00.000Z``.

    Raises ``ValueError`` for a naive datetime: its instant is unknown.
    """
    if moment.tzinfo is None:
        raise ValueError("a datetime without an offset names no instant")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_zone(moment: datetime, zone: str) -> str:
    """An instant as people of a time zone (IANA) read it: ``2026-03-01 16:30 UTC+8``.

    Raises ``ValueError`` for a naive datetime and ``ZoneInfoNotFoundError`` for no zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a datetime without an offset names no instant")
    here = moment.astimezone(ZoneInfo(zone))
    minutes = (here.utcoffset() or timedelta()) // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    offset = f"{'-' if minutes < 0 else '+'}{hours}" if minutes else ""
    return f"{here:%Y-%m-%d %H:%M} UTC{offset}{f':{rest:02d}' if rest else ''}"


def day_in_zone(moment: datetime, zone: str) -> date:
    """The day on which an instant falls in a time zone (IANA)."""
    return moment.astimezone(ZoneInfo(zone)).date()
