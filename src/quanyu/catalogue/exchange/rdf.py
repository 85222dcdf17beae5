"""RDF in and out: JSON-LD, Turtle, RDF/XML, N-Triples.

Written by pyoxigraph, which reads no remote context and opens no address whatever a document says;
the contexts that catalogues name most are known here (:mod:`contexts`).
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import orjson
import pyoxigraph as ox

from quanyu.catalogue.exchange.contexts import with_known_contexts
from quanyu.catalogue.exchange.safe import MOST_BYTES, decoded, loads, read_xml
from quanyu.catalogue.exchange.terms import PREFIXES
from quanyu.kernel import Invalid

Tree: TypeAlias = dict[str, Any]
"""A node in JSON-LD with names such as ``dct:title``: ``@id``, ``@type``, values in lists."""

TURTLE, RDF_XML, JSON_LD = "text/turtle", "application/rdf+xml", "application/ld+json"
_FORMATS: dict[str, ox.RdfFormat] = {
    TURTLE: ox.RdfFormat.TURTLE,
    "application/x-turtle": ox.RdfFormat.TURTLE,
    "text/n3": ox.RdfFormat.TURTLE,
    "application/n-triples": ox.RdfFormat.N_TRIPLES,
    RDF_XML: ox.RdfFormat.RDF_XML,
    "application/xml": ox.RdfFormat.RDF_XML,
    "text/xml": ox.RdfFormat.RDF_XML,
    JSON_LD: ox.RdfFormat.JSON_LD,
    "application/json": ox.RdfFormat.JSON_LD,
}
_MOST_TRIPLES = 2_000_000
_TYPE = ox.NamedNode(PREFIXES["rdf"] + "type")
_FIRST, _REST, _NIL = (ox.NamedNode(PREFIXES["rdf"] + name) for name in ("first", "rest", "nil"))

Subject: TypeAlias = ox.NamedNode | ox.BlankNode
Term: TypeAlias = ox.NamedNode | ox.BlankNode | ox.Literal


class Graph:
    """Triples by subject and property. Nothing is looked up anywhere else."""

    def __init__(self) -> None:
        self.of: dict[Subject, dict[str, list[Term]]] = {}

    def add(self, subject: Subject, name: str, value: Term) -> None:
        """Take a triple."""
        self.of.setdefault(subject, {}).setdefault(name, []).append(value)

    def values(self, subject: Term, name: str) -> list[Term]:
        """What a property such as ``dct:title`` says of a subject."""
        if isinstance(subject, ox.Literal):
            return []
        return self.of.get(subject, {}).get(full(name), [])

    def typed(self, *names: str) -> Iterator[Subject]:
        """Subjects that are one of these classes, each once, in the document's order."""
        wanted = {ox.NamedNode(full(name)) for name in names}
        kind = _TYPE.value
        for subject, said in self.of.items():
            if any(value in wanted for value in said.get(kind, ())):
                yield subject

    def items(self, head: Term) -> list[Term]:
        """The members of an RDF list; one that goes round in a circle ends where it began."""
        found: list[Term] = []
        seen: set[Term] = set()
        while head != _NIL and head not in seen and not isinstance(head, ox.Literal):
            seen.add(head)
            found += self.values(head, "rdf:first")[:1]
            head = next(iter(self.values(head, "rdf:rest")), _NIL)
        return found


def iri(uri: str) -> str:
    """``uri`` with the characters escaped that RDF allows in none (RFC 3987 2.2)."""
    return "".join(f"%{ord(c):02X}" if c <= " " or c in _NEVER else c for c in uri)


_NEVER = frozenset('<>"{}|\\^`')


def full(name: str) -> str:
    """The URI of a name such as ``dct:title``; a URI stays as it is."""
    prefix, colon, rest = name.partition(":")
    return PREFIXES[prefix] + rest if colon and prefix in PREFIXES else name


def write_rdf(trees: Iterable[Tree], media_type: str) -> bytes:
    """Nodes as a document. ``media_type`` is one of the three that are written."""
    if media_type == JSON_LD:
        return orjson.dumps({"@context": PREFIXES, "@graph": list(trees)})
    writing = _Writing()
    for tree in trees:
        writing.node(tree)
    written = ox.serialize(writing.triples, format=_FORMATS[media_type], prefixes=PREFIXES)
    return written or b""


class _Writing:
    """Trees on their way to triples, each once. Blank nodes are numbered, so that the same trees
    give the same bytes."""

    def __init__(self) -> None:
        self.triples: dict[ox.Triple, None] = {}
        self._blanks = 0

    def node(self, tree: Tree) -> Subject:
        """Write a node; what names it."""
        subject = ox.NamedNode(tree["@id"]) if "@id" in tree else self._blank()
        for name, said in tree.items():
            values = said if isinstance(said, list) else [said]
            if name == "@type":
                for one in values:
                    self._say(subject, _TYPE, ox.NamedNode(full(one)))
            elif name != "@id":
                predicate = ox.NamedNode(full(name))
                for value in values:
                    self._say(subject, predicate, self._term(value))
        return subject

    def _term(self, value: Any) -> Term:
        if not isinstance(value, dict):
            return ox.Literal(value)
        if "@value" in value:
            return _literal(value)
        if "@list" in value:
            return self._list([self._term(one) for one in value["@list"]])
        return self.node(value)

    def _list(self, members: list[Term]) -> Term:
        head: Subject = _NIL
        for member in reversed(members):
            cell = self._blank()
            self._say(cell, _FIRST, member)
            self._say(cell, _REST, head)
            head = cell
        return head

    def _blank(self) -> ox.BlankNode:
        self._blanks += 1
        return ox.BlankNode(f"b{self._blanks}")

    def _say(self, subject: Subject, predicate: ox.NamedNode, value: Term) -> None:
        self.triples[ox.Triple(subject, predicate, value)] = None


def _literal(value: Tree) -> ox.Literal:
    said = value["@value"]
    if value.get("@type") == "@json":
        json_type = ox.NamedNode(PREFIXES["rdf"] + "JSON")
        return ox.Literal(orjson.dumps(said).decode(), datatype=json_type)
    if "@language" in value:
        return ox.Literal(said, language=value["@language"])
    return ox.Literal(str(said), datatype=ox.NamedNode(full(value["@type"])))


def read_rdf(data: bytes, media_type: str, base: str = "", most: int = MOST_BYTES) -> Graph:
    """The triples of a document, named graphs taken together.

    Raises :class:`Invalid` with the line for broken syntax and media types that are not read,
    :class:`TooLarge` for documents past ``most`` bytes.
    """
    form = _FORMATS.get(media_type.partition(";")[0].strip().lower())
    if form is None:
        raise Invalid(
            "RDF of the media type “{media_type}” is not read",
            field="media_type",
            mend="give one of: {choices}",
            media_type=media_type[:80],
            choices=f"{TURTLE}, {RDF_XML}, {JSON_LD}, application/n-triples",
        )
    text = _prepared(data, form, most)
    found = Graph()
    try:
        quads = ox.parse(text, format=form, base_iri=base or None, lenient=True)
        for count, quad in enumerate(quads):
            if count >= _MOST_TRIPLES:
                raise Invalid(
                    "the document says more than {most} things",
                    field="document",
                    mend="serve it in pages",
                    most=_MOST_TRIPLES,
                )
            if isinstance(quad.subject, ox.Triple) or isinstance(quad.object, ox.Triple):
                continue  # statements about statements say nothing of entries
            found.add(quad.subject, quad.predicate.value, quad.object)
    except (SyntaxError, ValueError, OSError) as error:
        raise _broken(error) from error
    return found


def _prepared(data: bytes, form: ox.RdfFormat, most: int) -> bytes:
    """The document in UTF-8, without what would have to be fetched."""
    from lxml import etree

    if form == ox.RdfFormat.JSON_LD:
        return orjson.dumps(with_known_contexts(loads(data, most)))
    if form == ox.RdfFormat.RDF_XML:
        return etree.tostring(read_xml(data, most), encoding="utf-8")
    return decoded(data, most).encode()


def _broken(error: Exception) -> Invalid:
    line = getattr(error, "lineno", None)
    return Invalid(
        "this is no sound RDF: {why}",
        field="document",
        mend="correct it there (line {line}), or check that the address gives RDF",
        why=str(getattr(error, "msg", error))[:300],
        line=line if line is not None else "?",
    )
