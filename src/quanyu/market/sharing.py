"""How the income of an offer is shared: who holds a part, by which method, and the split itself.

``registered`` what the register of rights says: each holder beneath has the share that is a
               condition of its right, the provider has the rest. Without such conditions all is
               the provider's.
``rests-on``   every use needs what it rests on: the resource itself and all that it was made from.
               The value of a coalition of holders is the number of uses that it could have answered
               alone (a unanimity game: Shapley 1953); the holders are the parties concerned.
``agreed``     in proportion to weights that the provider states beforehand.
``valuation``  in proportion to a contribution that was computed and whose transcript is in the log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from sqlalchemy.orm import Session

from quanyu.catalogue import RightKind, rights_beneath, rights_on
from quanyu.kernel import Invalid, PartyId, Refused, ResourceId, now
from quanyu.market.contribution import MOST_EXACT, exact_shapley, rests_on
from quanyu.market.money import split
from quanyu.market.tables import ValuationRow
from quanyu.parties import party

MOST_HOLDERS = 64
MOST_WEIGHT = 10**12


class Method(StrEnum):
    """Methods of sharing."""

    REGISTERED = "registered"
    RESTS_ON = "rests-on"
    AGREED = "agreed"
    VALUATION = "valuation"


@dataclass(frozen=True, slots=True)
class Sharing:
    """A method, and what it needs: ``weights`` by party, or the id of a ``valuation``."""

    method: Method = Method.REGISTERED
    weights: tuple[tuple[str, int], ...] = ()
    valuation: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A holder's part of a pool. ``weight`` is exact; ``why`` are the resources that it holds."""

    party: str
    weight: Fraction
    amount: int
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """Each holder's weight, and the resources that it stands for."""

    holders: Mapping[str, tuple[Fraction, list[str]]]

    def shares(self, pool: int) -> list[Share]:
        """Split a pool of 分 by these weights; the parts sum to the pool."""
        parts = split(pool, [weight for weight, _ in self.holders.values()])
        return [
            Share(name, weight, part, tuple(why))
            for (name, (weight, why)), part in zip(self.holders.items(), parts, strict=True)
        ]


def weigh(session: Session, sharing: Sharing, resource: str, provider: str) -> Weights:
    """Who shares the income of a resource, and with which weight."""
    return Weights(_weights(session, sharing, resource, provider))


def sharing_document(sharing: Sharing) -> dict[str, Any]:
    """A sharing as JSON."""
    said: dict[str, Any] = {"method": sharing.method.value}
    if sharing.weights:
        said["weights"] = dict(sharing.weights)
    if sharing.valuation:
        said["valuation"] = sharing.valuation
    return said


def parse_sharing(session: Session, said: Mapping[str, Any], provider: str) -> Sharing:
    """A sharing out of JSON, checked; raises :class:`Invalid` naming the member that is wrong."""
    if not said.keys() <= {"method", "weights", "valuation"}:
        raise _unfit("sharing", "a sharing has the members method, weights and valuation")
    try:
        method = Method(said.get("method", "registered"))
    except ValueError as error:
        raise _unfit(
            "sharing.method", "the method is one of {methods}", methods=", ".join(Method)
        ) from error
    weights = said.get("weights", {})
    if method is Method.VALUATION:
        weights = valued_weights(session, str(said.get("valuation", "")), provider)
    elif said.get("valuation"):
        raise _unfit("sharing.valuation", "only the method “valuation” names one")
    if bool(weights) != (method in (Method.AGREED, Method.VALUATION)):
        raise _unfit("sharing.weights", "the method “agreed” has weights, and no other has")
    return Sharing(method, _checked(session, weights), str(said.get("valuation", "")))


def read_sharing(said: Mapping[str, Any]) -> Sharing:
    """A sharing as it was kept, already checked."""
    weights = said.get("weights", {})
    pairs = tuple((name, int(weights[name])) for name in sorted(weights))
    return Sharing(Method(said["method"]), pairs, said.get("valuation", ""))


def valued_weights(session: Session, name: str, provider: str) -> dict[str, int]:
    """Weights out of a valuation of the provider's: its values, those below zero as zero."""
    row = session.get(ValuationRow, name[:40]) if name.isprintable() else None
    if row is None or row.party != provider:
        raise _unfit("sharing.valuation", "there is no valuation {id} of your party", id=name[:40])
    return {one["holder"]: max(0, int(one["micro"])) for one in row.transcript["values"]}


def check_conditions(session: Session, sharing: Sharing, resource: str, provider: str) -> None:
    """Raise :class:`Refused` (``sharing.condition``) where a holder would get less than the share
    that is a condition of its right."""
    weights = _weights(session, sharing, resource, provider)
    total = sum((weight for weight, _ in weights.values()), Fraction(0))
    for name, (share, _) in _conditions(session, resource).items():
        part = weights.get(name, (Fraction(0), []))[0] / total if total else Fraction(0)
        if part < share:
            raise Refused(
                "{party} is due {share} ten-thousandths of this income by its right",
                field="sharing",
                mend="share by the method “registered”, or give it so much at least",
                rule="sharing.condition",
                party=name,
                share=int(share * 10_000),
            )


def _weights(
    session: Session, sharing: Sharing, resource: str, provider: str
) -> dict[str, tuple[Fraction, list[str]]]:
    """Each holder's weight, and the resources that it stands for."""
    if sharing.method is Method.REGISTERED:
        found = _conditions(session, resource)
        rest = 1 - sum((share for share, _ in found.values()), Fraction(0))
        own, made = found.get(provider, (Fraction(0), []))
        return found | {provider: (own + max(rest, Fraction(0)), [resource, *made])}
    held = _holders(session, resource, provider)
    if sharing.weights:
        return {name: (Fraction(weight), held.get(name, [])) for name, weight in sharing.weights}
    return {name: (value, held[name]) for name, value in _rested(list(held)).items()}


def _conditions(session: Session, resource: str) -> dict[str, tuple[Fraction, list[str]]]:
    """Shares that the rights beneath a resource make a condition, by holder; never above one."""
    found: dict[str, tuple[Fraction, list[str]]] = {}
    for one in rights_beneath(session, ResourceId(resource), now()):
        due = {right.holder: right.conditions.share for right in one.rights if right.registered}
        for name, share in due.items():
            before, made = found.get(name, (Fraction(0), []))
            if share:
                found[name] = before + Fraction(share, 10_000), [*made, one.resource]
    total = sum((share for share, _ in found.values()), Fraction(0))
    if total <= 1:
        return found
    return {name: (share / total, made) for name, (share, made) in found.items()}


def _holders(session: Session, resource: str, provider: str) -> dict[str, list[str]]:
    """The provider, and who holds the resource and all that it was made from, by their ids."""
    moment = now()
    found: dict[str, list[str]] = {provider: [resource]}
    beneath = rights_beneath(session, ResourceId(resource), moment)
    there = [(resource, rights_on(session, ResourceId(resource), moment))]
    for name, rights in there + [(str(one.resource), one.rights) for one in beneath]:
        for right in rights:
            if right.kind is RightKind.HOLDING and name not in found.get(right.holder, ()):
                found.setdefault(right.holder, []).append(name)
    return {name: found[name] for name in sorted(found)}


def _rested(names: Sequence[str]) -> dict[str, Fraction]:
    """Shapley values of holders who are all needed for each use: equal, and kept exact."""
    count = len(names)
    if count > MOST_EXACT:
        return dict.fromkeys(names, Fraction(1, count))  # the closed form of the same game
    values = exact_shapley(count, rests_on(count, [(range(count), 1)]))
    exact = (Fraction(value).limit_denominator(count) for value in values.tolist())
    return dict(zip(names, exact, strict=True))


def _checked(session: Session, weights: object) -> tuple[tuple[str, int], ...]:
    if not isinstance(weights, Mapping) or len(weights) > MOST_HOLDERS:
        raise _unfit("sharing.weights", "weights are of at most {most} parties", most=MOST_HOLDERS)
    for name, weight in weights.items():
        if type(weight) is not int or not 0 <= weight <= MOST_WEIGHT:
            raise _unfit("sharing.weights", "a weight is a whole number of zero or more")
        party(session, PartyId(str(name)))
    if weights and not any(weights.values()):
        raise _unfit("sharing.weights", "one weight at least is above zero")
    return tuple((str(name), int(weights[name])) for name in sorted(weights))


def _unfit(field: str, detail: str, **params: Any) -> Invalid:
    return Invalid(detail, field=field, mend="see docs/reference/market.md on sharing", **params)
