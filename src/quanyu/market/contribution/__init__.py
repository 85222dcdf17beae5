"""Contribution 贡献度: what each holder adds to a value that they make together."""

from quanyu.market.contribution.exact import banzhaf, exact_shapley, leave_one_out
from quanyu.market.contribution.games import Game, knn_game, rests_on
from quanyu.market.contribution.knn import knn_shapley
from quanyu.market.contribution.sampling import Estimate, permutation_shapley, svarm
from quanyu.market.contribution.valuing import MOST_EXACT, Contribution, Valuation, contribution

__all__ = [
    "MOST_EXACT",
    "Contribution",
    "Estimate",
    "Game",
    "Valuation",
    "banzhaf",
    "contribution",
    "exact_shapley",
    "knn_game",
    "knn_shapley",
    "leave_one_out",
    "permutation_shapley",
    "rests_on",
    "svarm",
]
