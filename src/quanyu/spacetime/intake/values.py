"""Values in text into typed columns, whole columns at a time; what does not fit is masked."""

from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quanyu.kernel import Invalid

TIMESTAMP = pa.timestamp("us", tz="UTC")
TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "date-time": TIMESTAMP,
}
"""Types that a column of text can be read as, by the names of :class:`FieldType`."""

_NOTHING = ("", "NA", "N/A", "n/a", "NULL", "null", "None", "NaN", "nan", "-", "--", "无")
_YES = ("true", "t", "yes", "y", "是", "真")
_NO = ("false", "f", "no", "n", "否", "假")
_INTEGER = r"^[+-]?\d{1,18}$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
# 007 and 110101 are codes, and eighteen digits are an identity number: text, not quantities.
_CODE = r"^[+-]?(0\d+|\d{16,})$"
_DATE = r"(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?"
_TIME = (
    r"(?P<H>\d{1,2})[:：时](?P<M>\d{1,2})(?:[:：分](?P<S>\d{1,2})秒?(?:[.,](?P<f>\d{1,9}))?分?)?分?"
)
_ZONE = r"(?P<z>Z|z|[+-]\d{2}(?::?\d{2})?)?"
_MOMENT = rf"^{_DATE}(?:[ T]*{_TIME}\s*{_ZONE})?$"
_DAY = rf"^{_DATE}$"
_MOST_BAD = 0.05
_ENOUGH = 20
_HEAD = 100


@dataclass(frozen=True, slots=True)
class Cast:
    """A typed column, and which values could not be read."""

    values: pa.Array
    bad: NDArray[np.bool_]


def infer(column: pa.Array) -> tuple[str, int]:
    """The narrowest type that a sample of text fits, and how many of its values do not.

    A few strays (under 5 % of at least twenty values) do not turn a column of numbers into text:
    their rows will be rejected, and the plan says so.
    """
    filled = _blank(pc.utf8_trim_whitespace(column))
    count = len(filled) - filled.null_count
    if count == 0:
        return "string", 0
    head = filled.drop_null()[:_HEAD]
    coded = bool(pc.any(_matches(filled, _CODE)).as_py())
    known = ("boolean", "date", "date-time")
    strays: dict[str, int] = {}
    for name in known if coded else ("integer", "number", *known):
        if int(cast(head, name, "UTC").bad.sum()) * 2 > len(head):
            continue  # hopeless from the beginning: the costly patterns are spared
        strays[name] = int(cast(column, name, "UTC").bad.sum())
        if strays[name] == 0:
            return name, 0
    if not strays:
        return "string", 0
    best = min(strays, key=lambda name: strays[name])
    if count >= _ENOUGH and strays[best] / count < _MOST_BAD:
        return best, strays[best]
    return "string", 0


def cast(column: pa.Array, name: str, timezone: str) -> Cast:
    """``column`` of text as that type; times without an offset are taken in ``timezone``."""
    if name not in TYPES:
        raise Invalid(
            "“{type}” is not a type of a column",
            field="types",
            mend="use one of {known}",
            type=name,
            known=", ".join(TYPES),
        )
    if name == "string":
        empty = pc.equal(column, "")
        return Cast(pc.if_else(empty, pa.scalar(None, pa.string()), column), _none(column))
    text = _blank(pc.utf8_trim_whitespace(column))
    if name == "integer":
        return _regular(text, _INTEGER, pa.int64())
    if name == "number":
        return _regular(text, _NUMBER, pa.float64())
    if name == "boolean":
        return _boolean(text)
    return _moment(text, name, timezone)


@cache
def _words(words: tuple[str, ...]) -> pa.Array:
    # Made when first used: the first array that Arrow makes loads pandas, where there is one.
    return pa.array(words, type=pa.string())


def _none(column: pa.Array) -> NDArray[np.bool_]:
    return np.zeros(len(column), dtype=bool)


def _mask(condition: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(condition, False).to_numpy(zero_copy_only=False), dtype=bool)


def _matches(text: pa.Array, pattern: str) -> pa.Array:
    return pc.match_substring_regex(text, pattern)


def _blank(text: pa.Array) -> pa.Array:
    return pc.if_else(
        pc.is_in(text, value_set=_words(_NOTHING)), pa.scalar(None, pa.string()), text
    )


def _regular(text: pa.Array, pattern: str, kind: pa.DataType) -> Cast:
    try:
        values = pc.cast(text, kind)
    except pa.ArrowInvalid:
        fits = _matches(text, pattern)
        good = pc.if_else(fits, text, pa.scalar(None, pa.string()))
        values = pc.cast(pc.replace_substring_regex(good, r"^\+", ""), kind)
    if kind == pa.float64():
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, kind))
    return Cast(values, _mask(pc.and_(pc.is_valid(text), pc.is_null(values))))


def _boolean(text: pa.Array) -> Cast:
    low = pc.utf8_lower(text)
    yes, no = pc.is_in(low, value_set=_words(_YES)), pc.is_in(low, value_set=_words(_NO))
    values = pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))
    return Cast(values, _mask(pc.and_(pc.is_valid(text), pc.is_null(values))))


def _part(parts: pa.StructArray, name: str, otherwise: int) -> NDArray[np.int64]:
    words = pc.struct_field(parts, name)
    words = pc.if_else(pc.equal(words, ""), pa.scalar(None, pa.string()), words)
    numbers = pc.fill_null(pc.cast(words, pa.int64()), otherwise)
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.int64)


def _moment(text: pa.Array, name: str, timezone: str) -> Cast:
    """ISO 8601 and the Chinese ways of writing dates and times."""
    parts = pc.extract_regex(text, _DAY if name == "date" else _MOMENT)
    fits = _mask(pc.is_valid(parts))
    month, day = _part(parts, "m", 1), _part(parts, "d", 1)
    sane = (month >= 1) & (month <= 12) & (day >= 1)
    year = np.where(fits, _part(parts, "y", 1970), 1970)
    first = ((year - 1970) * 12 + np.where(sane, month, 1) - 1).astype("datetime64[M]")
    days = first.astype("datetime64[D]") + (np.where(sane, day, 1) - 1).astype("timedelta64[D]")
    sane &= days.astype("datetime64[M]") == first  # 30 February has moved into March
    if name == "date":
        good = fits & sane
        values = pa.array(days, type=pa.date32(), mask=~good)
        return Cast(values, _mask(pc.is_valid(text)) & ~good)
    hour, minute, second = _part(parts, "H", 0), _part(parts, "M", 0), _part(parts, "S", 0)
    sane &= (hour < 24) & (minute < 60) & (second < 61)
    fraction = pc.utf8_slice_codeunits(
        pc.utf8_rpad(pc.fill_null(pc.struct_field(parts, "f"), ""), 6, "0"), 0, 6
    )
    micro = np.asarray(pc.cast(fraction, pa.int64()).to_numpy(zero_copy_only=False))
    seconds = (hour * 3600 + minute * 60 + second).astype("timedelta64[s]")
    local = days.astype("datetime64[us]") + seconds + micro.astype("timedelta64[us]")
    zone = pc.fill_null(pc.struct_field(parts, "z"), "")
    has_zone = _mask(pc.not_equal(zone, ""))
    utc = np.where(has_zone, local - _offsets(zone), in_utc(local, timezone))
    good = fits & sane
    values = pa.array(utc, type=pa.timestamp("us"), mask=~good).cast(TIMESTAMP)
    return Cast(values, _mask(pc.is_valid(text)) & ~good)


def _offsets(zone: pa.Array) -> NDArray[np.timedelta64]:
    digits = pc.extract_regex(zone, r"^(?P<s>[+-])(?P<h>\d{2}):?(?P<m>\d{2})?$")
    minutes = _part(digits, "h", 0) * 60 + _part(digits, "m", 0)
    west = _mask(pc.equal(pc.struct_field(digits, "s"), "-"))
    return np.where(west, -minutes, minutes).astype("timedelta64[m]")


def in_utc(local: NDArray[np.datetime64], timezone: str) -> NDArray[np.datetime64]:
    """Wall-clock times of a zone as UTC; an hour that the clock skips or repeats is its first."""
    if timezone == "UTC":
        return local
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError) as error:
        raise Invalid(
            "“{zone}” is not a time zone",
            field="timezone",
            mend="give an IANA name such as Asia/Shanghai",
            zone=timezone,
        ) from error
    there = pc.assume_timezone(
        pa.array(local, type=pa.timestamp("us")),
        timezone,
        ambiguous="earliest",
        nonexistent="earliest",
    )
    return np.asarray(there.cast(TIMESTAMP).cast(pa.timestamp("us")).to_numpy())
