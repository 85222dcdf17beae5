"""Figures where no row is given: which protection an agreement asks for."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TypeAlias

import numpy as np
import orjson

from quanyu.kernel import Refused
from quanyu.spacetime.aggregation.guarded import suppressed
from quanyu.spacetime.aggregation.model import ByPlace, Groups, Key, Measure, NoiseScale
from quanyu.spacetime.engine import Engine
from quanyu.spacetime.model import Figures, Query
from quanyu.spacetime.questions import Source

Once: TypeAlias = Callable[[str, Callable[[], bytes]], bytes]
"""Given a question and how to make its answer: the answer, made and paid for once."""


def guarded(
    engine: Engine,
    source: Source,
    query: Query,
    keys: Sequence[Key],
    measures: Sequence[Measure],
    *,
    asked: Figures,
    once: Once | None = None,
) -> Groups:
    """Figures of groups as ``asked`` allows them.

    Noise is drawn ``once`` for a question, and its loss spent: who could have it drawn again and
    again would see through it. Without such a ledger there is no answer.
    """
    if asked.noise is not None:
        # Imported where used: few agreements ask for it, and its library is large.
        from quanyu.spacetime.aggregation.noisy import noisy, question_text

        if once is None:
            raise Refused(
                "figures with noise are given by the statistics of one collection alone",
                rule="figures.only",
                mend="ask for its statistics",
            )
        noise = asked.noise
        body = once(
            question_text(query, keys, measures),
            lambda: _packed(noisy(engine, source, query, keys, measures, noise=noise)),
        )
        return _unpacked(body, keys)
    persons = asked.person is not None
    return suppressed(engine, source, query, keys, measures, least=asked.least, persons=persons)


def _packed(groups: Groups) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    said = orjson.dumps([asdict(one) for one in groups.noise])
    table = groups.table.replace_schema_metadata({b"noise": said})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _unpacked(body: bytes, keys: Sequence[Key]) -> Groups:
    import pyarrow as pa

    with pa.ipc.open_stream(body) as reader:
        table = reader.read_all()
    said = orjson.loads((table.schema.metadata or {})[b"noise"])
    areas = {}
    for key in keys:
        if isinstance(key, ByPlace):
            labels = table.column(key.name).to_numpy(zero_copy_only=False).astype(str)
            areas[key.name] = key.shape(labels) if labels.size else np.empty(0, object)
    return Groups(table, areas, noise=tuple(NoiseScale(**one) for one in said))
