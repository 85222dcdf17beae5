"""API tokens and the callers behind credentials."""

import re
import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from quanyu.kernel import ControlStore, Invalid, NotFound, Refused, Unauthenticated, now
from quanyu.parties import (
    ANONYMOUS,
    Callers,
    Role,
    Scope,
    deactivate,
    issue_token,
    revoke_token,
    set_roles,
    sign_in,
    tokens,
)
from quanyu.parties.tables import TokenRow

TOMORROW = timedelta(days=1)


@pytest.fixture
def ann(town):
    return town.caller(town.add("ann", Role.SUPPLIER).id)


def issue(town, caller, *, scopes=(Scope.READ,), **rest):
    with town.store.begin() as session:
        return issue_token(
            session,
            caller,
            **{"name": "QGIS", "scopes": scopes, "expires_at": now() + TOMORROW, **rest},
        )


def test_a_token_names_its_caller(town, ann) -> None:
    token, secret = issue(town, ann, scopes=[Scope.READ, Scope.WRITE], agreement="agr_1")
    caller = Callers(town.store).who(secret, None)
    assert caller == replace(
        ann, token=token.id, agreement="agr_1", scopes=frozenset({Scope.READ, Scope.WRITE})
    )
    assert caller.may(Role.SUPPLIER, Scope.WRITE)
    assert not caller.may(Role.SUPPLIER, Scope.ADMIN)
    with town.store.read() as session:
        (listed,) = tokens(session, ann)
    assert replace(listed, last_used_at=None) == token
    assert listed.last_used_at is not None


def test_secrets_can_be_told_from_chance(town, ann) -> None:
    _, secret = issue(town, ann)
    match = re.fullmatch(r"qy_([0-9A-Za-z]{36})([0-9A-Za-z]{6})", secret)
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for digit in match[2]:
        value = value * 62 + digits.index(digit)
    assert value == zlib.crc32(match[1].encode())
    with town.store.read() as session:
        assert secret not in session.scalars(select(TokenRow.secret_hash)).one()


def test_made_up_tokens_never_reach_the_store(store: ControlStore) -> None:
    callers = Callers(store)
    store.close()
    for text in ["", "qy_", "qy_" + "a" * 42, "\ud800", "x" * 100_000]:
        with pytest.raises(Unauthenticated):
            callers.who(text, None)


@pytest.mark.parametrize(
    ("wrong", "kind", "field"),
    [
        ({"name": " "}, Invalid, "name"),
        ({"scopes": []}, Invalid, "scopes"),
        ({"expires_at": datetime(2100, 1, 1)}, Invalid, "expires_at"),  # noqa: DTZ001
        ({"expires_at": now() - TOMORROW}, Invalid, "expires_at"),
        ({"expires_at": now() + 400 * TOMORROW}, Invalid, "expires_at"),
    ],
)
def test_wrong_tokens_are_not_issued(town, ann, wrong, kind, field) -> None:
    with pytest.raises(kind) as error:
        issue(town, ann, **wrong)
    assert error.value.field == field
    assert error.value.mend


def test_only_people_issue_tokens(town, ann) -> None:
    with pytest.raises(Unauthenticated):
        issue(town, ANONYMOUS)
    _, secret = issue(town, ann, scopes=Scope)
    robot = Callers(town.store).who(secret, None)
    with pytest.raises(Refused) as error:
        issue(town, robot)
    assert error.value.rule == "tokens.by-person"
    with pytest.raises(Refused) as error:
        issue(town, replace(ann, scopes=frozenset({Scope.READ})), scopes=[Scope.WRITE])
    assert error.value.rule == "tokens.scopes"


def test_who_may_revoke(town, ann) -> None:
    bob = town.caller(town.add("bob", Role.SUPPLIER).id)
    steward = town.caller(town.add("stew", Role.STEWARD).id)
    operator = town.caller(town.add("oper", Role.OPERATOR, party=town.node).id)
    auditor = town.caller(town.add("aud", Role.AUDITOR, party=town.node).id)
    for may in (ann, steward, operator):
        token, secret = issue(town, ann)
        for may_not in (bob, auditor, ANONYMOUS):
            with pytest.raises(NotFound), town.store.begin() as session:
                revoke_token(session, may_not, token.id)
        for _ in range(2):
            with town.store.begin() as session:
                revoke_token(session, may, token.id)
        with pytest.raises(Unauthenticated):
            Callers(town.store).who(secret, None)


def test_a_token_revokes_itself_only(town, ann) -> None:
    first, secret = issue(town, ann)
    second, _ = issue(town, ann)
    robot = Callers(town.store).who(secret, None)
    with pytest.raises(NotFound), town.store.begin() as session:
        revoke_token(session, robot, second.id)
    with town.store.begin() as session:
        revoke_token(session, robot, first.id)


@dataclass
class Clock:
    """The clocks that :class:`Callers` look at; they stand until the test moves them on."""

    wall: datetime
    beat: float = 100.0

    def pass_by(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.beat += seconds


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock(now())
    monkeypatch.setattr("quanyu.parties.callers.now", lambda: made.wall)
    monkeypatch.setattr("quanyu.parties.callers.monotonic", lambda: made.beat)
    return made


def test_revocation_bites_within_a_second_on_every_worker(town, ann, clock) -> None:
    token, secret = issue(town, ann)
    workers = [Callers(town.store), Callers(ControlStore(town.store.url))]
    for worker in workers:
        worker.who(secret, None)
        assert worker.peek(secret, None).token == token.id
    with town.store.begin() as session:
        revoke_token(session, ann, token.id)
    clock.pass_by(0.6)
    for worker in workers:
        assert worker.peek(secret, None) is None
        with pytest.raises(Unauthenticated):
            worker.who(secret, None)
    workers[1]._store.close()


def test_expired_tokens_fail_even_from_the_cache(town, ann, clock) -> None:
    expires = now() + timedelta(hours=1)
    _, secret = issue(town, ann, expires_at=expires)
    clock.wall = expires - timedelta(seconds=0.3)
    callers = Callers(town.store)
    callers.who(secret, None)
    assert callers.peek(secret, None) is not None
    clock.pass_by(0.3)
    with pytest.raises(Unauthenticated):
        callers.who(secret, None)


def test_changes_of_the_member_bite(town, ann) -> None:
    _, secret = issue(town, ann)
    callers = Callers(town.store, ttl=0)
    with town.store.begin() as session:
        set_roles(session, ann.member, [Role.CONSUMER])
    assert callers.who(secret, None).roles == {Role.CONSUMER}
    with town.store.begin() as session:
        deactivate(session, ann.member)
    with pytest.raises(Unauthenticated):
        callers.who(secret, None)
    with town.store.read() as session:
        assert tokens(session, ann)[0].revoked_at is not None


def test_last_use_is_coarse(town, ann) -> None:
    token, secret = issue(town, ann)
    callers = Callers(town.store, ttl=0)

    def last_used():
        with town.store.read() as session:
            return tokens(session, ann)[0].last_used_at

    callers.who(secret, None)
    first = last_used()
    callers.who(secret, None)
    assert last_used() == first
    with town.store.begin() as session:
        session.execute(update(TokenRow).values(last_used_at=first - timedelta(hours=2)))
    callers.who(secret, None)
    assert last_used() > first
    assert token.last_used_at is None


def test_nobody_is_anonymous_and_a_bad_token_is_not_saved_by_a_session(town, ann, cheap) -> None:
    callers = Callers(town.store)
    assert callers.who(None, None) is callers.peek(None, None) is ANONYMOUS
    _, session_secret = sign_in(town.store, "ann", "seven wild geese", "::1", hasher=cheap)
    assert callers.who(None, session_secret) == ann
    with pytest.raises(Unauthenticated):
        callers.who("qy_bad", session_secret)
    with pytest.raises(Unauthenticated):
        callers.who(None, "bad")


def test_callers_are_not_cached_for_long(store: ControlStore) -> None:
    with pytest.raises(ValueError, match="at most"):
        Callers(store, ttl=5)
