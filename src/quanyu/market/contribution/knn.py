"""KNN-Shapley: the exact Shapley value of every row of training data, without any sampling."""

import numpy as np
from numpy.typing import NDArray

from quanyu.kernel import Invalid
from quanyu.market.contribution.games import Values

_CELLS = 4_000_000


def knn_shapley(
    train: NDArray[np.float64],
    labels: NDArray[np.int64],
    test: NDArray[np.float64],
    truth: NDArray[np.int64],
    k: int = 5,
) -> Values:
    """Shapley value of each training row in the game of k nearest neighbours.

    ``train`` is (rows, features), ``test`` (tests, features), labels are whole numbers. The method
    is theorem 1 of Jia et al. 2019 (PVLDB 12): for one test row, sort by distance, and go from the
    farthest row to the nearest. Values sum to the model's value, see
    :func:`~quanyu.market.contribution.knn_game`. Raises :class:`Invalid` for arrays that do not
    fit.
    """
    rows, tests = len(train), len(test)
    if not rows or not tests or len(labels) != rows or len(truth) != tests or k < 1:
        raise Invalid(
            "training and test rows each have a label, and there is one of each",
            field="labels",
            mend="give as many labels as rows, and k of one or more",
        )
    squares = np.einsum("ij,ij->i", train, train)
    # From the farthest to the nearest: s(j) = s(j+1) + (right(j) - right(j+1))/k * min(k, j)/j.
    factor = np.minimum(k, np.arange(1, rows)) / (k * np.arange(1, rows))
    found = np.zeros(rows)
    for start in range(0, tests, max(1, _CELLS // rows)):
        part = slice(start, start + max(1, _CELLS // rows))
        order = np.argsort(squares - 2.0 * (test[part] @ train.T), axis=1, kind="stable")
        right = (labels[order] == truth[part, None]).astype(np.float64)
        values = np.empty_like(right)
        # The farthest of all: it helps only where fewer than k rows are there before it.
        values[:, -1] = right[:, -1] * min(k, rows) / (rows * k)
        steps = (right[:, :-1] - right[:, 1:]) * factor
        values[:, :-1] = values[:, -1:] + np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
        found += np.bincount(order.ravel(), values.ravel(), minlength=rows)
    return found / tests
