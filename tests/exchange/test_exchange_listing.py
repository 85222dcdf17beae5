"""The listing that harvesters walk, on both stores: whole, stable, only what is published."""

from datetime import timedelta

import pytest

from quanyu.catalogue import (
    Access,
    Kind,
    Listed,
    ListedBy,
    Resource,
    ResourceDraft,
    listing,
    publish,
    register,
    withdraw,
)
from quanyu.kernel import ControlStore, Invalid, LocalText
from quanyu.parties import ANONYMOUS, Caller, PartyKind, Role, Scope, register_party


def fill(store: ControlStore) -> list[Resource]:
    """Nine entries: every third a service without an extent, the last withdrawn again."""
    made = []
    with store.begin() as session:
        node = register_party(session, kind=PartyKind.CITY_NODE, name=LocalText(en="Town"))
    roles, scopes = frozenset({Role.OPERATOR, Role.STEWARD}), frozenset(Scope)
    caller = Caller(party=node.id, kind=node.kind, roles=roles, scopes=scopes)
    for number in range(9):
        service = number % 3 == 0
        draft = ResourceDraft(
            slug=f"entry-{8 - number}",
            kind=Kind.SERVICE if service else Kind.DATASET,
            title=LocalText(en=f"Entry {number}"),
            provider=node.id,
            licence="CC0-1.0",
            access=Access.OPEN,
            themes=("transport",) if service else ("health",),
            bbox=None if service else (1, 2, 3, 4),
        )
        with store.begin() as session:
            one = register(session, draft, caller)
            made.append(publish(session, one.id, caller))
    with store.begin() as session:
        withdraw(session, made[-1].id, caller)
    return made[:-1]


def test_every_published_entry_comes_once(any_store: ControlStore) -> None:
    made = fill(any_store)
    found: list[str] = []
    after = 0
    with any_store.read() as session:
        while True:
            page = listing(session, Listed(after=after, limit=3), visible_to=ANONYMOUS)
            assert page.total == len(made)
            assert page.changed == max(one.updated_at for one in made)
            found += [one.id for one in page.hits]
            after = page.last
            if not after:
                break
    assert found == [one.id for one in made]


def test_orders_and_filters(any_store: ControlStore) -> None:
    made = fill(any_store)

    def slugs(**wanted: object) -> list[str]:
        with any_store.read() as session:
            page = listing(session, Listed(**wanted), visible_to=ANONYMOUS)  # type: ignore[arg-type]
        return [one.slug for one in page.hits]

    assert slugs(by=ListedBy.SLUG) == sorted(one.slug for one in made)
    assert slugs(by=ListedBy.UPDATED, falling=True, limit=1) == [made[-1].slug]
    assert slugs(by=ListedBy.SLUG, offset=2, limit=2) == ["entry-3", "entry-4"]
    assert slugs(kinds=frozenset({Kind.SERVICE})) == ["entry-8", "entry-5", "entry-2"]
    assert slugs(themes=frozenset({"transport"})) == ["entry-8", "entry-5", "entry-2"]
    assert len(slugs(located=True)) == 5
    assert slugs(ids=frozenset({"entry-7", made[0].id, "\0"})) == ["entry-8", "entry-7"]
    last = made[-1].updated_at
    assert slugs(updated=(last, None)) == [made[-1].slug]
    assert slugs(updated=(None, made[0].updated_at)) == [made[0].slug]
    assert not slugs(updated=(last + timedelta(days=1), None))
    assert not slugs(limit=0)
    with pytest.raises(Invalid):
        slugs(limit=5000)
