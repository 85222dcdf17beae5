"""The interface's words: gather them from templates, TypeScript and errors into the catalogue.

``python tools/words.py update`` brings ``locale/zh/quanyu.po`` up to date, ``check`` fails when a
message lacks its Chinese or the catalogue is not what the sources say.
"""

import argparse
import ast
import re
import string
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, pairwise
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "quanyu"
PO = SOURCE / "kernel" / "locale" / "zh" / "quanyu.po"

# Functions and classes whose first text is shown to people; see quanyu.kernel.errors and i18n.
FIRST = {
    "QuanyuError", "Invalid", "Unauthenticated", "Refused", "NotFound", "NotAcceptable", "Conflict",
    "TooLarge", "TooMany", "Unavailable", "DataUnavailable", "Inconsistent", "UnknownSubject",
    "HeldElsewhere", "say", "_", "refused", "because", "PreconditionFailed", "PreconditionRequired",
    "UnsupportedMedia", "in_both",
}  # fmt: skip
SECOND = {
    "tell", "Fault", "Reject", "Waiting", "translate", "say", "Term", "refused", "Stated", "Rule",
    "Indicator", "_unfit",
}  # fmt: skip
NAMED = {"mend", "detail", "title", "says"}

# Messages in tables: every text in a dictionary or tuple of these names is a message.
TABLES = {
    "KINDS", "ROLES", "STATES", "STEPS", "FIELDS", "SCOPES", "LABELS", "PURPOSES", "STAGES",
    "INTERFACES", "RULES", "_SORTS", "_ACTIONS", "_MESSAGES", "_OTHER", "_OF_FRAMEWORK", "_WORDS",
    "EXTRA_WORDS", "FACES",
    "RUN_STATES", "OUTCOMES", "TRUSTS", "ON_MISSING", "PUBLIC", "DESK", "ACTION_WORDS", "CUTS",
    "DUTIES", "MEASURES", "OBLIGATION_STATES", "OVERDUE", "OWED", "REMINDERS",
    "METHODS", "ACCOUNTS", "MOVEMENTS", "DOCUMENTS", "MASKS", "BOOKED",
    "HEALTHS", "ASPECTS", "DIMENSIONS", "SEVERITIES", "CHECKS", "RULE_STATES", "ENDINGS",
    "PRIORITIES", "ORDER_SOURCES", "SHOWN", "WEEKDAY_NAMES", "HEADS", "TOLD",
    "TITLES", "FLAGS", "SPANS", "QUALITY_TESTS", "TERM_WORDS", "GROUPS", "WEEKDAY_WORDS", "_BOUNDS",
    "PROPERTY_NAMES", "PERIODS",
}  # fmt: skip
TABLE_FILES = ("web", "agreements", "kinds", "federation", "operations")

# Made at run time from parts, so that no reading of the source finds them.
MADE = (
    "name the source wherever the data are shown, before {by}",
    "delete the data by {by}",
    "inform the provider by {by}",
    "name the source wherever the data are shown",
    "delete the data",
    "inform the provider",
    "reviewed",
    "checked",
    "delete the data when they are no longer needed",
    "inform the provider of the use",
    "perSecond",
    "perMinute",
    "perHour",
    "perDay",
)

COUNTED = {"ngettext", "say_count", "translate_count"}
"""Functions with a text for one and, after it, a text for many."""

Text = str | tuple[str, str]
Found = tuple[str, Text, int]


def main() -> int:
    """Update or check the catalogue; the exit code is 1 when a check fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["update", "check"])
    task = parser.parse_args().task
    catalogue = merged()
    lacking = [str(m.id) for m in catalogue if m.id and not _last(m.string)]
    if task == "update":
        with PO.open("wb") as file:
            write_po(file, catalogue, width=100, sort_by_file=True, ignore_obsolete=True)
        print(f"{len(catalogue)} messages, {len(lacking)} without Chinese")
        return 0
    problems = [f"without Chinese: {text}" for text in lacking]
    problems += [f"parameters differ: {m.id}" for m in catalogue if m.id and _differs(m)]
    known = _read()
    problems += [f"not in the catalogue: {m.id}" for m in catalogue if m.id and m.id not in known]
    problems += [f"no longer used: {m.id}" for m in known if m.id and m.id not in catalogue]
    print("\n".join(problems) or f"{len(catalogue)} messages, all in Chinese")
    return 1 if problems else 0


def merged() -> Catalog:
    """The messages of the sources with the translations that are known."""
    known = _read()
    catalogue = Catalog(
        locale="zh",
        domain="quanyu",
        project="quanyu",
        header_comment="# Chinese of the interface. Message ids are the English.",
        fuzzy=False,
        creation_date=datetime(2026, 1, 1, tzinfo=UTC),
        revision_date=datetime(2026, 1, 1, tzinfo=UTC),
    )
    for place, message, _line in messages():
        old = known.get(message)
        catalogue.add(message, _chinese(old, message), locations=[(place, 0)])
    return catalogue


def _chinese(old: Message | None, message: Text) -> Text:
    """What is known of a message; one that is counted has one form in Chinese."""
    known = old.string if old and old.string else ""
    text = known if isinstance(known, str) else known[0]
    return text if isinstance(message, str) else (text,)  # type: ignore[return-value]


def messages() -> Iterator[Found]:
    """Every message with the file it stands in."""
    for path in sorted((SOURCE / "web" / "templates").rglob("*.html")):
        yield from _by_babel(
            path, "jinja2", {"_": None, "ngettext": (1, 2)}, {"extensions": "jinja2.ext.do"}
        )
    for path in sorted((ROOT / "web-ui" / "src").rglob("*.ts")):
        yield from _typescript(path)
    for path in sorted(SOURCE.rglob("*.py")):
        if "cli" not in path.relative_to(SOURCE).parts:
            yield from _python(path)
    for message in MADE:
        yield "tools/words.py", message, 0


def _by_babel(
    path: Path,
    method: str,
    keywords: dict[str, tuple[int, ...] | None],
    options: dict[str, str],
) -> Iterator[Found]:
    place = path.relative_to(ROOT).as_posix()
    for line, message, _comments, _context in extract_from_file(
        method, path, keywords=keywords, options=options
    ):
        yield place, message, line


_TEXT = r'"((?:[^"\\]|\\.)*)"'
_CALL = re.compile(rf"\b(?:t|say)\(\s*{_TEXT}|\btn\(\s*{_TEXT},\s*{_TEXT}", re.DOTALL)


def _typescript(path: Path) -> Iterator[Found]:
    # Calls of t() have their message as a literal in double quotes; tsc holds no rule against
    # that, so the pattern is narrow and the test counts calls.
    place = path.relative_to(ROOT).as_posix()
    text = path.read_text()
    for match in _CALL.finditer(text):
        said = [ast.literal_eval(f'"{one}"') for one in match.groups() if one is not None]
        message = (said[0], said[1]) if len(said) > 1 else said[0]
        yield place, message, text.count("\n", 0, match.start()) + 1


def _python(path: Path) -> Iterator[Found]:
    place = path.relative_to(ROOT).as_posix()
    tree = ast.parse(path.read_text())
    tables = any(part in TABLE_FILES for part in path.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found = chain(_called(node), _counted(node))
            yield from ((place, text, node.lineno) for text in found)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and tables:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            if names & TABLES and node.value is not None:
                yield from ((place, text, node.lineno) for text in _values(node.value))
        elif isinstance(node, ast.ClassDef) and path.name == "errors.py":
            yield from ((place, text, node.lineno) for text in _titles(node))


def _name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _counted(node: ast.Call) -> Iterator[Text]:
    """The text for one and the text for many."""
    if _name(node) in COUNTED:
        yield from pairwise(text for argument in node.args for text in _texts(argument))


def _called(node: ast.Call) -> Iterator[Text]:
    name = _name(node)
    if name in FIRST and node.args:
        yield from _texts(node.args[0])
    if name in SECOND and len(node.args) > 1:
        for argument in node.args[1:3]:
            yield from _texts(argument)
    if name == "notify":
        for keyword in node.keywords:
            if keyword.arg == "message":
                yield from _texts(keyword.value)
    if name in FIRST | SECOND:
        for keyword in node.keywords:
            if keyword.arg in NAMED:
                yield from _texts(keyword.value)


# Ids, examples, names of standards, prose of generated documents: nothing to translate.
_NO_WORDS = re.compile(
    r"|[a-z_]+(?:[.\-#][a-z_\-]+)+|pty_.*|\d{4}-.*|\n.*|.*[\w}]/$|/.*|[^a-zA-Z]+"
    r"|OGC API – .*|OpenAPI .*|C2SP .*|GeoJSON|\{why\}",
    re.DOTALL,
)


def _texts(node: ast.expr) -> Iterator[str]:
    """The literals that an expression may be; ids such as ``policy.deny`` are no sentences."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if not _NO_WORDS.fullmatch(node.value):
            yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def _values(node: ast.expr) -> Iterator[str]:
    """Texts of a table: values of a dictionary, texts of tuples, what calls are given."""
    if isinstance(node, ast.Dict):
        for value in node.values:
            yield from _values(value)
    elif isinstance(node, ast.Tuple | ast.List):
        texts = [text for item in node.elts for text in _values(item)]
        yield from (text for text in texts if " " in text or text[:1].isupper())
    else:
        yield from _texts(node)


def _titles(node: ast.ClassDef) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Tuple):
            last = inner.value.elts[-1]
            if isinstance(last, ast.Constant) and isinstance(last.value, str):
                yield last.value
        named = isinstance(inner, ast.AnnAssign) and getattr(inner.target, "id", "") == "title"
        if named and isinstance(inner.value, ast.Constant):
            yield str(inner.value.value)


def _read() -> Catalog:
    if not PO.exists():
        return Catalog(locale="zh")
    with PO.open("rb") as file:
        return read_po(file, locale="zh")


def _differs(message: object) -> bool:
    """Whether a translation lacks or adds a ``{parameter}``."""
    original, translated = (_last(getattr(message, side, "")) for side in ("id", "string"))
    return bool(translated) and _names(original) != _names(translated)


def _last(text: Text) -> str:
    return text if isinstance(text, str) else text[-1]


def _names(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}
    except ValueError:
        return set()


if __name__ == "__main__":
    sys.exit(main())
