"""The small city that these tests ask about."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_city import Town, areas, points

from quanyu.spacetime import GeometryType


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Areas, posts and a list; read only."""
    made = Town(tmp_path_factory.mktemp("town"))
    made.publish("areas", 300, GeometryType.POLYGON, areas(300, 1), 1)
    made.publish("posts", 3000, GeometryType.POINT, points(3000, 2), 2)
    made.publish("list", 40, GeometryType.NONE, None, 3)
    yield made
    made.close()


@pytest.fixture
def new_town(tmp_path: Path) -> Iterator[Town]:
    """An empty town, to write in."""
    made = Town(tmp_path)
    yield made
    made.close()
