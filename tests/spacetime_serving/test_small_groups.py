"""Where only figures are given, small groups do not show: not by themselves, not by subtraction."""

import hashlib
import hmac
from collections import defaultdict
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_city import Town
from test_aggregation import squares

from quanyu.kernel import Invalid, Refused
from quanyu.spacetime import (
    OPEN,
    Bounds,
    ByField,
    ByTime,
    Column,
    Figures,
    Function,
    Key,
    Mask,
    Measure,
    Noise,
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


def by_person(town: Town, person: str = "floors") -> View:
    restriction = Restriction(
        columns=(Column("open"), Column("seen"), Column("value")),
        figures=Figures(K, person=person),
        salt="5a" * 16,
    )
    return town.store.view("posts", restriction)


def people(town: Town, keys: list[Key], query: dict[str, Any] | None) -> dict[Any, list[Any]]:
    """Rows of each group: whether the filter takes it, and whose it is."""
    data = town.data["posts"]
    found: dict[Any, list[Any]] = defaultdict(list)
    for at, who in enumerate(data["floors"]):
        seen_at, value = data["seen"][at], data["value"][at]
        month = None if seen_at is None else seen_at.replace(day=1, hour=0, minute=0)
        known = {"open": data["open"][at], "month": month}
        taken = query is None or (value is not None and value > 20)
        group = tuple(known["open" if isinstance(key, ByField) else "month"] for key in keys)
        found[group].append((taken, who))
    return found


def heads(rows: list[Any], taken: bool) -> int:
    return len({who for one, who in rows if one == taken and who is not None})


@settings(max_examples=12, deadline=None)
@given(
    keys=st.lists(st.sampled_from([KEYS[0], KEYS[2]]), max_size=2, unique=True),
    filter_=st.sampled_from(FILTERS[:2]),
)
def test_groups_are_of_enough_persons_where_a_column_stands_for_them(
    town: Town, keys: list[Key], filter_: dict[str, Any] | None
) -> None:
    truth = people(town, keys, filter_)
    shown = counts(by_person(town), keys, Query(filter=filter_))
    for group, number in shown.items():
        rows = truth[group]
        assert number == sum(taken for taken, _ in rows)
        assert heads(rows, taken=True) >= K
        left_out = [one for one in rows if not one[0]]
        assert not left_out or heads(rows, taken=False) >= K
    for size in range(len(keys)):
        for kept in combinations(range(len(keys)), size):
            margin = counts(by_person(town), [keys[at] for at in kept], Query(filter=filter_))
            rest: dict[Any, list[Any]] = defaultdict(list)
            for group, rows in truth.items():
                if group not in shown and any(taken for taken, _ in rows):
                    rest[tuple(group[at] for at in kept)].append(rows)
            for group, withheld in rest.items():
                if group in margin:
                    assert heads([one for rows in withheld for one in rows], taken=True) >= K


def test_many_rows_of_one_person_are_a_small_group(town: Town) -> None:
    """Few values of the column stand for all: by rows everything shows, by persons nothing."""
    assert counts(seen(town), [ByField("open")])
    assert not counts(by_person(town, "open"), [ByField("open")])


def test_the_column_of_persons_cannot_be_named(town: Town) -> None:
    view = by_person(town)
    assert {field.name for field in view.fields} == {"open", "seen", "value"}
    for name in ("floors", "quanyu:person"):
        with pytest.raises(Invalid):
            view.aggregate(Query(), [ByField(name)], [COUNT])
        with pytest.raises(Invalid):
            condition = {"op": "=", "args": [{"property": name}, 3]}
            view.aggregate(Query(filter=condition), [], [COUNT])
        with pytest.raises(Invalid):
            view.aggregate(Query(), [], [Measure(Function.DISTINCT, name)])
    with pytest.raises(Invalid, match="persons"):
        counts(by_person(town, "nobody"), [])


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


NOISE = Noise(
    0.5, (Bounds("value", 0, 100), Bounds("floors", -3, 40), Bounds("name", values=("a", "b")))
)


def noisy(town: Town, keys: list[Key], measures: list[Measure], query: Query | None = None) -> Any:
    view = town.store.view("posts", Restriction(figures=Figures(noise=NOISE)))
    return view.aggregate(query or Query(), keys, measures, once=lambda _question, make: make())


def test_noise_is_of_the_size_it_says_and_about_the_truth(town: Town) -> None:
    """The mean of many draws is the truth, and their spread that of the scale that is told."""
    measures = [COUNT, Measure(Function.SUM, "value")]
    rows = [v for v in town.data["posts"]["value"] if v is not None]
    truth = (3000.0, float(np.clip(np.array(rows, float), 0, 100).sum()))
    drawn = [noisy(town, [], measures) for _ in range(60)]
    scales = {one.measure: one.scale for one in drawn[0].noise}
    assert scales["count"] == pytest.approx(1 / 0.25)
    assert scales["sum_value"] == pytest.approx(100 / 0.25)
    for at, name in enumerate(("count", "sum_value")):
        values = np.array([one.table.column(at)[0].as_py() for one in drawn], float)
        spread = scales[name] * 2**0.5
        assert abs(values.mean() - truth[at]) < 6 * spread / len(values) ** 0.5
        assert 0.4 * spread < values.std() < 2.5 * spread


def test_groups_with_noise_do_not_depend_on_the_data(town: Town) -> None:
    none = Query(filter={"op": "=", "args": [{"property": "fid"}, "nobody"]})
    hours = noisy(town, [ByTime(Unit.HOUR_OF_DAY, "seen")], [COUNT], none).table
    assert hours.column("hour-of-day").to_pylist() == list(range(24))
    assert noisy(town, [ByField("open")], [COUNT], none).table.num_rows == 2
    named = noisy(town, [ByField("name"), ByField("open")], [COUNT]).table
    assert named.column("name").to_pylist() == ["a", "a", "b", "b"]
    mean = noisy(town, [], [Measure(Function.MEAN, "value")], none).table.column(0)[0].as_py()
    assert 0 <= mean <= 100


@pytest.mark.parametrize(
    ("keys", "measures"),
    [
        ([ByField("owner")], [COUNT]),
        ([ByField("floors")], [COUNT]),
        ([ByTime(Unit.DAY, "seen")], [COUNT]),
        ([squares()], [COUNT]),
        ([], [Measure(Function.MEAN, "owner")]),
        ([], [Measure(Function.MOST, "value")]),
        ([], [Measure(Function.DISTINCT, "owner")]),
        ([], [Measure(Function.SUM, "name")]),
    ],
)
def test_what_has_no_bounds_gets_no_noise_and_no_answer(
    town: Town, keys: list[Key], measures: list[Measure]
) -> None:
    with pytest.raises(Invalid):
        noisy(town, keys, measures)


def test_no_noise_without_a_ledger(town: Town) -> None:
    view = town.store.view("posts", Restriction(figures=Figures(noise=NOISE)))
    with pytest.raises(Refused):
        view.aggregate(Query(), [], [COUNT])


def test_a_mark_moves_a_value_by_less_than_two_steps_and_follows_from_id_and_salt(
    town: Town,
) -> None:
    salt = "5a" * 16
    step = 0.5
    shown = (Column("value", Mask.MARK, step), Column("floors", Mask.MARK, 1.0))
    view = town.store.view("posts", Restriction(columns=shown, salt=salt))
    table = view.rows_within(Query(limit=5000)).to_pydict()
    truth = dict(zip(town.data["posts"]["fid"], town.data["posts"]["value"], strict=True))
    for fid, value, floors in zip(table["fid"], table["value"], table["floors"], strict=True):
        key = bytes.fromhex(salt)
        bit = hmac.new(key, f"mark:{fid}".encode(), hashlib.sha256).digest()[0] >> 7
        if truth[fid] is None:
            assert value is None
            continue
        assert abs(value - truth[fid]) < 2 * step
        assert round(value / step) % 2 == bit
        assert floors is None or (isinstance(floors, int) and floors % 2 == bit)
