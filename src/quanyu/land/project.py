"""A proposed project out of plain values, each checked with its name."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from quanyu.kernel import Invalid
from quanyu.land.class_table import land_class, scheme_of
from quanyu.land.intake import read_geometry
from quanyu.land.model import Project, Scheme

_LONGEST = 200
NUMBERS: dict[str, float] = {
    "height_m": 2_000,
    "floor_area_m2": 1e9,
    "footprint_m2": 1e8,
    "green_area_m2": 1e8,
    "buffer_m": 5_000,
}
"""Numbers of a project and the most that each may be."""


def project_of(values: Mapping[str, Any], geometry: bytes | str) -> Project:
    """The project that ``values`` describe (``name``, ``use``, ``scheme``, ``crs`` and
    :data:`NUMBERS`) on ``geometry``, as :func:`read_geometry` takes it.

    Raises :class:`Invalid` naming the value and the mend, and as :func:`read_geometry`.
    """
    numbers = {name: _number(values.get(name), name, most) for name, most in NUMBERS.items()}
    scheme = scheme_of(str(values.get("scheme") or Scheme.GBT21010))
    use = str(values.get("use") or "")
    if not use.strip():
        raise Invalid(
            "the proposed use is missing",
            field="use",
            mend="take a code of two or four digits from /land/classes",
        )
    shape, crs = read_geometry(geometry, _text(values.get("crs"), "crs") or None)
    return Project(
        name=_text(values.get("name"), "name"),
        geometry=shape,
        crs=crs,
        use=land_class(use, scheme),
        height_m=numbers["height_m"],
        floor_area_m2=numbers["floor_area_m2"],
        footprint_m2=numbers["footprint_m2"],
        green_area_m2=numbers["green_area_m2"],
        buffer_m=numbers["buffer_m"] or 0.0,
    )


def _text(value: Any, field: str) -> str:
    text = "" if value is None else str(value).strip()
    longest = _LONGEST if field == "name" else 20_000  # a CRS may be well-known text
    if len(text) > longest or any(not (one.isprintable() or one.isspace()) for one in text):
        raise Invalid(
            "this is longer than {most} characters, or holds characters that cannot be shown",
            field=field,
            mend="shorten it",
            most=longest,
        )
    return text


def _number(value: Any, field: str, most: float) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        if isinstance(value, bool):
            raise TypeError  # noqa: TRY301 - told of with the others below
        number = float(value)
    except (TypeError, ValueError) as error:
        raise Invalid(
            "this is no number", field=field, mend="give a number, such as 12.5"
        ) from error
    if not isfinite(number) or not 0 <= number <= most:
        raise Invalid(
            "this must be between 0 and {most}",
            field=field,
            mend="give a number within that",
            most=f"{most:g}",
        )
    return number
