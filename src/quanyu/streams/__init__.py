"""What the city senses: things, datastreams, observations."""

from quanyu.streams.answering import Answered, answer
from quanyu.streams.arrays import take_arrays
from quanyu.streams.backfill import FilePlan, Loaded, distinct_in, load_file
from quanyu.streams.cards import Card, Span, facility_card
from quanyu.streams.changing import Change, Changed, Do, change
from quanyu.streams.deleting import clear_gone
from quanyu.streams.described import (
    MEASUREMENT,
    DatastreamDraft,
    Described,
    datastream_numbers,
    datastreams_of,
    described,
    ensure_datastreams,
)
from quanyu.streams.documents import Given
from quanyu.streams.entities import SETS
from quanyu.streams.featuring import default_features
from quanyu.streams.intake import Intake
from quanyu.streams.names import name_of
from quanyu.streams.observations import (
    Appended,
    Key,
    Observation,
    Observations,
    Selection,
    move,
    move_wanted,
    observation_id,
    observation_key,
    observation_schema,
    sort_a_month,
)
from quanyu.streams.observing import Observing, observing_lately
from quanyu.streams.querying import ResultFormat, query_options
from quanyu.streams.received import observation_of
from quanyu.streams.rendering import id_text
from quanyu.streams.resolving import target_of_path
from quanyu.streams.scope import STREAM_FIELDS
from quanyu.streams.seen import documents_of
from quanyu.streams.sights import Streams
from quanyu.streams.subscribing import (
    Subscription,
    SubscriptionDraft,
    Way,
    due_webhooks,
    end_subscription,
    heard,
    of_client,
    put_off,
    remove_subscription,
    resume,
    subscribe,
    subscription,
    subscriptions,
)
from quanyu.streams.visibility import Sight
from quanyu.streams.watched import (
    WatchedStream,
    datastreams_of_things,
    datastreams_where,
    feature_places,
    stream_revisions,
    watched_streams,
)

__all__ = [
    "MEASUREMENT",
    "SETS",
    "STREAM_FIELDS",
    "Answered",
    "Appended",
    "Card",
    "Change",
    "Changed",
    "DatastreamDraft",
    "Described",
    "Do",
    "FilePlan",
    "Given",
    "Intake",
    "Key",
    "Loaded",
    "Observation",
    "Observations",
    "Observing",
    "ResultFormat",
    "Selection",
    "Sight",
    "Span",
    "Streams",
    "Subscription",
    "SubscriptionDraft",
    "WatchedStream",
    "Way",
    "answer",
    "change",
    "clear_gone",
    "datastream_numbers",
    "datastreams_of",
    "datastreams_of_things",
    "datastreams_where",
    "default_features",
    "described",
    "distinct_in",
    "documents_of",
    "due_webhooks",
    "end_subscription",
    "ensure_datastreams",
    "facility_card",
    "feature_places",
    "heard",
    "id_text",
    "load_file",
    "move",
    "move_wanted",
    "name_of",
    "observation_id",
    "observation_key",
    "observation_of",
    "observation_schema",
    "observing_lately",
    "of_client",
    "put_off",
    "query_options",
    "remove_subscription",
    "resume",
    "sort_a_month",
    "stream_revisions",
    "subscribe",
    "subscription",
    "subscriptions",
    "take_arrays",
    "target_of_path",
    "watched_streams",
]
