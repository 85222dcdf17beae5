"""One ZIP with everything: the data, what its fields mean, its licence and its description.

The same bytes each time (times in it are those of the version), so that it can be resumed.
"""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

import orjson

from quanyu.catalogue import Resource, to_record
from quanyu.kernel import LANGUAGES, Language, LocalText, iso, translate
from quanyu.spacetime import Format, GeometryType, Query, View
from quanyu.web.dictionary import data_package, described_fields, dictionary_csv
from quanyu.web.licence_words import licence_text


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is said beside the data."""

    of: Resource
    provider: LocalText
    base: str
    language: Language


def write_bundle(
    view: View, query: Query, bundle: Bundle, went_out: Callable[[int], None]
) -> Iterator[bytes]:
    """The ZIP, streamed: CSV, GeoParquet (Parquet without geometry), dictionary, licence, data
    package (Frictionless) and record. Rows are told once, though they are in it twice."""
    sink = _Sink()
    slug = bundle.of.slug
    version = view.version
    when = version.created_at.timetuple()[:6]
    shaped = view.geometry is not GeometryType.NONE
    table = f"{slug}.parquet"

    def info(name: str) -> zipfile.ZipInfo:
        found = zipfile.ZipInfo(f"{slug}.v{version.number}/{name}", when)
        found.compress_type = zipfile.ZIP_DEFLATED
        found.external_attr = 0o644 << 16
        return found

    fields = described_fields(view.fields, bundle.of)
    texts = {
        "README.txt": _readme(view, bundle, shaped),
        **{
            f"LICENCE.{language}.txt": licence_text(bundle.of, bundle.provider, language)
            for language in LANGUAGES
        },
        "dictionary.csv": dictionary_csv(fields),
        "datapackage.json": _json(
            data_package(view, bundle.of, fields, f"{slug}.csv", bundle.language)
        ),
        "metadata.json": _json(
            to_record(bundle.of, bundle.language, provider=bundle.provider)
            | {"links": [{"rel": "about", "href": f"{bundle.base}/resources/{slug}"}]}
        ),
    }
    with zipfile.ZipFile(cast("IO[bytes]", sink), "w") as file:
        for name, text in texts.items():
            file.writestr(info(name), text.encode())
        yield sink.take()
        for name, form, told in (
            (f"{slug}.csv", Format.CSV, went_out),
            (table, Format.GEOPARQUET, _unheard),
        ):
            with file.open(info(name), "w", force_zip64=True) as member:
                for piece in view.write(query, form, told):
                    member.write(piece)
                    yield sink.take()
    yield sink.take()


def _readme(view: View, bundle: Bundle, shaped: bool) -> str:
    parts = []
    for language in LANGUAGES:

        def say(message: str, **params: object) -> str:
            return translate(language, message, **params)  # noqa: B023 - used in this turn only

        of, version = bundle.of, view.version
        lines = [
            of.title.to(language),
            of.abstract.to(language) if of.abstract else "",
            "",
            say("Provider: {name}", name=bundle.provider.to(language)),
            say("Version {number} of {when}", number=version.number, when=iso(version.created_at)),
            say("From: {url}", url=f"{bundle.base}/resources/{of.slug}"),
            "",
            f"{of.slug}.csv — " + say("the data as text (UTF-8)"),
            f"{of.slug}.parquet — "
            + (say("the data with geometry (GeoParquet)") if shaped else say("the data (Parquet)")),
            "dictionary.csv — " + say("what each field means"),
            "datapackage.json — " + say("the same for programs (Frictionless)"),
            "metadata.json — " + say("the catalogue's record (OGC API – Records)"),
            f"LICENCE.{language}.txt — " + say("what you may do and must do"),
        ]
        if not view.restriction.open:
            lines.append(say("It holds what the agreement shows, not everything there is."))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _json(document: dict[str, Any]) -> str:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _unheard(_rows: int) -> None:
    return None


class _Sink:
    """A file without a way back, whose bytes are taken out as they come."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do: bytes wait to be taken."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
