"""The index of words: exact whatever is changed in which order, alike on both databases."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from catalogue_city import City, found_city
from sqlalchemy.orm import Session

from quanyu.catalogue import (
    Access,
    FieldMeaning,
    Kind,
    Resource,
    Search,
    Sort,
    State,
    load_entries,
    register,
    search,
)
from quanyu.catalogue.finding import find, ordered
from quanyu.catalogue.finding.postings import (
    BLOCK,
    bits_of,
    change_postings,
    numbers_in,
)
from quanyu.kernel import ControlStore, LocalText, PartyId, ResourceId
from quanyu.parties import ANONYMOUS, Caller

_START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def city(any_store: ControlStore) -> City:
    return found_city(any_store)


def found(city: City, q: str, who: Caller = ANONYMOUS) -> list[str]:
    with city.store.read() as session:
        page = search(session, Search(q=q, literal=True), visible_to=who)
    assert page.total == len(page.hits)
    return sorted(hit.slug for hit in page.hits)


def test_postings_hold_what_was_put_in_and_not_taken_out(any_store: ControlStore) -> None:
    dice = np.random.default_rng(5)
    words = {"rare": 0.001, "some": 0.05, "edge": 1 / 16, "many": 0.4, "all": 1.0}
    held: dict[str, set[int]] = {word: set() for word in words}
    numbers = np.arange(1, 3 * BLOCK)
    for _ in range(4):
        added = {w: set(numbers[dice.random(numbers.size) < p].tolist()) for w, p in words.items()}
        gone = {
            word: {n for n in have - added[word] if dice.random() < 0.7}
            for word, have in held.items()
        }
        with any_store.begin() as session:
            change_postings(session.connection(), added, gone)
        for word in words:
            held[word] = (held[word] | added[word]) - gone[word]
        with any_store.read() as session:
            for first, last in ((0, 2), (1, 1), (2, 9)):
                bits = bits_of(session, words, first, last)
                for word, have in held.items():
                    expected = [n for n in sorted(have) if first * BLOCK <= n < (last + 1) * BLOCK]
                    assert numbers_in(bits[word], first).tolist() == expected[::-1]
    with any_store.begin() as session:
        change_postings(session.connection(), {}, held)
    with any_store.read() as session:
        assert not any(bits.any() for bits in bits_of(session, words, 0, 9).values())


def test_a_transaction_finds_what_it_wrote_and_leaves_nothing_when_undone(city: City) -> None:
    with city.store.begin() as session:
        draft = replace(city.draft, slug="kept", title=LocalText(en="Lighthouses"))
        register(session, draft, city.operator, area="110101")
        page = search(session, Search(q="lighthouse"), visible_to=city.operator)
        assert [hit.slug for hit in page.hits] == ["kept"]
        with pytest.raises(RuntimeError), session.begin_nested():
            again = replace(draft, slug="undone")
            register(session, again, city.operator, area="110101")
            assert search(session, Search(q="lighthouse"), visible_to=city.operator).total == 2
            raise RuntimeError
    assert found(city, "lighthouse", city.operator) == ["kept"]
    with pytest.raises(RuntimeError), city.store.begin() as session:
        register(session, replace(draft, slug="lost"), city.operator, area="110101")
        raise RuntimeError
    assert found(city, "lighthouse", city.operator) == ["kept"]
    assert found(city, "lighthouse") == []


def test_writers_at_once_lose_nothing(city: City) -> None:
    def write(party: str) -> None:
        for number in range(6):
            city.register(f"{party}-{number}", title=LocalText(zh="公交车站", en=f"Stops {party}"))

    writers = [Thread(target=write, args=(name,)) for name in ("left", "right")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    every = sorted(f"{name}-{number}" for name in ("left", "right") for number in range(6))
    assert found(city, "公交车站", city.operator) == every
    assert found(city, "left", city.operator) == every[:6]


def test_a_long_transaction_keeps_no_other_writer_waiting(city: City) -> None:
    if city.store.dialect == "sqlite":
        pytest.skip("SQLite lets one transaction write at a time")
    begun, end = Event(), Event()

    def write_long() -> None:
        with city.store.begin() as session:
            draft = replace(city.draft, slug="long", provider=city.transport.id)
            register(session, draft, city.operator, area="110101")
            begun.set()
            assert end.wait(120)

    long = Thread(target=write_long)
    long.start()
    try:
        assert begun.wait(120)
        city.register("short")
        assert found(city, "buildings", city.operator) == ["short"]
    finally:
        end.set()
        long.join()
    assert found(city, "buildings", city.operator) == ["long", "short"]


def test_a_reader_sees_one_moment(city: City) -> None:
    city.publish("first", title=LocalText(en="Harbours"))
    with city.store.read() as session:
        asked = Search(q="harbours")
        before = search(session, asked, visible_to=ANONYMOUS)
        city.publish("second", title=LocalText(en="Harbours"))
        assert search(session, asked, visible_to=ANONYMOUS).total == before.total == 1
    assert found(city, "harbours") == ["first", "second"]


def test_counts_are_of_the_moment_that_is_read(city: City) -> None:
    """Whatever others write meanwhile, or wrote and undid; at each moment in one process."""
    place = (24.0, 60.0, 25.0, 61.0)
    city.publish("first", themes=("transport",), bbox=place)

    def asked(session: Session, who: Caller) -> tuple[int, dict[str, int]]:
        page = search(session, Search(bbox=place), visible_to=who)
        return page.total, {fact.value: fact.count for fact in page.facets["themes"]}

    one, two = (1, {"transport": 1}), (2, {"transport": 1, "education": 1})
    with city.store.read() as early:
        assert asked(early, ANONYMOUS) == asked(early, city.operator) == one
        city.publish("second", themes=("education",), bbox=place)
        with city.store.read() as late:
            for _ in range(2):
                assert asked(early, ANONYMOUS) == asked(early, city.operator) == one
                assert asked(late, ANONYMOUS) == asked(late, city.operator) == two
    with pytest.raises(RuntimeError), city.store.begin() as session:
        draft = replace(city.draft, slug="third", themes=("health",), bbox=place)
        register(session, draft, city.operator, area="110101")
        assert asked(session, city.operator)[0] == 3
        raise RuntimeError
    with city.store.read() as later:
        assert asked(later, city.operator) == two


def entries(count: int) -> Iterator[Resource]:
    """Published entries of which every third tells of rivers, changed in an order of their own."""
    for number in range(count):
        subject = "河流 Rivers" if number % 3 == 0 else "道路 Roads"
        yield Resource(
            id=ResourceId(f"resource_{number}"),
            slug=f"entry-{number}",
            kind=Kind.DATASET if number % 2 else Kind.MODEL,
            title=LocalText(zh=f"{subject} {number * 7919 % 101:03}"),
            abstract=LocalText(en="Measured"),
            provider=PartyId("party_one"),
            licence="ODbL-1.0",
            access=Access.OPEN,
            bbox=(number % 10, 0, number % 10 + 0.5, 1),
            fields=(FieldMeaning("name", "string"),),
            code=None,
            state=State.PUBLISHED,
            revision=1,
            created_at=_START + timedelta(seconds=number),
            updated_at=_START + timedelta(hours=number * 7919 % 101),
            published_at=_START,
        )


@pytest.fixture
def spread(any_store: ControlStore) -> ControlStore:
    """A hundred and one entries on both sides of the edge of a block, the oldest far below."""
    made = list(entries(101))
    load_entries(any_store, made[:20], first=1)
    load_entries(any_store, made[20:70], first=40 * BLOCK - 25)
    load_entries(any_store, made[70:], first=300 * BLOCK - 5)
    return any_store


@pytest.mark.parametrize("few", [0, 10_000])
def test_more_than_can_be_counted_is_paged_in_order(
    spread: ControlStore, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Walked along the order's index, and looked up."""
    monkeypatch.setattr(find, "MOST_COUNTED", 7)
    monkeypatch.setattr(ordered, "_FEW", few)
    monkeypatch.setattr(ordered, "_FEW_KNOWN", few)
    monkeypatch.setattr(ordered, "_STEP", 4)
    rivers = [entry for entry in entries(101) if "Rivers" in entry.title.zh]
    keys: dict[Sort, Callable[[Resource], Any]] = {
        Sort.CREATED: lambda entry: entry.created_at,
        Sort.UPDATED: lambda entry: entry.updated_at,
        Sort.TITLE_ZH: lambda entry: entry.title.zh,
    }
    for (sort, key), reverse in product(keys.items(), (False, True)):
        met, after = [], None
        asked = Search(q="rivers", sort=sort, reverse=reverse, limit=10)
        with spread.read() as session:
            while True:
                page = search(session, replace(asked, after=after), visible_to=ANONYMOUS)
                assert (page.total, page.exact) == (7, False)
                met += [hit.slug for hit in page.hits]
                after = page.next
                if after is None:
                    break
        rivers.sort(key=key, reverse=reverse == (sort is Sort.TITLE_ZH))
        assert met == [entry.slug for entry in rivers]


def test_exact_comparisons_go_on_through_all_blocks(spread: ControlStore) -> None:
    box = (3.6, 0.2, 4.2, 0.4)  # meets the extents from 4 to 4.5 alone
    expected = [entry.slug for entry in entries(101) if entry.bbox and entry.bbox[0] == 4]
    with spread.read() as session:
        page = search(session, Search(bbox=box, limit=50), visible_to=ANONYMOUS)
        both = search(session, Search(q="roads", bbox=box, limit=50), visible_to=ANONYMOUS)
    assert sorted(hit.slug for hit in page.hits) == sorted(expected)
    assert (page.total, page.exact) == (len(expected), True)
    assert {hit.slug for hit in both.hits} == {
        slug for slug in expected if int(slug.split("-")[1]) % 3
    }
