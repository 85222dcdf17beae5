"""What the city senses: things, datastreams, observations."""

from quanyu.streams.answering import Answered, answer
from quanyu.streams.arrays import take_arrays
from quanyu.streams.backfill import FilePlan, Loaded, check_file, load_file
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
from quanyu.streams.figuring import Figures, figures_of
from quanyu.streams.flagging import declared_checks, flag_of, flagged
from quanyu.streams.forms import csv_of
from quanyu.streams.intake import Intake
from quanyu.streams.inventory import Inventory, load_things, settle_streams
from quanyu.streams.loading import load_into
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
from quanyu.streams.observing import (
    Flagged,
    Observing,
    flagged_between,
    look_ahead,
    observing_lately,
)
from quanyu.streams.qartod import Checks, Flag, checks_of
from quanyu.streams.querying import ResultFormat, query_options
from quanyu.streams.received import observation_of
from quanyu.streams.reflagging import Reflagged, flag_again
from quanyu.streams.rendering import id_text
from quanyu.streams.replaying import (
    REPLAY_FILE,
    REPLAYED,
    Replay,
    keep_replay,
    play,
    play_on,
    read_replay,
)
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
    pause,
    put_off,
    remove_subscription,
    resume,
    subscribe,
    subscription,
    subscriptions,
)
from quanyu.streams.tabular import distinct_in
from quanyu.streams.units import printed_unit
from quanyu.streams.visibility import Sight
from quanyu.streams.watched import (
    ThingAt,
    WatchedStream,
    datastreams_of_things,
    datastreams_where,
    feature_places,
    stream_revisions,
    things_at,
    watched_streams,
)

__all__ = [
    "MEASUREMENT",
    "REPLAYED",
    "REPLAY_FILE",
    "SETS",
    "STREAM_FIELDS",
    "Answered",
    "Appended",
    "Card",
    "Change",
    "Changed",
    "Checks",
    "DatastreamDraft",
    "Described",
    "Do",
    "Figures",
    "FilePlan",
    "Flag",
    "Flagged",
    "Given",
    "Intake",
    "Inventory",
    "Key",
    "Loaded",
    "Observation",
    "Observations",
    "Observing",
    "Reflagged",
    "Replay",
    "ResultFormat",
    "Selection",
    "Sight",
    "Span",
    "Streams",
    "Subscription",
    "SubscriptionDraft",
    "ThingAt",
    "WatchedStream",
    "Way",
    "answer",
    "change",
    "check_file",
    "checks_of",
    "clear_gone",
    "csv_of",
    "datastream_numbers",
    "datastreams_of",
    "datastreams_of_things",
    "datastreams_where",
    "declared_checks",
    "default_features",
    "described",
    "distinct_in",
    "documents_of",
    "due_webhooks",
    "end_subscription",
    "ensure_datastreams",
    "facility_card",
    "feature_places",
    "figures_of",
    "flag_again",
    "flag_of",
    "flagged",
    "flagged_between",
    "heard",
    "id_text",
    "keep_replay",
    "load_file",
    "load_into",
    "load_things",
    "look_ahead",
    "move",
    "move_wanted",
    "name_of",
    "observation_id",
    "observation_key",
    "observation_of",
    "observation_schema",
    "observing_lately",
    "of_client",
    "pause",
    "play",
    "play_on",
    "printed_unit",
    "put_off",
    "query_options",
    "read_replay",
    "remove_subscription",
    "resume",
    "settle_streams",
    "sort_a_month",
    "stream_revisions",
    "subscribe",
    "subscription",
    "subscriptions",
    "take_arrays",
    "target_of_path",
    "things_at",
    "watched_streams",
]
