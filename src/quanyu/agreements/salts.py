"""The node's own salt: under it parties are blinded where no agreement brings a salt."""

import secrets
from typing import Literal, overload

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from quanyu.agreements.tables import GateSaltRow

_NAME = "node"


@overload
def node_salt(session: Session, *, create: Literal[True]) -> str: ...
@overload
def node_salt(session: Session, *, create: Literal[False] = False) -> str | None: ...
def node_salt(session: Session, *, create: bool = False) -> str | None:
    """The salt in hexadecimal; ``None`` before it was made, which ``create`` does once."""
    row = session.get(GateSaltRow, _NAME)
    if row is None and create:
        try:
            with session.begin_nested():
                session.add(GateSaltRow(name=_NAME, salt=secrets.token_hex(32)))
        except IntegrityError:
            # Another worker made it at the same moment.
            session.expire_all()
        row = session.get(GateSaltRow, _NAME)
    return None if row is None else row.salt
