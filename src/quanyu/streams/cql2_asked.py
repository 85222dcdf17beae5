"""The rows of a restriction, in CQL2, as an expression over observations.

Where SQL has a third truth value a restriction does not give: negation is carried to the leaves,
and a leaf whose value is not there is not true.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson

from quanyu.kernel import Invalid
from quanyu.streams.asked import Asked, Call, Path, Shape
from quanyu.streams.entities import ANY_DATASTREAM
from quanyu.streams.expressions import Value
from quanyu.streams.times import instant

FIELDS: Mapping[str, Path] = MappingProxyType(
    {
        "thing": Path((ANY_DATASTREAM, "Thing", "@iot.id")),
        "thing_name": Path((ANY_DATASTREAM, "Thing", "name")),
        "datastream": Path((ANY_DATASTREAM, "@iot.id")),
        "datastream_name": Path((ANY_DATASTREAM, "name")),
        "observed_property": Path((ANY_DATASTREAM, "ObservedProperty", "name")),
        "sensor": Path((ANY_DATASTREAM, "Sensor", "name")),
        "unit": Path((ANY_DATASTREAM, "unitOfMeasurement", "symbol")),
        "phenomenon_time": Path(("phenomenonTime",)),
        "result_time": Path(("resultTime",)),
        "result": Path(("result",)),
        "result_quality": Path(("resultQuality",)),
        "geometry": Path(("FeatureOfInterest", "feature")),
    }
)
"""The fields of an observation that a restriction may name, and where they are."""

_COMPARED = {"=": "eq", "<>": "ne", "<": "lt", ">": "gt", "<=": "le", ">=": "ge"}
_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}
_SPATIAL = {
    "s_intersects": "st_intersects",
    "s_within": "st_within",
    "s_contains": "st_contains",
    "s_disjoint": "st_disjoint",
    "s_touches": "st_touches",
    "s_overlaps": "st_overlaps",
    "s_crosses": "st_crosses",
    "s_equals": "st_equals",
}
_APART = {"st_intersects": "st_disjoint", "st_disjoint": "st_intersects"}
_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod"}
_TEMPORAL = {"t_after": "gt", "t_before": "lt", "t_equals": "eq"}
_MOST_DEEP = 40


def asked_of(node: Any, *, negated: bool = False, deep: int = 0) -> Asked:
    """The expression of a CQL2-JSON filter, or of its negation.

    Raises :class:`Invalid` for what cannot be applied to a stream: then nothing is given.
    """
    if deep > _MOST_DEEP:
        raise _cannot("the filter is nested too deep")
    match node:
        case bool():
            return Value(node is not negated)
        case {"op": "and" | "or" as name, "args": list(args)}:
            turned = {"and": "or", "or": "and"}[name] if negated else name
            return Call(
                turned, tuple(asked_of(one, negated=negated, deep=deep + 1) for one in args)
            )
        case {"op": "not", "args": [one]}:
            return asked_of(one, negated=not negated, deep=deep + 1)
        case {"op": str(name), "args": list(args)}:
            return _leaf(name.lower(), args, negated)
        case _:
            raise _cannot("the filter holds something that is no condition")


def _leaf(name: str, args: list[Any], negated: bool) -> Asked:  # noqa: PLR0911 (a case each)
    if name in _COMPARED or name in _TEMPORAL:
        left, right = (_operand(one) for one in _two(args))
        operator = _COMPARED.get(name) or _TEMPORAL[name]
        return _strict(_OPPOSITE[operator] if negated else operator, left, right)
    if name == "between" and len(args) == 3:
        value, low, high = (_operand(one) for one in args)
        if negated:
            return Call("or", (_strict("lt", value, low), _strict("gt", value, high)))
        return Call("and", (_strict("ge", value, low), _strict("le", value, high)))
    if name == "in" and len(args) == 2 and isinstance(args[1], list) and args[1]:
        value = _operand(args[0])
        operator, joined = ("ne", "and") if negated else ("eq", "or")
        return Call(joined, tuple(_strict(operator, value, _operand(one)) for one in args[1]))
    if name == "isnull" and len(args) == 1:
        return Call("ne" if negated else "eq", (_operand(args[0]), Value(None)))
    if name == "like":
        value, pattern = (_operand(one) for one in _two(args))
        return _known(value, Call("like", (value, pattern)), negated)
    if name in _SPATIAL:
        return _spatial(_SPATIAL[name], _two(args), negated)
    raise _cannot("“{name}” is not known of streams", name=name[:40])


def _strict(operator: str, left: Asked, right: Asked) -> Asked:
    """A comparison that is not true where a value is not there."""
    made = Call(operator, (left, right))
    if operator != "ne":
        return made
    there = [Call("ne", (one, Value(None))) for one in (left, right) if isinstance(one, Path)]
    return Call("and", (*there, made)) if there else made


def _known(value: Asked, made: Call, negated: bool) -> Asked:
    if not negated:
        return made
    return Call("and", (Call("ne", (value, Value(None))), Call("not", (made,))))


def _spatial(name: str, args: list[Any], negated: bool) -> Asked:
    left, right = (_operand(one) for one in args)
    if negated:
        if name not in _APART:
            raise _cannot("the negation of this relation is not known of streams")
        name = _APART[name]
    return Call(name, (left, right))


def _operand(node: Any) -> Asked:  # noqa: PLR0911 (a case each)
    match node:
        case {"property": str(name)}:
            if name not in FIELDS:
                raise _cannot("a stream has no field “{name}”", name=name[:60])
            return FIELDS[name]
        case {"timestamp": str(text)}:
            return Value(instant(text, "restriction"))
        case {"date": str(text)}:
            return Value(datetime.fromisoformat(text).replace(tzinfo=UTC))
        case {"op": str(name), "args": [left, right]} if name in _ARITHMETIC:
            return Call(_ARITHMETIC[name], (_operand(left), _operand(right)))
        case {"bbox": [_, _, _, _] as box}:
            import shapely

            return Shape(shapely.to_wkt(shapely.box(*box), rounding_precision=-1))
        case {"type": str(), "coordinates": _} | {"type": str(), "geometries": _}:
            import shapely

            found = shapely.from_geojson(orjson.dumps(dict(node)))
            return Shape(shapely.to_wkt(found, rounding_precision=-1))
        case bool() | int() | float() | str():
            whole = isinstance(node, float) and node.is_integer() and abs(node) < 2**53
            return Value(int(node) if whole else node)
        case _:
            raise _cannot("the filter holds a value that is not known of streams")


def _two(args: list[Any]) -> list[Any]:
    if len(args) != 2:
        raise _cannot("the filter has an operator with another number of operands")
    return args


def _cannot(detail: str, **params: Any) -> Invalid:
    return Invalid(
        detail,
        field="restriction",
        mend="the holder has to change the policy; nothing is given out under this one",
        **params,
    )
