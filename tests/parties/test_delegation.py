"""Delegation: what the roles of two come to, for how long, and what a lent role cannot do."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quanyu.kernel import ControlStore, Invalid, NotFound, Refused, now
from quanyu.parties import (
    Callers,
    Role,
    Scope,
    add_member,
    deactivate,
    delegate,
    delegations,
    end_delegation,
    issue_token,
    notices_of,
    reset_password,
    set_roles,
    sign_in,
)
from quanyu.parties.delegation import lent_to

ROLES = st.sets(st.sampled_from(list(Role)))
HOUR = timedelta(hours=1)


def lend(town, giver, taker, *roles, ends=None, starts=None):
    caller = town.caller(giver.id)
    with town.store.begin() as session:
        return delegate(
            session,
            caller,
            taker.id,
            roles=roles,
            ends_at=ends or now() + HOUR,
            starts_at=starts,
            reason="leave",
        )


@pytest.fixture
def any_store(store: ControlStore) -> ControlStore:
    """One database is enough here: what the databases do differently is tested elsewhere."""
    return store


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck]
)
@given(own=ROLES, theirs=ROLES, lent=ROLES, later=ROLES, at=st.integers(-30, 90))
def test_effective_roles(town_of_two, *, own, theirs, lent, later, at) -> None:
    """Own, and lent ones that the giver has still, only within the time; never more than both's."""
    town, taker, giver = town_of_two
    lent = lent & theirs
    with town.store.begin() as session:
        set_roles(session, taker.id, own)
        set_roles(session, giver.id, theirs)
        for old in delegations(session, member=taker.id):
            end_delegation(session, town.caller(giver.id), old.id)
    start = now() + timedelta(minutes=1)
    if not lent:
        with pytest.raises(Invalid):
            lend(town, giver, taker, *lent, starts=start, ends=start + HOUR)
        return
    lend(town, giver, taker, *lent, starts=start, ends=start + HOUR)
    with town.store.begin() as session:
        set_roles(session, giver.id, later)
    moment = start + timedelta(minutes=at)
    with town.store.read() as session:
        found = lent_to(session, taker.id, frozenset(own), moment)
    effective = own | {role for role, _ in found}
    assert effective <= own | theirs
    assert effective <= own | later
    assert {who for _, who in found} <= {giver.id}
    if 0 <= at < 60:
        assert effective == own | (lent & later)
    else:
        assert effective == own


@pytest.fixture
def town_of_two(town):
    return town, town.add("taker", Role.CONSUMER), town.add("giver", Role.REVIEWER)


def test_the_caller_says_for_whom(town_of_two) -> None:
    town, taker, giver = town_of_two
    lend(town, giver, taker, Role.REVIEWER)
    caller = town.caller(taker.id)
    assert caller.roles == {Role.CONSUMER, Role.REVIEWER}
    assert caller.on_behalf_of == (giver.id,)
    assert caller.own(Role.CONSUMER)
    assert not caller.own(Role.REVIEWER)
    with town.store.read() as session:
        (told,) = notices_of(session, caller).notices
        assert "delegated" in told.text("en", "UTC")


def test_a_session_has_lent_roles_and_a_token_has_not(town_of_two, cheap) -> None:
    town, taker, giver = town_of_two
    _, secret = sign_in(town.store, "taker", "seven wild geese", "192.0.2.1", hasher=cheap)
    callers = Callers(town.store, ttl=0)
    with town.store.begin() as session:
        _, token = issue_token(
            session,
            town.caller(taker.id),
            name="t",
            scopes=[Scope.READ, Scope.ADMIN],
            expires_at=now() + HOUR,
        )
    lent = lend(town, giver, taker, Role.REVIEWER)
    assert Role.REVIEWER in callers.who(None, secret).roles
    assert Role.REVIEWER not in callers.who(token, None).roles
    with town.store.begin() as session:
        end_delegation(session, town.caller(giver.id), lent.id)
    assert Role.REVIEWER not in callers.who(None, secret).roles


def test_never_chained(town_of_two) -> None:
    town, taker, giver = town_of_two
    third = town.add("third", Role.CONSUMER)
    lend(town, giver, taker, Role.REVIEWER)
    with pytest.raises(Refused, match="own") as refused:
        lend(town, taker, third, Role.REVIEWER)
    assert refused.value.rule == "people.delegate"


def test_ends_with_the_givers_account(town_of_two) -> None:
    town, taker, giver = town_of_two
    lend(town, giver, taker, Role.REVIEWER)
    with town.store.begin() as session:
        deactivate(session, giver.id)
    assert town.caller(taker.id).roles == {Role.CONSUMER}


def test_who_may_end(town_of_two) -> None:
    town, taker, giver = town_of_two
    steward, stranger = town.add("boss", Role.STEWARD), town.add("x1", Role.SUPPLIER)
    for who in (taker, giver, steward):
        lent = lend(town, giver, taker, Role.REVIEWER)
        with town.store.begin() as session:
            with pytest.raises(NotFound):
                end_delegation(session, town.caller(stranger.id), lent.id)
            end_delegation(session, town.caller(who.id), lent.id)
            end_delegation(session, town.caller(who.id), lent.id)
        assert town.caller(taker.id).roles == {Role.CONSUMER}


def test_wrong_takers_times_and_reasons(town_of_two) -> None:
    town, taker, giver = town_of_two
    far = town.add("far", Role.CONSUMER, party=town.node)
    with pytest.raises(Invalid):
        lend(town, giver, far, Role.REVIEWER)
    with pytest.raises(Invalid):
        lend(town, giver, giver, Role.REVIEWER)
    for ends in (now() - HOUR, now() + timedelta(days=400), now().replace(tzinfo=None)):
        with pytest.raises(Invalid):
            lend(town, giver, taker, Role.REVIEWER, ends=ends)
    with town.store.begin() as session, pytest.raises(Invalid):
        delegate(
            session,
            town.caller(giver.id),
            taker.id,
            roles=[Role.REVIEWER],
            ends_at=now() + HOUR,
            reason=" ",
        )


def test_a_lent_steward_makes_no_stewards(town, cheap) -> None:
    giver, taker = town.add("giver", Role.STEWARD), town.add("taker", Role.CONSUMER)
    other = town.add("other", Role.CONSUMER)
    lend(town, giver, taker, Role.STEWARD)
    caller = town.caller(taker.id)
    with town.store.begin() as session:
        set_roles(session, other.id, [Role.SUPPLIER], by=caller)  # this it may
        for work in (
            lambda: set_roles(session, taker.id, [Role.SUPPLIER], by=caller),
            lambda: set_roles(session, other.id, [Role.STEWARD], by=caller),
            lambda: set_roles(session, giver.id, [], by=caller),
            lambda: deactivate(session, giver.id, by=caller),
            lambda: reset_password(
                session, giver.id, password="another long one", by=caller, hasher=cheap
            ),
            lambda: add_member(
                session,
                town.department,
                login="mine",
                name="Mine",
                password=None,
                roles=[Role.STEWARD],
                by=caller,
            ),
        ):
            with pytest.raises(Refused) as refused:
                work()
            assert refused.value.rule == "people.lent-steward"
