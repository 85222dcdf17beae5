"""Fixtures of the town: whoever imports them has a town of its own, served by real workers."""

from collections.abc import Iterator

import httpx
import pytest
from town import Town, found_town, serve_town


@pytest.fixture(scope="package")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The town, served by two workers."""
    made = found_town(tmp_path_factory.mktemp("town"))
    stop = serve_town(made)
    yield made
    stop()


@pytest.fixture(scope="package")
def anybody(town: Town) -> Iterator[httpx.Client]:
    with town.client() as client:
        yield client


@pytest.fixture(scope="package")
def consumer(town: Town) -> Iterator[httpx.Client]:
    with town.client("consumer") as client:
        yield client


@pytest.fixture(scope="package")
def provider(town: Town) -> Iterator[httpx.Client]:
    with town.client("provider") as client:
        yield client


@pytest.fixture(scope="package")
def stranger(town: Town) -> Iterator[httpx.Client]:
    with town.client("stranger") as client:
        yield client
