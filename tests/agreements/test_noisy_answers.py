"""Answers with noise: drawn once, paid for once, on any worker, and never beyond the budget."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from quanyu.agreements import Ask, Gate, Grant
from quanyu.kernel import Invalid, Refused

ASK = Ask("statistics", "aggregate")
Term = Callable[..., dict[str, Any]]


def noise(term: Term, epsilon: float = 0.25, budget: float = 1) -> dict[str, Any]:
    return term("quanyu:noise", "eq", {"epsilon": epsilon, "budget": budget})


def granted(city: Any, gate: Gate) -> Grant:
    return gate.decide(city.consumer, "buildings", ASK)


def test_many_workers_draw_one_answer_and_pay_once(any_city: Any, term: Term, policy: Term) -> None:
    agreement = any_city.agree(policy(noise(term)))
    gates = [Gate(any_city.store) for _ in range(3)]

    def ask(number: int) -> bytes:
        gate = gates[number % 3]
        return gate.answer_once(granted(any_city, gate), 1, "how many", f"{number}".encode)

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(24)))
    assert len(answers) == 1
    assert sum(gates[0].used(agreement.id).values()) == 250_000
    for gate in gates:
        gate.close()


def test_the_budget_is_spent_to_its_end_and_not_beyond(city: Any, term: Term, policy: Term) -> None:
    agreement = city.agree(policy(noise(term)))
    gate = Gate(city.store)
    grant = granted(city, gate)
    first = gate.answer_once(grant, 1, "0", lambda: b"first")
    for number in range(1, 4):
        gate.answer_once(grant, 1, str(number), lambda: b"more")
    told = []
    with pytest.raises(Refused) as error:
        gate.answer_once(grant, 1, "4", lambda: told.append(1) or b"no")
    assert error.value.rule == f"{agreement.id}#permission.1.constraint.1"
    assert gate.answer_once(grant, 1, "0", lambda: b"other") == first
    with pytest.raises(Refused):  # another version is another question
        gate.answer_once(grant, 2, "0", lambda: b"other")
    assert sum(gate.used(agreement.id).values()) == 1_000_000
    gate.close()


def test_rows_are_refused_and_budgets_must_hold_a_question(
    city: Any, term: Term, policy: Term
) -> None:
    city.agree(policy(noise(term)))
    gate = Gate(city.store)
    for action in ("read", "display", "reproduce", "use"):
        with pytest.raises(Refused) as error:
            gate.decide(city.consumer, "buildings", Ask("features", action))
        assert error.value.rule is not None
        assert error.value.rule.endswith("#permission.1.constraint.1")
    gate.close()
    with pytest.raises(Invalid):
        city.agree(policy(noise(term, epsilon=2, budget=1)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"epsilon": 0.1},
        {"epsilon": 0, "budget": 1},
        {"epsilon": True, "budget": 1},
        {"epsilon": 0.1, "budget": 1, "delta": 0},
        {"epsilon": 0.1, "budget": 1, "bounds": [{"column": "a", "least": 1, "most": 1}]},
        {"epsilon": 0.1, "budget": 1, "bounds": [{"column": "a", "least": 1}]},
        {"epsilon": 0.1, "budget": 1, "bounds": [{"column": "geometry", "values": ["a"]}]},
        {"epsilon": 0.1, "budget": 1, "bounds": [{"column": "a", "values": ["b", "b"]}]},
        {"epsilon": 0.1, "budget": 1, "bounds": {"column": "a"}},
    ],
)
def test_noise_that_cannot_be_read_is_not_taken(
    city: Any, term: Term, policy: Term, wrong: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as error:
        city.ask(policy(term("quanyu:noise", "eq", wrong)))
    assert error.value.rule == "policy.value"
