"""Where only figures are given, small groups do not show: not by themselves, not by subtraction."""

from collections import defaultdict
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_city import Town
from test_aggregation import squares

from quanyu.kernel import Invalid, Refused
from quanyu.spacetime import (
    OPEN,
    ByField,
    ByTime,
    Figures,
    Function,
    Key,
    Measure,
    Place,
    Query,
    Restriction,
    Unit,
    View,
)

K = 7
COUNT = Measure(Function.COUNT)
KEYS: list[Key] = [
    ByField("open"),
    ByField("floors"),
    ByTime(Unit.MONTH, "seen"),
    ByTime(Unit.DAY_OF_WEEK, "seen"),
    squares(0.02),
]
FILTERS: list[dict[str, Any] | None] = [
    None,
    {"op": ">", "args": [{"property": "value"}, 20]},
    {"op": "<>", "args": [{"property": "floors"}, 5]},
    {"op": "=", "args": [{"property": "open"}, True]},
]


def seen(town: Town, least: int | None = K) -> View:
    figures = None if least is None else Figures(least)
    return town.store.view("posts", OPEN if least is None else Restriction(figures=figures))


def counts(view: View, keys: list[Key], query: Query | None = None) -> dict[tuple[Any, ...], int]:
    table = view.aggregate(query or Query(), keys, [COUNT]).table
    *by, number = (column.to_pylist() for column in table.columns)
    return dict(zip(zip(*by, strict=True) if by else [()] * len(number), number, strict=True))


@settings(max_examples=25, deadline=None)
@given(
    keys=st.lists(st.sampled_from(KEYS), max_size=3, unique=True),
    filter_=st.sampled_from(FILTERS),
)
def test_what_is_shown_is_true_and_of_enough_rows(
    town: Town, keys: list[Key], filter_: dict[str, Any] | None
) -> None:
    query = Query(filter=filter_)
    whole = counts(seen(town, None), keys)
    truth = counts(seen(town, None), keys, query)
    for group, number in counts(seen(town), keys, query).items():
        assert number == truth[group] >= K
        assert whole[group] - number == 0 or whole[group] - number >= K


@settings(max_examples=20, deadline=None)
@given(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True))
def test_no_margin_less_what_is_shown_leaves_a_small_group(town: Town, keys: list[Key]) -> None:
    truth = counts(seen(town, None), keys)
    shown = counts(seen(town), keys)
    for size in range(len(keys)):
        for kept in combinations(range(len(keys)), size):
            margin = counts(seen(town), [keys[at] for at in kept])
            rest: dict[tuple[Any, ...], list[int]] = defaultdict(list)
            for group in truth:
                if group not in shown:
                    rest[tuple(group[at] for at in kept)].append(truth[group])
            for group, withheld in rest.items():
                if group in margin:
                    assert len(withheld) > 1
                    assert sum(withheld) >= K


def test_one_withheld_group_takes_another_with_it(town: Town) -> None:
    truth = counts(seen(town, None), [ByField("floors")])
    small = sorted(truth.values())
    least = small[0] + 1  # only the smallest group is below
    shown = counts(seen(town, least), [ByField("floors")])
    assert len(truth) - len(shown) >= 2
    found = seen(town, least).aggregate(Query(), [ByField("floors")], [COUNT])
    assert found.withheld


def test_what_lies_outside_of_every_area_is_a_group_too(town: Town) -> None:
    """All but three posts lie in the cells: the total less the cells is those three."""
    cells = squares(0.02)
    fids = [f"f{number}" for number in range(3)]
    inner = cells.assign

    def assign(x: Any, y: Any) -> Any:
        at, label = inner(x, y)
        return at[3:], label[3:]

    from dataclasses import replace

    outside = replace(cells, assign=assign)
    total = counts(seen(town), [])[()]
    shown = counts(seen(town), [outside])
    assert total - sum(shown.values()) >= K + len(fids) - 3
    assert (None,) not in shown


def test_values_are_counted_too(town: Town) -> None:
    """A mean of a column is of enough values, not of enough rows."""
    some = {"op": "isNull", "args": [{"property": "value"}]}
    found = seen(town).aggregate(Query(filter=some), [], [Measure(Function.MEAN, "value")])
    assert found.table.num_rows == 0


@pytest.mark.parametrize("function", [Function.LEAST, Function.MOST, Function.MEDIAN])
def test_no_figure_is_the_value_of_one_row(town: Town, function: Function) -> None:
    with pytest.raises(Invalid) as error:
        seen(town).aggregate(Query(), [], [Measure(function, "value")])
    assert error.value.field == "measure"


def test_a_filter_on_one_row_tells_nothing(town: Town) -> None:
    """Neither the row, nor all but the row, nor by an error that only that row would cause."""
    one = {"op": "=", "args": [{"property": "fid"}, "f12"]}
    for filter_ in (one, {"op": "not", "args": [one]}):
        assert counts(seen(town), [], Query(filter=filter_)) == {}
    huge = {"op": "^", "args": [{"property": "value"}, 1e6]}
    trap = {"op": "and", "args": [one, {"op": ">", "args": [huge, 0]}]}
    assert counts(seen(town), [], Query(filter=trap)) == {}


def test_no_way_to_a_row(town: Town) -> None:
    view = seen(town)
    ways = [
        lambda: view.page(Query()),
        lambda: view.feature("f1"),
        view.count,
        lambda: view.tile(0, 0, 0),
        lambda: list(view.write(Query(), "csv")),  # type: ignore[arg-type]
        lambda: view.distinct("name"),
        lambda: view.summary("value"),
        lambda: view.rows_within(Query()),
        view.zones,
        view.profile,
        view.kept_profile,
        lambda: view.changes(view),
        lambda: view.differences(view),
        lambda: view.history("f1"),
        lambda: view.at(Place(24.95, 60.17)),  # type: ignore[call-arg]
        lambda: view.geometry_of("f1"),
        lambda: view.named("kauppa"),
        view.rows,
    ]
    for way in ways:
        with pytest.raises(Refused) as error:
            way()
        assert error.value.rule == "figures.only"
    assert view.extent() == (None, (None, None))
    assert view.cached_tile(0, 0, 0) is None
