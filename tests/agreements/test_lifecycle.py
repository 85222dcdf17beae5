"""Offer → request → approve or refuse → active ⇄ suspended → ended, on each database."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from quanyu.agreements import (
    AgreementChanged,
    AgreementState,
    PolicyType,
    Side,
    StepKind,
    agreement,
    agreements,
    approve,
    close_offer,
    create_offer,
    end,
    offer,
    offers,
    policy_bytes,
    refuse,
    request_agreement,
    resume,
    steps,
    suspend,
    withdraw_request,
)
from quanyu.catalogue import Access
from quanyu.kernel import Conflict, Invalid, NotFound, Owed, QuanyuError, Refused, sha256_hex
from quanyu.parties import ANONYMOUS, Scope

pytestmark = pytest.mark.usefixtures("any_city")


def test_from_offer_to_end(
    any_city: Any, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    city, heard = any_city, []
    city.store.events.subscribe(AgreementChanged, heard.append)
    signed = city.agree(policy(term("dateTime", "lt", "2099-01-01T00:00:00Z")))
    assert signed.state is AgreementState.ACTIVE
    assert signed.policy.type is PolicyType.AGREEMENT
    assert signed.policy.assignee == f"urn:quanyu:{city.consumer.party}"
    assert signed.policy.timestamp
    assert signed.digest == sha256_hex(policy_bytes(signed.policy))
    assert signed.expires_at is not None
    assert signed.state_at(signed.expires_at) is AgreementState.EXPIRED
    with city.store.begin() as session:
        assert suspend(session, city.consumer, signed.id, reason="audit").held_by == {Side.CONSUMER}
        both = suspend(session, city.provider, signed.id, reason="fault")
        assert both.held_by == frozenset(Side)
        with pytest.raises(Conflict):
            suspend(session, city.provider, signed.id, reason="again")
        assert resume(session, city.consumer, signed.id).state is AgreementState.SUSPENDED
        with pytest.raises(Conflict):
            resume(session, city.consumer, signed.id)
        assert resume(session, city.provider, signed.id).state is AgreementState.ACTIVE
        over = end(session, city.provider, signed.id, reason="done")
        assert over.state is AgreementState.ENDED
        for again in (resume, approve, withdraw_request):
            with pytest.raises(QuanyuError):
                again(session, city.provider, signed.id)
    with city.store.read() as session:
        kinds = [step.kind for step in steps(session, city.consumer, signed.id)]
        leaves = session.scalars(
            select(Owed).where(Owed.subject == signed.id).order_by(Owed.number)
        )
        bodies = [orjson.loads(leaf.body) for leaf in leaves]
    expected = ["requested", "approved", "suspended", "suspended", "resumed", "resumed", "ended"]
    assert kinds == [StepKind(kind) for kind in expected]
    assert [body["kind"] for body in bodies] == [f"agreement.{kind}" for kind in expected]
    assert [event.step for event in heard] == kinds
    text = str(bodies)
    for secret in (city.consumer.party, city.provider.party, "bus lines", "audit"):
        assert secret not in text


def test_only_the_provider_offers(any_city: Any, policy: Callable[..., Any]) -> None:
    city = any_city
    readonly = replace(city.provider, scopes=frozenset({Scope.READ}))
    with city.store.begin() as session:
        for who in (city.consumer, city.staff, ANONYMOUS, readonly):
            with pytest.raises(Refused) as refusal:
                create_offer(session, who, "buildings", policy())
            assert refusal.value.rule == "offer.provider"
        with pytest.raises(NotFound):
            create_offer(session, city.provider, "nothing", policy())
        for wrong in ({"target": "urn:other"}, {"assigner": "urn:other"}, {"@type": "Agreement"}):
            with pytest.raises(Invalid):
                create_offer(session, city.provider, "buildings", policy() | wrong)


def test_a_misspelt_column_is_not_offered(
    any_city: Any, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    with any_city.store.begin() as session:
        for constraint in (
            term("quanyu:columns", "isNoneOf", ["phoen"]),
            term("quanyu:mask", "eq", {"column": "phoen", "mask": "hash"}),
            term("quanyu:rows", "isPartOf", "phoen = '1' AND S_INTERSECTS(geometry, POINT(0 0))"),
        ):
            with pytest.raises(Invalid, match="column"):
                create_offer(session, any_city.provider, "buildings", policy(constraint))


def test_closed_resources_are_not_offered(any_city: Any, policy: Callable[..., Any]) -> None:
    any_city.resource("secret", access=Access.CLOSED)
    with any_city.store.begin() as session, pytest.raises(Refused) as refusal:
        create_offer(session, any_city.provider, "secret", policy())
    assert refusal.value.rule == "resource.closed"


def test_offers_are_listed_and_closed(any_city: Any, policy: Callable[..., Any]) -> None:
    city = any_city
    with city.store.begin() as session:
        made = create_offer(session, city.provider, "buildings", policy())
        assert offers(session, city.shared.id) == [offer(session, made.id)]
        with pytest.raises(Conflict):
            close_offer(session, city.provider, made.id, revision=7)
        assert not close_offer(session, city.provider, made.id, revision=1).open
        assert offers(session, city.shared.id) == []
        with pytest.raises(Conflict):
            request_agreement(session, city.consumer, made.id, statement="please")


def test_who_may_request(any_city: Any, policy: Callable[..., Any]) -> None:
    city = any_city
    with city.store.begin() as session:
        made = create_offer(session, city.provider, "buildings", policy())
        for who, rule in (
            (ANONYMOUS, "agreement.request"),
            (replace(city.consumer, roles=frozenset()), "agreement.request"),
            (replace(city.consumer, scopes=frozenset({Scope.READ})), "agreement.request"),
            (city.provider, "agreement.own"),
        ):
            with pytest.raises(Refused) as refusal:
                request_agreement(session, who, made.id, statement="please")
            assert refusal.value.rule == rule
        for statement in ("", "  ", "x" * 5000, "a\0b", "\ud800"):
            with pytest.raises(Invalid):
                request_agreement(session, city.consumer, made.id, statement=statement)
        request_agreement(session, city.consumer, made.id, statement="please")
        with pytest.raises(Conflict):
            request_agreement(session, city.consumer, made.id, statement="please")
        named = policy(assignee=city.university.party)
        private = create_offer(session, city.provider, "buildings", named)
        with pytest.raises(Refused) as refusal:
            request_agreement(session, city.consumer, private.id, statement="please")
        assert refusal.value.rule == "offer.recipient"
        assert request_agreement(session, city.university, private.id, statement="please")


def test_who_may_decide(any_city: Any, policy: Callable[..., Any]) -> None:
    city = any_city
    asked = city.ask(policy())
    with city.store.begin() as session:
        with pytest.raises(Refused) as refusal:
            approve(session, city.consumer, asked.id)
        assert refusal.value.rule == "agreement.decide"
        with pytest.raises(NotFound):
            approve(session, city.university, asked.id)
        with pytest.raises(Refused):
            approve(session, city.staff, asked.id)
        with pytest.raises(Invalid):
            refuse(session, city.provider, asked.id, reason=" ")
        assert refuse(session, city.provider, asked.id, reason="no").state is AgreementState.REFUSED
        with pytest.raises(Conflict):
            approve(session, city.provider, asked.id)
        for name in ("agr_nothing", "", "a\0b", "x" * 500):
            with pytest.raises(NotFound):
                approve(session, city.provider, name)


def test_two_people_decide_at_once(any_city: Any, policy: Callable[..., Any]) -> None:
    city = any_city
    signed = city.agree(policy())
    with city.store.begin() as session:
        suspend(session, city.provider, signed.id, reason="fault", revision=signed.revision)
        with pytest.raises(Conflict) as problem:
            end(session, city.provider, signed.id, reason="over", revision=signed.revision)
        assert problem.value.field == "revision"


def test_expired_offers_are_not_signed(
    any_city: Any, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    asked = any_city.ask(policy(term("dateTime", "lt", "2020-01-01T00:00:00Z")))
    with any_city.store.begin() as session, pytest.raises(Conflict):
        approve(session, any_city.provider, asked.id)


def test_lists(any_city: Any, policy: Callable[..., Any]) -> None:
    city = any_city
    asked = [city.ask(policy()).id for _ in range(5)]
    city.agree(policy(), city.university)
    waiting = frozenset({AgreementState.REQUESTED})
    with city.store.read() as session:
        seen, after = [], None
        while True:
            page = agreements(
                session, city.provider, side=Side.PROVIDER, states=waiting, limit=2, after=after
            )
            seen += [item.id for item in page.items]
            after = page.next
            if after is None:
                break
        assert seen == sorted(asked, reverse=True)
        mine = agreements(session, city.university, side=Side.CONSUMER)
        assert [item.state for item in mine.items] == [AgreementState.ACTIVE]
        assert len(agreements(session, city.staff).items) == 6
        assert agreements(session, ANONYMOUS).items == ()
        assert len(agreements(session, city.consumer, resource_id=city.shared.id).items) == 5
        assert agreements(session, city.consumer, resource_id="res_x\0").items == ()
        with pytest.raises(NotFound):
            agreement(session, city.university, asked[0])
        for wrong in ({"limit": 0}, {"limit": 5000}, {"after": "x"}):
            with pytest.raises(Invalid):
                agreements(session, city.provider, **wrong)
