"""A node with reviewers and a department that applies: for the tests of applications."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
from argon2 import PasswordHasher
from sqlalchemy import select

from quanyu.catalogue import (
    Access,
    Application,
    ApplicationKind,
    ApplicationState,
    Contact,
    Kind,
    Registration,
    Resource,
    ResourceDraft,
    Tick,
    accept_application,
    advance_applications,
    application,
    apply,
    approve_application,
    items_for,
    resource,
    save_draft,
    submit_application,
)
from quanyu.kernel import ControlStore, LocalText, Owed, now
from quanyu.parties import Caller, PartyKind, Role, add_member, caller_of, register_party

_K, _S = ApplicationKind, ApplicationState
FAR = timedelta(days=60)
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(frozen=True)
class Office:
    """A node with two reviewers and its steward, a department, a stranger."""

    store: ControlStore
    ann: Caller
    bob: Caller
    steward: Caller
    supplier: Caller
    colleague: Caller
    stranger: Caller
    rules: Registration

    def write(self, do: Callable[..., Any], *args: Any, **rest: Any) -> Any:
        with self.store.begin() as session:
            return do(session, *args, **rest)

    def read(self, do: Callable[..., Any], *args: Any, **rest: Any) -> Any:
        with self.store.read() as session:
            return do(session, *args, **rest)

    def draft(self, slug: str = "trees", **rest: Any) -> ResourceDraft:
        said = ResourceDraft(
            slug=slug,
            kind=Kind.DATASET,
            title=LocalText(zh="树木", en="Trees"),
            abstract=LocalText(zh="城区行道树", en="Street trees"),
            provider=self.supplier.party,  # type: ignore[arg-type]
            licence="CC-BY-4.0",
            access=Access.OPEN,
            contact=Contact("Parks office", "parks@example.org"),
        )
        return replace(said, **rest)

    def entry(self, slug: str = "trees", **rest: Any) -> Resource:
        return self.write(save_draft, self.draft(slug, **rest), self.supplier, area="110101")

    def submitted(self, entry: Resource, kind: ApplicationKind = _K.FIRST, **said: Any) -> Any:
        made = self.write(apply, entry.id, kind, self.supplier, reason="because", **said)
        return self.write(submit_application, made.id, self.supplier, self.rules)

    def ticks(self, kind: ApplicationKind) -> dict[str, Tick]:
        return {item.id: Tick(True) for item in items_for(kind, self.rules.checklist)}

    def approved(self, one: Application, by: Caller | None = None) -> Application:
        if one.state is _S.SUBMITTED:
            self.write(accept_application, one.id, by or self.ann, self.rules)
        return self.write(
            approve_application,
            one.id,
            by or self.ann,
            self.rules,
            checklist=self.ticks(one.kind),
        )

    def registered(self, slug: str = "trees", **rest: Any) -> Resource:
        one = self.approved(self.submitted(self.entry(slug, **rest)))
        for reviewer in (self.bob,):
            if one.state is _S.ACCEPTED:
                one = self.approved(one, reviewer)
        assert advance_applications(self.store, now() + FAR) == 1
        return self.read(resource, slug)

    def state(self, one: Application) -> ApplicationState:
        return self.read(application, one.id, visible_to=self.supplier).state

    def leaves(self) -> list[dict[str, Any]]:
        with self.store.read() as session:
            rows = session.scalars(
                select(Owed).where(Owed.kind.like("application.%")).order_by(Owed.number)
            )
            return [orjson.loads(row.body) for row in rows]


def found_office(store: ControlStore) -> Office:
    """Register who is there."""
    with store.begin() as session:
        node = register_party(session, kind=PartyKind.CITY_NODE, name=LocalText(en="Town"))
        parks = register_party(session, kind=PartyKind.DEPARTMENT, name=LocalText(en="Parks"))
        other = register_party(session, kind=PartyKind.DEPARTMENT, name=LocalText(en="Roads"))

        def member(party: Any, login: str, *roles: Role) -> Caller:
            made = add_member(
                session,
                party.id,
                login=login,
                name=login,
                password="a-long-secret",
                roles=roles,
                hasher=QUICK,
            )
            return caller_of(session, made.id)

        return Office(
            store,
            ann=member(node, "ann", Role.REVIEWER),
            bob=member(node, "bob", Role.REVIEWER, Role.STEWARD),
            steward=member(node, "stew", Role.STEWARD),
            supplier=member(parks, "sue", Role.SUPPLIER),
            colleague=member(parks, "col", Role.SUPPLIER),
            stranger=member(other, "stranger", Role.SUPPLIER, Role.REVIEWER),
            rules=Registration(),
        )
