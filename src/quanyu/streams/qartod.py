"""Quality flags of observations by the tests of QARTOD (IOOS, manuals for real-time control).

A datastream declares its tests in its ``properties`` under ``qartod``, in the form that ``ioos_qc``
reads: the name of each test with its thresholds, in the unit of the datastream and in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np

from quanyu.kernel import Invalid

Array: TypeAlias = np.ndarray[Any, Any]
DECLARED = "qartod"
GROSS_RANGE, SPIKE = "gross_range_test", "spike_test"
RATE, FLAT_LINE = "rate_of_change_test", "flat_line_test"
TESTS = (GROSS_RANGE, SPIKE, RATE, FLAT_LINE)
MOST_SECONDS = 7 * 86_400
_SECOND = 1_000_000


class Flag(IntEnum):
    """The values of flags (IOC manuals and guides 54, volume 3)."""

    PASS = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


@dataclass(frozen=True, slots=True)
class Checks:
    """The tests of a datastream; ``None`` where one is not declared.

    suspect_span, fail_span      least and most that are in order, in the datastream's unit
    spike                        distances from the mean of the neighbours: suspect, fail
    rate                         change a second
    flat                         tolerance, seconds until suspect, seconds until failed
    """

    suspect_span: tuple[float, float] | None = None
    fail_span: tuple[float, float] | None = None
    spike: tuple[float | None, float | None] | None = None
    rate: float | None = None
    flat: tuple[float, float | None, float | None] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The tests that are declared, in the order of :data:`TESTS`."""
        there = (self.suspect_span or self.fail_span, self.spike, self.rate, self.flat)
        return tuple(name for name, one in zip(TESTS, there, strict=True) if one is not None)

    @property
    def alone(self) -> bool:
        """Whether an observation is tested by itself, without those before and behind it."""
        return self.names == (GROSS_RANGE,)

    @property
    def window(self) -> int:
        """How far back a test looks, beyond the observation before, in microseconds."""
        if self.flat is None:
            return 0
        return int(max(one or 0 for one in self.flat[1:]) * _SECOND)


def checks_of(properties: Any, where: str = "properties") -> Checks | None:
    """The tests that the properties of a datastream declare; ``None`` where they declare none.

    Raises :class:`Invalid` naming the member that is wrong.
    """
    said = properties.get(DECLARED) if isinstance(properties, Mapping) else None
    if said is None:
        return None
    at = f"{where}.{DECLARED}"
    tests = _members(said, at, TESTS)
    gross = _members(tests.get(GROSS_RANGE), f"{at}.{GROSS_RANGE}", ("suspect_span", "fail_span"))
    spike = _members(tests.get(SPIKE), f"{at}.{SPIKE}", ("suspect_threshold", "fail_threshold"))
    rate = _members(tests.get(RATE), f"{at}.{RATE}", ("threshold",))
    flat = _members(
        tests.get(FLAT_LINE),
        f"{at}.{FLAT_LINE}",
        ("tolerance", "suspect_threshold", "fail_threshold"),
    )
    found = Checks(
        suspect_span=_span(gross, "suspect_span", f"{at}.{GROSS_RANGE}"),
        fail_span=_span(gross, "fail_span", f"{at}.{GROSS_RANGE}"),
        spike=_pair(spike, f"{at}.{SPIKE}") if spike else None,
        rate=_positive(rate, "threshold", f"{at}.{RATE}") if rate else None,
        flat=_flat(flat, f"{at}.{FLAT_LINE}") if flat else None,
    )
    return found if found.names else None


def flags_of(checks: Checks, times: Array, values: Array) -> dict[str, Array]:
    """Flags by test of the observations of one datastream in the order of time.

    ``times`` are microseconds, ``values`` the numbers observed, NaN where a result is none. A test
    that needs a neighbour which is not there says "not evaluated".
    """
    makers = {
        GROSS_RANGE: lambda: _gross_range(checks, values),
        SPIKE: lambda: _spike(checks, values),
        RATE: lambda: _rate(checks, times, values),
        FLAT_LINE: lambda: _flat_line(checks, times, values),
    }
    nothing = np.isnan(values)
    return {name: np.where(nothing, Flag.NOT_EVALUATED, makers[name]()) for name in checks.names}


def gross_range(checks: Checks, value: float) -> Flag:
    """The flag of the range test of one value."""
    for span, flag in ((checks.fail_span, Flag.FAIL), (checks.suspect_span, Flag.SUSPECT)):
        if span is not None and not span[0] <= value <= span[1]:
            return flag
    return Flag.PASS


def together(flags: Mapping[str, Array]) -> Array:
    """One flag out of several: the worst that was found, else that one test was passed."""
    all_of = np.stack([*flags.values()])
    found = np.where((all_of == Flag.PASS).any(0), Flag.PASS, Flag.NOT_EVALUATED)
    found = np.where((all_of == Flag.SUSPECT).any(0), Flag.SUSPECT, found)
    return np.where((all_of == Flag.FAIL).any(0), Flag.FAIL, found)


def _graded(size: int, suspect: Array | None, fail: Array | None) -> Array:
    found = np.full(size, int(Flag.PASS))
    for beyond, flag in ((suspect, Flag.SUSPECT), (fail, Flag.FAIL)):
        if beyond is not None:
            found[beyond] = flag
    return found


def _gross_range(checks: Checks, values: Array) -> Array:
    def outside(span: tuple[float, float] | None) -> Array | None:
        return None if span is None else (values < span[0]) | (values > span[1])

    return _graded(len(values), outside(checks.suspect_span), outside(checks.fail_span))


def _spike(checks: Checks, values: Array) -> Array:
    """The distance from the mean of the two neighbours (manual, test 6)."""
    found = np.full(len(values), int(Flag.NOT_EVALUATED))
    if len(values) < 3 or checks.spike is None:
        return found
    distance = np.abs(values[1:-1] - (values[:-2] + values[2:]) / 2)
    beyond = [None if one is None else distance > one for one in checks.spike]
    inner = _graded(len(distance), *beyond)
    found[1:-1] = np.where(np.isnan(distance), Flag.NOT_EVALUATED, inner)
    return found


def _rate(checks: Checks, times: Array, values: Array) -> Array:
    """The change a second from the observation before (manual, test 7)."""
    found = np.full(len(values), int(Flag.NOT_EVALUATED))
    if len(values) < 2 or checks.rate is None:
        return found
    seconds = np.diff(times) / _SECOND
    known = (seconds > 0) & ~np.isnan(values[:-1])
    change = np.abs(np.diff(values))[known] / seconds[known]
    found[1:][known] = _graded(len(change), change > checks.rate, None)
    return found


def _flat_line(checks: Checks, times: Array, values: Array) -> Array:
    """Whether values have stayed within the tolerance for so long (manual, test 8)."""
    if checks.flat is None:
        return np.full(len(values), int(Flag.NOT_EVALUATED))
    tolerance, *limits = checks.flat
    stuck = [None if s is None else _stuck(times, values, tolerance, s) for s in limits]
    return _graded(len(values), *stuck)


def _stuck(times: Array, values: Array, tolerance: float, seconds: float) -> Array:
    """Where the values since ``seconds`` ago differ by less than ``tolerance``; not where there
    was no observation so long ago."""
    size = len(values)
    first = np.searchsorted(times, times - int(seconds * _SECOND), "right") - 1
    length = np.arange(size) - first + 1
    low, high, found, width = values.copy(), values.copy(), np.zeros(size, bool), 1
    # Of each row the least and most of ``width`` rows up to it; two such pieces cover a window.
    while width <= size:
        mine = np.flatnonzero((first >= 0) & (length >= width) & (length < 2 * width))
        other = first[mine] + width - 1
        spread = np.maximum(high[mine], high[other]) - np.minimum(low[mine], low[other])
        found[mine] = spread < tolerance
        low[width:] = np.minimum(low[width:], low[:-width])
        high[width:] = np.maximum(high[width:], high[:-width])
        width *= 2
    return found


def _members(said: Any, where: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if said is None:
        return {}
    if not isinstance(said, Mapping) or not said:
        raise Invalid(
            "a test of quality is an object",
            field=where,
            mend="name some of: {known}",
            known=", ".join(known),
        )
    for name in said:
        if name not in known:
            raise Invalid(
                "there is no {name} here",
                field=f"{where}.{name}"[:200],
                mend="use some of: {known}",
                name=str(name)[:60],
                known=", ".join(known),
            )
    return said


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _span(said: Mapping[str, Any], name: str, where: str) -> tuple[float, float] | None:
    span = said.get(name)
    if span is None:
        return None
    if (
        not isinstance(span, list)
        or len(span) != 2
        or not all(map(_number, span))
        or span[0] > span[1]
    ):
        raise Invalid(
            "a span is two numbers, the least first",
            field=f"{where}.{name}",
            mend="write [least, most] in the unit of the datastream",
        )
    return float(span[0]), float(span[1])


def _positive(said: Mapping[str, Any], name: str, where: str) -> float:
    value: Any = said.get(name)
    if not _number(value) or not value > 0:
        raise Invalid("this is a number above zero", field=f"{where}.{name}", mend="write one")
    return float(value)


def _pair(said: Mapping[str, Any], where: str) -> tuple[float | None, float | None]:
    names = ("suspect_threshold", "fail_threshold")
    suspect, fail = (_positive(said, one, where) if one in said else None for one in names)
    if suspect is None and fail is None:
        raise Invalid(
            "a threshold is needed here",
            field=f"{where}.{names[0]}",
            mend="give suspect_threshold, fail_threshold or both",
        )
    return suspect, fail


def _flat(said: Mapping[str, Any], where: str) -> tuple[float, float | None, float | None]:
    tolerance = _positive(said, "tolerance", where)
    suspect, fail = _pair(said, where)
    if max(suspect or 0, fail or 0) > MOST_SECONDS:
        raise Invalid(
            "this looks back longer than {most} seconds",
            field=where,
            mend="give fewer seconds",
            most=MOST_SECONDS,
        )
    return tolerance, suspect, fail
