"""Secure sums: exact, and each message uniform on its own."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from quanyu.compute import gathered, masked, public_key, to_integers, to_vector
from quanyu.kernel import Invalid

WHOLE = st.integers(-(2**60) // 8, 2**60 // 8)


def messages(values: list[np.ndarray], round_: str = "sum_1") -> list[np.ndarray]:
    names = [f"pty_{number}" for number in range(len(values))]
    secrets = {name: X25519PrivateKey.generate() for name in names}
    keys = {name: public_key(secret) for name, secret in secrets.items()}
    return [
        masked(one, name, secrets[name], keys, round_)
        for name, one in zip(names, values, strict=True)
    ]


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 5).flatmap(
        lambda length: st.lists(
            st.lists(WHOLE, min_size=length, max_size=length), min_size=3, max_size=6
        )
    )
)
def test_the_sum_is_exact(values: list[list[int]]) -> None:
    arrays = [np.array(one, np.int64) for one in values]
    sent = [to_vector(one.astype("<u8").tobytes(), len(one)) for one in messages(arrays)]
    assert gathered(sent).tolist() == [sum(column) for column in zip(*values, strict=True)]


def test_each_message_is_uniform_whatever_the_values() -> None:
    for values in (np.zeros(65_536, np.int64), np.arange(65_536, dtype=np.int64)):
        for sent in messages([values] * 3):
            for shift in (0, 24, 56):
                counts = np.bincount((sent >> np.uint64(shift)) & np.uint64(255), minlength=256)
                assert stats.chisquare(counts).pvalue > 1e-6


def test_two_of_three_do_not_give_a_sum() -> None:
    values = [np.full(64, 5, np.int64)] * 3
    sent = messages(values)
    assert not np.array_equal(gathered(sent[:2]), np.full(64, 10))
    assert not np.array_equal(gathered([sent[0], messages(values)[1], sent[2]]), np.full(64, 15))


def test_another_round_has_other_masks() -> None:
    secrets = {name: X25519PrivateKey.generate() for name in "abc"}
    keys = {name: public_key(secret) for name, secret in secrets.items()}
    nothing = np.zeros(8, np.int64)
    one = masked(nothing, "a", secrets["a"], keys, "sum_1")
    two = masked(nothing, "a", secrets["a"], keys, "sum_2")
    assert not np.array_equal(one, two)


def test_what_cannot_be_added_is_refused() -> None:
    secret = X25519PrivateKey.generate()
    keys = {"a": public_key(secret), "b": bytes(32), "c": bytes([1]) + bytes(31)}
    with pytest.raises(Invalid, match="X25519"):
        masked(np.zeros(1, np.int64), "a", secret, keys, "sum_1")
    with pytest.raises(Invalid, match="three parties"):
        masked(np.zeros(1, np.int64), "a", secret, dict(list(keys.items())[:2]), "sum_1")
    for bad in (float("nan"), float("inf"), 2.0**62):
        with pytest.raises(Invalid, match="too large"):
            to_integers([bad], 0, 3)
    assert to_integers([1.005, -2.5], 2, 3).tolist() == [100, -250]
    with pytest.raises(Invalid, match="length"):
        to_vector(bytes(7), 1)
