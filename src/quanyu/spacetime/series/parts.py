"""What figures are made of: parts of rows that can be put together in any order."""

from collections.abc import Sequence
from typing import Any

import numpy as np

SQL_PARTS = {
    "rows": "count(*)",
    "there": "count(number)",
    "total": "coalesce(sum(number), 0)",
    "least": "min(number)",
    "most": "max(number)",
    "spread": "coalesce(var_pop(number) * count(number), 0)",
}
"""What figures are made of: how many ``rows``, how many of these are ``there`` with a number, and
their ``total``, ``least`` and ``most``; ``spread`` is the sum of the squares of how far they lie
from their mean."""
NEEDED = {
    "count": ("rows",),
    "mean": ("there", "total"),
    "sum": ("there", "total"),
    "min": ("least",),
    "max": ("most",),
    "stddev": ("there", "total", "spread"),
}
"""The parts that each figure is made of."""


def parts_needed(functions: Sequence[str]) -> list[str]:
    """The parts that figures are made of."""
    named = {part for one in functions for part in NEEDED[one]}
    return [name for name in SQL_PARTS if name in named]


def mean_of(parts: dict[str, Any]) -> Any:
    """Means; of no number NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return parts["total"] / parts["there"]


def figure(parts: dict[str, Any], function: str) -> Any:
    """A figure out of its parts; of no number NaN."""
    match function:
        case "count":
            return parts["rows"]
        case "min":
            return parts["least"]
        case "max":
            return parts["most"]
        case "mean":
            return mean_of(parts)
        case "sum":
            nothing = parts["there"] == 0
            return np.where(nothing, np.nan, parts["total"]) if nothing.any() else parts["total"]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(parts["spread"] / (parts["there"] - 1))
    return np.where(parts["there"] > 1, spread, np.nan)
