"""What the city senses: things, datastreams, observations."""

from quanyu.streams.default_features import default_features
from quanyu.streams.described import (
    MEASUREMENT,
    DatastreamDraft,
    Described,
    datastream_numbers,
    datastreams_of,
    described,
    ensure_datastreams,
)
from quanyu.streams.expressions import Among, Call, Column, Expression, Value
from quanyu.streams.observations import (
    Appended,
    Key,
    Observation,
    Observations,
    Selection,
    move,
    observation_id,
    observation_key,
    observation_schema,
    sort_a_month,
)
from quanyu.streams.received import observation_of
from quanyu.streams.watched import (
    WatchedStream,
    datastreams_of_things,
    datastreams_where,
    feature_places,
    watched_streams,
)

__all__ = [
    "MEASUREMENT",
    "Among",
    "Appended",
    "Call",
    "Column",
    "DatastreamDraft",
    "Described",
    "Expression",
    "Key",
    "Observation",
    "Observations",
    "Selection",
    "Value",
    "WatchedStream",
    "datastream_numbers",
    "datastreams_of",
    "datastreams_of_things",
    "datastreams_where",
    "default_features",
    "described",
    "ensure_datastreams",
    "feature_places",
    "move",
    "observation_id",
    "observation_key",
    "observation_of",
    "observation_schema",
    "sort_a_month",
    "watched_streams",
]
