"""Observations: durable when they were taken in, and one answer from all of them."""

from quanyu.streams.observations.model import (
    Appended,
    Key,
    Observation,
    Selection,
    moment_of,
    observation_id,
    observation_key,
    observation_schema,
)
from quanyu.streams.observations.moving import move, move_wanted, sort_a_month
from quanyu.streams.observations.store import Observations, Standing, latest_of

__all__ = [
    "Appended",
    "Key",
    "Observation",
    "Observations",
    "Selection",
    "Standing",
    "latest_of",
    "moment_of",
    "move",
    "move_wanted",
    "observation_id",
    "observation_key",
    "observation_schema",
    "sort_a_month",
]
