"""Exact values of a game of up to 20 holders, from the values of all its coalitions."""

import numpy as np

from quanyu.kernel import Invalid
from quanyu.market.contribution.games import Game, Values

_MOST = 20


def exact_shapley(count: int, game: Game) -> Values:
    """The Shapley value of each holder (Shapley 1953): its mean addition over all orders.

    Needs 2^count values; raises :class:`Invalid` above 20 holders.
    """
    values, sizes = _all(count, game)
    # 1 / (n * C(n-1, s)): how often, of all orders, exactly these s come before the holder.
    weights = np.empty(count)
    weight = 1.0 / count
    for size in range(count):
        weights[size] = weight
        weight *= (size + 1) / (count - 1 - size) if size < count - 1 else 1.0
    return _additions(count, values, weights[np.minimum(sizes, count - 1)])


def banzhaf(count: int, game: Game) -> Values:
    """The Banzhaf value of each holder: its mean addition over all coalitions of the others.

    The values need not sum to that of all; they are a second opinion beside Shapley's.
    """
    values, sizes = _all(count, game)
    return _additions(count, values, np.full(len(sizes), 0.5 ** (count - 1)))


def leave_one_out(count: int, game: Game) -> Values:
    """What the value of all loses without each holder; for any number of holders."""
    coalitions = np.ones((count + 1, count), dtype=bool)
    coalitions[np.arange(count), np.arange(count)] = False
    values = game(coalitions)
    lost: Values = values[-1] - values[:-1]
    return lost


def _all(count: int, game: Game) -> tuple[Values, np.ndarray]:
    """Values and sizes of all coalitions; bit ``i`` of a coalition's number is holder ``i``."""
    if not 1 <= count <= _MOST:
        raise Invalid(
            "this is computed for 1 to {most} holders",
            field="holders",
            mend="use the estimate (SVARM) for more",
            most=_MOST,
        )
    numbers = np.arange(1 << count, dtype=np.uint32)
    values = np.concatenate(
        [
            game((part[:, None] >> np.arange(count, dtype=np.uint32) & 1).astype(bool))
            for part in np.array_split(numbers, max(1, len(numbers) >> 16))
        ]
    )
    return values - values[0], np.bitwise_count(numbers)


def _additions(count: int, values: Values, weights: np.ndarray) -> Values:
    """Each holder's additions to the coalitions without it, by the weight of each."""
    found = np.empty(count)
    for holder in range(count):
        shape = (-1, 2, 1 << holder)
        pairs, weighed = values.reshape(shape), weights.reshape(shape)
        found[holder] = ((pairs[:, 1] - pairs[:, 0]) * weighed[:, 0]).sum()
    return found
