"""Conjunction of restrictions."""

from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box, mapping, shape

from quanyu.agreements import narrow
from quanyu.spacetime import OPEN, Column, Mask, Restriction

columns = st.none() | st.lists(
    st.builds(
        lambda name, mask: Column(name, mask, 10.0 if mask is Mask.ROUND else None),
        st.sampled_from("abcd"),
        st.none() | st.sampled_from(Mask),
    ),
    unique_by=lambda column: column.name,
).map(tuple)
filters = st.none() | st.sampled_from("abc").map(
    lambda name: {"op": ">", "args": [{"property": name}, 1]}
)
regions = st.none() | st.builds(
    lambda x, y, w, h: dict(mapping(box(x, y, x + w, y + h))),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(1, 5),
    st.integers(1, 5),
)
moments = st.none() | st.integers(2000, 2030).map(lambda year: datetime(year, 1, 1, tzinfo=UTC))
restrictions = st.builds(
    Restriction,
    columns=columns,
    rows=filters,
    region=regions,
    interval=st.tuples(moments, moments),
    grid_m=st.none() | st.sampled_from([0.5, 10.0, 15.0, 100.0]),
    salt=st.sampled_from(["", "aa", "bb"]),
)


@settings(deadline=None)
@given(restrictions)
def test_idempotent(a: Restriction) -> None:
    assert narrow(a, a) == a
    assert narrow(a, OPEN) == narrow(OPEN, a)


@settings(deadline=None)
@given(restrictions, restrictions)
def test_commutative_in_effect(a: Restriction, b: Restriction) -> None:
    one, two = narrow(a, b), narrow(b, a)
    assert _columns(one) == _columns(two)
    assert (one.rows, one.interval, one.grid_m, one.salt) == (
        two.rows,
        two.interval,
        two.grid_m,
        two.salt,
    )
    assert _same_region(one, two)


@settings(deadline=None)
@given(restrictions, restrictions)
def test_wider_than_neither(
    narrower_than: Callable[[Restriction, Restriction], bool], a: Restriction, b: Restriction
) -> None:
    both = narrow(a, b)
    assert narrower_than(both, a)
    assert narrower_than(both, b)
    assert narrower_than(narrow(both, a), both)


def _columns(restriction: Restriction) -> frozenset[Column] | None:
    return None if restriction.columns is None else frozenset(restriction.columns)


def _same_region(one: Restriction, two: Restriction) -> bool:
    if one.rows is not None and {"op": "=", "args": [0, 1]} in [one.rows, *one.rows["args"]]:
        return True
    if one.region is None or two.region is None:
        return one.region is two.region
    return bool(shape(one.region).equals(shape(two.region)))
