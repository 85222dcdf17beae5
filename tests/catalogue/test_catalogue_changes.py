"""How the search follows entries that come and go, on both databases."""

from quanyu.catalogue import Search, Sort, publish, search, withdraw
from quanyu.kernel import LocalText
from quanyu.parties import ANONYMOUS


def slugs(city, **asked) -> list[str]:
    with city.store.read() as session:
        return [hit.slug for hit in search(session, Search(**asked), visible_to=ANONYMOUS).hits]


def test_pages_stay_when_entries_come(city) -> None:
    for letter in "bcdef":
        city.publish(letter, title=LocalText(en=letter))
    with city.store.read() as session:
        first = search(session, Search(sort=Sort.TITLE_EN, limit=3), visible_to=ANONYMOUS)
    city.publish("aaa", title=LocalText(en="Aardvarks"))
    rest = slugs(city, sort=Sort.TITLE_EN, limit=10, after=first.next)
    assert rest == ["e", "f"]


def test_the_index_follows_the_entry(city) -> None:
    made = city.register("later", title=LocalText(en="Gardens"))
    assert slugs(city, q="garden") == []
    with city.store.begin() as session:
        publish(session, made.id, city.operator)
    assert slugs(city, q="garden") == ["later"]
    with city.store.begin() as session:
        withdraw(session, made.id, city.operator)
    assert slugs(city, q="garden") == []
