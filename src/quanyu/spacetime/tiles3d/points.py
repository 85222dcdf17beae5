"""Points of a cloud: where they are, and their colours."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from quanyu.spacetime.engine import identifier
from quanyu.spacetime.model import Field, FieldType
from quanyu.spacetime.tiles3d.earth import Floats, geocentric

if TYPE_CHECKING:
    import pyarrow as pa

_RGB = ("red", "green", "blue")
_CLASS = "classification"
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_CLASSES = {2: "#a08663", 3: "#8fbf6f", 4: "#5f9e4a", 5: "#3d7a33", 6: "#c0573f", 7: "#e0408a",
            9: "#4f90cc", 10: "#7c6f86", 11: "#7d8085", 14: "#d8a13a", 15: "#b07f2e",
            17: "#9a8fb5", 18: "#e0408a"}  # fmt: skip
"""Colours of classes of LAS 1.4 (ASPRS), table 17."""
_UNCLASSED = "#c9c4ba"


def colour_sql(fields: Sequence[Field]) -> str:
    """SQL of what colours follow from, before a comma; empty where nothing is."""
    known = {f.name for f in fields if f.type in _NUMBERS}
    if known.issuperset(_RGB):
        return "".join(
            f", CAST({identifier(name)} AS DOUBLE) AS c{number}" for number, name in enumerate(_RGB)
        )
    return f", CAST({_CLASS} AS DOUBLE) AS c0" if _CLASS in known else ""


def places(wkb: Any) -> Floats:
    """Geocentric metres of points in CRS84h."""
    xyz = shapely.get_coordinates(shapely.from_wkb(wkb), include_z=True)
    return geocentric(xyz[:, 0], xyz[:, 1], np.nan_to_num(xyz[:, 2]))


def colours(batch: "pa.Table") -> NDArray[np.uint8] | None:
    """Colours (n × 4, sRGB) of rows with the columns of :func:`colour_sql`.

    Values above 255 are taken for 16 bits, as LAS has them.
    """
    names = [name for name in ("c0", "c1", "c2") if name in batch.column_names]
    if not names:
        return None
    values = np.nan_to_num(
        np.column_stack([batch.column(name).to_numpy().astype(np.float64) for name in names])
    )
    made = np.full((len(values), 4), 255, np.uint8)
    if len(names) == 1:
        made[:, :3] = _palette()[np.clip(values[:, 0], 0, 255).astype(np.int64)]
    else:
        wide = 257.0 if len(values) and values.max() > 255 else 1.0
        made[:, :3] = np.clip(values / wide, 0, 255).round()
    return made


def _palette() -> NDArray[np.uint8]:
    made = [_CLASSES.get(number, _UNCLASSED) for number in range(256)]
    return np.array([[int(c[at : at + 2], 16) for at in (1, 3, 5)] for c in made], np.uint8)
