"""Rules and calendars as fields of a form: what fields write is what they are filled with."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanyu.kernel import Invalid
from quanyu.operations import on_duty, parse_calendar, parse_rule
from quanyu.web.portal import on_call_form, rule_form
from quanyu.web.portal.rule_editor import STARTS

RULE = {"id": "r", "title": {"zh": "热", "en": "Hot"}, "stream": "air"}
NUMBER = st.integers(-1000, 1000) | st.floats(-1e6, 1e6, allow_nan=False)
SPAN = st.builds(lambda n, unit: f"{n}{unit}", st.integers(1, 99), st.sampled_from("smhdw"))
RING = [[116.3, 39.9], [116.4, 39.9], [116.4, 40], [116.3, 39.9]]
AREA = {"type": "Polygon", "coordinates": [RING]}


def some(needed: dict[str, Any], **more: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(needed, optional=more)


WHEN = st.one_of(
    st.builds(
        lambda pair, lasts: {"kind": "threshold", "below": min(pair), "above": max(pair), **lasts},
        st.tuples(NUMBER, NUMBER).filter(lambda pair: pair[0] != pair[1]),
        some({}, **{"for": SPAN}),
    ),
    some({"kind": st.just("rate"), "rise": st.integers(1, 9), "over": SPAN}, **{"for": SPAN}),
    some({"kind": st.just("missing"), "for": SPAN}),
    some(
        {"kind": st.just("geofence"), "area": st.just(AREA)},
        alarm=st.sampled_from(["inside", "outside"]),
    ),
    some(
        {"kind": st.just("anomaly"), "score": st.integers(4, 9)},
        side=st.sampled_from(["above", "both"]),
        least=st.floats(0, 5),
    ),
    st.builds(
        lambda join, turned: {
            "kind": "composite",
            "terms": {
                "hot": {"when": {"kind": "threshold", "above": 6}, "count": 2},
                "gone": {
                    "watch": {"observed_property": "heat"},
                    "when": {"kind": "missing", "for": "2h"},
                },
            },
            "logic": join(["hot", {"not": "gone"} if turned else "gone"]),
            "for": "1h",
        },
        st.sampled_from(
            [lambda p: {"all": p}, lambda p: {"any": p}, lambda p: {"at_least": 1, "of": p}]
        ),
        st.booleans(),
    ),
)
RULES = some(
    {"when": WHEN},
    severity=st.sampled_from(["critical", "warning"]),
    watch=some(
        {"observed_property": st.just("heat")},
        datastreams=st.lists(st.sampled_from(["1", "a b", "'7'"]), min_size=1, unique=True),
        area=st.just(AREA),
    ),
    escalate=st.just([{"to": "on-call:duty"}, {"to": "steward", "after": "30m"}]),
    work_order=some({"category": st.just("sensor")}, priority=st.just("high"), after=SPAN),
    advice=st.just({"zh": "去看", "en": "Go"}),
    group=st.just("rule"),
    group_wait=SPAN,
    lateness=SPAN,
)


@settings(max_examples=60, deadline=None)
@given(RULES)
def test_fields_write_the_rule_that_filled_them(said: dict[str, Any]) -> None:
    rule = parse_rule({**RULE, **said})
    fields = rule_form.fields_of(rule)
    assert fields is not None
    assert replace(parse_rule(rule_form.document_of(fields)), document={}) == replace(
        rule, document={}
    )


@pytest.mark.parametrize(
    "when",
    [
        {"kind": "geofence", "area": {"type": "Polygon", "coordinates": [RING, RING]}},
        {
            "kind": "composite",
            "terms": {"a": {"when": {"kind": "threshold", "above": 1, "for": "2h"}}},
            "logic": {"all": ["a"]},
        },
        {
            "kind": "composite",
            "terms": {"a": {"when": {"kind": "threshold", "above": 1}}},
            "logic": {"any": [{"all": ["a"]}]},
        },
    ],
)
def test_what_fields_cannot_say_is_left_to_yaml(when: dict[str, Any]) -> None:
    assert rule_form.fields_of(parse_rule({**RULE, "when": when})) is None


@pytest.mark.parametrize(
    ("changed", "field", "place"),
    [
        ({"when.above": "high"}, "when.above", "when.above"),
        ({"when.clear_below": "200"}, "when.clear_below", "when.clear_below"),
        ({"when.for": "soon"}, "when.for", "when.for"),
        ({"title.zh": ""}, "title.zh", "title.zh"),
        ({"id": "Big"}, "id", "id"),
        ({"watch.area": "1 2\n3 x"}, "watch.area", "watch.area"),
    ],
)
def test_a_fault_names_the_field(changed: dict[str, str], field: str, place: str) -> None:
    begun = parse_rule({**RULE, "when": {"kind": "threshold", "above": 150, "for": "3h"}})
    fields = (rule_form.fields_of(begun) or {}) | changed
    with pytest.raises(Invalid) as caught:
        parse_rule(rule_form.document_of(fields))
    assert (caught.value.field or "").startswith(field)
    assert rule_form.input_of(caught.value.field, fields) == place


def test_a_fault_in_a_term_is_mended_at_that_term() -> None:
    start = {"when.kind": "composite", "when.terms[2].name": "hot", "when.terms[2].is": "above"}
    fields = {"id": "r", "title.zh": "热", "title.en": "Hot", "stream": "air", **start}
    with pytest.raises(Invalid) as caught:
        parse_rule(rule_form.document_of(fields))
    assert rule_form.input_of(caught.value.field, fields) == "when.terms[2].value"


def test_every_beginning_fits_the_form() -> None:
    from quanyu.web.portal.rule_editor import _beginning

    for kind in STARTS:
        assert _beginning(kind, "air").fields is not None, kind


CALENDAR = {
    "zone": "Europe/Helsinki",
    "rotations": [
        {"members": ["d"], "first": "2026-06-01", "at": "08:00", "until": "20:00",
         "weekdays": [0, 1, 2, 3, 4]},
        {"members": ["n", "m"], "first": "2026-06-01", "at": "20:00", "until": "08:00"},
    ],
}  # fmt: skip


def test_a_calendar_goes_through_its_fields() -> None:
    fields = on_call_form.fields_of(CALENDAR)
    assert fields is not None
    made = parse_calendar(on_call_form.document_of(fields))
    assert made == parse_calendar(CALENDAR)
    many = {"rotations": [{"members": [str(n) for n in range(9)], "first": "2026-06-01"}]}
    shown = on_call_form.fields_of(many)
    assert shown is not None
    assert on_call_form.document_of(shown)["rotations"][0]["members"][8] == "8"
    assert on_call_form.fields_of({"rotations": many["rotations"] * 5}) is None
    wrong = fields | {"rotations[0].members[0]": "", "rotations[1].at": "late"}
    with pytest.raises(Invalid) as caught:
        parse_calendar(on_call_form.document_of(wrong))
    assert on_call_form.input_of(caught.value.field, wrong) == "rotations[1].at"


def test_a_week_is_drawn_as_it_is_called() -> None:
    made = parse_calendar(CALENDAR)
    zone = ZoneInfo("Europe/Helsinki")
    # Clocks went forward on 29 March: that Sunday has 23 hours.
    for monday in (date(2026, 6, 1), date(2027, 3, 22)):
        week = on_call_form.week_of(made, monday)
        assert [day for day, _ in week] == [monday + timedelta(days=n) for n in range(7)]
        for day, stretches in week:
            assert sum(one.width for one in stretches) == pytest.approx(100, abs=0.01)
            for one in stretches:
                assert one.member == on_duty(made, one.start)
                assert one.start.astimezone(zone).date() == day
    noon = datetime(2026, 6, 1, 12, tzinfo=zone)
    first = on_call_form.week_of(made, date(2026, 6, 1))[0][1]
    assert [one.member for one in first if one.start <= noon < one.end] == ["d"]
