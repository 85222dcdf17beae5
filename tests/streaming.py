"""Streams that tests watch: published with their datastreams, and given observations."""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
from sqlalchemy.orm import Session

from quanyu.catalogue import Access, Kind, Resource, ResourceDraft, publish, register
from quanyu.kernel import LocalText
from quanyu.parties import Caller
from quanyu.streams import DatastreamDraft, Observations, ensure_datastreams


def published_stream(
    session: Session,
    provider: Caller,
    slug: str,
    title: LocalText,
    datastreams: Sequence[DatastreamDraft],
) -> tuple[Resource, list[int]]:
    """A shared stream of a party, and the numbers of its datastreams."""
    assert provider.party is not None
    draft = ResourceDraft(
        slug=slug,
        kind=Kind.STREAM,
        title=title,
        abstract=title,
        provider=provider.party,
        licence="by-agreement",
        access=Access.SHARED,
    )
    made = publish(session, register(session, draft, provider).id, provider, reviewed=False)
    return made, ensure_datastreams(session, made.id, datastreams)


def observe(store: Observations, rows: Sequence[tuple[int, datetime, float]]) -> None:
    """Append observations: the number of the datastream, when, and the value."""
    numbers, starts, values = zip(*rows, strict=True)
    store.append(
        pa.table(
            {
                "datastream": pa.array(numbers, pa.int64()),
                "start": pa.array(starts, pa.timestamp("us", "UTC")),
                "number": pa.array(values, pa.float64()),
            }
        )
    )
