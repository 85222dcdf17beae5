"""Policies: read in every form alike, written in one, refused when not wholly understood."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from quanyu.agreements import (
    TERMS,
    Answer,
    Asked,
    Terms,
    compile_policy,
    parse_policy,
    policy_bytes,
    policy_document,
)
from quanyu.kernel import Invalid, PartyId, QuanyuError, Refused
from quanyu.parties import PartyKind
from quanyu.spacetime import OPEN, Column, Mask, Restriction

AT = datetime(2026, 6, 1, tzinfo=UTC)
KNOWN = ("name", "height", "owner", "phone", "value")
ODRL = "http://www.w3.org/ns/odrl/2/"
NS = "urn:quanyu:ns:"
READ = Asked("odrl:read", AT, PartyId("pty_1"), PartyKind.ENTERPRISE, "research")


def compiled(document: Any) -> Terms:
    return compile_policy(parse_policy(document))


def view(document: Any, asked: Asked = READ) -> Restriction:
    return compiled(document).answer(asked, KNOWN, "ab" * 16).restriction


COMPACT = {
    "@context": "http://www.w3.org/ns/odrl.jsonld",
    "@type": "Offer",
    "permission": {
        "action": "read",
        "constraint": [
            {
                "leftOperand": "quanyu:columns",
                "operator": "isAnyOf",
                "rightOperand": ["name", "height"],
            },
            {"leftOperand": "purpose", "operator": "eq", "rightOperand": "research"},
            {
                "leftOperand": "dateTime",
                "operator": "lt",
                "rightOperand": "2027-01-01T00:00:00Z",
            },
        ],
    },
}
PREFIXED = {
    "@context": ["http://www.w3.org/ns/odrl.jsonld", {"quanyu": NS}],
    "@type": "odrl:Offer",
    "odrl:permission": [
        {
            "odrl:action": {"@id": "odrl:read"},
            "odrl:constraint": [
                {
                    "and": {
                        "@list": [
                            {
                                "leftOperand": {"@id": "quanyu:columns"},
                                "operator": {"@id": "odrl:isAnyOf"},
                                "rightOperand": {"@list": ["name", "height"]},
                            },
                            {
                                "leftOperand": "odrl:purpose",
                                "operator": "odrl:eq",
                                "rightOperand": {"@id": "quanyu:research"},
                            },
                        ]
                    }
                },
                {
                    "leftOperand": "odrl:dateTime",
                    "operator": "odrl:lt",
                    "rightOperand": {
                        "@value": "2027-01-01T08:00:00+08:00",
                        "@type": "xsd:dateTime",
                    },
                },
            ],
        }
    ],
}
EXPANDED = [
    {
        "@type": [f"{ODRL}Offer"],
        f"{ODRL}permission": [
            {
                f"{ODRL}action": [{"@id": f"{ODRL}read"}],
                f"{ODRL}constraint": [
                    {
                        f"{ODRL}leftOperand": [{"@id": f"{NS}columns"}],
                        f"{ODRL}operator": [{"@id": f"{ODRL}isAnyOf"}],
                        f"{ODRL}rightOperand": [{"@value": "name"}, {"@value": "height"}],
                    },
                    {
                        f"{ODRL}leftOperand": [{"@id": f"{ODRL}purpose"}],
                        f"{ODRL}operator": [{"@id": f"{ODRL}eq"}],
                        f"{ODRL}rightOperand": [{"@id": f"{NS}research"}],
                    },
                    {
                        f"{ODRL}leftOperand": [{"@id": f"{ODRL}dateTime"}],
                        f"{ODRL}operator": [{"@id": f"{ODRL}lt"}],
                        f"{ODRL}rightOperand": [
                            {
                                "@type": "http://www.w3.org/2001/XMLSchema#dateTime",
                                "@value": "2027-01-01T00:00:00Z",
                            }
                        ],
                    },
                ],
            }
        ],
    }
]


@pytest.mark.parametrize("form", [COMPACT, PREFIXED, EXPANDED], ids=["compact", "prefixed", "full"])
def test_forms_that_mean_the_same_decide_the_same(form: Any) -> None:
    terms = compiled(form)
    answer = terms.answer(READ, KNOWN)
    assert answer.restriction == Restriction(columns=(Column("height"), Column("name")))
    assert answer.until == terms.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    with pytest.raises(Refused):
        terms.answer(replace(READ, purpose="industry"), KNOWN)
    with pytest.raises(Refused):
        terms.answer(replace(READ, action="odrl:display"), KNOWN)


@pytest.mark.parametrize("form", [COMPACT, PREFIXED, EXPANDED], ids=["compact", "prefixed", "full"])
def test_round_trip(form: Any) -> None:
    once = parse_policy(form)
    assert parse_policy(policy_document(once)) == once
    assert policy_bytes(parse_policy(policy_document(once))) == policy_bytes(once)


@pytest.mark.parametrize(("left", "operator"), TERMS)
def test_every_term_compiles_its_example_and_goes_round(
    left: str, operator: str, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    entry = TERMS[left, operator]
    for unit in entry.units or [None]:
        written = term(left, operator, entry.example)
        document = policy(written | ({"unit": unit} if unit else {}))
        parsed = parse_policy(document)
        assert parse_policy(policy_document(parsed)) == parsed
        assert compile_policy(parsed) == compiled(document)


WRONG: list[tuple[Any, str]] = [
    ({"action": "teleport"}, "teleport"),
    ({"action": "odrl:teleport"}, "teleport"),
    ({"action": "use", "surprise": 1}, "surprise"),
    ({"action": "use", "remedy": {"action": "delete"}}, "remedy"),
    ({"action": "use", "duty": {"action": "compensate"}}, "compensate"),
    ({"action": "use", "target": "urn:another"}, "urn:another"),
    (
        {
            "action": "use",
            "constraint": {"leftOperand": "moon", "operator": "eq", "rightOperand": 1},
        },
        "moon",
    ),
    (
        {
            "action": "use",
            "constraint": {"leftOperand": "count", "operator": "gt", "rightOperand": 1},
        },
        "odrl:count odrl:gt",
    ),
    (
        {
            "action": "use",
            "constraint": {
                "leftOperand": "count",
                "operator": "lteq",
                "rightOperand": 1,
                "unit": "quanyu:perDay",
            },
        },
        "quanyu:perDay",
    ),
    (
        {
            "action": "use",
            "constraint": {
                "or": [
                    {"leftOperand": "purpose", "operator": "eq", "rightOperand": "a"},
                    {"leftOperand": "purpose", "operator": "eq", "rightOperand": "b"},
                ]
            },
        },
        "odrl:or",
    ),
    (
        {
            "action": "use",
            "constraint": {
                "leftOperand": "quanyu:rows",
                "operator": "isPartOf",
                "rightOperand": {"@type": "@json", "@value": {"op": "secrets", "args": []}},
            },
        },
        "secrets",
    ),
]


@pytest.mark.parametrize(("permission", "named"), WRONG, ids=[named for _, named in WRONG])
def test_the_unknown_is_refused_by_name(permission: Any, named: str) -> None:
    with pytest.raises(Invalid) as problem:
        compiled({"@type": "Offer", "permission": permission})
    assert named in str(problem.value)
    assert problem.value.field
    assert problem.value.mend


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"profile": "https://example.org/profile"}, "example.org/profile"),
        ({"conflict": "perm"}, "perm"),
        ({"inheritFrom": "urn:other"}, "inheritFrom"),
        ({"@type": "Ticket"}, "Ticket"),
        ({"@context": "https://example.org/context.jsonld"}, "example.org"),
        ({"@context": {"odrl": "https://example.org/"}}, "example.org"),
        ({"@context": {"use": "https://example.org/"}}, "example.org"),
        ({"@context": [[]]}, "[]"),
        ({"@graph": []}, "@graph"),
        ({"uid": "urn:a", "@id": "urn:b"}, "twice"),
    ],
)
def test_unknown_properties_of_a_policy(document: Any, named: str) -> None:
    whole = {"@type": "Offer", "permission": {"action": "use"}}
    with pytest.raises(Invalid) as problem:
        compiled(whole | document)
    assert named in str(problem.value)


BAD_VALUES: list[tuple[str, str, Any]] = [
    ("quanyu:columns", "isAnyOf", ["geometry"]),
    ("quanyu:columns", "isAnyOf", [1]),
    ("quanyu:columns", "isAnyOf", []),
    ("dateTime", "lt", "2027-01-01T00:00:00"),
    ("dateTime", "lt", "2027-01-01"),
    ("dateTime", "lt", "soon"),
    ("dateTime", "lt", 5),
    ("count", "lteq", -1),
    ("count", "lteq", 1.5),
    ("count", "lteq", True),
    ("count", "lteq", "5"),
    ("quanyu:grid", "gteq", 0),
    ("quanyu:rows", "isPartOf", "height >"),
    ("quanyu:rows", "isPartOf", "(" * 5000),
    ("quanyu:rows", "isPartOf", {"a": 1}),
    ("quanyu:rows", "isPartOf", 7),
    ("quanyu:interval", "isPartOf", "2027-01-01T00:00:00Z/2026-01-01T00:00:00Z"),
    ("quanyu:interval", "isPartOf", "always"),
    ("spatial", "isPartOf", {"type": "Point", "coordinates": [24, 60]}),
    ("spatial", "isPartOf", {"type": "Polygon", "coordinates": []}),
    ("spatial", "isPartOf", {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}),
    ("spatial", "isPartOf", {"type": "Polygon", "coordinates": "x"}),
    (
        "spatial",
        "isPartOf",
        {"type": "Polygon", "coordinates": [[[0, 0], [999, 0], [999, 9], [0, 0]]]},
    ),
    (
        "spatial",
        "isPartOf",
        {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]},
    ),
    ("quanyu:mask", "eq", {"column": "phone", "mask": "burn"}),
    ("quanyu:mask", "eq", {"column": "phone", "mask": ["hash"]}),
    ("quanyu:mask", "eq", {"column": ["phone"], "mask": "hash"}),
    ("quanyu:mask", "eq", {"column": "phone", "mask": "round"}),
    ("quanyu:mask", "eq", {"column": "phone", "mask": "round", "step": 0}),
    ("quanyu:mask", "eq", {"column": "phone", "mask": "hash", "step": 2}),
    ("quanyu:mask", "eq", {"column": "fid", "mask": "hash"}),
    ("quanyu:mask", "eq", {"column": "phone", "mask": "hash", "more": 1}),
    ("recipient", "isA", "pirate"),
    ("purpose", "eq", ""),
    ("purpose", "eq", None),
    ("quanyu:version", "eq", 0),
]


@pytest.mark.parametrize(("left", "operator", "right"), BAD_VALUES)
def test_values_that_cannot_be_read(
    left: str, operator: str, right: Any, policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    with pytest.raises(Invalid) as problem:
        compiled(policy(term(left, operator, right)))
    assert problem.value.field
    assert problem.value.mend


def test_columns_and_masks(policy: Callable[..., Any], term: Callable[..., Any]) -> None:
    masks = [
        {"column": "phone", "mask": "keep-last-4"},
        {"column": "value", "mask": "round", "step": 100},
    ]
    assert view(
        policy(term("quanyu:columns", "isNoneOf", "owner"), term("quanyu:mask", "eq", masks))
    ).columns == (
        Column("name"),
        Column("height"),
        Column("phone", Mask.KEEP_LAST_4),
        Column("value", Mask.ROUND, 100.0),
    )
    assert view(
        policy(
            term("quanyu:mask", "eq", masks),
            term("quanyu:mask", "eq", {"column": "phone", "mask": "hash"}),
        )
    ).columns == (
        Column("name"),
        Column("height"),
        Column("owner"),
        Column("value", Mask.ROUND, 100.0),
    )


def test_prohibitions_win(policy: Callable[..., Any], term: Callable[..., Any]) -> None:
    assert view(policy(prohibition={"action": "distribute"})) == OPEN
    with pytest.raises(Refused) as refusal:
        view(policy(prohibition={"action": "use", "@id": "urn:no"}))
    assert refusal.value.rule == "urn:no"
    hidden = policy(
        prohibition={"action": "use", "constraint": term("quanyu:columns", "isAnyOf", ["phone"])}
    )
    assert "phone" not in {column.name for column in view(hidden).columns or ()}
    rows = policy(
        prohibition={"action": "use", "constraint": term("quanyu:rows", "isPartOf", "height > 100")}
    )
    inner = {"op": ">", "args": [{"property": "height"}, 100.0]}
    assert view(rows).rows == {"op": "not", "args": [inner]}
    for_trade = policy(
        prohibition={"action": "use", "constraint": term("purpose", "eq", "industry")}
    )
    assert view(for_trade) == OPEN
    for purpose in ("industry", None):
        with pytest.raises(Refused) as refusal:
            view(for_trade, replace(READ, purpose=purpose))
        assert refusal.value.field == "purpose"


def test_a_prohibition_of_what_cannot_be_taken_away(
    policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    for constraints in (
        [term("count", "lteq", 5)],
        [term("quanyu:columns", "isAnyOf", ["a"]), term("quanyu:rows", "isPartOf", "a = 1")],
        [term("quanyu:columns", "isNoneOf", ["a"])],
        [term("quanyu:mask", "eq", {"column": "a", "mask": "hash"})],
        [term("quanyu:rows", "isPartOf", "a = 1"), term("quanyu:rows", "isPartOf", "b = 1")],
    ):
        with pytest.raises(Invalid):
            compiled(policy(prohibition={"action": "use", "constraint": constraints}))


def test_permissions_for_purposes_apart(
    policy: Callable[..., Any], term: Callable[..., Any]
) -> None:
    both = {
        "@type": "Offer",
        "permission": [
            {"action": "use", "constraint": term("purpose", "eq", "governance")},
            {
                "action": "use",
                "constraint": [
                    term("purpose", "eq", "research"),
                    term("quanyu:grid", "gteq", 100),
                ],
            },
        ],
    }
    assert view(both).grid_m == 100
    assert view(both, replace(READ, purpose="governance")) == OPEN
    both["permission"][0]["constraint"] = []  # type: ignore[index]
    with pytest.raises(Invalid) as problem:
        compiled(both)
    assert problem.value.rule == "policy.ambiguous"


def test_permissions_with_the_same_conditions_narrow_together(term: Callable[..., Any]) -> None:
    both = {
        "@type": "Offer",
        "permission": [
            {"action": "use", "constraint": term("quanyu:columns", "isAnyOf", ["name", "phone"])},
            {"action": "read", "constraint": term("quanyu:columns", "isNoneOf", ["phone"])},
        ],
    }
    assert view(both).columns == (Column("name"),)
    shown = view(both, replace(READ, action="odrl:display")).columns
    assert shown == (Column("name"), Column("phone"))


def test_duties(policy: Callable[..., Any], term: Callable[..., Any]) -> None:
    terms = compiled(
        policy(
            obligation={
                "action": "delete",
                "constraint": term("dateTime", "lteq", "2028-01-01T00:00:00Z"),
            }
        )
    )
    assert terms.answer(READ, KNOWN).duties == ("delete the data by {by}",)
    assert terms.expires_at is None
    with pytest.raises(Invalid):
        compiled(policy(obligation={"action": "delete", "constraint": term("count", "lteq", 1)}))


def test_rule_ids_are_told_apart(policy: Callable[..., Any], term: Callable[..., Any]) -> None:
    same = term("count", "lteq", 1) | {"@id": "urn:q"}
    for bad in (
        policy(same, same),
        policy(same | {"@id": "x" * 300}),
        policy(same | {"@id": "\0"}),
    ):
        with pytest.raises(Invalid):
            compiled(bad)


# ------------------------------------------------------------------ properties

_dates = st.sampled_from(["2025-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z"])
_columns = st.lists(st.sampled_from(KNOWN), min_size=1, max_size=4, unique=True)
_purposes = st.lists(
    st.sampled_from(["research", "industry", "governance"]), min_size=1, unique=True
)
_area = st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 6)).map(
    lambda b: {
        "@type": "@json",
        "@value": {
            "type": "Polygon",
            "coordinates": [
                [
                    [b[0], b[1]],
                    [b[0] + b[2], b[1]],
                    [b[0] + b[2], b[1] + b[2]],
                    [b[0], b[1] + b[2]],
                    [b[0], b[1]],
                ]
            ],
        },
    }
)
_mask = st.builds(
    lambda column, mask: {
        "@type": "@json",
        "@value": {"column": column, "mask": mask} | ({"step": 10} if mask == "round" else {}),
    },
    st.sampled_from(KNOWN),
    st.sampled_from([mask.value for mask in Mask]),
)


def _constraint(left: str, operators: list[str], right: st.SearchStrategy[Any]) -> Any:
    return st.builds(
        lambda operator, value: {"leftOperand": left, "operator": operator, "rightOperand": value},
        st.sampled_from(operators),
        right,
    )


constraints = st.one_of(
    _constraint("purpose", ["isAnyOf", "isNoneOf"], _purposes),
    _constraint("recipient", ["isAnyOf", "neq"], st.just("pty_1")),
    _constraint("recipient", ["isA"], st.sampled_from(["enterprise", "university"])),
    _constraint("dateTime", ["lt", "lteq", "gt", "gteq"], _dates),
    _constraint("quanyu:columns", ["isAnyOf", "isNoneOf"], _columns),
    _constraint("quanyu:mask", ["eq"], _mask),
    _constraint("quanyu:grid", ["gteq"], st.sampled_from([10, 15, 100, 0.5])),
    _constraint("quanyu:rows", ["isPartOf"], st.sampled_from(["height > 3", "name = 'a'"])),
    _constraint("spatial", ["isPartOf"], _area),
    _constraint(
        "quanyu:interval",
        ["isPartOf"],
        st.sampled_from(["2020-01-01T00:00:00Z/..", "../2021-01-01T00:00:00Z"]),
    ),
    _constraint("quanyu:version", ["isAnyOf"], st.lists(st.integers(1, 4), min_size=1)),
    _constraint("count", ["lteq"], st.integers(0, 100)),
)
rules = st.builds(
    lambda action, several: {"action": action, "constraint": several},
    st.sampled_from(["use", "read", "display", "reproduce"]),
    st.lists(constraints, max_size=4),
)
policies = st.builds(
    lambda permissions, prohibitions: {
        "@type": "Offer",
        "permission": permissions,
        "prohibition": prohibitions,
    },
    st.lists(rules, min_size=1, max_size=3),
    st.lists(rules, max_size=1),
)
asks = st.builds(
    Asked,
    st.sampled_from(["odrl:read", "odrl:display", "odrl:reproduce", "odrl:use"]),
    st.sampled_from([AT, AT - timedelta(microseconds=1), AT + timedelta(days=400)]),
    st.sampled_from([None, PartyId("pty_1"), PartyId("pty_2")]),
    st.sampled_from([None, PartyKind.ENTERPRISE, PartyKind.UNIVERSITY]),
    st.sampled_from([None, "research", "industry", "governance"]),
)


@settings(deadline=None)
@given(policies)
def test_round_trip_is_identity(document: Any) -> None:
    once = parse_policy(document)
    assert parse_policy(policy_document(once)) == once


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(policies, asks, st.integers(0, 2), constraints)
def test_a_further_constraint_never_shows_more(
    narrower_than: Callable[[Restriction, Restriction], bool],
    document: Any,
    asked: Asked,
    place: int,
    more: Any,
) -> None:
    try:
        before = compiled(document)
    except Invalid:
        assume(False)
    place %= len(document["permission"])
    permissions = [dict(rule) for rule in document["permission"]]
    permissions[place]["constraint"] = [*permissions[place]["constraint"], more]
    try:
        narrower = compiled(document | {"permission": permissions}).answer(asked, KNOWN, "ab" * 16)
    except (Invalid, Refused):
        return
    # Whom a permission is meant for is said by purpose and recipient: where it no longer is meant,
    # it bounds nothing either, and the policy is what it would be without.
    others = [rule for number, rule in enumerate(permissions) if number != place]
    parted = others and more["leftOperand"] in {"purpose", "recipient"}
    answers = []
    for policy in [before, *([compiled(document | {"permission": others})] if parted else [])]:
        with suppress(Refused):
            answers.append(policy.answer(asked, KNOWN, "ab" * 16))
    assert any(_shows_no_more(narrower, wider, narrower_than) for wider in answers)


def _shows_no_more(
    narrower: Answer, wider: Answer, narrower_than: Callable[[Restriction, Restriction], bool]
) -> bool:
    versions = wider.versions.allowed is None or (
        narrower.versions.allowed is not None
        and narrower.versions.allowed <= wider.versions.allowed
    )
    return (
        narrower_than(narrower.restriction, wider.restriction)
        and versions
        and len(narrower.quotas) >= len(wider.quotas)
    )


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=12,
)
_words = st.sampled_from(
    [
        "@context",
        "@id",
        "@type",
        "@value",
        "@list",
        "@json",
        "@graph",
        "uid",
        "permission",
        "prohibition",
        "obligation",
        "action",
        "constraint",
        "leftOperand",
        "operator",
        "and",
        "or",
        "rightOperand",
        "unit",
        "target",
        "duty",
        "odrl:use",
        "use",
        "count",
        "lteq",
        "Offer",
        "quanyu:rows",
        "quanyu:mask",
        "spatial",
        "isPartOf",
        "eq",
        "rdf:value",
        "refinement",
    ]
)
_wild = st.recursive(
    _json | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(_wild)
def test_nonsense_is_never_a_crash(document: Any) -> None:
    with suppress(QuanyuError):
        parsed = parse_policy(document)
        policy_bytes(parsed)
        compile_policy(parsed)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(TERMS)), _wild)
def test_nonsense_values_are_never_a_crash(of: tuple[str, str], value: Any) -> None:
    constraint = {"leftOperand": of[0], "operator": of[1], "rightOperand": value}
    permission = {"action": "use", "constraint": constraint}
    with suppress(QuanyuError):
        compiled({"@type": "Offer", "permission": permission})


def test_deep_and_large_documents() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = {"and": [deep]}
    for document in (deep, {"permission": ["x" * 300_000]}, {"permission": list(range(60_000))}):
        with pytest.raises(Invalid):
            parse_policy(document)
