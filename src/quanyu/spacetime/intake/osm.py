"""OpenStreetMap extracts, one theme at a time, through libosmium.

An extract is cut along an edge, so some of its ways lack nodes and some of its multipolygons lack
members. Whatever carries a theme's tags and gives no geometry is rejected with the reason.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import pyarrow as pa
import shapely

from quanyu.kernel import Invalid
from quanyu.spacetime.intake.model import Chunk, IngestOptions, Reading, Sieve
from quanyu.spacetime.model import Reject

_ROWS = 20_000
_NUMBER = re.compile(
    r"\s*([+-]?\d+(?:[.,]\d+)?)\s*(m|metres?|meters?|ft|feet|'|km/h|mph)?\s*", re.IGNORECASE
)
_UNITS = {"ft": 0.3048, "feet": 0.3048, "'": 0.3048, "mph": 1.609344}
_AREAS_ONLY = ("a",)
_TRUE = {"yes": True, "1": True, "true": True, "-1": True, "no": False, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class Theme:
    """What is taken out of an extract: which tags, which kinds of object, which columns.

    ``kinds`` are of ``n`` node, ``w`` way as a line, ``a`` area. ``point`` makes areas points.
    ``only`` names the values of a key that are meant, where they are not all.
    """

    keys: tuple[str, ...]
    kinds: tuple[str, ...]
    columns: dict[str, tuple[pa.DataType, str]]
    point: bool = False
    only: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def key_of(self, tags: Any) -> str:
        """The key by which something is of this theme; empty for what is not."""
        for key in self.keys:
            value = tags.get(key, "no")
            if value != "no" and (key not in self.only or value in self.only[key]):
                return key
        return ""


def _named(**more: tuple[pa.DataType, str]) -> dict[str, tuple[pa.DataType, str]]:
    text = pa.string()
    return {
        "name": (text, "name"),
        "name_zh": (text, "name:zh"),
        "name_en": (text, "name:en"),
        **more,
    }


_ADDRESS = {
    "street": (pa.string(), "addr:street"),
    "house_number": (pa.string(), "addr:housenumber"),
}
THEMES: dict[str, Theme] = {
    "buildings": Theme(
        keys=("building",),
        kinds=_AREAS_ONLY,
        columns=_named(
            building=(pa.string(), "building"),
            height=(pa.float64(), "height"),
            levels=(pa.float64(), "building:levels"),
            min_height=(pa.float64(), "min_height"),
            roof_shape=(pa.string(), "roof:shape"),
            start_date=(pa.string(), "start_date"),
            **_ADDRESS,
        ),
    ),
    "streets": Theme(
        keys=("highway",),
        kinds=("w",),
        columns=_named(
            highway=(pa.string(), "highway"),
            surface=(pa.string(), "surface"),
            lanes=(pa.float64(), "lanes"),
            maxspeed=(pa.float64(), "maxspeed"),
            oneway=(pa.bool_(), "oneway"),
            bridge=(pa.bool_(), "bridge"),
            tunnel=(pa.bool_(), "tunnel"),
        ),
    ),
    "services": Theme(
        keys=("shop", "amenity", "office", "craft", "healthcare", "tourism"),
        kinds=("n", "a"),
        point=True,
        columns=_named(
            group=(pa.string(), "*key"),
            kind=(pa.string(), "*value"),
            brand=(pa.string(), "brand"),
            opening_hours=(pa.string(), "opening_hours"),
            wheelchair=(pa.string(), "wheelchair"),
            website=(pa.string(), "website"),
            **_ADDRESS,
        ),
    ),
    "landuse": Theme(
        keys=("landuse", "natural", "leisure"),
        kinds=_AREAS_ONLY,
        columns=_named(group=(pa.string(), "*key"), kind=(pa.string(), "*value")),
    ),
    "facilities": Theme(
        keys=("highway", "manhole", "man_made", "amenity", "emergency"),
        kinds=("n", "a"),
        point=True,
        columns=_named(
            group=(pa.string(), "*key"),
            kind=(pa.string(), "*value"),
            operator=(pa.string(), "operator"),
            start_date=(pa.string(), "start_date"),
        ),
        only={
            "highway": ("street_lamp",),
            "man_made": ("bridge", "mast", "monitoring_station", "street_cabinet"),
            "amenity": ("bench", "drinking_water", "fountain", "recycling", "waste_basket"),
            "emergency": ("fire_hydrant",),
        },
    ),
    "pipelines": Theme(
        keys=("man_made",),
        kinds=("w",),
        columns=_named(
            carries=(pa.string(), "type"),
            location=(pa.string(), "location"),
            diameter=(pa.float64(), "diameter"),
            operator=(pa.string(), "operator"),
        ),
        only={"man_made": ("pipeline",)},
    ),
}
"""Themes of an extract, each of which becomes a dataset of its own."""


def read_osm(path: Path, options: IngestOptions) -> Reading:
    """Open the theme ``options.layer`` of a PBF or XML extract; raises ``Invalid``."""
    theme = THEMES.get(options.layer or "")
    if theme is None:
        raise Invalid(
            "an OpenStreetMap extract holds several themes",
            field="layer",
            mend="name one of: {layers}",
            layers=", ".join(THEMES),
        )
    schema = pa.schema(
        [pa.field("osm_id", pa.string()), *(pa.field(n, t) for n, (t, _) in theme.columns.items())]
    )

    def chunks() -> Iterator[Chunk]:
        rows = _Rows(schema)
        try:
            for taken in _objects(path, theme, rows):
                if taken >= _ROWS:
                    yield rows.chunk()
        except RuntimeError as error:
            raise Invalid(
                "the extract is damaged or cut off: {why}",
                field="source",
                mend="fetch it again",
                why=str(error)[:200],
            ) from error
        yield rows.chunk()

    return Reading(
        format="osm",
        schema=schema,
        chunks=chunks,
        geometry_from=("osm",),
        crs="OGC:CRS84",
        encoding="utf-8",
        layers=tuple(THEMES),
        layer=options.layer,
    )


class _Rows:
    """Rows gathered until there are enough for a chunk."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._clear()

    def _clear(self) -> None:
        self._columns: list[list[Any]] = [[] for _ in self._schema]
        self._wkb: list[str] = []
        self._lines: list[int] = []
        self._lost: list[Reject] = []

    def add(self, line: int, values: list[Any], wkb: str) -> int:
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)
        self._wkb.append(wkb)
        self._lines.append(line)
        return len(self._lines)

    def lose(self, line: int, reason: str, raw: str) -> None:
        self._lost.append(Reject(line, reason, raw))

    def chunk(self) -> Chunk:
        batch = pa.RecordBatch.from_arrays(
            [pa.array(c, type=f.type) for c, f in zip(self._columns, self._schema, strict=True)],
            schema=self._schema,
        )
        geometry = np.asarray(shapely.from_wkb(self._wkb), dtype=object).reshape(len(self._wkb))
        lines = np.asarray(self._lines, dtype=np.int64)
        made = Chunk(batch, geometry, lines, Sieve(len(lines)), lost=tuple(self._lost))
        self._clear()
        return made


def _objects(path: Path, theme: Theme, rows: _Rows) -> Iterator[int]:
    """Put what has the theme's tags into ``rows``; yields how many are gathered."""
    wanted = osmium.filter.KeyFilter(*theme.keys)
    processor = osmium.FileProcessor(str(path)).with_locations()
    if "a" in theme.kinds:
        processor = processor.with_areas(osmium.filter.KeyFilter(*theme.keys))
    write = osmium.geom.WKBFactory()
    owing: dict[tuple[str, int], tuple[int, str, str]] = {}
    line = 0
    for thing in processor.with_filter(wanted):
        kind = thing.type_str()
        if not theme.key_of(thing.tags):
            continue
        if kind in {"w", "r"} and "a" in theme.kinds and not _plain_line(thing, theme):
            line += 1
            owing[kind, thing.id] = (line, _why_not(thing, kind), _said(thing, kind))
            continue
        if kind not in theme.kinds:
            continue
        line += 1
        source, number = kind, thing.id
        at = line
        if isinstance(thing, osmium.osm.Area):
            source, number = ("w" if thing.from_way() else "r"), thing.orig_id()
            at = owing.pop((source, number), (line, "", ""))[0]
        values = [f"{_LONG[source]}/{number}", *(_values(thing.tags, theme))]
        try:
            wkb = _wkb(write, thing, kind)
        except (RuntimeError, osmium.InvalidLocationError) as error:
            reason = _why_not(thing, source) if kind == "w" else f"the geometry is broken: {error}"
            rows.lose(at, reason, _said(thing, source))
            continue
        yield rows.add(at, values, _pointed(wkb) if theme.point and kind == "a" else wkb)
    for at, reason, raw in owing.values():
        rows.lose(at, reason, raw)


_LONG = {"n": "node", "w": "way", "r": "relation"}


def _plain_line(thing: Any, theme: Theme) -> bool:
    """Whether a way is meant as a line, so that it owes no area."""
    return thing.type_str() == "w" and "w" in theme.kinds


def _wkb(write: Any, thing: Any, kind: str) -> str:
    make: Callable[[Any], str] = {
        "n": write.create_point,
        "w": write.create_linestring,
        "a": write.create_multipolygon,
    }[kind]
    return make(thing)


def _pointed(wkb: str) -> str:
    inside = shapely.point_on_surface(shapely.from_wkb(wkb))
    return str(shapely.to_wkb(inside, hex=True))


def _why_not(thing: Any, kind: str) -> str:
    if kind == "r":
        return "the multipolygon lacks members in this extract, or its rings do not close"
    missing = sum(not node.location.valid() for node in thing.nodes)
    if missing:
        return f"{missing} of {len(thing.nodes)} nodes of the way are not in this extract"
    return "the way is no closed ring" if not thing.is_closed() else "the ring cannot be assembled"


def _said(thing: Any, kind: str) -> str:
    number = thing.orig_id() if thing.type_str() == "a" else thing.id
    return f"{_LONG[kind]}/{number} " + " ".join(f"{t.k}={t.v}" for t in thing.tags)


def _values(tags: Any, theme: Theme) -> Iterator[Any]:
    key = theme.key_of(tags)
    for kind, tag in theme.columns.values():
        if tag == "*key":
            yield key
        elif tag == "*value":
            yield tags.get(key)
        else:
            yield _value(tags.get(tag), kind)


def _value(text: str | None, kind: pa.DataType) -> Any:
    """A tag's value in its type; metres for feet, and nothing for what says no such thing."""
    if text is None or kind == pa.string():
        return text
    if kind == pa.bool_():
        return _TRUE.get(text, True)  # bridge=viaduct is a bridge
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    return float(found[1].replace(",", ".")) * _UNITS.get((found[2] or "").lower(), 1.0)
