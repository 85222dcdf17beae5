"""GB 32100 codes: public ones that must pass, and the errors that MOD 31 must find."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanyu.kernel import Invalid
from quanyu.parties import check_credit_code, credit_code_valid

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# Printed by their holders on their public pages: two universities, four large companies.
KNOWN = [
    "12100000400002259P",
    "12100000400000624D",
    "9144030071526726XG",
    "914403001922038216",
    "91330100799655058B",
    "91110000802100433B",
]


def by_long_division(body: str) -> str:
    """The check character found by trying all: the weighted sum must come to 0 modulo 31."""
    for candidate in ALPHABET:
        total, weight = ALPHABET.index(candidate), 1
        for character in body:
            total += ALPHABET.index(character) * weight
            weight = weight * 3 % 31
        if total % 31 == 0:
            return candidate
    raise AssertionError


bodies = st.builds(
    lambda head, area, rest: head + area + rest,
    st.text(ALPHABET, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(ALPHABET, min_size=9, max_size=9),
)


@pytest.mark.parametrize("code", KNOWN)
def test_known_codes_pass_in_any_case(code: str) -> None:
    assert credit_code_valid(code)
    assert check_credit_code(f" {code.lower()}\n") == code


@given(bodies)
def test_exactly_one_check_character_fits(body: str) -> None:
    fitting = [c for c in ALPHABET if credit_code_valid(body + c)]
    assert fitting == [by_long_division(body)]


@given(bodies, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_every_single_wrong_character_is_found(body: str, place: int, wrong: str) -> None:
    code = body + by_long_division(body)
    broken = code[:place] + wrong + code[place + 1 :]
    assert credit_code_valid(broken) == (broken == code)


@given(bodies, st.integers(0, 16))
def test_every_exchange_of_neighbours_is_found(body: str, place: int) -> None:
    code = body + by_long_division(body)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert credit_code_valid(swapped) == (swapped == code)


@pytest.mark.parametrize(
    "text", ["", "91440300192203821", "9144030019220382166", "I" * 18, "９" * 18]
)
def test_other_forms_are_refused_with_field_and_mend(text: str) -> None:
    with pytest.raises(Invalid) as error:
        check_credit_code(text)
    assert error.value.field == "credit_code"
    assert error.value.mend


@given(st.text(max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    assert credit_code_valid(text) in (True, False)
