"""CityJSON 1.0, 1.1 and 2.0, whole and as a sequence of features.

A whole file has to be held in memory; a sequence is read line by line, however long it is. Files of
1.0 and 1.1 are understood as the 2.0 that ``cjio upgrade`` makes of them.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from quanyu.kernel import Invalid, TooLarge
from quanyu.spacetime.cityobjects.families import families
from quanyu.spacetime.cityobjects.kinds import kinds_of
from quanyu.spacetime.cityobjects.model import GROUP, CityModel, Family, Json, Lost

_WHOLE = 1 << 30
_VERSIONS = ("1.0", "1.1", "2.0")
_EPSG = re.compile(r"EPSG(?:/[\w.]*/|::|:)(\d+)$")
_COMPOUND = re.compile(r"EPSG/\w+/(\d+)")
_PIECES = frozenset({"CityObjects", "vertices", "appearance", "id"})
_MILLIMETRE = [0.001, 0.001, 0.001]


def read_cityjson(path: Path, form: str) -> CityModel:
    """Open a model; raises ``Invalid`` when it is damaged, or of a version not read here."""
    try:
        return _read(path, form)
    except (AttributeError, KeyError, TypeError) as error:
        raise Invalid(
            "the members of the city model are not of the kinds that they have to be",
            field="source",
            mend="check it against the schemas of CityJSON",
        ) from error


def _read(path: Path, form: str) -> CityModel:
    first = _first(path, form)
    if str(first.get("version")) not in _VERSIONS:
        raise Invalid(
            "CityJSON {version} is not read here",
            field="source",
            mend="upgrade it to 2.0 (cjio upgrade)",
            version=first.get("version", "without a version"),
        )
    if form == "cityjson":
        return _whole(first)
    head = _head(first)
    old = first["version"] != "2.0"

    def lines() -> Iterator[Family | Lost]:
        return _sequence(path, old=old)

    return opened(head, lines)


def opened(head: Json, lines: Any, warnings: tuple[str, ...] = ()) -> CityModel:
    """A model of that head whose families ``lines()`` gives; reads them once."""
    _check_transform(head.get("transform"))
    kinds, count = kinds_of(lines())
    if count == 0:
        raise Invalid("the file holds no rows", field="source", mend="give a model with objects")
    return CityModel(head, lines, kinds, count, crs_of(head), warnings)


def _check_transform(given: Any) -> None:
    try:
        numbers = np.asarray([given["scale"], given["translate"]], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        numbers = np.zeros(0)
    if numbers.shape != (2, 3) or not np.isfinite(numbers).all() or not numbers[0].all():
        raise Invalid(
            "the transform of the city model is not three scales and three translations",
            field="source",
            mend="write it again (cjio upgrade)",
        )


def crs_of(head: Json) -> str | None:
    """The reference system that a model names."""
    given = (head.get("metadata") or {}).get("referenceSystem")
    if given and "crs-compound" in str(given):
        return "EPSG:" + "+".join(_COMPOUND.findall(str(given)))
    code = _EPSG.search(str(given)) if given else None
    return f"EPSG:{code[1]}" if code else given


def _whole(found: Json) -> CityModel:
    head = _head(found)
    objects = found.get("CityObjects")
    if not isinstance(objects, dict):
        raise Invalid("the file holds no rows", field="source", mend="give a model with objects")
    vertices = found.get("vertices") or []
    if "transform" not in found:  # CityJSON 1.0 may have plain coordinates
        head["transform"], vertices = quantised(vertices)
    objects = {key: _modern(thing) for key, thing in objects.items()}
    appearance = found.get("appearance") or {}

    def pieces() -> Iterator[Family | Lost]:
        return families(objects, vertices, appearance)

    return opened(head, pieces)


def quantised(vertices: Iterable[Any]) -> tuple[Json, list[list[int]]]:
    """Coordinates in metres as whole millimetres from a corner of theirs, and that transform."""
    try:
        found = np.asarray(list(vertices), dtype=np.float64).reshape(-1, 3)
    except ValueError as error:
        raise Invalid(
            "the vertices of the city model are not all three numbers",
            field="source",
            mend="write it again",
        ) from error
    corner = np.floor(found.min(axis=0)) if len(found) else np.zeros(3)
    whole = np.rint((found - corner) / 0.001).astype(np.int64)
    return {"scale": _MILLIMETRE, "translate": corner.tolist()}, whole.tolist()


def _modern(thing: Any) -> Any:
    """An object of an older version as one of 2.0: numbers of LoDs as text, addresses as lists."""
    if not isinstance(thing, dict):
        return thing
    address = thing.get("address")
    if isinstance(address, dict):
        thing = thing | {"address": [address]}
    if thing.get("type") == GROUP and "members" in thing:
        thing = thing | {"children": thing["members"]}
        del thing["members"]
    for geometry in thing.get("geometry") or ():
        if isinstance(geometry, dict) and isinstance(geometry.get("lod"), int | float):
            geometry["lod"] = f"{geometry['lod']:g}"
    return thing


def _head(found: Json) -> Json:
    kept = {name: value for name, value in found.items() if name not in _PIECES}
    defaults = {
        name: value
        for name, value in (found.get("appearance") or {}).items()
        if name.startswith("default")
    }
    if defaults:
        kept["appearance"] = defaults
    templates = kept.pop("geometry-templates", None)
    if templates:
        kept["geometry-templates"] = templates | {
            "appearance": {
                k: v for k, v in (found.get("appearance") or {}).items() if k not in defaults
            }
        }
    return kept


def _first(path: Path, form: str) -> Json:
    """The whole file, or the first line of a sequence."""
    if form == "cityjson" and path.stat().st_size > _WHOLE:
        raise TooLarge(
            "a city model of more than {limit} bytes is not read whole",
            field="source",
            mend="make it a CityJSONSeq (cjseq cat), which is read as a stream",
            limit=_WHOLE,
        )
    with path.open("rb") as source:
        data = source.read() if form == "cityjson" else source.readline()
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid(
            "the city model is damaged or cut off in line {line}: {why}",
            field="source",
            mend="fetch or write it again",
            line=1 + data.count(b"\n", 0, error.pos),
            why=error.msg,
        ) from error
    if not isinstance(found, dict) or not str(found.get("type", "")).startswith("CityJSON"):
        raise Invalid("this is no CityJSON", field="source", mend="give the format")
    return found


def _sequence(path: Path, *, old: bool) -> Iterator[Family | Lost]:
    with path.open("rb") as source:
        for number, line in enumerate(source, start=1):
            if not line.strip():
                continue
            try:
                found = orjson.loads(line)
                objects = dict(found.get("CityObjects") or {})
                if old:
                    objects = {key: _modern(thing) for key, thing in objects.items()}
            except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError) as error:
                why = error.msg if isinstance(error, orjson.JSONDecodeError) else "no feature"
                raw = line[:2000].decode("utf-8", "replace")
                yield Lost(number, f"the line is damaged or cut off: {why}", raw)
                continue
            if objects:
                appearance = found.get("appearance") or {}
                yield from families(objects, found.get("vertices") or [], appearance, number)
