"""What is found by other words than those written: kept by SQLite and by PostgreSQL."""

from pathlib import Path

import pytest
from catalogue_city import City, found_city

from quanyu.catalogue import (
    Access,
    FieldMeaning,
    Search,
    SearchPage,
    SuggestionKind,
    read_synonyms,
    search,
    similar,
    suggestions,
    use_synonyms,
    withdraw,
)
from quanyu.kernel import ControlStore, Invalid, LocalText, NotFound
from quanyu.parties import ANONYMOUS


@pytest.fixture(scope="module")
def town(lasting_store: ControlStore) -> City:
    """Entries to be found by slips, sounds and other names."""
    city = found_city(lasting_store)
    city.publish(
        "bus-stops",
        title=LocalText(zh="公交车站", en="Bus stops"),
        keywords=("公共交通",),
        themes=("transport",),
        bbox=(24.9, 60.1, 25.0, 60.2),
        fields=(FieldMeaning("stop_id", "string"), FieldMeaning("name", "string")),
    )
    city.publish(
        "bus-routes",
        title=LocalText(zh="公交线路", en="Bus routes"),
        themes=("transport",),
        bbox=(24.9, 60.1, 25.1, 60.2),
        fields=(FieldMeaning("route", "string"), FieldMeaning("NAME", "string")),
    )
    city.publish("hospitals", title=LocalText(zh="医院床位", en="Hospital beds"))
    city.publish("library", title=LocalText(zh="图书馆借阅", en="Library loans"))
    city.publish("quality", title=LocalText(zh="空气质量监测", en="Air quality"))
    city.register("secret", title=LocalText(zh="核电站图纸", en="Reactor drawings"))
    gone = city.publish("gone", title=LocalText(zh="旧桥梁巡检", en="Viaduct inspections"))
    with city.store.begin() as session:
        withdraw(session, gone.id, city.operator)
    return city


def page(city: City, q: str, **asked) -> SearchPage:
    with city.store.read() as session:
        return search(session, Search(q=q, **asked), visible_to=asked.pop("who", ANONYMOUS))


def slugs(city: City, q: str) -> set[str]:
    return {hit.slug for hit in page(city, q).hits}


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("公車站", {"bus-stops"}),  # traditional characters, another name
        ("圖書館", {"library"}),
        ("醫療機構", {"hospitals"}),  # a synonym in traditional characters
        ("clinic", {"hospitals"}),
        ("巴士", {"bus-stops", "bus-routes"}),
        ("public transport", {"bus-stops"}),
        ("gjcz", {"bus-stops"}),
        ("gongjiao", {"bus-stops", "bus-routes"}),
        ("tushuguan", {"library"}),
        ("tushug", {"library"}),
        ("buses", {"bus-stops", "bus-routes"}),
        ("hospi", {"hospitals"}),
    ],
)
def test_other_words_for_the_same(town: City, q: str, expected: set[str]) -> None:
    assert slugs(town, q) >= expected
    assert page(town, q).corrected is None


@pytest.mark.parametrize(
    ("q", "slug", "corrected"),
    [
        ("hopsital", "hospitals", "hospital"),
        ("libary loans", "library", "library loans"),
        ("图书管", "library", "图书馆"),  # of the same sound
        ("空汽质量", "quality", "空气质量"),
        ("公交车占", "bus-stops", "公交车站"),
    ],
)
def test_slips_are_forgiven_and_said(town: City, q: str, slug: str, corrected: str) -> None:
    found = page(town, q)
    assert [hit.slug for hit in found.hits] == [slug]
    assert found.corrected == corrected
    literally = page(town, q, literal=True)
    assert literally.total == 0
    assert literally.corrected is None


@pytest.mark.parametrize(
    "q", ["核电站图紙", "核电站", "reactr", "reactor", "viaduct", "viaduc", "旧桥粱", "hedianzhan"]
)
def test_what_is_hidden_is_never_meant(town: City, q: str) -> None:
    found = page(town, q)
    assert found.total == 0
    assert found.corrected is None
    assert found.proposal is None
    with town.store.read() as session:
        assert suggestions(session, q[:3], visible_to=ANONYMOUS) == []


def test_exact_words_are_never_corrected(town: City) -> None:
    found = page(town, "hospital", accesses=frozenset({Access.CLOSED}))
    assert found.total == 0
    assert found.corrected is None


def test_suggestions_while_typing(town: City) -> None:
    with town.store.read() as session:
        words = suggestions(session, "gongj", visible_to=ANONYMOUS)
        english = suggestions(session, "library l", visible_to=ANONYMOUS)
        nothing = suggestions(session, " ", visible_to=ANONYMOUS)
    assert nothing == []
    assert "公交" in words[0].text
    assert {s.slug for s in words if s.kind is SuggestionKind.ENTRY} == {"bus-stops", "bus-routes"}
    assert english[0].text == "library loans"
    assert english[0].times == 1


def test_synonyms_change_without_indexing(town: City, tmp_path: Path) -> None:
    file = tmp_path / "synonyms.txt"
    assert slugs(town, "loanerama") == set()
    file.write_text("# ours\nloanerama, 借阅\n", "utf-8")
    use_synonyms(file)
    try:
        assert slugs(town, "loanerama") == {"library"}
        assert slugs(town, "clinic") == set()
        file.write_text("this is no group\n", "utf-8")
        assert slugs(town, "loanerama") == {"library"}  # the last that could be read
        file.write_text("clinic, 医院\n", "utf-8-sig")
        assert slugs(town, "clinic") == {"hospitals"}
        file.unlink()
        assert slugs(town, "clinic") == {"hospitals"}
    finally:
        use_synonyms(None)


@pytest.mark.parametrize("text", ["alone", "a, ", "a,,b", "，"])
def test_synonyms_name_the_line_that_is_wrong(text: str) -> None:
    with pytest.raises(Invalid) as error:
        read_synonyms(f"bus, 公交\n{text}\n")
    assert error.value.params["line"] == 2


def test_what_is_similar_and_why(town: City) -> None:
    with town.store.read() as session:
        (hit,) = search(session, Search(ids=frozenset({"bus-stops"})), visible_to=ANONYMOUS).hits
        first, *_ = similar(session, hit.id, visible_to=ANONYMOUS)
        with pytest.raises(NotFound):
            similar(session, type(hit.id)("res_none"), visible_to=ANONYMOUS)
    assert first.resource.slug == "bus-routes"
    assert first.themes == ("transport",)
    assert first.fields == ("name",)
    assert first.overlap == 0.5
    assert first.same_provider
    assert "bus" in first.words
