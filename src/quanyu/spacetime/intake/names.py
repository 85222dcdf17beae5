"""Names of columns: safe for the tables, and recognised when they mean place, time or identity."""

import re
from collections.abc import Iterable

from quanyu.spacetime.model import LOD_GEOMETRY, RESERVED, SCENE_ASSET

# Delta Lake allows these in no column name (protocol, “Column Mapping”).
_FORBIDDEN = re.compile(r"[ ,;{}()\n\t=\r\x00-\x1f]+")
_PLAIN = re.compile(r"[\s_\-./()（）°]+")

PLACES = (
    ("longitude", "latitude"), ("lon", "lat"), ("lng", "lat"), ("long", "lat"), ("经度", "纬度"),
    ("wgs84lon", "wgs84lat"), ("wgs84lng", "wgs84lat"), ("wgslon", "wgslat"), ("wgslng", "wgslat"),
    ("gcj02lon", "gcj02lat"), ("gcj02lng", "gcj02lat"), ("gcjlon", "gcjlat"), ("gcjlng", "gcjlat"),
    ("bd09lon", "bd09lat"), ("bd09lng", "bd09lat"), ("bdlon", "bdlat"), ("bdlng", "bdlat"),
    ("easting", "northing"), ("东坐标", "北坐标"), ("x坐标", "y坐标"), ("xcoord", "ycoord"),
    ("coordx", "coordy"), ("pointx", "pointy"), ("x", "y"),
)  # fmt: skip
"""Names that mean longitude (easting) and latitude (northing) together, the surest first."""

WELL_KNOWN_TEXT = ("wkt", "geometry", "geom", "thegeom", "shape", "wkbgeometry", "空间数据", "几何",
                   "几何数据")  # fmt: skip
IDENTITY = ("fid", "id", "osm_id", "gml_id", "objectid", "gid", "uuid", "编号", "编码", "标识码",
            "唯一标识")  # fmt: skip
INSTANT = ("time", "timestamp", "datetime", "date_time", "observed_at", "phenomenontime",
           "phenomenon_time", "event_time", "gps_time", "t", "date", "时间", "采集时间", "监测时间",
           "观测时间", "定位时间", "日期")  # fmt: skip


def plain(name: str) -> str:
    """``name`` without case, blanks and punctuation, for comparison with the lists above."""
    return _PLAIN.sub("", name).lower()


def first_of(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    """The name that means the earliest of ``wanted``, or ``None``."""
    by_plain: dict[str, str] = {}
    for name in names:
        by_plain.setdefault(plain(name), name)
    return next((by_plain[plain(word)] for word in wanted if plain(word) in by_plain), None)


def stored_names(names: Iterable[str]) -> list[str]:
    """A name for each column that the tables can hold.

    Reserved names get an underscore, characters that Delta forbids become one, and names that
    differ only in case (equal for the engines) are numbered.
    """
    taken: set[str] = set()
    stored = []
    for number, name in enumerate(names, start=1):
        wanted = _FORBIDDEN.sub("_", name.strip().lstrip("\ufeff")) or f"column_{number}"
        if wanted.lower() in {*RESERVED, LOD_GEOMETRY, SCENE_ASSET} or wanted.startswith("__"):
            wanted = wanted.lstrip("_") + "_"
        candidate, again = wanted, 2
        while candidate.lower() in taken:
            candidate, again = f"{wanted}_{again}", again + 1
        taken.add(candidate.lower())
        stored.append(candidate)
    return stored
