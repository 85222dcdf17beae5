"""Delimited text: any character set and delimiter, types by column, strays by line."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from quanyu.kernel import Invalid
from quanyu.spacetime.intake.charset import MARK, charset_of, check_charset
from quanyu.spacetime.intake.geometry import Geometries, from_wkt, from_xy
from quanyu.spacetime.intake.model import Chunk, IngestOptions, Points, Reading, Sieve, Widened
from quanyu.spacetime.intake.names import plain
from quanyu.spacetime.intake.place import place_of
from quanyu.spacetime.intake.values import TYPES, Cast, cast, infer
from quanyu.spacetime.model import Reject

_SAMPLE = 1 << 20
_SAMPLE_ROWS = 20_000
_BLOCK = 4 << 20
_DELIMITERS = (",", "\t", ";", "|", "，")
_SRID = r"(?i)^\s*SRID=\d+;"


def read_delimited(path: Path, options: IngestOptions) -> Reading:
    """Open CSV, TSV and their kin; raises ``Invalid`` where nothing can be made of the text."""
    with path.open("rb") as source:
        sample = source.read(_SAMPLE)
    charset = check_charset(options.encoding) if options.encoding else charset_of(sample)
    text = codecs.getincrementaldecoder(charset)("quanyu.mark").decode(sample)
    if not text.strip():
        raise Invalid(
            "the file holds no text", field="source", mend="check that it is the right one"
        )
    if "\x00" in text:
        raise Invalid(
            "the file is not text in {charset}", field="source", mend="name its format",
            charset=charset,
        )  # fmt: skip
    lines = _first_lines(text)
    delimiter = options.delimiter or _delimiter(lines)
    names, header = _names(lines, delimiter)
    layout = Layout(path, charset, delimiter, names, header)
    first = next(layout.batches(), None)
    if first is None or first.batch.num_rows == 0:
        raise Invalid("the file holds no rows", field="source", mend="give a file with data")
    return tabular(
        first.batch,
        layout.batches,
        options,
        form="csv",
        encoding=charset,
        delimiter=delimiter,
        rows=_rows(path.stat().st_size, sample, text, first),
    )


@dataclass(frozen=True, slots=True)
class Strings:
    """Rows as text, with their lines and what could not be split."""

    batch: pa.RecordBatch
    lines: NDArray[np.int64]
    lost: tuple[Reject, ...] = ()
    broken: bool = False


def _rows(size: int, sample: bytes, text: str, first: Strings) -> int:
    """How many rows there are: counted where all of the file has been seen, else by its lines."""
    if size <= len(sample):
        return int(first.batch.num_rows) + len(first.lost)
    return max(1, int(size * text.count("\n") / len(sample)))


def tabular(
    sample: pa.RecordBatch,
    batches: Callable[[], Iterator[Strings]],
    options: IngestOptions,
    *,
    form: str,
    rows: int | None,
    encoding: str | None = None,
    delimiter: str | None = None,
    layers: tuple[str, ...] = (),
    layer: str | None = None,
) -> Reading:
    """A reading of columns of text, whose types are inferred from ``sample``."""
    unknown = set(options.types) - set(sample.schema.names)
    if unknown:
        raise Invalid(
            "there is no column “{name}”",
            field="types",
            mend="columns are: {columns}",
            name=min(unknown),
            columns=", ".join(sample.schema.names),
        )
    sample = sample.slice(0, _SAMPLE_ROWS)
    guesses = {name: infer(sample.column(name)) for name in sample.schema.names}
    types = {name: options.types.get(name) or kind for name, (kind, _) in guesses.items()}
    warnings = tuple(
        f"{strays} of the first values of “{name}” are no {kind}: their rows will be rejected"
        for name, (kind, strays) in guesses.items()
        if strays and name not in options.types
    )
    for name in (options.lon, options.lat):
        if name in types:
            types[name] = "number"
    place = place_of(sample, {n for n, t in types.items() if t in {"integer", "number"}}, options)
    fields = [pa.field(n, TYPES[t]) for n, t in types.items() if n not in place]

    def chunks() -> Iterator[Chunk]:
        for strings in batches():
            yield _typed(strings, types, place, options, encoding or "")

    return Reading(
        format=form,
        schema=pa.schema(fields),
        chunks=chunks,
        geometry_from=place,
        crs=_implied_crs(place),
        encoding=encoding,
        delimiter=delimiter,
        layers=layers,
        layer=layer,
        rows=rows,
        warnings=warnings,
    )


def _implied_crs(place: tuple[str, ...]) -> str | None:
    """Column names such as ``gcj_lng`` say which offset their coordinates have."""
    word = plain(place[0]) if place else ""
    return {"gcj": "GCJ-02", "bd0": "BD-09", "bdl": "BD-09", "wgs": "OGC:CRS84"}.get(word[:3])


def _typed(
    strings: Strings, types: dict[str, str], place: tuple[str, ...], options: IngestOptions,
    encoding: str,
) -> Chunk:  # fmt: skip
    batch = strings.batch
    sieve = Sieve(batch.num_rows)
    if strings.broken:
        for column in batch.columns:
            sieve.drop(_flags(pc.match_substring(column, MARK)), f"bytes that are not {encoding}")
    columns: dict[str, pa.Array] = {}
    for name, kind in types.items():
        if len(place) == 1 and name == place[0]:
            continue
        column = batch.column(name)
        made = cast(column, "number" if name in place else kind, options.timezone)
        if made.bad.any():
            if kind == "integer" and name not in options.types and _wider(column, made):
                raise Widened(name)
            sieve.drop(made.bad, _reason(name, column, "number" if name in place else kind))
        columns[name] = made.values
    geometry: Geometries | Points | None = None
    if len(place) == 1:
        geometry = from_wkt(pc.replace_substring_regex(batch.column(place[0]), _SRID, ""), sieve)
    elif place:
        x, y = (np.asarray(columns.pop(name).to_numpy(zero_copy_only=False)) for name in place)
        geometry = from_xy(x, y, sieve)
    made_batch = pa.RecordBatch.from_arrays(
        list(columns.values()), schema=pa.schema([pa.field(n, c.type) for n, c in columns.items()])
    )
    return Chunk(made_batch, geometry, strings.lines, sieve, raw=batch, lost=strings.lost)


def _wider(column: pa.Array, made: Cast) -> bool:
    return bool(cast(column, "number", "UTC").bad.sum() < made.bad.sum())


def _reason(name: str, column: pa.Array, kind: str) -> Callable[[int], str]:
    return lambda row: f"{name}: “{column[row].as_py()[:80]}” is no {kind}"


def _flags(condition: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(condition, fill_value=False).to_numpy(zero_copy_only=False))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a delimited file is laid out."""

    path: Path
    charset: str
    delimiter: str
    names: list[str]
    header: int

    def batches(self) -> Iterator[Strings]:
        """Blocks of rows as text; rows of a wrong width are lost, with their line."""
        narrow: list[Reject] = []
        physical: list[int] = []

        def lose(row: pacsv.InvalidRow) -> str:
            physical.append(row.number)
            if row.text.strip():
                said = f"{row.actual_columns} columns where {row.expected_columns} were expected"
                narrow.append(Reject(row.number, said, row.text))
            return "skip"

        with self.path.open("rb") as source:
            text = Utf8(source, self.charset, self.delimiter)
            try:
                reader = pacsv.open_csv(
                    pa.PythonFile(text, mode="r"),
                    read_options=pacsv.ReadOptions(
                        use_threads=False,
                        block_size=_BLOCK,
                        column_names=self.names,
                        skip_rows=self.header,
                    ),
                    parse_options=pacsv.ParseOptions(
                        delimiter="," if self.delimiter == "，" else self.delimiter,
                        newlines_in_values=True,
                        ignore_empty_lines=False,
                        invalid_row_handler=lose,
                    ),
                    convert_options=pacsv.ConvertOptions(
                        column_types=dict.fromkeys(self.names, pa.string()),
                        strings_can_be_null=False,
                        quoted_strings_can_be_null=False,
                    ),
                )
                yield from _numbered(reader, physical, narrow, text, self.header)
            except pa.ArrowInvalid as error:
                raise Invalid(
                    "the text cannot be split into rows: {why}",
                    field="source",
                    mend="check its quotes and its delimiter, or name the delimiter",
                    why=str(error)[:200],
                ) from error


def _numbered(
    reader: pacsv.CSVStreamingReader,
    physical: list[int],
    lost: list[Reject],
    text: "Utf8",
    header: int,
) -> Iterator[Strings]:
    """Give each row its line: rows that could be read, counted over those that could not."""
    before = 0
    given = 0
    for batch in reader:
        gaps = np.asarray(physical, dtype=np.int64) - 1 - header
        ordinals = before + np.arange(batch.num_rows, dtype=np.int64)
        over = np.searchsorted(gaps - np.arange(len(gaps)), ordinals, side="right")
        lines = ordinals + over + 1 + header
        before += batch.num_rows
        written = ~_blank(batch)
        ready = [r for r in lost[given:] if batch.num_rows and r.line <= lines[-1]]
        given += len(ready)
        yield Strings(batch.filter(pa.array(written)), lines[written], tuple(ready), text.broken)
    if lost[given:]:
        empty = reader.schema.empty_table().to_batches() or [
            pa.RecordBatch.from_pylist([], schema=reader.schema)
        ]
        yield Strings(empty[0], np.empty(0, dtype=np.int64), tuple(lost[given:]))


def _blank(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    """Rows of empty lines: they are no rows of data."""
    blank = np.ones(batch.num_rows, dtype=bool)
    for column in batch.columns:
        if not blank.any():
            break
        blank &= ~_flags(pc.not_equal(column, ""))
    return blank


class Utf8(io.RawIOBase):
    """A binary stream of some character set as UTF-8; ``broken`` once a byte was not of it."""

    def __init__(self, source: BinaryIO, charset: str, delimiter: str) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(charset)("quanyu.mark")
        self._full_width = delimiter == "，"
        self._rest = b""
        self.broken = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes."""
        while len(self._rest) < size or size < 0:
            block = self._source.read(1 << 20)
            text = self._decoder.decode(block, final=not block)
            self.broken = self.broken or MARK in text
            self._rest += (text.replace("，", ",") if self._full_width else text).encode()
            if not block:
                break
        given = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(given) :]
        return given


def _delimiter(rows: list[str]) -> str:
    """The delimiter that splits most of the first lines into one and the same width."""

    def score(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(rows, delimiter=delimiter)]
        usual = _usual(widths)
        return (widths.count(usual) / len(widths), usual) if usual > 1 else (0.0, 0)

    return max(_DELIMITERS, key=score)


def _first_lines(text: str) -> list[str]:
    lines = text.splitlines(keepends=True)
    cut_off = len(text) > _SAMPLE // 4 and len(lines) > 1
    return lines[:200] if len(lines) > 200 or not cut_off else lines[:-1]


def _usual(widths: list[int]) -> int:
    return max(set(widths), key=lambda width: (widths.count(width), width)) if widths else 0


def _names(lines: list[str], delimiter: str) -> tuple[list[str], int]:
    """Names of the columns, and how many rows to pass over: titles and the header.

    The header is the first row as wide as most; there is none when that row is all numbers.
    """
    rows = list(csv.reader(lines, delimiter=delimiter))
    usual = _usual([len(row) for row in rows if row])
    at = next(number for number, row in enumerate(rows) if len(row) == usual)
    first = rows[at]
    if all(_is_number(cell) for cell in first if cell.strip()):
        return [f"column_{number}" for number in range(1, len(first) + 1)], at
    names: list[str] = []
    for number, cell in enumerate(first, start=1):
        name = cell.strip().strip("\ufeff") or f"column_{number}"
        names.append(name if name not in names else f"{name}_{number}")
    return names, at + 1


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
