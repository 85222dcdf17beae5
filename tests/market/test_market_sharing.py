"""Who shares: registered conditions, weights, contributions; public data and what they may earn."""

from datetime import timedelta

import numpy as np
import pytest

from quanyu.agreements import create_offer
from quanyu.catalogue import ApplicationKind, apply
from quanyu.catalogue.property_rights.entering import enter_rights
from quanyu.catalogue.property_rights.model import Conditions, Origin, Right, RightKind
from quanyu.kernel import Conflict, ControlStore, Invalid, NotFound, Refused, now
from quanyu.market import (
    Reported,
    balances,
    keep_valuation,
    meter_log,
    period_of,
    permit_income,
    permitted_incomes,
    price_offer,
    report_uses,
    settle,
    usage,
    valuation,
    value_holders,
    value_rows,
    what_if,
)
from quanyu.market.settling import settle_due

ZONE = "Asia/Shanghai"
PLAN = {"kind": "per-use", "price": 1_000}


def due(market) -> tuple[int, int]:
    with market.store.read() as session:
        return tuple(
            balances(session, one.party)["payable"] for one in (market.provider, market.upstream)
        )


def refused_offer(market, of, sharing, error) -> str:
    with market.store.begin() as session:
        policy = {
            "@context": ["http://www.w3.org/ns/odrl.jsonld"],
            "@type": "Offer",
            "permission": [{"action": "use"}],
        }
        offer = create_offer(session, market.provider, of.slug, policy)
    with market.store.begin() as session, pytest.raises(error) as refused:
        price_offer(session, market.provider, offer.id, PLAN, sharing)
    return refused.value.rule or refused.value.field


def test_a_registered_condition_is_kept(market) -> None:
    source = market.resource("rain", market.upstream)
    right = Right(
        kind=RightKind.HOLDING,
        holder=market.upstream.party,
        origin=Origin.COLLECTED,
        conditions=Conditions(share=2_500),
    )
    with market.store.begin() as session:
        kind = ApplicationKind.CHANGE
        asked = apply(session, source.id, kind, market.upstream, rights=[right], reason="share")
        enter_rights(session, source.id, [right], asked.id)
    of = market.resource("delays", lineage=(source.id,))
    everything = {"method": "agreed", "weights": {market.provider.party: 1}}
    assert refused_offer(market, of, everything, Refused) == "sharing.condition"
    agreed = market.agree(of, PLAN)
    market.use(agreed)
    market.meter()
    settle(market.store, period_of(now(), ZONE), ZONE, early=True)
    assert due(market) == (750, 250)


def training(random: np.random.Generator, rows: int):
    labels = random.integers(0, 2, rows)
    return random.normal(size=(rows, 2)) + 3 * labels[:, None], labels


def test_income_follows_a_computed_contribution(market) -> None:
    random = np.random.default_rng(5)
    train, labels = training(random, 60)
    test, truth = training(random, 20)
    names = [market.provider.party if at % 3 else market.upstream.party for at in range(60)]
    made = value_holders(train, labels, test, truth, names)
    shares = {one.holder: one.shapley for one in made.holders}
    assert made.method == "exact"
    assert sum(shares.values()) == pytest.approx(1)
    rows = value_rows(train, labels, test, truth)
    assert rows.sum() == pytest.approx(made.worth)
    assert value_holders(train, labels, test, truth, names).transcript() == made.transcript()
    with pytest.raises(Invalid):
        value_holders(train, labels[:-1], test, truth, names)
    with market.store.begin() as session:
        kept = keep_valuation(session, market.provider, made)
        with pytest.raises(Refused):
            keep_valuation(session, market.consumer, made)
    with market.store.read() as session:
        assert valuation(session, market.upstream, kept.id).leaf == kept.leaf
        with pytest.raises(NotFound):
            valuation(session, market.consumer, kept.id)
    of = market.resource("model")
    sharing = {"method": "valuation", "valuation": "val_1"}
    assert refused_offer(market, of, sharing, Invalid) == "sharing.valuation"
    agreed = market.agree(of, PLAN, sharing | {"valuation": kept.id})
    market.use(agreed)
    market.meter()
    settle(market.store, period_of(now(), ZONE), ZONE, early=True)
    micro = {one["holder"]: one["micro"] for one in kept.transcript["values"]}
    parts = what_if(micro, 1_000)
    assert due(market) == (parts[market.provider.party], parts[market.upstream.party])


def test_public_data_are_free_for_welfare_and_capped_for_industry(
    any_store: ControlStore, found_market
) -> None:
    market = found_market(any_store)
    period = period_of(now(), ZONE)
    provider = market.provider.party
    with market.store.begin() as session:
        said = {"amount": 1_500, "basis": "the price bureau, 2026 no. 3"}
        permit_income(session, market.steward, provider, period, **said)
        with pytest.raises(Conflict):
            permit_income(session, market.steward, provider, period, **said)
        with pytest.raises(Refused):
            permit_income(session, market.provider, provider, "2099-01", **said)
        following = period_of(now() + timedelta(days=32), ZONE)
        permit_income(session, market.steward, provider, following, amount=1_800, basis="same")
    agreed = market.agree(market.resource("stops"), PLAN | {"public_data": True})
    for purpose in ("industry", "industry", "welfare", "governance"):
        market.use(agreed, purpose=purpose)
    market.meter()
    with market.store.read() as session:
        whole, free = usage(session, agreed.id, period)
    assert (whole.uses, free.uses) == (4, 2)
    assert settle(market.store, period, ZONE, early=True).amount == 2_000
    with market.store.read() as session:
        held = balances(session, provider)
        assert (held["payable"], held["held"]) == (1_500, 500)
        counted = {one.period: one.counted for one in permitted_incomes(session)}
        assert counted == {period: 1_500, following: 0}
    market.use(agreed, at=now() + timedelta(days=32))
    market.meter()
    assert settle(market.store, following, ZONE, early=True).amount == 1_000
    with market.store.read() as session:
        held = balances(session, provider)
        assert (held["payable"], held["held"]) == (3_000, 0)


def test_the_month_that_is_over_is_settled_by_itself(market) -> None:
    assert settle_due(market.store, ZONE) is None
    agreed = market.agree(market.resource("stops"), PLAN)
    market.use(agreed, at=now() - timedelta(days=32))
    market.use(agreed)
    market.meter()
    made = settle_due(market.store, ZONE)
    assert made is not None
    assert (made.uses, made.amount) == (1, 1_000)
    assert settle_due(market.store, ZONE) is None
    # What is told of late is taken by the next settlement, into its own period.
    late = Reported("late", agreed.id, agreed.signed_at)
    with market.store.begin() as session:
        report_uses(session, market.provider, [late], ZONE)
    assert meter_log(market.store, market.log, ZONE) == 0
    assert settle(market.store, period_of(now(), ZONE), ZONE, early=True).uses == 2
