"""Ingest, from a source to a published version."""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa

from quanyu.kernel import Conflict, Invalid, now
from quanyu.spacetime.intake import stage as staging
from quanyu.spacetime.intake.commit import Facts, Staging, stored_schema, write
from quanyu.spacetime.intake.finish import finished, staged_schema
from quanyu.spacetime.intake.model import (
    Chunk,
    IngestOptions,
    IngestPlan,
    IngestReport,
    Place,
    Progress,
    Reading,
    Report,
    Widened,
)
from quanyu.spacetime.intake.plan import Recipe, opened, planned
from quanyu.spacetime.intake.settle import field_type
from quanyu.spacetime.intake.source import Source, resolve
from quanyu.spacetime.kept import beside
from quanyu.spacetime.model import RESERVED, Field, Reject, Version
from quanyu.spacetime.versions import check_dataset_name, publish_version, versions

_TRIES = 5


def inspect(source: str | Path, options: IngestOptions, folder: Path) -> IngestPlan:
    """The plan for a source."""
    found = resolve(source, options, folder)
    wide: list[str] = []
    while True:
        chosen = _wider(options, wide)
        try:
            return planned(found, opened(found, chosen), chosen).plan
        except Widened as more:
            wide.append(more.column)


def ingest(
    place: Place,
    source: str | Path,
    dataset: str,
    options: IngestOptions,
    progress: Report | None,
) -> IngestReport:
    """Fetch, stage, sort, write and publish; see :func:`quanyu.spacetime.ingest`."""
    check_dataset_name(dataset)
    tell = progress or _nobody
    root = place.cache_dir / "ingest"
    staging.sweep(root)
    tell(Progress("fetching", 0, None))
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="source-", dir=root) as scratch:
        found = resolve(source, options, Path(scratch))
        if found.form == "geotiff":
            return _scene(place, found, dataset, options, tell)

        def reader(options: IngestOptions) -> Reading:
            return opened(found, options)

        return _run(place, found, reader, dataset, options, tell)


def _scene(
    place: Place, source: Source, dataset: str, options: IngestOptions, tell: Report
) -> IngestReport:
    """Add a scene to its dataset; anew when another one was added meanwhile."""
    from quanyu.spacetime.intake.scene import added

    for again in range(_TRIES):
        with place.control.read() as session:
            before = next(reversed(versions(session, dataset)), None)
        reading = added(place, source, dataset, before, options, tell)
        said = f"{source.key} after {reading.after}"
        row = Source(None, source.said, hashlib.sha256(said.encode()).hexdigest(), "geotiff",
                     dataset)  # fmt: skip
        plain = IngestOptions(types=options.types)
        try:
            return _run(place, row, _always(reading), dataset, plain, tell)
        except Conflict:
            if again == _TRIES - 1:
                raise
    raise AssertionError  # the last try has returned or raised


def _always(reading: Reading) -> Callable[[IngestOptions], Reading]:
    return lambda _: reading


def ingest_reading(  # noqa: PLR0917 - like ingest
    place: Place,
    reading: Reading,
    said: str,
    dataset: str,
    options: IngestOptions,
    progress: Report,
) -> IngestReport:
    """The same for rows that this program makes itself; ``said`` names them wholly."""
    check_dataset_name(dataset)
    source = Source(None, said, hashlib.sha256(said.encode()).hexdigest(), "generated", dataset)
    return _run(place, source, lambda _: reading, dataset, options, progress)


def _nobody(_: Progress) -> None:
    """Nobody is told."""


def _run(  # noqa: PLR0917 - one way in
    place: Place,
    source: Source,
    reader: Callable[[IngestOptions], Reading],
    dataset: str,
    options: IngestOptions,
    tell: Report,
) -> IngestReport:
    started = time.monotonic()
    folder = place.cache_dir / "ingest" / staging.fingerprint(source.key, dataset, options)
    with staging.held(folder):
        resumed = bool(staging.parts(folder))
        try:
            recipe, rejects = _stage(folder, source, reader, options, tell)
            published = _publish(place, folder, recipe, source, dataset, rejects, tell)
        except Invalid:
            # It will be so however often it is asked: only a run cut short leaves its parts.
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
    version, rejects_file, notes, findings = published
    return IngestReport(
        version=version,
        rows=version.rows,
        rejects=version.rejects,
        rejects_file=rejects_file,
        seconds=time.monotonic() - started,
        resumed=resumed,
        notes=(*recipe.plan.warnings, *notes),
        findings=findings[0],
        findings_file=findings[1],
    )


def _stage(
    folder: Path,
    source: Source,
    reader: Callable[[IngestOptions], Reading],
    options: IngestOptions,
    tell: Report,
) -> tuple[Recipe, int]:
    """Check every row and stage it; returns how that was done and how many were rejected.

    A column of whole numbers in which a broken one turns up is a column of numbers after all: what
    has been staged is thrown away and the reading begun again, so that the type is one throughout.
    """
    while True:
        try:
            return _staged(folder, source, reader, _wider(options, staging.widened(folder)), tell)
        except Widened as found:
            staging.widen(folder, found.column)


def _staged(
    folder: Path,
    source: Source,
    reader: Callable[[IngestOptions], Reading],
    options: IngestOptions,
    tell: Report,
) -> tuple[Recipe, int]:
    recipe = planned(source, reader(options), options)
    if staging.complete(folder):
        return recipe, staging.tally(folder).rejects
    schema = staged_schema(recipe)

    def finish(chunk: Chunk) -> tuple[pa.RecordBatch, list[Reject]]:
        staging.note_findings(folder, chunk.findings)
        return finished(recipe, chunk, schema)

    rejects = 0
    for state in staging.stage(folder, recipe.reading.chunks(), schema, finish):
        rejects = state.rejects
        tell(Progress("reading", state.rows + state.rejects, recipe.reading.rows, rejects))
    return recipe, rejects


def _wider(options: IngestOptions, columns: list[str]) -> IngestOptions:
    """The options with these columns as numbers; each at most once, so that widening ends."""
    return replace(options, types={**options.types, **dict.fromkeys(columns, "number")})


def _publish(  # noqa: PLR0917 - one way in
    place: Place,
    folder: Path,
    recipe: Recipe,
    source: Source,
    dataset: str,
    rejects: int,
    tell: Report,
) -> tuple[Version, str | None, tuple[str, ...], tuple[int, str | None]]:
    """Sort, write and publish what has been staged."""
    url = f"{place.tables_url.rstrip('/')}/{dataset}"
    pa.default_memory_pool().release_unused()  # the sort shall have what the reading had
    engine = Staging(folder)
    try:
        identity, repeats, notes = _identified(engine, recipe)
        facts = engine.facts()
        if facts.rows == 0:
            raise Invalid(
                "no row could be kept; the first was rejected because: {why}",
                field="source",
                mend="mend the source, or give options that fit it",
                why=_first_reason(folder, repeats),
            )
        rejects += len(repeats)
        rows = engine.ordered(identity, facts)
        properties = {field.name: field for field in recipe.fields}
        schema = stored_schema(rows.schema, properties, has_z=facts.has_z)

        def sorting(done: int) -> None:
            tell(Progress("sorting", done, facts.rows, rejects))

        sorting(0)
        delta = write(url, rows, facts, schema, sorting)
    finally:
        engine.close()
    rejects_file = _keep_rejects(url, delta, folder, repeats) if rejects else None
    findings = staging.findings(folder)
    findings_file = beside(url, f"_findings/{delta}.jsonl", findings) if findings else None
    if recipe.reading.city is not None:
        beside(url, f"_city/{delta}.json", [_city(recipe)])
    tell(Progress("publishing", facts.rows, facts.rows, rejects))
    draft = _draft(recipe, source, dataset, delta, facts, schema, rejects)
    with place.control.begin() as session:
        published = publish_version(session, draft, recipe.reading.after)
        return published, rejects_file, notes, (len(findings), findings_file)


def _city(recipe: Recipe) -> bytes:
    """What is kept of a city model beside its rows; attributes by the columns that hold them."""
    city = dict(recipe.reading.city or {})
    stored = zip(recipe.reading.schema.names, recipe.fields, strict=True)
    attributes = city["attributes"]
    city["attributes"] = {f.name: attributes[n] for n, f in stored if n in attributes}
    return orjson.dumps(city)


def _identified(
    engine: Staging, recipe: Recipe
) -> tuple[str | None, list[Reject], tuple[str, ...]]:
    """The column of ids (``None`` for row numbers), rows that repeat one, and notes."""
    identity = recipe.identity
    if identity is None:
        return None, [], ()
    if recipe.options.id_column or recipe.reading.identity:
        return identity, list(_repeats(engine, identity)), ()
    if engine.unique(identity):
        return identity, [], ()
    return None, [], (f"“{identity}” is not unique: rows are numbered instead",)


def _draft(  # noqa: PLR0917 - one way in
    recipe: Recipe,
    source: Source,
    dataset: str,
    delta: int,
    facts: Facts,
    schema: pa.Schema,
    rejects: int,
) -> Version:
    return Version(
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
        source_sha256=source.key if source.path else None,
        created_at=now(),
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

    def blocks() -> Iterator[bytes]:
        for part in staging.reject_files(folder):
            with part.open("rb") as source:
                while block := source.read(1 << 20):
                    yield block
        yield from map(staging.line_of, extra)

    return beside(url, f"_rejects/{delta}.jsonl", blocks())
