"""Files of arrays are opened by many threads at once."""

import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from quanyu.spacetime.flat import NumbersWriter, open_array


class Litter:
    """Refers to itself, and takes some turns of the interpreter to go."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        for _ in range(50):
            pass


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads change places wherever they can, as where litter is picked up amid all they do."""
    turn, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(20)
    yield
    gc.set_threshold(*threshold)
    sys.setswitchinterval(turn)


@pytest.mark.usefixtures("restless")
def test_many_threads_open_arrays_at_once(tmp_path: Path) -> None:
    writer = NumbersWriter(tmp_path / "a.npy", np.int64)
    writer.add(np.arange(5))
    writer.close()

    def opened(_: int) -> int:
        Litter()
        return int(open_array(tmp_path / "a.npy").sum())

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(opened, range(2_400))) == {10}
