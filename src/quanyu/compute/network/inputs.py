"""What the analyses on networks have in common: the lines, how fast they are, which ways."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quanyu.compute.model import Features, Given, Holds, Input, Reference, Shape
from quanyu.kernel import Invalid, LocalText

_FORWARD = ("yes", "true", "1", "forward", "oneway", "ft", "是")
_BACKWARD = ("-1", "reverse", "backward", "tf")
_KMH = 3.6

NETWORK: Mapping[str, Input] = {
    "network": Input(
        title=LocalText(zh="路网", en="Network"),
        description=LocalText(
            zh="线的数据集；在共有的顶点处相接。",
            en="A collection of lines; they meet where they share a vertex.",
        ),
        holds=Holds.FEATURES,
        shapes=frozenset({Shape.LINE}),
    ),
    "speed": Input(
        title=LocalText(zh="速度", en="Speed"),
        description=LocalText(
            zh="公里每小时；步行约 5，骑行约 15。",
            en="Kilometres an hour; walking is about 5, cycling about 15.",
        ),
        schema={"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
        unit="km/h",
        default=5,
    ),
    "speed_property": Input(
        title=LocalText(zh="速度属性", en="Property with the speed"),
        description=LocalText(
            zh="路网中以公里每小时记速度的属性；缺值的线用上面的速度。",
            en="The property of the network that holds km/h; lines without one go at the speed "
            "above.",
        ),
        schema={"type": "string", "maxLength": 100},
        optional=True,
    ),
    "oneway_property": Input(
        title=LocalText(zh="单行属性", en="Property with one-way"),
        description=LocalText(
            zh="yes、true、1 只能沿线的方向走；-1、reverse 只能逆着走；其余双向。",
            en="yes, true, 1: along the line only; -1, reverse: against it only; else both ways.",
        ),
        schema={"type": "string", "maxLength": 100},
        optional=True,
    ),
    "snap": Input(
        title=LocalText(zh="捕捉距离", en="Snap"),
        description=LocalText(
            zh="点到最近的线最多多少米。", en="Metres that a point may be off the nearest line."
        ),
        schema={"type": "number", "exclusiveMinimum": 0, "maximum": 10_000},
        unit="m",
        default=200,
    ),
}
"""Inputs that every analysis on a network has."""

REFERENCES = (
    Reference(
        "Dijkstra, E. W.: A note on two problems in connexion with graphs. Numerische Mathematik "
        "1, 1959, 269–271",
        "https://doi.org/10.1007/BF01386390",
    ),
    Reference(
        "Karney, C. F. F.: Algorithms for geodesics. Journal of Geodesy 87, 2013, 43–55",
        "https://doi.org/10.1007/s00190-012-0578-z",
    ),
)


def speeds(given: Given) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Metres a second along and against each feature of the network, 0 where that is not allowed.

    Raises :class:`Invalid` for a property that the network has not, as far as the caller sees it.
    """
    network: Features = given["network"]
    along = np.full(len(network), float(given["speed"]))
    if given["speed_property"] is not None:
        said = _numbers(_column(network, given["speed_property"], "speed_property"))
        along = np.where(said > 0, said, along)
    forward, backward = along / _KMH, along / _KMH
    if given["oneway_property"] is not None:
        says = _words(_column(network, given["oneway_property"], "oneway_property"))
        forward = np.where(np.isin(says, _BACKWARD), 0.0, forward)
        backward = np.where(np.isin(says, _FORWARD), 0.0, backward)
    return forward, backward


def _column(network: Features, name: str, field: str) -> Any:
    if name not in network.table.column_names:
        raise Invalid(
            "the network has no property “{name}” that may be seen",
            field=field,
            mend="use one of: {names}",
            name=name,
            names=", ".join(one for one in network.table.column_names if one != "fid"),
        )
    return network.table.column(name).combine_chunks()


def _numbers(column: Any) -> NDArray[np.float64]:
    """Numbers, also those in text; NaN for the rest."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        text = pc.utf8_trim_whitespace(column)
        sound = pc.match_substring_regex(text, r"^\d{1,4}(\.\d+)?$")
        column = pc.if_else(sound, text, None)
    elif not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise Invalid(
            "this property holds no numbers",
            field="speed_property",
            mend="name one with kilometres an hour",
        )
    found: NDArray[np.float64] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _words(column: Any) -> NDArray[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.string())))
    return np.asarray(pc.fill_null(text, "").to_numpy(zero_copy_only=False)).astype(str)
