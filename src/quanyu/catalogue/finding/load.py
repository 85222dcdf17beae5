"""Many entries at once, through the same checks and the same index, without a step for each.

For moving a catalogue and for measuring it: no lineage, no serial numbers, no history.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from quanyu.catalogue.finding.index import index_entries
from quanyu.catalogue.finding.postings import BLOCK
from quanyu.catalogue.model import Resource
from quanyu.catalogue.rows import document, sort_keys
from quanyu.catalogue.tables import ResourceRow, ThemeRow
from quanyu.kernel import ControlStore


def load_entries(control: ControlStore, entries: Iterable[Resource], *, first: int = 1) -> int:
    """Put entries into an empty catalogue, numbered from ``first``; how many there were."""
    number = first
    for batch in _batches(entries):
        with control.begin() as session:
            numbered = list(enumerate(batch, number))
            session.execute(insert(ResourceRow), [_row(n, entry) for n, entry in numbered])
            themes = [
                {"number": n, "theme": t}
                for n, entry in numbered
                for t in dict.fromkeys(entry.themes)
            ]
            if themes:
                session.execute(insert(ThemeRow), themes)
            index_entries(session.connection(), numbered)
        number += len(batch)
    return number - first


def settle_index(session: Session) -> None:
    """Tell the database what it holds after much was loaded."""
    session.execute(text("ANALYZE"))


def _row(number: int, entry: Resource) -> dict[str, Any]:
    west, south, east, north = entry.bbox or (None, None, None, None)
    sort_zh, sort_en = sort_keys(entry.title)
    return {
        "number": number,
        "id": entry.id,
        "code": entry.code,
        "slug": entry.slug,
        "kind": entry.kind.value,
        "state": entry.state.value,
        "access": entry.access.value,
        "provider": entry.provider,
        "area": "000000",
        "revision": entry.revision,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
        "published_at": entry.published_at,
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        "time_from": entry.interval[0],
        "time_to": entry.interval[1],
        "sort_zh": sort_zh,
        "sort_en": sort_en,
        "body": document(entry),
    }


def _batches(entries: Iterable[Resource]) -> Iterator[Sequence[Resource]]:
    left = iter(entries)
    while batch := list(islice(left, BLOCK)):
        yield batch
