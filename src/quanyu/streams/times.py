"""Instants and intervals as SensorThings writes them (ISO 8601, OGC 18-088 clause 8.1)."""

from datetime import UTC, datetime
from typing import Any

from quanyu.kernel import Invalid


def instant(value: Any, where: str) -> datetime:
    """An aware time out of ISO 8601; raises :class:`Invalid` naming ``where``."""
    if isinstance(value, str) and 10 < len(value) <= 40:
        text = value.strip()
        # In an address a plus sign is a space.
        if text[-6:-5] == " " and text[-3:-2] == ":":
            text = f"{text[:-6]}+{text[-5:]}"
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    raise Invalid(
        "this is no time with an offset",
        field=where,
        mend="write it as 2026-05-01T08:00:00Z",
    )


def period(value: Any, where: str) -> tuple[datetime, datetime | None]:
    """Start and end of an instant (no end) or of an interval ``start/end``; raises
    :class:`Invalid`."""
    if isinstance(value, str) and "/" in value:
        first, _, second = value.partition("/")
        start, end = instant(first, where), instant(second, where)
        if end < start:
            raise Invalid("the interval ends before it begins", field=where, mend="write start/end")
        return start, end
    return instant(value, where), None


def written(start: datetime | None, end: datetime | None = None) -> str | None:
    """An instant or interval in UTC, as it is answered."""
    if start is None:
        return None
    return _text(start) if end is None else f"{_text(start)}/{_text(end)}"


def _text(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="auto")
    return text.replace("+00:00", "Z")
