"""Arrays of serving copies are opened by several threads at once."""

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from quanyu.spacetime.flat import open_array


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns wherever objects are made, as they do by chance on a busy server."""
    before = gc.get_threshold()

    def pause(*_: object) -> None:
        time.sleep(0)

    gc.callbacks.append(pause)
    gc.set_threshold(5)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(pause)


@pytest.mark.usefixtures("restless")
def test_arrays_are_opened_by_threads_at_once(tmp_path: Path) -> None:
    path = tmp_path / "numbers.npy"
    np.save(path, np.arange(10))
    with ThreadPoolExecutor(8) as pool:
        ends = pool.map(lambda _: open_array(path)[-1], range(4_000))
        assert set(ends) == {9}
