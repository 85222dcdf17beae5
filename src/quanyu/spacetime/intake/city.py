"""City models as a source: one row a city object, with its footprint as geometry."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from quanyu.spacetime.cityobjects.model import CityModel
from quanyu.spacetime.cityobjects.rows import Rows, rows_of, schema_of
from quanyu.spacetime.intake.model import Chunk, IngestOptions, Reading, Sieve
from quanyu.spacetime.model import Reject


def read_city(path: Path, form: str, options: IngestOptions) -> Reading:
    """Open a city model; raises ``Invalid`` when nothing of it can be read."""
    model = _opened(path, form)
    schema, attributes = schema_of(model)

    paused: list[tuple[Rows, Iterator[Rows]]] = []

    def chunks() -> Iterator[Chunk]:
        # Whoever only looks at the beginning leaves it to the next, who reads on from there.
        if not paused:
            more = rows_of(model)
            paused.append((next(more), more))
        first, more = paused[0]
        yield _chunk(first)
        paused.clear()
        yield from map(_chunk, more)

    return Reading(
        format=form,
        schema=schema,
        chunks=chunks,
        geometry_from=("geometry",),
        crs=model.crs,
        encoding="utf-8",
        rows=model.count,
        warnings=model.warnings,
        identity="fid",
        city={
            "head": model.head,
            "attributes": attributes,
            "crs": options.crs or model.crs,
        },
    )


def _opened(path: Path, form: str) -> CityModel:
    # Readers are imported where used: XML and IFC take their time to load.
    if form == "citygml":
        from quanyu.spacetime.cityobjects.citygml import read_citygml

        return read_citygml(path)
    if form == "ifc":
        from quanyu.spacetime.cityobjects.ifc import read_ifc

        return read_ifc(path)
    from quanyu.spacetime.cityobjects.cityjson import read_cityjson

    return read_cityjson(path, form)


def _chunk(rows: Rows) -> Chunk:
    sieve = Sieve(len(rows.lines))
    fallen = np.zeros(len(rows.lines), dtype=bool)
    fallen[list(rows.reasons)] = True
    sieve.drop(fallen, rows.reasons.__getitem__)
    lost = tuple(Reject(one.line, one.reason, one.raw) for one in rows.lost)
    return Chunk(
        rows.batch,
        rows.shapes,
        rows.lines,
        sieve,
        raw=rows.raw,
        lost=lost,
        extents=rows.extents,
        findings=rows.findings,
    )
