"""Topics of SensorThings (OGC 18-088, clause 14) below the slug of a stream."""

import re
from dataclasses import dataclass

from quanyu.kernel import Invalid

_ENTITY = re.compile(
    r"(?P<slug>[a-z0-9][a-z0-9_-]*)/v1\.1/(?:(?P<set>Datastreams|MultiDatastreams)"
    r"\((?P<id>-?\d+|'(?:[^']|'')+')\)/)?Observations"
)
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Topic:
    """Where observations are sent to and come from; all of the stream without ``datastream``."""

    slug: str
    datastream: str | None = None
    multi: bool = False


def read_topic(text: str) -> Topic:
    """``slug/v1.1/Datastreams(id)/Observations`` or ``slug/v1.1/Observations``; raises ``Invalid``.

    A text id stands in quotes, as in an address.
    """
    found = _ENTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise Invalid(
            "there is no such topic here",
            field="topic",
            mend="use slug/v1.1/Datastreams(id)/Observations or slug/v1.1/Observations",
        )
    given = found["id"]
    if given is not None and given.startswith("'"):
        given = given[1:-1].replace("''", "'")
    return Topic(found["slug"], given, found["set"] == "MultiDatastreams")
