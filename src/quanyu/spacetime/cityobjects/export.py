"""Objects written as CityJSON 2.0 and as CityJSONSeq, streamed.

What is written is what a view shows. A family of which one member is asked for is written whole,
as a ``CityJSONFeature`` has to be; a parent that may not be seen is not referred to, and an object
that cannot be without one is then written as ``Building``, ``Bridge``, ``Tunnel`` or
``GenericCityObject``. Objects whose geometries may not be seen, and features that never had any,
become blocks (LoD1) over their footprint where a height is known, else the footprint (LoD0).
"""

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from quanyu.spacetime.answer import Answer
from quanyu.spacetime.cityobjects.model import CHILDREN, GENERIC, GROUP, PARENTLESS, Json
from quanyu.spacetime.cityobjects.objects import Member, members
from quanyu.spacetime.cityobjects.pieces import Joined, Numbering, shifted
from quanyu.spacetime.cityobjects.placed import Placed
from quanyu.spacetime.cityobjects.scene import Scene
from quanyu.spacetime.model import Format

_SPOOL = 32 << 20


def write_city(answer: Answer, form: Format, scene: Scene) -> Iterator[bytes]:
    """The answer as a file of that form."""
    return _sequence(answer, scene) if form is Format.CITYJSONSEQ else _whole(answer, scene)


def _sequence(answer: Answer, scene: Scene) -> Iterator[bytes]:
    templates = Placed(scene.head.get("geometry-templates"))
    if templates.any:
        # The first line has to hold them, so who uses which is found out before.
        for family in members(answer, scene):
            for member in family:
                templates.note(member.document)
    head = {"type": "CityJSON", "version": "2.0", "transform": scene.transform,
            "metadata": scene.metadata(), "CityObjects": {}, "vertices": [],
            **scene.more()}  # fmt: skip
    looks = Joined()
    if placed := templates.document(looks):
        head["geometry-templates"] = placed
        if appearance := looks.document({}):
            head["appearance"] = appearance
    yield orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE)
    for family in members(answer, scene):
        looks = Joined()
        written = _Family(family, scene, looks, templates, 0)
        line: Json = {
            "type": "CityJSONFeature",
            "id": family[0].fid,
            "CityObjects": dict(written.objects(grouped=False)),
            "vertices": list(written.corners),
        }
        if appearance := looks.document(scene.head.get("appearance") or {}):
            line["appearance"] = appearance
        yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        answer.counted(len(family))


def _whole(answer: Answer, scene: Scene) -> Iterator[bytes]:
    frame = {"type": "CityJSON", "version": "2.0", "transform": scene.transform}
    yield orjson.dumps(frame)[:-1] + b',"CityObjects":{'
    looks, templates = Joined(), Placed(scene.head.get("geometry-templates"))
    groups: list[Member] = []
    in_groups: dict[str, list[str]] = {}
    extent = _Extent()
    first, total = True, 0
    with tempfile.SpooledTemporaryFile(_SPOOL) as vertices:
        for family in members(answer, scene):
            if family[0].kind == GROUP:
                groups += family
                continue
            written = _Family(family, scene, looks, templates, total)
            for key, thing in written.objects():
                yield _entry(key, thing, first=first)
                first = False
            for member in family:
                for name in member.groups:
                    in_groups.setdefault(name, []).append(member.fid)
            total += _spool(written.corners, vertices, total)
            extent.widen(written.corners)
            answer.counted(len(family))
        for group in groups:
            written = _Family([group], scene, looks, templates, total)
            ((key, thing),) = written.objects()
            yield _entry(key, _grouped(thing, in_groups.get(key, []), group.document), first=first)
            first = False
            total += _spool(written.corners, vertices, total)
            answer.counted(1)
        yield b'},"vertices":['
        vertices.seek(0)
        while block := vertices.read(1 << 20):
            yield block
    tail = {"metadata": scene.metadata(extent.metres(scene)), **scene.more()}
    if placed := templates.document(looks):
        tail["geometry-templates"] = placed
    if appearance := looks.document(scene.head.get("appearance") or {}):
        tail["appearance"] = appearance
    yield b"]," + orjson.dumps(tail)[1:]


def _entry(key: str, thing: Json, *, first: bool) -> bytes:
    return (b"" if first else b",") + orjson.dumps(key) + b":" + orjson.dumps(thing)


def _spool(corners: Numbering, vertices: Any, total: int) -> int:
    if corners:
        vertices.write((b"," if total else b"") + orjson.dumps(list(corners))[1:-1])
    return len(corners)


def _grouped(thing: Json, children: list[str], document: Json | None) -> Json:
    """A group with those of its members that are written."""
    roles = (document or {}).get("children_roles") or {}
    found = thing | ({"children": children} if children else {})
    if roles and children:
        found["children_roles"] = [roles.get(child, "") for child in children]
    return found


class _Extent:
    """Least and greatest coordinates of what is written."""

    def __init__(self) -> None:
        self._ends: NDArray[np.int64] | None = None

    def widen(self, corners: Numbering) -> None:
        if not corners:
            return
        found = np.asarray(list(corners), dtype=np.int64)
        if self._ends is not None:
            found = np.vstack([found, self._ends])
        self._ends = np.vstack([found.min(axis=0), found.max(axis=0)])

    def metres(self, scene: Scene) -> list[float] | None:
        if self._ends is None:
            return None
        ends = self._ends * scene.scale + scene.translate
        return [round(value, 6) for value in ends.ravel().tolist()]


class _Family:
    """One family on its way out; ``corners`` are its vertices, counted from ``start``."""

    def __init__(
        self, family: list[Member], scene: Scene, looks: Joined, templates: Placed, start: int
    ) -> None:
        self.corners = Numbering()
        self._family = family
        self._scene = scene
        self._looks = looks
        self._templates = templates
        self._start = start

    def objects(self, *, grouped: bool = True) -> Iterator[tuple[str, Json]]:
        """Ids and objects; the groups that they are in are of other families."""
        here = {member.fid: member.parents for member in self._family}
        below: dict[str, list[str]] = {}
        for key, parents in here.items():
            for parent in parents:
                if parent in here:
                    below.setdefault(parent, []).append(key)
        for member in self._family:
            seen = [p for p in member.parents if p in here or (grouped and p in member.groups)]
            yield member.fid, self._object(member, seen, below.get(member.fid, []))

    def _object(self, member: Member, parents: list[str], children: list[str]) -> Json:
        kind = member.kind
        if kind in CHILDREN and not any(p not in member.groups for p in parents):
            kind = PARENTLESS.get(kind, GENERIC)
        found: Json = {"type": kind}
        if member.attributes:
            found["attributes"] = member.attributes
        if member.address:
            found["address"] = member.address
        if parents:
            found["parents"] = parents
        if children:
            found["children"] = children
        if member.document is None:
            made = member.block(self._scene, lambda corner: self._start + self.corners[corner])
            return found | ({"geometry": [made]} if made else {})
        numbers = [self._start + self.corners[x, y, z] for x, y, z in member.document["vertices"]]
        geometry = shifted(member.document, numbers.__getitem__, self._looks)
        if geometry:
            found["geometry"] = [self._templates.renumbered(one) for one in geometry]
        kept = {"geometry", "vertices", "appearance", "children_roles"}
        return found | {k: v for k, v in member.document.items() if k not in kept}
