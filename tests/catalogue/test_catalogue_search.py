"""One contract of the search, kept by SQLite and by PostgreSQL."""

from datetime import UTC, datetime

import pytest

from quanyu.catalogue import (
    Access,
    Kind,
    Search,
    Sort,
    State,
    resource,
    resources,
    search,
)
from quanyu.kernel import Invalid, NotFound
from quanyu.parties import ANONYMOUS, party


def at(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


def slugs(city, *, who=ANONYMOUS, **asked) -> list[str]:
    with city.store.read() as session:
        return [hit.slug for hit in search(session, Search(**asked), visible_to=who).hits]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("建筑物", ["buildings", "streets"]),  # which tell of buildings
        ("建筑", ["buildings", "streets"]),
        ("楼", ["buildings", "streets"]),  # a synonym of building
        ("building", ["buildings", "streets"]),
        ("buildings heights", ["buildings"]),
        ("交通", ["bus_stops", "streets", "traffic"]),
        ("公交 车站", ["bus_stops"]),
        ("流", ["traffic"]),
        ("bus", ["bus_stops"]),
        ("stop", ["bus_stops"]),
        ("tra", ["bus_stops", "streets", "traffic"]),
        ("toolo", ["toolo"]),
        ("TÖÖLÖ", ["toolo"]),
        ("shores", ["toolo"]),
        ("forecast, bus", ["bus_stops", "model"]),
        ("房屋", ["buildings", "streets"]),
        ("levels", ["buildings"]),
        ("landlord", []),
        ("bus_stops", ["bus_stops"]),
        ("hidden", []),
        ("'; DROP TABLE resource; --", []),
        ('"', []),
        ("title:bus", []),
        ("NOT AND OR NEAR(", []),
    ],
)
def test_words_in_both_languages(filled, q: str, expected: list[str]) -> None:
    assert sorted(slugs(filled, q=q)) == expected


def test_the_best_comes_first(filled) -> None:
    assert slugs(filled, q="buildings") == ["buildings", "streets"]
    assert slugs(filled, q="streets, 建筑物")[0] in {"streets", "buildings"}
    # A word in the title weighs more than in the abstract.
    assert slugs(filled, q="street") == ["streets"]
    assert slugs(filled, q="交通")[0] == "traffic"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"kinds": frozenset({Kind.STREAM, Kind.MODEL})}, ["model", "traffic"]),
        ({"themes": frozenset({"transport"})}, ["bus_stops", "streets"]),
        ({"accesses": frozenset({Access.RESTRICTED})}, ["bus_stops"]),
        ({"ids": frozenset({"toolo", "hidden"})}, ["toolo"]),
        ({"external_ids": frozenset({"none"})}, []),
        ({"states": frozenset({State.REGISTERED})}, []),
        ({"bbox": (24.95, 60.15, 26, 61)}, ["buildings"]),
        ({"bbox": (20, 50, 24, 60)}, ["streets"]),
        ({"bbox": (170, -20, -170, 0)}, ["toolo"]),
        ({"bbox": (0, 0, 1, 1)}, []),
        ({"interval": (at(2023), None)}, ["streets"]),
        ({"interval": (None, at(2021))}, ["buildings"]),
        ({"interval": (at(2021), at(2022))}, ["buildings", "streets"]),
        ({"q": "building", "themes": frozenset({"transport"})}, ["streets"]),
    ],
)
def test_filters(filled, asked: dict, expected: list[str]) -> None:
    assert sorted(slugs(filled, **asked)) == expected


def test_filters_by_provider_and_code(filled) -> None:
    assert slugs(filled, providers=frozenset({filled.transport.id})) == ["bus_stops"]
    with filled.store.read() as session:
        (hit,) = search(session, Search(q="bus"), visible_to=ANONYMOUS).hits
    assert slugs(filled, external_ids=frozenset({hit.code})) == ["bus_stops"]


def test_facets_count_what_each_choice_would_give(filled) -> None:
    with filled.store.read() as session:
        page = search(session, Search(kinds=frozenset({Kind.DATASET})), visible_to=ANONYMOUS)
    facets = {name: {f.value: f.count for f in found} for name, found in page.facets.items()}
    assert page.total == 5
    assert facets["kinds"] == {"dataset": 5, "stream": 1, "model": 1}
    assert facets["themes"] == {"transport": 2, "housing": 1, "geography": 1}
    assert facets["accesses"] == {"open": 4, "restricted": 1}
    assert facets["providers"] == {filled.housing.id: 4, filled.transport.id: 1}
    assert facets["states"] == {"published": 5}
    assert [f.count for f in page.facets["kinds"]] == [5, 1, 1]
    with filled.store.read() as session:
        page = search(session, Search(q="building"), visible_to=ANONYMOUS)
    assert {f.value: f.count for f in page.facets["themes"]} == {
        "geography": 1,
        "housing": 1,
        "transport": 1,
    }


def test_orders(filled) -> None:
    made = ["buildings", "streets", "bus_stops", "traffic", "model", "toolo", "zh-only"]
    assert slugs(filled) == made[::-1]
    assert slugs(filled, sort=Sort.UPDATED, reverse=True) == made
    assert slugs(filled, sort=Sort.CREATED) == made[::-1]
    english = ["buildings", "bus_stops", "model", "streets", "toolo", "traffic", "zh-only"]
    assert slugs(filled, sort=Sort.TITLE_EN) == english
    # an quan, gong jiao, jian zhu, jiao tong, jie dao, yu ce; Latin letters before all
    pinyin = ["toolo", "zh-only", "bus_stops", "buildings", "traffic", "streets", "model"]
    assert slugs(filled, sort=Sort.TITLE_ZH) == pinyin
    assert slugs(filled, sort=Sort.TITLE_ZH, reverse=True) == pinyin[::-1]


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("q", ["", "交通, buildings, model"])
def test_pages_hold_each_entry_once(filled, sort: Sort, reverse: bool, q: str) -> None:
    whole = slugs(filled, q=q, sort=sort, reverse=reverse)
    walked, after = [], None
    with filled.store.read() as session:
        while True:
            asked = Search(q=q, sort=sort, reverse=reverse, limit=2, after=after)
            page = search(session, asked, visible_to=ANONYMOUS)
            walked += [hit.slug for hit in page.hits]
            assert page.total == len(whole)
            after = page.next
            if after is None:
                break
    assert walked == whole


@pytest.mark.parametrize("token", ["", "x", "%%%", "bnVsbA", "WzEsMiwzXQ", "\ud800", "a" * 9999])
def test_tokens_cannot_be_made_up(filled, token: str) -> None:
    with pytest.raises(Invalid) as error:
        slugs(filled, after=token)
    assert error.value.field == "after"


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "公" * 3000, "a," * 2000, "-" * 999])
def test_strange_texts_find_nothing_and_break_nothing(filled, text: str) -> None:
    for asked in ("ids", "external_ids", "themes", "providers"):
        assert slugs(filled, **{asked: frozenset({text})}) == []
    slugs(filled, q=text)
    with pytest.raises(NotFound), filled.store.read() as session:
        resource(session, text)
    with pytest.raises(NotFound), filled.store.read() as session:
        party(session, text)


def test_tokens_belong_to_one_search(filled) -> None:
    with filled.store.read() as session:
        page = search(session, Search(limit=1), visible_to=ANONYMOUS)
    assert slugs(filled, limit=5, facets=False, after=page.next)
    for other in ({"q": "bus"}, {"sort": Sort.TITLE_EN}, {"kinds": frozenset({Kind.MODEL})}):
        with pytest.raises(Invalid):
            slugs(filled, after=page.next, **other)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"bbox": (0, 10, 1, 0)}, "bbox"),
        ({"bbox": (0, 0, float("nan"), 1)}, "bbox"),
        ({"interval": (at(2021), at(2020))}, "datetime"),
        ({"interval": (datetime(2020, 1, 1), None)}, "datetime"),  # noqa: DTZ001
    ],
)
def test_wrong_searches(filled, wrong: dict, field: str) -> None:
    with pytest.raises(Invalid) as error:
        slugs(filled, **wrong)
    assert error.value.field == field


def test_unpublished_entries_are_seen_by_their_own_only(filled) -> None:
    asked = {"q": "hidden"}
    assert slugs(filled, who=filled.stranger, **asked) == []
    assert slugs(filled, who=filled.supplier, **asked) == ["hidden"]
    assert slugs(filled, who=filled.operator, **asked) == ["hidden"]
    with filled.store.read() as session:
        page = search(session, Search(), visible_to=filled.stranger)
    assert page.total == 7
    assert {f.value for f in page.facets["states"]} == {"published"}


def test_plain_lists(filled) -> None:
    with filled.store.read() as session:
        page = resources(session, visible_to=ANONYMOUS, kinds=frozenset({Kind.DATASET}), limit=3)
        rest = resources(
            session,
            visible_to=ANONYMOUS,
            kinds=frozenset({Kind.DATASET}),
            limit=3,
            after=page.next,
        )
    assert [r.slug for r in page.hits + rest.hits] == [
        "zh-only",
        "toolo",
        "bus_stops",
        "streets",
        "buildings",
    ]
    assert page.facets == {}
