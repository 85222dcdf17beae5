"""Every `quanyu` command in the documentation is one that the program takes."""

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from quanyu.cli import assemble

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("README*.md"))]
BLOCK = re.compile(r"^ *```(?:sh|text)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:\.venv/bin/)?quanyu [^`]+)`")
PROGRAM = re.compile(r"(?:^|[|&;(]) *(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?quanyu (?=[a-z])")
NAMED = re.compile(r"[A-Z_]{3,}")
"""A value that a page only names: ``quanyu add SOURCE``."""
GIVEN = re.compile(r"\$\([^)]*\)")
ERRORS = re.compile(r"\s2>.*")
SHELL = frozenset("();<>|&")
"""What ends a command; a word of these alone."""

_REFUSED: Any = typer.BadParameter.__mro__[1]
"""What is raised for words that the program does not take; typer names only an heir of it."""


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of each command in a page as the shell would give them."""
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            yield from _of_line(line)
    for line in INLINE.findall(text):
        yield from _of_line(" ".join(line.split()))


def _of_line(line: str) -> Iterator[list[str]]:
    for begin in PROGRAM.finditer(line):
        rest = ERRORS.sub("", GIVEN.sub("given", line[begin.end() :]))
        words = shlex.shlex(rest, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        found = list(takewhile(lambda word: not set(word) <= SHELL, words))
        if found and not any(NAMED.fullmatch(word) for word in found):
            yield found


@pytest.fixture(scope="module")
def program() -> Any:
    return typer.main.get_command(assemble())


def refused(program: Any, words: list[str]) -> str | None:
    """Why the program would not take these words; nothing of it runs."""
    command, name, rest, context = program, "quanyu", words, None
    while True:
        if not rest and command is not program:
            return None  # a command that is only named
        try:
            context = command.make_context(name, list(rest), parent=context)
            if not isinstance(command, TyperGroup):
                return None
            name, command, rest = command.resolve_command(context, rest)
        except typer.Exit:
            return None  # --help
        except _REFUSED as error:
            # The files that a page speaks of are the reader's.
            return None if "does not exist" in str(error) else f"{name}: {error}"


def test_the_commands_of_all_pages_are_taken(program: Any) -> None:
    found = [(page, words) for page in PAGES for words in commands(page.read_text("utf-8"))]
    assert len(found) > 300
    wrong = {
        f"{page.relative_to(ROOT)}: {shlex.join(words)}": why
        for page, words in found
        if (why := refused(program, words)) is not None
    }
    assert not wrong


@pytest.mark.parametrize(
    "line",
    [
        "quanyu settel 2026-11",
        "quanyu rights shwo trees",
        "quanyu settle 2026-11 --quick",
        "quanyu price set off_01… --as department",
        "A=$(quanyu rights list --kind dozing | head -1)",
    ],
)
def test_what_the_program_has_not_is_found(program: Any, line: str) -> None:
    (words,) = commands(f"```sh\n{line}\n```\n")
    assert refused(program, words) is not None
