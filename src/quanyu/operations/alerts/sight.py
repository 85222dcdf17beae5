"""Whose alerts somebody may see: those of streams that they may read, and of no more of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from quanyu.agreements import Ask, Gate
from quanyu.catalogue import Resource, resource
from quanyu.kernel import QuanyuError, ResourceId
from quanyu.operations.rules import stream_ids
from quanyu.parties import Caller
from quanyu.spacetime import Restriction

FACE = "alerts"
Visible = Callable[[ResourceId, Restriction, Sequence[int]], set[int]]
"""Which of some datastreams of a stream may be seen under a restriction."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Streams whose alerts are seen: all of them, or those that a restriction lets through."""

    resources: Mapping[ResourceId, Resource]
    parts: Mapping[ResourceId, Restriction]
    visible: Visible | None = None

    @property
    def whole(self) -> list[ResourceId]:
        """Streams that are seen as a whole."""
        return [one for one in self.resources if one not in self.parts]

    def shown(self, resource: ResourceId, datastreams: Iterable[int]) -> set[int]:
        """Those of some datastreams that a restriction does not hide."""
        if self.visible is None:
            return set()
        return self.visible(resource, self.parts[resource], sorted(datastreams))


def sight_of(session: Session, caller: Caller, gate: Gate, visible: Visible | None = None) -> Sight:
    """What a caller may see of the streams that have rules.

    Members of a stream's provider and of the node see all; others what the agreement gives under
    which the gate lets them read it; ``visible`` says of which datastreams. Agreements that give
    figures only, or coarsen or hide where and what, give no alerts.
    """
    resources: dict[ResourceId, Resource] = {}
    parts: dict[ResourceId, Restriction] = {}
    for name in stream_ids(session):
        try:
            of = resource(session, name, visible_to=caller)
        except QuanyuError:
            continue
        if caller.runs_node or (caller.party is not None and caller.party == of.provider):
            resources[of.id] = of
            continue
        try:
            grant = gate.decide(caller, of.slug, Ask(FACE, "read"))
        except QuanyuError:
            continue
        given = grant.restriction
        if given.figures is not None or given.columns is not None or given.grid_m is not None:
            continue
        if given.interval != (None, None):
            continue
        resources[of.id] = of
        if not given.open:
            parts[of.id] = given
    return Sight(resources, parts, visible)
