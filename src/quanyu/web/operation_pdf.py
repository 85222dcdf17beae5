"""The annual report of an authorised operator as PDF, with a QR code that opens its page."""

from collections.abc import Mapping

import orjson

from quanyu.agreements import OperationReport
from quanyu.kernel import Language, Settings, in_zone, translate
from quanyu.web.pdf_fonts import fonts_for
from quanyu.web.pdf_paper import INK, SOFT, Paper, new_paper


def operation_pdf(
    kept: OperationReport,
    language: Language,
    base: str,
    settings: Settings,
    sources: Mapping[str, str],
) -> bytes:
    """The PDF in a language; ``base`` is where the node is reached, ``sources`` says in words where
    figures were read."""

    def say(message: str, **params: object) -> str:
        return translate(language, message, **params)

    def local(text: Mapping[str, str]) -> str:
        return text[language] or text["en"] or text["zh"]

    said = orjson.loads(kept.document)
    address = f"{base}/operation-reports/{kept.id}"
    heading = say("Annual report {year}", year=said["year"])
    facts = [
        (say("Operator"), local(said["operator"])),
        (say("Authorised by"), local(said["grantor"])),
        (say("Filing number"), said["filing"] or "—"),
        (say("Published"), in_zone(kept.at, settings.time_zone)),
        (say("Issued by"), settings.node_name),
    ]
    head = (say("Figure"), say("Value"), say("Source"), say("Receipts"))
    figures = [
        (
            local(one["name"]),
            f"{one['value']:,}",
            sources.get(one["source"], one["source"]),
            str(one["leaves"]),
        )
        for one in said["figures"]
    ]
    named = [local(one["title"]) + f" · {one['code']}" for one in said["resources"]]
    offered = [local(one["title"]) + f" · {one['code']}" for one in said["products"]]
    titles = [say("Resources"), say("Products"), say("Evidence"), say("Figures")]
    proof = [
        (f"{say('SHA-256 of the report')}: {kept.digest}", INK),
        (f"{say('Leaf of the log')}: {kept.leaf}", INK),
        (f"{say('Check it yourself')}: {address}", INK),
        (f"quanyu verify {kept.id}.json --key node.key", INK),
    ]
    texts = [heading, local(said["title"]), *titles, *named, *offered, *head]
    texts += [text for row in (*facts, *figures) for text in row] + [text for text, _ in proof]
    used = "".join([*texts, *map(chr, range(32, 127))])
    paper = Paper(new_paper(heading, fonts_for(used, settings.dir / "cache" / "fonts")))
    paper.line(heading, 10, SOFT)
    paper.line(local(said["title"]), 18)
    paper.table(facts, (50.0, 124.0))
    paper.heading(say("Figures"))
    paper.table(figures, (66.0, 36.0, 46.0, 26.0), head=head)
    for title, lines in ((say("Resources"), named), (say("Products"), offered)):
        if lines:
            paper.heading(title)
            for line in lines:
                paper.line(line, 9)
    paper.heading(say("Evidence"))
    paper.coded(address, proof)
    return bytes(paper.pdf.output())
