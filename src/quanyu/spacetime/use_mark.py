"""The use that a file was given out by, named in the file's own metadata.

Files are written with a place of fixed length for it, which is filled in as the bytes leave: so a
file that is kept for a while can be given out again, each time under its own use. GeoPackage and
FlatGeobuf have it in the layer's description, Parquet and Arrow in the schema, GeoJSON as a foreign
member (RFC 7946, 6.1). Nothing of that is compressed. Who takes the metadata off, takes it off.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from quanyu.spacetime.model import Format

NAMED = "quanyu:use"
"""What it is called."""
PLACE = f"use_{'0' * 26}"
"""What a file has there before it leaves."""
AROUND = len(PLACE) - 1
"""So many bytes before and after a part of a file may belong to a place that it cuts."""
UNRECORDED = "open-data-counted-not-recorded"
"""What is put there where uses are counted together and have no name."""
NAMING = frozenset(
    {
        Format.GEOJSON,
        Format.JSONFG,
        Format.GEOPARQUET,
        Format.ARROW,
        Format.GEOPACKAGE,
        Format.FLATGEOBUF,
    }
)
"""Forms that have a place for it."""
_USE = re.compile(rb"use_[0-7][0-9A-HJKMNP-TV-Z]{25}")
_BLOCK = 1 << 20
_MOST = 1_000


def naming(
    chunks: Iterable[bytes], use: str, around: tuple[bytes, bytes] = (b"", b"")
) -> Iterator[bytes]:
    """The bytes of a file with ``use`` in its place; as many bytes as before.

    ``around`` is what the file has just before and after these bytes, so that a part of a file that
    begins or ends within the place has its part of the name.
    """
    place, name = PLACE.encode(), use.encode()
    if len(name) != len(place):
        raise ValueError(f"a name of {len(place)} bytes is needed")
    held, skip = around[0], len(around[0])
    try:
        for chunk in chunks:
            held = (held + chunk).replace(place, name)
            # What may be the beginning of the place waits for the rest of it.
            cut = len(held) - len(place) + 1
            if cut > skip:
                yield held[skip:cut]
                held, skip = held[cut:], 0
        end = len(held)
        if end > skip:
            yield (held + around[1]).replace(place, name)[skip:end]
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def uses_named(file: Path) -> list[str]:
    """Ids of uses that stand anywhere in a file, in the order in which they come, each once."""
    found: dict[str, None] = {}
    held = b""
    with file.open("rb") as source:
        while (block := source.read(_BLOCK)) and len(found) < _MOST:
            held += block
            found |= dict.fromkeys(one.decode() for one in _USE.findall(held))
            held = held[-len(PLACE) + 1 :]
    found.pop(PLACE, None)
    return list(found)
