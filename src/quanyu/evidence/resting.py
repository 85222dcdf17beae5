"""On which checkpoint evidence rests: what others say of the log before what it says alone."""

import base64

from quanyu.evidence.cosigning import cosigned, cosigned_by_fewer
from quanyu.evidence.log import Log
from quanyu.evidence.note import parse_checkpoint, split_note
from quanyu.evidence.timestamping import timestamp_over


def checkpoint_over(log: Log, position: int) -> tuple[bytes, dict[str, str]]:
    """A checkpoint over the leaf at ``position`` and those before it, and ``timestamp`` (the
    authority's answer in base64) where there is one.

    It is the first over the leaf that was timestamped, else the one that witnesses cosigned, else
    the newer one that fewer of them did, else the newest.
    """
    found = timestamp_over(log, position + 1)
    if found is not None:
        return found.note, {"timestamp": base64.b64encode(found.token).decode()}
    for seen in (cosigned(log), cosigned_by_fewer(log)):
        if seen is not None and parse_checkpoint(split_note(seen)[0]).size > position:
            return seen, {}
    return log.checkpoint(), {}
