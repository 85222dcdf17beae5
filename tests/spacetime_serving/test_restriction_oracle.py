"""Whatever is asked through whatever restriction, only what the oracle lets be seen comes out."""

import json
from datetime import timedelta

import pytest
import serving_oracle as oracle
import shapely
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from small_city import FIELDS, START, Town

from quanyu.spacetime import ALL, Column, Format, Mask, Query, Restriction

SALT = "00112233445566778899aabbccddeeff"
KEEPS = {
    "floors > 10": lambda r: r["floors"] is not None and r["floors"] > 10,
    "owner LIKE '6222%' AND value >= 40": lambda r: bool(r["owner"]) and (r["value"] or -1) >= 40,
    "open = TRUE": lambda r: r["open"] is True,
    "name IS NULL OR CASEI(name) LIKE CASEI('%APFEL%')": lambda r: (
        r["name"] is None or "apfel" in r["name"].lower()
    ),
}
MASKS = {
    "owner": [Column("owner", Mask.KEEP_LAST_4), Column("owner", Mask.HASH)],
    "value": [Column("value", Mask.ROUND, 7.5)],
    "floors": [Column("floors", Mask.ROUND, 5), Column("floors", Mask.HASH)],
    "name": [Column("name", Mask.HASH)],
}


def _text(text: str) -> dict:
    from quanyu.spacetime import parse_filter

    return dict(parse_filter(text, FIELDS))


def boxes(spread: float = 0.05) -> st.SearchStrategy:
    x, y = st.floats(24.88, 25.01), st.floats(60.14, 60.21)
    size = st.floats(0, spread)
    return st.tuples(x, y, size, size).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@st.composite
def restrictions(draw: st.DrawFn) -> tuple[Restriction, object]:
    names = draw(st.none() | st.lists(st.sampled_from([f.name for f in FIELDS]), unique=True))
    columns = None
    if names is not None:
        columns = tuple(draw(st.sampled_from([Column(n), *MASKS.get(n, [])])) for n in names)
    text = draw(st.none() | st.sampled_from(sorted(KEEPS)))
    region = None
    if draw(st.booleans()):
        shape = shapely.box(*draw(boxes()))
        if shape.area > 1e-7:
            turned = shapely.affinity.rotate(shape, draw(st.floats(0, 90)))
            region = json.loads(shapely.to_geojson(turned))
    interval = (None, None)
    if draw(st.booleans()):
        first = START + timedelta(days=draw(st.integers(0, 1000)))
        interval = (first, draw(st.none() | st.just(first + timedelta(days=200))))
    grid = draw(st.none() | st.sampled_from([50.0, 500.0]))
    rows = None if text is None else _text(text)
    restriction = Restriction(columns, rows, region, interval, grid, SALT)
    return restriction, KEEPS[text] if text else lambda _: True


def _same_shape(got: object, wanted: object) -> bool:
    if got is None or wanted is None:
        return got is wanted
    shape = shapely.from_geojson(json.dumps(got))
    return shapely.hausdorff_distance(shape, wanted) < 1e-6


@pytest.mark.parametrize("name", ["areas", "posts", "list"])
# Copies are built for each example: neither shrinking nor explaining would end in time.
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(data=st.data())
def test_nothing_outside_a_restriction_comes_out(
    town: Town, name: str, data: st.DataObject
) -> None:
    restriction, keep = data.draw(restrictions())
    shapes = town.shapes.get(name)
    if shapes is None:
        restriction = Restriction(
            restriction.columns, restriction.rows, None, restriction.interval, None, SALT
        )
    view = town.store.view(name, restriction)
    visible = {s.fid: s for s in oracle.seen(town.data[name], shapes, restriction, keep)}

    whole = json.loads(b"".join(view.write(Query(limit=ALL), Format.GEOJSON)))["features"]
    assert {f["id"] for f in whole} == visible.keys()
    for feature in whole:
        one = visible[feature["id"]]
        got, wanted = feature["properties"], one.properties
        assert got.keys() == wanted.keys()
        for key, value in wanted.items():
            shown = oracle.as_json(value)
            assert got[key] == (pytest.approx(shown) if isinstance(shown, float) else shown)
        assert _same_shape(feature["geometry"], one.shape)
    assert view.count() == len(visible)
    box, _ = view.extent()
    known = [s.shape.bounds for s in visible.values() if s.shape is not None]
    if known:
        least = [min(b[k] for b in known) for k in (0, 1)]
        most = [max(b[k] for b in known) for k in (2, 3)]
        assert box == pytest.approx((*least, *most), abs=1e-9)
    else:
        assert box is None

    for _ in range(3):
        query = Query(
            bbox=data.draw(boxes()) if shapes is not None and data.draw(st.booleans()) else None,
            interval=data.draw(
                st.none()
                | st.integers(0, 1200).map(
                    lambda d: (START + timedelta(days=d), START + timedelta(days=d + 30))
                )
            ),
            limit=data.draw(st.integers(1, 50)),
        )
        wanted = {fid for fid, s in visible.items() if oracle.matches(s, query)}
        close = {fid for fid in wanted ^ _asked(view, query) if not _on_edge(visible[fid], query)}
        assert not close
        assert abs(view.count(query) - len(wanted)) <= len(wanted ^ _asked(view, query))

    if view.fields:
        field = data.draw(st.sampled_from(view.fields))
        if field.name != "tags":
            values = {
                v
                for v in (oracle.as_json(s.properties[field.name]) for s in visible.values())
                if v is not None
            }
            distinct = view.distinct(field.name, 10_000)
            assert len(distinct) == len(
                {round(v, 9) if isinstance(v, float) else v for v in values}
            )
            summary = view.summary(field.name)
            assert summary.count + summary.missing == len(visible)


def _asked(view: object, query: Query) -> set[str]:
    found: list[str] = []
    while True:
        page = view.page(query)
        features = json.loads(b"[" + page.features + b"]")
        assert len(features) == page.returned <= query.limit
        found += [f["id"] for f in features]
        if page.next is None:
            break
        query = Query(**{**{k: getattr(query, k) for k in query.__slots__}, "after": page.next})
    assert len(found) == len(set(found))
    return set(found)


def _on_edge(one: oracle.Seen, query: Query) -> bool:
    """Whether rounding alone decides: the shape lies within 1e-9° of the window's edge."""
    if query.bbox is None or one.shape is None:
        return False
    return one.shape.distance(shapely.box(*query.bbox).exterior) < 1e-9
