"""The one table of policy terms: operand × operator → what it means. A new term is one entry.

A compiler is given the constraint's right operand and returns a :class:`Part`. What is not in the
table is not understood, and a policy that holds it is not taken.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeAlias, TypeVar

from quanyu.agreements.literals import (
    columns,
    connectors,
    cql2,
    divisions,
    environments,
    grid,
    instant,
    interval,
    mask,
    names,
    networks,
    noise,
    region,
    version_numbers,
    whole,
)
from quanyu.agreements.narrowing import narrow
from quanyu.agreements.policy import Constraint
from quanyu.agreements.vocabulary import short, unknown
from quanyu.agreements.whence import Circumstance, Kind
from quanyu.kernel import Invalid
from quanyu.parties import PartyKind
from quanyu.spacetime import OPEN, Column, Figures, Mask, Restriction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Among(Generic[T]):
    """A set of values: ``allowed`` (``None`` is all) without ``excluded``."""

    allowed: frozenset[T] | None = None
    excluded: frozenset[T] = frozenset()

    @property
    def any(self) -> bool:
        """Whether every value is in it."""
        return self.allowed is None and not self.excluded

    def admits(self, value: T | None) -> bool:
        """Whether ``value`` is in it; an unstated value only when every value is."""
        if value is None:
            return self.any
        return value not in self.excluded and (self.allowed is None or value in self.allowed)

    def both(self, other: "Among[T]") -> "Among[T]":
        """The values in both sets."""
        allowed = (
            other.allowed
            if self.allowed is None
            else self.allowed
            if other.allowed is None
            else self.allowed & other.allowed
        )
        return Among(allowed, self.excluded | other.excluded)

    def apart(self, other: "Among[T]") -> bool:
        """Whether no value can be in both sets."""
        both = self.both(other)
        return both.allowed is not None and not both.allowed - both.excluded


@dataclass(frozen=True, slots=True)
class Window:
    """Instants from ``start`` on and before ``end``."""

    start: datetime | None = None
    end: datetime | None = None

    def both(self, other: "Window") -> "Window":
        """The instants in both windows."""
        starts = [t for t in (self.start, other.start) if t is not None]
        ends = [t for t in (self.end, other.end) if t is not None]
        return Window(max(starts, default=None), min(ends, default=None))


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns may be seen: ``among`` them, some through ``masks`` (at most one each)."""

    among: Among[str] = Among()
    masks: tuple[Column, ...] = ()

    def both(self, other: "Columns") -> "Columns":
        """Columns that both show; two different masks hide the column."""
        merged = {column.name: column for column in self.masks}
        hidden = set()
        for column in other.masks:
            if merged.setdefault(column.name, column) != column:
                hidden.add(column.name)
        among = self.among.both(other.among)
        return Columns(
            Among(among.allowed, among.excluded | hidden),
            tuple(merged[name] for name in sorted(merged) if name not in hidden),
        )

    def of(self, known: tuple[str, ...]) -> tuple[Column, ...] | None:
        """The visible ones of the columns that the catalogue describes; ``None`` when all are."""
        if self.among.any and not self.masks:
            return None
        masked = {column.name: column for column in self.masks}
        names_ = known if self.among.allowed is None else sorted(self.among.allowed)
        return tuple(masked.get(n) or Column(n) for n in names_ if self.among.admits(n))


@dataclass(frozen=True, slots=True)
class Quota:
    """At most ``limit`` of a ``measure`` (requests, rows, bytes; epsilon in millionths); in
    ``period`` seconds: a rate."""

    rule: str
    measure: str
    limit: int
    period: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What a constraint means. ``selectors`` decide whether a rule is meant at all (purpose,
    recipient); ``window`` and ``circumstances`` whether it is in force; the rest narrows what it
    gives."""

    purposes: Among[str] = Among()
    recipients: Among[str] = Among()
    kinds: Among[str] = Among()
    window: Window = Window()
    versions: Among[int] = Among()
    columns: Columns = Columns()
    restriction: Restriction = OPEN
    quotas: tuple[Quota, ...] = ()
    releases: Among[str] = Among()
    output_group: int = 1
    circumstances: tuple[Circumstance, ...] = ()

    def both(self, other: "Part") -> "Part":
        """The conjunction."""
        return Part(
            purposes=self.purposes.both(other.purposes),
            recipients=self.recipients.both(other.recipients),
            kinds=self.kinds.both(other.kinds),
            window=self.window.both(other.window),
            versions=self.versions.both(other.versions),
            columns=self.columns.both(other.columns),
            restriction=narrow(self.restriction, other.restriction),
            quotas=(*self.quotas, *(q for q in other.quotas if q not in self.quotas)),
            releases=self.releases.both(other.releases),
            output_group=max(self.output_group, other.output_group),
            circumstances=(
                *self.circumstances,
                *(one for one in other.circumstances if one not in self.circumstances),
            ),
        )

    @property
    def changed(self) -> frozenset[str]:
        """Names of what it says something of."""
        return frozenset(f.name for f in fields(self) if getattr(self, f.name) != f.default)


MILLION = 1_000_000
SELECTORS = frozenset({"purposes", "recipients", "kinds"})
EVERYTHING = Part()


@dataclass(frozen=True, slots=True)
class Operand:
    """A right operand on its way through the table: its value, unit, rule id and place."""

    value: Any
    unit: str | None
    rule: str
    field: str


Compiler: TypeAlias = Callable[[Operand], Part]


@dataclass(frozen=True, slots=True)
class Term:
    """An entry: how it compiles, what it says to people (a message id, one for each unit where it
    takes units), and an example of its right operand."""

    compiler: Compiler
    says: str
    example: Any
    units: Mapping[str, str] = field(default_factory=dict)


PERIODS = {
    "quanyu:perSecond": 1,
    "quanyu:perMinute": 60,
    "quanyu:perHour": 3600,
    "quanyu:perDay": 86400,
}
RATES = {
    "quanyu:perSecond": "at most {value} requests a second",
    "quanyu:perMinute": "at most {value} requests a minute",
    "quanyu:perHour": "at most {value} requests an hour",
    "quanyu:perDay": "at most {value} requests a day",
}
REVIEWED, CHECKED = "reviewed", "checked"
RELEASES = frozenset({REVIEWED, CHECKED})
"""How outputs of algorithms are released: by a steward of the provider, or once checked."""
_TICK = timedelta(microseconds=1)


def _after(moment: datetime) -> datetime:
    return moment if moment >= datetime.max.replace(tzinfo=UTC) - _TICK else moment + _TICK


def _purposes(operand: Operand) -> frozenset[str]:
    return frozenset(short(name) for name in names(operand.value, operand.field))


def _parties(operand: Operand) -> frozenset[str]:
    return frozenset(short(name) for name in names(operand.value, operand.field))


def _kinds(operand: Operand) -> frozenset[str]:
    found = frozenset(short(name) for name in names(operand.value, operand.field))
    for name in found - set(PartyKind):
        raise unknown(name, operand.field)
    return found


def _quota(measure: str) -> Compiler:
    def compile_(operand: Operand) -> Part:
        limit = whole(operand.value, operand.field)
        return Part(quotas=(Quota(operand.rule, measure, limit),))

    return compile_


def _noise(operand: Operand) -> Part:
    found, budget = noise(operand.value, operand.field)
    # Noise protects only while the loss of all questions together is bounded.
    quota = Quota(operand.rule, "epsilon", round(budget * MILLION))
    return Part(restriction=Restriction(figures=Figures(noise=found)), quotas=(quota,))


def _groups(operand: Operand) -> Part:
    least = whole(operand.value, operand.field, least=2)
    return Part(restriction=Restriction(figures=Figures(least)))


def _rate(operand: Operand) -> Part:
    limit = whole(operand.value, operand.field, least=1)
    period = PERIODS[operand.unit or ""]
    return Part(quotas=(Quota(operand.rule, "requests", limit, period),))


def _mask(operand: Operand) -> Part:
    found = Columns()
    for column in mask(operand.value, operand.field):
        found = found.both(Columns(masks=(column,)))
    return Part(columns=found)


def _seen(operand: Operand) -> frozenset[str]:
    return columns(operand.value, operand.field)


def _allowed_purposes(o: Operand) -> Part:
    return Part(purposes=Among(_purposes(o)))


def _excluded_purposes(o: Operand) -> Part:
    return Part(purposes=Among(excluded=_purposes(o)))


def _allowed_parties(o: Operand) -> Part:
    return Part(recipients=Among(_parties(o)))


def _excluded_parties(o: Operand) -> Part:
    return Part(recipients=Among(excluded=_parties(o)))


def _releases(o: Operand) -> Part:
    found = frozenset(short(name) for name in names(o.value, o.field))
    for name in found - RELEASES:
        raise unknown(name, o.field)
    return Part(releases=Among(found))


def _versions(o: Operand) -> Part:
    return Part(versions=Among(version_numbers(o.value, o.field)))


def _rows(o: Operand) -> Part:
    return Part(restriction=Restriction(rows=cql2(o.value, o.field)))


def _region(o: Operand) -> Part:
    return Part(restriction=Restriction(region=region(o.value, o.field)))


def _networks(o: Operand) -> Part:
    return Part(circumstances=(Circumstance(Kind.NETWORK, networks(o.value, o.field)),))


def _divisions(o: Operand) -> Part:
    return Part(circumstances=(Circumstance(Kind.DIVISION, divisions(o.value, o.field)),))


def _environment(o: Operand) -> Part:
    return Part(circumstances=(Circumstance(Kind.ENVIRONMENT, environments(o.value, o.field)),))


def _connectors(o: Operand) -> Part:
    return Part(circumstances=(Circumstance(Kind.CONNECTOR, connectors(o.value, o.field)),))


_HOUR = "2027-01-01T00:00:00Z"
_AREA = {"type": "Polygon", "coordinates": [[[24, 60], [25, 60], [25, 61], [24, 61], [24, 60]]]}
_CQL2 = {"op": ">", "args": [{"property": "floors"}, 3]}

TERMS: dict[tuple[str, str], Term] = {
    ("odrl:purpose", "odrl:eq"): Term(_allowed_purposes, "for the purpose {value}", "research"),
    ("odrl:purpose", "odrl:isAnyOf"): Term(
        _allowed_purposes, "for the purposes {value}", ["research", "governance"]
    ),
    ("odrl:purpose", "odrl:neq"): Term(
        _excluded_purposes, "not for the purpose {value}", "industry"
    ),
    ("odrl:purpose", "odrl:isNoneOf"): Term(
        _excluded_purposes, "not for the purposes {value}", ["industry", "marketing"]
    ),
    ("odrl:recipient", "odrl:eq"): Term(_allowed_parties, "to the party {value}", "pty_01"),
    ("odrl:recipient", "odrl:isAnyOf"): Term(
        _allowed_parties, "to the parties {value}", ["pty_01", "pty_02"]
    ),
    ("odrl:recipient", "odrl:neq"): Term(_excluded_parties, "not to the party {value}", "pty_01"),
    ("odrl:recipient", "odrl:isNoneOf"): Term(
        _excluded_parties, "not to the parties {value}", ["pty_01", "pty_02"]
    ),
    ("odrl:recipient", "odrl:isA"): Term(
        lambda o: Part(kinds=Among(_kinds(o))), "to parties of the kind {value}", "university"
    ),
    ("odrl:dateTime", "odrl:lt"): Term(
        lambda o: Part(window=Window(end=instant(o.value, o.field))), "before {value}", _HOUR
    ),
    ("odrl:dateTime", "odrl:lteq"): Term(
        lambda o: Part(window=Window(end=_after(instant(o.value, o.field)))), "until {value}", _HOUR
    ),
    ("odrl:dateTime", "odrl:gt"): Term(
        lambda o: Part(window=Window(start=_after(instant(o.value, o.field)))),
        "after {value}",
        _HOUR,
    ),
    ("odrl:dateTime", "odrl:gteq"): Term(
        lambda o: Part(window=Window(start=instant(o.value, o.field))), "from {value} on", _HOUR
    ),
    ("odrl:spatial", "odrl:isPartOf"): Term(_region, "only within a region", _AREA),
    ("odrl:spatial", "odrl:eq"): Term(_region, "only within a region", _AREA),
    ("quanyu:interval", "odrl:isPartOf"): Term(
        lambda o: Part(restriction=Restriction(interval=interval(o.value, o.field))),
        "only what is valid within {value}",
        "2020-01-01T00:00:00Z/..",
    ),
    ("quanyu:rows", "odrl:isPartOf"): Term(_rows, "only rows that meet a filter", _CQL2),
    ("quanyu:columns", "odrl:isAnyOf"): Term(
        lambda o: Part(columns=Columns(Among(_seen(o)))), "only the columns {value}", ["name"]
    ),
    ("quanyu:columns", "odrl:isNoneOf"): Term(
        lambda o: Part(columns=Columns(Among(excluded=_seen(o)))),
        "without the columns {value}",
        ["owner", "phone"],
    ),
    ("quanyu:mask", "odrl:eq"): Term(
        _mask,
        "some columns are blurred",
        [
            {"column": "phone", "mask": Mask.KEEP_LAST_4.value},
            {"column": "owner", "mask": Mask.HASH.value},
            {"column": "value", "mask": Mask.ROUND.value, "step": 1000},
            {"column": "height", "mask": Mask.MARK.value, "step": 0.01},
        ],
    ),
    ("quanyu:grid", "odrl:gteq"): Term(
        lambda o: Part(restriction=Restriction(grid_m=grid(o.value, o.field))),
        "geometry is coarsened to {value} metres",
        100,
    ),
    ("quanyu:release", "odrl:eq"): Term(
        _releases, "outputs of algorithms are released when {value}", REVIEWED
    ),
    ("quanyu:outputGroup", "odrl:gteq"): Term(
        lambda o: Part(output_group=whole(o.value, o.field, least=2)),
        "groups in outputs of algorithms rest on at least {value} rows",
        20,
    ),
    ("quanyu:version", "odrl:eq"): Term(_versions, "only the version {value}", 1),
    ("quanyu:version", "odrl:isAnyOf"): Term(_versions, "only the versions {value}", [1, 2]),
    ("odrl:count", "odrl:lteq"): Term(_quota("requests"), "at most {value} requests", 10_000),
    ("quanyu:rowCount", "odrl:lteq"): Term(_quota("rows"), "at most {value} rows", 1_000_000),
    ("quanyu:byteCount", "odrl:lteq"): Term(_quota("bytes"), "at most {value} bytes", 10**9),
    ("quanyu:rate", "odrl:lteq"): Term(_rate, "at most {value} requests in a period", 60, RATES),
    ("quanyu:network", "odrl:isAnyOf"): Term(
        _networks, "only from the networks {value}", ["10.0.0.0/8", "2001:db8::/32"]
    ),
    ("quanyu:division", "odrl:isPartOf"): Term(
        _divisions, "only from networks in the administrative division {value}", "3205"
    ),
    ("quanyu:environment", "odrl:eq"): Term(_environment, "only in the environment {value}", "tls"),
    ("quanyu:connector", "odrl:eq"): Term(
        _connectors, "only through the connector {value}", "harbour.example"
    ),
    ("quanyu:connector", "odrl:isAnyOf"): Term(
        _connectors,
        "only through one of the connectors {value}",
        ["harbour.example", "valley.example"],
    ),
    ("quanyu:groupSize", "odrl:gteq"): Term(
        _groups, "no rows, only figures of groups of at least {value} rows", 5
    ),
    ("quanyu:noise", "odrl:eq"): Term(
        _noise,
        "no rows, only figures with the noise of differential privacy",
        {
            "epsilon": 0.1,
            "budget": 2,
            "bounds": [
                {"column": "height", "least": 0, "most": 100},
                {"column": "kind", "values": ["house", "hall"]},
            ],
        },
    ),
}


def compile_constraint(constraint: Constraint, rule: str, where: str) -> Part:
    """What a constraint means; raises :class:`Invalid` naming the operand or operator not known."""
    term = TERMS.get((constraint.left, constraint.operator))
    if term is None:
        if not any(left == constraint.left for left, _ in TERMS):
            raise unknown(constraint.left, f"{where}.leftOperand")
        raise unknown(f"{constraint.left} {constraint.operator}", f"{where}.operator")
    if constraint.unit not in (tuple(term.units) or (None,)):
        raise Invalid(
            "the unit “{unit}” is not one of this term's",
            field=f"{where}.unit",
            rule="policy.term",
            mend="use one of: {units}",
            unit=str(constraint.unit),
            units=", ".join(term.units) or "—",
        )
    return term.compiler(Operand(constraint.right, constraint.unit, rule, f"{where}.rightOperand"))
