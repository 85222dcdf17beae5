"""Where a project lies: GeoJSON, WKT or a file, in any reference system, checked before use."""

import io
import re
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid, TooLarge
from quanyu.land.plane import Plane
from quanyu.spacetime import source_crs

MOST_BYTES = 8 << 20
MOST_VERTICES = 100_000
MOST_AREA_M2 = 1e8
_MEND = "give GeoJSON, WKT, a GeoPackage, or a shapefile in a ZIP"
_MOST_FEATURES = 1_000
_LEAST_AREA_M2 = 0.01
_MARGIN = 1.0  # degrees outside of a system's area of use that are still taken
DECIMALS = 9
"""Of degrees in a project, a tenth of a millimetre: so much of it is in its report, and no more."""
_NATIVE = "OGC:CRS84"
_EWKT = re.compile(r"SRID=(\d{4,6});", re.IGNORECASE)
_SHAPEFILE = {".shp", ".shx", ".dbf", ".prj", ".cpg"}
_NESTED = 100


def read_geometry(data: bytes | str, crs: str | None = None) -> tuple[Any, str]:
    """The polygonal geometry in ``data``, in CRS84, and the name of the system it came in.

    ``data`` is GeoJSON (a geometry, feature or collection of them), WKT or EWKT, a GeoPackage, or a
    shapefile in a ZIP. ``crs`` goes before what the data say of themselves; without either they
    are CRS84. Raises :class:`Invalid` on ``geometry`` or ``crs``, :class:`TooLarge`.
    """
    if len(data) > MOST_BYTES:
        raise TooLarge(
            "a project's geometry is at most {most} bytes", field="geometry", most=MOST_BYTES
        )
    shapes, said = _shapes(data)
    name = crs.strip() if crs and crs.strip() else said or _NATIVE
    geometry = _joined(shapes)
    moved, used = _to_crs84(geometry, name)
    return _sound(shapely.transform(moved, lambda points: points.round(DECIMALS))), used


def _shapes(data: bytes | str) -> tuple[list[Any], str | None]:
    if isinstance(data, bytes):
        if data.startswith(b"SQLite format 3\0"):
            return _from_file(data, "project.gpkg")
        if data.startswith(b"PK\x03\x04"):
            return _from_zip(data)
        try:
            data = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise _unreadable(
                Invalid("the geometry cannot be read: it is neither text nor a known kind of file")
            ) from error
    text = data.strip()
    if not text:
        raise Invalid(
            "there is no geometry",
            field="geometry",
            mend="give GeoJSON, WKT, a GeoPackage, or a shapefile in a ZIP",
        )
    return _from_geojson(text) if text.startswith("{") else _from_wkt(text)


def _from_geojson(text: str) -> tuple[list[Any], str | None]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _unreadable(Invalid("the geometry cannot be read: it is no JSON")) from error
    said: str | None = None
    match document.get("crs"):
        case {"properties": {"name": str(named)}}:  # GeoJSON 2008, which desktop programs write
            said = named
    members: Any = [document]
    if document.get("type") == "FeatureCollection":
        members = document.get("features", [])
    if not isinstance(members, list) or len(members) > _MOST_FEATURES:
        raise _unreadable(
            Invalid("the geometry cannot be read: it has no features, or more than a thousand")
        )
    shapes = []
    for one in members:
        inner = one.get("geometry") if isinstance(one, dict) and "geometry" in one else one
        if not isinstance(inner, dict) or "type" not in inner:
            raise _unreadable(Invalid("the geometry cannot be read: a feature has no geometry"))
        try:
            shapes.append(shapely.from_geojson(orjson.dumps(inner)))
        except shapely.errors.GEOSException as error:
            raise _unreadable(
                Invalid("the geometry cannot be read: its coordinates are no geometry")
            ) from error
    return shapes, said


def _from_wkt(text: str) -> tuple[list[Any], str | None]:
    said = None
    if found := _EWKT.match(text):
        said, text = f"EPSG:{found[1]}", text[found.end() :]
    if text.count("(") > MOST_VERTICES or _depth(text) > _NESTED:
        raise _unreadable(Invalid("the geometry cannot be read: it is nested too deep"))
    try:
        with np.errstate(invalid="ignore"):  # numbers that are none are told of later
            return [shapely.from_wkt(text)], said
    except (shapely.errors.GEOSException, ValueError) as error:
        raise _unreadable(
            Invalid("the geometry cannot be read: it is neither GeoJSON nor WKT")
        ) from error


def _depth(text: str) -> int:
    deepest = depth = 0
    for sign in re.findall(r"[()]", text[:10_000]):
        depth += 1 if sign == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _from_zip(data: bytes) -> tuple[list[Any], str | None]:
    """A shapefile: its own parts alone are unpacked, under names of ours."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [
                one
                for one in archive.infolist()
                if PurePosixPath(one.filename).suffix.lower() in _SHAPEFILE
            ]
            shapefiles = [p for p in parts if p.filename.lower().endswith(".shp")]
            if len(shapefiles) != 1:
                raise _unreadable(
                    Invalid("the geometry cannot be read: the ZIP must hold one shapefile")
                )
            if sum(one.file_size for one in parts) > 8 * MOST_BYTES:
                raise TooLarge(
                    "a project's geometry is at most {most} bytes",
                    field="geometry",
                    most=8 * MOST_BYTES,
                )
            stem = PurePosixPath(shapefiles[0].filename).with_suffix("")
            with TemporaryDirectory() as folder:
                for one in parts:
                    name = PurePosixPath(one.filename)
                    if name.with_suffix("") == stem:
                        target = Path(folder) / f"project{name.suffix.lower()}"
                        target.write_bytes(archive.read(one))
                return _read(Path(folder) / "project.shp")
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise _unreadable(Invalid("the geometry cannot be read: the ZIP is damaged")) from error


def _from_file(data: bytes, name: str) -> tuple[list[Any], str | None]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return _read(path)


def _read(path: Path) -> tuple[list[Any], str | None]:
    import pyogrio.errors as gdal
    from pyogrio.raw import read

    wrong = (gdal.DataSourceError, gdal.DataLayerError, gdal.FeatureError, gdal.GeometryError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what GDAL finds odd is no matter of the caller's
            meta, _, wkb, _ = read(path, columns=[], max_features=_MOST_FEATURES + 1)
            shapes = list(shapely.from_wkb(wkb)) if wkb is not None else []
    except (*wrong, shapely.errors.GEOSException, OSError, RuntimeError, ValueError) as error:
        raise _unreadable(
            Invalid("the geometry cannot be read: the file is damaged, or not what its name says")
        ) from error
    if not shapes or len(shapes) > _MOST_FEATURES:
        raise _unreadable(
            Invalid("the geometry cannot be read: it has no features, or more than a thousand")
        )
    return shapes, meta["crs"]


def _joined(shapes: Sequence[Any]) -> Any:
    """One polygonal geometry of several; what is invalid is said, not mended."""
    array = np.array(shapes, dtype=object)
    if shapely.get_num_coordinates(array).sum() > MOST_VERTICES:
        raise TooLarge(
            "a project's geometry has at most {most} vertices",
            field="geometry",
            most=MOST_VERTICES,
        )
    polygons = [part for one in shapes for part in shapely.get_parts(one)]
    if not polygons or any(one.geom_type != "Polygon" or one.is_empty for one in polygons):
        raise Invalid(
            "a project is an area, and this is {kind}",
            field="geometry",
            mend="give a Polygon or MultiPolygon",
            kind=", ".join(sorted({one.geom_type for one in shapes if one is not None})) or "—",
        )
    if not np.isfinite(shapely.get_coordinates(array)).all():
        raise Invalid(
            "a coordinate is not a finite number",
            field="geometry",
            mend="give numbers, no NaN or infinity",
        )
    for part in polygons:
        _check_valid(part)
    flat = shapely.force_2d(np.array(polygons, dtype=object))
    return flat[0] if len(flat) == 1 else shapely.union_all(flat)


def _check_valid(geometry: Any) -> None:
    if not shapely.is_valid(geometry):
        raise Invalid(
            "the geometry is not valid: {why}",
            field="geometry",
            mend="mend the polygon where it crosses or repeats itself",
            why=shapely.is_valid_reason(geometry)[:200],
        )


def _to_crs84(geometry: Any, name: str) -> tuple[Any, str]:
    source = source_crs(name)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        if source.to_crs84 is None:
            return points
        return np.column_stack(source.to_crs84(points[:, 0], points[:, 1]))

    moved = shapely.transform(geometry, move)
    box = np.array(moved.bounds)
    west, south, east, north = source.area
    inside = (
        np.isfinite(box).all()
        and box[0] >= max(west - _MARGIN, -180)
        and box[1] >= max(south - _MARGIN, -90)
        and box[2] <= min(east + _MARGIN, 180)
        and box[3] <= min(north + _MARGIN, 90)
    )
    if not inside:
        raise Invalid(
            "these coordinates lie outside of where {crs} is used",
            field="crs",
            mend="name the reference system that the coordinates are in",
            crs=source.name[:80],
        )
    return moved, source.name


def _sound(geometry: Any) -> Any:
    _check_valid(geometry)
    width = geometry.bounds[2] - geometry.bounds[0]
    height = geometry.bounds[3] - geometry.bounds[1]
    area = float(Plane(geometry).area(geometry)[0]) if max(width, height) < 1 else np.inf
    if area > MOST_AREA_M2:
        raise Invalid(
            "a project of more than {most} km² is not checked as one",
            field="geometry",
            mend="check its parts one by one",
            most=MOST_AREA_M2 / 1e6,
        )
    if area < _LEAST_AREA_M2:
        raise Invalid("the geometry has no area", field="geometry", mend="give a larger polygon")
    return geometry


def _unreadable(error: Invalid) -> Invalid:
    error.field, error.mend = "geometry", _MEND
    return error
