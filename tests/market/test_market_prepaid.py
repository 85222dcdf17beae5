"""A prepaid balance that is used up is refused at the gate, and goes on once it is filled."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanyu.agreements import Ask, Gate, end
from quanyu.kernel import Refused, now
from quanyu.market import (
    AccountKind,
    Quantity,
    account,
    balance,
    cover_prepaid,
    deposit,
    parse_plan,
    period_of,
    price,
    settle,
    usage,
)

ZONE = "Asia/Shanghai"
PLAN = {"kind": "prepaid", "price": 100}


@pytest.fixture
def gate(market) -> Iterator[Gate]:
    opened = Gate(market.store, ttl=0)
    yield opened
    opened.close()


def asked(gate: Gate, market, purpose: str = "industry") -> str:
    """The rule that refuses; empty where the use is granted."""
    try:
        gate.decide(market.consumer, "delays", Ask("features", purpose=purpose))
    except Refused as refusal:
        return str(refusal.rule)
    return ""


def pay(market, amount: int, reference: str) -> None:
    with market.store.begin() as session:
        deposit(session, market.steward, market.consumer.party, amount, reference)


def test_uses_are_refused_while_nothing_is_left(market, gate) -> None:
    agreed = market.agree(market.resource("delays"), PLAN)
    assert cover_prepaid(market.store, ZONE) == 1
    assert asked(gate, market) == "agreement.uncovered"
    pay(market, 250, "bank 1")
    assert cover_prepaid(market.store, ZONE) == 1
    assert cover_prepaid(market.store, ZONE) == 0
    for _ in range(2):
        assert asked(gate, market) == ""
        market.use(agreed)
        market.meter()
        cover_prepaid(market.store, ZONE)
    # Half of a use is left, and no use costs so little.
    assert asked(gate, market) == "agreement.uncovered"
    # Settling draws from the balance what was counted already: nothing changes.
    settle(market.store, period_of(now(), ZONE), ZONE, early=True)
    assert cover_prepaid(market.store, ZONE) == 0
    assert asked(gate, market) == "agreement.uncovered"
    pay(market, 50, "bank 2")
    cover_prepaid(market.store, ZONE)
    assert asked(gate, market) == ""
    while market.sequencer.step():
        pass
    kinds = [leaf for leaf in market.log.leaves(0, market.log.size) if b"covered" in leaf]
    assert [b"uncovered" in leaf for leaf in kinds] == [True, False, True, False]


def test_what_costs_nothing_goes_on(market, gate) -> None:
    of = market.resource("delays")
    agreed = market.agree(of, PLAN | {"public_data": True, "included": 2})
    cover_prepaid(market.store, ZONE)
    for _ in range(2):  # these are included
        assert asked(gate, market) == ""
        market.use(agreed)
    market.use(agreed, purpose="welfare")
    market.meter()
    cover_prepaid(market.store, ZONE)
    assert asked(gate, market) == "agreement.uncovered"
    assert asked(gate, market, "welfare") == ""
    with market.store.begin() as session:
        end(session, market.provider, agreed.id, reason="the test is over")


def test_one_balance_is_shared_by_all_of_a_consumer(market, gate) -> None:
    first = market.agree(market.resource("delays"), PLAN)
    market.agree(market.resource("stops"), PLAN)
    other = market.agree(market.resource("roads"), {"kind": "per-use", "price": 100})
    pay(market, 100, "bank 1")
    for each in (first, other):
        market.use(each)
    market.meter()
    cover_prepaid(market.store, ZONE)
    for slug in ("delays", "stops"):
        with pytest.raises(Refused, match="prepaid"):
            gate.decide(market.consumer, slug, Ask("features", purpose="industry"))
    gate.decide(market.consumer, "roads", Ask("features", purpose="industry"))


@pytest.fixture(scope="module")
def found_once(lasting) -> Iterator[tuple]:
    opened = Gate(lasting.store, ttl=0)
    yield lasting, opened, []
    opened.close()


@settings(max_examples=12)
@given(
    paid=st.integers(0, 20),
    uses=st.lists(st.integers(1, 3), max_size=8),
    per=st.integers(1, 3),
)
def test_what_is_over_is_one_rounds_at_most(found_once, paid, uses, per) -> None:
    """Where every round is told of, no more is overdrawn than the uses of one round cost."""
    market, gate, made = found_once
    number = len(made)
    made.append(number)
    plan = {"kind": "prepaid", "price": 2, "per": per}
    slug = f"places-{number}"
    agreed = market.agree(market.resource(slug), plan)
    if paid:
        pay(market, paid, f"bank {number}")
    cover_prepaid(market.store, ZONE)
    last = 0
    for count in uses:
        try:
            gate.decide(market.consumer, slug, Ask("features", purpose="industry"))
        except Refused:
            break
        for _ in range(count):
            market.use(agreed)
        last = count
        market.meter()
        cover_prepaid(market.store, ZONE)
    period = period_of(now(), ZONE)
    with market.store.read() as session:
        whole, _ = usage(session, agreed.id, period)
        held = balance(session, account(AccountKind.PREPAID, market.consumer.party))
    read = parse_plan(plan)
    owed = price(read, whole)
    left = held.credits - held.debits
    assert owed <= left + price(read, Quantity(uses=last)) + 1
    settle(market.store, period, ZONE, early=True)
    cover_prepaid(market.store, ZONE)
