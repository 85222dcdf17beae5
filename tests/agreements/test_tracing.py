"""Marks: what a copy is traced by after much was done to it, and that others are not accused."""

import hashlib
import hmac
import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quanyu.agreements import CHANCE, Ask, Gate, trace
from quanyu.kernel import Invalid

STEP = 0.01
Write = Callable[..., dict[str, Any]]


def copy_under(salt: str, rows: int = 400) -> dict[str, list[Any]]:
    """What the store gives under a salt, by the definition of the mark."""
    ids = [f"f{n}" for n in range(rows)]
    values = []
    for n, fid in enumerate(ids):
        bit = hmac.new(bytes.fromhex(salt), f"mark:{fid}".encode(), hashlib.sha256).digest()[0] >> 7
        values.append(round((2 * math.floor((3 + n * 0.37) / (2 * STEP)) + bit) * STEP, 9))
    return {"fid": ids, "height": values, "name": [f"House {n}" for n in range(rows)]}


@pytest.fixture
def marked(city: Any, term: Write, policy: Write) -> tuple[Any, str, str]:
    """A city, an agreement with a mark, and the salt that its restriction brings."""
    said = {"column": "height", "mask": "mark", "step": STEP}
    agreement = city.agree(policy(term("quanyu:mask", "eq", said)))
    city.agree(policy(term("quanyu:mask", "eq", said)), city.university)
    gate = Gate(city.store)
    restriction = gate.decide(city.consumer, "buildings", Ask("features")).restriction
    gate.close()
    assert restriction.salt
    return city, agreement.id, restriction.salt


def traced(city: Any, columns: dict[str, list[Any]]) -> list[str]:
    with city.store.read() as session:
        return [one.agreement for one in trace(session, columns)]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 1 << 30),
    kept=st.integers(60, 400),
    without=st.sets(st.sampled_from(["name"])),
    renamed=st.booleans(),
    as_text=st.booleans(),
    doubled=st.booleans(),
    spoilt=st.floats(0, 0.2),
)
def test_a_copy_is_traced_after_much(  # noqa: PLR0917 - what was done to it
    marked: tuple[Any, str, str],
    seed: int,
    kept: int,
    without: set[str],
    renamed: bool,
    as_text: bool,
    doubled: bool,
    spoilt: float,
) -> None:
    city, agreement, salt = marked
    dice = random.Random(seed)
    columns = copy_under(salt)
    chosen = dice.sample(range(400), kept) * (2 if doubled else 1)
    dice.shuffle(chosen)
    leaked: dict[str, list[Any]] = {
        name: [values[n] for n in chosen] for name, values in columns.items() if name not in without
    }
    leaked["height"] = [
        value + dice.choice((0, STEP)) if dice.random() < spoilt else value
        for value in leaked["height"]
    ]
    if as_text:
        leaked["height"] = [f"{value:.2f}" for value in leaked["height"]]
    if renamed:
        leaked = {"code": leaked.pop("fid"), "h": leaked.pop("height"), **leaked}
    assert traced(city, leaked) == [agreement]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1 << 30), whole=st.booleans(), rows=st.integers(1, 400))
def test_nobody_is_accused_of_what_is_not_theirs(
    marked: tuple[Any, str, str], seed: int, whole: bool, rows: int
) -> None:
    city, _, _ = marked
    dice = random.Random(seed)
    other = copy_under(dice.randbytes(16).hex(), rows)
    if whole:  # values that were never marked, all on even steps
        other["height"] = [float(dice.randint(3, 90)) for _ in range(rows)]
    assert traced(city, other) == []


def test_the_chance_is_what_it_says(marked: tuple[Any, str, str]) -> None:
    """Of copies under other salts, no more seem to match than the bound says."""
    city, _, _ = marked
    least = []
    with city.store.read() as session:
        for n in range(40):
            found = trace(session, copy_under(f"{n:032x}", 40), chance=1.1)
            least.append(min((one.chance for one in found), default=1.0))
    assert sum(one < 0.1 for one in least) <= 12
    assert min(least) > CHANCE


def test_too_few_rows_tell_nothing(marked: tuple[Any, str, str]) -> None:
    city, agreement, salt = marked
    assert traced(city, copy_under(salt, 12)) == []
    assert traced(city, copy_under(salt, 40)) == [agreement]
    with pytest.raises(Invalid):
        traced(city, {"fid": []})
