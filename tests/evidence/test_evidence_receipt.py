"""Receipts: checked offline, and no byte of them can change unnoticed."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanyu.evidence import (
    Disclosure,
    Journal,
    Log,
    Sequencer,
    Use,
    load_or_create_sm2,
    receipt,
    salt_of,
    verify_receipt,
)
from quanyu.evidence.model import use_leaf
from quanyu.kernel import (
    AgreementId,
    ControlStore,
    Ed25519Signer,
    Invalid,
    NotFound,
    ResourceId,
    UseId,
    blind,
    canonical,
    new_id,
    now,
    owe,
)


@pytest.fixture
def name_and_receipt(
    store: ControlStore, sequencer: Sequencer, log: Log, tmp_path: Path, use
) -> tuple[str, bytes]:
    journal = Journal(tmp_path / "journal", "node")
    for _ in range(10):
        journal.record_sync(use())
    salt = salt_of(b"secret of the node", "use_x", "party")
    mine = use(party_commitment=blind("pty_1", salt))
    journal.record_sync(mine)
    assert receipt(log, store, mine.id, journals=journal.folder) is None
    with pytest.raises(NotFound):
        receipt(log, store, mine.id[:-1], journals=journal.folder)
    sequencer.step()
    journal.close()
    made = receipt(log, store, mine.id, disclosures=[Disclosure("party", "pty_1", salt)])
    assert made is not None
    return mine.id, made


def test_a_receipt_checks_offline(name_and_receipt: tuple[str, bytes], log: Log) -> None:
    name, made = name_and_receipt
    outcome = verify_receipt(made, str(log.keys[0]))
    assert outcome.ok
    assert outcome.leaf is not None
    assert outcome.leaf["id"] == name
    assert [step.name for step in outcome.steps] == [
        "form",
        "signature",
        "size",
        "inclusion",
        "disclosure",
    ]
    assert "pty_1" in outcome.steps[-1].said


def test_every_byte_of_a_receipt_counts(name_and_receipt: tuple[str, bytes], log: Log) -> None:
    _name, made = name_and_receipt
    key = str(log.keys[0])
    meaning = orjson.loads(made)
    unnoticed = 0
    for at in range(len(made)):
        for flip in (0x01, 0x20, 0x80):
            touched = made[:at] + bytes([made[at] ^ flip]) + made[at + 1 :]
            outcome = verify_receipt(touched, key)
            if outcome.ok:
                assert orjson.loads(touched) == meaning, (at, flip)
                unnoticed += 1
            else:
                assert not outcome.steps[-1].ok
        cut = made[:at] + made[at + 1 :]
        assert not verify_receipt(cut, key).ok or orjson.loads(cut) == meaning
    assert unnoticed < 5  # spaces between members, if anything


def test_a_failure_says_expected_against_got(
    name_and_receipt: tuple[str, bytes], log: Log, signer: Ed25519Signer
) -> None:
    _name, made = name_and_receipt
    key = str(log.keys[0])

    def changed(**members: object) -> tuple[str, str]:
        outcome = verify_receipt(orjson.dumps({**orjson.loads(made), **members}), key)
        assert not outcome.ok
        return outcome.steps[-1].name, outcome.steps[-1].said

    document = orjson.loads(made)
    assert changed(index=3)[0] == "inclusion"
    assert changed(index=-1)[0] == "inclusion"
    assert changed(size=12) == ("size", "expected 11, got 12")
    assert changed(proof=document["proof"][1:]) == ("inclusion", "the proof is too short")
    assert changed(leaf='{"a": 1}')[0] == "form"
    assert changed(leaf='{"id":"use_forged"}')[0] == "inclusion"
    assert changed(type="other")[0] == "form"
    assert changed(index=True)[0] == "form"
    assert changed(extra=1)[0] == "form"
    assert changed(leaf="[" * 1000)[0] == "form"
    assert changed(leaf='{"a":' * 900 + "1" + "}" * 900)[0] in {"form", "inclusion"}
    (shown,) = document["disclosures"]
    step, said = changed(disclosures=[{**shown, "value": "pty_2"}])
    assert step == "disclosure"
    assert "expected" in said
    assert changed(disclosures=[{**shown, "field": "nothing"}])[0] == "disclosure"
    assert changed(disclosures=[{**shown, "salt": "zz"}])[0] == "form"
    for data in (b"", b"[]", b"\xff", b"{}", b"null"):
        assert verify_receipt(data, key).steps[-1].name == "form"


def test_only_the_nodes_key_will_do(name_and_receipt: tuple[str, bytes], log: Log) -> None:
    _name, made = name_and_receipt
    other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    outcome = verify_receipt(made, other)
    assert outcome.steps[-1].name == "signature"
    assert verify_receipt(made, [other, str(log.keys[0])]).ok
    with pytest.raises(Invalid):
        verify_receipt(made, "no key")


def test_signatures_by_other_keys_are_said_to_be_unread(
    store: ControlStore, tmp_path: Path, signer: Ed25519Signer
) -> None:
    log = Log(tmp_path / "both", "both.example", [signer, load_or_create_sm2(tmp_path / "sm2")])
    with store.begin() as session:
        name = owe(session, "party.registered", "pty_1", {})
    Sequencer(store, tmp_path / "journal", log).step()
    made = receipt(log, store, name)
    log.close()
    assert made is not None
    keys = [str(key) for key in log.keys]
    assert verify_receipt(made, keys).ok
    for key in keys:
        outcome = verify_receipt(made, key)
        assert outcome.ok
        assert "1 more by keys that were not given" in outcome.steps[1].said
    document = orjson.loads(made)
    note = document["checkpoint"]
    for at in range(0, len(note), 3):
        changed = note[:at] + chr(ord(note[at]) ^ 1) + note[at + 1 :]
        outcome = verify_receipt(orjson.dumps({**document, "checkpoint": changed}), keys)
        if outcome.ok:  # the name of a signer changed: then it is said to be a stranger's
            assert "1 more by keys that were not given" in outcome.steps[1].said


def a_use(purpose: str) -> Use:
    return Use(
        id=UseId(new_id("use")),
        at=now(),
        agreement=AgreementId("agr_1"),
        party_commitment="",
        resource=ResourceId("res_1"),
        version=None,
        face="features",
        purpose=purpose,
        query_commitment="",
        restriction="",
        rows=0,
        bytes=0,
    )


@given(st.text(max_size=40))
def test_the_leaf_of_any_use_is_canonical(purpose: str) -> None:
    leaf = use_leaf(a_use(purpose))
    assert canonical(orjson.loads(leaf)) == leaf


def test_a_receipt_of_what_a_transaction_did(
    store: ControlStore, sequencer: Sequencer, log: Log
) -> None:
    with store.begin() as session:
        name = owe(session, "party.registered", "pty_1", {"名": "示例", "n": 1})
    assert receipt(log, store, name) is None
    sequencer.step()
    made = receipt(log, store, name)
    assert made is not None
    assert verify_receipt(made, str(log.keys[0])).ok
    with pytest.raises(NotFound):
        receipt(log, store, "leaf_unknown")
