"""Looking at streams: a root through a restriction, compiled once for each state of the root."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from sqlalchemy.orm import Session

from quanyu.kernel import ControlStore, ResourceId
from quanyu.spacetime import OPEN, Restriction
from quanyu.streams.observations import Observations
from quanyu.streams.scope import scope_of
from quanyu.streams.visibility import RootState, Scope, Sight, state_of

_KEPT = 200
_NOWHERE = 0  # no root has this number


class Streams:
    """All streams of a node, as one looks at them; one for each process, safe across threads."""

    def __init__(self, control: ControlStore, observations: Observations) -> None:
        self._control = control
        self._observations = observations
        self._scopes: OrderedDict[tuple[int, int, int, str], tuple[Scope, dict[Hashable, Any]]] = (
            OrderedDict()
        )
        self._lock = Lock()

    @contextmanager
    def sight(self, resource: ResourceId, restriction: Restriction = OPEN) -> Iterator[Sight]:
        """A look at a stream through a restriction, of one moment of its entities.

        Raises :class:`Invalid` for a restriction that cannot be applied to streams.
        """
        with self._control.snapshot() as (connection, session):
            state = state_of(connection, resource)
            if state is None:
                scope = scope_of(session, _NOWHERE, self._observations, restriction)
                yield Sight(session, _NOWHERE, self._observations, scope)
                return
            scope, known = self._scope(session, state, restriction)
            yield Sight(session, state.number, self._observations, scope, known, state.observed)

    def visible_datastreams(
        self, resource: ResourceId, restriction: Restriction, numbers: Sequence[int]
    ) -> set[int]:
        """Those of some datastreams that may have observations to give under a restriction."""
        from quanyu.streams.described import described

        with self.sight(resource, restriction) as sight:
            mine = {
                one.number
                for one in described(sight.session, numbers).values()
                if one.resource == resource
            }
            if "Datastream" not in sight.scope.types:
                return set()
            allowed = sight.scope.datastreams
            return mine if allowed is None else mine & set(allowed.tolist())

    def _scope(
        self, session: Session, state: RootState, restriction: Restriction
    ) -> tuple[Scope, dict[Hashable, Any]]:
        # What exists under a restriction may depend on which features are observed.
        observed = 0 if restriction.open else state.observed
        key = (state.number, state.revision, observed, restriction.key)
        with self._lock:
            found = self._scopes.get(key)
        if found is None:
            found = (scope_of(session, state.number, self._observations, restriction), {})
            with self._lock:
                self._scopes[key] = found
                while len(self._scopes) > _KEPT:
                    self._scopes.popitem(last=False)
        return found
