"""Licences in plain words: what one may do, must do and may not do. No legal advice: the text of
the licence holds."""

from dataclasses import dataclass

from quanyu.catalogue import BY_AGREEMENT, LICENCES, Resource
from quanyu.kernel import Language, LocalText, translate

_WORDS = {
    "use": "use, copy and pass it on, for any purpose",
    "private": "use, copy and pass it on, but not for commercial advantage",
    "change": "change it and combine it with other data",
    "sell": "use it in products and services that cost money",
    "name": "name the source as the attribution says, wherever it is shown",
    "link": "say under which licence it is, with a link",
    "changed": "say what you changed",
    "share": "put what you make out of it under the same licence when you pass it on",
    "database": "put a database made out of it under the same licence when you use it in public",
    "open": "leave a way without technical locks when you pass on a locked copy",
    "notice": "keep the notice of copyright and the text of the licence with it",
    "no-sale": "use it for commercial advantage",
    "no-blame": "hold the provider liable for faults",
    "no-lock": "put further limits on others by law or technology",
    "agreed": "use it as your agreement permits; its terms are shown on its page",
    "read": "what its licence permits: read it at its address",
    "nothing": "nothing; naming the source is welcome",
}
_MAY = ("use", "change", "sell")
_TERMS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "CC0-1.0": (_MAY, ("nothing",), ("no-blame",)),
    "PDDL-1.0": (_MAY, ("nothing",), ("no-blame",)),
    "CC-BY-4.0": (_MAY, ("name", "link", "changed"), ("no-lock", "no-blame")),
    "CC-BY-SA-4.0": (_MAY, ("name", "link", "changed", "share"), ("no-lock", "no-blame")),
    "CC-BY-NC-4.0": (
        ("private", "change"),
        ("name", "link", "changed"),
        ("no-sale", "no-lock", "no-blame"),
    ),
    "ODbL-1.0": (_MAY, ("name", "link", "database", "open"), ("no-blame",)),
    "ODC-By-1.0": (_MAY, ("name", "link"), ("no-blame",)),
    "MIT": (_MAY, ("notice",), ("no-blame",)),
    "Apache-2.0": (_MAY, ("notice", "changed"), ("no-blame",)),
    BY_AGREEMENT: (("agreed",), (), ()),
}
_UNKNOWN = (("read",), (), ())


@dataclass(frozen=True, slots=True)
class LicenceWords:
    """A licence with its name, address and what it means."""

    key: str
    name: LocalText
    url: str
    may: tuple[str, ...]
    must: tuple[str, ...]
    may_not: tuple[str, ...]


def licence_words(key: str, language: Language) -> LicenceWords:
    """The licence of an entry in that language; one by its address only is to be read there."""
    known = LICENCES.get(key)
    may, must, may_not = (
        tuple(translate(language, _WORDS[name]) for name in names)
        for names in _TERMS.get(key, _UNKNOWN)
    )
    name = known.name if known else LocalText(en=key)
    url = known.url if known else (key if key.startswith("http") else "")
    return LicenceWords(key, name, url, may, must, may_not)


def licence_text(of: Resource, provider: LocalText, language: Language) -> str:
    """The plain words as a text file."""
    words = licence_words(of.licence, language)
    lines = [
        of.title.to(language),
        translate(language, "Provider: {name}", name=provider.to(language)),
        translate(language, "Licence: {name}", name=words.name.to(language)),
    ]
    if words.url:
        lines.append(words.url)
    if of.attribution:
        lines.append(translate(language, "Attribution: {text}", text=of.attribution))
    for head, items in (
        (translate(language, "You may"), words.may),
        (translate(language, "You must"), words.must),
        (translate(language, "You may not"), words.may_not),
    ):
        if items:
            lines += ["", head, *(f"- {item}" for item in items)]
    note = translate(language, "These words explain the licence; its own text holds.")
    return "\n".join([*lines, "", note, ""])
