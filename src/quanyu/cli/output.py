"""How commands speak: tables and progress for people, JSON for scripts, errors in one line."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

out = Console()
err = Console(stderr=True)
_WIDE = 100_000


def say(line: str) -> None:
    """A line for people, on standard output, never folded."""
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def give_json(document: Any) -> None:
    """A JSON document on standard output."""
    sys.stdout.buffer.write(orjson.dumps(document, option=orjson.OPT_INDENT_2, default=str) + b"\n")
    sys.stdout.buffer.flush()


def give_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table for people, nothing of it cut off: the first column, by which a row is named to other
    commands, stays on its line, the others fold. Piped into a program each row is one line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=not table.columns)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console(width=None if out.is_terminal else _WIDE).print(table)


@contextmanager
def progress(title: str, *, quiet: bool) -> Iterator[Callable[[int, int | None, str], None]]:
    """A bar on standard error, moved by calls of ``(done, total or None, what)``."""
    if quiet:
        yield lambda _done, _total, _what: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=None)

        def move(done: int, total: int | None, what: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{title} · {what}")

        yield move
