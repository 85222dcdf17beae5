"""Observations that clients send, one by one or as arrays, on their way into the store.

What is known of datastreams is kept while nothing of their stream changes: looked at four times a
second, so that a datastream that was deleted takes nothing in any more soon after.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from quanyu.kernel import ControlStore, Invalid, Refused, ResourceId, batched, now
from quanyu.streams.documents import Given, draft_of
from quanyu.streams.entities import OBSERVATION, TYPES
from quanyu.streams.expressions import among, dialect_of
from quanyu.streams.featuring import default_features, features_there
from quanyu.streams.flagging import declared_checks, flagged, flagged_one
from quanyu.streams.inserting import Inserting, observe, resolve, root_of, touch
from quanyu.streams.names import name_of, note_name
from quanyu.streams.observations import Key, Observation, Observations
from quanyu.streams.qartod import Checks, checks_of
from quanyu.streams.received import observation_of
from quanyu.streams.tables import DatastreamRow, ObservedFeatureRow
from quanyu.streams.visibility import state_of

if TYPE_CHECKING:
    import pyarrow as pa

_LOOK_S = 0.25
_KEPT = 100_000
_FORGOTTEN = 10_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Known:
    """A datastream as far as taking in needs it; ``values`` are those of a result, 0 for one."""

    number: int
    feature: int | None
    values: int
    unit: Any = None
    checks: Checks | None = None


@dataclass(slots=True)
class _Root:
    number: int
    revision: int
    looked: float
    datastreams: dict[str, Known] = field(default_factory=dict)
    pairs: set[tuple[int, int]] = field(default_factory=set)


class Intake:
    """Takes observations in for one process; safe across threads."""

    def __init__(self, control: ControlStore, observations: Observations) -> None:
        self._control = control
        self.observations = observations
        self._roots: dict[ResourceId, _Root] = {}
        self._lock = Lock()

    def peek(self, resource: ResourceId, document: Mapping[str, Any]) -> Observation | None:
        """The observation of a document when all it needs is known, else ``None``: then
        :meth:`prepare` looks it up. Never waits for a store. Raises :class:`Invalid`."""
        root = self._roots.get(resource)
        if root is None or monotonic() - root.looked >= _LOOK_S:
            return None
        return self._known(root, document)

    def look(self, resource: ResourceId) -> None:
        """See whether anything of a stream has changed, unless that was done just now."""
        self._root(resource)

    @staticmethod
    def _known(
        root: _Root, document: Mapping[str, Any], *, pairing: bool = False
    ) -> Observation | None:
        """The observation of a document when all it needs is known of the root; ``pairing``: that
        its datastream has one of its feature is noted behind."""
        if "FeatureOfInterest" in document or "@iot.id" in document:
            return None
        given = _datastream_id(document)
        known = None if given is None else root.datastreams.get(str(given))
        if known is None:
            return None
        if bool(known.values) != ("MultiDatastream" in document):
            return None  # named as what it is not
        paired = known.feature is None or (known.number, known.feature) in root.pairs
        if not paired and not pairing:
            return None
        if known.checks is not None and not known.checks.alone:
            return None
        found = observation_of(
            document,
            datastream=known.number,
            received=now(),
            feature=known.feature,
            values=known.values,
        )
        return flagged_one(found, known.checks, None)

    def prepare(
        self,
        resource: ResourceId,
        document: Mapping[str, Any],
        at: tuple[str, int] | None = None,
        *,
        making: bool = True,
    ) -> Observation:
        """The observation of a document, whose datastream and feature are found, or made where
        they were sent whole; ``at`` is the entity that the address names, by kind and number.

        Raises :class:`Invalid` for what is wrong or not there, :class:`Refused` for what had to be
        made without ``making``.
        """
        root = self._root(resource)
        one = None if at is not None else self._learnt(resource, root, document)
        if one is not None:
            return one
        try:
            with self._control.begin() as session:
                found, known = self._prepared(session, root, document, at, making=making)
        except Exception:
            self._forget(resource)  # what was learnt of it was undone
            raise
        return flagged_one(found, known.checks, self.observations)

    def prepare_many(
        self, resource: ResourceId, drafts: Sequence[tuple[int | None, int | None, Any]]
    ) -> list[Observation]:
        """Observations that were sent inside an entity that has been made."""
        found = []
        self._forget(resource)
        root = self._root(resource)
        with self._control.begin() as session:
            for datastream, feature, draft in drafts:
                document = dict(draft.raw)
                if draft.id is not None:
                    document["@iot.id"] = draft.id
                document |= {"inner": draft.inner}
                at = (
                    ("FeatureOfInterest", feature)
                    if datastream is None
                    else (
                        "Datastream",
                        datastream,
                    )
                )
                found.append(self._prepared(session, root, document, (at[0], at[1] or 0))[0])
        return found

    def flagged(self, table: "pa.Table") -> "pa.Table":
        """Observations with the flags of the tests that their datastreams declare."""
        numbers = table["datastream"].unique().to_pylist()
        with self._control.read() as session:
            checks = declared_checks(session, numbers)
        return flagged(table, checks, self.observations)

    @staticmethod
    def name(one: Observation) -> Given:
        """The id of an observation."""
        return name_of(Key(one.datastream, one.start, one.key))

    def known(self, resource: ResourceId, given: Given) -> Known:
        """A datastream by its id; raises :class:`Invalid` when there is none."""
        found = self.learn(resource, [given]).get(str(given))
        if found is None:
            raise _no_datastream(given)
        return found

    def learn(self, resource: ResourceId, given: Iterable[Given]) -> dict[str, Known]:
        """Datastreams by their ids, those that are not known looked up all at once; those that are
        not there are left out."""
        root = self._root(resource)
        ids = dict.fromkeys(str(one) for one in given)
        known = root.datastreams
        found = {one: of for one in ids if (of := known.get(one)) is not None}
        missing = [one for one in ids if one not in found]
        if not missing:
            return found
        with self._control.read() as session:
            rows = _rows_of(session, root.number, missing)
            features = features_there(session, [row.number for row in rows])
            root.pairs |= _pairs_of(session, list(features))
        if None in features.values():
            with self._control.begin() as session:
                features = default_features(session, list(features))
        for row in rows:
            found[row.id] = known[row.id] = _known_of(row, features.get(row.number))
        return found

    def pair(self, resource: ResourceId, pairs: Sequence[tuple[int, int]]) -> None:
        """Note that datastreams have observations of features."""
        root = self._root(resource)
        missing = [one for one in dict.fromkeys(pairs) if one not in root.pairs]
        if missing:
            with self._control.begin() as session:
                self._pair(session, root, missing)

    def _learnt(
        self, resource: ResourceId, root: _Root, document: Mapping[str, Any]
    ) -> Observation | None:
        """As :meth:`peek`, once the datastream that is named is looked up."""
        given = _datastream_id(document)
        if given is None or "FeatureOfInterest" in document or "@iot.id" in document:
            return None
        known = self.learn(resource, [given]).get(str(given))
        found = None if known is None else self._known(root, document, pairing=True)
        if known is not None and found is not None and known.feature is not None:
            self.pair(resource, [(known.number, known.feature)])
        return found

    def _prepared(
        self,
        session: Session,
        root: _Root,
        document: Mapping[str, Any],
        at: tuple[str, int] | None,
        *,
        making: bool = True,
    ) -> tuple[Observation, Known]:
        inner = document.get("inner")
        sent = {name: value for name, value in document.items() if name != "inner"}
        if inner is None:
            draft = draft_of(TYPES[OBSERVATION], sent)
            inner = draft.inner
        inserting = Inserting(session, root.number)
        numbers = {} if at is None else {at[0]: at[1]}
        for name in ("Datastream", "MultiDatastream", "FeatureOfInterest"):
            if name not in numbers and inner.get(name):
                numbers[name] = resolve(inserting, inner[name][0]).number
        number = numbers.get("Datastream", numbers.get("MultiDatastream"))
        if number is None:
            raise Invalid(
                "{entity} needs {name}",
                field="Datastream",
                mend="name it by its @iot.id, or send it whole",
                entity=OBSERVATION,
                name="Datastream",
            )
        if inserting.made and not making:
            raise Refused(
                "this token writes observations and makes no entities",
                mend="name a Datastream that exists, or use a token of the scope “write”",
                rule="scope.write",
            )
        if inserting.made:
            touch(session, root.number)
        known = self._learn(session, root, number)
        feature = numbers.get("FeatureOfInterest", known.feature)
        if feature is not None:
            self._pair(session, root, [(number, feature)])
        found = observation_of(
            {name: value for name, value in sent.items() if name not in numbers},
            datastream=number,
            received=now(),
            feature=feature,
            values=known.values,
        )
        if found.key:
            note_name(session, root.number, Key(found.datastream, found.start, found.key))
        return found, known

    def _forget(self, resource: ResourceId) -> None:
        with self._lock:
            self._roots.pop(resource, None)

    def _root(self, resource: ResourceId) -> _Root:
        known = self._roots.get(resource)
        if known is not None and monotonic() - known.looked < _LOOK_S:
            return known
        looked = monotonic()
        with self._control.read() as session:
            state = state_of(session.connection(), resource)
        if state is None:
            with self._control.begin() as session:
                number = root_of(session, resource, make=True)
            at, revision = number or 0, 0
        else:
            at, revision = state.number, state.revision
        if known is None or known.revision != revision:
            known = _Root(at, revision, looked)
            with self._lock:
                self._roots[resource] = known
        if len(known.datastreams) > _KEPT or len(known.pairs) > 2 * _KEPT:
            with self._lock:
                _forget_oldest(known)
        known.looked = looked
        return known

    @staticmethod
    def _learn(session: Session, root: _Root, number: int) -> Known:
        row = session.get_one(DatastreamRow, number)
        known = _known_of(row, default_features(session, [number]).get(number))
        root.datastreams[row.id] = known
        return known

    def _pair(self, session: Session, root: _Root, pairs: Sequence[tuple[int, int]]) -> None:
        asked = {one for one in pairs if one not in root.pairs}
        row = ObservedFeatureRow
        missing = sorted(asked - _pairs_of(session, sorted({one for one, _ in asked})))
        if missing:
            session.execute(insert(row), [{"datastream": d, "feature": f} for d, f in missing])
            observe(session, root.number)
        root.pairs.update(pairs)


def _forget_oldest(root: _Root) -> None:
    """Forget those that were learnt first, ten thousand at a time, and their pairs. Which of them
    was asked for lately nobody writes down; one that still observes is learnt again."""
    known = root.datastreams
    size = max(len(known) - _KEPT, 0) + _FORGOTTEN
    gone = {of.number for name in list(islice(known, size)) if (of := known.pop(name, None))}
    kept = {pair for pair in root.pairs.copy() if pair[0] not in gone}
    root.pairs = kept if len(kept) <= _KEPT else set()


def _rows_of(session: Session, root: int, ids: Sequence[str]) -> list[DatastreamRow]:
    """Datastreams by their ids."""
    found: list[DatastreamRow] = []
    for part in batched(ids, _AT_ONCE):
        query = select(DatastreamRow).where(DatastreamRow.root == root, DatastreamRow.id.in_(part))
        found += session.scalars(query)
    return found


def _pairs_of(session: Session, datastreams: Sequence[int]) -> set[tuple[int, int]]:
    """Datastreams with the features that they have observations of."""
    row = ObservedFeatureRow
    of = among(row.datastream, datastreams, dialect_of(session))
    query = select(row.datastream, row.feature).where(of)
    return {(one[0], one[1]) for one in session.execute(query)}


def _known_of(row: DatastreamRow, feature: int | None) -> Known:
    checks = None if row.multi else checks_of(row.properties)
    return Known(row.number, feature, values_of_result(row), row.unit, checks)


def values_of_result(row: DatastreamRow) -> int:
    """How many values a result of a multi-datastream has; 0 for a datastream."""
    return len(row.types or ()) if row.multi else 0


def _datastream_id(document: Mapping[str, Any]) -> Given | None:
    for name in ("Datastream", "MultiDatastream"):
        of = document.get(name)
        if isinstance(of, dict) and isinstance(of.get("@iot.id"), str | int):
            found: Given = of["@iot.id"]
            return found
    return None


def _no_datastream(given: Given) -> Invalid:
    return Invalid(
        "there is no {entity} {id}",
        field="Datastream.@iot.id",
        mend="name one that exists, or send it whole",
        entity="Datastream",
        id=str(given)[:80],
    )
