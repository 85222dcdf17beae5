"""Entries as ISO 19115: in the XML of 19115-3 (``mdb``), or in that of 19139 (``gmd``).

Texts in both languages stand in ``PT_FreeText``. Codes that ISO has no list for are anchors to the
URNs of the catalogue. 19139 has no place for fields, nor for the identifiers of parties.
"""

from collections.abc import Iterable

from lxml import etree

from quanyu.catalogue.codes import ACCESSES, THEMES, Access, Grade, UpdateCycle
from quanyu.catalogue.exchange.iso_xml import COMMON, IsoForm, IsoXml, Node
from quanyu.catalogue.exchange.model import Entry, Publisher
from quanyu.catalogue.exchange.terms import (
    ISO_FREQUENCIES,
    ISO_SCOPES,
    ISO_TOPICS,
    KINDS_URI,
    LANGUAGES_EU,
    PERSON,
    THEMES_URI,
    licence_uri,
)
from quanyu.catalogue.model import Contact, Distribution, FieldMeaning
from quanyu.kernel import iso, now

ACCESS_URI = "urn:quanyu:access"
_ACCESS_CODES = {
    Access.OPEN: "unrestricted",
    Access.SHARED: "restricted",
    Access.RESTRICTED: "restricted",
    Access.CLOSED: "private",
}
_GRADE_CODES = {
    Grade.GENERAL: "unclassified",
    Grade.IMPORTANT: "restricted",
    Grade.CORE: "confidential",
}
GRADING = "GB/T 43697-2024"


def to_iso(entry: Entry, form: IsoForm = "19115-3") -> bytes:
    """An entry as one metadata document in UTF-8."""
    root = _Writer(form).metadata(entry)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return written


class _Writer(IsoXml):
    """The parts of a metadata document."""

    def metadata(self, entry: Entry) -> Node:
        """The whole document."""
        scope = ISO_SCOPES[entry.kind]
        kind = f"{KINDS_URI}:{entry.kind.value}"
        role = self.responsible("mdb:contact", entry, "pointOfContact")
        stamp = entry.modified or now()
        if self.new:
            locales = [self.el("mdb:otherLocale", self.locale("en"))]
            head = [
                self.el(
                    "mdb:metadataIdentifier",
                    self.el("mcc:MD_Identifier", self.line("mcc:code", entry.identifier)),
                ),
                self.el("mdb:defaultLocale", self.locale("zh")),
                self.el(
                    "mdb:metadataScope",
                    self.el(
                        "mdb:MD_MetadataScope",
                        self.code("mdb:resourceScope", "mcc:MD_ScopeCode", scope),
                        self.line("mdb:name", kind),
                    ),
                ),
                role,
                self.date("mdb:dateInfo", stamp, "revision"),
                *locales,
                self.linkage("mdb:metadataLinkage", entry.uri),
            ]
            return self.el("mdb:MD_Metadata", *head, *self.body(entry))
        head = [
            self.line("mdb:fileIdentifier", entry.identifier),
            self.code("mdb:language", "lan:LanguageCode", "zho"),
            self.code("mdb:hierarchyLevel", "mcc:MD_ScopeCode", scope),
            self.line("mdb:hierarchyLevelName", kind),
            role,
            self.moment("mdb:dateStamp", stamp),
            self.line("mdb:metadataStandardName", "ISO 19115:2003/19139"),
            self.line("mdb:dataSetURI", entry.uri),
            self.el("mdb:locale", self.locale("en")),
        ]
        return self.el("mdb:MD_Metadata", *head, *self.body(entry))

    def body(self, entry: Entry) -> list[Node | None]:
        content = self.content(entry.fields) if self.new and entry.fields else None
        return [
            self.el("mdb:identificationInfo", self.identification(entry)),
            content,
            self.distribution(entry),
            self.lineage(entry),
        ]

    def identification(self, entry: Entry) -> Node:
        cycle = entry.update_cycle
        topics = dict.fromkeys(ISO_TOPICS[key] for key in entry.themes)
        maintenance = self.maintenance(cycle) if cycle else None
        extent = self.extent(entry)
        before = (extent,) if self.new else ()
        after = () if self.new else (extent,)
        return self.el(
            "mri:MD_DataIdentification",
            self.citation(entry),
            self.both("mri:abstract", entry.abstract or entry.title),
            self.line("mri:credit", entry.attribution),
            self.responsible("mri:pointOfContact", entry, "pointOfContact"),
            self.responsible("mri:pointOfContact", entry, "publisher"),
            *(() if not self.new else self.topics(topics)),
            *before,
            maintenance,
            *(self.format(name) for name in entry.formats),
            *self.keywords(entry),
            *self.constraints(entry),
            *self.languages(entry),
            *(self.topics(topics) if not self.new else ()),
            *after,
        )

    def maintenance(self, cycle: UpdateCycle) -> Node:
        code = self.code(
            "mmi:maintenanceAndUpdateFrequency",
            "MD_MaintenanceFrequencyCode",
            ISO_FREQUENCIES[cycle],
        )
        return self.el("mri:resourceMaintenance", self.el("mmi:MD_MaintenanceInformation", code))

    def topics(self, topics: Iterable[str]) -> Iterable[Node]:
        for topic in topics:
            code = self.el("mri:MD_TopicCategoryCode")
            code.text = topic
            yield self.el("mri:topicCategory", code)

    def citation(self, entry: Entry) -> Node:
        dates = [("publication", entry.issued), ("revision", entry.modified)]
        return self.el(
            "mri:citation",
            self.el(
                "cit:CI_Citation",
                self.both("cit:title", entry.title),
                *(self.date("cit:date", moment, kind) for kind, moment in dates if moment),
                self.line("cit:edition", entry.version),
                *(
                    self.el(
                        "cit:identifier", self.el("mcc:MD_Identifier", self.line("mcc:code", one))
                    )
                    for one in entry.other_identifiers
                ),
            ),
        )

    def locale(self, tag: str) -> Node:
        name = "lan:language" if self.new else "lan:languageCode"
        made = self.el(
            "lan:PT_Locale",
            self.code(name, "LanguageCode", _639(tag)),
            self.code("lan:characterEncoding", "MD_CharacterSetCode", "utf8"),
        )
        made.set("id", tag)
        return made

    def languages(self, entry: Entry) -> Iterable[Node]:
        if not self.new:
            for tag in entry.language:
                yield self.code("mri:language", "lan:LanguageCode", _639(tag))
            return
        for number, tag in enumerate(entry.language):
            name = "mri:otherLocale" if number else "mri:defaultLocale"
            code = self.code("lan:language", "LanguageCode", _639(tag))
            yield self.el(name, self.el("lan:PT_Locale", code))

    def responsible(self, name: str, entry: Entry, role: str) -> Node | None:
        contact = entry.contact if role == "pointOfContact" else None
        publisher = entry.publisher if role == "publisher" else None
        if contact is None and publisher is None:
            return None
        organisation = publisher.name if publisher else None
        info = self.contact_info(contact, publisher)
        said = self.code("cit:role", "CI_RoleCode", role)
        if not self.new:
            return self.el(
                name,
                self.el(
                    "cit:CI_ResponsibleParty",
                    self.both("cit:organisationName", organisation)
                    if organisation
                    else self.line("cit:organisationName", contact.name if contact else ""),
                    info,
                    said,
                ),
            )
        party = self.el(
            "cit:CI_Organisation",
            self.both("cit:name", organisation)
            if organisation
            else self.line("cit:name", contact.name if contact else ""),
            info,
            self.party_identifier(publisher),
        )
        return self.el(name, self.el("cit:CI_Responsibility", said, self.el("cit:party", party)))

    def party_identifier(self, publisher: Publisher | None) -> Node | None:
        if publisher is None or not publisher.identifier:
            return None
        code = self.line("mcc:code", publisher.identifier)
        return self.el("cit:partyIdentifier", self.el("mcc:MD_Identifier", code))

    def contact_info(self, contact: Contact | None, publisher: Publisher | None) -> Node | None:
        phone, email = (contact.phone, contact.email) if contact else ("", "")
        url = contact.url if contact else publisher.url if publisher else ""
        if not (phone or email or url):
            return None
        telephone = self.line("cit:number" if self.new else "cit:voice", phone)
        address = self.line("cit:electronicMailAddress", email)
        return self.el(
            "cit:contactInfo",
            self.el(
                "cit:CI_Contact",
                self.el("cit:phone", self.el("cit:CI_Telephone", telephone))
                if telephone is not None
                else None,
                self.el("cit:address", self.el("cit:CI_Address", address))
                if address is not None
                else None,
                self.linkage("cit:onlineResource", url),
            ),
        )

    def extent(self, entry: Entry) -> Node | None:
        spatial = temporal = None
        if entry.bbox:
            w, s, e, n = entry.bbox
            sides = [("west", "Longitude", w), ("east", "Longitude", e)]
            sides += [("south", "Latitude", s), ("north", "Latitude", n)]
            box = self.el("gex:EX_GeographicBoundingBox")
            for side, axis, value in sides:
                number = self.el("gco:Decimal")
                number.text = repr(float(value))
                box.append(self.el(f"gex:{side}Bound{axis}", number))
            spatial = self.el("gex:geographicElement", box)
        if entry.interval != (None, None):
            period = self.el("gml:TimePeriod")
            period.set(f"{{{COMMON['gml']}}}id", "period")
            for name, moment in zip(("begin", "end"), entry.interval, strict=True):
                position = self.el(f"gml:{name}Position")
                if moment is None:
                    position.set("indeterminatePosition", "unknown")
                else:
                    position.text = iso(moment)
                period.append(position)
            inner = self.el("gex:EX_TemporalExtent", self.el("gex:extent", period))
            temporal = self.el("gex:temporalElement", inner)
        if spatial is None and temporal is None:
            return None
        return self.el("mri:extent", self.el("gex:EX_Extent", spatial, temporal))

    def format(self, name: str) -> Node:
        if not self.new:
            version = self.el("mrd:version")
            version.set(f"{{{self.names['gco']}}}nilReason", "unknown")
            inner = self.el("mrd:MD_Format", self.line("mrd:name", name), version)
            return self.el("mri:resourceFormat", inner)
        cited = self.el("cit:CI_Citation", self.line("cit:title", name))
        inner = self.el("mrd:MD_Format", self.el("mrd:formatSpecificationCitation", cited))
        return self.el("mri:resourceFormat", inner)

    def keywords(self, entry: Entry) -> Iterable[Node]:
        if entry.keywords:
            words = (self.line("mri:keyword", word) for word in entry.keywords)
            yield self.el("mri:descriptiveKeywords", self.el("mri:MD_Keywords", *words))
        themes = [(f"{THEMES_URI}:{key}", THEMES[key].name.to("zh")) for key in entry.themes]
        themes += ((theme, theme) for theme in entry.foreign_themes)
        if themes:
            anchors = (self.line("mri:keyword", label, uri=uri) for uri, label in themes)
            kind = self.code("mri:type", "MD_KeywordTypeCode", "theme")
            yield self.el("mri:descriptiveKeywords", self.el("mri:MD_Keywords", *anchors, kind))

    def constraints(self, entry: Entry) -> Iterable[Node]:
        if entry.access:
            uri = f"{ACCESS_URI}:{entry.access.value}"
            code, words = _ACCESS_CODES[entry.access], ACCESSES[entry.access].name.to("zh")
            yield self.el(
                "mri:resourceConstraints",
                self.el(
                    "mco:MD_LegalConstraints",
                    self.code("mco:accessConstraints", "MD_RestrictionCode", code),
                    self.line("mco:otherConstraints", words, uri=uri),
                ),
            )
        if entry.licence or entry.policy:
            yield self.el(
                "mri:resourceConstraints",
                self.el(
                    "mco:MD_LegalConstraints",
                    self.code("mco:useConstraints", "MD_RestrictionCode", "license"),
                    self.line(
                        "mco:otherConstraints", entry.licence, uri=licence_uri(entry.licence)
                    ),
                    self.line(
                        "mco:otherConstraints", "ODRL" if entry.policy else "", uri=entry.policy
                    ),
                ),
            )
        if entry.grade:
            yield self.el(
                "mri:resourceConstraints",
                self.el(
                    "mco:MD_SecurityConstraints",
                    self.code(
                        "mco:classification", "MD_ClassificationCode", _GRADE_CODES[entry.grade]
                    ),
                    self.line("mco:userNote", entry.grade.value),
                    self.line("mco:classificationSystem", GRADING),
                ),
            )

    def content(self, fields: Iterable[FieldMeaning]) -> Node:
        """Fields as the attributes of a feature type (ISO 19110)."""
        attributes = [
            self.el("gfc:carrierOfCharacteristics", self.attribute(one, number))
            for number, one in enumerate(fields)
        ]
        kind = self.el("gfc:FC_FeatureType", *attributes)
        catalogue = self.el("gfc:FC_FeatureCatalogue", self.el("gfc:featureType", kind))
        return self.el(
            "mdb:contentInfo",
            self.el("mrc:MD_FeatureCatalogue", self.el("mrc:featureCatalogue", catalogue)),
        )

    def attribute(self, one: FieldMeaning, number: int) -> Node:
        kind = self.el("gco:TypeName", self.line("gco:aName", one.type))
        unit = None
        if one.unit:
            named = self.el("gml:identifier")
            named.set("codeSpace", "urn:quanyu:units")
            named.text = one.unit
            definition = self.el("gml:UnitDefinition", named)
            definition.set(f"{{{COMMON['gml']}}}id", f"unit-{number}")
            unit = self.el("gfc:valueMeasurementUnit", definition)
        return self.el(
            "gfc:FC_FeatureAttribute",
            self.line("gfc:memberName", one.name),
            self.both("gfc:definition", one.meaning),
            self.person() if one.person else None,
            unit,
            self.el("gfc:valueType", kind),
        )

    def person(self) -> Node:
        """That the values of an attribute stand for persons: where what they are is defined."""
        cited = self.el("cit:CI_Citation", self.line("cit:title", "FOAF Vocabulary Specification"))
        return self.el(
            "gfc:definitionReference",
            self.el(
                "gfc:FC_DefinitionReference",
                self.line("gfc:sourceIdentifier", PERSON),
                self.el(
                    "gfc:definitionSource",
                    self.el("gfc:FC_DefinitionSource", self.el("gfc:source", cited)),
                ),
            ),
        )

    def distribution(self, entry: Entry) -> Node | None:
        options = [self.transfer(one) for one in entry.distributions]
        if entry.landing_page:
            information = self.code("cit:function", "CI_OnLineFunctionCode", "information")
            link = self.linkage("mrd:onLine", entry.landing_page, information)
            options.append(
                self.el("mrd:transferOptions", self.el("mrd:MD_DigitalTransferOptions", link))
            )
        if not options:
            return None
        return self.el("mdb:distributionInfo", self.el("mrd:MD_Distribution", *options))

    def transfer(self, one: Distribution) -> Node:
        size = None
        if one.bytes is not None:
            real = self.el("gco:Real")
            real.text = repr(one.bytes / 1e6)  # the element is in megabytes
            size = self.el("mrd:transferSize", real)
        link = self.linkage(
            "mrd:onLine",
            one.url,
            self.line("cit:protocol", one.format if one.api else "WWW:DOWNLOAD-1.0-http--download"),
            self.line("cit:applicationProfile", one.format),
            self.both("cit:name", one.title),
            self.code(
                "cit:function", "CI_OnLineFunctionCode", "fileAccess" if one.api else "download"
            ),
        )
        return self.el("mrd:transferOptions", self.el("mrd:MD_DigitalTransferOptions", size, link))

    def lineage(self, entry: Entry) -> Node | None:
        if entry.provenance is None and not entry.lineage:
            return None
        sources = (
            self.el(
                "mrl:source",
                self.el(
                    "mrl:LI_Source",
                    self.el(
                        "mrl:sourceCitation",
                        self.el("cit:CI_Citation", self.line("cit:title", source)),
                    ),
                ),
            )
            for source in entry.lineage
        )
        told = self.el("mrl:LI_Lineage", self.both("mrl:statement", entry.provenance), *sources)
        if self.new:
            return self.el("mdb:resourceLineage", told)
        scope = self.el(
            "mdb:DQ_Scope", self.code("mdb:level", "mcc:MD_ScopeCode", ISO_SCOPES[entry.kind])
        )
        quality = self.el(
            "mdb:DQ_DataQuality", self.el("mdb:scope", scope), self.el("mdb:lineage", told)
        )
        return self.el("mdb:dataQualityInfo", quality)


def _639(tag: str) -> str:
    """ISO 639-2 of a tag, the tag itself where it is not known."""
    return LANGUAGES_EU.get(tag, tag).lower()
