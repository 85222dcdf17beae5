"""Rows of a view as members of families, in the order in which they are written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

import orjson
import shapely

from quanyu.spacetime.answer import Answer
from quanyu.spacetime.cityobjects.heights import STOREY_M, height_field, storeys_field
from quanyu.spacetime.cityobjects.lod1 import Number, block, flat
from quanyu.spacetime.cityobjects.model import ADDRESS, GENERIC, GROUP, PARENTS, TYPE, Json
from quanyu.spacetime.cityobjects.scene import Scene
from quanyu.spacetime.engine import identifier, own
from quanyu.spacetime.model import FID, GEOMETRY, HEIGHTS, LOD_GEOMETRY, Field, FieldType
from quanyu.spacetime.questions import ORDINAL

_ROWS = 512


@dataclass(frozen=True, slots=True)
class Member:
    """An object of a family. ``document`` is its stored piece, ``None`` where that is hidden.

    ``groups`` are those of its parents that are groups; ``shape`` is its footprint on whole numbers
    of the transform, ``low`` and ``height`` are in metres.
    """

    fid: str
    kind: str
    attributes: Json
    address: Any
    parents: tuple[str, ...]
    groups: frozenset[str]
    document: Json | None
    shape: Any
    low: float
    height: float | None

    def block(self, scene: Scene, number: Number) -> Json | None:
        """A block over the footprint, or the footprint."""
        if self.shape is None:
            return None
        low = scene.level(self.low)
        if self.height and self.height > 0 and self.shape.geom_type.endswith("Polygon"):
            return block(self.shape, low, scene.level(self.low + self.height), number)
        return flat(self.shape, low, number)


def members(answer: Answer, scene: Scene) -> Iterator[list[Member]]:
    """Families of the answer, each with its top first."""
    fields = answer.question.source.relation.fields
    named = {f.name for f in fields} & scene.own
    groups = _groups(answer) if {TYPE, PARENTS} <= named else frozenset()
    deep = PARENTS in named and _any_parents(answer)
    sql, params = _families(answer, grouped=TYPE in named) if deep else _rows(answer)
    reader = _Reader(answer, scene, groups)
    rows = (
        row for batch in answer.engine.batches(sql, params, _ROWS) for row in reader.read(batch)
    )
    for _, family in groupby(rows, key=lambda row: row[0]):
        yield [member for _, member in family]


def _columns(answer: Answer) -> list[str]:
    relation = answer.question.source.relation
    names = [FID, *(f.name for f in relation.fields)]
    if relation.lods:
        names.append(LOD_GEOMETRY)
    if relation.has_geometry:
        names += [GEOMETRY, *(HEIGHTS if relation.has_z else ())]
    return names


def _rows(answer: Answer) -> tuple[str, Mapping[str, Any]]:
    """Every row a family of its own."""
    columns = ", ".join([*map(identifier, _columns(answer)), f"{FID} AS {own('top')}"])
    return answer.question.rows(columns, answer.query.limit, answer.place)


def _any_parents(answer: Answer) -> bool:
    source = answer.question.source
    sql = f"SELECT count({PARENTS}) FROM {source.sql}"
    return bool(answer.engine.rows(sql, source.params)[0][0])


def _groups(answer: Answer) -> frozenset[str]:
    source = answer.question.source
    sql = f"SELECT {FID} FROM {source.sql} WHERE {TYPE} = $kind"
    found = answer.engine.rows(sql, {**source.params, "kind": GROUP})
    return frozenset(row[0] for row in found)


def _families(answer: Answer, *, grouped: bool) -> tuple[str, Mapping[str, Any]]:
    """Rows of the families of the rows asked for, family by family, each with its top first.

    Who is below whom is what may be seen: a parent that is not there has no part in it.
    """
    source = answer.question.source.sql
    top, depth, parent = own("top"), own("depth"), own("parent")
    asked, params = answer.question.rows(FID, answer.query.limit, answer.place)
    apart = f"WHERE p.{TYPE} <> '{GROUP}'" if grouped else ""
    columns = ", ".join(f"o.{identifier(name)}" for name in _columns(answer))
    sql = (
        f"WITH RECURSIVE said AS (SELECT {FID}, unnest(from_json({PARENTS}, '[\"VARCHAR\"]'))"
        f" AS {parent} FROM {source} WHERE {PARENTS} IS NOT NULL),"
        f" above AS (SELECT s.{FID}, min(s.{parent}) AS {parent} FROM said s"
        f" JOIN {source} p ON p.{FID} = s.{parent} {apart} GROUP BY 1),"
        f" tops AS (SELECT {FID}, {FID} AS {top}, 0 AS {depth} FROM {source}"
        f" WHERE {FID} NOT IN (SELECT {FID} FROM above)"
        f" UNION ALL SELECT a.{FID}, t.{top}, t.{depth} + 1 FROM above a"
        f" JOIN tops t ON t.{FID} = a.{parent}),"
        f" asked AS ({asked}),"
        f" wanted AS (SELECT DISTINCT {top} FROM tops SEMI JOIN asked USING ({FID}))"
        f" SELECT {columns}, t.{top} FROM tops t JOIN wanted USING ({top})"
        f" JOIN {source} o ON o.{FID} = t.{FID} JOIN {source} h ON h.{FID} = t.{top}"
        f" ORDER BY h.{ORDINAL}, t.{depth}, o.{ORDINAL}"
    )
    return sql, params


class _Reader:
    """Batches of rows as members."""

    def __init__(self, answer: Answer, scene: Scene, groups: frozenset[str]) -> None:
        relation = answer.question.source.relation
        self._scene = scene
        self._groups = groups
        self._relation = relation
        self._own = {f.name for f in relation.fields} & scene.own
        wanted = {f.name for f in answer.question.fields}
        self._attributes = [
            f for f in relation.fields if f.name in wanted and f.name not in scene.own
        ]
        self._height = height_field(relation.fields)
        self._storeys = storeys_field(relation.fields)

    def read(self, batch: Any) -> Iterator[tuple[str, Member]]:
        rows = batch.to_pylist()
        shapes = self._shapes(batch)
        for row, shape in zip(rows, shapes, strict=True):
            yield row["quanyu:top"], self._member(row, shape)

    def _shapes(self, batch: Any) -> Sequence[Any]:
        if not self._relation.has_geometry:
            return [None] * batch.num_rows
        found = shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False))
        if self._relation.lods and batch.column(LOD_GEOMETRY).null_count == 0:
            return list(found)
        return list(shapely.transform(shapely.force_2d(found), self._scene.whole))

    def _member(self, row: Json, shape: Any) -> Member:
        document = row.get(LOD_GEOMETRY)
        parents = row.get(PARENTS) if PARENTS in self._own else None
        address = row.get(ADDRESS) if ADDRESS in self._own else None
        listed = tuple(orjson.loads(parents)) if parents else ()
        low, height = self._heights(row)
        return Member(
            fid=row[FID],
            kind=self._kind(row, shape),
            attributes=self._said(row),
            address=orjson.loads(address) if address else None,
            parents=listed,
            groups=self._groups.intersection(listed),
            document=orjson.loads(document) if document is not None else None,
            shape=shape,
            low=low,
            height=height,
        )

    def _kind(self, row: Json, shape: Any) -> str:
        if TYPE in self._own:
            return row[TYPE] or GENERIC
        area = shape is not None and shape.geom_type.endswith("Polygon")
        known = area and (self._height or self._storeys) and not self._scene.own
        return "Building" if known else GENERIC

    def _said(self, row: Json) -> Json:
        names = self._scene.attributes
        return {
            names.get(f.name, f.name): _value(row[f.name], f)
            for f in self._attributes
            if row[f.name] is not None
        }

    def _heights(self, row: Json) -> tuple[float, float | None]:
        low = row.get(HEIGHTS[0]) or 0.0
        high = row.get(HEIGHTS[1])
        if high is not None and high > low:
            return low, high - low
        if self._height and row[self._height] is not None:
            return low, float(row[self._height])
        if self._storeys and row[self._storeys] is not None:
            return low, float(row[self._storeys]) * STOREY_M
        return low, None


def _value(value: Any, field: Field) -> Any:
    if field.type is FieldType.JSON:
        return orjson.loads(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode()
    return value
