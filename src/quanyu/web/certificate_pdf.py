"""A certificate of registration as PDF, with a QR code that opens its verification."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from quanyu.catalogue import Certificate
from quanyu.kernel import Language, Settings, day_in_zone, in_zone, translate
from quanyu.web.pdf_fonts import fonts_for
from quanyu.web.pdf_paper import INK, SOFT, Paper, new_paper

_SEAL = (161, 45, 34)


def certificate_pdf(
    one: Certificate,
    names: Mapping[str, str],
    language: Language,
    base: str,
    settings: Settings,
) -> bytes:
    """The PDF in a language. ``names`` are those of codes (``right.…``, ``origin.…``, ``kind``),
    ``base`` is where the node is reached, whose name, time zone and folder ``settings`` say."""
    said = orjson.loads(one.document)
    lines = list(_written(one, said, names, language, settings))
    address = f"{base}/certificates/{one.id}"
    proof = [
        (f"{translate(language, 'SHA-256 of the certificate')}: {one.digest}", INK),
        (f"{translate(language, 'Leaf of the log')}: {one.leaf}", INK),
        (f"{translate(language, 'Check it yourself')}: {address}", INK),
        (f"quanyu verify {one.id}.json --key node.key", INK),
    ]
    texts = [text for kind, *rest in lines for text in _texts(rest)] + [text for text, _ in proof]
    evidence = translate(language, "Evidence")
    used = "".join([*texts, evidence, *map(chr, range(32, 127))])
    fonts = fonts_for(used, settings.dir / "cache" / "fonts")
    paper = Paper(new_paper(one.serial, fonts))
    for kind, *rest in lines:
        if kind == "table":
            paper.table(*rest)
        elif kind == "heading":
            paper.heading(*rest)
        else:
            paper.line(*rest)
    paper.heading(evidence)
    paper.coded(address, proof)
    return bytes(paper.pdf.output())


def _written(
    one: Certificate,
    said: Mapping[str, Any],
    names: Mapping[str, str],
    language: Language,
    settings: Settings,
) -> Iterator[tuple[Any, ...]]:
    """The parts from top to bottom: ``line``, ``heading`` or ``table`` with what belongs to it."""
    of, zone = said["resource"], settings.time_zone
    yield "line", translate(language, "Certificate of registration"), 10, SOFT
    yield "line", _local(of["title"], language), 18
    yield "line", f"{names['kind']} · {one.serial}", 13, _SEAL
    rows = [
        (translate(language, "Published identifier"), of["code"]),
        (translate(language, "Provider"), _party(of["provider"], language)),
        (
            translate(language, "Registered"),
            in_zone(one.issued_at, zone),
        ),
        (translate(language, "SHA-256 of the description"), of["sha256"]),
        (translate(language, "Issued by"), settings.node_name),
    ]
    yield "table", rows, (50.0, 124.0)
    if not one.latest:
        yield "line", translate(language, "A later certificate has taken its place."), 10, _SEAL
    yield "heading", translate(language, "Data rights")
    for right in said["rights"]:
        yield from _right(right, names, language, zone)
    if not said["rights"]:
        yield "line", translate(language, "The registration has been cancelled."), 10
    if said["beneath"]:
        yield "heading", translate(language, "Rights beneath")
        for source in said["beneath"]:
            held = "; ".join(
                f"{names['right.' + right['kind']]}: {_local(right['holder'], language)}"
                for right in source["rights"]
            )
            yield "line", f"{_local(source['title'], language)} — {held}", 9


def _right(
    right: Mapping[str, Any], names: Mapping[str, str], language: Language, zone: str
) -> Iterator[tuple[Any, ...]]:
    state = "" if right["registered"] else f" ({translate(language, 'not registered')})"
    name = names["right." + right["kind"]]
    yield "line", f"{name}: {_party(right['holder'], language)}{state}", 11
    terms = [names["origin." + right["origin"]], right["basis"]]
    terms += [_local(right["scope"], language)] if right["scope"] else []
    since, until = (
        "" if at is None else f"{day_in_zone(datetime.fromisoformat(at), zone)}"
        for at in right["term"]
    )
    terms += [f"{since} – {until}"] if since or until else []
    conditions = right["conditions"]
    terms += [
        translate(language, "transferable" if conditions["transferable"] else "not transferable"),
        translate(
            language, "may be built upon" if conditions["derivable"] else "not to be built upon"
        ),
        conditions["attribution"],
    ]
    if conditions["share"]:
        terms.append(translate(language, "share {share} %", share=f"{conditions['share'] / 100:g}"))
    yield "line", " · ".join(filter(None, terms)), 9, SOFT
    for proof in right["proofs"]:
        yield "line", f"{proof['name']} · SHA-256 {proof['sha256']}", 8, SOFT


def _texts(parts: list[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, list | tuple):
            yield from _texts(list(part))


def _local(text: Mapping[str, str], language: Language) -> str:
    return text[language] or text["en"] or text["zh"]


def _party(of: Mapping[str, str], language: Language) -> str:
    code = f" ({of['credit_code']})" if of["credit_code"] else ""
    return f"{_local(of, language)}{code}"
