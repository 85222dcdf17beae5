"""Canonical JSON, commitments, keys."""

import stat
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from quanyu.kernel import (
    blind,
    canonical,
    flat_canonical,
    load_or_create_ed25519,
    new_salt,
    verify_ed25519,
)

ascii_names = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)
safe_integers = st.integers(-(2**53) + 1, 2**53 - 1)


@given(st.dictionaries(ascii_names, st.text() | safe_integers))
def test_flat_documents_have_the_canonical_form(document: dict[str, str | int]) -> None:
    try:
        expected = rfc8785.dumps(document)
    except rfc8785.CanonicalizationError:  # a lone surrogate, which JSON cannot carry
        return
    assert flat_canonical(document) == expected


def test_canonical_form_does_not_depend_on_order() -> None:
    assert canonical({"b": [1, True], "a": "市"}) == '{"a":"市","b":[1,true]}'.encode()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_commitments_hold_and_hide(value: str) -> None:
    salt, other = new_salt(), new_salt()
    assert blind(value, salt) == blind(value, salt)
    assert blind(value, salt) != blind(value, other)
    assert blind(value, salt) != blind(value + "x", salt)


def test_the_node_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "node.pem"
    first = load_or_create_ed25519(path)
    again = load_or_create_ed25519(path)
    assert first.public == again.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    signature = first.sign(b"said")
    assert verify_ed25519(again.public, b"said", signature)
    assert not verify_ed25519(again.public, b"sa1d", signature)
    assert not verify_ed25519(b"short", b"said", signature)


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "node.pem"
    path.write_text("nonsense")
    with pytest.raises(ValueError, match=r"."):
        load_or_create_ed25519(path)
