"""Elements of ISO 19115 XML: one way to write them for 19115-3 and for 19139."""

from datetime import datetime
from typing import Literal, TypeAlias

from lxml import etree

from quanyu.kernel import LocalText, iso

IsoForm: TypeAlias = Literal["19115-3", "19139"]
Node: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no other name for elements

_3 = "http://standards.iso.org/iso/19115/-3/"
_2005 = "http://www.isotc211.org/2005/"
COMMON = {
    "gml": "http://www.opengis.net/gml/3.2",
    "xlink": "http://www.w3.org/1999/xlink",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
_NEW = {
    **{name: f"{_3}{name}/2.0" for name in ("mdb", "cit", "mrl", "mrc", "srv")},
    **{name: f"{_3}{name}/1.0" for name in ("gex", "lan", "mcc", "mco", "mmi", "mrd", "mri")},
    **{name: f"{_3}{name}/1.0" for name in ("gco", "gcx")},
    "gfc": "http://standards.iso.org/iso/19110/gfc/1.1",
    **COMMON,
}
_OLD = {
    **dict.fromkeys(("mdb", "cit", "mrl", "mrc", "gex", "lan", "mcc", "mco"), f"{_2005}gmd"),
    **dict.fromkeys(("mmi", "mrd", "mri"), f"{_2005}gmd"),
    "gco": f"{_2005}gco",
    "gcx": f"{_2005}gmx",
    "srv": f"{_2005}srv",
    **COMMON,
}
_OLD_SHOWN = {
    "gmd": f"{_2005}gmd",
    "gco": f"{_2005}gco",
    "gmx": f"{_2005}gmx",
    "srv": f"{_2005}srv",
    **COMMON,
}
_CODELISTS = "http://standards.iso.org/iso/19115/resources/Codelist/cat/codelists.xml#"


class IsoXml:
    """Builds elements of one form: the two differ in namespaces and a few names."""

    def __init__(self, form: IsoForm) -> None:
        self.new = form == "19115-3"
        self.names = _NEW if self.new else _OLD

    def tag(self, name: str) -> str:
        prefix, _, local = name.partition(":")
        return f"{{{self.names[prefix]}}}{local}"

    def el(self, name: str, *children: Node | None) -> Node:
        made: Node = etree.Element(self.tag(name), nsmap=_NEW if self.new else _OLD_SHOWN)
        made.extend(child for child in children if child is not None)
        return made

    def line(self, name: str, text: str, *, uri: str = "") -> Node | None:
        """A property that holds a text; an anchor where ``uri`` names what it means."""
        if not text:
            return None
        inner = self.el("gcx:Anchor" if uri else "gco:CharacterString")
        if uri:
            inner.set(f"{{{COMMON['xlink']}}}href", uri)
        inner.text = text
        return self.el(name, inner)

    def both(self, name: str, text: LocalText | None) -> Node | None:
        """A property in every language there is."""
        if text is None:
            return None
        made = self.line(name, text.to("zh"))
        assert made is not None  # noqa: S101 - a text is not empty
        prefix = "lan" if self.new else "gmd"
        made.set(f"{{{COMMON['xsi']}}}type", f"{prefix}:PT_FreeText_PropertyType")
        groups = self.el("lan:PT_FreeText")
        for tag, words in (("zh", text.zh), ("en", text.en)):
            if words:
                localised = self.el("lan:LocalisedCharacterString")
                localised.set("locale", f"#{tag}")
                localised.text = words
                groups.append(self.el("lan:textGroup", localised))
        made.append(groups)
        return made

    def code(self, name: str, kind: str, value: str) -> Node:
        prefix = name.partition(":")[0]
        inner = self.el(
            f"{prefix if ':' not in kind else kind.partition(':')[0]}:{kind.rpartition(':')[2]}"
        )
        inner.set("codeList", _CODELISTS + kind.rpartition(":")[2])
        inner.set("codeListValue", value)
        inner.text = value
        return self.el(name, inner)

    def moment(self, name: str, moment: datetime) -> Node:
        inner = self.el("gco:DateTime")
        inner.text = iso(moment)
        return self.el(name, inner)

    def date(self, name: str, moment: datetime, kind: str) -> Node:
        return self.el(
            name,
            self.el(
                "cit:CI_Date",
                self.moment("cit:date", moment),
                self.code("cit:dateType", "CI_DateTypeCode", kind),
            ),
        )

    def linkage(self, name: str, url: str, *more: Node | None) -> Node | None:
        if not url:
            return None
        if self.new:
            link = self.line("cit:linkage", url)
        else:
            inner = self.el("cit:URL")
            inner.text = url
            link = self.el("cit:linkage", inner)
        return self.el(
            name,
            self.el("cit:CI_OnlineResource", link, *more),
        )
