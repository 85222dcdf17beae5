"""Fixtures of the evidence room: signers, a log, uses."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from quanyu.evidence import Log, Sequencer, Use
from quanyu.kernel import ControlStore, Ed25519Signer, new_id, now

ORIGIN = "test.example/log"


def make_use(**changes: Any) -> Use:
    given: dict[str, Any] = {
        "id": new_id("use"),
        "at": now(),
        "agreement": "agr_1",
        "party_commitment": "ab" * 32,
        "resource": "res_1",
        "version": 3,
        "face": "features",
        "purpose": "",
        "query_commitment": "",
        "restriction": "cd" * 16,
        "rows": 10,
        "bytes": 2048,
    }
    return Use(**{**given, **changes})


@pytest.fixture
def use() -> Callable[..., Use]:
    """Make a use, with some members changed."""
    return make_use


@pytest.fixture
def signer() -> Ed25519Signer:
    return Ed25519Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


@pytest.fixture
def open_log(tmp_path: Path, signer: Ed25519Signer) -> Iterator[Callable[[], Log]]:
    """Open the one log of a test, as often as it likes, as another process would."""
    opened: list[Log] = []

    def open_one() -> Log:
        opened.append(Log(tmp_path / "log", ORIGIN, [signer]))
        return opened[-1]

    yield open_one
    for log in opened:
        log.close()


@pytest.fixture
def log(open_log: Callable[[], Log]) -> Log:
    return open_log()


@pytest.fixture
def sequencer(store: ControlStore, tmp_path: Path, log: Log) -> Sequencer:
    return Sequencer(store, tmp_path / "journal", log)
