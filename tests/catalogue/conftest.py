"""A node, two departments, people who ask, and drafts to begin with."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrated import migrated
from quanyu.catalogue import Access, FieldMeaning, Kind, Sensitivity
from quanyu.kernel import ControlStore, LocalText

sys.path.insert(0, str(Path(__file__).parent))

from catalogue_city import City, found_city


@pytest.fixture
def city(any_store: ControlStore) -> City:
    """A fresh one on each database."""
    return found_city(any_store)


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def lasting_store(request: pytest.FixtureRequest) -> Iterator[ControlStore]:
    """One store for all the tests of a file that only read, on each database."""
    if request.param == "sqlite":
        folder = request.getfixturevalue("tmp_path_factory").mktemp("lasting")
        store = migrated(folder / "control.sqlite")
        yield store
        store.close()
        return
    with request.getfixturevalue("postgresql_databases").one() as url:
        store = ControlStore(url)
        yield store
        store.close()


def _at(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def filled(lasting_store: ControlStore) -> City:
    """Eight entries, the last of them not published; for reading only."""
    return fill(found_city(lasting_store))


def fill(city: City) -> City:
    """Add them."""
    add = city.publish
    add(
        "buildings",
        abstract=LocalText(zh="中心城区建筑物及高度", en="Buildings with their heights"),
        themes=("housing", "geography"),
        bbox=(24.9, 60.1, 25.0, 60.2),
        interval=(_at(2020), _at(2021)),
        fields=(
            FieldMeaning("storeys", "integer", LocalText(zh="层数", en="Levels")),
            FieldMeaning("landlord", "string", sensitivity=Sensitivity.PERSONAL),
        ),
    )
    add(
        "streets",
        title=LocalText(zh="街道", en="Streets"),
        abstract=LocalText(en="Streets between the buildings"),
        themes=("transport",),
        bbox=(24.0, 60.0, 24.5, 60.5),
        interval=(_at(2022), None),
    )
    add(
        "bus_stops",
        title=LocalText(zh="公交车站点", en="Bus stops"),
        abstract=LocalText(zh="公共交通设施"),
        themes=("transport",),
        provider=city.transport.id,
        access=Access.RESTRICTED,
        licence="by-agreement",
    )
    add("traffic", title=LocalText(zh="交通流量", en="Traffic flow"), kind=Kind.STREAM)
    add("model", title=LocalText(zh="预测模型", en="Forecast"), kind=Kind.MODEL)
    add("toolo", title=LocalText(en="Töölö bay"), keywords=("shore",), bbox=(-179, -10, -178, -9))
    add("zh-only", title=LocalText(zh="安全检查"))
    city.register("hidden", title=LocalText(zh="隐藏的建筑物", en="Hidden buildings"))
    return city
