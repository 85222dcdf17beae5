"""A process that runs algorithms, one after another; :class:`Workers` starts it.

It holds nothing but what it is sent: no store, no control store, no keys. It ends when the server
that started it does.
"""

import os
import resource
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

import structlog

from quanyu.compute.features import unpacked
from quanyu.compute.model import Holds
from quanyu.compute.processes import process_named
from quanyu.compute.results import encoded, read_geotiff
from quanyu.kernel import QuanyuError, TooLarge

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done. ``data`` are Arrow tables of features and bytes of GeoTIFF, by input;
    ``lineage`` is what results that can say it say of where they are from; ``outputs`` are those
    that are wanted."""

    process: str
    values: Mapping[str, Any]
    data: Mapping[str, Any]
    lineage: Mapping[str, Any]
    outputs: frozenset[str]
    most_bytes: int


def main() -> None:
    """Run what comes through the connection until it is closed."""
    connection, memory = Connection(int(sys.argv[1])), int(sys.argv[2])
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    orders: SimpleQueue[Order] = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, orders), daemon=True).start()
    while True:
        order = orders.get()
        try:
            answer: Any = _done(order, connection)
        except QuanyuError as error:
            answer = error
        except MemoryError:
            answer = _too_much()
        except Exception as error:  # whatever it was, the server tells of it and goes on
            if "bad_alloc" in str(error):  # so GEOS says that there is no more memory
                answer = _too_much()
            else:
                log.exception("compute.crashed", process=order.process)
                answer = f"{type(error).__name__}: {error}"
        connection.send(answer)


def _too_much() -> TooLarge:
    return TooLarge(
        "the analysis needs more memory than this node gives",
        field="inputs",
        mend="ask about a smaller area or fewer features",
    )


def _done(order: Order, connection: Connection) -> Any:
    algorithm = process_named(order.process)
    description = algorithm.description
    given = dict(order.values)
    for name, data in order.data.items():
        one = description.inputs[name]
        given[name] = read_geotiff(data) if one.holds is Holds.GRID else unpacked(name, one, data)
    made = algorithm.run(given, lambda share: connection.send(float(share)))
    wanted = {name: one for name, one in description.outputs.items() if name in order.outputs}
    return encoded(wanted, made, order.lineage, order.most_bytes)


def _listen(connection: Connection, orders: "SimpleQueue[Order]") -> None:
    """Take orders; when the server is gone there is nobody to work for."""
    while True:
        try:
            orders.put(connection.recv())
        except (EOFError, OSError):
            os._exit(0)
