"""Finding features by a name or an address: text of a serving copy, made when it is first asked.

``names.bin`` holds a line for each row that has any such text, without blanks, in small letters:
names first, then the address (a street and its number stand together). It is searched as bytes, so
that ten million lines take some hundredths of a second. Being made of the copy, it knows nothing
that may not be seen.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from quanyu.spacetime.engine import Engine, identifier, own
from quanyu.spacetime.flat import FlatWriter, open_array, open_bytes
from quanyu.spacetime.model import FID, Field, FieldType
from quanyu.spacetime.questions import Source
from quanyu.spacetime.serving import Served

if TYPE_CHECKING:
    pass

_NAMES = re.compile(r"(.*[_:])?(name|title|label)([_:].*)?|.*(名称|名字|地名|标题)", re.IGNORECASE)
_PLACES = (
    re.compile(
        r"(.*[_:])?(addr|address|location)([_:]?full)?|.*(地址|住址|位置|坐落)", re.IGNORECASE
    ),
    re.compile(r"(.*[_:])?(street|road)(_?name)?|.*(街道|路名|道路)", re.IGNORECASE),
    re.compile(r"(.*[_:])?(house_?)?(number|no)|.*(门牌号?|楼号)", re.IGNORECASE),
)
_BATCH = 65_536
_LOOKED = 200
_MARK = b"\t"


@dataclass(frozen=True, slots=True)
class Named:
    """A feature that answers to a text: its row, id and label, and how well it does (0 is best)."""

    row: int
    fid: str
    label: str
    rank: int


def wanted(fields: Sequence[Field]) -> tuple[list[str], list[str]]:
    """Fields that hold names, and those that make an address, in the order it is written."""
    texts = [f.name for f in fields if f.type is FieldType.STRING]
    names = [name for name in texts if _NAMES.fullmatch(name)]
    places = [name for kind in _PLACES for name in texts if kind.fullmatch(name)]
    # A number alone is no address.
    alone = all(_PLACES[2].fullmatch(name) for name in places)
    return names, [] if alone else list(dict.fromkeys(places))


def plain(text: str) -> str:
    """Text as it is compared: composed, in small letters, without blanks."""
    return "".join(unicodedata.normalize("NFC", text).lower().split())


def find_named(
    engine: Callable[[], Engine], source: Source, copy: Served, text: str, limit: int
) -> list[Named]:
    """At most ``limit`` features whose names or addresses hold ``text``, the likest first."""
    needle = plain(text).encode()
    names, places = wanted(source.relation.fields)
    if not needle or not (names or places):
        return []
    if not (copy.folder / "names.npy").exists():
        _build(engine(), source, copy)
    data, starts = open_bytes(copy.folder / "names.bin"), open_array(copy.folder / "names.npy")
    rows = open_array(copy.folder / "name_rows.npy")
    ranked: dict[int, int] = {}
    for line, rank in islice(_lines(data, starts, needle), _LOOKED):
        ranked[line] = min(rank, ranked.get(line, rank))
    best = sorted(ranked.items(), key=lambda found: (found[1], found[0]))[:limit]
    if not best:
        return []
    return _labelled(engine(), source, [(int(rows[line]), rank) for line, rank in best])


def _lines(
    data: memoryview, starts: "np.ndarray[tuple[int], np.dtype[np.int64]]", needle: bytes
) -> Iterator[tuple[int, int]]:
    """Lines that hold the needle, and how: the whole of a part, its beginning, or within it."""
    mapped = data.obj
    if not len(data):
        return
    for wrapped, rank in (
        (_MARK + needle + _MARK, 0),
        (_MARK + needle, 1),
        (needle, 2),
    ):
        count = 0
        at = mapped.find(wrapped)  # type: ignore[attr-defined]
        while at >= 0 and count < _LOOKED // 4:
            line = int(np.searchsorted(starts, at, side="right")) - 1
            yield line, rank
            count += 1
            at = mapped.find(wrapped, int(starts[line + 1]))  # type: ignore[attr-defined]


def _labelled(engine: Engine, source: Source, found: list[tuple[int, int]]) -> list[Named]:
    names, places = wanted(source.relation.fields)
    parts = [_coalesced(names)] if names else []
    parts += [f"nullif(concat_ws(' ', {_listed(places)}), '')"] if places else []
    label = f"concat_ws(' · ', {', '.join(parts)})"
    sql = (
        f"SELECT {own('ordinal')}, {FID}, {label} FROM {source.sql}"
        f" WHERE {own('ordinal')} IN (SELECT unnest($rows))"
    )
    params = source.params | {"rows": [row for row, _ in found]}
    said = {row: (fid, label) for row, fid, label in engine.rows(sql, params)}
    return [Named(row, *said[row], rank) for row, rank in found if row in said]


def _build(engine: Engine, source: Source, copy: Served) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    names, places = wanted(source.relation.fields)
    parts = [_plain_sql(identifier(name)) for name in names]
    if places:
        parts.append(_plain_sql(f"concat_ws('', {_listed(places)})"))
    line = f"concat_ws(chr(9), {', '.join(f'nullif({part}, {_EMPTY})' for part in parts)})"
    sql = f"SELECT {own('ordinal')} AS row, {line} AS line FROM {source.sql}"
    unfinished = copy.folder / f"names-{os.getpid()}-{id(copy)}"
    writer = FlatWriter(unfinished)
    rows: list[pa.Array] = []
    for batch in engine.batches(sql, source.params, _BATCH):
        chosen = batch.filter(pc.not_equal(batch.column("line"), ""))
        rows.append(chosen.column("row").to_numpy())
        tab = pa.scalar("\t")
        marked = pc.binary_join_element_wise(tab, chosen.column("line"), tab, "")
        writer.add(marked)
    writer.close()
    kept = np.concatenate(rows).astype(np.int64) if rows else np.empty(0, np.int64)
    # Renamed into place, the file that is looked for last, so that no reader sees half of it.
    numbers = unfinished.with_name(f"{unfinished.name}-rows.npy")
    np.save(numbers, kept)
    numbers.replace(copy.folder / "name_rows.npy")
    unfinished.with_suffix(".bin").replace(copy.folder / "names.bin")
    unfinished.with_suffix(".npy").replace(copy.folder / "names.npy")


_EMPTY = "''"


def _plain_sql(text: str) -> str:
    return f"regexp_replace(lower(nfc_normalize({text})), '\\s+', '', 'g')"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(identifier(name) for name in names)


def _coalesced(names: Sequence[str]) -> str:
    return f"coalesce({_listed(names)})"
