"""Price plans 价格方案: how much a quantity costs, exactly.

A plan prices what was used under one agreement in one period (a calendar month of the node). An
estimate, an invoice and a posting all call :func:`price`, so that they cannot differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from quanyu.kernel import Invalid, canonical, sha256_hex
from quanyu.market.money import MOST, rounded

FREE_PURPOSES = frozenset({"governance", "welfare"})
"""Purposes for which public data are free (发改价格〔2025〕65号: public governance and welfare)."""

MOST_TIERS = 20


class PlanKind(StrEnum):
    """Kinds of price plans."""

    FREE = "free"
    PER_USE = "per-use"
    PER_VOLUME = "per-volume"
    SUBSCRIPTION = "subscription"
    TIERED = "tiered"
    PREPAID = "prepaid"


class Measure(StrEnum):
    """What is counted: answered requests, rows or bytes."""

    USES = "uses"
    ROWS = "rows"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Quantity:
    """What was used. Quantities add; none is negative."""

    uses: int = 0
    rows: int = 0
    bytes: int = 0

    def __add__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.uses + other.uses, self.rows + other.rows, self.bytes + other.bytes)

    def of(self, measure: Measure) -> int:
        """How much of one measure it is."""
        return {Measure.USES: self.uses, Measure.ROWS: self.rows, Measure.BYTES: self.bytes}[
            measure
        ]


@dataclass(frozen=True, slots=True)
class Tier:
    """Each unit up to ``up_to`` (``None``: all others) costs ``price`` 分 for each ``per``."""

    up_to: int | None
    price: int


@dataclass(frozen=True, slots=True)
class PricePlan:
    """A price plan. Prices are whole 分 for each ``per`` units of ``measure``.

    included     units that cost nothing, each period.
    fee          分 for each period in which the agreement is in force on some day.
    tiers        of a tiered plan, graduated: each tier prices its own units only.
    public_data  whether uses for governance and welfare are free, and income is capped.
    """

    kind: PlanKind
    measure: Measure = Measure.USES
    per: int = 1
    price: int = 0
    included: int = 0
    fee: int = 0
    tiers: tuple[Tier, ...] = ()
    public_data: bool = False


FREE = PricePlan(PlanKind.FREE)
"""The plan of an offer that says nothing of a price."""


@dataclass(frozen=True, slots=True)
class Charge:
    """A part of a price: ``quantity`` units at ``price`` 分 for each ``per``; ``exact`` 分."""

    what: str
    quantity: int
    price: int
    per: int

    @property
    def exact(self) -> Fraction:
        """The part, not rounded."""
        return Fraction(self.quantity * self.price, self.per)


def charges(plan: PricePlan, quantity: Quantity, *, subscribed: bool = True) -> list[Charge]:
    """What a period's quantity costs, part by part.

    ``subscribed`` is whether the agreement was in force on some day of the period.
    """
    if plan.kind is PlanKind.FREE:
        return []
    units = quantity.of(plan.measure)
    if plan.kind is PlanKind.TIERED:
        return _tiered(plan, units)
    found = []
    if plan.fee and subscribed:
        found.append(Charge("fee", 1, plan.fee, 1))
    over = max(0, units - plan.included)
    if plan.price and over:
        found.append(Charge(plan.measure.value, over, plan.price, plan.per))
    return found


def price(plan: PricePlan, quantity: Quantity, *, subscribed: bool = True) -> int:
    """What a period's quantity costs, in 分: the exact sum of its parts, rounded once."""
    parts = (charge.exact for charge in charges(plan, quantity, subscribed=subscribed))
    return rounded(sum(parts, Fraction(0)))


def _tiered(plan: PricePlan, units: int) -> list[Charge]:
    found, below = [], 0
    for tier in plan.tiers:
        reach = units if tier.up_to is None else min(units, tier.up_to)
        if reach > below:
            found.append(Charge(plan.measure.value, reach - below, tier.price, plan.per))
            below = reach
    return found


def plan_document(plan: PricePlan) -> dict[str, Any]:
    """A plan as JSON; its canonical bytes are what is signed."""
    return {
        "kind": plan.kind.value,
        "measure": plan.measure.value,
        "per": plan.per,
        "price": plan.price,
        "included": plan.included,
        "fee": plan.fee,
        "tiers": [
            {"price": tier.price} | ({} if tier.up_to is None else {"up_to": tier.up_to})
            for tier in plan.tiers
        ],
        "public_data": plan.public_data,
    }


def plan_digest(plan: PricePlan) -> str:
    """SHA-256 of a plan's canonical JSON."""
    return sha256_hex(canonical(plan_document(plan)))


def parse_plan(said: Mapping[str, Any]) -> PricePlan:
    """A plan out of JSON, checked; raises :class:`Invalid` naming the member that is wrong."""
    known = {"kind", "measure", "per", "price", "included", "fee", "tiers", "public_data"}
    for name in said:
        if name not in known:
            raise _unfit("plan", "a price plan has no member “{name}”", name=str(name)[:40])
    try:
        kind, measure = PlanKind(str(said.get("kind"))), Measure(str(said.get("measure", "uses")))
    except ValueError as error:
        raise _unfit(
            "plan.kind",
            "a plan's kind is one of {kinds}, its measure one of {measures}",
            kinds=", ".join(PlanKind),
            measures=", ".join(Measure),
        ) from error
    public = said.get("public_data", False)
    if not isinstance(public, bool):
        raise _unfit("plan.public_data", "this is true or false")
    plan = PricePlan(
        kind=kind,
        measure=measure,
        per=_whole(said, "per", 1, least=1),
        price=_whole(said, "price"),
        included=_whole(said, "included"),
        fee=_whole(said, "fee"),
        tiers=_tiers(said.get("tiers", [])),
        public_data=public,
    )
    _check_shape(plan)
    return plan


def _check_shape(plan: PricePlan) -> None:
    """Raise unless a plan says what its kind needs and nothing that its kind would ignore."""
    kind = plan.kind
    priced = kind in (PlanKind.PER_USE, PlanKind.PER_VOLUME, PlanKind.PREPAID)
    if kind is PlanKind.PER_USE and plan.measure is not Measure.USES:
        raise _unfit("plan.measure", "a plan per use counts uses")
    if kind is PlanKind.PER_VOLUME and plan.measure is Measure.USES:
        raise _unfit("plan.measure", "a plan per volume counts rows or bytes")
    if priced and not plan.price:
        raise _unfit("plan.price", "this kind of plan needs a price above zero")
    if kind is PlanKind.SUBSCRIPTION and not plan.fee:
        raise _unfit("plan.fee", "a subscription needs a fee above zero")
    if plan.fee and kind is not PlanKind.SUBSCRIPTION:
        raise _unfit("plan.fee", "only a subscription has a fee")
    if bool(plan.tiers) != (kind is PlanKind.TIERED):
        raise _unfit("plan.tiers", "a tiered plan has tiers, and no other has")
    unpriced = kind in (PlanKind.FREE, PlanKind.TIERED)
    if unpriced and (plan.price or plan.included):
        raise _unfit("plan.price", "a free or tiered plan has no price beside")


def _tiers(said: object) -> tuple[Tier, ...]:
    if not isinstance(said, list) or len(said) > MOST_TIERS:
        raise _unfit("plan.tiers", "tiers are a list of at most {most}", most=MOST_TIERS)
    found, below = [], 0
    for place, one in enumerate(said):
        if not isinstance(one, Mapping) or not one.keys() <= {"up_to", "price"}:
            raise _unfit("plan.tiers", "a tier has the members up_to and price")
        last = place == len(said) - 1
        if last != (one.get("up_to") is None):
            raise _unfit("plan.tiers", "the last tier, and only it, has no up_to")
        up_to = None if last else _whole(one, "up_to", least=below + 1)
        found.append(Tier(up_to, _whole(one, "price")))
        below = up_to or below
    return tuple(found)


def _whole(said: Mapping[str, Any], name: str, default: int = 0, *, least: int = 0) -> int:
    value = said.get(name, default)
    if type(value) is not int or not least <= value <= MOST:
        raise _unfit(
            f"plan.{name}", "a whole number of {least} or more is needed here", least=least
        )
    return value


def _unfit(field: str, detail: str, **params: Any) -> Invalid:
    return Invalid(
        detail, field=field, mend="see docs/reference/market.md for price plans", **params
    )
