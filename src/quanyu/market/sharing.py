"""How the income of an offer is shared: who holds a part, by which method, and the split itself.

``provider``   all of it is the provider's.
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

from quanyu.catalogue import origin_providers
from quanyu.kernel import Invalid
from quanyu.market.contribution import exact_shapley, rests_on
from quanyu.market.money import split
from quanyu.market.tables import ValuationRow
from quanyu.parties import party

MOST_HOLDERS = 64
MOST_WEIGHT = 10**12


class Method(StrEnum):
    """Methods of sharing."""

    PROVIDER = "provider"
    RESTS_ON = "rests-on"
    AGREED = "agreed"
    VALUATION = "valuation"


@dataclass(frozen=True, slots=True)
class Sharing:
    """A method, and what it needs: ``weights`` by party, or the id of a ``valuation``."""

    method: Method = Method.PROVIDER
    weights: tuple[tuple[str, int], ...] = ()
    valuation: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A holder's part of a pool. ``weight`` is exact; ``why`` are the resources that it holds."""

    party: str
    weight: Fraction
    amount: int
    why: tuple[str, ...] = ()


def shares(
    session: Session, sharing: Sharing, resource: str, provider: str, pool: int
) -> list[Share]:
    """Split a pool of 分 among the holders of a resource; the parts sum to the pool."""
    held = _holders(session, sharing, resource, provider)
    weights = _weights(sharing, held)
    parts = split(pool, [weights[name] for name in held])
    return [
        Share(name, weights[name], part, tuple(held[name]))
        for name, part in zip(held, parts, strict=True)
    ]


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
        raise _wrong("sharing", "a sharing has the members method, weights and valuation")
    try:
        method = Method(said.get("method", "provider"))
    except ValueError as error:
        raise _wrong(
            "sharing.method", "the method is one of {methods}", methods=", ".join(Method)
        ) from error
    weights = said.get("weights", {})
    if method is Method.VALUATION:
        weights = valued_weights(session, str(said.get("valuation", "")), provider)
    elif said.get("valuation"):
        raise _wrong("sharing.valuation", "only the method “valuation” names one")
    if bool(weights) != (method in (Method.AGREED, Method.VALUATION)):
        raise _wrong("sharing.weights", "the method “agreed” has weights, and no other has")
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
        raise _wrong("sharing.valuation", "there is no valuation {id} of your party", id=name[:40])
    return {one["holder"]: max(0, int(one["micro"])) for one in row.transcript["values"]}


def _holders(
    session: Session, sharing: Sharing, resource: str, provider: str
) -> dict[str, list[str]]:
    """Parties that share, and of which resources; in the order of their ids."""
    if sharing.method is Method.PROVIDER:
        return {provider: [resource]}
    found: dict[str, list[str]] = {provider: [resource]}
    for source, owner in origin_providers(session, resource):
        found.setdefault(owner, []).append(source)
    if sharing.method is Method.RESTS_ON:
        return {name: found[name] for name in sorted(found)}
    return {name: found.get(name, []) for name, _ in sharing.weights}


def _weights(sharing: Sharing, held: Mapping[str, Sequence[str]]) -> dict[str, Fraction]:
    names = list(held)
    if sharing.weights:
        return {name: Fraction(weight) for name, weight in sharing.weights}
    if len(names) <= 16:
        game = rests_on(len(names), [(range(len(names)), 1)])
        values = exact_shapley(len(names), game)
        # All are needed for each use, so the values are equal: kept exact, free of rounding.
        return {
            name: Fraction(value).limit_denominator(len(names))
            for name, value in zip(names, values.tolist(), strict=True)
        }
    return dict.fromkeys(names, Fraction(1, len(names)))  # the closed form of the same game


def _checked(session: Session, weights: object) -> tuple[tuple[str, int], ...]:
    if not isinstance(weights, Mapping) or len(weights) > MOST_HOLDERS:
        raise _wrong("sharing.weights", "weights are of at most {most} parties", most=MOST_HOLDERS)
    for name, weight in weights.items():
        if type(weight) is not int or not 0 <= weight <= MOST_WEIGHT:
            raise _wrong("sharing.weights", "a weight is a whole number of zero or more")
        party(session, str(name))
    if weights and not any(weights.values()):
        raise _wrong("sharing.weights", "one weight at least is above zero")
    return tuple((str(name), int(weights[name])) for name in sorted(weights))


def _wrong(field: str, detail: str, **params: object) -> Invalid:
    return Invalid(detail, field=field, mend="see docs/reference/market.md on sharing", **params)
