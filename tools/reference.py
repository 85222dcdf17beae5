"""Write (or with ``--check`` compare) the reference pages that follow from the program itself."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from quanyu.agreements import rules_document, terms_document
from quanyu.catalogue import exchange_document, kinds_document
from quanyu.cli import assemble
from quanyu.compute import LONGEST_S, MEMORY, MOST_ROWS, MOST_TABLES, console_document
from quanyu.kernel.settings_table import settings_markdown

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"


def commands_markdown() -> str:
    """Every command, its options and its example."""
    lines = ["# Command line", "", "Each command says the same with `--help`.", ""]
    root = typer.main.get_command(assemble())
    for name, command in _leaves(root, ()):
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
        usage = " ".join(["quanyu", name, *(str(a.name).upper() for a in arguments)])
        lines += [f"## `{usage}`", "", (command.help or "").strip(), ""]
        if options:
            lines += ["| option | meaning | default |", "|---|---|---|"]
            lines += [_row(option) for option in options]
            lines.append("")
        if command.epilog:
            lines += [command.epilog.strip(), ""]
    return "\n".join(lines)


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from _leaves(child, (*path, name))
    else:
        yield " ".join(path), command


def _row(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    default = option.default
    shown = "" if default in (None, False, "", ()) or callable(default) else f"`{default}`"
    return f"| {names} | {option.help or ''} | {shown} |"


PAGES = {
    "settings.md": settings_markdown,
    "commands.md": commands_markdown,
    "rules.md": rules_document,
    "policy-terms.md": terms_document,
    "kinds.md": kinds_document,
    "exchange.md": exchange_document,
    "sql.md": lambda: console_document(MOST_TABLES, MOST_ROWS, LONGEST_S, MEMORY),
}


def main() -> None:
    """Write the pages, or fail when one is not what the program has."""
    check = "--check" in sys.argv
    stale = []
    for name, make in PAGES.items():
        page, text = REFERENCE / name, make()
        if page.exists() and page.read_text("utf-8") == text:
            continue
        stale.append(name)
        if not check:
            page.write_text(text, "utf-8")
    if check and stale:
        sys.exit(f"stale: {', '.join(stale)}; run: make reference")


if __name__ == "__main__":
    main()
