"""What a grade lets out of the gate: nothing of core data, important data once confirmed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanyu.agreements import Ask, Gate, approve, create_offer, request_agreement
from quanyu.agreements.situation import check_gives, is_open
from quanyu.catalogue import (
    Access,
    Grade,
    Kind,
    Level,
    Resource,
    State,
    Subject,
    confirm_grading,
    grading_table,
    resource,
)
from quanyu.kernel import ControlStore, LocalText, PartyId, Refused, ResourceId
from quanyu.parties import ANONYMOUS, Caller, PartyKind, Role, Scope, node_party, register_party

READ = Ask("features")
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def entry(grade: Grade, access: Access, state: State) -> Resource:
    return Resource(
        id=ResourceId("res_1"),
        code=None,
        state=state,
        revision=1,
        created_at=MOMENT,
        updated_at=MOMENT,
        published_at=MOMENT,
        slug="x",
        kind=Kind.DATASET,
        title=LocalText(en="X"),
        provider=PartyId("pty_1"),
        licence="CC0-1.0",
        access=access,
        grade=grade,
    )


@given(
    st.builds(entry, st.sampled_from(Grade), st.sampled_from(Access), st.sampled_from(State)),
    st.none() | st.sampled_from(Level),
    st.booleans(),
)
def test_no_combination_lets_out_what_its_grade_keeps(
    of: Resource, level: Level | None, node: bool
) -> None:
    """Whatever the entry says of itself, also what the catalogue would not have taken."""
    if is_open(of, level):
        assert of.grade is Grade.GENERAL
        assert level is None or Access.OPEN in grading_table().levels[level].access
    try:
        check_gives(of, level, own=False, node=node)
    except Refused:
        return
    assert of.grade is not Grade.CORE
    assert level is not Level.CORE
    assert of.state is State.PUBLISHED
    assert of.access is not Access.CLOSED
    assert of.grade is not Grade.IMPORTANT or level is not None or node
    assert level is None or of.access in grading_table().levels[level].access


def confirms(store: ControlStore, of: Resource, level: Level) -> None:
    with store.begin() as session:
        node = node_party(session) or register_party(
            session, kind=PartyKind.CITY_NODE, name=LocalText(en="Node")
        )
        reviewer = Caller(
            party=node.id,
            kind=PartyKind.CITY_NODE,
            roles=frozenset({Role.REVIEWER}),
            scopes=frozenset(Scope),
        )
        confirm_grading(
            session, of.id, reviewer, level=level, industry="", subject=Subject.BUSINESS,
            reason="as decided",
        )  # fmt: skip


def refusal(do: Callable[..., Any], *args: Any, **rest: Any) -> str | None:
    with pytest.raises(Refused) as problem:
        do(*args, **rest)
    return problem.value.rule


def test_important_data_are_offered_once_their_grade_is_confirmed(
    city: Any, gate: Gate, policy: Callable[..., Any]
) -> None:
    of = city.resource("pipes", grade=Grade.IMPORTANT, access=Access.RESTRICTED)
    with city.store.begin() as session:
        offered = refusal(create_offer, session, city.provider, "pipes", policy())
    assert offered == "resource.unconfirmed"
    assert refusal(gate.decide, city.consumer, "pipes", READ) == "resource.unconfirmed"
    assert gate.decide(city.provider, "pipes", READ).agreement == f"holder:{of.id}"
    confirms(city.store, of, Level.L5)
    with city.store.begin() as session:
        offer = create_offer(session, city.provider, "pipes", policy())
        asked = request_agreement(session, city.consumer, offer.id, statement="to plan")
        signed = approve(session, city.provider, asked.id)
    fresh = Gate(city.store, ttl=0)
    assert fresh.decide(city.consumer, "pipes", READ).agreement == signed.id
    # What turns out to be core data is given under no agreement any more, nor offered anew.
    confirms(city.store, of, Level.CORE)
    assert refusal(fresh.decide, city.consumer, "pipes", READ) == "resource.closed"
    with city.store.begin() as session:
        assert refusal(create_offer, session, city.provider, "pipes", policy()) == "resource.closed"


def test_a_level_closes_what_was_open(city: Any) -> None:
    of = city.resource("parks", access=Access.OPEN, licence="CC-BY-4.0")
    gate = Gate(city.store, ttl=0)
    assert gate.decide(ANONYMOUS, "parks", READ).open_data
    confirms(city.store, of, Level.L4)
    assert refusal(gate.decide, ANONYMOUS, "parks", READ) == "agreement.none"
    with city.store.read() as session:
        assert resource(session, "parks").access is Access.RESTRICTED
