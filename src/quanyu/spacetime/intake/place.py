"""Which columns of a table without geometry say where a row is."""

import pyarrow as pa
import pyarrow.compute as pc

from quanyu.kernel import Invalid
from quanyu.spacetime.intake.model import IngestOptions
from quanyu.spacetime.intake.names import PLACES, WELL_KNOWN_TEXT, first_of, plain

_TEXT = (
    r"(?i)^\s*(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\s*(Z|M|ZM)?\s*"
    r"(\(|EMPTY)"
)


def place_of(sample: pa.RecordBatch, numeric: set[str], options: IngestOptions) -> tuple[str, ...]:
    """``(wkt,)``, ``(longitude, latitude)`` or nothing.

    Options win; else columns with telling names whose values fit. Raises ``Invalid`` for a column
    that is not there.
    """
    names = sample.schema.names
    for field in ("wkt", "lon", "lat", "id_column", "time", "valid_from", "valid_to"):
        wanted = getattr(options, field)
        if wanted is not None and wanted not in names:
            raise Invalid(
                "there is no column “{name}”",
                field=field,
                mend="columns are: {columns}",
                name=wanted,
                columns=", ".join(names),
            )
    if options.wkt:
        return (options.wkt,)
    if (options.lon is None) != (options.lat is None):
        raise Invalid(
            "only one of the two coordinate columns is named",
            field="lat" if options.lat is None else "lon",
            mend="name both",
        )
    if options.lon and options.lat:
        return (options.lon, options.lat)
    text = first_of([n for n in names if n not in numeric], WELL_KNOWN_TEXT)
    if text is not None and _is_text(sample.column(text)):
        return (text,)
    usable = [name for name in names if name in numeric]
    return _pair(usable)


def _pair(names: list[str]) -> tuple[str, ...]:
    """Longitude and latitude of the same kind: lon with lat, x with y."""
    by_plain = {plain(name): name for name in reversed(names)}
    return next(
        ((by_plain[x], by_plain[y]) for x, y in PLACES if x in by_plain and y in by_plain), ()
    )


def _is_text(column: pa.Array) -> bool:
    if not pa.types.is_string(column.type):
        return False
    given = column.drop_null().filter(pc.not_equal(column.drop_null(), ""))
    return len(given) > 0 and bool(pc.all(pc.match_substring_regex(given[:100], _TEXT)).as_py())
