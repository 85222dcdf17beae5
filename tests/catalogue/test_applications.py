"""Applications for registration: the whole life, who may do what, deadlines, objections."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from quanyu.catalogue import (
    Access,
    Application,
    ApplicationKind,
    ApplicationMoved,
    ApplicationState,
    Contact,
    Move,
    Registration,
    Resource,
    ResourceDraft,
    State,
    Tick,
    accept_application,
    advance_applications,
    application,
    application_steps,
    apply,
    approve_application,
    differences,
    items_for,
    publicised,
    resource,
    save_draft,
    submit_application,
)
from quanyu.kernel import (
    ControlStore,
    LocalText,
    Owed,
    now,
)
from quanyu.parties import (
    ANONYMOUS,
    Caller,
    PartyKind,
    Role,
    add_member,
    caller_of,
    register_party,
)

_K, _S = ApplicationKind, ApplicationState
FAR = timedelta(days=60)


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
            kind="dataset",  # type: ignore[arg-type]
            title=LocalText(zh="树木", en="Trees"),
            abstract=LocalText(zh="城区行道树", en="Street trees"),
            provider=self.supplier.party,  # type: ignore[arg-type]
            licence="CC-BY-4.0",
            access=Access.OPEN,
            contact=Contact("Parks office", "parks@example.org"),
        )
        return replace(said, kind=_kind(), **rest)

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


def _kind() -> Any:
    from quanyu.catalogue import Kind

    return Kind.DATASET


@pytest.fixture
def office(any_store: ControlStore) -> Office:
    return found_office(any_store)


def found_office(store: ControlStore) -> Office:
    """Register who is there."""
    with store.begin() as session:
        node = register_party(session, kind=PartyKind.CITY_NODE, name=LocalText(en="Town"))
        parks = register_party(session, kind=PartyKind.DEPARTMENT, name=LocalText(en="Parks"))
        other = register_party(session, kind=PartyKind.DEPARTMENT, name=LocalText(en="Roads"))

        def member(party: Any, login: str, *roles: Role) -> Caller:
            made = add_member(
                session, party.id, login=login, name=login, password="a-long-secret", roles=roles
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


def test_the_whole_life_of_a_first_registration(office: Office) -> None:
    heard: list[ApplicationMoved] = []
    office.store.events.subscribe(ApplicationMoved, heard.append)
    entry = office.entry()
    one = office.submitted(entry)
    assert one.state is _S.SUBMITTED
    assert one.deadline is not None
    office.approved(one)
    shown = office.read(publicised)
    assert [item.id for item in shown.items] == [one.id]
    assert office.read(resource, "trees").state is State.DRAFT
    assert advance_applications(office.store, now()) == 0
    assert advance_applications(office.store, now() + FAR) == 1
    assert advance_applications(office.store, now() + FAR) == 0
    known = office.read(resource, "trees", visible_to=ANONYMOUS)
    assert known.state is State.PUBLISHED
    assert known.code is not None
    assert known.code.startswith("110101")
    steps = office.read(application_steps, one.id, visible_to=office.supplier)
    moves = [step.move for step in steps]
    assert moves == [
        Move.DRAFTED,
        Move.SUBMITTED,
        Move.ACCEPTED,
        Move.APPROVED,
        Move.REVIEWED,
        Move.PUBLICISED,
        Move.REGISTERED,
    ]
    assert [h.move for h in heard] == moves
    leaves = office.leaves()
    assert [leaf["kind"] for leaf in leaves] == [f"application.{move}" for move in moves]
    assert [leaf["id"] for leaf in leaves] == [step.leaf for step in steps]
    assert "because" not in str(leaves)
    assert "parks@" not in str(leaves)
    assert set(steps[3].checklist) == set(office.ticks(_K.FIRST))
    assert steps[6].party is None


def test_a_public_entry_stays_as_it_is_while_a_change_is_under_way(office: Office) -> None:
    entry = office.registered()
    new = replace(entry, title=LocalText(zh="行道树", en="Street trees"))
    one = office.submitted(entry, _K.CHANGE, proposed=new)
    office.approved(one)
    assert office.read(resource, "trees").title == entry.title
    (title, _) = differences(one.base, one.proposed)
    assert (title.field, title.old) == ("title", "树木")
    advance_applications(office.store, now() + FAR)
    assert office.read(resource, "trees").title == new.title
    assert office.read(resource, "trees").code == entry.code


def test_cancellation_takes_the_entry_from_sight(office: Office) -> None:
    entry = office.registered()
    office.approved(office.submitted(entry, _K.CANCELLATION))
    advance_applications(office.store, now() + FAR)
    assert office.read(resource, "trees").state is State.WITHDRAWN
    again = office.submitted(office.read(resource, "trees"), _K.FIRST)
    office.approved(again)
    advance_applications(office.store, now() + FAR)
    back = office.read(resource, "trees")
    assert (back.state, back.code) == (State.PUBLISHED, entry.code)
