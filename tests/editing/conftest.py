"""A small town whose features are edited, on both kinds of control store."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "spacetime_serving"))
sys.path.insert(0, str(Path(__file__).parent))

from small_city import Town, areas, points

from quanyu.kernel import ControlStore
from quanyu.spacetime import GeometryType


@pytest.fixture
def edited_town(tmp_path: Path) -> Iterator[Town]:
    """Areas and posts, to edit."""
    made = Town(tmp_path)
    made.publish("areas", 40, GeometryType.POLYGON, areas(40, 1), 1)
    made.publish("posts", 60, GeometryType.POINT, points(60, 2), 2)
    yield made
    made.close()


@pytest.fixture
def any_town(tmp_path: Path, any_store: ControlStore) -> Iterator[Town]:
    """Posts, with each kind of control store in turn."""
    made = Town(tmp_path, any_store)
    made.publish("posts", 60, GeometryType.POINT, points(60, 2), 2)
    yield made
    made.store.close()
