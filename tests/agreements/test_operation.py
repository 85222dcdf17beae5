"""Authorised operation: who authorises whom, what the operator may do, how long, and the report."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from quanyu.agreements import (
    Ask,
    Gate,
    approve,
    create_offer,
    operation_report,
    publish_report,
    published_report,
    published_reports,
    request_agreement,
)
from quanyu.catalogue import (
    Access,
    Delivery,
    Grade,
    Mode,
    Operation,
    OperationDraft,
    OperationState,
    ProductDraft,
    RightKind,
    amend_operation,
    begin_operation,
    draft_operation,
    draft_product,
    end_operation,
    file_operation,
    list_product,
    operation,
    operation_steps,
    operations,
    resume_operation,
    rights_on,
    save_draft,
    suspend_operation,
    withdraw,
)
from quanyu.evidence import Journal, Log, Sequencer, Use
from quanyu.kernel import (
    AgreementId,
    Conflict,
    Invalid,
    LocalText,
    NotFound,
    QuanyuError,
    Refused,
    UseId,
    load_or_create_ed25519,
    new_id,
    now,
)
from quanyu.parties import ANONYMOUS, Caller, PartyKind, Role, Scope, node_party, register_party

READ = Ask("features")
_S = OperationState


def operator_of(city: Any) -> Caller:
    """The enterprise's member who may act for it."""
    return replace(city.consumer, roles=frozenset({Role.STEWARD}))


@pytest.fixture
def reviewer(city: Any) -> Caller:
    with city.store.begin() as session:
        node = node_party(session) or register_party(
            session, kind=PartyKind.CITY_NODE, name=LocalText(en="Node")
        )
    return Caller(
        party=node.id,
        kind=PartyKind.CITY_NODE,
        roles=frozenset({Role.REVIEWER}),
        scopes=frozenset(Scope),
    )


def said(city: Any, *resources: Any, **rest: Any) -> OperationDraft:
    begins = now() - timedelta(days=1)
    return OperationDraft(
        **(
            {
                "title": LocalText(en="Services in operation"),
                "mode": Mode.WHOLE,
                "grantor": city.provider.party,
                "operator": city.consumer.party,
                "resources": tuple(one.id for one in resources or (city.shared,)),
                "term": (begins, begins + timedelta(days=365)),
                "plan": LocalText(en="Products on demand"),
            }
            | rest
        )
    )


def write(city: Any, do: Any, *args: Any, **rest: Any) -> Any:
    with city.store.begin() as session:
        return do(session, *args, **rest)


def in_force(city: Any, reviewer: Caller, **rest: Any) -> Operation:
    made = write(city, draft_operation, said(city, **rest), city.provider)
    write(city, file_operation, made.id, reviewer, filing="备案〔2026〕1号")
    begun: Operation = write(city, begin_operation, made.id, operator_of(city))
    return begun


def rule_of(do: Any, *args: Any, **rest: Any) -> str | None:
    with pytest.raises(QuanyuError) as problem:
        do(*args, **rest)
    return problem.value.rule


def test_an_authorisation_takes_its_steps_in_order(city: Any, reviewer: Caller) -> None:
    operator = operator_of(city)
    made = write(city, draft_operation, said(city), city.provider)
    with city.store.read() as session:
        assert operations(session, visible_to=ANONYMOUS) == []
        with pytest.raises(NotFound):
            operation(session, made.id, visible_to=operator)
    again = write(
        city, amend_operation, made.id, replace(said(city), mode=Mode.FIELD, field="transport"),
        city.provider, revision=made.revision,
    )  # fmt: skip
    assert again.mode is Mode.FIELD
    for who, do, rest in (
        (city.provider, file_operation, {"filing": "1"}),
        (city.university, end_operation, {"reason": "x"}),
    ):
        with pytest.raises((Refused, NotFound)):
            write(city, do, made.id, who, **rest)
    with pytest.raises(Invalid):
        write(city, file_operation, made.id, reviewer, filing="<b>")
    filed = write(city, file_operation, made.id, reviewer, filing="备案〔2026〕1号")
    assert rule_of(write, city, begin_operation, made.id, city.provider) == "operation.operator"
    with pytest.raises(Conflict):
        write(city, begin_operation, made.id, operator, revision=filed.revision - 1)
    write(city, begin_operation, made.id, operator)
    with pytest.raises(Invalid):
        write(city, suspend_operation, made.id, reviewer, reason=" ")
    write(city, suspend_operation, made.id, reviewer, reason="an inquiry")
    write(city, resume_operation, made.id, city.provider)
    ended = write(city, end_operation, made.id, operator, reason="done")
    assert ended.state is _S.ENDED
    with pytest.raises(Conflict):
        write(city, resume_operation, made.id, reviewer)
    with city.store.read() as session:
        steps = operation_steps(session, ended.id)
        owed = session.execute(
            text("select kind, body from outbox where kind like 'operation.%' order by number")
        )
        leaves = [(kind, orjson.loads(body)) for kind, body in owed]
        assert operations(session, visible_to=ANONYMOUS, of=city.consumer.party) == [ended]
    assert [kind for kind, _ in leaves] == [f"operation.{step.move.value}" for step in steps]
    assert [leaf["id"] for _, leaf in leaves] == [step.leaf for step in steps]
    assert "an inquiry" not in str(leaves)


def test_what_may_be_authorised(city: Any, reviewer: Caller) -> None:
    def refusal(draft: OperationDraft, by: Caller = city.provider) -> str | None:
        return rule_of(write, city, draft_operation, draft, by)

    plans = write(city, save_draft, city.draft("plans"), city.provider)
    assert refusal(said(city, plans)) == "operation.coded"
    closed = city.resource("core", grade=Grade.CORE, access=Access.CLOSED)
    assert refusal(said(city, closed)) == "grading.core"
    pipes = city.resource("pipes", grade=Grade.IMPORTANT, access=Access.RESTRICTED)
    assert refusal(said(city, pipes)) == "grading.unconfirmed"
    theirs = replace(city.university, roles=frozenset({Role.STEWARD}))
    wrong = said(city, grantor=city.university.party)
    assert refusal(wrong, theirs) == "operation.holder"
    assert refusal(said(city), operator_of(city)) == "catalogue.write"
    for change in (
        {"operator": city.provider.party},
        {"term": (now(), None)},
        {"mode": Mode.FIELD},
        {"mode": Mode.SCENARIO},
        {"plan_sha256": "x"},
        {"resources": ()},
    ):
        with pytest.raises(Invalid):
            write(city, draft_operation, replace(said(city), **change), city.provider)
    # What was registered when it was drafted is looked at again when it is filed.
    made = write(city, draft_operation, said(city), city.provider)
    write(city, withdraw, city.shared.id, city.provider, reviewed=False)
    assert rule_of(write, city, file_operation, made.id, reviewer, filing="1") == "operation.coded"


def test_an_operator_offers_within_its_authorisation_and_no_longer(
    city: Any, reviewer: Caller, policy: Any
) -> None:
    operator, of = operator_of(city), city.shared.slug
    gate = Gate(city.store, ttl=0)
    assert rule_of(write, city, create_offer, operator, of, policy()) == "offer.provider"
    draft = ProductDraft(
        title=LocalText(en="Sites"),
        provider=operator.party,  # type: ignore[arg-type]
        delivery=Delivery.API,
        sources=(city.shared.id,),
    )
    made = write(city, draft_product, draft, operator)
    never = {"operates": lambda _: False}
    assert rule_of(write, city, list_product, made.id, operator, **never) == "product.operate"

    one = in_force(city, reviewer)
    moment = now()
    with city.store.read() as session:
        held = [h for h in rights_on(session, city.shared.id, moment) if h.operation]
        assert [(h.kind, h.holder, h.basis) for h in held] == [
            (RightKind.OPERATION, operator.party, "备案〔2026〕1号")
        ]
    write(city, list_product, made.id, operator, **never)
    offer = write(city, create_offer, operator, of, policy())
    assert offer.provider == operator.party
    asked = write(city, request_agreement, city.university, offer.id, statement="to study")
    signed = write(city, approve, operator, asked.id)
    assert gate.decide(city.university, of, READ).agreement == signed.id

    second = write(city, create_offer, operator, of, policy())
    waiting = write(city, request_agreement, city.university, second.id, statement="more")
    write(city, suspend_operation, one.id, reviewer, reason="an inquiry")
    assert rule_of(gate.decide, city.university, of, READ) == "operation.ended"
    assert rule_of(write, city, create_offer, operator, of, policy()) == "offer.provider"
    assert rule_of(write, city, approve, operator, waiting.id) == "operation.ended"
    write(city, resume_operation, one.id, reviewer)
    assert gate.decide(city.university, of, READ).agreement == signed.id
    write(city, end_operation, one.id, city.provider, reason="over")
    assert rule_of(gate.decide, city.university, of, READ) == "operation.ended"
    with city.store.read() as session:  # what was in force then is still known
        assert any(h.operation == one.id for h in rights_on(session, city.shared.id, moment))
        assert not any(h.operation for h in rights_on(session, city.shared.id, now()))


def test_an_authorisation_ends_with_its_term(city: Any, reviewer: Caller, policy: Any) -> None:
    begins = now() - timedelta(days=2)
    short = (begins, now() + timedelta(milliseconds=400))
    one = in_force(city, reviewer, term=short)
    late = one.term[1] + timedelta(seconds=1)  # type: ignore[operator]
    assert one.state_at(late) is _S.ENDED
    with city.store.read() as session:
        assert not any(h.operation for h in rights_on(session, city.shared.id, late))


def test_the_annual_report_counts_what_is_in_the_log(
    city: Any, reviewer: Caller, policy: Any, tmp_path: Path
) -> None:
    operator, of = operator_of(city), city.shared
    one = in_force(city, reviewer)
    offer = write(city, create_offer, operator, of.slug, policy())
    asked = write(city, request_agreement, city.university, offer.id, statement="to study")
    signed = write(city, approve, operator, asked.id)
    other = city.agree(policy(), city.university)
    log = Log(tmp_path / "log", "town", [load_or_create_ed25519(tmp_path / "key.pem")])
    journal = Journal(tmp_path / "journal", "town")
    used = [used_under(name, of.id) for name in (signed.id, signed.id, other.id)]
    for use in used:
        journal.record_sync(use)
    journal.close()
    sequencer = Sequencer(city.store, tmp_path / "journal", log)
    while sequencer.step(closing=True):
        pass
    sequencer.close()
    year = now().year
    with city.store.begin() as session:
        report = operation_report(session, log, one, year, "UTC")
        figures = {figure["figure"]: figure for figure in report["figures"]}
        assert {name: figure["value"] for name, figure in figures.items()} == {
            "resources": 1,
            "products": 0,
            "agreements": 1,
            "parties": 1,
            "uses": 2,
            "rows": 14,
            "bytes": 200,
            "steps": 3,
        }
        assert figures["uses"]["receipts"] == sorted(use.id for use in used[:2])
        with pytest.raises(Refused):
            publish_report(session, log, one.id, city.provider, year, "UTC")
        with pytest.raises(Invalid):
            operation_report(session, log, one, year + 1, "UTC")
        empty = operation_report(session, log, one, year - 1, "UTC")
        assert all(f["value"] == 0 for f in empty["figures"][2:])
        kept = publish_report(session, log, one.id, operator, year, "UTC")
    with city.store.read() as session:
        assert published_reports(session, one) == [kept]
        assert published_report(session, kept.id, ANONYMOUS) == kept
        assert orjson.loads(kept.document)["figures"] == report["figures"]


def used_under(agreement: AgreementId, resource: Any) -> Use:
    return Use(
        id=UseId(new_id("use")),
        at=now(),
        resource=resource,
        agreement=agreement,
        party_commitment="00",
        query_commitment="00",
        purpose="research",
        face="features",
        restriction="00",
        version=1,
        rows=7,
        bytes=100,
    )
