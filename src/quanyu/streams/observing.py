"""Whether the datastreams of a stream still observe, and how good that is: one question for all."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, func, select
from sqlalchemy.orm import Session

from quanyu.kernel import ResourceId
from quanyu.streams.expressions import Call, Member, Value
from quanyu.streams.inserting import root_of
from quanyu.streams.observations import Observations, Selection
from quanyu.streams.qartod import DECLARED, Flag
from quanyu.streams.tables import DatastreamRow

_MOST_TESTED = 1_000
_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,4})D)?(?:T(?:(?P<hours>\d{1,4})H)?(?:(?P<minutes>\d{1,4})M)?"
    r"(?:(?P<seconds>\d{1,5})S)?)?"
)


@dataclass(frozen=True, slots=True)
class Observing:
    """Of ``datastreams`` of a stream that promise a cadence ``silent`` have no observation within
    it; ``latest`` is the newest observation of all."""

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
) -> Observing:
    """How many datastreams of a stream observe as promised at ``moment``, by what is kept of the
    latest of each: no observation is read.

    The promise is the property ``cadence`` of a datastream (an ISO 8601 duration of days, hours,
    minutes, seconds), else ``usual``; ``grace`` times that may pass without an observation.
    """
    root = root_of(session, resource)
    cadence = _property(session, "cadence")
    by_period: dict[timedelta, list[int]] = {}
    query = select(DatastreamRow.number, cadence).where(DatastreamRow.root == root)
    for number, said in session.execute(query) if root is not None else ():
        period = cadence_of(said) or usual
        if period is not None:
            by_period.setdefault(period, []).append(number)
    count, lively, latest = 0, 0, None
    for period, numbers in by_period.items():
        some, newest = observations.lately(numbers, moment - grace * period)
        lively += some
        latest = max(filter(None, (latest, newest)), default=None)
        count += len(numbers)
    return Observing(count, count - lively, latest)


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


def cadence_of(said: str | None) -> timedelta | None:
    """The longest time between two observations that a datastream promises; ``None`` for what is no
    duration, or none at all."""
    found = _DURATION.fullmatch(said) if said else None
    if found is None:
        return None
    parts = {name: int(value) for name, value in found.groupdict().items() if value}
    return timedelta(**parts) or None
