"""Properties: the ledger's algebra, price plans, splits, and the axioms of contribution."""

from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanyu.kernel import Conflict, ControlStore, Invalid, QuanyuError
from quanyu.market import (
    AccountKind,
    Book,
    Measure,
    PlanKind,
    PricePlan,
    Quantity,
    Tier,
    Transfer,
    TransferKind,
    account,
    banzhaf,
    charges,
    check_books,
    contribution,
    exact_shapley,
    from_yuan,
    knn_game,
    knn_shapley,
    leave_one_out,
    parse_plan,
    permutation_shapley,
    plan_document,
    post,
    price,
    rests_on,
    rounded,
    split,
    svarm,
    yuan,
)

AT = datetime(2026, 11, 1, tzinfo=UTC)
NAMES = [account(kind, owner) for kind in AccountKind for owner in ("a", "b")]

whole = st.integers(0, 10**9)
transfers = st.builds(
    Transfer,
    id=st.sampled_from([f"t{number}" for number in range(12)]),
    debit=st.sampled_from(NAMES),
    credit=st.sampled_from(NAMES),
    amount=st.integers(1, 50),
    code=st.just("test"),
    subject=st.just("test"),
    kind=st.sampled_from(TransferKind),
    resolves=st.none() | st.sampled_from([f"t{number}" for number in range(12)]),
)
plans = st.one_of(
    st.builds(
        PricePlan,
        st.just(PlanKind.PER_VOLUME),
        st.sampled_from([Measure.ROWS, Measure.BYTES]),
        per=st.integers(1, 5_000),
        price=st.integers(1, 10_000),
        included=st.integers(0, 1_000),
    ),
    st.builds(PricePlan, st.just(PlanKind.PER_USE), price=st.integers(1, 10_000)),
    st.builds(
        PricePlan,
        st.just(PlanKind.SUBSCRIPTION),
        st.sampled_from(Measure),
        per=st.integers(1, 100),
        price=st.integers(0, 100),
        included=st.integers(0, 100),
        fee=st.integers(1, 10**6),
    ),
    st.builds(
        lambda measure, per, steps, prices: PricePlan(
            PlanKind.TIERED,
            measure,
            per,
            tiers=tuple(
                Tier(None if place == len(steps) else sum(steps[: place + 1]), cost)
                for place, cost in enumerate(prices[: len(steps) + 1])
            ),
        ),
        st.sampled_from(Measure),
        st.integers(1, 1_000),
        st.lists(st.integers(1, 500), max_size=4),
        st.lists(st.integers(0, 1_000), min_size=5, max_size=5),
    ),
    st.just(PricePlan(PlanKind.FREE)),
)
quantities = st.builds(Quantity, whole, whole, whole)


@given(st.lists(st.lists(transfers, min_size=1, max_size=4), max_size=12))
@settings(max_examples=60)
def test_the_books_balance_whatever_is_posted(scratch: ControlStore, chains) -> None:
    with scratch.read() as session:  # nothing of it stays
        before = check_books(session)
        book = Book(session, AT)
        done: list[list[Transfer]] = []
        for chain in chains:
            try:
                if book.post(chain):
                    done.append(chain)
            except QuanyuError:
                continue
        book.flush()
        session.flush()
        debited, credited = check_books(session)
        assert debited == credited
        assert debited - before[0] == sum(
            one.amount
            for chain in done
            for one in chain
            if one.kind in (TransferKind.POSTED, TransferKind.POST)
        )
        resolved = [one.resolves for chain in done for one in chain if one.resolves]
        assert len(resolved) == len(set(resolved))
        for name in NAMES:
            held = book.balance(name)
            own, other = (
                (held.debits, held.credits + held.credits_pending)
                if name.startswith(("cash", "receivable"))
                else (held.credits, held.debits + held.debits_pending)
            )
            assert 0 <= other <= own
        again = Book(session, AT)
        assert not any(again.post(chain) for chain in done)


def test_a_pending_transfer_is_resolved_once(any_store: ControlStore) -> None:
    cash, prepaid = account(AccountKind.CASH), account(AccountKind.PREPAID, "a")
    pending = Transfer("p", cash, prepaid, 10, "test", "x", TransferKind.PENDING)
    part = Transfer("q", cash, prepaid, 6, "test", "x", TransferKind.POST, "p")
    with any_store.begin() as session:
        assert post(session, [pending], AT)
        assert post(session, [part], AT)
    with any_store.begin() as session:
        assert not post(session, [part], AT)
        void = Transfer("r", cash, prepaid, 10, "test", "x", TransferKind.VOID, "p")
        with pytest.raises(Conflict):
            post(session, [void], AT)
        with pytest.raises(Conflict):
            post(session, [Transfer("q", cash, prepaid, 5, "test", "x")], AT)
        assert check_books(session) == (6, 6)


@given(plans, quantities, quantities)
def test_prices_grow_with_what_is_used(plan: PricePlan, one: Quantity, more: Quantity) -> None:
    assert 0 <= price(plan, one) <= price(plan, one + more)
    assert parse_plan(plan_document(plan)) == plan
    exact = sum((part.exact for part in charges(plan, one)), Fraction(0))
    assert abs(price(plan, one) - exact) <= Fraction(1, 2)


@given(plans, st.lists(st.builds(Quantity, *[st.integers(0, 1_000)] * 3), max_size=6))
def test_a_period_costs_the_same_in_however_many_parts(plan: PricePlan, parts) -> None:
    total, invoiced = Quantity(), 0
    for part in parts:
        total += part
        due = price(plan, total) - invoiced
        assert due >= 0
        invoiced += due
    assert invoiced == (price(plan, total) if parts else 0)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "plan.kind"),
        ({"kind": "gift"}, "plan.kind"),
        ({"kind": "per-use"}, "plan.price"),
        ({"kind": "per-use", "price": 1.5}, "plan.price"),
        ({"kind": "per-use", "price": -1}, "plan.price"),
        ({"kind": "per-use", "price": True}, "plan.price"),
        ({"kind": "per-volume", "price": 1}, "plan.measure"),
        ({"kind": "per-use", "price": 1, "fee": 3}, "plan.fee"),
        ({"kind": "subscription"}, "plan.fee"),
        ({"kind": "tiered"}, "plan.tiers"),
        ({"kind": "tiered", "tiers": [{"up_to": 5, "price": 1}]}, "plan.tiers"),
        (
            {"kind": "tiered", "tiers": [*[{"up_to": 5, "price": 1}] * 2, {"price": 1}]},
            "plan.up_to",
        ),
        ({"kind": "free", "price": 1}, "plan.price"),
        ({"kind": "free", "discount": 1}, "plan"),
        ({"kind": "free", "public_data": 1}, "plan.public_data"),
    ],
)  # fmt: skip
def test_a_plan_that_is_none_names_its_member(said, field: str) -> None:
    with pytest.raises(Invalid) as wrong:
        parse_plan(said)
    assert wrong.value.field == field


@given(whole, st.lists(st.integers(0, 10**6) | st.fractions(0, 10**6), min_size=1, max_size=20))
def test_a_split_loses_and_makes_nothing(pool: int, weights) -> None:
    parts = split(pool, weights)
    assert sum(parts) == pool
    total = sum(weights)
    if total:
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part - Fraction(pool) * weight / total) < 1
    else:
        assert max(parts) - min(parts) <= 1


@given(st.integers(-(10**14), 10**14), st.fractions(0, 10**9))
def test_amounts_are_read_as_written(amount: int, exact: Fraction) -> None:
    if 0 <= amount < 10**14:
        assert from_yuan(yuan(amount).replace(",", ""), "amount") == amount
    assert abs(rounded(exact) - exact) <= Fraction(1, 2)


def random_game(count: int, seed: int):
    values = np.random.default_rng(seed).normal(size=1 << count)
    values[0] = 0

    def game(coalitions):
        return values[coalitions @ (1 << np.arange(count))]

    return game


@given(st.integers(1, 7), st.integers(0, 2**32), st.integers(0, 2**32), st.data())
@settings(max_examples=60)
def test_shapley_keeps_its_axioms(count: int, one: int, two: int, data) -> None:
    first, second = random_game(count, one), random_game(count, two)
    a, b = exact_shapley(count, first), exact_shapley(count, second)
    everybody = np.ones((1, count), dtype=bool)
    assert a.sum() == pytest.approx(first(everybody)[0], abs=1e-9)  # efficiency
    both = exact_shapley(count, lambda c: first(c) + second(c))
    assert both == pytest.approx(a + b, abs=1e-9)  # additivity
    idle = data.draw(st.integers(0, count - 1))

    def without(coalitions):
        kept = coalitions.copy()
        kept[:, idle] = False
        return first(kept)

    assert exact_shapley(count, without)[idle] == pytest.approx(0, abs=1e-12)  # null player
    other = data.draw(st.integers(0, count - 1))

    def alike(coalitions):
        swapped = coalitions.copy()
        swapped[:, [idle, other]] = coalitions[:, [other, idle]]
        return first(coalitions) + first(swapped)

    fair = exact_shapley(count, alike)
    assert fair[idle] == pytest.approx(fair[other], abs=1e-9)  # symmetry


def test_values_of_a_game_that_is_known() -> None:
    # Two uses: one needs the first two holders and weighs 6, one needs all three and weighs 3.
    game = rests_on(3, [((0, 1), 6), ((0, 1, 2), 3)])
    assert exact_shapley(3, game) == pytest.approx([4, 4, 1])
    assert banzhaf(3, game) == pytest.approx([3.75, 3.75, 0.75])
    assert leave_one_out(3, game) == pytest.approx([9, 9, 3])


@pytest.mark.parametrize("count", [4, 7, 18])
def test_estimates_come_near_and_say_how_near(count: int) -> None:
    random = np.random.default_rng(count)
    needs = [
        (random.choice(count, random.integers(1, 4), replace=False).tolist(), random.uniform(1, 9))
        for _ in range(40)
    ]
    truth = np.zeros(count)
    for holders, weight in needs:
        truth[holders] += weight / len(holders)
    game = rests_on(count, needs)
    seen = []
    for seed in range(12):
        estimate = svarm(count, game, 1_500, seed)
        assert estimate.evaluations <= 1_500
        seen.append(np.abs(estimate.values - truth) <= estimate.half_width + 1e-9)
        assert np.linalg.norm(estimate.values - truth) < 0.1 * np.linalg.norm(truth)
    assert np.mean(seen) > 0.85
    rough = permutation_shapley(count, game, 1_500, 0)
    assert np.linalg.norm(rough.values - truth) < 0.5 * np.linalg.norm(truth)


def test_an_estimate_repeats_by_its_seed() -> None:
    game = rests_on(20, [((at, (at + 1) % 20), 1.0 + at) for at in range(20)])
    names = [f"pty_{at}" for at in range(20)]
    one = contribution(names, game, described="test", seed=7, evaluations=2_000)
    assert one == contribution(names, game, described="test", seed=7, evaluations=2_000)
    assert one.method == "svarm"
    assert (
        one.transcript()
        != contribution(names, game, described="test", seed=8, evaluations=2_000).transcript()
    )
    with pytest.raises(Invalid):
        svarm(20, game, 100, 7)


@given(st.integers(1, 8), st.integers(1, 5), st.integers(1, 10), st.integers(0, 2**32))
@settings(max_examples=60)
def test_knn_values_are_the_shapley_values_of_its_game(
    rows: int, tests: int, k: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    train, test = random.normal(size=(rows, 3)), random.normal(size=(tests, 3))
    labels, truth = random.integers(0, 2, rows), random.integers(0, 2, tests)
    game = knn_game(train, labels, test, truth, np.arange(rows), k=k)
    found = knn_shapley(train, labels, test, truth, k)
    assert found == pytest.approx(exact_shapley(rows, game), abs=1e-9)
