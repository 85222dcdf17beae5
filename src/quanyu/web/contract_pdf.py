"""A digital contract 数字合约 as PDF: Chinese first, English beneath, both sides' signatures, and
a QR code that opens the verification of what the log has of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quanyu.kernel import Language, LocalText, Settings, in_zone, translate
from quanyu.web.pdf_fonts import fonts_for
from quanyu.web.pdf_paper import INK, SOFT, Paper, new_paper

_SEAL = (161, 45, 34)
_LANGUAGES: tuple[Language, Language] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Signature:
    """That a side has signed: by what (a message id), when, what its digest is, in which leaf."""

    side: str
    party: LocalText
    credit_code: str | None
    act: str
    at: datetime | None
    sha256: str
    leaf: str


@dataclass(frozen=True, slots=True)
class ContractPaper:
    """What the paper says. Texts are message ids; ``terms`` are in words, Chinese and English;
    ``stages`` say of each whether it was come through; ``verified`` is the leaf the code opens."""

    agreement: str
    number: str
    mode: str
    stage: str
    stages: tuple[tuple[str, bool], ...]
    filing: tuple[str, str, datetime] | None
    resource: LocalText
    code: str
    term: tuple[datetime | None, datetime | None]
    terms: tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]
    price: tuple[tuple[str, ...], tuple[str, ...]]
    signatures: tuple[Signature, ...]
    policy_sha256: str
    verified: str


def contract_pdf(one: ContractPaper, base: str, settings: Settings) -> bytes:
    """The PDF. ``base`` is where the node is reached, whose name, time zone and folder ``settings``
    say."""
    lines = list(_written(one, settings))
    address = f"{base}/verify?leaf={one.verified}" if one.verified else base
    proof = [
        (f"{in_both('SHA-256 of the policy')}: {one.policy_sha256}", INK),
        (f"{in_both('Leaf of the log')}: {one.verified or '—'}", INK),
        (f"{in_both('Check it yourself')}: {address}", INK),
    ]
    evidence = in_both("Evidence")
    texts = [text for kind, *rest in lines for text in _texts(rest)] + [text for text, _ in proof]
    used = "".join([*texts, evidence, *map(chr, range(32, 127))])
    paper = Paper(new_paper(one.number or one.agreement, _fonts(used, settings)))
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


def in_both(message: str, **params: str) -> str:
    """A message in Chinese and then in English, and so its parameters, which are messages too."""
    found = []
    for language in _LANGUAGES:
        said = {name: translate(language, value) for name, value in params.items()}
        found.append(translate(language, message, **said))
    return " ".join(dict.fromkeys(found))


def _fonts(used: str, settings: Settings) -> Sequence[Any]:
    return fonts_for(used, settings.dir / "cache" / "fonts")


def _written(one: ContractPaper, settings: Settings) -> Iterator[tuple[Any, ...]]:
    """The parts from top to bottom: ``line``, ``heading`` or ``table`` with what belongs to it."""
    zone = settings.time_zone
    yield "line", in_both("Digital contract"), 10, SOFT
    yield "line", one.number or in_both("without a number"), 15
    yield "line", f"{in_both(one.stage)} · {in_both('signed {mode}', mode=one.mode)}", 11, _SEAL
    since, until = (in_zone(at, zone) if at else "—" for at in one.term)
    filed = in_both("not filed")
    if one.filing:
        authority, reference, at = one.filing
        filed = f"{authority} · {reference} · {in_zone(at, zone)}"
    rows = [
        (in_both("Agreement"), one.agreement),
        (in_both("Resource"), f"{_names(one.resource)} · {one.code}"),
        *((in_both(said.side), _party(said)) for said in one.signatures),
        (in_both("Term"), f"{since} – {until}"),
        (in_both("Filing"), filed),
        (in_both("Form"), "TC609-6-2025-14"),
        (in_both("Issued by"), settings.node_name),
    ]
    yield "table", rows, (50.0, 124.0)
    yield "heading", in_both("Stages")
    for language in _LANGUAGES:
        said = [f"{'●' if done else '○'} {translate(language, name)}" for name, done in one.stages]
        yield "line", " → ".join(said), 9
    for language, terms, price in zip(_LANGUAGES, one.terms, one.price, strict=True):
        yield "heading", translate(language, "Terms")
        signs = {"yes": "Allowed:", "no": "Not allowed:", "duty": "Owed:"}
        for number, (kind, text) in enumerate(terms, 1):
            yield "line", f"{number}. {translate(language, signs[kind])} {text}", 10
        if price:
            yield "line", f"{translate(language, 'Price')}: {'; '.join(price)}", 10
    yield "heading", in_both("Signatures")
    for signed in one.signatures:
        yield "line", f"{in_both(signed.side)}: {_party(signed)}", 11
        when = in_zone(signed.at, zone) if signed.at else in_both("not signed yet")
        yield "line", f"{in_both(signed.act)} · {when}", 9, SOFT
        if signed.sha256:
            yield "line", f"SHA-256 {signed.sha256}", 8, SOFT
        if signed.leaf:
            yield "line", f"{in_both('Leaf of the log')}: {signed.leaf}", 8, SOFT


def _names(text: LocalText) -> str:
    return " ".join(dict.fromkeys(one for one in (text.zh, text.en) if one))


def _party(said: Signature) -> str:
    code = f" ({said.credit_code})" if said.credit_code else ""
    return f"{_names(said.party)}{code}"


def _texts(parts: list[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, list | tuple):
            yield from _texts(list(part))
