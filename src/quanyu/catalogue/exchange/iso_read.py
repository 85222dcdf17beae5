"""ISO 19115 metadata as entries: ISO 19139 (``gmd``) and 19115-3 (``mdb``), and CSW answers.

The two forms differ in namespaces and a few names, so elements are found by their local names.
"""

from collections.abc import Iterator

from lxml import etree

from quanyu.catalogue.codes import Kind
from quanyu.catalogue.exchange.dublin_core import RECORDS, said_of_record
from quanyu.catalogue.exchange.gather import gather
from quanyu.catalogue.exchange.iso_write import ACCESS_URI, GRADING
from quanyu.catalogue.exchange.iso_xml import Node
from quanyu.catalogue.exchange.model import Parsed
from quanyu.catalogue.exchange.safe import read_xml
from quanyu.catalogue.exchange.said import (
    Said,
    SaidContact,
    SaidDistribution,
    SaidField,
    SaidPublisher,
    Tagged,
)
from quanyu.catalogue.exchange.terms import (
    ISO_TOPICS_READ,
    KINDS_URI,
    LANGUAGES_EU,
    PERSON,
    THEMES_URI,
)
from quanyu.kernel import Invalid

_HREF = "{http://www.w3.org/1999/xlink}href"
_LANGUAGES = {code.lower(): tag for tag, code in LANGUAGES_EU.items()} | {"chi": "zh"}
_SCOPES = {
    "service": Kind.SERVICE,
    "software": Kind.ALGORITHM,
    "model": Kind.MODEL,
}
_FILES = ("download", "offlineAccess")
_PROTOCOLS = (
    *("OGC:", "OGC API", "WFS", "WMS", "WCS", "CSW", "ESRI", "SENSORTHINGS", "REST", "ODATA"),
    "STAC",
)


def from_iso(data: bytes) -> Parsed:
    """Every record in a document: one, several, or the answer of a CSW (``GetRecords``).

    ``Parsed.next`` is the position of the next record of a CSW, empty at its end. Raises
    :class:`Invalid` or :class:`TooLarge` when the document as a whole cannot be read.
    """
    root = read_xml(data)
    for node in root.iter():
        if isinstance(node.tag, str):
            node.tag = etree.QName(node).localname
    if root.tag in {"ExceptionReport", "ServiceExceptionReport"}:
        raise Invalid(
            "the service answered with an error: {why}",
            field="document",
            mend="check what the service was asked",
            why=_words(root),
        )
    found = list(_records(root))
    if not found and root.tag not in {"GetRecordsResponse", "GetRecordByIdResponse"}:
        raise Invalid(
            "this XML holds no metadata that is known here: it begins with <{name}>",
            field="document",
            mend="give ISO 19139, ISO 19115-3 or CSW records",
            name=str(root.tag)[:80],
        )
    results = root.find("SearchResults")
    onward, total = "", None
    if results is not None:
        following = results.get("nextRecord", "0")
        onward = following if following.isdecimal() and int(following) > 0 else ""
        matched = results.get("numberOfRecordsMatched", "")
        total = int(matched) if matched.isdecimal() else None
    return gather(found, onward=onward, total=total)


def _records(root: Node) -> Iterator[tuple[str, Said]]:
    for node in root.iter("MD_Metadata", "MI_Metadata", *RECORDS):
        place = _line(node, "fileIdentifier", "metadataIdentifier/MD_Identifier/code", "identifier")
        place = place or f"line {node.sourceline}"
        yield place, said_of_record(node) if node.tag in RECORDS else _said(node)


def _said(node: Node) -> Said:
    about = node.find("identificationInfo/*")
    if about is None:
        about = etree.Element("nothing")
    cited = about.find("citation/CI_Citation")
    cited = cited if cited is not None else etree.Element("nothing")
    language = _language(node)
    themes, words = _keywords(about)
    licence, policy = _licence(about)
    contact, publisher = _parties(about, node, language)
    kind = _kind(node, about)
    files, page = _online(node, about, language)
    return Said(
        identifier=_line(node, "metadataIdentifier/MD_Identifier/code", "fileIdentifier")
        or _line(cited, "identifier/*/code"),
        uri=_line(node, "metadataLinkage/CI_OnlineResource/linkage", "dataSetURI"),
        kind=kind,
        other_identifiers=[_text(one) for one in cited.findall("identifier/*/code")],
        title=_texts(cited.find("title"), language),
        abstract=_texts(about.find("abstract"), language),
        keywords=words,
        themes=themes or _topics(about),
        licence=licence,
        access=_access(about),
        grade=_grade(about),
        update_cycle=_code(about, "resourceMaintenance/*/maintenanceAndUpdateFrequency/*"),
        bbox=_bbox(about),
        interval=_interval(about),
        fields=_fields(node, language),
        formats=_formats(about, node),
        lineage=[
            _text(title)
            for title in node.iterfind(".//LI_Lineage/source/LI_Source/sourceCitation/*/title")
        ],
        provenance=_texts(node.find(".//LI_Lineage/statement"), language),
        contact=contact,
        publisher=publisher,
        issued=_date(cited, "publication") or _date(cited, "creation"),
        modified=_date(cited, "revision") or _stamp(node),
        version=_line(cited, "edition"),
        attribution=_line(about, "credit"),
        landing_page=page,
        policy=policy,
        language=_languages(about),
        distributions=files,
    )


def _text(node: Node | None) -> str:
    """The text of a property: that of its CharacterString, Anchor, URL or date."""
    if node is None:
        return ""
    inner = next((child for child in node if child.tag != "PT_FreeText"), None)
    return ((node.text if inner is None else inner.text) or "").strip()


def _line(node: Node, *paths: str) -> str:
    return next((said for path in paths if (said := _text(node.find(path)))), "")


def _code(node: Node, path: str) -> str:
    found = node.find(path)
    if found is None:
        return ""
    return (found.get("codeListValue") or found.text or "").strip()


def _codes(node: Node, path: str) -> list[str]:
    return [(one.get("codeListValue") or one.text or "").strip() for one in node.iterfind(path)]


def _texts(node: Node | None, language: str) -> list[Tagged]:
    """A property in every language; the plain text is in the document's own."""
    if node is None:
        return []
    found = [
        (_tag(one.get("locale", "").lstrip("#")), (one.text or "").strip())
        for one in node.iterfind("PT_FreeText/textGroup/LocalisedCharacterString")
    ]
    plain = _text(node)
    if plain and plain not in {words for _, words in found}:
        found.insert(0, (language, plain))
    return found


def _tag(locale: str) -> str:
    """A locale's name such as ``EN``, ``zho`` or ``locale-en`` as a tag."""
    last = locale.lower().replace("_", "-").rpartition("-")[2]
    return _LANGUAGES.get(last, last)


def _language(node: Node) -> str:
    code = _code(node, "defaultLocale/PT_Locale/language/LanguageCode")
    code = code or _code(node, "language/LanguageCode") or _line(node, "language")
    return _tag(code)


def _languages(about: Node) -> list[str]:
    found = [
        *_codes(about, "defaultLocale/PT_Locale/language/LanguageCode"),
        *_codes(about, "otherLocale/PT_Locale/language/LanguageCode"),
        *_codes(about, "language/LanguageCode"),
        *filter(None, (_line(one, "CharacterString") for one in about.findall("language"))),
    ]
    return [_tag(code) for code in found]


def _kind(node: Node, about: Node) -> Kind:
    named = _line(node, "metadataScope/MD_MetadataScope/name", "hierarchyLevelName")
    if named.startswith(f"{KINDS_URI}:") and named.rpartition(":")[2] in set(Kind):
        return Kind(named.rpartition(":")[2])
    scope = _code(node, "metadataScope/MD_MetadataScope/resourceScope/MD_ScopeCode")
    scope = scope or _code(node, "hierarchyLevel/MD_ScopeCode")
    if about.tag == "SV_ServiceIdentification":
        return Kind.SERVICE
    return _SCOPES.get(scope, Kind.DATASET)


def _keywords(about: Node) -> tuple[list[str], list[str]]:
    """Themes, which are anchors to concepts, and words."""
    themes: list[str] = []
    words: list[str] = []
    for group in about.iterfind("descriptiveKeywords/MD_Keywords"):
        theme = _code(group, "type/MD_KeywordTypeCode") == "theme"
        for one in group.iterfind("keyword"):
            anchor = one.find("Anchor")
            href = anchor.get(_HREF, "") if anchor is not None else ""
            if href.startswith(f"{THEMES_URI}:") or (theme and href):
                themes.append(href)
            else:
                words += [text for _, text in _texts(one, "")]
    return themes, words


def _topics(about: Node) -> list[str]:
    said = [(one.text or "").strip() for one in about.iterfind("topicCategory/*")]
    return [ISO_TOPICS_READ[topic] for topic in said if topic in ISO_TOPICS_READ]


def _legal(about: Node) -> Iterator[Node]:
    yield from about.iterfind("resourceConstraints/MD_LegalConstraints")


def _anchored(node: Node, name: str) -> Iterator[tuple[str, str]]:
    """Addresses and words of a property: ``href`` of an anchor, empty for plain words."""
    for one in node.iterfind(name):
        anchor = one.find("Anchor")
        yield (anchor.get(_HREF, "") if anchor is not None else ""), _text(one)


def _licence(about: Node) -> tuple[str, str]:
    licence = policy = ""
    for legal in _legal(about):
        use = _codes(legal, "useConstraints/*")
        access = _codes(legal, "accessConstraints/*")
        for href, words in _anchored(legal, "otherConstraints"):
            if href.startswith(f"{ACCESS_URI}:") or "LimitationsOnPublicAccess" in href:
                continue
            if words == "ODRL" and href:
                policy = href
            elif not licence and (use or href or not access):
                licence = href or words
        for href, words in _anchored(legal, "useLimitation"):
            licence = licence or href or words
    return licence, policy


def _access(about: Node) -> list[str]:
    found: list[str] = []
    for legal in _legal(about):
        for href, _ in _anchored(legal, "otherConstraints"):
            if href.startswith(f"{ACCESS_URI}:"):
                return [href.rpartition(":")[2]]
            if "LimitationsOnPublicAccess" in href:
                found.append(href)
        found += _codes(legal, "accessConstraints/*")
    return [*found, "restricted"] if any(one.lower() == "restricted" for one in found) else found


def _grade(about: Node) -> str:
    for one in about.iterfind("resourceConstraints/MD_SecurityConstraints"):
        if _line(one, "classificationSystem") == GRADING:
            return _line(one, "userNote")
    return ""


def _bbox(about: Node) -> list[float] | None:
    for box in about.iterfind(".//EX_GeographicBoundingBox"):
        sides = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude")
        try:
            return [float(_line(box, side)) for side in (*sides, "northBoundLatitude")]
        except ValueError:
            continue
    return None


def _interval(about: Node) -> tuple[str, str]:
    for period in about.iterfind(".//EX_TemporalExtent//TimePeriod"):
        start = _line(period, "beginPosition", "begin/TimeInstant/timePosition")
        return start, _line(period, "endPosition", "end/TimeInstant/timePosition")
    for instant in about.iterfind(".//EX_TemporalExtent//TimeInstant"):
        moment = _line(instant, "timePosition")
        return moment, moment
    return "", ""


def _fields(node: Node, language: str) -> list[SaidField]:
    return [
        SaidField(
            _line(one, "memberName", "memberName/LocalName"),
            type=_line(one, "valueType/TypeName/aName"),
            meaning=_texts(one.find("definition"), language),
            unit=_line(one, "valueMeasurementUnit/UnitDefinition/identifier"),
            person=_line(one, "definitionReference/FC_DefinitionReference/sourceIdentifier")
            == PERSON,
        )
        for one in node.iterfind(".//FC_FeatureAttribute")
    ]


def _formats(about: Node, node: Node) -> list[str]:
    places = [
        *about.iterfind("resourceFormat/MD_Format"),
        *node.iterfind("distributionInfo//MD_Format"),
    ]
    names = (_line(one, "formatSpecificationCitation/CI_Citation/title", "name") for one in places)
    return [name for name in names if name]


def _date(cited: Node, kind: str) -> str:
    for one in cited.iterfind("date/CI_Date"):
        if _code(one, "dateType/CI_DateTypeCode") == kind:
            return _line(one, "date")
    return ""


def _stamp(node: Node) -> str:
    """When the metadata themselves were last changed: most records say no other date."""
    for one in node.iterfind("dateInfo/CI_Date"):
        if _code(one, "dateType/CI_DateTypeCode") == "revision":
            return _line(one, "date")
    return _line(node, "dateStamp")


def _online(node: Node, about: Node, language: str) -> tuple[list[SaidDistribution], str]:
    """Files and interfaces, and the page that tells more."""
    files: list[SaidDistribution] = []
    page = ""
    for option in node.iterfind("distributionInfo//MD_DigitalTransferOptions"):
        size = _size(_line(option, "transferSize"))
        for link in option.iterfind("onLine/*"):
            url = _line(link, "linkage")
            function = _code(link, "function/*")
            if function == "information" and url:
                page = page or url
            elif url:
                files.append(_file(link, url, function, language))
                files[-1].bytes = size
    for url in (_text(one) for one in about.iterfind(".//connectPoint/*/linkage")):
        if url and url not in {one.url for one in files}:
            files.append(SaidDistribution(url, api=True, format=_line(about, "serviceType")))
    return files, page


def _file(link: Node, url: str, function: str, language: str) -> SaidDistribution:
    protocol = _line(link, "protocol")
    profile = _line(link, "applicationProfile")
    api: bool | None = None
    if function in _FILES or "DOWNLOAD" in protocol.upper():
        api = False
    elif function == "fileAccess" or protocol.upper().startswith(_PROTOCOLS):
        api = True
    form = profile or ("" if "WWW:" in protocol.upper() else protocol)
    return SaidDistribution(url, title=_texts(link.find("name"), language), format=form, api=api)


def _words(node: Node) -> str:
    """All text of a node in one line."""
    return " ".join(" ".join(str(one) for one in node.itertext()).split())[:300]


def _size(said: str) -> object:
    try:
        return round(float(said) * 1e6) if said else None
    except (ValueError, OverflowError):
        return None


def _parties(
    about: Node, node: Node, language: str
) -> tuple[SaidContact | None, SaidPublisher | None]:
    contact: SaidContact | None = None
    publisher: SaidPublisher | None = None
    paths = ("pointOfContact/*", "citation/*/citedResponsibleParty/*")
    places = [*(one for path in paths for one in about.iterfind(path)), *node.iterfind("contact/*")]
    for one in places:
        role = _code(one, "role/CI_RoleCode")
        if role in {"publisher", "owner", "custodian", "resourceProvider"} and publisher is None:
            publisher = _publisher(one, language)
            if role == "publisher":
                continue
        if contact is None:
            contact = _contact(one)
    return contact, publisher


def _publisher(one: Node, language: str) -> SaidPublisher:
    name = one.find("party/CI_Organisation/name")
    name = name if name is not None else one.find("organisationName")
    return SaidPublisher(
        _texts(name, language),
        _line(one, "party/CI_Organisation/partyIdentifier/MD_Identifier/code"),
        _line(one, ".//contactInfo/CI_Contact/onlineResource/CI_OnlineResource/linkage"),
    )


def _contact(one: Node) -> SaidContact:
    info = one.find(".//contactInfo/CI_Contact")
    info = info if info is not None else etree.Element("nothing")
    return SaidContact(
        name=_line(one, "party/CI_Organisation/name", "organisationName", "party/*/name")
        or _line(one, "individualName", ".//individual/CI_Individual/name"),
        email=_line(info, "address/CI_Address/electronicMailAddress"),
        phone=_line(info, "phone/CI_Telephone/number", "phone/CI_Telephone/voice"),
        url=_line(info, "onlineResource/CI_OnlineResource/linkage"),
    )
