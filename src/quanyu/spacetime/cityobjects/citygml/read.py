"""Files of CityGML as models: read as a stream, each member let go once it is an object.

A first pass over the file finds its reference system, appearances that stand apart, members of
groups, and geometries that other members link to. What is made of the members goes to a temporary
file, a family a line, so that a model of any size takes little memory.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from quanyu.kernel import Invalid
from quanyu.spacetime.cityobjects.citygml.features import Reader
from quanyu.spacetime.cityobjects.citygml.frame import Frame, system_of
from quanyu.spacetime.cityobjects.citygml.geometry import Links
from quanyu.spacetime.cityobjects.citygml.looks import Wardrobe
from quanyu.spacetime.cityobjects.citygml.names import HREF, gml_id, local, referred
from quanyu.spacetime.cityobjects.citygml.placing import Templates
from quanyu.spacetime.cityobjects.cityjson import opened
from quanyu.spacetime.cityobjects.model import CityModel, Family, Json, Lost
from quanyu.spacetime.cityobjects.spool import Spool

_MEMBERS = ("{*}cityObjectMember", "{*}featureMember")
_IDS = ".//@gml:id | .//@gml2:id"
_GML = {"gml": "http://www.opengis.net/gml", "gml2": "http://www.opengis.net/gml/3.2"}
_HEAD = 1 << 20
# Nothing but blanks, instructions and comments may stand before the first element.
_PROLOGUE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<\?(?>.*?\?>)|<!--(?>.*?-->))*+<[A-Za-z_]", re.DOTALL
)


def read_citygml(path: Path) -> CityModel:
    """Open a model; raises ``Invalid`` when nothing of it can be read."""
    _check_safe(path)
    survey = _survey(path)
    wardrobe = Wardrobe()
    for appearance in survey.appearances:
        wardrobe.take(etree.fromstring(appearance, _parser()))
    frame = Frame(survey.system)
    templates = Templates(wardrobe)
    links = Links({name: etree.fromstring(data, _parser()) for name, data in _afar(path, survey)})
    reader = Reader(frame, wardrobe, links, templates, survey.groups)
    spool = Spool()
    count = spool.fill(_pieces(path, reader, survey))
    metadata = {"referenceSystem": survey.system} if survey.system else {}
    head: Json = {"type": "CityJSON", "version": "2.0", "transform": frame.transform,
                  "metadata": metadata}  # fmt: skip
    if placed := templates.document():
        head["geometry-templates"] = placed
    if not count:
        raise Invalid(
            "no object of the file can be kept; the first because: {why}",
            field="source",
            mend="mend the file, or export it again",
            why=spool.first_loss() or "it has no members",
        )
    return opened(head, spool.read, tuple(sorted(reader.warnings)))


@dataclass(slots=True)
class _Survey:
    system: str | None = None
    appearances: list[bytes] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip


def _check_safe(path: Path) -> None:
    """No document types: what they define could grow without end or lead elsewhere."""
    with path.open("rb") as source:
        head = source.read(_HEAD)
    if b"\x00" in head:
        raise Invalid(
            "the file is in UTF-16 or UTF-32, which is not read",
            field="source",
            mend="write it in UTF-8",
        )
    if not _PROLOGUE.match(head):
        raise Invalid(
            "the file defines a document type of its own, which is not read",
            field="source",
            mend="take the DOCTYPE out",
        )


def _stream(path: Path, tags: tuple[str, ...]) -> Iterator[Any]:
    """Elements of those names, each with all that is in it, forgotten when the next is asked for.

    Raises ``etree.XMLSyntaxError`` where the file breaks off.
    """
    events = etree.iterparse(
        path, events=("end",), tag=tags, resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=True, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    for _, element in events:
        yield element
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


def _survey(path: Path) -> _Survey:
    found = _Survey()
    ids: set[str] = set()
    with suppress(etree.XMLSyntaxError):  # said by the pass that makes objects
        for element in _stream(path, (*_MEMBERS, "{*}appearanceMember")):
            if found.system is None:
                found.system = _system(element)
            if local(element) == "appearanceMember":
                found.appearances += [
                    etree.tostring(one) for one in element if local(one) == "Appearance"
                ]
                continue
            here = {str(name) for name in element.xpath(_IDS, namespaces=_GML)}
            ids |= here
            for one in element.iter():
                linked = referred(one) if HREF in one.attrib else None
                if linked is None:
                    continue
                if local(one) == "groupMember":
                    group = gml_id(one.getparent())
                    if group:
                        found.groups.setdefault(linked, []).append(group)
                elif linked not in here:
                    found.wanted.add(linked)
    return found


def _system(member: Any) -> str | None:
    names = member.xpath("(//*[@srsName])[1]/@srsName")
    return system_of(str(names[0])) if names else None


def _afar(path: Path, survey: _Survey) -> Iterator[tuple[str, bytes]]:
    """Geometries that other members link to."""
    if not survey.wanted:
        return
    with suppress(etree.XMLSyntaxError):
        for member in _stream(path, _MEMBERS):
            for one in member.iter():
                name = gml_id(one)
                if name in survey.wanted and name is not None:
                    yield name, etree.tostring(one, with_tail=False)


def _pieces(path: Path, reader: Reader, survey: _Survey) -> Iterator[Family | Lost]:
    """Families, and what is lost of members, in their order."""
    line = 0
    try:
        for member in _stream(path, _MEMBERS):
            for feature in member:
                line += 1
                yield from _piece(feature, line, reader, survey)
    except etree.XMLSyntaxError as error:
        yield Lost(line + 1, f"the file is damaged or cut off: {error.msg}")


def _piece(feature: Any, line: int, reader: Reader, survey: _Survey) -> Iterator[Family | Lost]:
    other = {system_of(str(name)) for name in feature.xpath(".//@srsName")} - {survey.system}
    if other:
        name, system = gml_id(feature) or line, min(map(str, other))
        yield Lost(line, f"object “{name}”: it is in another reference system, {system}")
        return
    try:
        family = reader.family(feature, line)
    except RecursionError:
        yield Lost(line, f"object “{gml_id(feature) or line}”: it is nested too deeply")
        return
    finally:
        reader.links.leave()
    yield from reader.lost
    reader.lost.clear()
    if family is not None:
        yield family
