"""A use that a transaction of the control store writes down, and not a journal.

For what a node reads of itself and keeps before it leaves: the use is in evidence exactly when the
store says that the data were kept, so that a crash between the two makes no second use.
"""

from sqlalchemy.orm import Session

from quanyu.evidence.model import Use, use_leaf
from quanyu.kernel import Owed


def owe_use(session: Session, use: Use) -> None:
    """Add the leaf of a use to the log with this transaction."""
    session.add(Owed(leaf=use.id, at=use.at, kind="used", subject=use.resource, body=use_leaf(use)))
