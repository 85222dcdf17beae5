"""What changed between two versions, as both are seen through one restriction: rows by their id.

Rows that came are ``inserted``, rows that went ``deleted``, rows that differ in any visible value,
in their shape or in their valid time ``updated``; a deleted row has nothing but its id.
"""

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

import orjson

from quanyu.spacetime.answer import Answer
from quanyu.spacetime.encode import features
from quanyu.spacetime.engine import identifier, own
from quanyu.spacetime.model import (
    BOUNDS,
    FID,
    GEOMETRY,
    HEIGHTS,
    LOD_GEOMETRY,
    VALID,
    Field,
    FieldType,
)
from quanyu.spacetime.questions import ORDINAL, Source, feature_columns
from quanyu.spacetime.restricted import Relation

if TYPE_CHECKING:
    import pyarrow as pa


class Change(StrEnum):
    """What happened to a row."""

    INSERTED = "inserted"
    UPDATED = "updated"
    DELETED = "deleted"


def change_name(fields: tuple[Field, ...]) -> str:
    """Name of the column that says what happened; no property is called so."""
    names, name = {field.name for field in fields}, "change"
    while name in names:
        name = f"{name}_"
    return name


def changed(new: Source, old: Source) -> Source:
    """Rows of ``new`` that differ from those of ``old``, and ids of those that are gone."""
    relation = new.relation
    name = change_name(relation.fields)
    kept = [f.name for f in relation.fields]
    shapes = _shapes(relation)
    values = ", ".join(f"n.{identifier(column)}" for column in (*kept, *shapes, *VALID))
    gone, came = f"n.{FID} IS NULL", f"o.{FID} IS NULL"
    body = (
        f"SELECT coalesce(n.{FID}, o.{FID}) AS {FID},"
        f" CASE WHEN {came} THEN 'inserted' WHEN {gone} THEN 'deleted' ELSE 'updated' END"
        f" AS {identifier(name)}, {values}"
        f" FROM {new.sql} AS n FULL OUTER JOIN {old.sql} AS o ON n.{FID} = o.{FID}"
        f" WHERE {came} OR {gone} OR {differs(relation, old.relation)}"
    )
    sql = f"(SELECT *, row_number() OVER (ORDER BY {FID}) - 1 AS {ORDINAL} FROM ({body}))"
    fields = (Field(name, FieldType.STRING), *relation.fields)
    return Source(sql, {}, replace(relation, fields=fields), ordered=False)


def ndjson(answer: Answer) -> Iterator[bytes]:
    """Lines of JSON: ``{"change":…,"id":…,"feature":…}``, the last only for rows that are there."""
    question = answer.question
    change, *fields = question.fields
    bare = replace(question, fields=tuple(fields))
    columns = f"{feature_columns(bare)}, {identifier(change.name)} AS {own('change')}"
    for batch in answer.batches(columns):
        text = features(batch, answer.geometries(batch), decimals=answer.decimals)
        said = batch.column(batch.schema.get_field_index("quanyu:change")).to_pylist()
        ids = batch.column(batch.schema.get_field_index("quanyu:id")).to_pylist()
        yield b"".join(_lines(said, ids, text))
        answer.counted(batch.num_rows)


def _lines(said: list[str], ids: list[str], text: "pa.LargeStringArray") -> Iterator[bytes]:
    for what, fid, feature in zip(said, ids, text, strict=True):
        head = f'{{"change":"{what}","id":{fid}'
        if what != Change.DELETED:
            head = f'{head},"feature":{feature.as_py()[1:]}'
        yield f"{head}}}\n".encode()


def head(dataset: str, since: int, version: int) -> bytes:
    """The first line of a feed: between which versions."""
    return orjson.dumps({"dataset": dataset, "since": since, "version": version}) + b"\n"


def _shapes(relation: Relation) -> tuple[str, ...]:
    if not relation.has_geometry:
        return ()
    return (GEOMETRY, *BOUNDS, *(HEIGHTS if relation.has_z else ()))


def differs(new: Relation, old: Relation) -> str:
    """SQL of whether rows ``n`` and ``o`` of two versions differ in anything that may be seen."""
    known = {field.name: field for field in old.fields}
    conditions = []
    for field in new.fields:
        column, before = identifier(field.name), known.pop(field.name, None)
        if before is None:
            conditions.append(f"n.{column} IS NOT NULL")
        elif before.type is field.type:
            conditions.append(f"n.{column} IS DISTINCT FROM o.{column}")
        else:
            texts = (f"CAST({side}.{column} AS VARCHAR)" for side in ("n", "o"))
            conditions.append(" IS DISTINCT FROM ".join(texts))
    conditions += [f"o.{identifier(name)} IS NOT NULL" for name in known]
    if new.has_geometry and old.has_geometry:
        conditions.append(f"n.{GEOMETRY} IS DISTINCT FROM o.{GEOMETRY}")
    elif new.has_geometry or old.has_geometry:
        conditions.append("TRUE")
    if new.lods and old.lods:
        conditions.append(f"n.{LOD_GEOMETRY} IS DISTINCT FROM o.{LOD_GEOMETRY}")
    conditions += [f"n.{name} IS DISTINCT FROM o.{name}" for name in VALID]
    return " OR ".join(conditions)
