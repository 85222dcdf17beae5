"""Figures where no row is given: which protection an agreement asks for."""

from collections.abc import Sequence

from quanyu.spacetime.aggregation.guarded import suppressed
from quanyu.spacetime.aggregation.model import Groups, Key, Measure
from quanyu.spacetime.engine import Engine
from quanyu.spacetime.model import Figures, Query
from quanyu.spacetime.questions import Source


def guarded(
    engine: Engine,
    source: Source,
    query: Query,
    keys: Sequence[Key],
    measures: Sequence[Measure],
    asked: Figures,
) -> Groups:
    """Figures of groups as ``asked`` allows them."""
    if asked.noise is not None:
        # Imported where used: few agreements ask for it, and its library is large.
        from quanyu.spacetime.aggregation.noisy import noisy

        return noisy(engine, source, query, keys, measures, asked.noise)
    return suppressed(engine, source, query, keys, measures, asked.least)
