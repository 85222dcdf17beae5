"""What the city senses: things, datastreams, observations."""

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

__all__ = [
    "Appended",
    "Key",
    "Observation",
    "Observations",
    "Selection",
    "move",
    "observation_id",
    "observation_key",
    "observation_schema",
    "sort_a_month",
]
