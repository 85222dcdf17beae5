"""Who acts in a command: a login by ``--as``, else the node's administrator."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from quanyu.cli.node import administrator
from quanyu.cli.parties import member_caller
from quanyu.kernel import ControlStore, load_settings, open_control
from quanyu.parties import Caller

As = Annotated[
    str | None, typer.Option("--as", help="Login that acts; else the node's administrator.")
]


def acting(control: ControlStore, login: str | None) -> Caller:
    """The caller of a command."""
    if login is None:
        return administrator(control)
    with control.read() as session:
        return member_caller(session, login)


@contextmanager
def writing_as(folder: Path, login: str | None) -> Iterator[tuple[Session, Caller]]:
    """A transaction of the node in ``folder``, and who acts in it: see :func:`acting`."""
    control = open_control(load_settings(dir=folder))
    caller = acting(control, login)
    with control.begin() as session:
        yield session, caller
