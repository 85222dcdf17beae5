"""An Observation as SensorThings sends it, into what the store takes in (OGC 18-088, 8.2.7)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from quanyu.kernel import Invalid
from quanyu.streams.documents import given_id
from quanyu.streams.names import key_text
from quanyu.streams.observations import Observation
from quanyu.streams.times import instant, period

_WHOLE = 2**53


def observation_of(
    document: Mapping[str, Any],
    *,
    datastream: int,
    received: datetime,
    feature: int | None = None,
    values: int = 0,
) -> Observation:
    """The observation that ``document`` says, of the datastream with that number, which has so many
    ``values`` in a result where it is a multi-datastream.

    Its phenomenon time is when it was received, where none is said; an id that is given becomes its
    key. Raises ``Invalid`` naming the property that is wrong.
    """
    if "result" not in document or document["result"] is None:
        raise Invalid("an observation needs a result", field="result", mend="add result")
    if values and not isinstance(document["result"], list):
        raise Invalid("the result of a MultiDatastream is a list", field="result")
    if values and len(document["result"]) != values:
        raise Invalid(
            "the result has {count} values, and the MultiDatastream {most}",
            field="result",
            mend="send one for each observed property, in their order; null for none",
            count=len(document["result"]),
            most=values,
        )
    start, end = received, None
    if document.get("phenomenonTime") is not None:
        start, end = period(document["phenomenonTime"], "phenomenonTime")
    valid: tuple[datetime | None, datetime | None] = (None, None)
    if document.get("validTime") is not None:
        valid = period(document["validTime"], "validTime")
    said = document.get("resultTime")
    parameters = document.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise Invalid("parameters are an object", field="parameters")
    return Observation(
        datastream=datastream,
        start=start,
        end=end,
        key=_key(document),
        result_time=None if said is None else instant(said, "resultTime"),
        quality=_text(document.get("resultQuality")),
        valid_start=valid[0],
        valid_end=valid[1],
        parameters=None if parameters is None else orjson.dumps(parameters).decode(),
        feature=feature,
        **_result(document["result"]),
    )


def _result(value: Any) -> dict[str, Any]:
    """Numbers and texts are kept as such, everything else as JSON."""
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, float) or (
        isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _WHOLE
    ):
        return {"number": float(value)}
    return {"json": orjson.dumps(value).decode()}


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _key(document: Mapping[str, Any]) -> str:
    return key_text(given_id(document["@iot.id"])) if "@iot.id" in document else ""
