"""Who acts in a command: a login by ``--as``, else the node's administrator."""

from typing import Annotated

import typer

from quanyu.cli.node import administrator
from quanyu.cli.parties import member_caller
from quanyu.kernel import ControlStore
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
