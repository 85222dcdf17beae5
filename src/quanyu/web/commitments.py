"""Commitments to what was asked: the log holds a salted hash, the parties can open it later."""

import os
import secrets
from functools import lru_cache
from pathlib import Path

from quanyu.evidence import salt_of
from quanyu.kernel import UseId, blind
from quanyu.web.node import Node

_BYTES = 32


def query_salt(node: Node, use: UseId) -> str:
    """The salt that blinds the query of a use; nobody outside can tell it."""
    return salt_of(_secret(node.settings.dir), use, "query")


def query_commitment(node: Node, use: UseId, query: str) -> str:
    """What the leaf of a use holds of its query (path and query string)."""
    return blind(query, query_salt(node, use))


@lru_cache(maxsize=8)
def _secret(folder: Path) -> bytes:
    """The node's secret, made by whichever worker and thread comes first."""
    path = folder / "keys" / "commitments"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        mine = path.with_suffix(f".{secrets.token_hex(8)}")
        mine.touch(mode=0o600)
        mine.write_bytes(secrets.token_bytes(_BYTES))
        try:
            os.link(mine, path)
        except FileExistsError:
            # Another was quicker: its secret is the node's.
            pass
        finally:
            mine.unlink()
    return path.read_bytes()
