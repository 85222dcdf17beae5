"""Values of terms as they are typed: each is read to a right operand, and shown again.

Readers take the text, the form's field and the time zone, and raise ``Invalid`` on that field.
"""

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from quanyu.kernel import Invalid
from quanyu.web.days import start_of

_BETWEEN = re.compile(r"[,;，；、\s]+")
_BOX = 4


def words(typed: str) -> list[str]:
    """Names with commas or spaces between them."""
    return [one for one in _BETWEEN.split(typed.strip()) if one]


def text(typed: str, _field: str, _zone: str) -> str:
    """As it was typed."""
    return typed


def show_text(value: Any, _zone: str) -> str:
    """One value as text."""
    return str(value)


def whole(typed: str, field: str, _zone: str) -> int:
    """A whole number; thousands may be parted."""
    plain = typed.replace(",", "").replace(" ", "")
    if not (plain.isascii() and plain.isdecimal() and len(plain) <= 16):
        raise Invalid("a whole number is needed here", field=field, mend="write digits only")
    return int(plain)


def wholes(typed: str, field: str, zone: str) -> list[int]:
    """Whole numbers."""
    return [whole(one, field, zone) for one in words(typed)]


def number(typed: str, field: str, _zone: str) -> float:
    """A number."""
    try:
        return float(typed)
    except ValueError as error:
        raise Invalid("a number is needed here", field=field, mend="such as 0.5") from error


def show_number(value: Any, _zone: str) -> str:
    """A number as text."""
    return f"{value:g}"


def several(typed: str, _field: str, _zone: str) -> list[str]:
    """Names or codes."""
    return words(typed)


def show_several(value: Any, _zone: str) -> str:
    """Values with commas between them."""
    return ", ".join(map(str, value if isinstance(value, list) else [value]))


def day(typed: str, field: str, zone: str) -> str:
    """The instant at which a day begins."""
    start = start_of(typed, zone, field)
    if start is None:
        raise Invalid("this is no day", field=field, mend="write it like 2026-05-01")
    return start.isoformat()


def day_after(typed: str, field: str, zone: str) -> str:
    """The instant at which a day is over."""
    start = start_of(typed, zone, field)
    if start is None:
        raise Invalid("this is no day", field=field, mend="write it like 2026-05-01")
    return (start + timedelta(days=1)).isoformat()


def show_day(value: Any, zone: str) -> str:
    """The day in which an instant lies."""
    return f"{datetime.fromisoformat(str(value)).astimezone(ZoneInfo(zone)):%Y-%m-%d}"


def show_day_before(value: Any, zone: str) -> str:
    """The last day before an instant."""
    moment = datetime.fromisoformat(str(value)).astimezone(ZoneInfo(zone))
    return f"{moment - timedelta(microseconds=1):%Y-%m-%d}"


def show_filter(value: Any, _zone: str) -> str:
    """A CQL2 filter as it was given: text or JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def region(typed: str, field: str, _zone: str) -> Any:
    """GeoJSON, or west, south, east and north in degrees, as a Polygon in CRS84."""
    if typed.startswith("{"):
        try:
            return orjson.loads(typed)
        except orjson.JSONDecodeError as error:
            raise Invalid(
                "this is no JSON", field=field, mend="give GeoJSON, or west, south, east, north"
            ) from error
    sides = [number(one, field, "") for one in words(typed)]
    if len(sides) != _BOX:
        raise Invalid(
            "a box has four sides", field=field, mend="give GeoJSON, or west, south, east, north"
        )
    west, south, east, north = sides
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def show_region(value: Any, _zone: str) -> str:
    """A region as GeoJSON."""
    return orjson.dumps(value).decode()


def bounds(typed: str) -> list[dict[str, Any]]:
    """Bounds of columns, one a line: ``column | least | most`` or ``column | a, b, c``."""
    found: list[dict[str, Any]] = []
    for line in typed.splitlines():
        parts = [one.strip() for one in line.split("|")]
        if parts == [""]:
            continue
        match parts:
            case [column, least, most]:
                ends = {"least": number(least, "bounds", ""), "most": number(most, "bounds", "")}
                found.append({"column": column} | ends)
            case [column, listed]:
                each = [one.strip() for one in listed.split(",") if one.strip()]
                found.append({"column": column, "values": each})
            case _:
                raise Invalid(
                    "bounds are a column with least and most, or with its values",
                    field="bounds",
                    mend="write “height | 0 | 100” or “kind | house, hall”, one on each line",
                )
    return found


def show_bounds(value: list[dict[str, Any]]) -> str:
    """Bounds of columns, one a line."""
    return "\n".join(
        f"{one['column']} | {', '.join(one['values'])}"
        if "values" in one
        else f"{one['column']} | {one['least']:g} | {one['most']:g}"
        for one in value
    )
