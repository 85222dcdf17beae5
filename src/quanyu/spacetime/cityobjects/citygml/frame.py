"""Places of a file as whole numbers: the system that it names, and the transform it is given."""

import re

from pyproj import CRS
from pyproj.exceptions import CRSError

from quanyu.spacetime.cityobjects.citygml.geometry import Place
from quanyu.spacetime.cityobjects.model import Json

_CODES = re.compile(r"(?:EPSG|epsg)(?:/[\d.]*/|:[\d.]*:|:|\.xml#)(\d+)")
_DEGREE = 1e-8  # a millimetre
_METRE = 1e-3


def system_of(said: str | None) -> str | None:
    """The system that a ``srsName`` means: ``EPSG:3068+5783``, or the text as it is."""
    if not said:
        return None
    codes = _CODES.findall(said)
    return "EPSG:" + "+".join(codes) if codes else said


class Frame:
    """Millimetres from a corner near the first place; latitude and longitude are exchanged."""

    def __init__(self, system: str | None) -> None:
        try:
            crs = CRS.from_user_input(system) if system else None
        except CRSError:  # said when the model is placed, with the way to mend it
            crs = None
        flat = crs.sub_crs_list[0] if crs is not None and crs.is_compound else crs
        degrees = flat is not None and flat.is_geographic
        self._swap = degrees and flat is not None and flat.axis_info[0].direction == "north"
        step = _DEGREE if degrees else _METRE
        self._scale = (step, step, _METRE)
        self._corner: tuple[float, float, float] | None = None

    def whole(self, place: Place) -> tuple[int, int, int]:
        """A place as numbers of the transform."""
        x, y, z = place
        if self._swap:
            x, y = y, x
        if self._corner is None:
            self._corner = (float(int(x)), float(int(y)), float(int(z)))
        a, b, c = self._corner
        s, t, u = self._scale
        return round((x - a) / s), round((y - b) / t), round((z - c) / u)

    @property
    def transform(self) -> Json:
        """The member of that name."""
        return {"scale": list(self._scale), "translate": list(self._corner or (0.0, 0.0, 0.0))}
