"""Streams: things and datastreams by SensorThings 1.1, and what they observe."""

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
from quanyu.streams.expressions import (
    ALL,
    NONE,
    Among,
    Call,
    Column,
    Dialect,
    Expression,
    Value,
    all_of,
    among,
    any_of,
    compiled,
)

__all__ = [
    "ALL",
    "MEASUREMENT",
    "NONE",
    "Among",
    "Call",
    "Column",
    "DatastreamDraft",
    "Described",
    "Dialect",
    "Expression",
    "Value",
    "all_of",
    "among",
    "any_of",
    "compiled",
    "datastream_numbers",
    "datastreams_of",
    "default_features",
    "described",
    "ensure_datastreams",
]
