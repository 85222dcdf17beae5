"""The compatibility kit's scenarios, played against a real node: metadata, catalogue, negotiation
and transfer in both roles."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from dsp_schemas import check, faults, found
from kit_play import CONTEXT, CONTRACTS, TRANSFERS, Post, Scenario
from two_nodes import Nodes, client

ALL = [("negotiations", name) for name in CONTRACTS] + [("transfers", name) for name in TRANSFERS]


@pytest.fixture(scope="module")
def played(nodes: Nodes) -> Iterator[dict[str, "Future[None]"]]:
    """All scenarios, some at a time: each waits mostly for the other side."""
    post = Post(nodes.kit_port, "kit")
    speaker = client(nodes.provider.url, nodes.kit_token)
    with ThreadPoolExecutor(8) as pool:
        futures = {
            name: pool.submit(
                Scenario(speaker, post, kind, name).play, (CONTRACTS | TRANSFERS)[name]
            )
            for kind, name in ALL
        }
        yield futures
    speaker.close()
    post.shutdown()
    post.server_close()


@pytest.mark.parametrize("name", [name for _, name in ALL])
def test_a_scenario_of_the_kit(played: "dict[str, Future[None]]", name: str) -> None:
    played[name].result(timeout=280)


def test_there_are_as_many_as_in_the_kit() -> None:
    off = {"ATP0204", "ATPC0204"}
    metadata, catalogue = 1, 3
    assert len(ALL) - len(off) + metadata + catalogue == 65


def test_metadata(nodes: Nodes) -> None:
    with client(nodes.provider.url, None) as anybody:
        answer = anybody.get("/.well-known/dspace-version")
    versions = answer.json()["protocolVersions"]
    assert [one["version"] for one in versions] == ["2025-1"]
    assert {"path", "binding"} <= versions[0].keys()
    if found():
        assert not faults(answer.json(), "common/protocol-version-schema")


def test_catalogue(nodes: Nodes) -> None:
    asked: dict[str, Any] = {"@context": CONTEXT, "@type": "CatalogRequestMessage"}
    with client(nodes.provider.url, nodes.kit_token) as kit:
        answer = kit.post("/dsp/catalog/request", json=asked)
        check(answer.json())
        assert "CAT0101" in {one["@id"] for one in answer.json()["dataset"]}
        one = kit.get("/dsp/catalog/datasets/CAT0102")
        check(one.json())
        assert one.json()["@id"] == "CAT0102"
        none = kit.get("/dsp/catalog/datasets/CAT0103")
        assert none.status_code == 404
        check(none.json())
        assert none.json()["@type"] == "CatalogError"
