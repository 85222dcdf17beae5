"""What rows of a dataset can be checked for, and whether such a check suits the data.

The kinds are those that the dimensions of GB/T 36344-2018 ask for: values that are there, lie in a
range, have a form, are of a code list, are unique, agree with each other and with other data.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from quanyu.kernel import Invalid
from quanyu.spacetime.filter_parse import unknown_property
from quanyu.spacetime.filters import compile_filter
from quanyu.spacetime.model import FID, GEOMETRY, Bbox, Cql2, Field, FieldType

MOST_CODES = 5_000
MOST_PATTERN = 1_000
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_TIMES = (FieldType.DATE, FieldType.DATETIME)
_COMPARED = (*_NUMBERS, *_TIMES)


class CheckKind(StrEnum):
    """What is looked at."""

    PRESENT = "present"
    RANGE = "range"
    PATTERN = "pattern"
    CODES = "codes"
    UNIQUE = "unique"
    REFERENCE = "reference"
    SHAPE = "shape"
    INSIDE = "inside"
    ROWS = "rows"
    RECENT = "recent"
    CONDITION = "condition"
    AGREES = "agrees"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCheck:
    """One thing to check.

    columns      that it is about; ``fid`` and ``geometry`` may be named where that makes sense.
    least, most  ends of a range: numbers, or RFC 3339 dates and times; for ``rows``: how many.
    pattern      a regular expression (RE2) that the whole text must match.
    values       the codes that there are.
    dataset, theirs  another dataset and its columns, in the order of ``columns``: for
                 ``reference`` those that must hold the values, for ``agrees`` first the keys and,
                 last, the value that must be equal within ``tolerance``.
    bbox         west, south, east, north in degrees (CRS84).
    age_s        for ``recent``: how many seconds old the newest value may be.
    condition    CQL2-JSON that must be true of each row; where it is unknown nothing is said.
    """

    kind: CheckKind
    columns: tuple[str, ...] = ()
    least: Any = None
    most: Any = None
    pattern: str = ""
    values: tuple[Any, ...] = ()
    dataset: str = ""
    theirs: tuple[str, ...] = ()
    tolerance: float = 0.0
    bbox: Bbox | None = None
    age_s: int = 0
    condition: Cql2 | None = None

    @property
    def of_rows(self) -> bool:
        """Whether single rows fail, which can be shown, rather than the whole."""
        return self.kind not in (CheckKind.ROWS, CheckKind.RECENT)

    @property
    def touches(self) -> frozenset[str]:
        """Every property and geometry that its outcome tells something of."""
        shaped = self.kind in (CheckKind.SHAPE, CheckKind.INSIDE)
        names = {*self.columns, *_properties(self.condition), *((GEOMETRY,) if shaped else ())}
        return frozenset(names)


@dataclass(frozen=True, slots=True)
class Checked:
    """Of ``checked`` rows ``failing`` are wrong; of a check of the whole both are 0 or 1, and
    ``found`` is what was found: the number of rows, or the newest time (RFC 3339)."""

    checked: int
    failing: int
    found: Any = None

    @property
    def share(self) -> float:
        """Share of rows that are right; 1 where there is none to look at."""
        return 1 - self.failing / self.checked if self.checked else 1.0


def check_suits(check: ValueCheck, fields: Sequence[Field], *, geometry: bool) -> None:
    """Raise :class:`Invalid`, naming what is wrong, when data with these fields cannot be checked
    so: an unknown column, a range of texts, a pattern that cannot be read."""
    kinds = {one.name: one.type for one in fields}
    for name in check.columns:
        if name not in kinds and not (name == GEOMETRY and geometry) and name != FID:
            raise unknown_property(name, kinds, "columns")
    _SUITS[check.kind](check, kinds)
    if check.kind in (CheckKind.SHAPE, CheckKind.INSIDE) and not geometry:
        raise Invalid("these data have no geometry", field="kind", mend="leave the rule out")
    if check.condition is not None:
        compile_filter(check.condition, fields, geometry=geometry)


def _columns(check: ValueCheck, least: int = 1, most: int | None = 1) -> None:
    count = len(check.columns)
    if count < least or (most is not None and count > most):
        raise Invalid(
            "a rule of the kind “{kind}” names {least} column or more"
            if most is None
            else "a rule of the kind “{kind}” names {least} column",
            field="columns",
            mend="name the columns that it is about",
            kind=check.kind.value,
            least=least,
        )


def _present(check: ValueCheck, _kinds: Mapping[str, FieldType]) -> None:
    _columns(check, most=None)


def _range(check: ValueCheck, kinds: Mapping[str, FieldType]) -> None:
    _columns(check)
    kind = kinds.get(check.columns[0])
    if kind not in _COMPARED:
        raise Invalid(
            "“{column}” has no order that a range could bound",
            field="columns",
            mend="give a range of numbers, dates or times",
            column=check.columns[0],
        )
    if check.least is None and check.most is None:
        raise Invalid("a range has an end", field="least", mend="give least, most or both")
    for name, value in (("least", check.least), ("most", check.most)):
        if value is not None:
            _check_value(name, value, kind)


def _check_value(name: str, value: Any, kind: FieldType) -> None:
    if kind in _NUMBERS:
        good = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        good = isinstance(value, str) and _instant(value, kind)
    if not good:
        raise Invalid(
            "“{value}” is not of the column's type",
            field=name,
            mend="give a number for numbers, an RFC 3339 date or time for those",
            value=str(value)[:60],
        )


def _instant(value: str, kind: FieldType) -> bool:
    try:
        if kind is FieldType.DATE:
            date.fromisoformat(value)
            return True
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _pattern(check: ValueCheck, kinds: Mapping[str, FieldType]) -> None:
    import duckdb

    _columns(check)
    if kinds.get(check.columns[0], FieldType.STRING) is not FieldType.STRING:
        raise Invalid("only texts match a pattern", field="columns", mend="name a text column")
    if not check.pattern or len(check.pattern) > MOST_PATTERN:
        raise Invalid(
            "a pattern has 1 to {most} characters",
            field="pattern",
            mend="write a regular expression (RE2)",
            most=MOST_PATTERN,
        )
    try:
        duckdb.execute("SELECT regexp_full_match('', $p)", {"p": check.pattern})
    except duckdb.Error as error:
        raise Invalid(
            "this pattern cannot be read",
            field="pattern",
            mend="write a regular expression (RE2), without look-around or back-references",
        ) from error


def _codes(check: ValueCheck, _kinds: Mapping[str, FieldType]) -> None:
    _columns(check)
    if not 1 <= len(check.values) <= MOST_CODES:
        raise Invalid(
            "a code list has 1 to {most} values",
            field="values",
            mend="give the values that there are",
            most=MOST_CODES,
        )


def _other(check: ValueCheck, kinds: Mapping[str, FieldType]) -> None:
    _columns(check, least=2 if check.kind is CheckKind.AGREES else 1, most=None)
    if not check.dataset or len(check.theirs) != len(check.columns):
        raise Invalid(
            "the other dataset needs as many columns as are named here",
            field="theirs",
            mend="name the dataset and its columns, in the same order",
        )
    if GEOMETRY in check.columns:
        raise Invalid("shapes are no keys", field="columns", mend="name properties")
    if check.tolerance and kinds.get(check.columns[-1]) not in _NUMBERS:
        raise Invalid(
            "only numbers may differ a little", field="tolerance", mend="leave the tolerance out"
        )


def _nothing(_check: ValueCheck, _kinds: Mapping[str, FieldType]) -> None:
    pass


def _inside(check: ValueCheck, _kinds: Mapping[str, FieldType]) -> None:
    box = check.bbox
    if box is None or not (-180 <= box[0] <= box[2] <= 180 and -90 <= box[1] <= box[3] <= 90):
        raise Invalid(
            "{bbox} is no extent",
            field="bbox",
            mend="give west, south, east, north in degrees, south ≤ north",
            bbox=list(box or ()),
        )


def _rows(check: ValueCheck, _kinds: Mapping[str, FieldType]) -> None:
    if check.least is None and check.most is None:
        raise Invalid("a range has an end", field="least", mend="give least, most or both")
    for name, value in (("least", check.least), ("most", check.most)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise Invalid("rows are counted in whole numbers", field=name, mend="give a number")


def _recent(check: ValueCheck, kinds: Mapping[str, FieldType]) -> None:
    _columns(check)
    if kinds.get(check.columns[0]) not in _TIMES:
        raise Invalid("only times can be recent", field="columns", mend="name a date or time")
    if check.age_s <= 0:
        raise Invalid("an age is a duration", field="age", mend="write it like P1D or PT6H")


def _condition(check: ValueCheck, _kinds: Mapping[str, FieldType]) -> None:
    if check.condition is None:
        raise Invalid(
            "a condition is missing", field="condition", mend="write one in CQL2, such as a <= b"
        )


_SUITS = {
    CheckKind.PRESENT: _present,
    CheckKind.RANGE: _range,
    CheckKind.PATTERN: _pattern,
    CheckKind.CODES: _codes,
    CheckKind.UNIQUE: _present,
    CheckKind.REFERENCE: _other,
    CheckKind.SHAPE: _nothing,
    CheckKind.INSIDE: _inside,
    CheckKind.ROWS: _rows,
    CheckKind.RECENT: _recent,
    CheckKind.CONDITION: _condition,
    CheckKind.AGREES: _other,
}

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def seconds_of(duration: str) -> int:
    """Seconds of an ISO 8601 duration of days, hours, minutes, seconds; 0 when it is none."""
    found = _DURATION.fullmatch(duration.strip().upper())
    if found is None:
        return 0
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _properties(expression: Any) -> set[str]:
    """Names of the properties in a CQL2-JSON expression."""
    if isinstance(expression, Mapping):
        name = expression.get("property")
        own = {name} if isinstance(name, str) else set()
        return own.union(*(_properties(part) for part in expression.values()))
    if isinstance(expression, list | tuple):
        return set().union(*map(_properties, expression))
    return set()
