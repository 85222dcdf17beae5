"""The chain of an authorised operator: from posting back to the authorisation, and no further."""

from dataclasses import replace
from datetime import timedelta

import pytest

from quanyu.agreements import approve, create_offer, request_agreement
from quanyu.catalogue import (
    Mode,
    OperationDraft,
    begin_operation,
    draft_operation,
    file_operation,
)
from quanyu.kernel import LocalText, now
from quanyu.market import (
    documents,
    period_of,
    price_offer,
    settle,
    statement_file,
    verify_statement,
)
from quanyu.parties import Caller, PartyKind, Role, Scope, register_party

ZONE = "Asia/Shanghai"
POLICY = {
    "@context": ["http://www.w3.org/ns/odrl.jsonld", {"quanyu": "urn:quanyu:ns:"}],
    "@type": "Offer",
    "permission": [{"action": "use"}],
}


@pytest.fixture
def operator(market) -> Caller:
    with market.store.begin() as session:
        party = register_party(session, kind=PartyKind.ENTERPRISE, name=LocalText(zh="运营公司"))
    return Caller(
        party=party.id,
        kind=PartyKind.ENTERPRISE,
        roles=frozenset({Role.SUPPLIER, Role.STEWARD}),
        scopes=frozenset(Scope),
    )


@pytest.fixture
def sold(market, operator: Caller) -> bytes:
    """The operator's statement over three uses of what it is authorised to operate."""
    of = market.resource("delays")
    begins = now() - timedelta(days=1)
    draft = OperationDraft(
        title=LocalText(en="Delays in operation"),
        mode=Mode.WHOLE,
        grantor=of.provider,
        operator=operator.party,
        resources=(of.id,),
        term=(begins, begins + timedelta(days=365)),
        plan=LocalText(en="Figures of delays"),
    )
    reviewer = replace(market.steward, roles=frozenset({Role.REVIEWER}))
    with market.store.begin() as session:
        made = draft_operation(session, draft, market.provider)
        file_operation(session, made.id, reviewer, filing="2026-001")
        begin_operation(session, made.id, operator)
        offer = create_offer(session, operator, of.slug, POLICY)
        price_offer(session, operator, offer.id, {"kind": "per-use", "price": 9})
        asked = request_agreement(session, market.consumer, offer.id, statement="to plan")
        agreed = approve(session, operator, asked.id)
    for _ in range(3):
        market.use(agreed)
    market.meter()
    settle(market.store, period_of(now(), ZONE), ZONE, early=True)
    while market.sequencer.step():
        pass
    with market.store.read() as session:
        of_it = documents(session, operator, kind="statement")[0][0]
        found = statement_file(session, market.log, of_it)
    assert found is not None
    return found


def test_a_posting_walks_back_to_the_authorisation(market, operator: Caller, sold: bytes) -> None:
    key = str(market.log.keys[0])
    outcome = verify_statement(sold, key)
    assert outcome.ok, outcome.steps[-1]
    said = {step.name.rpartition(" ")[2]: step.said for step in outcome.steps}
    assert said["right"].endswith(f"is {operator.party}'s by operation.begun")
    assert "27 分" in said["postings"]
    for find, put in (
        (b"operation.begun", b"operation.begin"),
        (str(operator.party).encode(), b"pty_" + b"0" * 26),
    ):
        broken = verify_statement(sold.replace(find, put), key)
        assert not broken.ok
        assert broken.steps[-1].said
