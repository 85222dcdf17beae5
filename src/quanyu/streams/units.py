"""Units of measurement as UCUM codes (Unified Code for Units of Measure)."""

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from quanyu.kernel import Invalid

if TYPE_CHECKING:
    from lark import Lark

PREFIX = "ucum:"
_LONGEST = 100
_PART = re.compile(r"[A-Za-z]+[0-9]?|\[[A-Za-z_]+\]")
_PRINTED = {
    "Cel": "°C",
    "[degF]": "°F",
    "deg": "°",
    "Ohm": "Ω",
    "ug": "µg",
    "um": "µm",
    "us": "µs",
    "m2": "m²",
    "m3": "m³",
    "s2": "s²",
}


def unit_document(code: str) -> dict[str, str]:
    """A code of UCUM as a ``unitOfMeasurement`` (8.2.4 of SensorThings)."""
    return {"name": code, "symbol": code, "definition": f"{PREFIX}{code}"}


def check_unit(definition: str, where: str) -> None:
    """Raise ``Invalid`` (field ``where``) for what begins with ``ucum:`` and is no code of UCUM.

    Other definitions are addresses of other vocabularies, which are not looked at.
    """
    if not definition.startswith(PREFIX):
        return
    problem = _problem(definition.removeprefix(PREFIX))
    if problem is not None:
        raise Invalid(
            "“{code}” is no unit of UCUM: {why}",
            field=where,
            mend="write its case-sensitive code, such as ug/m3, Cel, hPa",
            code=definition.removeprefix(PREFIX)[:_LONGEST],
            why=problem,
        )


def printed_unit(symbol: str) -> str:
    """A symbol as it is printed: that of UCUM where a part is a code (``ug/m3`` is ``µg/m³``).

    UCUM 2.1, table of units, column "print symbol"; what is no such code stays as it is.
    """
    return _PART.sub(lambda found: _PRINTED.get(found[0], found[0]), symbol)


@lru_cache(maxsize=4096)
def _problem(code: str) -> str | None:
    from lark.exceptions import LarkError

    if not 0 < len(code) <= _LONGEST:
        return "it is empty or too long"
    try:
        _parser().parse(code)
    except LarkError as error:
        return str(error).splitlines()[0][:160]
    return None


@cache
def _parser() -> "Lark":
    from ucumvert import get_ucum_parser

    parser: Lark = get_ucum_parser()
    return parser


@lru_cache(maxsize=4096)
def conversion(of: str, to: str) -> tuple[float, float] | None:
    """How values in one unit become those in another: a factor, and what is added (``Cel`` to ``K``
    is 1 and 273.15); ``None`` where UCUM does not say so, or it is not by a straight line."""
    if of == to:
        return 1.0, 0.0
    if not of or not to or _problem(of) is not None or _problem(to) is not None:
        return None
    from lark.exceptions import LarkError
    from pint import PintError

    try:
        one, other = (_registry().from_ucum(code) for code in (of, to))
        scale = one.magnitude / other.magnitude
        at = [_registry().Quantity(x, one.units).to(other.units).magnitude for x in (0.0, 1.0, 2.0)]
    except (LarkError, PintError, ArithmeticError, ValueError):
        return None
    straight = abs(at[2] - 2 * at[1] + at[0]) <= 1e-9 * max(abs(at[2]), 1.0)
    if not straight or (scale != 1 and at[0]):
        return None
    return (at[1] - at[0]) * scale, at[0]


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()
