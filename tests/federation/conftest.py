"""Two nodes, served by real workers; every test of this folder uses the same."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from two_nodes import Nodes, make_nodes, serve


@pytest.fixture(scope="package")
def nodes(
    tmp_path_factory: pytest.TempPathFactory, node_databases: Callable[[str], str]
) -> Iterator[Nodes]:
    """Both nodes, served."""
    made = make_nodes(tmp_path_factory.mktemp("nodes"), node_databases)
    stops = [serve(made.provider), serve(made.consumer)]
    yield made
    for stop in (*stops, *made.started):
        stop()
