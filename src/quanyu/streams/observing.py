"""Whether the datastreams of a stream still observe, and how good that is: those that seem silent
are a range of an index, and only these are looked at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, bindparam, func, select, update
from sqlalchemy.orm import Session

from quanyu.kernel import ControlStore, ResourceId, batched
from quanyu.streams.expressions import Call, Member, Value
from quanyu.streams.inserting import root_of
from quanyu.streams.observations import Observations, Selection
from quanyu.streams.observations.model import microseconds, moment_of
from quanyu.streams.qartod import DECLARED, Flag
from quanyu.streams.tables import CadenceRow, DatastreamRow

_AT_ONCE = 20_000
_MOST_TESTED = 1_000


@dataclass(frozen=True, slots=True)
class Observing:
    """Of ``datastreams`` of a stream that promise a cadence ``silent`` have no observation within
    it; ``latest`` is the newest observation of those that were looked at, now or before."""

    datastreams: int
    silent: int
    latest: datetime | None


@dataclass(frozen=True, slots=True)
class Flagged:
    """Observations that were tested: all, and those whose worst flag is suspect or failed."""

    tested: int
    suspect: int
    failed: int


def observing_lately(
    session: Session,
    observations: Observations,
    resource: ResourceId,
    *,
    moment: datetime,
    usual: timedelta | None,
    grace: float,
    looked: bool = False,
) -> Observing:
    """How many datastreams of a stream observe as promised at ``moment``, by what is kept of each:
    no observation is read, and one that was seen to observe is not looked at again before its time
    has passed. What is seen is written down, so the session is one that writes.

    The promise is the property ``cadence`` of a datastream (an ISO 8601 duration of days, hours,
    minutes, seconds), else ``usual``; ``grace`` times that may pass without an observation.
    ``looked``: :func:`look_ahead` has looked for this moment, and nothing is looked at again.
    """
    count = silent = newest = 0
    for mine, since in _promised(session, resource, moment, usual, grace):
        if looked:
            seeming = select(func.count()).select_from(CadenceRow)
            silent += session.scalar(seeming.where(mine, CadenceRow.seen < since)) or 0
        else:
            for part in _seeming(session, mine, since):
                silent += _look(session, observations, part, since)
        count += session.scalar(select(func.count()).select_from(CadenceRow).where(mine)) or 0
        seen = session.scalar(select(func.max(CadenceRow.seen)).where(mine))
        newest = max(newest, seen or 0)
    return Observing(count, silent, moment_of(newest or None))


def look_ahead(
    control: ControlStore,
    observations: Observations,
    resource: ResourceId,
    *,
    moment: datetime,
    usual: timedelta | None,
    grace: float,
) -> None:
    """Write down which datastreams observe, some thousand in a transaction, so that
    :func:`observing_lately` with the same arguments holds nobody else up."""
    with control.read() as session:
        wanted = [
            (part, since)
            for mine, since in _promised(session, resource, moment, usual, grace)
            for part in _seeming(session, mine, since)
        ]
    for part, since in wanted:
        with control.begin() as session:
            _look(session, observations, part, since)


def _promised(
    session: Session,
    resource: ResourceId,
    moment: datetime,
    usual: timedelta | None,
    grace: float,
) -> Iterator[tuple[ColumnElement[bool], int]]:
    """Datastreams of each cadence, and since when they ought to have observed."""
    root = root_of(session, resource)
    for seconds in _cadences(session, root) if root is not None else ():
        period = timedelta(seconds=seconds) if seconds else usual
        if period is not None:
            mine = (CadenceRow.root == root) & (CadenceRow.seconds == seconds)
            yield mine, microseconds(moment - grace * period)


def _seeming(
    session: Session, mine: ColumnElement[bool], since: int
) -> Iterator[Mapping[int, int]]:
    """Datastreams that seem silent, and until when they were seen to observe, some at a time."""
    query = select(CadenceRow.datastream, CadenceRow.seen).where(mine, CadenceRow.seen < since)
    found = session.execute(query).all()  # all first: what is kept changes the index
    for some in batched(found, _AT_ONCE):
        yield {number: seen for number, seen in some}  # noqa: C416 (rows, not pairs)


def _cadences(session: Session, root: int) -> Iterator[int]:
    """The different cadences of a root, each found by one look into the index."""
    last = -1
    while True:
        query = select(func.min(CadenceRow.seconds)).where(
            CadenceRow.root == root, CadenceRow.seconds > last
        )
        found = session.scalar(query)
        if found is None:
            return
        yield found
        last = found


def flagged_between(
    session: Session,
    observations: Observations,
    resource: ResourceId,
    start: datetime,
    end: datetime,
) -> Flagged | None:
    """How tests of quality went over a stream's observations that start in ``[start, end)``;
    ``None`` where no datastream declares any.

    Where more than a thousand do, a thousand of them are looked at, evenly among all.
    """
    root = root_of(session, resource)
    if root is None:
        return None
    query = select(DatastreamRow.number).where(
        DatastreamRow.root == root,
        DatastreamRow.multi.is_(False),
        _property(session, DECLARED).is_not(None),
    )
    numbers = session.scalars(query.order_by(DatastreamRow.number)).all()
    if not numbers:
        return None
    some = numbers[:: -(-len(numbers) // _MOST_TESTED)]
    code = Member("quality", ("DQ_Result", "code"), "number")

    def count(flag: Flag) -> int:
        where = Call("eq", (code, Value(int(flag))))
        return observations.count(Selection(datastreams=some, start=start, end=end, where=where))

    passed, suspect, failed = map(count, (Flag.PASS, Flag.SUSPECT, Flag.FAIL))
    return Flagged(passed + suspect + failed, suspect, failed)


def _property(session: Session, name: str) -> ColumnElement[Any]:
    """A property of a datastream as text."""
    column = DatastreamRow.properties
    if session.get_bind().dialect.name == "sqlite":
        return func.json_extract(column, f"$.{name}", type_=Text())
    return func.jsonb_extract_path_text(column, name, type_=Text())


def _look(session: Session, observations: Observations, seen: Mapping[int, int], since: int) -> int:
    """How many of some datastreams are silent; it is kept up to when they observed."""
    ends = observations.ends(list(seen))
    later = [{"which": number, "until": end} for number, end in ends.items() if end != seen[number]]
    if later:
        table: Any = CadenceRow.__table__
        kept = update(table).where(table.c.datastream == bindparam("which"))
        session.connection().execute(kept.values(seen=bindparam("until")), later)
    return len(seen) - sum(end >= since for end in ends.values())
