"""A contribution in whole: the values, how sure they are, second opinions, and a transcript.

The transcript holds all that is needed to compute the same again: method, seed, evaluations, and
the values as millionths of the value of all, so that they are whole numbers (RFC 8785).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quanyu.kernel import Invalid
from quanyu.market.contribution.exact import banzhaf, exact_shapley, leave_one_out
from quanyu.market.contribution.games import Game, Values
from quanyu.market.contribution.sampling import svarm

MOST_EXACT = 16
MOST_HOLDERS = 200
EVALUATIONS = 4_000
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one holder adds, as a share of the value of all.

    half_width     of the 95 % confidence interval; zero where the value is exact.
    banzhaf        ``None`` above :data:`MOST_EXACT` holders.
    """

    holder: str
    shapley: float
    half_width: float
    banzhaf: float | None
    leave_one_out: float


@dataclass(frozen=True, slots=True)
class Valuation:
    """The contributions of all holders; ``method`` is ``exact`` or ``svarm``."""

    method: str
    game: str
    seed: int
    evaluations: int
    worth: float
    holders: tuple[Contribution, ...]

    def transcript(self) -> dict[str, Any]:
        """What is written down, all whole numbers and strings."""
        return {
            "type": "quanyu-contribution-1",
            "method": self.method,
            "game": self.game,
            "seed": str(self.seed),
            "evaluations": self.evaluations,
            "worth": repr(self.worth),
            "values": [
                {
                    "holder": one.holder,
                    "micro": _micro(one.shapley),
                    "half_width_micro": _micro(one.half_width),
                    "leave_one_out_micro": _micro(one.leave_one_out),
                }
                | ({} if one.banzhaf is None else {"banzhaf_micro": _micro(one.banzhaf)})
                for one in self.holders
            ],
        }


def contribution(
    holders: Sequence[str],
    game: Game,
    *,
    described: str,
    seed: int = 0,
    evaluations: int = EVALUATIONS,
) -> Valuation:
    """Value the holders of a game: exactly up to 16, by Stratified SVARM above.

    Raises :class:`Invalid` where all together are worth nothing, or for too many holders.
    """
    count = len(holders)
    if not 1 <= count <= MOST_HOLDERS or len(set(holders)) != count:
        raise Invalid(
            "a contribution is of 1 to {most} holders, each named once",
            field="holders",
            mend="name each holder once",
            most=MOST_HOLDERS,
        )
    worth = float(
        game(np.ones((1, count), dtype=bool))[0] - game(np.zeros((1, count), dtype=bool))[0]
    )
    if worth <= 0:
        raise Invalid(
            "all holders together add nothing, so there is nothing to share",
            field="game",
            mend="look at the test data, or share by agreed weights",
        )
    exact = count <= MOST_EXACT
    second: list[float | None] = [None] * count
    if exact:
        values, width, asked = exact_shapley(count, game), np.zeros(count), 1 << count
        second = [float(one) for one in banzhaf(count, game) / worth]
    else:
        estimate = svarm(count, game, evaluations, seed)
        values, width, asked = estimate.values, estimate.half_width, estimate.evaluations
    without = leave_one_out(count, game) / worth
    return Valuation(
        method="exact" if exact else "svarm",
        game=described,
        seed=seed,
        evaluations=asked,
        worth=worth,
        holders=_contributions(holders, values / worth, width / worth, second, without),
    )


def _contributions(
    holders: Sequence[str],
    values: Values,
    width: Values,
    second: Sequence[float | None],
    without: Values,
) -> tuple[Contribution, ...]:
    return tuple(
        Contribution(name, float(value), float(half), other, float(loss))
        for name, value, half, other, loss in zip(
            holders, values, width, second, without, strict=True
        )
    )


def _micro(value: float) -> int:
    return round(value * MICRO)
