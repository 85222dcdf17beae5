"""Lines that bring a resource into people's tools, and run as they stand."""

from dataclasses import dataclass
from urllib.parse import urlencode

from quanyu.kernel import Language, translate

_TOKEN = "$QUANYU_TOKEN"  # noqa: S105 - the name of a variable, no secret


@dataclass(frozen=True, slots=True)
class Snippet:
    """One tool's lines, and a word on where they go."""

    title: str
    text: str
    how: str = ""


def snippets(
    language: Language, base: str, slug: str, parameters: dict[str, str], *, stands: bool = False
) -> list[Snippet]:
    """Snippets for a dataset; ``parameters`` name agreement and purpose when data are not open,
    ``stands`` says that it can be had in three dimensions."""
    items = f"{base}/ogc/features/collections/{slug}/items"
    data = f"{base}/data/{slug}"
    query = urlencode(parameters)
    under = f"&{query}" if query else ""
    bearer = f'-H "Authorization: Bearer {_TOKEN}" ' if parameters else ""
    return [
        Snippet("curl", f'curl {bearer}"{items}?f=geojson&limit=100{under}"'),
        Snippet("Python", _python(items, parameters)),
        Snippet(
            "QGIS",
            f"{base}/ogc/features",
            translate(
                language,
                "Layer → Add layer → WFS / OGC API – Features → New: paste this address. For data "
                "under an agreement add an API header: Authorization = Bearer and your token.",
            ),
        ),
        Snippet("GDAL", _gdal(base, slug, bool(parameters), parameters)),
        Snippet("DuckDB", _duckdb(data, parameters, bearer, slug)),
        *(_solid(language, base, slug, parameters) if stands else ()),
    ]


def _solid(language: Language, base: str, slug: str, parameters: dict[str, str]) -> list[Snippet]:
    """The same as 3D Tiles."""
    query = f"?{urlencode(parameters)}" if parameters else ""
    address = f"{base}/ogc/3dgeovolumes/collections/{slug}/3dtiles/tileset.json{query}"
    said = f'"{address}"'
    headers = f'{{Authorization: "Bearer {_TOKEN}"}}' if parameters else ""
    resource = f"new Cesium.Resource({{url: {said}, headers: {headers}}})" if headers else said
    options = f", {{fetch: {{headers: {headers}}}}}" if headers else ""
    return [
        Snippet(
            "Cesium",
            f"const city = await Cesium.Cesium3DTileset.fromUrl({resource});\n"
            "viewer.scene.primitives.add(city);\nawait viewer.zoomTo(city);",
        ),
        Snippet(
            "loaders.gl",
            'import {load} from "@loaders.gl/core";\n'
            'import {Tiles3DLoader} from "@loaders.gl/3d-tiles";\n\n'
            f"const city = await load({said}, Tiles3DLoader{options});",
        ),
        Snippet(
            "QGIS 3D",
            address,
            translate(
                language,
                "QGIS 3.34 or newer: Layer → Add layer → Add tiled scene layer → New Cesium 3D "
                "Tiles connection: paste this address.",
            ),
        ),
    ]


def _python(items: str, parameters: dict[str, str]) -> str:
    headers = ""
    top = "import json\nimport urllib.request\n"
    if parameters:
        top = "import json\nimport os\nimport urllib.request\n"
        headers = ', headers={"Authorization": f"Bearer {os.environ[\'QUANYU_TOKEN\']}"}'
    query = urlencode({"f": "geojson", "limit": "100", **parameters})
    return (
        f"{top}\n"
        f'request = urllib.request.Request(\n    "{items}?{query}"{headers}\n)\n'
        "with urllib.request.urlopen(request) as answer:\n"
        '    features = json.load(answer)["features"]\n'
        "print(len(features), features[0]['properties'])"
    )


def _gdal(base: str, slug: str, bound: bool, parameters: dict[str, str]) -> str:
    lines = []
    if bound:
        headers = [f"Authorization: Bearer {_TOKEN}"]
        headers += [f"Quanyu-{name.title()}: {value}" for name, value in parameters.items()]
        # GDAL reads one header a line from this file.
        lines = [
            f'printf "%s\\n" {" ".join(f"{chr(34)}{h}{chr(34)}" for h in headers)} > headers.txt'
        ]
        lines.append("export GDAL_HTTP_HEADER_FILE=headers.txt")
    lines.append(f'ogr2ogr -f GPKG {slug}.gpkg "OAPIF:{base}/ogc/features" {slug}')
    return "\n".join(lines)


def _duckdb(data: str, parameters: dict[str, str], bearer: str, slug: str) -> str:
    query = f"?{urlencode(parameters)}" if parameters else ""
    return (
        f'curl {bearer}-o {slug}.parquet "{data}.parquet{query}"\n'
        f"duckdb -c \"FROM '{slug}.parquet' LIMIT 10\""
    )
