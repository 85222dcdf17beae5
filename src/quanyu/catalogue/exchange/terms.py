"""Words of other vocabularies for the code tables of the catalogue, one table each.

EU tables: https://publications.europa.eu/resource/authority; those marked *read* only are what
other catalogues also write for the same.
"""

from quanyu.catalogue.codes import LICENCES, Access, Kind, UpdateCycle

PREFIXES: dict[str, str] = {
    "adms": "http://www.w3.org/ns/adms#",
    "csvw": "http://www.w3.org/ns/csvw#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "dqv": "http://www.w3.org/ns/dqv#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geo": "http://www.opengis.net/ont/geosparql#",
    "hydra": "http://www.w3.org/ns/hydra/core#",
    "locn": "http://www.w3.org/ns/locn#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "odrs": "http://schema.theodi.org/odrs#",
    "prov": "http://www.w3.org/ns/prov#",
    "quanyu": "urn:quanyu:ns:",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "http://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

PERSON = f"{PREFIXES['foaf']}Person"
"""What each value of a field stands for that stands for a person (FOAF, as DCAT-AP uses it)."""

AUTHORITY = "http://publications.europa.eu/resource/authority/"
IANA = "https://www.iana.org/assignments/media-types/"
THEMES_URI = "urn:quanyu:themes"
FOREIGN_THEMES_URI = "urn:quanyu:foreign-themes"
KINDS_URI = "urn:quanyu:kinds"
LICENCES_URI = "urn:quanyu:licences"

ACCESS_RIGHTS: dict[Access, str] = {
    Access.OPEN: f"{AUTHORITY}access-right/PUBLIC",
    Access.SHARED: f"{AUTHORITY}access-right/RESTRICTED",
    Access.RESTRICTED: f"{AUTHORITY}access-right/RESTRICTED",
    Access.CLOSED: f"{AUTHORITY}access-right/NON_PUBLIC",
}

ACCESS_READ: dict[str, Access] = {
    "public": Access.OPEN,
    "open": Access.OPEN,
    "openaccess": Access.OPEN,
    "nolimitations": Access.OPEN,
    "unrestricted": Access.OPEN,
    "restricted": Access.RESTRICTED,
    "restricted public": Access.RESTRICTED,
    "shared": Access.SHARED,
    "closed": Access.CLOSED,
    "non_public": Access.CLOSED,
    "non-public": Access.CLOSED,
    "private": Access.CLOSED,
    "confidential": Access.CLOSED,
    "无条件开放": Access.OPEN,
    "无条件共享": Access.SHARED,
    "有条件开放": Access.RESTRICTED,
    "有条件共享": Access.RESTRICTED,
    "不予开放": Access.CLOSED,
    "不予共享": Access.CLOSED,
}
"""Read: last part of a URI or the word, in small letters."""

FREQUENCIES: dict[UpdateCycle, str] = {
    UpdateCycle.REAL_TIME: "CONT",
    UpdateCycle.DAILY: "DAILY",
    UpdateCycle.WEEKLY: "WEEKLY",
    UpdateCycle.MONTHLY: "MONTHLY",
    UpdateCycle.QUARTERLY: "QUARTERLY",
    UpdateCycle.HALF_YEARLY: "ANNUAL_2",
    UpdateCycle.YEARLY: "ANNUAL",
    UpdateCycle.IRREGULAR: "IRREG",
    UpdateCycle.HISTORICAL: "NEVER",
}
"""Codes of the EU frequency table."""

ISO_FREQUENCIES: dict[UpdateCycle, str] = {
    UpdateCycle.REAL_TIME: "continual",
    UpdateCycle.DAILY: "daily",
    UpdateCycle.WEEKLY: "weekly",
    UpdateCycle.MONTHLY: "monthly",
    UpdateCycle.QUARTERLY: "quarterly",
    UpdateCycle.HALF_YEARLY: "biannually",
    UpdateCycle.YEARLY: "annually",
    UpdateCycle.IRREGULAR: "irregular",
    UpdateCycle.HISTORICAL: "notPlanned",
}
"""MD_MaintenanceFrequencyCode (ISO 19115-1 B.3.18)."""

FREQUENCY_READ: dict[str, UpdateCycle] = {
    **{code.lower(): cycle for cycle, code in FREQUENCIES.items()},
    **{code.lower(): cycle for cycle, code in ISO_FREQUENCIES.items()},
    **{cycle.value: cycle for cycle in UpdateCycle},
    "update_cont": UpdateCycle.REAL_TIME,
    "continuous": UpdateCycle.REAL_TIME,
    "1min": UpdateCycle.REAL_TIME,
    "5min": UpdateCycle.REAL_TIME,
    "10min": UpdateCycle.REAL_TIME,
    "15min": UpdateCycle.REAL_TIME,
    "30min": UpdateCycle.REAL_TIME,
    "hourly": UpdateCycle.REAL_TIME,
    "r/pt1s": UpdateCycle.REAL_TIME,
    "r/pt1h": UpdateCycle.REAL_TIME,
    "r/p1d": UpdateCycle.DAILY,
    "r/p1w": UpdateCycle.WEEKLY,
    "r/p7d": UpdateCycle.WEEKLY,
    "r/p1m": UpdateCycle.MONTHLY,
    "r/p3m": UpdateCycle.QUARTERLY,
    "r/p6m": UpdateCycle.HALF_YEARLY,
    "r/p1y": UpdateCycle.YEARLY,
    "p1d": UpdateCycle.DAILY,
    "p1w": UpdateCycle.WEEKLY,
    "p1m": UpdateCycle.MONTHLY,
    "p3m": UpdateCycle.QUARTERLY,
    "p6m": UpdateCycle.HALF_YEARLY,
    "p1y": UpdateCycle.YEARLY,
    "semiannual": UpdateCycle.HALF_YEARLY,
    "annual": UpdateCycle.YEARLY,
    "yearly": UpdateCycle.YEARLY,
    "asneeded": UpdateCycle.IRREGULAR,
    "as needed": UpdateCycle.IRREGULAR,
    "never": UpdateCycle.HISTORICAL,
    "实时": UpdateCycle.REAL_TIME,
    "每日": UpdateCycle.DAILY,
    "每天": UpdateCycle.DAILY,
    "每周": UpdateCycle.WEEKLY,
    "每月": UpdateCycle.MONTHLY,
    "每季度": UpdateCycle.QUARTERLY,
    "每半年": UpdateCycle.HALF_YEARLY,
    "每年": UpdateCycle.YEARLY,
    "不定期": UpdateCycle.IRREGULAR,
    "历史": UpdateCycle.HISTORICAL,
}
"""Read: EU, Dublin Core and ISO words, ISO 8601 intervals as DCAT-US writes them, Chinese words."""

EU_THEMES: dict[str, str] = {
    "credit": "ECON",
    "health": "HEAL",
    "employment": "SOCI",
    "public-safety": "JUST",
    "housing": "REGI",
    "transport": "TRAN",
    "education": "EDUC",
    "science": "TECH",
    "energy": "ENER",
    "environment": "ENVI",
    "industry": "AGRI",
    "commerce": "ECON",
    "finance": "ECON",
    "work-safety": "SOCI",
    "market": "ECON",
    "welfare": "SOCI",
    "law": "JUST",
    "life": "SOCI",
    "weather": "ENVI",
    "geography": "REGI",
    "institutions": "GOVE",
}
"""The EU data theme nearest to each of ours."""

EU_THEME_NAMES: dict[str, str] = {
    "AGRI": "Agriculture, fisheries, forestry and food",
    "ECON": "Economy and finance",
    "EDUC": "Education, culture and sport",
    "ENER": "Energy",
    "ENVI": "Environment",
    "GOVE": "Government and public sector",
    "HEAL": "Health",
    "JUST": "Justice, legal system and public safety",
    "REGI": "Regions and cities",
    "SOCI": "Population and society",
    "TECH": "Science and technology",
    "TRAN": "Transport",
}

EU_THEMES_READ: dict[str, str] = {
    "HEAL": "health",
    "TRAN": "transport",
    "EDUC": "education",
    "TECH": "science",
    "ENER": "energy",
    "ENVI": "environment",
    "AGRI": "industry",
    "JUST": "law",
    "ECON": "finance",
    "SOCI": "welfare",
    "REGI": "geography",
    "GOVE": "institutions",
}

ISO_TOPICS: dict[str, str] = {
    "credit": "economy",
    "health": "health",
    "employment": "society",
    "public-safety": "intelligenceMilitary",
    "housing": "structure",
    "transport": "transportation",
    "education": "society",
    "science": "society",
    "energy": "utilitiesCommunication",
    "environment": "environment",
    "industry": "farming",
    "commerce": "economy",
    "finance": "economy",
    "work-safety": "society",
    "market": "economy",
    "welfare": "society",
    "law": "society",
    "life": "society",
    "weather": "climatologyMeteorologyAtmosphere",
    "geography": "location",
    "institutions": "society",
}
"""MD_TopicCategoryCode (ISO 19115-1 B.3.30) nearest to each theme."""

ISO_TOPICS_READ: dict[str, str] = {
    "health": "health",
    "structure": "housing",
    "planningCadastre": "housing",
    "transportation": "transport",
    "utilitiesCommunication": "energy",
    "environment": "environment",
    "biota": "environment",
    "inlandWaters": "environment",
    "farming": "industry",
    "economy": "finance",
    "climatologyMeteorologyAtmosphere": "weather",
    "location": "geography",
    "boundaries": "geography",
    "elevation": "geography",
    "imageryBaseMapsEarthCover": "geography",
}

FILE_TYPES: dict[str, tuple[str, str]] = {
    "CSV": ("text/csv", "CSV"),
    "GeoJSON": ("application/geo+json", "GEOJSON"),
    "JSON-FG": ("application/vnd.ogc.fg+json", ""),
    "GeoParquet": ("application/vnd.apache.parquet", "PARQUET"),
    "Parquet": ("application/vnd.apache.parquet", "PARQUET"),
    "FlatGeobuf": ("application/flatgeobuf", ""),
    "Arrow": ("application/vnd.apache.arrow.stream", ""),
    "MVT": ("application/vnd.mapbox-vector-tile", ""),
    "JSON": ("application/json", "JSON"),
    "XLSX": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "XLSX"),
    "XLS": ("application/vnd.ms-excel", "XLS"),
    "XML": ("application/xml", "XML"),
    "PDF": ("application/pdf", "PDF"),
    "ZIP": ("application/zip", "ZIP"),
    "SHP": ("application/vnd.shp", "SHP"),
    "GPKG": ("application/geopackage+sqlite3", "GPKG"),
    "GML": ("application/gml+xml", "GML"),
    "KML": ("application/vnd.google-earth.kml+xml", "KML"),
    "GeoTIFF": ("image/tiff", "TIFF"),
    "COG": ("image/tiff; application=geotiff; profile=cloud-optimized", ""),
    "HTML": ("text/html", "HTML"),
    "TXT": ("text/plain", "TXT"),
    "RDF": ("application/rdf+xml", "RDF_XML"),
    "Turtle": ("text/turtle", "RDF_TURTLE"),
    "JSON-LD": ("application/ld+json", "JSON_LD"),
    "WMS": ("", "WMS_SRVC"),
    "WFS": ("", "WFS_SRVC"),
    "REST": ("", "REST"),
}
"""Media type and EU file type of short names of formats; empty where there is none."""

API_FORMATS = frozenset(
    {
        *("api", "rest", "ogc api", "ogc api – features", "ogc api – tiles", "ogcapi-features"),
        *("wms", "wfs", "wcs", "wmts", "csw", "sos", "sensorthings", "odata", "sparql", "graphql"),
        *("wms_srvc", "wfs_srvc", "arcgis geoservices rest api", "esri rest", "stac", "oapif"),
        *("geoservice", "websocket", "mqtt"),
    }
)
"""Formats (in small letters) that say that an address is an interface and not a file."""

CONFORMS_TO: dict[str, str] = {
    "OGC API – Features": "http://www.opengis.net/spec/ogcapi-features-1/1.0",
    "OGC API – Tiles": "http://www.opengis.net/spec/ogcapi-tiles-1/1.0",
    "WFS": "http://www.opengis.net/def/serviceType/ogc/wfs",
    "WMS": "http://www.opengis.net/def/serviceType/ogc/wms",
}
"""The specification of an interface, by its format."""

LANGUAGES_EU: dict[str, str] = {"zh": "ZHO", "en": "ENG", "fi": "FIN", "sv": "SWE", "de": "DEU"} | {
    "fr": "FRA",
    "es": "SPA",
    "it": "ITA",
    "ja": "JPN",
    "ko": "KOR",
    "ru": "RUS",
    "nl": "NLD",
    "pt": "POR",
    "pl": "POL",
}
"""The EU language code (ISO 639-3) of a tag; other tags are written as literals."""

DATA_KINDS = frozenset({Kind.DATASET, Kind.STREAM, Kind.SCENE})
"""Kinds that are a ``dcat:Dataset``; the others are a ``dcat:DataService`` or ``dcat:Resource``."""

ISO_SCOPES: dict[Kind, str] = {
    Kind.DATASET: "dataset",
    Kind.STREAM: "series",
    Kind.SCENE: "dataset",
    Kind.MODEL: "model",
    Kind.ALGORITHM: "software",
    Kind.SERVICE: "service",
    Kind.FACILITY: "nonGeographicDataset",
    Kind.COMPUTE: "service",
    Kind.AIRSPACE: "nonGeographicDataset",
}
"""MD_ScopeCode (ISO 19115-1 B.3.28) nearest to each kind."""

_LICENCE_ALIASES: dict[str, str] = {
    "creativecommons.org/publicdomain/zero/1.0": "CC0-1.0",
    "creativecommons.org/licenses/by/4.0": "CC-BY-4.0",
    "creativecommons.org/licenses/by-sa/4.0": "CC-BY-SA-4.0",
    "creativecommons.org/licenses/by-nc/4.0": "CC-BY-NC-4.0",
    "opendatacommons.org/licenses/odbl/1-0": "ODbL-1.0",
    "opendatacommons.org/licenses/odbl/1.0": "ODbL-1.0",
    "opendatacommons.org/licenses/odbl": "ODbL-1.0",
    "opendatacommons.org/licenses/by/1-0": "ODC-By-1.0",
    "opendatacommons.org/licenses/by": "ODC-By-1.0",
    "opendatacommons.org/licenses/pddl/1-0": "PDDL-1.0",
    "opendatacommons.org/licenses/pddl": "PDDL-1.0",
    "opendefinition.org/licenses/cc-by": "CC-BY-4.0",
    "opendefinition.org/licenses/odc-odbl": "ODbL-1.0",
    "opendefinition.org/licenses/odc-by": "ODC-By-1.0",
    "opendefinition.org/licenses/odc-pddl": "PDDL-1.0",
    "opendefinition.org/licenses/cc-zero": "CC0-1.0",
    "opensource.org/licenses/mit": "MIT",
    "apache.org/licenses/license-2.0": "Apache-2.0",
    "publications.europa.eu/resource/authority/licence/cc0": "CC0-1.0",
    "publications.europa.eu/resource/authority/licence/cc_by_4_0": "CC-BY-4.0",
    "publications.europa.eu/resource/authority/licence/cc_bysa_4_0": "CC-BY-SA-4.0",
    "publications.europa.eu/resource/authority/licence/cc_bync_4_0": "CC-BY-NC-4.0",
    "publications.europa.eu/resource/authority/licence/odc_bl": "ODbL-1.0",
    "publications.europa.eu/resource/authority/licence/odc_by": "ODC-By-1.0",
    "publications.europa.eu/resource/authority/licence/odc_pddl": "PDDL-1.0",
    "cc-by": "CC-BY-4.0",
    "cc-by-sa": "CC-BY-SA-4.0",
    "cc-by-nc": "CC-BY-NC-4.0",
    "cc-zero": "CC0-1.0",
    "cc0": "CC0-1.0",
    "odc-odbl": "ODbL-1.0",
    "odc-by": "ODC-By-1.0",
    "odc-pddl": "PDDL-1.0",
}
"""Read: addresses without scheme and last slash, and CKAN's names, in small letters."""


def licence_key(said: str) -> str:
    """The key of ``LICENCES`` that an address or a name stands for, else what was said."""
    bare = said.strip()
    if bare.startswith(f"{LICENCES_URI}:"):
        bare = bare.rpartition(":")[2]
    folded = bare.lower().partition("://")[2] or bare.lower()
    folded = folded.removeprefix("www.").rstrip("/")
    for ending in ("/legalcode", "/deed.zh", "/deed.en", "/deed", ".html", ".txt"):
        folded = folded.removesuffix(ending)
    folded = folded.removeprefix("spdx.org/licenses/")
    known = _LICENCE_ALIASES.get(folded)
    if known is not None:
        return known
    return next((key for key in LICENCES if key.lower() == folded), bare)


def licence_uri(licence: str) -> str:
    """What names a licence in RDF; empty when only words are known."""
    known = LICENCES.get(licence)
    if known is not None:
        return known.url or f"{LICENCES_URI}:{licence}"
    return licence if licence.startswith(("http://", "https://")) else ""
