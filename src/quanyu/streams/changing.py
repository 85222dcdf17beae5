"""Changes of entities and observations by their addresses (18-088, clause 10)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy.orm import Session

from quanyu.kernel import ControlStore, Invalid, NotFound, ResourceId, owe, sha256_hex
from quanyu.streams.answering import document_of
from quanyu.streams.arrays import table_of_observations
from quanyu.streams.asked import Options
from quanyu.streams.deleting import clear_gone, delete_entity
from quanyu.streams.documents import Given, draft_of
from quanyu.streams.entities import OBSERVATION, TYPES, EntityType
from quanyu.streams.inserting import Inserting, find, insert_entity, root_of, touch
from quanyu.streams.intake import Intake, values_of_result
from quanyu.streams.names import key_text, name_of, note_name
from quanyu.streams.observations import Key
from quanyu.streams.received import observation_of
from quanyu.streams.resolving import Collection, Entity, target_of_path
from quanyu.streams.tables import DatastreamRow
from quanyu.streams.updating import update_entity
from quanyu.streams.visibility import Sight


class Do(StrEnum):
    """What is done: to a collection the first, to an entity the others."""

    CREATE = "created"
    UPDATE = "updated"
    PATCH = "patched"
    REPLACE = "replaced"
    DELETE = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """A change at an address below a stream's root: ``sent`` is the JSON of its body."""

    do: Do
    path: str
    sent: Any = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What was changed."""

    kind: EntityType
    id: Given


def change(
    control: ControlStore,
    intake: Intake,
    resource: ResourceId,
    asked: Change,
    party: str,
    *,
    making: bool = True,
) -> Changed:
    """Change entities of a stream; its evidence is owed in the same transaction. Without
    ``making`` an observation makes no entities.

    Raises :class:`Invalid`, :class:`NotFound`, :class:`Conflict`.
    """
    with control.begin() as session:
        root = root_of(session, resource, make=True)
        if root is None:
            raise ValueError("a root was asked for and not made")
        sight = Sight(session, root, intake.observations)
        at = target_of_path(sight, asked.path)
        if at.property or at.form != "entity":
            raise _not_here()
        inserting = Inserting(session, root)
        if at.at.kind.name == OBSERVATION:
            observed = at.at
        else:
            observed = None
            found = _change(sight, inserting, at.at, asked)
            touch(session, root)
            _owe(session, resource, asked, found, party, sum(inserting.made.values()) or 1)
    if observed is not None:
        return _change_observation(
            control, intake, resource, (observed, asked), party, making=making
        )
    if inserting.observations:
        rows = intake.prepare_many(resource, inserting.observations)
        intake.observations.append(intake.flagged(table_of_observations(rows)))
    if asked.do is Do.DELETE:
        clear_gone(control, intake.observations)
    return found


def _change(sight: Sight, making: Inserting, at: Entity | Collection, asked: Change) -> Changed:
    session = sight.session
    if isinstance(at, Collection):
        if asked.do is not Do.CREATE:
            raise _not_here()
        given: tuple[tuple[str, int], ...] = ()
        if at.of is not None:
            back = next(
                one for one in at.kind.navigations.values() if one.target == at.of.kind.name
            )
            given = ((back.name, at.of.number),)
        made = insert_entity(making, draft_of(at.kind, asked.sent), given)
        return Changed(at.kind, made.id)
    identifier = document_of(sight, at, Options(select=(("@iot.id",),)), "")["@iot.id"]
    if asked.do is Do.DELETE:
        delete_entity(session, at.kind, at.number)
    elif asked.do is Do.CREATE:
        raise _not_here()
    else:
        whole = asked.do is Do.REPLACE
        sent = _patched(sight, at, asked) if asked.do is Do.PATCH else _object(asked.sent)
        _check_id(sent, identifier)
        update_entity(session, sight.root, at.kind, at.number, sent, whole=whole)
    return Changed(at.kind, identifier)


def _patched(sight: Sight, at: Entity, asked: Change) -> dict[str, Any]:
    """The properties that a JSON Patch (RFC 6902) changes, as they are after it."""
    names = tuple(
        (name,) for name, of in at.kind.properties.items() if of.column or at.observed is not None
    )
    before = document_of(sight, at, Options(select=names), "")
    after = apply_patch(before, asked.sent)
    gone = {name: None for name in before if name not in after}
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    return {**gone, **changed}


def apply_patch(document: Mapping[str, Any], patch: Any) -> dict[str, Any]:
    """A document after a JSON Patch; raises :class:`Invalid` where it does not fit."""
    import jsonpatch
    import jsonpointer

    try:
        found = jsonpatch.apply_patch(dict(document), patch, in_place=False)
    except (
        jsonpatch.JsonPatchException,
        jsonpointer.JsonPointerException,
        TypeError,
        KeyError,
    ) as error:
        raise Invalid(
            "the patch does not fit the entity",
            field="patch",
            mend="send a JSON Patch (RFC 6902) of members that are there",
        ) from error
    if not isinstance(found, dict):
        raise Invalid("an entity is a JSON object", field="patch", mend="patch its members")
    return found


def _change_observation(
    control: ControlStore,
    intake: Intake,
    resource: ResourceId,
    what: tuple[Entity | Collection, Change],
    party: str,
    *,
    making: bool,
) -> Changed:
    at, asked = what
    if isinstance(at, Collection):
        if asked.do is not Do.CREATE:
            raise _not_here()
        of = None if at.of is None else (at.of.kind.name, at.of.number)
        one = intake.prepare(resource, _object(asked.sent), of, making=making)
        intake.observations.append(table_of_observations([one]))
        return Changed(at.kind, name_of(Key(one.datastream, one.start, one.key)))
    if at.observed is None or asked.do is Do.CREATE:
        raise _not_here()
    old = Key(*(at.observed[name][0].as_py() for name in Key._fields))
    with control.begin() as session:
        found = Changed(at.kind, name_of(old))
        new = None
        if asked.do is not Do.DELETE:
            new = _observation(session, intake, resource, (at, asked), old)
        _owe(session, resource, asked, found, party, 1)
    if new is not None:
        intake.observations.append(intake.flagged(table_of_observations([new])))
    if new is None or Key(new.datastream, new.start, new.key) != old:
        intake.observations.delete(keys=[old])
    return found


def _observation(
    session: Session,
    intake: Intake,
    resource: ResourceId,
    what: tuple[Entity, Change],
    old: Key,
) -> Any:
    """The observation as it is after a change; its id stays, whatever becomes of its time."""
    at, asked = what
    if at.observed is None:
        raise ValueError("an observation has a row")
    root = root_of(session, resource)
    sight = Sight(session, root or 0, intake.observations)
    names = tuple((name,) for name in at.kind.properties)
    before = document_of(sight, at, Options(select=names), "")
    before = {name: value for name, value in before.items() if value is not None}
    if asked.do is Do.PATCH:
        sent: dict[str, Any] = apply_patch(before, asked.sent)
    else:
        sent = _object(asked.sent)
        _check_id(sent, name_of(old))
        draft_of(at.kind, {name: sent[name] for name in sent if name != "@iot.id"})
        if asked.do is Do.UPDATE:
            sent = {**before, **sent}
        else:
            sent = {"phenomenonTime": before["phenomenonTime"], **sent}
    row = at.observed
    datastream, feature = (row[name][0].as_py() for name in ("datastream", "feature"))
    datastream = _related(sight, sent, ("Datastream", "MultiDatastream"), datastream)
    feature = _related(sight, sent, ("FeatureOfInterest",), feature)
    content = {name: value for name, value in sent.items() if name in at.kind.properties}
    made = observation_of(
        content,
        datastream=datastream,
        received=old.start,
        feature=feature,
        values=values_of_result(session.get_one(DatastreamRow, datastream)),
    )
    if (made.datastream, made.start) == (old.datastream, old.start):
        return replace(made, key=old.key)
    key = old.key or key_text(name_of(old))
    note_name(session, sight.root, Key(made.datastream, made.start, key), moved=True)
    return replace(made, key=key)


def _related(
    sight: Sight, sent: Mapping[str, Any], names: tuple[str, ...], otherwise: int | None
) -> Any:
    for name in names:
        of = sent.get(name)
        if isinstance(of, Mapping) and "@iot.id" in of:
            number = find(sight.session, sight.root, TYPES[name], of["@iot.id"])
            if number is None:
                raise NotFound("there is no {entity} {id}", entity=name, id=str(of["@iot.id"])[:80])
            return number
    return otherwise


def _owe(  # noqa: PLR0917 - what the leaf says, in its order
    session: Session,
    resource: ResourceId,
    asked: Change,
    found: Changed,
    party: str,
    count: int,
) -> None:
    owe(
        session,
        "stream.changed",
        resource,
        {
            "by": party,
            "action": asked.do.value,
            "entity": found.kind.name,
            "entity_id": str(found.id),
            "entities": count,
            "sha256": sha256_hex(orjson.dumps(asked.sent)),
        },
    )


def _object(sent: Any) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise Invalid("an entity is a JSON object", field="body", mend="send one")
    return sent


def _check_id(sent: Mapping[str, Any], identifier: Given) -> None:
    if "@iot.id" in sent and str(sent["@iot.id"]) != str(identifier):
        raise Invalid(
            "an id is not changed",
            field="@iot.id",
            mend="leave it out, or send the one in the address",
        )


def _not_here() -> Invalid:
    return Invalid(
        "this is not done at this address",
        field="path",
        mend="post to a collection; change or delete an entity by its own address",
    )
