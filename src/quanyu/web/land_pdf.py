"""The report of a compliance check as PDF: text that can be read back, a drawing, a QR code."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely
from fpdf import FPDF

from quanyu.kernel import Language, Settings, in_zone, translate
from quanyu.land import Plane, Record
from quanyu.web.pdf_fonts import fonts_for
from quanyu.web.pdf_paper import INK, SOFT, Paper, new_paper

_VERDICTS = {
    "pass": (13, 90, 84),
    "fail": (161, 45, 34),
    "review": (138, 74, 0),
    "unchecked": (91, 103, 98),
}
_MOST_ROWS = 60
_DRAWN = 78.0  # millimetres, square


def land_pdf(
    record: Record, language: Language, base: str, settings: Settings, fonts: Path
) -> bytes:
    """The PDF of a record in a language; ``base`` is where the node is reached, whose name and time
    zone ``settings`` say, ``fonts`` a folder where fonts are kept once made."""
    node_name = settings.node_name
    report = orjson.loads(record.report)
    words = _Words(language, settings.time_zone)
    lines = _texts(record, report, words, base, node_name)
    document = new_paper(report["project"]["name"] or "land report", fonts_for(lines, fonts))
    page = _Page(document, words)
    page.title(words.say("Compliance report"), report["project"]["name"], report)
    page.project(report["project"], report["day"])
    page.drawing(report)
    page.findings(report["findings"])
    page.sources(report)
    page.proof(record, base, node_name)
    return bytes(document.output())


class _Words:
    def __init__(self, language: Language, zone: str) -> None:
        self.language = language
        self._zone = zone

    def say(self, message: str, **params: object) -> str:
        """A message in the language."""
        return translate(self.language, message, **params)

    def time(self, text: str) -> str:
        """An instant of the report in the node's time zone."""
        return in_zone(datetime.fromisoformat(text), self._zone)

    def of(self, text: dict[str, str]) -> str:
        """A bilingual text of the report."""
        return text[self.language] or text["en"] or text["zh"]


def _texts(record: Record, report: dict[str, Any], words: _Words, base: str, node_name: str) -> str:
    """Every character that the document may show."""
    said = [base, node_name, record.id, *map(words.say, LABELS.values())]
    return "".join([*said, *_spoken(report, words), "²·—–", *map(chr, range(32, 127))])


def _spoken(part: Any, words: _Words) -> Iterator[str]:
    """Texts of a report in the language of the document."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, list):
        for one in part:
            yield from _spoken(one, words)
    elif isinstance(part, dict) and part.keys() == {"zh", "en"}:
        yield words.of(part)
    elif isinstance(part, dict):
        for name, one in part.items():
            if name not in ("geometry", "left"):
                yield from _spoken(one, words)


LABELS: dict[str, str] = {
    "title": "Compliance report",
    "overall": "Overall",
    "area": "Area of the project",
    "net": "Net site area",
    "use": "Proposed use",
    "height": "Height",
    "floor": "Floor area",
    "footprint": "Footprint",
    "green": "Green area",
    "day": "As of",
    "rules": "Rules",
    "sources": "Sources",
    "unread": "Not read",
    "proof": "Evidence",
    "check": "Check it yourself",
    "feature": "Feature",
    "source": "Source",
    "share": "Share of the project",
    "basis": "Basis",
    "version": "Version {number}, known since {when}",
    "more": "and {count} more in the JSON report",
    "digest": "SHA-256 of the report",
    "leaf": "Leaf of the log",
    "generated": "Made by {node}; an aid to review, no administrative decision.",
    "drawing": "The project (outlined) and what it lies on",
}


class _Page(Paper):
    """Writes the parts of the document, one below the other."""

    def __init__(self, document: FPDF, words: _Words) -> None:
        super().__init__(document)
        self.words = words

    def title(self, heading: str, name: str, report: dict[str, Any]) -> None:
        self.line(heading, 10, SOFT)
        self.line(name or "—", 18)
        verdict = self.words.of(report["verdict_name"])
        overall = f"{self.words.say('Overall')}: {verdict}"
        self.line(overall, 13, _VERDICTS[report["verdict"]])
        self.pdf.ln(2)

    def project(self, project: dict[str, Any], day: str) -> None:
        say = self.words.say
        rows = [
            (say("Proposed use"), f"{project['use']} {self.words.of(project['use_name'])}"),
            (say("Area of the project"), f"{project['area_m2']:,.2f} m²"),
            (say("Net site area"), f"{project['net_m2']:,.2f} m²"),
        ]
        for label, key, unit in (
            ("Height", "height_m", "m"),
            ("Floor area", "floor_area_m2", "m²"),
            ("Footprint", "footprint_m2", "m²"),
            ("Green area", "green_area_m2", "m²"),
        ):
            if project[key] is not None:
                rows.append((say(label), f"{project[key]:,.2f} {unit}"))
        rows.append((say("As of"), day))
        self.table([(name, value) for name, value in rows], (50, 124), head=None)

    def drawing(self, report: dict[str, Any]) -> None:
        """The project and what of it lies on control lines, north up, in the check's own plane."""
        outline = shapely.from_geojson(orjson.dumps(report["project"]["geometry"]))
        plane = Plane(outline)
        flat = plane.metres(outline)
        west, south, east, north = flat.bounds
        scale = _DRAWN / max(east - west, north - south, 1e-9)
        if self.pdf.will_page_break(_DRAWN + 14):
            self.pdf.add_page()
        self.line(self.words.say("The project (outlined) and what it lies on"), 9, SOFT)
        left, top = self.pdf.l_margin, self.pdf.get_y() + 1

        def place(points: Any) -> list[tuple[float, float]]:
            x = left + (points[:, 0] - west) * scale
            y = top + (north - points[:, 1]) * scale
            return [(float(a), float(b)) for a, b in np.column_stack([x, y])]

        for finding in report["findings"]:
            if finding["rule"] not in ("farmland", "ecology", "urban-boundary"):
                continue
            shapes = [t["geometry"] for t in finding["touches"]]
            if finding["rule"] == "urban-boundary":
                shapes = [finding["left"]] if "left" in finding else []
            self.pdf.set_fill_color(
                *{"farmland": (222, 178, 60), "ecology": (200, 80, 70)}.get(
                    finding["rule"], (170, 170, 190)
                )
            )
            for shape in shapes:
                area = plane.metres(shapely.from_geojson(orjson.dumps(shape)))
                for part in shapely.get_parts(area):
                    self.pdf.polygon(place(shapely.get_coordinates(part.exterior)), style="F")
        self.pdf.set_draw_color(*INK)
        self.pdf.set_line_width(0.4)
        for part in shapely.get_parts(flat):
            for ring in (part.exterior, *part.interiors):
                self.pdf.polygon(place(shapely.get_coordinates(ring)), style="D")
        self.pdf.set_y(top + (north - south) * scale + 4)

    def findings(self, findings: list[dict[str, Any]]) -> None:
        self.heading(self.words.say("Rules"))
        for one in findings:
            if self.pdf.will_page_break(24):
                self.pdf.add_page()
            verdict = self.words.of(one["verdict_name"])
            self.line(f"{self.words.of(one['name'])} — {verdict}", 11, _VERDICTS[one["verdict"]])
            self.line(self.words.of(one["said"]), 10)
            self.line(f"{self.words.say('Basis')}: {self.words.of(one['basis'])}", 8, SOFT)
            rows = [
                (
                    touch["feature"],
                    f"{touch['dataset']} {touch['version']}",
                    f"{touch['area_m2']:,.2f}",
                    f"{100 * touch['share']:.2f} %",
                )
                for touch in one["touches"][:_MOST_ROWS]
            ]
            if rows:
                say = self.words.say
                head = (say("Feature"), say("Source"), "m²", say("Share of the project"))
                self.table(rows, (50, 60, 30, 34), head=head)
            more = len(one["touches"]) - len(rows)
            if more > 0:
                self.line(self.words.say("and {count} more in the JSON report", count=more), 8)
            self.pdf.ln(2)

    def sources(self, report: dict[str, Any]) -> None:
        self.heading(self.words.say("Sources"))
        for one in report["sources"]:
            known = self.words.say(
                "Version {number}, known since {when}",
                number=one["version"],
                when=self.words.time(one["known_at"]),
            )
            self.line(f"{self.words.of(one['role_name'])}: {one['dataset']} · {known}", 10)
            if one["note"]:
                self.line(self.words.of(one["note"]), 8, SOFT)
        if report["unread"]:
            self.heading(self.words.say("Not read"))
            for one in report["unread"]:
                name = f" {one['dataset']}" if one["dataset"] else ""
                why = self.words.of(one["why"])
                self.line(f"{self.words.of(one['role_name'])}{name}: {why}", 10)

    def proof(self, record: Record, base: str, node_name: str) -> None:
        self.heading(self.words.say("Evidence"))
        say = self.words.say
        address = f"{base}/verify?leaf={record.leaf}"
        self.coded(
            address,
            [
                (f"{say('SHA-256 of the report')}: {record.digest}", INK),
                (f"{say('Leaf of the log')}: {record.leaf}", INK),
                (f"{say('Check it yourself')}: {address}", INK),
                (f"quanyu verify {record.id}.json --key node.key", INK),
                (
                    say(
                        "Made by {node}; an aid to review, no administrative decision.",
                        node=node_name,
                    ),
                    SOFT,
                ),
            ],
        )
