"""Set intersection: what both sides learn, and identifiers in one form."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quanyu.compute import answer_set, blind_set, common_count, common_of, normalised, to_points
from quanyu.kernel import Invalid, TooLarge

NAMES = st.lists(st.text("abcde0123", min_size=1, max_size=3), max_size=12)


@settings(max_examples=25, deadline=None)
@given(NAMES, NAMES)
def test_the_intersection_is_that_of_the_sets(mine: list[str], theirs: list[str]) -> None:
    one, two = normalised(mine), normalised(theirs)
    asked = blind_set(one)
    reply = answer_set(to_points(asked.points.tobytes(), 99), two, cardinality=False)
    assert common_of(asked, reply) == tuple(sorted(set(one) & set(two)))
    counted = answer_set(asked.points, two, cardinality=True)
    assert common_count(asked, counted) == len(set(one) & set(two))


def test_a_count_does_not_say_which() -> None:
    mine = normalised(f"n{number}" for number in range(64))
    asked = blind_set(mine)
    plain = answer_set(asked.points, mine[:32], cardinality=False)
    counted = answer_set(asked.points, mine[:32], cardinality=True)
    assert common_of(asked, plain) == tuple(sorted(mine[:32]))
    # The positions of the answers say nothing of the identifiers any more.
    assert common_of(asked, counted) != tuple(sorted(mine[:32]))
    assert common_count(asked, counted) == 32


def test_messages_of_one_set_differ_each_time() -> None:
    names = normalised(["13800138000", "13800138001"])
    one, two = blind_set(names), blind_set(names)
    seen = {point.tobytes() for message in (one, two) for point in message.points}
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("１３８ 0013-8000", "13800138000"),
        ("138–0013–8000", "13800138000"),
        (13800138000, "13800138000"),
        ("11010519491231002x", "11010519491231002x"),
        ("１１０１０５１９４９１２３１００２Ｘ", "11010519491231002x"),
        (" Li.Hua@Example.CN ", "li.hua@example.cn"),
        ("A-1", "a-1"),
    ],
)
def test_identifiers_are_compared_in_one_form(written: object, form: str) -> None:
    assert normalised([written, None, "", "  "]) == (form,)


def test_what_are_no_points_is_refused() -> None:
    for bad in (bytes(32), b"\xff" * 32):
        with pytest.raises(Invalid, match="ristretto255"):
            answer_set(to_points(bad, 9), ("a",), cardinality=True)
    with pytest.raises(Invalid, match="32 bytes"):
        to_points(bytes(33), 9)
    with pytest.raises(TooLarge):
        to_points(bytes(32 * 10), 9)
    asked = blind_set(("a", "b"))
    reply = answer_set(asked.points[:1], ("a",), cardinality=False)
    with pytest.raises(Invalid, match="another number"):
        common_of(asked, reply)
