"""Figures of groups on a cluster of machines: Daft on Ray reads the table, our engine computes.

Daft hands out the files of the Delta table and reads them; every batch of rows passes, where it was
read, through the same compiled restriction and the same statement as on one machine, and only
figures of its groups come back. Imported where it is used: neither Daft nor Ray need be there.
"""

import os
import pickle
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

_QUIET = {
    # Both would tell their makers that they are used: no request leaves for another host.
    "DAFT_ANALYTICS_ENABLED": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DAFT_PROGRESS_BAR": "0",
    "RAY_DISABLE_DASHBOARD": "1",
}
for _name, _value in _QUIET.items():
    os.environ.setdefault(_name, _value)

import daft  # noqa: E402 - the first thing that it does is to look at the environment
import ray  # noqa: E402
from daft.exceptions import DaftCoreException  # noqa: E402

from quanyu.kernel import QuanyuError, Unavailable  # noqa: E402
from quanyu.spacetime.aggregation.model import Groups  # noqa: E402
from quanyu.spacetime.aggregation.parts import (  # noqa: E402
    Work,
    part_of,
    part_of_edits,
    together,
)
from quanyu.spacetime.edits.rows import packed, unpacked  # noqa: E402
from quanyu.spacetime.engine import Engine  # noqa: E402
from quanyu.spacetime.projection import window  # noqa: E402
from quanyu.spacetime.restricted import region_of  # noqa: E402

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 131_072
_SHARE_BYTES = 32 << 20
_FIGURES, _ERROR = b"f", b"e"
_connecting = threading.Lock()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Ray cluster by its address, and what one query engine may take on each of its workers."""

    address: str
    memory: str
    threads: int


def grouped_on(
    cluster: Cluster, engine: Engine, table_url: str, work: Work, edits: "pa.Table"
) -> Groups:
    """The figures of ``work`` over a Delta table that all machines can open, and over ``edits``
    laid over it; parts are put together by ``engine``, here.

    Raises what the work raises, and ``Unavailable`` when the cluster does not do it.
    """
    import pyarrow as pa

    _connect(cluster)
    mine = part_of_edits(engine, work, edits)

    try:
        # All before any is put together: the node's engine does not wait for a cluster.
        told = [unpacked(one).cast(mine.schema) for one in _told(cluster, table_url, work)]
    except (ray.exceptions.RayError, DaftCoreException, OSError) as error:
        raise _silent(cluster) from error
    return together(engine, work, pa.concat_tables([mine, *told]))


def _connect(cluster: Cluster) -> None:
    """Join the cluster, once in the life of a process."""
    with _connecting:
        if ray.is_initialized():
            return
        try:
            ray.init(
                address=cluster.address,
                log_to_driver=False,
                configure_logging=False,
                runtime_env={"env_vars": _QUIET},
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _silent(cluster) from error
        daft.set_runner_ray(noop_if_initialized=True)
        # One large file is work for several machines.
        daft.set_execution_config(
            enable_scan_task_split_and_merge=True,
            scan_tasks_min_size_bytes=_SHARE_BYTES // 4,
            scan_tasks_max_size_bytes=_SHARE_BYTES,
        )


def _silent(cluster: Cluster) -> Unavailable:
    return Unavailable(
        "the cluster at {address} does not do the work",
        field="engine",
        mend="try again later, or leave engine out",
        address=cluster.address,
    )


def _told(cluster: Cluster, table_url: str, work: Work) -> Iterator[bytes]:
    """What each batch of the table's rows says, as an Arrow stream."""
    frame = daft.read_deltalake(table_url, version=work.version.delta_version)
    for name, least, most in _bounds(work):
        frame = frame.where((frame[f"{name}max"] >= least) & (frame[f"{name}min"] <= most))
    part = _Parts(work, cluster.memory, cluster.threads)
    columns = [frame[name] for name in work.columns]
    told = frame.select(part.figures(*columns).alias("part"))
    for batch in told.where(told["part"].not_null()).to_arrow_iter():
        for said in batch.column(0).to_pylist():
            if said[:1] == _ERROR:
                raise pickle.loads(said[1:])  # noqa: S301 - our own, from our own cluster
            yield said[1:]


def _bounds(work: Work) -> Iterator[tuple[str, float, float]]:
    """Axes with bounds beyond which no row counts, so that whole files need not be read.

    What is coarsened to cells may come to lie in a box that it was not in before.
    """
    areas = []
    if work.restriction.region is not None:
        areas.append(region_of(work.restriction).bounds)
    if work.query.bbox is not None and work.restriction.grid_m is None:
        areas.append(window(work.query.bbox, work.query.bbox_crs)[0].bounds)
    for west, south, east, north in areas:
        yield "x", west, east
        yield "y", south, north


class _Figures:
    """A worker's share: figures of each batch of rows that it has read."""

    def __init__(self, work: Work, memory: str, threads: int) -> None:
        self.work = work
        self.engine = _engine_here(memory, threads)

    def figures(self, *columns: Any) -> "pa.Array":
        """One part for a whole batch: Daft keeps the number of rows, so the others say nothing."""
        import pyarrow as pa

        rows = pa.table([column.to_arrow() for column in columns], names=list(self.work.columns))
        try:
            said = _FIGURES + packed(part_of(self.engine, self.work, rows))
        except QuanyuError as error:
            said = _ERROR + pickle.dumps(error)
        return pa.array([said] + [None] * (rows.num_rows - 1), pa.large_binary())


_batch = daft.method.batch(return_dtype=daft.DataType.binary(), batch_size=_BATCH)
_Figures.figures = _batch(_Figures.figures)  # type: ignore[method-assign]
_Parts = daft.cls(_Figures, use_process=False)


@cache
def _engine_here(memory: str, threads: int) -> Engine:
    """The engine of this worker; it can open no file at all."""
    return Engine([], Path(tempfile.mkdtemp(prefix="quanyu-")), memory, threads)
