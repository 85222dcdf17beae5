"""CQL2 over entries, and that what is hidden changes nothing that a stranger sees."""

from datetime import timedelta

import pytest
from catalogue_city import City, found_city
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quanyu.catalogue import (
    Access,
    Kind,
    Search,
    changed_hits,
    forget_search,
    save_search,
    saved_searches,
    search,
    suggestions,
    tell_new_hits,
)
from quanyu.catalogue.finding.sight import visible_values
from quanyu.catalogue.finding.tables import SavedSearchRow
from quanyu.kernel import ControlStore, Invalid, LocalText, NotFound, Unauthenticated, now
from quanyu.parties import ANONYMOUS, Role, add_member, caller_of, notices_of
from quanyu.spacetime import parse_filter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type = 'stream'", {"traffic"}),
        ("type IN ('stream', 'model')", {"traffic", "model"}),
        ("type <> 'dataset'", {"traffic", "model"}),
        ("NOT type = 'dataset' AND NOT type = 'model'", {"traffic"}),
        ("theme = 'transport' OR type = 'model'", {"streets", "bus_stops", "model"}),
        ("theme = 'transport' AND access = 'restricted'", {"bus_stops"}),
        ("theme = 'nothing'", set()),
        ("license = 'by-agreement'", {"bus_stops"}),
        ("title LIKE 'Bus%'", {"bus_stops"}),
        ("title = '街道'", {"streets"}),
        ("CASEI(title) = CASEI('STREETS')", {"streets"}),
        ("slug BETWEEN 'm' AND 'n'", {"model"}),
        ("externalId IS NULL", set()),
        ("S_INTERSECTS(geometry, BBOX(24.95, 60.15, 26, 61))", {"buildings"}),
        ("S_INTERSECTS(geometry, POINT(24.2 60.2))", {"streets"}),
        ("T_INTERSECTS(time, DATE('2020-06-01'))", {"buildings"}),
        ("T_AFTER(time, DATE('2021-06-01'))", {"streets"}),
        ("T_BEFORE(time, DATE('2021-06-01'))", {"buildings"}),
        ("created > TIMESTAMP('2020-01-01T00:00:00Z') AND type = 'model'", {"model"}),
        ("updated < DATE('2020-01-01')", set()),
    ],
)
def test_filters_in_cql2(filled: City, text: str, expected: set[str]) -> None:
    with filled.store.read() as session:
        page = search(session, Search(filter=parse_filter(text)), visible_to=ANONYMOUS)
    assert {hit.slug for hit in page.hits} == expected
    assert page.total == len(expected)


@pytest.mark.parametrize(
    "text",
    [
        "owner = 'me'",
        "title = 5",
        "type LIKE 'd%'",
        "title + 1 = 3",
        "created > 'yesterday'",
        "S_WITHIN(geometry, BBOX(0, 0, 1, 1))",
        "S_INTERSECTS(geometry, POLYGON((0 0, 1 0, 1 1, 0 0)))",
        "T_MEETS(time, INTERVAL('2020-01-01', '2021-01-01'))",
        "title = slug",
    ],
)
def test_what_cannot_be_compared_is_refused(filled: City, text: str) -> None:
    with filled.store.read() as session, pytest.raises(Invalid) as error:
        search(session, Search(filter=parse_filter(text)), visible_to=ANONYMOUS)
    assert error.value.field == "filter"


def test_the_index_and_the_store_agree_who_sees_what(filled: City) -> None:
    assert visible_values(ANONYMOUS) == (("state", "published"),)
    assert visible_values(filled.operator) == ()
    assert ("provider", filled.housing.id) in visible_values(filled.supplier)


_WORDS = ("公交", "车站", "医院", "bus", "stop", "hospital", "图书", "map", "dta")
_ENTRY = st.tuples(
    st.booleans(),
    st.lists(st.sampled_from(_WORDS), min_size=1, max_size=3),
    st.sampled_from([Kind.DATASET, Kind.MODEL]),
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=st.lists(_ENTRY, min_size=1, max_size=6),
    q=st.sampled_from([*_WORDS, "公叫", "hospitl", "buss", "gj", "gongjiao"]),
)
def test_hidden_entries_betray_nothing(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template, entries: list, q: str
) -> None:
    """Two stores, one with hidden entries and one without: a stranger sees the same in both."""
    seen = []
    for with_hidden in (True, False):
        path = tmp_path_factory.mktemp("pair") / "control.sqlite"
        path.write_bytes(sqlite_template.read_bytes())
        store = ControlStore(f"sqlite:///{path}")
        city = found_city(store)
        for number, (published, words, kind) in enumerate(entries):
            title = LocalText(zh=" ".join(words))
            if published:
                city.publish(f"e{number}", title=title, kind=kind)
            elif with_hidden:
                city.register(f"e{number}", title=title, kind=kind, keywords=tuple(words))
        with store.read() as session:
            asked = Search(q=q, accesses=frozenset({Access.OPEN}))
            page = search(session, asked, visible_to=ANONYMOUS)
            told = suggestions(session, q[:3], visible_to=ANONYMOUS)
        facets = {name: [(f.value, f.count) for f in found] for name, found in page.facets.items()}
        facets.pop("providers")  # parties of another store have other ids
        seen.append(
            (
                [hit.slug for hit in page.hits],
                page.total,
                page.corrected,
                page.proposal,
                facets,
                [(one.kind, one.text, one.times) for one in told],
            )
        )
        store.close()
    assert seen[0] == seen[1]


def test_members_keep_searches_and_hear_of_new_hits(city: City) -> None:
    with city.store.begin() as session:
        member = add_member(
            session,
            city.transport.id,
            login="reader@example.org",
            name="Reader",
            password=None,
            roles=frozenset({Role.CONSUMER}),
        )
        caller = caller_of(session, member.id)
        kept = save_search(
            session, Search(q="公交", kinds=frozenset({Kind.DATASET})), caller, name="Buses"
        )
        assert [one.id for one in saved_searches(session, caller)] == [kept.id]
        with pytest.raises(Unauthenticated):
            saved_searches(session, ANONYMOUS)
        with pytest.raises(Invalid):
            save_search(session, Search(), caller, name="  ")
    city.register("draft", title=LocalText(zh="公交草稿"))
    city.publish("stops", title=LocalText(zh="公交车站"))
    city.publish("other", title=LocalText(zh="图书馆"))
    with city.store.begin() as session:
        session.query(SavedSearchRow).update({"looks_next": now() - timedelta(minutes=1)})
        found = changed_hits(session, kept.search, kept.looked_at, visible_to=caller, most=10)
        assert len(found) == 1
    assert tell_new_hits(city.store) == 1
    assert tell_new_hits(city.store) == 0
    with city.store.begin() as session:
        (told,) = notices_of(session, caller).notices
        assert told.params == {"name": "Buses", "count": 1}
        assert told.link.startswith("/search?q=")
        forget_search(session, kept.id, caller)
        assert saved_searches(session, caller) == []
        with pytest.raises(NotFound):
            forget_search(session, kept.id, caller)
