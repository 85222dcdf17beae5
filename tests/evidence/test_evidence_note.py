"""Signed notes, keys and checkpoints, against public examples."""

import base64

import gmssl_pyx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanyu.evidence import (
    Checkpoint,
    NoteError,
    Sm2Signer,
    VerifierKey,
    load_or_create_sm2,
    open_note,
    parse_checkpoint,
    parse_key,
)
from quanyu.evidence.note import sign_note
from quanyu.evidence.sm2 import verify_sm2
from quanyu.kernel import Conflict, Invalid

# From the documentation of golang.org/x/mod/sumdb/note.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NOTE = (
    TEXT + "\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

# GM/T 0003.5 (GB/T 32918.5) A.2.
PRIVATE = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
PUBLIC = bytes.fromhex(
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
SIGNATURE = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)


def test_public_note_of_another_implementation() -> None:
    key = parse_key(NEUMANN)
    assert str(key) == NEUMANN
    text, signed = open_note(NOTE.encode(), [key])
    assert text == TEXT
    assert signed == [key]


def test_a_note_is_refused_when_touched_or_unknown(signer) -> None:
    key = parse_key(NEUMANN)
    with pytest.raises(NoteError, match="wrong"):
        open_note(NOTE.replace("answer", "Answer").encode(), [key])
    with pytest.raises(NoteError, match="no known key"):
        open_note(NOTE.encode(), [VerifierKey("PeterNeumann", "ed25519", signer.public)])
    for broken in (
        b"",
        b"text\n",
        NOTE[:-1].encode(),
        b"\xff" + NOTE.encode(),
        b"a\tb" + NOTE.encode(),
    ):
        with pytest.raises(NoteError):
            open_note(broken, [key])


@given(st.data())
def test_every_bit_of_a_note_counts(data: st.DataObject) -> None:
    note = bytearray(NOTE.encode())
    note[data.draw(st.integers(0, len(note) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(NoteError):
        open_note(bytes(note), [parse_key(NEUMANN)])


@pytest.mark.parametrize(
    "text",
    ["", "a+b", NEUMANN.replace("c74f", "c74e"), NEUMANN[:-4], NEUMANN.replace("ARpc", "Axpc")],
)
def test_a_bad_key_says_so(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_key(text)
    assert caught.value.field == "key"


def test_checkpoints_are_read_strictly() -> None:
    whole = Checkpoint("a.example/log", 70_000, bytes(32))
    assert parse_checkpoint(str(whole)) == whole
    assert parse_checkpoint(f"{whole}an extension\n") == whole
    root = base64.b64encode(bytes(32)).decode()
    for text in (
        "",
        "a\n1\n",
        f"a\n01\n{root}\n",
        f"a\n-1\n{root}\n",
        f"\n1\n{root}\n",
        "a\n1\nAA==\n",
    ):
        with pytest.raises(NoteError):
            parse_checkpoint(text)


def test_sm2_agrees_with_the_standard() -> None:
    assert verify_sm2(PUBLIC, b"message digest", SIGNATURE)
    assert not verify_sm2(PUBLIC, b"message digest.", SIGNATURE)
    assert not verify_sm2(PUBLIC, b"message digest", SIGNATURE[::-1])
    assert not verify_sm2(PUBLIC, b"message digest", b"")
    assert not verify_sm2(bytes(64), b"message digest", SIGNATURE)
    assert not verify_sm2(PUBLIC, b"message digest", bytes(64))
    signer = Sm2Signer(PRIVATE, PUBLIC)
    assert verify_sm2(signer.public, b"another", signer.sign(b"another"))
    # Z_A and SM3 by the other face of the library: the digest the standard prints.
    digest = bytes.fromhex("F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640")
    r, s = SIGNATURE[:32], SIGNATURE[32:]
    der = b"\x30\x46\x02\x21\x00" + r + b"\x02\x21\x00" + s
    assert gmssl_pyx.sm2_verify_sm3_digest(PUBLIC, digest, der)


def test_one_note_with_both_signatures(signer, tmp_path) -> None:
    sm2 = load_or_create_sm2(tmp_path / "keys" / "sm2")
    again = load_or_create_sm2(tmp_path / "keys" / "sm2")
    assert sm2.public == again.public
    assert (tmp_path / "keys" / "sm2").stat().st_mode & 0o077 == 0
    note = sign_note("text\n", "both.example", [signer, sm2])
    keys = [VerifierKey("both.example", each.algorithm, each.public) for each in (signer, sm2)]
    for key in keys:
        assert parse_key(str(key)) == key
        assert open_note(note, [key]) == ("text\n", [key])
    assert open_note(note, keys) == ("text\n", keys)
    touched = bytearray(note)
    touched[-10] ^= 1
    with pytest.raises(NoteError):
        open_note(bytes(touched), keys)


def test_a_file_without_an_sm2_key_is_named(tmp_path) -> None:
    path = tmp_path / "sm2"
    other = load_or_create_sm2(tmp_path / "other")
    for content in ("", "zz\nzz\n", f"{'11' * 32}\n{other.public.hex()}\n"):
        path.write_text(content)
        with pytest.raises(Conflict, match="no SM2 key"):
            load_or_create_sm2(path)
