"""The gate: who gets what, and why not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

import pytest

from quanyu.agreements import (
    Ask,
    Gate,
    approve,
    create_offer,
    end,
    request_agreement,
    resume,
    suspend,
)
from quanyu.agreements.tables import AgreementRow
from quanyu.catalogue import Access, FieldMeaning, save_draft, withdraw
from quanyu.kernel import Invalid, NotFound, QuanyuError, Refused, blind
from quanyu.parties import ANONYMOUS, Scope
from quanyu.spacetime import OPEN, Column, Figures, Mask

READ = Ask("features")


def rule_of(gate: Gate, *ask: Any) -> str | None:
    with pytest.raises(QuanyuError) as problem:
        gate.decide(*ask)
    return problem.value.rule


def test_deny_by_default(city: Any, gate: Gate) -> None:
    for who in (city.consumer, city.university, city.staff, ANONYMOUS):
        with pytest.raises(Refused) as refusal:
            gate.decide(who, "buildings", READ)
        assert refusal.value.rule == "agreement.none"
        assert refusal.value.mend
    with pytest.raises(NotFound):
        gate.decide(city.consumer, "no-such", READ)


def test_a_draft_is_not_there_for_others(city: Any, gate: Gate) -> None:
    with city.store.begin() as session:
        save_draft(
            session,
            replace(city.draft("plans"), access=Access.OPEN, licence="CC-BY-4.0"),
            city.provider,
        )
    for who in (city.consumer, ANONYMOUS):
        with pytest.raises(NotFound):
            gate.decide(who, "plans", READ)
    assert gate.decide(city.provider, "plans", READ).agreement.startswith("holder:")


def test_an_agreement_gives_its_restriction(
    city: Any, gate: Gate, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    signed = city.agree(
        policy(
            term("quanyu:columns", "isNoneOf", ["phone"]),
            term("quanyu:mask", "eq", {"column": "owner", "mask": "hash"}),
            term("quanyu:rows", "isPartOf", "height > 3"),
        )
    )
    grant = gate.decide(city.consumer, "buildings", READ)
    assert grant.agreement == signed.id
    assert grant.restriction.columns == (
        Column("name"),
        Column("height"),
        Column("owner", Mask.HASH),
        Column("value"),
    )
    assert grant.restriction.rows == {"op": ">", "args": [{"property": "height"}, 3.0]}
    assert len(grant.restriction.salt) == 32
    assert grant.restriction_key == grant.restriction.key
    assert [said.message for said in grant.stated] == [
        "without the columns {value}",
        "some columns are blurred",
        "only rows that meet a filter",
    ]
    assert rule_of(gate, city.university, "buildings", READ) == "agreement.none"
    assert rule_of(gate, city.staff, "buildings", READ) == "agreement.none"


def test_hash_salts_differ_by_agreement_and_are_not_the_commitments(
    city: Any, gate: Gate, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    hashed = policy(term("quanyu:mask", "eq", {"column": "owner", "mask": "hash"}))
    signed = [city.agree(hashed, who) for who in (city.consumer, city.university)]
    one, two = (gate.decide(w, "buildings", READ) for w in (city.consumer, city.university))
    assert one.restriction.salt != two.restriction.salt
    with city.store.read() as session:
        row = session.get(AgreementRow, signed[0].id)
        assert row.salt != one.restriction.salt
        assert one.party_commitment == blind(city.consumer.party, row.salt)


def test_without_hashes_equal_terms_share_a_key(
    city: Any, gate: Gate, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    terms = policy(term("quanyu:columns", "isAnyOf", ["name"]))
    for who in (city.consumer, city.university):
        city.agree(terms, who)
    grants = [gate.decide(w, "buildings", READ) for w in (city.consumer, city.university)]
    assert grants[0].restriction_key == grants[1].restriction_key


def test_open_data_and_holder(city: Any, gate: Gate) -> None:
    made = city.resource("parks", access=Access.OPEN, licence="CC-BY-4.0")
    for who in (ANONYMOUS, city.consumer, city.staff):
        grant = gate.decide(who, "parks", READ)
        assert (grant.agreement, grant.restriction) == (f"open:{made.id}", OPEN)
        assert grant.open_data
        assert grant.duties == ("name the source wherever the data are shown",)
    assert gate.decide(city.provider, "parks", READ).agreement == f"holder:{made.id}"
    named = Ask("features", agreement=f"holder:{made.id}")
    assert rule_of(gate, city.consumer, "parks", named) == "agreement.party"
    assert rule_of(gate, ANONYMOUS, "parks", named) == "agreement.party"
    shared = Ask("features", agreement=f"open:{city.shared.id}")
    assert rule_of(gate, city.consumer, "buildings", shared) == "agreement.party"


def test_commitments_under_implicit_agreements_are_salted_and_steady(city: Any, gate: Gate) -> None:
    city.resource("parks", access=Access.OPEN, licence="CC-BY-4.0")
    other = Gate(city.store, ttl=0)
    one = gate.decide(city.consumer, "parks", READ).party_commitment
    assert one == other.decide(city.consumer, "parks", READ).party_commitment
    assert one != gate.decide(city.university, "parks", READ).party_commitment
    other.close()


def test_one_request_learns_nothing_twice_and_the_next_one_does(
    city: Any, policy: Callable[..., Any]
) -> None:
    signed = city.agree(policy())
    gate = Gate(city.store, ttl=0.05)
    began = monotonic()
    gate.foresee(city.consumer, [city.shared], began)
    with city.store.begin() as session:
        end(session, city.provider, signed.id, reason="no longer needed")
    sleep(0.1)
    # However long the request takes, it goes by what was true when it began.
    assert gate.decide(city.consumer, "buildings", READ, began).agreement == signed.id
    assert gate.peek(city.consumer, "buildings", READ) is None
    assert rule_of(gate, city.consumer, "buildings", READ) == "agreement.none"
    gate.close()


def test_several_agreements_must_be_named(
    city: Any, gate: Gate, policy: Callable[..., Any]
) -> None:
    one, two = city.agree(policy()), city.agree(policy())
    with pytest.raises(Invalid) as problem:
        gate.decide(city.consumer, "buildings", READ)
    assert problem.value.field == "agreement"
    assert one.id in str(problem.value)
    named = gate.decide(city.consumer, "buildings", Ask("features", agreement=two.id))
    assert named.agreement == two.id


def test_nobody_uses_anothers_agreement(city: Any, gate: Gate, policy: Callable[..., Any]) -> None:
    signed = city.agree(policy())
    named = Ask("features", agreement=signed.id)
    for who in (city.university, city.staff, ANONYMOUS):
        assert rule_of(gate, who, "buildings", named) == "agreement.party"
    city.resource("streets")
    assert rule_of(gate, city.consumer, "streets", named) == "agreement.party"


def test_purpose(
    city: Any, gate: Gate, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    signed = city.agree(policy(term("purpose", "isAnyOf", ["research", "governance"])))
    rule = f"{signed.id}#permission.1.constraint.1"
    assert rule_of(gate, city.consumer, "buildings", READ) == rule
    other = Ask("features", purpose="industry")
    assert rule_of(gate, city.consumer, "buildings", other) == rule
    for purpose in ("research", "urn:quanyu:ns:research", "quanyu:research"):
        grant = gate.decide(city.consumer, "buildings", Ask("features", purpose=purpose))
        assert grant.purpose == "research"


def test_the_rule_is_named_by_its_own_id(
    city: Any, gate: Gate, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    named = term("purpose", "eq", "research") | {"@id": "urn:rule:for-research"}
    signed = city.agree(policy(named))
    assert rule_of(gate, city.consumer, "buildings", READ) == f"{signed.id}#urn:rule:for-research"


def test_action(city: Any, gate: Gate, policy: Callable[..., Any]) -> None:
    city.agree(
        policy(action="read", prohibition=[{"action": "reproduce"}]),
    )
    assert gate.decide(city.consumer, "buildings", Ask("features", "read"))
    assert rule_of(gate, city.consumer, "buildings", Ask("tiles", "display")) == "policy.deny"
    assert rule_of(gate, city.consumer, "buildings", Ask("x", "teleport")) == "policy.term"


def test_recipients_and_kinds(
    city: Any, gate: Gate, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    city.agree(policy(term("recipient", "isA", "university")))
    city.agree(policy(term("recipient", "isA", "university")), city.university)
    assert rule_of(gate, city.consumer, "buildings", READ).endswith("constraint.1")
    assert gate.decide(city.university, "buildings", READ)


def test_versions(
    city: Any, gate: Gate, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    signed = city.agree(policy(term("quanyu:version", "isAnyOf", [2, 3])))
    assert gate.decide(city.consumer, "buildings", READ).versions == {2, 3}
    assert gate.decide(city.consumer, "buildings", Ask("features", version=3)).versions == {2, 3}
    rule = f"{signed.id}#permission.1.constraint.1"
    assert rule_of(gate, city.consumer, "buildings", Ask("features", version=1)) == rule


def test_bound_token(city: Any, gate: Gate, policy: Callable[..., Any]) -> None:
    one, two = city.agree(policy()), city.agree(policy())
    bound = replace(city.consumer, agreement=one.id)
    assert gate.decide(bound, "buildings", READ).agreement == one.id
    assert rule_of(gate, bound, "buildings", Ask("f", agreement=two.id)) == "token.bound"
    made = city.resource("parks", access=Access.OPEN, licence="CC-BY-4.0")
    assert rule_of(gate, bound, "parks", READ) == "token.bound"
    assert rule_of(gate, bound, "parks", Ask("f", agreement=f"open:{made.id}")) == "token.bound"


def test_a_token_without_read(city: Any, gate: Gate, policy: Callable[..., Any]) -> None:
    city.agree(policy())
    gate.decide(city.consumer, "buildings", READ)
    writes = replace(city.consumer, scopes=frozenset({Scope.WRITE}))
    assert rule_of(gate, writes, "buildings", READ) == "scope.read"


def test_a_cached_grant_is_not_for_a_token_without_read(
    city: Any, policy: Callable[..., Any]
) -> None:
    city.agree(policy())
    gate = Gate(city.store)
    gate.decide(city.consumer, "buildings", READ)
    writes = replace(city.consumer, scopes=frozenset({Scope.WRITE}))
    assert gate.peek(writes, "buildings", READ) is None
    assert rule_of(gate, writes, "buildings", READ) == "scope.read"


def test_suspended_resumed_ended(city: Any, gate: Gate, policy: Callable[..., Any]) -> None:
    signed = city.agree(policy())
    with city.store.begin() as session:
        suspend(session, city.provider, signed.id, reason="a fault in the data")
    assert rule_of(gate, city.consumer, "buildings", READ) == "agreement.suspended"
    with city.store.begin() as session:
        resume(session, city.provider, signed.id)
    assert gate.decide(city.consumer, "buildings", READ)
    with city.store.begin() as session:
        end(session, city.consumer, signed.id, reason="no longer needed")
    assert rule_of(gate, city.consumer, "buildings", READ) == "agreement.none"
    named = Ask("features", agreement=signed.id)
    assert rule_of(gate, city.consumer, "buildings", named) == "agreement.state"


def test_a_request_alone_gives_nothing(city: Any, gate: Gate, policy: Callable[..., Any]) -> None:
    asked = city.ask(policy())
    assert rule_of(gate, city.consumer, "buildings", READ) == "agreement.none"
    named = Ask("features", agreement=asked.id)
    assert rule_of(gate, city.consumer, "buildings", named) == "agreement.state"


def test_revocation_bites_within_a_second(city: Any, policy: Callable[..., Any]) -> None:
    signed = city.agree(policy())
    workers = [Gate(city.store) for _ in range(2)]
    for worker in workers:
        worker.decide(city.consumer, "buildings", READ)
    with city.store.begin() as session:
        end(session, city.provider, signed.id, reason="breach")
    sleep(1)
    for worker in workers:
        with pytest.raises(Refused):
            worker.decide(city.consumer, "buildings", READ)


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


@pytest.mark.parametrize(("operator", "at_the_instant"), [("lt", False), ("lteq", True)])
def test_the_edge_of_expiry(
    city: Any,
    policy: Callable[..., Any],
    term: Callable[..., Any],
    operator: str,
    at_the_instant: bool,
) -> None:
    edge = datetime(2099, 1, 1, tzinfo=UTC)
    city.agree(policy(term("dateTime", operator, "2099-01-01T08:00:00+08:00")))
    clock = Clock(edge - timedelta(microseconds=1))
    gate = Gate(city.store, clock=clock)
    assert gate.decide(city.consumer, "buildings", READ)
    clock.at = edge
    if at_the_instant:
        assert gate.decide(city.consumer, "buildings", READ)
        clock.at = edge + timedelta(microseconds=1)
    # The decision is still cached, and does not outlive the agreement all the same.
    assert rule_of(gate, city.consumer, "buildings", READ) == "agreement.expired"


def test_not_in_force_yet(
    city: Any, gate: Gate, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    signed = city.agree(policy(term("dateTime", "gteq", "2099-01-01T00:00:00Z")))
    rule = f"{signed.id}#permission.1.constraint.1"
    assert rule_of(gate, city.consumer, "buildings", READ) == rule


def test_withdrawn(city: Any, gate: Gate, policy: Callable[..., Any]) -> None:
    city.agree(policy())
    with city.store.begin() as session:
        withdraw(session, city.shared.id, city.provider, note="replaced", reviewed=False)
    assert rule_of(gate, city.consumer, "buildings", READ) == "resource.withdrawn"
    with pytest.raises(NotFound):
        gate.decide(city.university, "buildings", READ)


def test_an_altered_text_gives_nothing(
    city: Any, gate: Gate, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    signed = city.agree(policy(term("quanyu:columns", "isAnyOf", ["name"])))
    with city.store.begin() as session:
        row = session.get(AgreementRow, signed.id)
        row.policy = row.policy.replace('"name"', '"owner"')
    assert rule_of(gate, city.consumer, "buildings", READ) == "agreement.altered"


def test_gates_cache_is_short(city: Any) -> None:
    with pytest.raises(ValueError, match=r"0\.5"):
        Gate(city.store, ttl=0.6)


def test_groups_are_counted_by_the_column_that_stands_for_a_person(
    city: Any, gate: Gate, policy: Any, term: Any
) -> None:
    fields = (FieldMeaning("owner", "string", person=True), FieldMeaning("kind", "string"))
    of = city.resource("people", fields=fields)
    hidden = term("quanyu:columns", "isNoneOf", ["owner"])
    with city.store.begin() as session:
        offer = create_offer(
            session, city.provider, of.slug, policy(hidden, term("quanyu:groupSize", "gteq", 5))
        )
        asked = request_agreement(session, city.consumer, offer.id, statement="to plan")
    with city.store.begin() as session:
        approve(session, city.provider, asked.id)
    grant = gate.decide(city.consumer, "people", Ask("statistics", "aggregate"))
    assert grant.restriction.figures == Figures(5, person="owner")
    assert grant.restriction.salt
    with pytest.raises(Invalid) as error:
        city.resource("pairs", fields=tuple(replace(one, person=True) for one in fields))
    assert error.value.field == "fields.person"
