"""The inclusion proof of a leaf, drawn: its path to the root and the hashes beside it."""

import hashlib
from dataclasses import dataclass
from typing import Any

from quanyu.kernel import Invalid

WIDTH = 520
_STEP = 62
_BOX = 148
_MIDDLE = WIDTH / 2


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes and lines in units of the view box; ``table`` says the same in rows."""

    width: float
    height: float
    steps: int
    nodes: tuple[dict[str, Any], ...]
    lines: tuple[dict[str, Any], ...]
    table: tuple[dict[str, Any], ...]
    root: str


def draw_path(leaf: bytes, index: int, size: int, proof: list[bytes]) -> Drawing:
    """The path of ``leaf`` at ``index`` in a tree of ``size`` leaves (RFC 9162 2.1.3.2).

    Raises :class:`Invalid` for a proof of another length.
    """
    hashes = [hashlib.sha256(b"\0" + leaf).digest()]
    lefts: list[bool] = []
    fn, sn = index, size - 1
    for beside in proof:
        if sn == 0:
            raise Invalid("the proof is too long", field="proof")
        left = bool(fn & 1) or fn == sn
        pair = (beside, hashes[-1]) if left else (hashes[-1], beside)
        hashes.append(hashlib.sha256(b"\1" + pair[0] + pair[1]).digest())
        lefts.append(left)
        while left and not fn & 1 and fn:
            fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise Invalid("the proof is too short", field="proof")
    return _lay_out(hashes, lefts, proof)


def _lay_out(hashes: list[bytes], lefts: list[bool], proof: list[bytes]) -> Drawing:
    height = len(proof) * _STEP + 40
    nodes, lines = [], []
    for level, value in enumerate(hashes):
        top = height - 34 - level * _STEP
        root = level == len(proof)
        kind = "root" if root else "on"
        nodes.append(_box(_MIDDLE - _BOX / 2, top, value, kind))
        if root:
            continue
        beside = _MIDDLE - _BOX * 1.6 if lefts[level] else _MIDDLE + _BOX * 0.6
        nodes.append(_box(beside, top, proof[level], "beside"))
        above = top - _STEP + 28
        lines.append({"x1": _MIDDLE, "y1": top, "x2": _MIDDLE, "y2": above, "on": True})
        start = {"x1": beside + _BOX / 2, "y1": top, "x2": _MIDDLE, "y2": above, "on": False}
        lines.append(start)
    table = tuple(
        {"left": left, "hash": value.hex()} for left, value in zip(lefts, proof, strict=True)
    )
    return Drawing(WIDTH, height, len(proof), tuple(nodes), tuple(lines), table, hashes[-1].hex())


def _box(x: float, y: float, value: bytes, kind: str) -> dict[str, Any]:
    text = value.hex()
    return {"x": x, "y": y, "width": _BOX, "text": f"{text[:7]}…{text[-7:]}", "kind": kind}
