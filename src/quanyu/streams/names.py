"""Ids of observations: made of what tells them apart, or given by their client."""

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from quanyu.kernel import Conflict, NotFound
from quanyu.streams.documents import Given
from quanyu.streams.observations import Key, observation_id, observation_key
from quanyu.streams.tables import DatastreamRow, NameRow

_TEXT, _WHOLE = "@", "#"


def key_text(given: Given | None) -> str:
    """The key of an observation whose client gave it an id; empty where none was given."""
    if given is None:
        return ""
    return f"{_WHOLE if isinstance(given, int) else _TEXT}{given}"


def given_name(datastream: int, start_us: int, key: str) -> Given:
    """The id that an observation is answered with."""
    if key.startswith(_WHOLE):
        return int(key[1:])
    if key.startswith(_TEXT):
        return key[1:]
    return f"{datastream}~{start_us}~{key}"


def key_of(session: Session, root: int, name: Given) -> Key:
    """What tells an observation of a root apart, by its id; raises :class:`NotFound`."""
    text = str(name)
    row = session.get(NameRow, (root, key_text(name)))
    if row is None and text.isdecimal():
        row = session.get(NameRow, (root, f"{_WHOLE}{text}"))
    if row is not None:
        return Key(row.datastream, row.start, row.key)
    found = observation_key(text)
    of = session.scalar(select(DatastreamRow.root).where(DatastreamRow.number == found.datastream))
    if of != root:
        raise NotFound("there is no observation {id}", id=text[:80])
    return found


def note_name(session: Session, root: int, key: Key, *, moved: bool = False) -> None:
    """Note an id that a client gave; raises :class:`Conflict` when it is taken, unless it is the
    same observation, ``moved`` to another time."""
    known = session.get(NameRow, (root, key.key))
    if known is not None and moved:
        known.datastream, known.start = key.datastream, key.start
        return
    if known is not None and (known.datastream, known.start) != (key.datastream, key.start):
        raise Conflict(
            "there is already an observation {id}",
            field="@iot.id",
            mend="leave the id out, or change that one",
            id=key.key[1:],
        )
    if known is None:
        session.execute(
            insert(NameRow).values(
                root=root, key=key.key, datastream=key.datastream, start=key.start
            )
        )


def name_of(key: Key) -> Given:
    """The id of an observation by what tells it apart."""
    if key.key[:1] in {_TEXT, _WHOLE}:
        return given_name(key.datastream, 0, key.key)
    return observation_id(key.datastream, key.start, key.key)
