"""Games: the value of a coalition, for many coalitions at once.

A game takes coalitions as a boolean array of shape ``(coalitions, holders)`` and gives their values
as floats of shape ``(coalitions,)``; the empty coalition has the value zero.
"""

from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Coalitions: TypeAlias = NDArray[np.bool_]
Values: TypeAlias = NDArray[np.float64]
Game: TypeAlias = Callable[[Coalitions], Values]

_CELLS = 20_000_000
"""Cells of one array while coalitions are valued: 160 MB of floats at most."""


def rests_on(count: int, needs: Sequence[tuple[Collection[int], float]]) -> Game:
    """Uses, each of which needs a set of holders and weighs something.

    The value of a coalition is the weight of the uses that it could have answered alone: a sum of
    unanimity games, whose Shapley value gives each use's weight in equal parts to those it needs
    (Shapley 1953).
    """
    wanted = np.zeros((len(needs), count), dtype=np.float32)
    for place, (holders, _) in enumerate(needs):
        wanted[place, list(holders)] = 1
    sizes = wanted.sum(axis=1)
    weights = np.array([weight for _, weight in needs], dtype=np.float64)

    def value(coalitions: Coalitions) -> Values:
        whole = coalitions.astype(np.float32) @ wanted.T >= sizes
        values: Values = (whole & (sizes > 0)) @ weights
        return values

    return value


def knn_game(
    train: NDArray[np.float64],
    labels: NDArray[np.int64],
    test: NDArray[np.float64],
    truth: NDArray[np.int64],
    holders: NDArray[np.int64],
    *,
    k: int = 5,
) -> Game:
    """Training data of several holders: how well a k-nearest-neighbours model of theirs does.

    ``holders[i]``, counted from 0, has row ``i`` of ``train``. The value of a coalition is the
    mean, over the test rows, of the share of their k nearest rows of the coalition that have the
    right label; fewer rows than k count as wrong ones (Jia et al. 2019, equation 5).
    """
    order = np.stack([np.argsort(_squares(train, row), kind="stable") for row in test])
    owner = holders[order]
    right = labels[order] == truth[:, None]
    each = max(1, _CELLS // owner.size)

    def value(coalitions: Coalitions) -> Values:
        found = np.empty(len(coalitions))
        for start in range(0, len(coalitions), each):
            member = coalitions[start : start + each][:, owner]
            near = member & (np.cumsum(member, axis=2, dtype=np.int32) <= k)
            found[start : start + each] = (near & right).sum(axis=2).mean(axis=1) / k
        return found

    return value


def _squares(train: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
    apart = train - row
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", apart, apart)
    return squares
