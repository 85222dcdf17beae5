"""Witnesses and timestamps: what others say of a log, and what a log can no longer hide then."""

import base64
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from quanyu.evidence import (
    Behind,
    Cosigner,
    Log,
    Others,
    Witness,
    add_checkpoint,
    copy_log,
    cosignatures,
    cosigned,
    cosigned_by_fewer,
    gather,
    parse_cosigners,
    parse_key,
    receipt,
    timestamp,
    timestamp_over,
    timestamps,
    verify_log,
    verify_receipt,
    witnessed,
)
from quanyu.evidence.cosigning import KEPT
from quanyu.evidence.note import parse_checkpoint, split_note
from quanyu.kernel import (
    Answered,
    ControlStore,
    Ed25519Signer,
    Invalid,
    NotFound,
    QuanyuError,
    Refused,
    Unavailable,
    canonical,
    now,
)


def leaf(number: int) -> bytes:
    return canonical({"id": f"use_{number:026d}", "n": number})


def signer_of(seed: int) -> Ed25519Signer:
    return Ed25519Signer(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def witness_of(log: Log, seed: int = 7, name: str = "witness.example") -> Witness:
    return Witness(name, signer_of(seed), log.keys)


def asked(log: Log, old: int, size: int | None = None) -> bytes:
    """A request to cosign the log's newest checkpoint."""
    proof = log.consistency(old, size or log.size)
    rows = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)
    return f"old {old}\n{rows}\n".encode() + log.checkpoint()


def direct(store: ControlStore, *witnesses: Witness) -> tuple[list[Cosigner], Callable]:
    """Witnesses that are asked without a network, by the name in their URL."""
    by_url = {f"http://{each.name}/add-checkpoint": each for each in witnesses}

    def post(url: str, body: bytes) -> Answered:
        try:
            return Answered(200, {}, add_checkpoint(store, by_url[url], body).encode(), url)
        except Behind as behind:
            return Answered(409, {}, f"{behind.size}\n".encode(), url)
        except QuanyuError as error:
            return Answered(error.status, {}, str(error).encode(), url)

    return [Cosigner(each.key, f"http://{each.name}") for each in witnesses], post


def test_a_checkpoint_is_cosigned_only_if_it_goes_on(any_store: ControlStore, log: Log) -> None:
    witness = witness_of(log)
    log.append([leaf(n) for n in range(5)])
    early = asked(log, 0)
    line = add_checkpoint(any_store, witness, early)
    found = cosignatures(log.checkpoint() + line.encode(), [witness.key])
    assert [one.name for one in found] == ["witness.example"]
    assert abs(found[0].at - now()) < timedelta(minutes=1)
    # The same again is no news, and from another size it must be asked anew.
    assert add_checkpoint(any_store, witness, asked(log, 5))
    log.append([leaf(n) for n in range(5, 300)])
    with pytest.raises(Behind) as behind:
        add_checkpoint(any_store, witness, asked(log, 0))
    assert behind.value.size == 5
    add_checkpoint(any_store, witness, asked(log, 5))
    with pytest.raises(Behind):  # an old one, replayed
        add_checkpoint(any_store, witness, early)
    with any_store.read() as session:
        (seen,) = witnessed(session)
    assert (seen.origin, seen.size, seen.root) == (log.origin, 300, log.root(300).hex())


def test_a_forked_log_is_not_cosigned(
    store: ControlStore, log: Log, tmp_path: Path, signer: Ed25519Signer
) -> None:
    witness = witness_of(log)
    log.append([leaf(n) for n in range(10)])
    add_checkpoint(store, witness, asked(log, 0))
    other = Log(tmp_path / "other", log.origin, [signer])
    other.append([leaf(n) for n in range(1, 21)])
    with pytest.raises(Invalid) as refused:
        add_checkpoint(store, witness, asked(other, 10))
    assert refused.value.status == 422
    other.close()
    with store.read() as session:
        assert witnessed(session)[0].size == 10


def test_who_is_not_known_is_refused(store: ControlStore, log: Log, tmp_path: Path) -> None:
    witness = witness_of(log)
    log.append([leaf(1)])
    stranger = Log(tmp_path / "stranger", "stranger.example", [signer_of(9)])
    stranger.append([leaf(1)])
    with pytest.raises(NotFound):
        add_checkpoint(store, witness, asked(stranger, 0))
    liar = Log(tmp_path / "liar", log.origin, [signer_of(9)])
    liar.append([leaf(2)])
    with pytest.raises(Refused):
        add_checkpoint(store, witness, asked(liar, 0))
    with pytest.raises(Invalid):
        add_checkpoint(store, witness, asked(log, 0).replace(b"old 0", b"old 2"))
    for wrong in (
        b"",
        b"old\n\n",
        b"old 01\n\n",
        b"old 0\nAA==\n\n",
        b"old 0\n\nno note",
        b"\xff\n\n",
    ):
        with pytest.raises(Invalid):
            add_checkpoint(store, witness, wrong + log.checkpoint() * wrong.startswith(b"old 0\nA"))
    stranger.close()
    liar.close()
    with store.read() as session:
        assert witnessed(session) == []


def test_what_was_cosigned_follows_the_log(store: ControlStore, log: Log) -> None:
    first, second = witness_of(log), witness_of(log, 8, "second.example")
    cosigners, post = direct(store, first, second)
    assert gather(log, cosigners, post) == 0
    assert cosigned(log) is None
    log.append([leaf(n) for n in range(3)])
    # One witness knows this log by another name's key and refuses: what the other says counts.
    lonely, lonely_post = direct(store, first, Witness("second.example", second.signer, ()))
    assert gather(log, lonely, lonely_post) == 1
    assert gather(log, cosigners, post) == 2  # it had seen nothing, and is asked from where it is
    log.append([leaf(n) for n in range(3, 600)])
    assert gather(log, cosigners, post) == 2
    note = cosigned(log)
    assert note is not None
    assert note.startswith(log.checkpoint())


def test_fewer_witnesses_do_not_take_the_place_of_more(
    store: ControlStore, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    witnesses = [witness_of(log, 7 + n, f"w{n}.example") for n in range(3)]
    cosigners, post = direct(store, *witnesses)
    keys = [each.key for each in witnesses]
    others = Others(tuple(map(str, keys)), quorum=2)
    away: set[str] = set()

    def some(url: str, body: bytes) -> Answered:
        if any(name in url for name in away):
            raise Unavailable("nobody is there")
        return post(url, body)

    def kept() -> tuple[int, int]:
        note = cosigned(log)
        assert note is not None
        return parse_checkpoint(split_note(note)[0]).size, len(cosignatures(note, keys))

    def holds(number: int) -> bool:
        made = receipt(log, store, f"use_{number:026d}")
        assert made is not None
        return verify_receipt(made, str(log.keys[0]), others).ok

    log.append([leaf(n) for n in range(3)])
    away.add("w2")
    assert gather(log, cosigners, some) == 2
    away.clear()
    # Who was away is asked once more of the same tree; what others said of it still stands.
    assert gather(log, cosigners, some) == 3
    assert kept() == (3, 3)
    log.append([leaf(n) for n in range(3, 9)])
    away.update({"w1", "w2"})
    assert gather(log, cosigners, some) == 1
    assert kept() == (3, 3)
    assert holds(1)
    # A newer leaf rests on what fewer have seen: better than on nobody.
    made = receipt(log, store, f"use_{7:026d}")
    assert made is not None
    assert verify_receipt(made, str(log.keys[0]), replace(others, quorum=1)).ok
    assert not holds(7)
    away.clear()
    log.append([leaf(9)])
    assert gather(log, cosigners, some) == 3
    assert kept() == (10, 3)
    assert cosigned_by_fewer(log) is None
    assert holds(7)
    # After an hour the newer one is taken, however few have seen it.
    log.append([leaf(10)])
    away.update({"w0", "w2"})
    gather(log, cosigners, some)
    assert kept() == (10, 3)
    later = now() + KEPT
    monkeypatch.setattr("quanyu.evidence.cosigning.now", lambda: later)
    gather(log, cosigners, some)
    assert kept() == (11, 1)
    assert cosigned_by_fewer(log) is None


def test_a_witness_cannot_speak_for_another(store: ControlStore, log: Log) -> None:
    honest, other = witness_of(log), witness_of(log, 8, "other.example")
    cosigners, post = direct(store, honest, other)
    forged = f"— {honest.name} {base64.b64encode(honest.key.id + bytes(72)).decode()}\n"

    def lying(url: str, body: bytes) -> Answered:
        answered = post(url, body)
        if "other" not in url or answered.status != 200:
            return answered
        return Answered(200, {}, forged.encode() + answered.content, url)

    log.append([leaf(n) for n in range(3)])
    assert gather(log, cosigners, lying) == 2
    note = cosigned(log)
    assert note is not None
    assert len(cosignatures(note, [honest.key, other.key])) == 2
    log.append([leaf(3)])
    for nonsense in (b"", b"\xff\xfe", b"no signature\n"):
        assert gather(log, cosigners, lambda u, _b, n=nonsense: Answered(200, {}, n, u)) == 0


def test_witnesses_and_a_receipt(
    store: ControlStore, log: Log, tmp_path: Path, sqlite_template: Path
) -> None:
    witness = witness_of(log)
    cosigners, post = direct(store, witness)
    log.append([leaf(n) for n in range(40)])
    gather(log, cosigners, post)
    log.append([leaf(n) for n in range(40, 50)])
    key, others = str(log.keys[0]), Others((str(witness.key),))
    early, late = (receipt(log, store, f"use_{n:026d}") for n in (12, 45))
    assert early is not None
    assert late is not None
    assert orjson.loads(early)["size"] == 40
    outcome = verify_receipt(early, key, others)
    assert outcome.ok
    assert "cosigned by witness.example" in outcome.steps[2].said
    assert verify_receipt(early, key).ok  # who trusts no witness need not know of any
    missing = verify_receipt(late, key, others)
    assert not missing.ok
    assert missing.steps[-1].name == "witnesses"
    stranger = witness_of(log, 3, "stranger.example").key
    assert not verify_receipt(early, key, Others((str(stranger),))).ok
    assert not verify_receipt(early, key, Others((str(witness.key), str(stranger)), 2)).ok
    for wrong in (Others((key,)), Others((str(witness.key),), 2)):
        with pytest.raises(Invalid):
            verify_receipt(early, key, wrong)
    # A cosignature at another moment, or of another text, is none.
    document = orjson.loads(early)
    head, _, line = document["checkpoint"].rstrip("\n").rpartition("\n")
    mark, name, data = line.split(" ")
    raw = bytearray(base64.b64decode(data))
    raw[11] ^= 1
    document["checkpoint"] = f"{head}\n{mark} {name} {base64.b64encode(raw).decode()}\n"
    assert not verify_receipt(orjson.dumps(document), key, others).ok


def test_a_whole_log_that_was_rewritten_is_caught(
    store: ControlStore, log: Log, tmp_path: Path, signer: Ed25519Signer
) -> None:
    witness = witness_of(log)
    cosigners, post = direct(store, witness)
    log.append([leaf(n) for n in range(300)])
    gather(log, cosigners, post)
    log.append([leaf(n) for n in range(300, 700)])
    key, others = str(log.keys[0]), Others((str(witness.key),))
    assert verify_log(log.folder, key, others).steps[-1].name == "history"
    # The node signs another history with its own key: alone, nobody could tell.
    again = Log(tmp_path / "again", log.origin, [signer])
    again.append([leaf(n + 1) for n in range(700)])
    assert verify_log(again.folder, key).ok
    note = cosigned(log)
    assert note is not None
    (again.folder / "checkpoint.cosigned").write_bytes(note)
    found = verify_log(again.folder, key, others)
    assert not found.ok
    assert found.steps[-1].name == "history"
    (again.folder / "checkpoint.cosigned").unlink()
    assert verify_log(again.folder, key, others).steps[-1].name == "witnesses"
    again.close()


@settings(max_examples=8)  # each grows a log on the disk
@given(st.lists(st.integers(1, 300), min_size=2, max_size=3))
def test_any_way_of_growing_is_cosigned(steps: list[int]) -> None:
    from tempfile import TemporaryDirectory

    from quanyu.kernel import ControlStore, migrate

    with TemporaryDirectory() as folder:
        store = ControlStore(f"sqlite:///{folder}/control.sqlite")
        migrate(store)
        log = Log(Path(folder) / "log", "log.example", [signer_of(1)])
        cosigners, post = direct(store, witness_of(log))
        for count in steps:
            log.append([leaf(log.size + n) for n in range(count)])
            assert gather(log, cosigners, post) == 1
        log.close()
        store.close()


def test_a_log_is_copied_and_checked_elsewhere(
    store: ControlStore, log: Log, tmp_path: Path
) -> None:
    log.append([leaf(n) for n in range(1000)])
    cosigners, post = direct(store, witness_of(log))
    gather(log, cosigners, post)

    def fetch(path: str) -> bytes | None:
        found = log.folder / path
        return found.read_bytes() if found.is_file() else None

    assert copy_log(fetch, tmp_path / "copy") == 1000
    assert verify_log(tmp_path / "copy", str(log.keys[0])).ok
    with pytest.raises(Invalid):
        copy_log(lambda _path: None, tmp_path / "none")
    with pytest.raises(Unavailable):
        copy_log(lambda path: log.checkpoint() if path == "checkpoint" else None, tmp_path / "gap")


def test_cosigners_are_read() -> None:
    key = Witness("w.example", signer_of(1), ()).key
    (found,) = parse_cosigners([f"{key} https://w.example/witness/"])
    assert found == Cosigner(parse_key(str(key)), "https://w.example/witness")
    for wrong in (str(key), f"{key} ftp://w.example", "x https://w.example"):
        with pytest.raises(Invalid):
            parse_cosigners([wrong])


@pytest.fixture(scope="module")
def authority(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Callable[[str, bytes], Answered]]:
    """A timestamp authority: OpenSSL with a certificate of its own, and the root of it."""
    folder = tmp_path_factory.mktemp("authority")
    (folder / "ts.cnf").write_text(
        "[req]\ndistinguished_name=dn\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\n"
        "keyUsage=critical,keyCertSign\n[leaf]\nbasicConstraints=CA:FALSE\n"
        "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n"
        "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\ndefault_policy=1.2.3.4.1\n"
        "digests=sha256\nsigner_digest=sha256\nordering=yes\ntsa_name=no\ness_cert_id_chain=no\n"
        "ess_cert_id_alg=sha256\n"
    )
    (folder / "serial").write_text("01\n")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "ts.cnf"]
    openssl(
        "req",
        "-x509",
        *new,
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=Root",
        "-days",
        "30",
        "-extensions",
        "ca",
    )
    openssl("req", *new, "-keyout", "ts.key", "-out", "ts.csr", "-subj", "/CN=Authority")
    openssl(
        "x509",
        "-req",
        "-in",
        "ts.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-out",
        "ts.pem",
        "-days",
        "30",
        "-extfile",
        "ts.cnf",
        "-extensions",
        "leaf",
    )

    def post(url: str, body: bytes) -> Answered:
        (folder / "query").write_bytes(body)
        openssl(
            "ts",
            "-reply",
            "-queryfile",
            "query",
            "-signer",
            "ts.pem",
            "-inkey",
            "ts.key",
            "-config",
            "ts.cnf",
            "-section",
            "t",
            "-out",
            "answer",
        )
        return Answered(200, {}, (folder / "answer").read_bytes(), url)

    return folder / "ca.pem", post


def test_timestamps(
    store: ControlStore, log: Log, authority: tuple[Path, Callable[[str, bytes], Answered]]
) -> None:
    root, post = authority
    assert timestamp(log, "http://tsa.example", post) is None
    log.append([leaf(n) for n in range(20)])
    made = timestamp(log, "http://tsa.example", post)
    assert made is not None
    assert made.size == 20
    assert abs(made.at - now()) < timedelta(minutes=5)
    assert timestamp(log, "http://tsa.example", post) is None  # there is nothing new
    log.append([leaf(n) for n in range(20, 30)])
    timestamp(log, "http://tsa.example", post)
    assert timestamps(log) == [20, 30]
    assert [timestamp_over(log, n) and timestamp_over(log, n).size for n in (1, 21, 31)] == [
        20,
        30,
        None,
    ]
    key, others = str(log.keys[0]), Others(authority=root.read_bytes())
    early = receipt(log, store, f"use_{4:026d}")
    assert early is not None
    outcome = verify_receipt(early, key, others)
    assert outcome.ok
    assert [step.name for step in outcome.steps] == [
        "form",
        "signature",
        "timestamp",
        "size",
        "inclusion",
    ]
    assert "was there on" in outcome.steps[2].said
    assert "not checked" in verify_receipt(early, key).steps[2].said
    assert verify_log(log.folder, key, others).ok
    # The token of another checkpoint says nothing of this one.
    document = orjson.loads(early)
    other = timestamp_over(log, 30)
    assert other is not None
    document["timestamp"] = base64.b64encode(other.token).decode()
    assert not verify_receipt(orjson.dumps(document), key, others).ok
    document["timestamp"] = "AAAA"
    assert not verify_receipt(orjson.dumps(document), key, others).ok
    with pytest.raises(Invalid):
        verify_receipt(early, key, Others(authority=b"no certificate"))


def test_witnesses_that_are_away_hold_up_no_timestamps(
    store: ControlStore, log: Log, authority: tuple[Path, Callable[[str, bytes], Answered]]
) -> None:
    _, post = authority
    cosigners, ask = direct(store, witness_of(log))
    log.append([leaf(n) for n in range(5)])
    gather(log, cosigners, ask)
    log.append([leaf(n) for n in range(5, 9)])
    for expected in (5, 9):  # first what was cosigned, then what is there
        made = timestamp(log, "http://tsa.example", post)
        assert made is not None
        assert made.size == expected
    assert timestamp(log, "http://tsa.example", post) is None


def test_an_authority_that_answers_wrongly(log: Log) -> None:
    log.append([leaf(1)])
    for answer in (Answered(500, {}, b"", ""), Answered(200, {}, b"no token", "")):
        with pytest.raises(Unavailable):
            timestamp(log, "http://tsa.example", lambda _u, _b, a=answer: a)
    assert timestamps(log) == []
