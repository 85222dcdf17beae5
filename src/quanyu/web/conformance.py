"""Conformance classes that each face declares. A class stands here only when tests hold it."""

_COMMON = "http://www.opengis.net/spec/ogcapi-common-{}/1.0/conf/{}"
_F = "http://www.opengis.net/spec/ogcapi-features-{}/1.0/conf/{}"
_CQL2 = "http://www.opengis.net/spec/cql2/1.0/conf/{}"
_TILES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/{}"
_TMS = "http://www.opengis.net/spec/tms/2.0/conf/{}"
_EDR = "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/{}"
_RECORDS = "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/{}"

COMMON: tuple[str, ...] = (
    _COMMON.format(1, "core"),
    _COMMON.format(1, "landing-page"),
    _COMMON.format(1, "json"),
    _COMMON.format(1, "html"),
    _COMMON.format(2, "collections"),
    _COMMON.format(2, "json"),
    _COMMON.format(2, "html"),
)

CQL2: tuple[str, ...] = tuple(
    _CQL2.format(name)
    for name in (
        "cql2-text",
        "cql2-json",
        "basic-cql2",
        "advanced-comparison-operators",
        "case-insensitive-comparison",
        "accent-insensitive-comparison",
        "basic-spatial-functions",
        "basic-spatial-functions-plus",
        "spatial-functions",
        "temporal-functions",
        "property-property",
        "arithmetic",
    )
)

FEATURES: tuple[str, ...] = (
    *(_F.format(1, name) for name in ("core", "geojson", "html", "oas31")),
    _F.format(2, "crs"),
    *(
        _F.format(3, name)
        for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")
    ),
    *(
        _F.format(5, name)
        for name in ("schemas", "queryables", "sortables", "returnables-and-receivables")
    ),
    *(
        _F.format(4, name)
        for name in ("create-replace-delete", "update", "optimistic-locking-etags", "features")
    ),
    _F.format(6, "properties"),
    *(_F.format(8, name) for name in ("sorting", "features-sorting")),
    *(_F.format(11, name) for name in ("transactions", "atomic-semantics", "json-transactions")),
    *CQL2,
)

TILES: tuple[str, ...] = (
    *(
        _TILES.format(name)
        for name in ("core", "tileset", "tilesets-list", "geodata-tilesets", "mvt")
    ),
    *(
        _TMS.format(name)
        for name in (
            "tilematrixset",
            "json-tilematrixset",
            "tilesetmetadata",
            "json-tilesetmetadata",
        )
    ),
)

GEOVOLUMES: tuple[str, ...] = tuple(
    f"http://www.opengis.net/spec/ogcapi-geovolumes-1/1.0/conf/{name}"
    for name in ("core", "spatialquery")
)
"""OGC API – 3D GeoVolumes (22-029, a draft)."""

RECORDS: tuple[str, ...] = (
    *(
        _RECORDS.format(name)
        for name in (
            "record-core",
            "record-collection",
            "record-api",
            "record-core-query-parameters",
            "sorting",
            "json",
            "html",
        )
    ),
    *(_F.format(1, name) for name in ("core", "geojson", "html", "oas31")),
)

_MAPS = "http://www.opengis.net/spec/ogcapi-maps-1/1.0/conf/{}"
_COVERAGES = "http://www.opengis.net/spec/ogcapi-coverages-1/1.0/conf/{}"

MAPS: tuple[str, ...] = tuple(
    _MAPS.format(name)
    for name in (
        "core", "collection-map", "background", "scaling", "spatial-subsetting", "crs", "datetime",
        "tilesets", "png", "jpeg",
    )
)  # fmt: skip

COVERAGES: tuple[str, ...] = tuple(
    _COVERAGES.format(name)
    for name in ("core", "scaling", "subsetting", "fieldselection", "crs", "geotiff",
                 "coveragejson")
)  # fmt: skip

STAC: tuple[str, ...] = (
    *(
        f"https://api.stacspec.org/v1.0.0/{name}"
        for name in ("core", "collections", "ogcapi-features", "item-search")
    ),
    *(f"https://api.stacspec.org/v1.0.0/item-search#{name}" for name in ("sort", "fields")),
    # The filter extension has no other version than this candidate; clients look for its address.
    "https://api.stacspec.org/v1.0.0-rc.3/item-search#filter",
    _F.format(3, "filter"),
    *(_CQL2.format(name) for name in ("cql2-text", "cql2-json", "basic-cql2")),
    *(_F.format(1, name) for name in ("core", "geojson", "oas31")),
)

EDR: tuple[str, ...] = tuple(
    _EDR.format(name)
    for name in (
        "core",
        "collections",
        "json",
        "geojson",
        "covjson",
        "position",
        "radius",
        "area",
        "cube",
        "trajectory",
        "queries",
    )
)

PROCESSES: tuple[str, ...] = tuple(
    f"http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/{name}"
    for name in ("core", "ogc-process-description", "json", "job-list", "dismiss")
)
"""OGC API – Processes Part 1 (18-062r2)."""
