"""Band mathematics: an expression of band names, read into a tree of allowed operations.

Nothing of a caller is executed: the text is parsed, each node is looked up in the tables below, and
what is not there is refused. Values are of float64 and masked where a band has no data or where the
result is no number.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from quanyu.kernel import Invalid, one_parser
from quanyu.spacetime.imagery.model import PRESETS

Values = Any
"""A masked array of NumPy, or a number."""

RANGES: dict[str, tuple[float, float]] = dict.fromkeys(PRESETS, (-1.0, 1.0))
"""Where values of the indices lie, for drawing."""

_LONGEST = 300
_MOST_NODES = 100
_BINARY: dict[type, Callable[[Values, Values], Values]] = {
    ast.Add: np.ma.add,
    ast.Sub: np.ma.subtract,
    ast.Mult: np.ma.multiply,
    ast.Div: np.ma.true_divide,
    ast.Pow: np.ma.power,
}
_COMPARE: dict[type, Callable[[Values, Values], Values]] = {
    ast.Lt: np.ma.less,
    ast.LtE: np.ma.less_equal,
    ast.Gt: np.ma.greater,
    ast.GtE: np.ma.greater_equal,
    ast.Eq: np.ma.equal,
    ast.NotEq: np.ma.not_equal,
}
_CALLS: dict[str, tuple[int, Callable[..., Values]]] = {
    "abs": (1, np.ma.abs),
    "sqrt": (1, np.ma.sqrt),
    "log": (1, np.ma.log),
    "log10": (1, np.ma.log10),
    "exp": (1, np.ma.exp),
    "min": (2, np.ma.minimum),
    "max": (2, np.ma.maximum),
    "where": (3, np.ma.where),
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: what it says, the bands that it names, and its tree."""

    text: str
    bands: tuple[str, ...]
    tree: ast.expr

    def of(self, bands: Mapping[str, Values]) -> Values:
        """Its value over these bands, float64, masked where it is no finite number."""
        with np.errstate(all="ignore"):
            found = np.ma.asanyarray(_value(self.tree, bands), dtype=np.float64)
            return np.ma.masked_invalid(found, copy=False)


def expression(text: str, known: tuple[str, ...]) -> Expression:
    """Read an expression, or the name of a preset; ``known`` are the bands that may be named.

    Raises ``Invalid`` (field ``expression``): a band that may not be seen is told as one that is
    not there.
    """
    said = PRESETS.get(text.strip().lower(), text)
    if len(said) > _LONGEST:
        raise _wrong("the expression is longer than {most} characters", most=_LONGEST)
    try:
        with one_parser:
            tree = ast.parse(said.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _wrong("the expression cannot be read") from error
    nodes = list(ast.walk(tree))
    if len(nodes) > _MOST_NODES:
        raise _wrong("the expression has more than {most} parts", most=_MOST_NODES)
    named: dict[str, None] = {}
    _check(tree, known, named)
    if not named:
        raise _wrong("the expression names no band")
    return Expression(said, tuple(named), tree)


def _check(node: ast.expr, known: tuple[str, ...], named: dict[str, None]) -> None:
    match node:
        case ast.Constant(value=bool()) | ast.Constant(value=complex()):
            raise _wrong("“{part}” may not stand in an expression", part=ast.unparse(node)[:60])
        case ast.Constant(value=int() | float()):
            return
        case ast.Name(id=name):
            if name not in known:
                raise Invalid(
                    "there is no band “{name}”",
                    field="expression",
                    mend="bands are: {bands}",
                    name=name[:60],
                    bands=", ".join(known),
                )
            named[name] = None
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            _check(left, known, named)
            _check(right, known, named)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner):
            _check(inner, known, named)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            _check(left, known, named)
            _check(right, known, named)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _CALLS and _CALLS[
            name
        ][0] == len(args):
            for one in args:
                _check(one, known, named)
        case _:
            raise _wrong("“{part}” may not stand in an expression", part=ast.unparse(node)[:60])


def _value(node: ast.expr, bands: Mapping[str, Values]) -> Values:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return bands[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, bands), _value(right, bands))
        case ast.UnaryOp(op=op, operand=inner):
            value = _value(inner, bands)
            return -value if isinstance(op, ast.USub) else value
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _COMPARE[type(op)](_value(left, bands), _value(right, bands))
        case ast.Call(func=ast.Name(id=name), args=args):
            return _CALLS[name][1](*(_value(one, bands) for one in args))
    raise AssertionError(node)  # checked before


def _wrong(detail: str, **params: Any) -> Invalid:
    return Invalid(
        detail,
        field="expression",
        mend="use band names, numbers, + - * / **, comparisons and {calls}; or one of: {presets}",
        calls=", ".join(_CALLS),
        presets=", ".join(PRESETS),
        **params,
    )
