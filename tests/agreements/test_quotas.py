"""Quotas and rates: exact across threads and processes, on each database."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any

import pytest

from quanyu.agreements import Ask, Gate, Grant
from quanyu.kernel import ControlStore, Refused, TooMany
from quanyu.parties import Caller

READ = Ask("features")


def spend_until_refused(gate: Gate, grant: Grant, rows: int, patience: float = 90) -> int:
    """Rows answered before the quota is used up."""
    answered, ends = 0, time.monotonic() + patience
    while time.monotonic() < ends:
        try:
            gate.spend(grant, requests=1, rows=rows)
            answered += rows
        except TooMany:
            time.sleep(0.05)
        except Refused:
            return answered
    raise TimeoutError("the quota never ended")


def _worker(url: str, who: Caller, rows: int, results: Any) -> None:
    store = ControlStore(url)
    gate = Gate(store)
    results.put(spend_until_refused(gate, gate.decide(who, "buildings", READ), rows))
    gate.close()
    store.close()


def test_workers_never_pass_a_quota_and_attain_all_of_it(
    any_city: Any, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    limit = 5_000
    any_city.agree(policy(term("quanyu:rowCount", "lteq", limit), term("count", "lteq", 10**6)))
    context = get_context("spawn")
    results = context.Queue()
    url = any_city.store.url
    workers = [
        context.Process(target=_worker, args=(url, any_city.consumer, 10, results))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    answered = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert sum(answered) == limit


def test_threads(any_city: Any, policy: Callable[..., Any], term: Callable[..., Any]) -> None:
    any_city.agree(policy(term("quanyu:rowCount", "lteq", 3000)))
    gate = Gate(any_city.store)
    grant = gate.decide(any_city.consumer, "buildings", READ)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: spend_until_refused(gate, grant, 1), range(4)))
    assert sum(done) == 3000
    gate.close()


def test_all_or_nothing(
    any_city: Any, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    signed = any_city.agree(
        policy(
            term("count", "lteq", 100),
            term("quanyu:rowCount", "lteq", 50),
            term("quanyu:byteCount", "lteq", 1000),
        )
    )
    gate = Gate(any_city.store)
    grant = gate.decide(any_city.consumer, "buildings", READ)
    gate.spend(grant, requests=1, rows=50, bytes=100)
    for amounts in ({"rows": 1}, {"bytes": 901}):
        with pytest.raises(Refused) as refusal:
            gate.spend(grant, requests=1, **amounts)
        assert refusal.value.rule.startswith(f"{signed.id}#permission.1.constraint.")
    gate.spend(grant, requests=99, bytes=900)
    with pytest.raises(Refused):
        gate.spend(grant, requests=1)
    gate.close()
    used = gate.used(signed.id)
    assert used == {
        "permission.1.constraint.1": 100,
        "permission.1.constraint.2": 50,
        "permission.1.constraint.3": 1000,
    }


def test_paging_past_a_count(
    city: Any, gate: Gate, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    city.agree(policy(term("quanyu:rowCount", "lteq", 250)))
    grant = gate.decide(city.consumer, "buildings", READ)
    for _ in range(2):
        gate.spend(grant, requests=1, rows=100)
    with pytest.raises(Refused):
        gate.spend(grant, requests=1, rows=100)
    gate.spend(grant, requests=1, rows=50)
    with pytest.raises(Refused):
        gate.spend(grant, requests=1, rows=1)


def test_a_killed_worker_forfeits_little_and_passes_nothing(
    any_city: Any, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    class Later:
        shift = timedelta()

        def __call__(self) -> datetime:
            return datetime.now(UTC) + self.shift

    limit, clock = 1600, Later()
    any_city.agree(policy(term("quanyu:rowCount", "lteq", limit)))
    killed = Gate(any_city.store)
    grant = killed.decide(any_city.consumer, "buildings", READ)
    killed.spend(grant, rows=1)
    killed._meter._stop.set()  # it never gives back again
    other = Gate(any_city.store, clock=clock)
    clock.shift = timedelta(seconds=11)
    answered = 1 + spend_until_refused(other, grant, 1)
    assert limit * 63 / 64 - 1 <= answered <= limit
    other.close()


def test_unused_units_come_back(
    any_city: Any, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    signed = any_city.agree(policy(term("quanyu:rowCount", "lteq", 10_000)))
    gate = Gate(any_city.store)
    gate.spend(gate.decide(any_city.consumer, "buildings", READ), rows=1)
    assert gate.used(signed.id)["permission.1.constraint.1"] > 1
    gate.close()
    assert gate.used(signed.id) == {"permission.1.constraint.1": 1}


def test_a_rate_is_never_passed_in_any_period(
    city: Any, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    class Clock:
        at = datetime(2026, 1, 1, tzinfo=UTC)

        def __call__(self) -> datetime:
            return self.at

    clock = Clock()
    city.agree(policy(term("quanyu:rate", "lteq", 10, unit="quanyu:perMinute")))
    gate = Gate(city.store, clock=clock)
    grant = gate.decide(city.consumer, "buildings", READ)
    answered: list[datetime] = []
    waits: list[int | None] = []
    for _ in range(300):
        try:
            gate.spend(grant, requests=1)
            answered.append(clock.at)
        except TooMany as error:
            waits.append(error.retry_after)
        clock.at += timedelta(seconds=0.6)
    assert all(wait is not None and 1 <= wait <= 60 for wait in waits)
    assert len(answered) >= 15
    for start in answered:
        assert sum(start <= at < start + timedelta(seconds=60) for at in answered) <= 10
    gate.close()


def test_a_fast_rate_by_the_wall_clock(
    city: Any, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    city.agree(policy(term("quanyu:rate", "lteq", 200, unit="quanyu:perSecond")))
    gates = [Gate(city.store) for _ in range(2)]
    grant = gates[0].decide(city.consumer, "buildings", READ)
    answered: list[float] = []
    lock, ends = threading.Lock(), time.monotonic() + 2.5

    def hammer(gate: Gate) -> None:
        while time.monotonic() < ends:
            before = time.monotonic()
            try:
                gate.spend(grant, requests=1)
            except TooMany:
                time.sleep(0.002)
            else:
                with lock:
                    answered.append(before)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(hammer, gates))
    answered.sort()
    assert len(answered) >= 200
    for number, start in enumerate(answered):
        assert sum(start <= at < start + 0.95 for at in answered[number:]) <= 200
    for gate in gates:
        gate.close()


def test_spend_local_never_asks_the_store(
    city: Any, gate: Gate, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    city.agree(policy(term("quanyu:rowCount", "lteq", 10_000)))
    grant = gate.decide(city.consumer, "buildings", READ)
    assert not gate.spend_local(grant, rows=1)
    gate.spend(grant, rows=1)
    assert gate.spend_local(grant, rows=1)
    assert not gate.spend_local(grant, rows=9_000)
    with pytest.raises(ValueError, match="negative"):
        gate.spend(grant, rows=-1)
