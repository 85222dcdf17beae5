"""The catalogue in figures: what departments have, how open it is, how it grew. Grouped queries
only, so that a hundred thousand entries are counted in a moment."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from sqlalchemy import ColumnElement, case, extract, func, literal, select, union_all
from sqlalchemy.orm import Session

from quanyu.catalogue.codes import Access, Kind, State
from quanyu.catalogue.departments import department_figures
from quanyu.catalogue.model import StepKind
from quanyu.catalogue.quality.tables import CareRow
from quanyu.catalogue.registration.model import Move
from quanyu.catalogue.registration.tables import ApplicationStepRow
from quanyu.catalogue.tables import ResourceRow, StepRow
from quanyu.kernel import LocalText, PartyId, now

MOST_ALIKE = 20
_PUBLIC_STEPS = (StepKind.PUBLISHED, StepKind.WITHDRAWN)
_SHOWN_STEPS = (StepKind.DRAFTED, StepKind.REGISTERED, StepKind.PUBLISHED, StepKind.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Alike:
    """Entries of the same title: probably collected twice."""

    title: LocalText
    entries: tuple[tuple[str, PartyId], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFigures:
    """Counts at one moment. Each is of the entries in scope: see :func:`catalogue_figures`.

    freshness  by provider: how many promised a cycle, how many of those are overdue.
    months     steps by month (``YYYY-MM``, UTC), the last twelve.
    """

    at: datetime
    states: dict[State, int]
    kinds: dict[Kind, int]
    coverage: tuple[tuple[PartyId, str, int], ...]
    openness: tuple[tuple[PartyId, Access, int], ...]
    months: tuple[tuple[str, StepKind, int], ...]
    freshness: tuple[tuple[PartyId, int, int], ...]
    quality: tuple[tuple[PartyId, int, int], ...]
    alike: tuple[Alike, ...]

    @property
    def total(self) -> int:
        """All entries in scope."""
        return sum(self.states.values())


def latest_step(session: Session) -> int:
    """The number of the last thing that happened to an entry: while it stands, so do counts."""
    return session.scalar(select(func.max(StepRow.number))) or 0


def catalogue_figures(
    session: Session,
    *,
    public: bool,
    provider: PartyId | None = None,
    since: datetime | None = None,
) -> CatalogueFigures:
    """Count the catalogue. ``public`` keeps what everybody may see; ``provider`` one department's
    entries; ``since`` those put down later. ``quality`` is the rounded mean score by provider and
    how many entries it is of."""
    moment = now()
    scope = _scope(provider, since, public=public)
    states: Counter[State] = Counter()
    kinds: Counter[Kind] = Counter()
    openness: Counter[tuple[PartyId, Access]] = Counter()
    # One pass over an index that holds all four; some thousand groups are left at most.
    columns = (ResourceRow.state, ResourceRow.kind, ResourceRow.provider, ResourceRow.access)
    grouped = select(*columns, func.count()).where(*scope).group_by(*columns)
    for state, kind, party, access, count in session.execute(grouped):
        states[State(state)] += count
        kinds[Kind(kind)] += count
        openness[PartyId(party), Access(access)] += count
    coverage, freshness, quality = department_figures(session, scope, moment)
    return CatalogueFigures(
        at=moment,
        states=dict(states),
        kinds=dict(kinds),
        coverage=coverage,
        openness=tuple((party, level, n) for (party, level), n in sorted(openness.items())),
        months=_months(session, moment, provider, public=public),
        freshness=freshness,
        quality=quality,
        alike=_alike(session, scope),
    )


def _scope(
    provider: PartyId | None, since: datetime | None, *, public: bool
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if public:
        found.append(ResourceRow.state == State.PUBLISHED.value)
    if provider is not None:
        found.append(ResourceRow.provider == provider)
    if since is not None:
        found.append(ResourceRow.created_at >= since)
    return found


def _months(
    session: Session, moment: datetime, provider: PartyId | None, *, public: bool
) -> tuple[tuple[str, StepKind, int], ...]:
    """Steps of the last twelve months: ranges of an index, counted in one statement."""
    kinds = _PUBLIC_STEPS if public else _SHOWN_STEPS
    months = _twelve(moment)
    if provider is not None:
        return _months_of(session, provider, kinds, months[0][0])
    counts = [
        select(literal(f"{first:%Y-%m}").label("month"), literal(kind.value), func.count()).where(
            StepRow.kind == kind.value, StepRow.at >= first, StepRow.at < last
        )
        for first, last in months
        for kind in kinds
    ]
    rows = session.execute(union_all(*counts))
    return tuple((month, StepKind(kind), count) for month, kind, count in rows if count)


def _months_of(
    session: Session, provider: PartyId, kinds: tuple[StepKind, ...], since: datetime
) -> tuple[tuple[str, StepKind, int], ...]:
    """The same for one provider, by way of its entries."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    at = StepRow.at.expression if sqlite else func.timezone("UTC", StepRow.at)
    year, month = extract("year", at), extract("month", at)
    rows = session.execute(
        select(year, month, StepRow.kind, func.count())
        .join(ResourceRow, ResourceRow.id == StepRow.resource)
        .where(
            ResourceRow.provider == provider,
            StepRow.at >= since,
            StepRow.kind.in_([kind.value for kind in kinds]),
        )
        .group_by(year, month, StepRow.kind)
    )
    return tuple(
        sorted((f"{int(y):04d}-{int(m):02d}", StepKind(kind), count) for y, m, kind, count in rows)
    )


def _twelve(moment: datetime) -> list[tuple[datetime, datetime]]:
    """This month and the eleven before it, UTC, each with the first moment of the next."""
    number = moment.year * 12 + moment.month - 1
    starts = [
        datetime(*_year_and_month(number - back), 1, tzinfo=UTC) for back in range(11, -2, -1)
    ]
    return list(pairwise(starts))


def _year_and_month(number: int) -> tuple[int, int]:
    """Year and month of a count of months."""
    year, month = divmod(number, 12)
    return year, month + 1


def _alike(session: Session, scope: list[ColumnElement[bool]]) -> tuple[Alike, ...]:
    # Titles are counted over the whole index first; who is in scope is asked of the few found.
    twice = (
        select(ResourceRow.sort_zh)
        .group_by(ResourceRow.sort_zh)
        .having(func.count() > 1)
        .limit(MOST_ALIKE * 10)
    )
    rows = session.execute(
        select(ResourceRow.sort_zh, ResourceRow.slug, ResourceRow.provider, ResourceRow.body)
        .where(*scope, ResourceRow.sort_zh.in_(session.scalars(twice).all()))
        .order_by(ResourceRow.number)
        .limit(MOST_ALIKE * 20)
    )
    groups: dict[bytes, list[tuple[str, PartyId]]] = {}
    titles: dict[bytes, LocalText] = {}
    for key, slug, party, body in rows:
        groups.setdefault(key, []).append((slug, PartyId(party)))
        titles.setdefault(key, LocalText(**body["title"]))
    most = sorted(groups.items(), key=lambda item: -len(item[1]))
    return tuple(Alike(titles[key], tuple(of)) for key, of in most if len(of) > 1)[:MOST_ALIKE]


@dataclass(frozen=True, slots=True)
class Wanting:
    """An entry that wants its provider's care: a low score, or data behind the promise."""

    slug: str
    title: LocalText
    score: int
    due_at: datetime | None
    overdue_at: datetime | None


def wanting_care(session: Session, provider: PartyId, *, limit: int = 10) -> list[Wanting]:
    """Entries of a provider that are overdue first, then those with the lowest scores."""
    moment = now()
    late = case((CareRow.overdue_at <= moment, 0), else_=1)
    rows = session.execute(
        select(ResourceRow.slug, ResourceRow.body, CareRow)
        .join(CareRow, CareRow.number == ResourceRow.number)
        .where(ResourceRow.provider == provider, ResourceRow.state != State.WITHDRAWN.value)
        .order_by(late, CareRow.score, ResourceRow.number)
        .limit(limit)
    )
    return [
        Wanting(slug, LocalText(**body["title"]), care.score, care.due_at, care.overdue_at)
        for slug, body, care in rows
    ]


def review_throughput(session: Session, days: Sequence[datetime]) -> list[tuple[int, Move, int]]:
    """Steps of applications in each stretch between two of these instants, which go up: its number,
    what was done, how often."""
    parts = [
        select(literal(number).label("day"), ApplicationStepRow.move, func.count())
        .where(ApplicationStepRow.at >= first, ApplicationStepRow.at < last)
        .group_by(ApplicationStepRow.move)
        for number, (first, last) in enumerate(pairwise(days))
    ]
    rows = session.execute(union_all(*parts)) if parts else ()
    return sorted((number, Move(move), count) for number, move, count in rows)
