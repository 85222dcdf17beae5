"""The published identifier: against the standard's example and another way of computing it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanyu.catalogue import identifier_valid
from quanyu.catalogue.identifier import check_characters, make_identifier
from quanyu.kernel import Invalid

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
texts = st.text(ALPHABET, min_size=1, max_size=30)


def by_big_number(text: str) -> str:
    """The check pair that makes the whole, read as one number of base 36, leave 1 modulo 1271."""
    fitting = [
        pair
        for pair in (a + b for a in ALPHABET for b in ALPHABET)
        if int(text + pair, 36) % 1271 == 1 and int(pair, 36) < 1271
    ]
    assert len(fitting) == 1
    return fitting[0]


def test_the_example_of_the_standard() -> None:
    assert check_characters("ISO79") == "3W"  # ISO/IEC 7064, 8.2


@given(texts)
def test_both_ways_agree(text: str) -> None:
    assert check_characters(text) == by_big_number(text)


@given(
    st.integers(1, 999_999), st.sampled_from("DFASP"), st.text(ALPHABET, min_size=1, max_size=18)
)
def test_every_single_wrong_character_is_found(serial: int, letter: str, org: str) -> None:
    identifier = make_identifier("110101", org, letter, serial)
    assert identifier_valid(identifier)
    for place, right in enumerate(identifier):
        for wrong in ALPHABET:
            broken = identifier[:place] + wrong + identifier[place + 1 :]
            assert not identifier_valid(broken) or wrong == right


@given(texts, st.data())
def test_exchanges_are_found(text: str, data: st.DataObject) -> None:
    whole = text + check_characters(text)
    place = data.draw(st.integers(0, len(whole) - 2))
    swapped = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]
    if swapped != whole:
        assert check_characters(swapped[:-2]) != swapped[-2:]


@pytest.mark.parametrize(
    ("area", "org", "letter", "serial"),
    [
        ("11010", "ORG001", "D", 1),
        ("110101", "", "D", 1),
        ("110101", "ORG001", "X", 1),
        ("110101", "ORG001", "D", 1_000_000),
    ],
)
def test_parts_that_do_not_fit(area: str, org: str, letter: str, serial: int) -> None:
    with pytest.raises(Invalid) as error:
        make_identifier(area, org, letter, serial)
    assert error.value.field == "code"


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    assert identifier_valid(text) in (True, False)
