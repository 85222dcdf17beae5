"""Both languages are complete: templates, TypeScript, errors."""

import re
import subprocess
import sys
from pathlib import Path

from jinja2 import Environment, nodes

from quanyu.web.pages import TEMPLATES

ROOT = Path(__file__).parents[2]


def test_every_message_has_its_chinese() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "words.py", "check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_call_in_typescript_is_found() -> None:
    """The extraction reads ``t("…")``: a message made otherwise would be lost."""
    for path in (ROOT / "web-ui" / "src").rglob("*.ts"):
        text = path.read_text()
        calls = re.findall(r"(?<![\w.])t\((?!id)", text)
        literal = re.findall(r'(?<![\w.])t\(\s*"', text)
        declared = re.findall(r"function t\(", text)
        assert len(calls) == len(literal) + len(declared) - len(
            re.findall(r"function t\(id", text)
        ), path
        counted = re.findall(r"(?<![\w.])(?<!function )tn\(", text)
        assert len(counted) == len(re.findall(r'(?<![\w.])tn\(\s*"[^"]*",\s*"', text)), path


def test_templates_hold_no_bare_words() -> None:
    """Text between tags is translated or the same in both languages."""
    environment = Environment(extensions=["jinja2.ext.do"], autoescape=True)
    same = {
        "Authorization: Bearer",
        "OGC API",
        "SensorThings",
        "Things",
        "API",
        "CSV",
        "HTTP",
        "PDF",
        "STAC",
        "XLSX · CSV",
        "Table Schema",
        "JSON",
        "ID",
        "id",
        "fid",
        "OpenAPI",
        "2D",
        "3D",
        "SHA-256",
        "English",
    }
    for path in TEMPLATES.rglob("*.html"):
        tree = environment.parse(path.read_text())
        data = "\0".join(node.data for node in tree.find_all(nodes.TemplateData))
        text = re.sub(r"<[^>]*>|<[^>\0]*\0|^[^<\0]*>", "\0", data)
        words = {w.strip(" ·/\n—…()#,:&;") for w in text.split("\0")}
        bare = {
            w
            for w in words
            if re.search(r"[A-Za-z]{3}", w) and not re.search(r'[="<>{}/]|&amp|^[a-z-]+$', w)
        }
        names = ("OGC", "C2SP", "EPSG", "GBK", "GCJ", "UTF", "GB1")
        left = {w for w in bare if w not in same and not any(name in w for name in names)}
        assert not left, (path.name, left)


def test_every_leaf_of_the_log_has_its_words() -> None:
    from quanyu.catalogue import Move, ReuseState, StepKind
    from quanyu.web.portal.evidence_words import KINDS

    said = {f"application.{one.value}" for one in Move}
    said |= {f"resource.{one.value}" for one in StepKind}
    said |= {f"reuse.{one.value}" for one in ReuseState}
    for path in (ROOT / "src" / "quanyu").rglob("*.py"):
        said |= set(re.findall(r'owe\(\s*session,\s*"([a-z._-]+)"', path.read_text()))
    assert said <= KINDS.keys(), said - KINDS.keys()
