"""Checking a whole log from a copy of its files, without trust in the node."""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path

from quanyu.evidence.cosigning import COSIGNED
from quanyu.evidence.edge import EMPTY, Edge, grow
from quanyu.evidence.judging import (
    NOBODY,
    Found,
    Others,
    Trusted,
    Verification,
    WrongError,
    equal,
    judge,
    signed,
    timestamp_said,
    trusted_by,
    witness_steps,
)
from quanyu.evidence.note import Checkpoint
from quanyu.evidence.tiles import (
    ENTRIES,
    WIDTH,
    parse_path,
    read_tile,
    split_bundle,
    tile_path,
    width_at,
)
from quanyu.evidence.timestamping import FOLDER as TIMESTAMPS
from quanyu.kernel import NotFound

_BUNDLES = 256


def verify_log(
    folder: Path, public_key: str | Iterable[str], others: Others = NOBODY
) -> Verification:
    """Check a whole log from a copy of its files: signature, every leaf, every tile, the root.

    So are the checkpoints that were cosigned or timestamped: each must be a beginning of the log.
    Reads the log once, 65,536 leaves at a time. Raises :class:`~quanyu.kernel.Invalid` for a
    malformed key.
    """
    return judge(_log_steps(folder, trusted_by(public_key, others)))


def _log_steps(folder: Path, trusted: Trusted) -> "Iterator[Found]":
    try:
        note = (folder / "checkpoint").read_bytes()
    except FileNotFoundError as error:
        raise WrongError("signature", f"there is no checkpoint in {folder}") from error
    checkpoint, said = signed(note, trusted.keys)
    yield "signature", said
    earlier, steps = _earlier(folder, trusted)
    yield from steps
    edge, files = EMPTY, 0
    while edge.size < checkpoint.size:
        leaves = _read_leaves(folder, edge.size, checkpoint.size)
        _meets(edge, leaves, earlier)
        made, edge = grow(edge, leaves)
        for path, expected in made.items():
            if _tile(folder, path) != expected:
                raise WrongError("tiles", f"{path} is not what the leaves make")
        files += len(made)
    yield "tiles", f"{files} tiles are what the {checkpoint.size} leaves make"
    yield "root", equal("root", checkpoint.root.hex(), edge.root().hex())
    if earlier:
        beyond = [one.size for one in earlier if one.size > checkpoint.size]
        if beyond:
            raise WrongError("history", f"{beyond[0]} leaves were signed once")
        yield "history", f"{len(earlier)} earlier checkpoints are beginnings of it"


def _earlier(folder: Path, trusted: Trusted) -> tuple[list[Checkpoint], list[tuple[str, str]]]:
    """Checkpoints that others have seen, and what is to be said of them."""
    found, steps = [], []
    seen = folder / COSIGNED
    if seen.exists():
        note = seen.read_bytes()
        found.append(signed(note, trusted.keys)[0])
        steps += [step for step in witness_steps(note, trusted) if isinstance(step, tuple)]
    elif trusted.witnesses:
        raise WrongError("witnesses", "no checkpoint was cosigned")
    for path in sorted((folder / TIMESTAMPS).glob("*.tsr"), key=lambda each: int(each.stem)):
        note = path.with_suffix(".checkpoint").read_bytes()
        found.append(signed(note, trusted.keys)[0])
        token = base64.b64encode(path.read_bytes()).decode()
        steps.append(("timestamp", f"{path.stem} leaves: {timestamp_said(token, note, trusted)}"))
    return found, steps


def _meets(edge: Edge, leaves: list[bytes], earlier: list[Checkpoint]) -> None:
    """Raise unless each earlier checkpoint within these leaves has the root they make."""
    for one in earlier:
        if edge.size < one.size <= edge.size + len(leaves):
            _, there = grow(edge, leaves[: one.size - edge.size])
            equal("history", one.root.hex(), there.root().hex())


def _read_leaves(folder: Path, start: int, size: int) -> list[bytes]:
    leaves: list[bytes] = []
    for number in range(start // WIDTH, min(start // WIDTH + _BUNDLES, -(-size // WIDTH))):
        path = tile_path(ENTRIES, number, width_at(ENTRIES, number, size))
        try:
            leaves += split_bundle(_tile(folder, path))
        except ValueError as error:
            raise WrongError("tiles", f"{path}: {error}") from error
    if len(leaves) != min(_BUNDLES * WIDTH, size - start):
        raise WrongError("tiles", f"entries after {start} are not as many as they must be")
    return leaves


def _tile(folder: Path, path: str) -> bytes:
    try:
        return read_tile(folder, *parse_path(path))
    except NotFound as error:
        raise WrongError("tiles", f"{path} is missing") from error
