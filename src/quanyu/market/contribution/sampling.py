"""Shapley values by sampling, for more holders than can be computed exactly."""

from dataclasses import dataclass

import numpy as np

from quanyu.kernel import Invalid
from quanyu.market.contribution.games import Coalitions, Game, Values

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated values, the half width of their 95 % confidence intervals, and coalitions asked."""

    values: Values
    half_width: Values
    evaluations: int


def svarm(count: int, game: Game, evaluations: int, seed: int) -> Estimate:
    """Shapley values by Stratified SVARM (Kolpaczki et al. 2024, AAAI).

    A holder's value is the mean over sizes of the mean value of coalitions with it less that
    without it. One coalition tells something of every holder: of its members' strata “with”, of
    all others' strata “without”. Sizes 0, 1, n-1 and n are taken whole; of each size between,
    coalitions are drawn so that every holder comes equally often. Raises :class:`Invalid` for fewer
    than 4 holders, or too few ``evaluations`` to see every stratum.
    """
    if count < 4:
        raise Invalid("an estimate is of four or more holders", field="holders")
    drawn = _draw(count, evaluations, np.random.default_rng(seed))
    coalitions = np.concatenate([_borders(count), *drawn])
    values = game(coalitions)
    values = values - values[0]
    sizes = coalitions.sum(axis=1)
    found, variance = np.zeros(count), np.zeros(count)
    for size in range(count + 1):
        chosen, worth = coalitions[sizes == size], values[sizes == size]
        for members, sign in ((chosen, 1.0), (~chosen, -1.0)):
            whole = size in (0, 1, count - 1, count)
            mean, spread = _strata(members, worth, whole=whole)
            found += sign * mean / count
            variance += spread / count**2
    return Estimate(found, _Z95 * np.sqrt(variance), len(coalitions))


def permutation_shapley(count: int, game: Game, evaluations: int, seed: int) -> Estimate:
    """Shapley values by random orders (Castro et al. 2009): the usual method, to compare with."""
    random = np.random.default_rng(seed)
    orders = np.stack([random.permutation(count) for _ in range(max(2, evaluations // count))])
    places = np.argsort(orders, axis=1)
    # Coalition t of an order is its first t holders.
    coalitions = places[:, None, :] < np.arange(count + 1)[None, :, None]
    values = game(coalitions.reshape(-1, count)).reshape(len(orders), count + 1)
    additions = np.take_along_axis(np.diff(values, axis=1), places, axis=1)
    spread = additions.std(axis=0, ddof=1) / np.sqrt(len(orders))
    return Estimate(additions.mean(axis=0), _Z95 * spread, len(orders) * count)


def _borders(count: int) -> Coalitions:
    """The coalitions of nobody, one, all but one, and all."""
    one = np.eye(count, dtype=bool)
    none = np.zeros((1, count), dtype=bool)
    return np.concatenate([none, one, ~one, ~none])


def _draw(count: int, evaluations: int, random: np.random.Generator) -> list[Coalitions]:
    """Coalitions of each size from 2 to n-2, as many of each as the budget gives."""
    sizes = range(2, count - 1)
    least = {size: -(-count // min(size, count - size)) for size in sizes}
    budget = evaluations - (2 * count + 2)
    if budget < 2 * sum(least.values()):
        raise Invalid(
            "so few evaluations do not see every stratum of {count} holders",
            field="evaluations",
            mend="allow {least} or more",
            count=count,
            least=2 * sum(least.values()) + 2 * count + 2,
        )
    spare = budget - 2 * sum(least.values())
    return [_balanced(count, size, 2 * least[size] + spare // len(sizes), random) for size in sizes]


def _balanced(count: int, size: int, wanted: int, random: np.random.Generator) -> Coalitions:
    """Random coalitions of one size: cut out of random orders, so that holders come as often."""
    small = min(size, count - size)
    each = count // small
    made = np.zeros((wanted, count), dtype=bool)
    for start in range(0, wanted, each):
        order = random.permutation(count)
        cut = order[: each * small].reshape(each, small)[: wanted - start]
        made[np.arange(start, start + len(cut))[:, None], cut] = True
    return made if small == size else ~made


def _strata(members: Coalitions, worth: Values, *, whole: bool) -> tuple[Values, Values]:
    """Mean worth of the coalitions of each holder, and the variance of that mean.

    A stratum that is taken ``whole`` has none; one with a single sample takes the spread of all
    coalitions of its size. A holder without any sample adds nothing: only in sizes that have none.
    """
    counts = members.sum(axis=0)
    shown = np.maximum(counts, 1)
    mean = worth @ members / shown
    if whole or len(worth) < 2:
        return mean, np.zeros(members.shape[1])
    common = worth.var(ddof=1)
    squares = np.maximum(worth**2 @ members - counts * mean**2, 0.0)
    spread = np.where(counts > 1, squares / np.maximum(counts - 1, 1), common)
    return mean, spread / shown
