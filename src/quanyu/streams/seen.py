"""Observations that have just come, as whoever follows a stream may see them."""

from typing import TYPE_CHECKING, Any

from quanyu.streams.asked import Options
from quanyu.streams.expanding import Budget, documents_of_observations
from quanyu.streams.expressions import Among, Call, Column, Expression, Value, all_of
from quanyu.streams.filtering import given
from quanyu.streams.observations import Selection
from quanyu.streams.tables import DatastreamRow
from quanyu.streams.visibility import Sight

if TYPE_CHECKING:
    import pyarrow as pa


def documents_of(sight: Sight, rows: "pa.Table", base: str) -> list[tuple[int, dict[str, Any]]]:
    """Those of some observations that may be seen, each with its number (``seq``) and as the
    document that HTTP answers. ``base`` is the root's address; in the order of the rows."""
    mine = _of_root(sight, rows)
    whole = sight.scope.restriction.open or not mine.num_rows
    seen = mine if whole else _given(sight, mine)
    documents = documents_of_observations(sight, seen, Options(), base, Budget())
    return list(zip(seen["seq"].to_pylist(), documents, strict=True))


def _of_root(sight: Sight, rows: "pa.Table") -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc
    import sqlalchemy as sa

    from quanyu.streams.expressions import among, dialect_of

    numbers = pc.unique(rows["datastream"]).to_pylist()
    query = sa.select(DatastreamRow.number).where(
        DatastreamRow.root == sight.root,
        among(DatastreamRow.number, numbers, dialect_of(sight.session)),
    )
    mine = set(sight.session.scalars(query))
    allowed = sight.scope.datastreams
    if allowed is not None:
        mine &= set(allowed.tolist())
    return rows.filter(pc.is_in(rows["datastream"], pa.array(sorted(mine), pa.int64())))


def _given(sight: Sight, rows: "pa.Table") -> "pa.Table":
    """The rows that the restriction gives: asked of the store again, where conditions are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = rows["seq"].to_pylist()
    parts: list[Expression] = [
        Call("ge", (Column("seq"), Value(min(numbers)))),
        Call("le", (Column("seq"), Value(max(numbers)))),
        Among("seq", numbers),
        given(sight),
    ]
    datastreams = pc.unique(rows["datastream"]).to_pylist()
    found = sight.observations.select(
        Selection(datastreams=datastreams, where=all_of(*parts), limit=len(numbers))
    )
    return rows.filter(pc.is_in(rows["seq"], pa.array(found["seq"].to_pylist(), pa.int64())))
