"""A small town: its own party, a department, and cheap hashing so that the tests are quick."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from argon2 import PasswordHasher

from quanyu.kernel import ControlStore, LocalText, MemberId, PartyId
from quanyu.parties import (
    Caller,
    Member,
    PartyKind,
    Role,
    add_member,
    caller_of,
    register_party,
)

PASSWORD = "seven wild geese"


@pytest.fixture
def cheap() -> PasswordHasher:
    """argon2id with the least work that it can do."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True)
class Town:
    """Ids of what the fixture registers, and a way to add people."""

    store: ControlStore
    node: PartyId
    department: PartyId
    add: Callable[..., Member]

    def caller(self, member: MemberId) -> Caller:
        with self.store.read() as session:
            return caller_of(session, member)


@pytest.fixture
def town(any_store: ControlStore, cheap: PasswordHasher) -> Town:
    """A node with its own party and one department, on each database."""
    with any_store.begin() as session:
        node = register_party(session, kind=PartyKind.CITY_NODE, name=LocalText(en="Town"))
        department = register_party(
            session, kind=PartyKind.DEPARTMENT, name=LocalText(zh="住建局", en="Housing")
        )

    def add(
        login: str, *roles: Role, party: PartyId = department.id, password: str = PASSWORD
    ) -> Member:
        with any_store.begin() as session:
            return add_member(
                session,
                party,
                login=login,
                name=login.title(),
                password=password,
                roles=roles,
                hasher=cheap,
            )

    return Town(any_store, node.id, department.id, add)
