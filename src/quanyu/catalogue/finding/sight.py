"""What a caller may know of, as groups of facet values for the index.

The same as :func:`quanyu.catalogue.rights.visible_rows`; a test holds them together.
"""

from quanyu.catalogue.codes import State
from quanyu.catalogue.finding.values import Value
from quanyu.parties import Caller

PUBLIC = frozenset({State.PUBLISHED})


def visible_values(caller: Caller) -> tuple[Value, ...]:
    """Values of which a visible entry has at least one; none when all are visible."""
    if caller.runs_node:
        return ()
    public = tuple(("state", state.value) for state in sorted(PUBLIC))
    return public if caller.party is None else (*public, ("provider", str(caller.party)))
