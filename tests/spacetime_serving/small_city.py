"""A small made-up town: areas, posts (points) and a plain list, in Delta tables, and a store."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely
from deltalake import write_deltalake

from migrated import migrated
from quanyu.kernel import ControlStore
from quanyu.spacetime import (
    Field,
    FieldType,
    GeometryType,
    Store,
    Version,
    publish_version,
)

FIELDS = (
    Field("name", FieldType.STRING),
    Field("owner", FieldType.STRING),
    Field("value", FieldType.NUMBER),
    Field("floors", FieldType.INTEGER),
    Field("built", FieldType.DATE),
    Field("seen", FieldType.DATETIME),
    Field("open", FieldType.BOOLEAN),
    Field("tags", FieldType.JSON),
)
ARROW = {
    FieldType.STRING: pa.string(),
    FieldType.NUMBER: pa.float64(),
    FieldType.INTEGER: pa.int64(),
    FieldType.DATE: pa.date32(),
    FieldType.DATETIME: pa.timestamp("us", "UTC"),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.JSON: pa.string(),
}
START = datetime(2020, 1, 1, tzinfo=UTC)


def rows(count: int, seed: int) -> dict[str, list[object]]:
    """Properties of made-up features, with gaps."""
    random = np.random.default_rng(seed)

    def gaps(values: list[object]) -> list[object]:
        return [None if random.random() < 0.1 else value for value in values]

    starts = [START + timedelta(days=int(d)) for d in random.integers(0, 1000, count)]
    lasts = [
        s + timedelta(days=int(d))
        for s, d in zip(starts, random.integers(0, 300, count), strict=True)
    ]
    words = ["Straße", "Äpfel", "apfel", "Kauppa", "学校", "o'Neil", "100%", 'a"b']
    return {
        "fid": [f"f{k}" for k in range(count)],
        "name": gaps([f"{words[int(w)]} {k}" for k, w in enumerate(random.integers(0, 8, count))]),
        "owner": gaps([f"6222{int(v):012d}" for v in random.integers(0, 10**12, count)]),
        "value": gaps([round(float(v), 3) for v in random.normal(50, 30, count)]),
        "floors": gaps([int(v) for v in random.integers(-3, 40, count)]),
        "built": gaps(
            [date(1900, 1, 1) + timedelta(days=int(d)) for d in random.integers(0, 40000, count)]
        ),
        "seen": gaps([s + timedelta(minutes=7) for s in starts]),
        "open": gaps([bool(v) for v in random.integers(0, 2, count)]),
        "tags": gaps([f'["t{int(v)}","all"]' for v in random.integers(0, 4, count)]),
        "valid_from": gaps(list(starts)),
        "valid_to": gaps(list(lasts)),
    }


def table(data: dict[str, list[object]], shapes: np.ndarray | None) -> pa.Table:
    """The physical form of a table (Delta, WKB in CRS84, box columns)."""
    columns = {"fid": pa.array(data["fid"], pa.string())}
    columns |= {f.name: pa.array(data[f.name], ARROW[f.type]) for f in FIELDS}
    for name in ("valid_from", "valid_to"):
        columns[name] = pa.array(data[name], ARROW[FieldType.DATETIME])
    if shapes is not None:
        columns["geometry"] = pa.array(list(shapely.to_wkb(shapes)), pa.binary())
        bounds = shapely.bounds(shapes)
        for k, name in enumerate(("xmin", "ymin", "xmax", "ymax")):
            columns[name] = pa.array(bounds[:, k], from_pandas=True)
    return pa.table(columns)


def areas(count: int, seed: int) -> np.ndarray:
    """Turned rectangles around the middle of Helsinki; some with a hole, some missing."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        x, y = random.uniform(24.90, 25.00), random.uniform(60.15, 60.20)
        w, h = random.uniform(0.0005, 0.01), random.uniform(0.0003, 0.005)
        shape = shapely.box(x, y, x + w, y + h)
        if random.random() < 0.2:
            shape = shape.difference(shapely.box(x + w / 3, y + h / 3, x + w / 2, y + h / 2))
        angle = shapely.affinity.rotate(shape, random.uniform(0, 90))
        made.append(None if random.random() < 0.03 else angle)
    return np.array(made, dtype=object)


def points(count: int, seed: int) -> np.ndarray:
    """Points around the middle of Helsinki."""
    random = np.random.default_rng(seed)
    return shapely.points(random.uniform(24.90, 25.00, count), random.uniform(60.15, 60.20, count))


class Town:
    """The store, and what is truly in it."""

    def __init__(self, folder: Path, control: ControlStore | None = None) -> None:
        self.folder = folder
        self.control = control or migrated(folder / "control.sqlite")
        self.store = Store(self.control, str(folder / "tables"), folder / "cache", engine_threads=2)
        self.data: dict[str, dict[str, list[object]]] = {}
        self.shapes: dict[str, np.ndarray] = {}

    def publish(
        self, name: str, count: int, kind: GeometryType, shapes: np.ndarray | None, seed: int
    ) -> Version:
        """Write a table and make it the newest version of its dataset."""
        self.data[name] = rows(count, seed)
        written = table(self.data[name], shapes)
        path = self.folder / "tables" / name
        write_deltalake(str(path), written, mode="overwrite", schema_mode="overwrite")
        box = None
        if shapes is not None:
            self.shapes[name] = shapes
            box = tuple(float(v) for v in shapely.total_bounds(shapes))
        from deltalake import DeltaTable

        draft = Version(
            dataset=name,
            number=0,
            table=name,
            delta_version=DeltaTable(str(path)).version(),
            fields=FIELDS,
            geometry=kind,
            has_z=False,
            rows=count,
            rejects=0,
            bbox=box,
            interval=(None, None),
            source_crs=None,
            source="test",
            source_sha256=None,
            created_at=datetime.now(UTC),
        )
        with self.control.begin() as session:
            return publish_version(session, draft)

    def close(self) -> None:
        """Give everything back."""
        self.store.close()
        self.control.close()
