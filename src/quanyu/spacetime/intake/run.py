"""Ingest, from a source to a published version."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs

from quanyu.kernel import Invalid, now
from quanyu.spacetime.intake import stage as staging
from quanyu.spacetime.intake.commit import (
    KEY,
    LINE,
    TYPE,
    Staging,
    stored_schema,
    write,
)
from quanyu.spacetime.intake.geometry import shape, to_wkb
from quanyu.spacetime.intake.hilbert import hilbert
from quanyu.spacetime.intake.model import (
    Chunk,
    IngestOptions,
    IngestPlan,
    IngestReport,
    Place,
    Progress,
)
from quanyu.spacetime.intake.plan import Recipe, planned, settled
from quanyu.spacetime.intake.settle import field_type
from quanyu.spacetime.intake.source import Source, resolve
from quanyu.spacetime.intake.values import TIMESTAMP, cast
from quanyu.spacetime.model import BOUNDS, GEOMETRY, HEIGHTS, RESERVED, Field, Reject, Version
from quanyu.spacetime.versions import check_dataset_name, publish_version

Report = Callable[[Progress], None]
_PUBLISHED_FIRST = ("rows could be read; the first was rejected because: {why}",)


def inspect(source: str | Path, options: IngestOptions, folder: Path) -> IngestPlan:
    """What :func:`ingest` would do, from the beginning of the source; nothing is stored.

    ``folder`` takes downloads and unpacked archives. Raises ``Invalid`` with field and mend.
    """
    return planned(resolve(source, options, folder), options).plan


def ingest(
    place: Place,
    source: str | Path,
    dataset: str,
    options: IngestOptions | None = None,
    progress: Report | None = None,
) -> IngestReport:
    """Read ``source`` into the next version of ``dataset`` and publish it.

    All or nothing: until the control store commits, the dataset is as it was. A run that was
    killed is gone on with by the next one of the same source and options (checked rows are staged
    in ``place.cache_dir``). Rows that cannot be kept are in the rejects file, one JSON object a
    line with ``line``, ``reason`` and ``raw``. Raises ``Invalid`` (field, mend) for sources that
    cannot be read at all, ``Conflict`` for two ingests of the same at once.
    """
    options = options or IngestOptions()
    tell = progress or (lambda _: None)
    started = time.monotonic()
    check_dataset_name(dataset)
    root = place.cache_dir / "ingest"
    staging.sweep(root)
    tell(Progress("fetching", 0, None))
    found = resolve(source, options, root / "sources")
    folder = root / staging.fingerprint(found.sha256, dataset, options)
    with staging.held(folder):
        resumed = bool(staging.parts(folder))
        recipe = planned(found, options)
        rejects = _stage(folder, recipe, tell)
        report = _publish(place, folder, recipe, found, dataset, rejects, tell)
    shutil.rmtree(folder, ignore_errors=True)
    version, rejects_file, notes = report
    return IngestReport(
        version=version,
        rows=version.rows,
        rejects=version.rejects,
        rejects_file=rejects_file,
        seconds=time.monotonic() - started,
        resumed=resumed,
        notes=(*recipe.plan.warnings, *notes),
    )


def _stage(folder: Path, recipe: Recipe, tell: Report) -> int:
    """Check every row and stage it; returns how many were rejected."""
    schema = _staged_schema(recipe)

    def finish(chunk: Chunk) -> tuple[pa.RecordBatch, list[Reject]]:
        return _finished(recipe, chunk, schema)

    total = recipe.reading.rows
    if staging.complete(folder):
        return staging.tally(folder).rejects
    rejects = 0
    for state in staging.stage(folder, recipe.reading.chunks(), schema, finish):
        rejects = state.rejects
        tell(Progress("reading", state.rows + state.rejects, total, state.rejects))
    return rejects


def _publish(
    place: Place,
    folder: Path,
    recipe: Recipe,
    source: Source,
    dataset: str,
    rejects: int,
    tell: Report,
) -> tuple[Version, str | None, tuple[str, ...]]:
    engine = Staging(folder)
    try:
        notes: list[str] = []
        identity, own = recipe.identity, False
        extra: list[Reject] = []
        if identity and recipe.options.id_column:
            own = True
            extra = list(_repeats(engine, identity))
        elif identity and not engine.unique(identity):
            notes.append(f"“{identity}” is not unique: rows are numbered instead")
            identity = None
        facts = engine.facts()
        if facts.rows == 0:
            raise Invalid(
                "no row could be kept; the first was rejected because: {why}",
                field="source",
                mend="mend the source, or give options that fit it",
                why=_first_reason(folder, extra),
            )
        # A column called fid is the id and nothing besides; other ids stay properties as well.
        own = identity is not None and identity.lower() != "fid_"
        reader = engine.ordered(identity, own, facts)
        properties = {f.name: f for f in recipe.fields}
        schema = stored_schema(reader.schema, properties, has_z=facts.has_z)
        url = f"{place.tables_url.rstrip('/')}/{dataset}"
        tell(Progress("sorting", 0, facts.rows, rejects + len(extra)))
        delta = write(
            url, reader, facts, schema,
            lambda done: tell(Progress("sorting", done, facts.rows, rejects + len(extra))),
        )  # fmt: skip
    finally:
        engine.close()
    rejects += len(extra)
    rejects_file = _keep_rejects(url, delta, folder, extra) if rejects else None
    tell(Progress("publishing", facts.rows, facts.rows, rejects))
    draft = Version(
        dataset=dataset,
        number=0,
        table=dataset,
        delta_version=delta,
        fields=tuple(Field(f.name, field_type(f)) for f in schema if f.name not in RESERVED),
        geometry=facts.geometry,
        has_z=facts.has_z,
        rows=facts.rows,
        rejects=rejects,
        bbox=facts.bbox,
        interval=facts.interval,
        source_crs=recipe.crs.name if recipe.crs else None,
        source=source.said,
        source_sha256=source.sha256,
        created_at=now(),
    )
    with place.control.begin() as session:
        version = publish_version(session, draft)
    return version, rejects_file, tuple(notes)


def _staged_schema(recipe: Recipe) -> pa.Schema:
    fields = [f for f, n in zip(recipe.fields, recipe.reading.schema.names, strict=True)
              if n not in recipe.adopted]  # fmt: skip
    fields += [pa.field(name, TIMESTAMP) for name in ("valid_from", "valid_to")]
    fields.append(pa.field(LINE, pa.int64()))
    if recipe.spatial:
        fields += [pa.field(name, pa.float64()) for name in (*BOUNDS, *HEIGHTS)]
        fields += [pa.field(GEOMETRY, pa.binary()), pa.field(KEY, pa.int64()),
                   pa.field(TYPE, pa.int8())]  # fmt: skip
    return pa.schema(fields)


def _finished(
    recipe: Recipe, chunk: Chunk, schema: pa.Schema
) -> tuple[pa.RecordBatch, list[Reject]]:
    """The rows of a chunk as they are staged, and those that fell."""
    sieve = chunk.sieve
    names = recipe.reading.schema.names
    values = settled(recipe, chunk)
    columns: dict[str, pa.Array] = {
        field.name: value
        for field, value, name in zip(recipe.fields, values, names, strict=True)
        if name not in recipe.adopted
    }
    times = dict(zip(names, values, strict=True))
    for target, name in zip(("valid_from", "valid_to"), recipe.times, strict=True):
        columns[target] = _instants(times[name], recipe, chunk) if name else _nulls(chunk)
    _check_period(columns, chunk)
    columns[LINE] = pa.array(chunk.lines)
    if chunk.geometry is not None:
        shaped = shape(chunk.geometry, recipe.crs, sieve, swap=recipe.swap,
                       repair=recipe.options.repair)  # fmt: skip
        bounds, kept = shaped.bounds, sieve.keep
        for index, name in enumerate(BOUNDS):
            columns[name] = pa.array(bounds[:, index], mask=np.isnan(bounds[:, index]))
        for index, name in enumerate(HEIGHTS):
            height = shaped.heights[:, index]
            columns[name] = pa.array(height, mask=np.isnan(height))
        columns[GEOMETRY] = to_wkb(np.where(kept, shaped.geometry, None))
        middle = (bounds[:, :2] + bounds[:, 2:]) / 2.0
        columns[KEY] = pa.array(hilbert(middle[:, 0], middle[:, 1]))
        columns[TYPE] = pa.array(shaped.types)
    batch = pa.RecordBatch.from_arrays([columns[f.name] for f in schema], schema=schema)
    rejects = staging.rejects_of(chunk)
    return (batch if sieve.keep.all() else batch.filter(pa.array(sieve.keep))), rejects


def _nulls(chunk: Chunk) -> pa.Array:
    return pa.nulls(chunk.batch.num_rows, TIMESTAMP)


def _instants(column: pa.Array, recipe: Recipe, chunk: Chunk) -> pa.Array:
    if column.type == pa.string():
        made = cast(column, "date-time", recipe.options.timezone)
        chunk.sieve.drop(made.bad, "the time cannot be read")
        return made.values
    if column.type not in {TIMESTAMP, pa.date32()}:
        raise Invalid(
            "the column of time holds neither dates nor times",
            field="time",
            mend="name another, or give its type as date-time",
        )
    return column.cast(TIMESTAMP)


def _check_period(columns: dict[str, pa.Array], chunk: Chunk) -> None:
    late = pc.fill_null(pc.greater(columns["valid_from"], columns["valid_to"]), fill_value=False)
    chunk.sieve.drop(
        np.asarray(late.to_numpy(zero_copy_only=False), dtype=bool),
        "the period ends before it begins",
    )


def _repeats(engine: Staging, identity: str) -> Iterator[Reject]:
    found = list(engine.reject_repeats(identity))
    raw = engine.raw([line for line, _ in found])
    for line, reason in found:
        yield Reject(line, reason, orjson.dumps(raw[line], default=str).decode())


def _first_reason(folder: Path, extra: list[Reject]) -> str:
    for path in staging.reject_files(folder):
        with path.open("rb") as lines:
            first = lines.readline()
        if first:
            return str(orjson.loads(first)["reason"])
    return extra[0].reason if extra else "the source holds no rows"


def _keep_rejects(url: str, delta: int, folder: Path, extra: list[Reject]) -> str:
    """Write the rejects beside the table; Delta leaves folders with an underscore alone."""
    filesystem, base = pafs.FileSystem.from_uri(url if "://" in url else str(Path(url).resolve()))
    filesystem.create_dir(f"{base}/_rejects", recursive=True)
    path = f"{base}/_rejects/{delta}.jsonl"
    with filesystem.open_output_stream(path) as target:
        for part in staging.reject_files(folder):
            with part.open("rb") as source:
                while block := source.read(1 << 20):
                    target.write(block)
        for reject in extra:
            target.write(staging.line_of(reject))
    return f"{url}/_rejects/{delta}.jsonl"
