"""The negotiation room, and the contract on the agreement's page: read, used, kept from others."""

import time
from typing import Any

import httpx
import pytest
from town import policy
from two_nodes import CODE, Nodes, client

from quanyu.agreements import create_offer
from quanyu.federation import ProcessKind, thread


def page(nodes: Nodes, town: Any, login: str | None, path: str, **more: Any) -> httpx.Response:
    token = None if login is None else town.tokens[login]
    with client(town.url, token) as visitor:
        headers = {"accept": "text/html", "accept-language": "en"}
        return visitor.get(path, headers=headers, **more)


def send(town: Any, login: str, path: str, **form: str) -> httpx.Response:
    with client(town.url, town.tokens[login]) as visitor:
        return visitor.post(path, data=form, headers={"accept": "text/html"})


def twin(town: Any, login: str, path: str) -> dict[str, Any]:
    with client(town.url, town.tokens[login]) as visitor:
        return visitor.get(path + ("&" if "?" in path else "?") + "f=json").json()


def until(town: Any, login: str, path: str, state: str) -> dict[str, Any]:
    for _ in range(600):
        found = twin(town, login, path)
        if found["state"] == state and "delivery" not in found["waiting"]["code"]:
            return found
        time.sleep(0.1)
    raise AssertionError(found)


@pytest.fixture(scope="module")
def rooms(nodes: Nodes) -> tuple[str, str]:
    """A negotiation begun and countered by the pages alone: its address on either node."""
    control = nodes.provider.control()
    with control.begin() as session:
        offer = create_offer(session, nodes.provider.callers["first"], "trees", policy())
    control.close()
    listed = twin(nodes.consumer, "first", "/negotiations/new?peer=provider.test")
    dataset = next(one for one in listed["datasets"] if offer.id in one["offers"])
    begun = send(
        nodes.consumer,
        "first",
        "/negotiations/new?peer=provider.test",
        dataset=dataset["id"],
        offer=offer.id,
        statement="to plan a park",
    )
    assert begun.status_code == 303, begun.text
    mine = begun.headers["location"]
    theirs = "/negotiations/" + until(nodes.consumer, "first", mine, "REQUESTED")["their_pid"]
    found = until(nodes.provider, "first", theirs, "REQUESTED")
    assert found["waiting"]["code"] == "decide"
    countered = send(
        nodes.provider,
        "first",
        theirs,
        step="counter",
        revision=str(found["revision"]),
        terms='{"permission": [{"action": "read"}]}',
    )
    assert countered.status_code == 303, countered.text
    return mine, theirs


def test_the_room_shows_what_changed_and_takes_it_to_the_end(
    nodes: Nodes, rooms: tuple[str, str]
) -> None:
    mine, theirs = rooms
    found = until(nodes.consumer, "first", mine, "OFFERED")
    shown = page(nodes, nodes.consumer, "first", mine).text
    assert "<ins>" in shown
    assert "<del>" in shown
    assert "Accept the offer" in shown
    # What was read meanwhile by another counts: an old form is refused.
    old = send(nodes.consumer, "first", mine, step="accept", revision="1")
    assert old.status_code == 409
    assert (
        send(
            nodes.consumer, "first", mine, step="accept", revision=str(found["revision"])
        ).status_code
        == 303
    )
    for login in ("first", "second"):
        found = until(nodes.provider, login, theirs, "ACCEPTED")
        said = send(nodes.provider, login, theirs, step="approve", revision=str(found["revision"]))
        assert said.status_code == 303, said.text
    done = until(nodes.provider, "first", theirs, "FINALIZED")
    here = until(nodes.consumer, "first", mine, "FINALIZED")
    assert done["contract"]["number"] == here["contract"]["number"]
    assert done["contract"]["number"].startswith(f"C1{CODE}")
    assert done["contract"]["stage"] == "executing"

    agreement = f"/agreements/{done['agreement']}"
    shown = page(nodes, nodes.provider, "first", agreement).text
    assert done["contract"]["number"] in shown
    filed = send(
        nodes.provider,
        "first",
        agreement,
        step="file",
        revision="1",
        authority="Data bureau",
        reference="2026-17",
    )
    assert filed.status_code == 303, filed.text
    assert twin(nodes.provider, "first", agreement)["contract"]["filing"]["reference"] == "2026-17"
    other = send(
        nodes.provider, "first", agreement, step="file", authority="x", reference="y", revision="1"
    )
    assert other.status_code == 409
    assert done["agreement"] in page(nodes, nodes.consumer, "first", mine).text
    # Both sides print the contract; nobody else does.
    for town, path in (
        (nodes.provider, f"{agreement}/contract.pdf"),
        (nodes.provider, f"{theirs}/contract.pdf"),
        (nodes.consumer, f"{mine}/contract.pdf"),
    ):
        paper = page(nodes, town, "first", path)
        assert paper.status_code == 200, paper.text
        assert paper.content.startswith(b"%PDF")
        (town.folder / "contract.pdf").write_bytes(paper.content)
        assert page(nodes, town, "stranger", path).status_code == 404
        assert page(nodes, town, None, path).status_code == 401
    assert "/negotiations/neg_" in page(nodes, nodes.consumer, "first", "/agreements").text

    # Data are asked for from the room; the transfer's page and its JSON show no token.
    moved = send(nodes.consumer, "first", mine, step="transfer")
    assert moved.headers["location"].startswith("/transfers/trf_")
    until(nodes.consumer, "first", moved.headers["location"], "STARTED")
    found = twin(nodes.consumer, "first", moved.headers["location"])
    assert "qy_" not in str(found)
    assert "qy_" not in page(nodes, nodes.consumer, "first", moved.headers["location"]).text
    given = twin(nodes.provider, "first", "/transfers/" + found["their_pid"])
    assert "qy_" not in str(given)
    ended = send(
        nodes.consumer,
        "first",
        moved.headers["location"],
        step="terminate",
        reason="enough",
        revision=str(found["revision"]),
    )
    assert ended.status_code == 303
    until(nodes.provider, "first", "/transfers/" + found["their_pid"], "TERMINATED")


def test_a_stranger_sees_no_room(nodes: Nodes, rooms: tuple[str, str]) -> None:
    for path in (rooms[1], "/transfers/trf_x"):
        assert page(nodes, nodes.provider, "stranger", path).status_code == 404
        assert page(nodes, nodes.provider, None, path).status_code == 401
        said = send(nodes.provider, "stranger", path, step="approve", revision="1")
        assert said.status_code == 404
    listed = twin(nodes.provider, "stranger", "/negotiations")
    assert listed["negotiations"] == []
    assert page(nodes, nodes.provider, None, "/negotiations").status_code == 401
    asked = send(
        nodes.consumer,
        "stranger",
        "/negotiations/new?peer=nobody",
        dataset="x",
        offer="y",
    )
    assert asked.status_code == 404


def test_the_waiting_says_why_when_a_peer_is_away(nodes: Nodes) -> None:
    """A message that is not received says so, and how often it was tried."""
    control = nodes.provider.control()
    caller = nodes.provider.callers["operator"]
    with control.begin() as session:
        from quanyu.federation import ask_for, peer

        here = nodes.here(nodes.provider)
        away = peer(session, "TCK_PARTICIPANT")
        begun = ask_for(
            session,
            here,
            away,
            caller.party,
            dataset="far",
            offer_id="off",
            terms={"permission": [{"action": "use"}]},
        )
    for _ in range(900):
        with control.begin() as session:
            found = thread(session, caller, ProcessKind.NEGOTIATION, begun.id)
        if found.messages[0].attempts:
            break
        time.sleep(0.1)
    control.close()
    assert found.waiting.code == "delivery"
    assert int(found.waiting.params["attempts"]) >= 1
    assert found.waiting.params["why"]
