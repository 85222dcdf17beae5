"""Scores by MQA, each indicator at its price; freshness against the promise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quanyu.catalogue import (
    INDICATORS,
    MOST_POINTS,
    Access,
    Contact,
    Dimension,
    Distribution,
    FreshnessState,
    Kind,
    Rating,
    Resource,
    Sensitivity,
    State,
    UpdateCycle,
    amend,
    care_of,
    freshness,
    freshness_of,
    guarded_fields,
    metadata_quality,
    note_data,
    note_sizes,
    overdue_resources,
    publish,
    quality_by_provider,
    quality_of,
    rating_of,
    score_unscored,
)
from quanyu.catalogue import FieldMeaning as Meaning
from quanyu.kernel import LocalText, PartyId, ResourceId, now

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
WHOLE = Resource(
    id=ResourceId("res_1"),
    code="x",
    state=State.PUBLISHED,
    revision=1,
    created_at=MOMENT,
    updated_at=MOMENT,
    published_at=MOMENT,
    slug="trees",
    kind=Kind.DATASET,
    title=LocalText(en="Trees"),
    abstract=LocalText(en="All of them"),
    provider=PartyId("pty_1"),
    licence="CC-BY-4.0",
    access=Access.OPEN,
    keywords=("tree",),
    themes=("environment",),
    bbox=(1, 2, 3, 4),
    interval=(MOMENT, None),
    formats=("CSV", "GeoJSON"),
    contact=Contact("Office"),
    attribution="Town",
)
# What is taken away, and what that costs.
TABLE = [
    ("keywords", {"keywords": ()}, 30),
    ("categories", {"themes": ()}, 30),
    ("geo-search", {"bbox": None}, 20),
    ("time-search", {"interval": (None, None)}, 20),
    ("dcat-ap", {"abstract": None}, 30),
    ("licence-vocabulary", {"licence": "https://example.org/own"}, 10),
    ("licence-vocabulary", {"licence": "by-agreement", "access": Access.RESTRICTED}, 10),
    ("contact", {"contact": None}, 20),
    ("rights", {"attribution": ""}, 5),
    ("issued", {"published_at": None}, 5),
    ("format-vocabulary", {"formats": ("CSV", "my own")}, 10),
]


def score(of: Resource, **more: object) -> int:
    return metadata_quality(of, served=True, sizes={"CSV": 1}, **more).score  # type: ignore[arg-type]


def test_the_prices_are_those_of_the_methodology() -> None:
    assert sum(one.points for one in INDICATORS) == 405
    for dimension, most in MOST_POINTS.items():
        assert sum(one.points for one in INDICATORS if one.dimension is dimension) == most
    assert list(MOST_POINTS.values()) == [100, 100, 110, 75, 20]


def test_a_whole_entry_has_all_points() -> None:
    assert score(WHOLE) == 405
    assert metadata_quality(WHOLE, served=True, sizes={"CSV": 1}).rating is Rating.EXCELLENT


@pytest.mark.parametrize(("key", "change", "price"), TABLE)
def test_what_is_lacking_costs_its_price(key: str, change: dict, price: int) -> None:
    of = replace(WHOLE, **change)
    assert score(of) == 405 - price
    found = metadata_quality(of, served=True, sizes={"CSV": 1})
    (lacking,) = [one for one in found.findings if not one.met]
    assert lacking.indicator.key == key
    assert lacking.indicator.mend
    assert lacking.reason == lacking.indicator.detail


def test_formats() -> None:
    proprietary = metadata_quality(replace(WHOLE, formats=("XLSX",)), served=True)
    keys = {one.indicator.key for one in proprietary.findings if not one.met}
    assert {"non-proprietary", "media-type", "download"} <= keys
    picture = metadata_quality(replace(WHOLE, formats=("PDF",)), served=True)
    assert "machine-readable" in {one.indicator.key for one in picture.findings if not one.met}


def test_data_elsewhere_count_once_they_were_seen_to_answer() -> None:
    url = "https://example.org/trees.csv"
    there = (Distribution(url, format="CSV", media_type="text/csv", bytes=9),)
    of = replace(WHOLE, distributions=there)
    assert metadata_quality(of).dimensions[Dimension.ACCESSIBILITY] == 20
    assert metadata_quality(of, answered=[url]).score == 405
    page = replace(of, distributions=(replace(there[0], api=True),))
    assert metadata_quality(page, answered=[url]).dimensions[Dimension.ACCESSIBILITY] == 50


@pytest.mark.parametrize(
    ("points", "rating"),
    [(405, "excellent"), (351, "excellent"), (350, "good"), (221, "good"), (220, "sufficient"),
     (121, "sufficient"), (120, "bad"), (0, "bad")],
)  # fmt: skip
def test_ratings(points: int, rating: str) -> None:
    assert rating_of(points) == rating


@pytest.mark.parametrize(
    ("cycle", "age", "state"),
    [
        (UpdateCycle.DAILY, timedelta(hours=23), FreshnessState.FRESH),
        (UpdateCycle.DAILY, timedelta(days=1), FreshnessState.DUE),
        (UpdateCycle.DAILY, timedelta(days=1.5), FreshnessState.OVERDUE),
        (UpdateCycle.YEARLY, timedelta(days=365), FreshnessState.FRESH),
        (UpdateCycle.YEARLY, timedelta(days=600), FreshnessState.OVERDUE),
        (UpdateCycle.IRREGULAR, timedelta(days=9_999), FreshnessState.NOT_PROMISED),
        (UpdateCycle.HISTORICAL, timedelta(days=9_999), FreshnessState.NOT_PROMISED),
    ],
)
def test_freshness(cycle: UpdateCycle, age: timedelta, state: FreshnessState) -> None:
    of = replace(WHOLE, update_cycle=cycle)
    assert freshness(of, MOMENT - age, MOMENT).state is state


def test_freshness_without_a_time() -> None:
    of = replace(WHOLE, update_cycle=UpdateCycle.DAILY)
    assert freshness(of, None, MOMENT).state is FreshnessState.UNKNOWN


def test_guarded_fields() -> None:
    fields = (Meaning("a", "string"), Meaning("b", "string", sensitivity=Sensitivity.PERSONAL))
    assert guarded_fields(replace(WHOLE, fields=fields)) == {"b"}


def test_scores_follow_every_change(city) -> None:
    of = city.register("trees", update_cycle=UpdateCycle.DAILY)
    with city.store.begin() as session:
        before = care_of(session, [of.id])[of.id]
        shown = publish(session, of.id, city.operator)
        published = care_of(session, [of.id])[of.id]
        amend(
            session,
            of.id,
            replace(shown, keywords=("a",)),
            city.operator,
            revision=shown.revision,
        )
        after = care_of(session, [of.id])[of.id]
        assert (published.score - before.score, after.score - published.score) == (5, 30)
        note_data(session, of.id, now() - timedelta(days=3), version=1)
        note_sizes(session, of.id, 1, {"CSV": 5})
        held = care_of(session, [of.id])[of.id]
        assert held.score == quality_of(session, replace(shown, keywords=("a",))).score
        assert held.dimensions[Dimension.ACCESSIBILITY] == 0  # its entry names no format yet
        assert freshness_of(session, shown, now()).state is FreshnessState.OVERDUE
        assert [one.id for one in overdue_resources(session, now())] == [of.id]
        (figures,) = quality_by_provider(session, now())
        assert (figures.entries, figures.promised, figures.overdue) == (1, 1, 1)
        assert sum(figures.ratings.values()) == 1
        # An older time than the one known says nothing new.
        note_data(session, of.id, now() - timedelta(days=9), version=1)
        assert care_of(session, [of.id])[of.id].data_at == held.data_at
        note_data(session, of.id, now(), version=2)
        assert care_of(session, [of.id])[of.id].sizes == {}
        assert overdue_resources(session, now()) == []
    assert score_unscored(city.store) == 0
