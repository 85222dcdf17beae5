"""Who is in the city of the catalogue's tests: a node, two departments, people who ask."""

from dataclasses import dataclass, replace

from quanyu.catalogue import Access, Kind, Resource, ResourceDraft, publish, register
from quanyu.kernel import ControlStore, LocalText
from quanyu.parties import Caller, Party, PartyKind, Role, Scope, register_party


def asking(party: Party, *roles: Role, scopes: frozenset[Scope] = frozenset(Scope)) -> Caller:
    """A caller of that party."""
    return Caller(party=party.id, kind=party.kind, roles=frozenset(roles), scopes=scopes)


@dataclass(frozen=True)
class City:
    """The store and who is in it; ``draft`` is a faultless one of the first department."""

    store: ControlStore
    node: Party
    housing: Party
    transport: Party
    supplier: Caller
    stranger: Caller
    operator: Caller
    draft: ResourceDraft

    def register(self, slug: str, caller: Caller | None = None, **rest: object) -> Resource:
        with self.store.begin() as session:
            draft = replace(self.draft, slug=slug, **rest)
            return register(session, draft, caller or self.operator, area="110101")

    def publish(self, slug: str, **rest: object) -> Resource:
        made = self.register(slug, **rest)
        with self.store.begin() as session:
            return publish(session, made.id, self.operator)


def found_city(store: ControlStore) -> City:
    """Register who is in the city."""
    with store.begin() as session:
        node = register_party(session, kind=PartyKind.CITY_NODE, name=LocalText(en="Town"))
        housing = register_party(
            session,
            kind=PartyKind.DEPARTMENT,
            name=LocalText(zh="住建局", en="Housing"),
            credit_code="12100000400000624D",
        )
        transport = register_party(
            session, kind=PartyKind.DEPARTMENT, name=LocalText(en="Transport")
        )
    return City(
        store=store,
        node=node,
        housing=housing,
        transport=transport,
        supplier=asking(housing, Role.SUPPLIER),
        stranger=asking(transport, Role.SUPPLIER, Role.STEWARD),
        operator=asking(node, Role.OPERATOR),
        draft=ResourceDraft(
            slug="buildings",
            kind=Kind.DATASET,
            title=LocalText(zh="建筑物", en="Buildings"),
            provider=housing.id,
            licence="ODbL-1.0",
            access=Access.OPEN,
        ),
    )
