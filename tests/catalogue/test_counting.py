"""The catalogue in figures: counted right, in scope, alike on each database."""

from collections import Counter
from datetime import timedelta

from catalogue_city import City

from quanyu.catalogue import (
    Access,
    Kind,
    State,
    StepKind,
    catalogue_figures,
    latest_step,
    review_throughput,
    wanting_care,
)
from quanyu.kernel import LocalText, now


def test_figures_agree_with_the_entries(city: City) -> None:
    city.publish("one", themes=("housing", "transport"))
    city.publish("two", themes=("housing",), provider=city.transport.id, access=Access.SHARED)
    city.publish("three", title=LocalText(zh="交通流量"), kind=Kind.STREAM)
    city.register("draft", title=LocalText(zh="未公开"))
    with city.store.read() as session:
        every = catalogue_figures(session, public=False)
        public = catalogue_figures(session, public=True)
        own = catalogue_figures(session, public=False, provider=city.transport.id)
        none = catalogue_figures(session, public=False, since=now() + timedelta(days=1))
        step = latest_step(session)
    assert (every.total, public.total, own.total, none.total) == (4, 3, 1, 0)
    assert every.states == {State.PUBLISHED: 3, State.REGISTERED: 1}
    assert every.kinds[Kind.STREAM] == 1
    assert {(party, theme): n for party, theme, n in public.coverage} == {
        (city.housing.id, "housing"): 1,
        (city.housing.id, "transport"): 1,
        (city.transport.id, "housing"): 1,
    }
    assert (city.transport.id, Access.SHARED, 1) in public.openness
    steps: Counter[StepKind] = Counter()
    for month, kind, count in every.months:
        assert month == f"{now():%Y-%m}"
        steps[kind] += count
    assert steps == {StepKind.REGISTERED: 4, StepKind.PUBLISHED: 3}
    # The public is not told of what is not public.
    assert {kind for _, kind, _ in public.months} == {StepKind.PUBLISHED}
    assert sum(count for _, _, count in own.months) == 2
    assert sum(count for _, _, count in every.quality) == 4
    assert [len(one.entries) for one in every.alike] == [2]
    assert {slug for slug, _ in every.alike[0].entries} == {"one", "two"}
    assert own.alike == ()
    city.publish("four")
    with city.store.read() as session:
        assert latest_step(session) > step


def test_what_wants_care_and_what_reviewers_did(city: City) -> None:
    city.publish("poor", title=LocalText(zh="甲"))
    city.publish("rich", abstract=LocalText(zh="说明", en="What it is"), themes=("housing",))
    with city.store.read() as session:
        found = wanting_care(session, city.housing.id)
        assert review_throughput(session, [now() - timedelta(days=1), now()]) == []
    assert [one.slug for one in found] == ["poor", "rich"]
    assert found[0].score < found[1].score
