"""A small city: a department that provides, an enterprise and a university that ask."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from shapely.geometry import shape

from quanyu.agreements import (
    Agreement,
    Gate,
    approve,
    create_offer,
    request_agreement,
)
from quanyu.catalogue import (
    Access,
    FieldMeaning,
    Kind,
    Resource,
    ResourceDraft,
    publish,
    register,
)
from quanyu.kernel import ControlStore, LocalText
from quanyu.parties import Caller, PartyKind, Role, Scope, register_party
from quanyu.spacetime import Restriction

FIELDS = ("name", "height", "owner", "phone", "value")
CONTEXT = ["http://www.w3.org/ns/odrl.jsonld", {"quanyu": "urn:quanyu:ns:"}]
ALL_SCOPES = frozenset(Scope)


@dataclass
class City:
    """The parties' callers and the shared resource of the tests."""

    store: ControlStore
    provider: Caller
    consumer: Caller
    university: Caller
    staff: Caller
    shared: Resource

    def agree(self, policy: dict[str, Any], consumer: Caller | None = None) -> Agreement:
        """An active agreement on the shared resource."""
        asked = self.ask(policy, consumer)
        with self.store.begin() as session:
            return approve(session, self.provider, asked.id)

    def ask(self, policy: dict[str, Any], consumer: Caller | None = None) -> Agreement:
        """An agreement requested and not yet decided on."""
        asking = consumer or self.consumer
        with self.store.begin() as session:
            offer = create_offer(session, self.provider, self.shared.slug, policy)
            return request_agreement(session, asking, offer.id, statement="to plan bus lines")

    def draft(self, slug: str) -> ResourceDraft:
        """What the provider says of a resource."""
        return draft(slug, self.provider)

    def resource(self, slug: str, **changes: Any) -> Resource:
        """Another published resource of the provider."""
        with self.store.begin() as session:
            made = register(session, replace(draft(slug, self.provider), **changes), self.provider)
            return publish(session, made.id, self.provider, reviewed=False)


def draft(slug: str, provider: Caller) -> ResourceDraft:
    assert provider.party is not None
    return ResourceDraft(
        slug=slug,
        kind=Kind.DATASET,
        title=LocalText(zh="建筑", en="Buildings"),
        abstract=LocalText(zh="城市建筑", en="Buildings of the city"),
        provider=provider.party,
        licence="by-agreement",
        access=Access.SHARED,
        fields=tuple(FieldMeaning(name, "string", LocalText(zh=name, en=name)) for name in FIELDS),
    )


def caller(store: ControlStore, kind: PartyKind, name: str, *roles: Role) -> Caller:
    with store.begin() as session:
        party = register_party(session, kind=kind, name=LocalText(zh=name, en=name))
    return Caller(
        party=party.id,
        member=None,
        kind=kind,
        name=name,
        roles=frozenset(roles),
        scopes=ALL_SCOPES,
    )


@pytest.fixture(scope="session")
def term() -> Callable[..., dict[str, Any]]:
    """Writes a constraint."""

    def write(left: str, operator: str, right: Any, **more: Any) -> dict[str, Any]:
        if isinstance(right, dict) and "@value" not in right and "@id" not in right:
            right = {"@type": "@json", "@value": right}
        return {"leftOperand": left, "operator": operator, "rightOperand": right, **more}

    return write


@pytest.fixture(scope="session")
def policy() -> Callable[..., dict[str, Any]]:
    """Writes an offer of one permission."""

    def write(*constraints: dict[str, Any], action: str = "use", **more: Any) -> dict[str, Any]:
        return {
            "@context": CONTEXT,
            "@type": "Offer",
            "permission": [{"action": action, "constraint": list(constraints)}],
            **more,
        }

    return write


@pytest.fixture(scope="session")
def narrower_than() -> Callable[[Restriction, Restriction], bool]:
    """Whether one restriction shows no more than another, part by part."""

    def ands(rows: Any) -> list[Any]:
        if rows is None:
            return []
        return list(rows["args"]) if rows["op"] == "and" else [rows]

    def columns(a: Restriction, b: Restriction) -> bool:
        if b.columns is None:
            return True
        seen = {column.name: column for column in b.columns}
        return a.columns is not None and all(
            column.name in seen and seen[column.name].mask in (None, column.mask)
            for column in a.columns
        )

    def inside(a: Any, b: Any) -> bool:
        return b is None or (a is not None and shape(a).difference(shape(b)).area < 1e-9)

    def check(a: Restriction, b: Restriction) -> bool:
        if {"op": "=", "args": [0, 1]} in ands(a.rows):
            return True
        (start, end), (first, last) = a.interval, b.interval
        return (
            columns(a, b)
            and inside(a.region, b.region)
            and all(part in ands(a.rows) for part in ands(b.rows))
            and (first is None or (start is not None and start >= first))
            and (last is None or (end is not None and end <= last))
            and (b.grid_m is None or (a.grid_m or 0.1) / b.grid_m % 1 == 0)
        )

    return check


def make_city(store: ControlStore) -> City:
    provider = caller(store, PartyKind.DEPARTMENT, "规划局", Role.SUPPLIER, Role.STEWARD)
    city = City(
        store=store,
        provider=provider,
        consumer=caller(store, PartyKind.ENTERPRISE, "公交公司", Role.CONSUMER),
        university=caller(store, PartyKind.UNIVERSITY, "大学", Role.CONSUMER, Role.STEWARD),
        staff=caller(store, PartyKind.CITY_NODE, "节点", *Role),
        shared=None,  # type: ignore[arg-type]
    )
    city.shared = city.resource("buildings")
    return city


@pytest.fixture
def city(store: ControlStore) -> City:
    return make_city(store)


@pytest.fixture
def any_city(any_store: ControlStore) -> City:
    return make_city(any_store)


@pytest.fixture
def gate(city: City) -> Iterator[Gate]:
    opened = Gate(city.store, ttl=0)
    yield opened
    opened.close()
