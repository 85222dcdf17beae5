"""A store to bring city models into and to take them out of."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from city_models import CityStore

from quanyu.kernel import ControlStore

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real"


@pytest.fixture
def city(store: ControlStore, tmp_path: Path) -> Iterator[CityStore]:
    made = CityStore(store, tmp_path)
    yield made
    made.close()


@pytest.fixture
def real():
    def file(name: str) -> Path:
        path = REAL / name
        if not path.exists():
            pytest.skip(f"no real data at {path}")
        return path

    return file
