"""A small market: two departments whose data a third party uses, a steward, and the node's log."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from quanyu.agreements import Agreement, approve, create_offer, request_agreement
from quanyu.catalogue import Access, Kind, Resource, ResourceDraft, publish, register
from quanyu.evidence import Journal, Log, Sequencer, Use
from quanyu.kernel import (
    ControlStore,
    Ed25519Signer,
    LocalText,
    ResourceId,
    blind,
    new_id,
    new_salt,
    now,
)
from quanyu.market import meter_log, period_of, price_offer, settle
from quanyu.parties import Caller, PartyKind, Role, Scope, register_party

ZONE = "Asia/Shanghai"
POLICY = {
    "@context": ["http://www.w3.org/ns/odrl.jsonld", {"quanyu": "urn:quanyu:ns:"}],
    "@type": "Offer",
    "permission": [{"action": "use"}],
}


@dataclass
class Market:
    """The parties' callers, the store and the log, and what tests do with them."""

    store: ControlStore
    journal: Journal
    log: Log
    sequencer: Sequencer
    steward: Caller
    provider: Caller
    upstream: Caller
    consumer: Caller

    def resource(
        self, slug: str, of: Caller | None = None, lineage: tuple[ResourceId, ...] = ()
    ) -> Resource:
        """A published, shared resource."""
        owner = of or self.provider
        assert owner.party is not None
        draft = ResourceDraft(
            slug=slug,
            kind=Kind.DATASET,
            title=LocalText(zh="数据", en="Data"),
            abstract=LocalText(zh="城市数据", en="Data of the city"),
            provider=owner.party,
            licence="by-agreement",
            access=Access.SHARED,
            lineage=lineage,
        )
        with self.store.begin() as session:
            made = register(session, draft, owner)
            return publish(session, made.id, owner, reviewed=False)

    def agree(
        self,
        of: Resource,
        plan: dict[str, Any] | None = None,
        sharing: dict[str, Any] | None = None,
        consumer: Caller | None = None,
    ) -> Agreement:
        """An agreement in force on a resource of the provider, with a price plan."""
        with self.store.begin() as session:
            offer = create_offer(session, self.provider, of.slug, POLICY)
            if plan is not None:
                price_offer(session, self.provider, offer.id, plan, sharing)
        with self.store.begin() as session:
            asked = request_agreement(
                session, consumer or self.consumer, offer.id, statement="to plan bus lines"
            )
        with self.store.begin() as session:
            return approve(session, self.provider, asked.id)

    def use(self, agreed: Agreement, **changes: Any) -> Use:
        """An answered request, in the journal."""
        made = Use(
            id=new_id("use"),
            at=now(),
            agreement=agreed.id,
            party_commitment=blind(agreed.consumer, new_salt()),
            resource=agreed.resource,
            version=1,
            face="features",
            purpose="industry",
            query_commitment="",
            restriction="cd" * 16,
            rows=10,
            bytes=2048,
        )
        made = replace(made, **changes)
        self.journal.record_sync(made)
        return made

    def meter(self) -> int:
        """Sequence and meter what was used."""
        while self.sequencer.step():
            pass
        return meter_log(self.store, self.log, ZONE)


def _caller(store: ControlStore, kind: PartyKind, name: str, *roles: Role) -> Caller:
    with store.begin() as session:
        party = register_party(session, kind=kind, name=LocalText(zh=name, en=name))
    return Caller(
        party=party.id,
        member=None,
        kind=kind,
        name=name,
        roles=frozenset(roles),
        scopes=frozenset(Scope),
    )


def _founded(store: ControlStore, folder: Path) -> Market:
    signer = Ed25519Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    log = Log(folder / "log", "market.example", [signer])
    department = PartyKind.DEPARTMENT
    return Market(
        store,
        Journal(folder / "journal", "node"),
        log,
        Sequencer(store, folder / "journal", log),
        _caller(store, PartyKind.CITY_NODE, "数据局", Role.STEWARD),
        _caller(store, department, "交通局", Role.STEWARD, Role.SUPPLIER),
        _caller(store, department, "气象局", Role.STEWARD, Role.SUPPLIER),
        _caller(store, PartyKind.ENTERPRISE, "公交公司", Role.CONSUMER),
    )


def _settled(market: Market) -> Market:
    """Seven uses of a resource that rests on another department's, at 7 分 each, settled."""
    source = market.resource("rain", market.upstream)
    made = market.resource("delays", lineage=(source.id,))
    agreed = market.agree(made, {"kind": "per-use", "price": 7}, {"method": "rests-on"})
    for _ in range(7):
        market.use(agreed)
    assert market.meter() == 7
    settle(market.store, period_of(now(), ZONE), ZONE, early=True)
    return market


@pytest.fixture
def found_market(tmp_path: Path) -> Iterator[Callable[[ControlStore], Market]]:
    """Founds a market in a control store."""
    opened: list[Market] = []

    def found(store: ControlStore) -> Market:
        opened.append(_founded(store, tmp_path))
        return opened[-1]

    yield found
    for market in opened:
        market.journal.close()
        market.log.close()


@pytest.fixture
def market(store: ControlStore, found_market: Callable[[ControlStore], Market]) -> Market:
    """A market on SQLite."""
    return found_market(store)


@pytest.fixture
def fresh_settled(market: Market) -> Market:
    """A settled market that a test may change."""
    return _settled(market)


@pytest.fixture(scope="module")
def lasting(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A market to which the examples of a property add one after the other."""
    folder = tmp_path_factory.mktemp("lasting")
    shutil.copy(sqlite_template, folder / "control.sqlite")
    store = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    made = _founded(store, folder)
    yield made
    made.journal.close()
    made.log.close()
    store.close()


@pytest.fixture(scope="session")
def settled(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """A settled market that no test changes."""
    folder = tmp_path_factory.mktemp("settled")
    shutil.copy(sqlite_template, folder / "control.sqlite")
    store = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
    made = _settled(_founded(store, folder))
    yield made
    made.journal.close()
    made.log.close()
    store.close()


@pytest.fixture(scope="session")
def scratch(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlStore]:
    """An empty store in which nothing is ever kept."""
    path = tmp_path_factory.mktemp("scratch") / "control.sqlite"
    shutil.copy(sqlite_template, path)
    store = ControlStore(f"sqlite:///{path}")
    yield store
    store.close()
