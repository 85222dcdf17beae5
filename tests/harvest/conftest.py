"""A node that harvests, and catalogues of strangers on loopback."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "web"))

from harvesting_node import Harvesting, found_harvesting
from remote import Remote

from quanyu.kernel import ControlStore, outbound


@pytest.fixture
def harvesting(store: ControlStore, tmp_path: Path) -> Harvesting:
    return found_harvesting(store, tmp_path)


@pytest.fixture
def any_harvesting(any_store: ControlStore, tmp_path: Path) -> Harvesting:
    """The same on each database that a node may stand on."""
    return found_harvesting(any_store, tmp_path)


@pytest.fixture
def remote() -> Iterator[Remote]:
    """A server of nothing yet."""
    made = Remote().start()
    yield made
    made.stop()


@pytest.fixture
def only_first_host_public(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """From now on the first address that is judged passes for a public one; which were judged."""

    def begin() -> list[str]:
        real, judged = outbound._public, list[str]()

        def public(address: str) -> bool:
            judged.append(address)
            return len(judged) == 1 or real(address)

        monkeypatch.setattr(outbound, "_public", public)
        return judged

    return begin
