"""Looking at new data once, behind: the profile is made and the downloads are measured."""

from collections.abc import Callable, Iterator

import structlog

from quanyu.catalogue.codes import Sensitivity
from quanyu.catalogue.model import Resource, ResourceDraft
from quanyu.catalogue.quality.care import note_sizes, unprofiled
from quanyu.kernel import ControlStore, QuanyuError
from quanyu.spacetime import ALL, Format, GeometryType, Query, Store, View

_log = structlog.get_logger(__name__)
_HARMFUL = frozenset({Sensitivity.PERSONAL, Sensitivity.SENSITIVE})
_MEASURED_ROWS = 500_000
_AT_ONCE = 3


def guarded_fields(resource: ResourceDraft) -> frozenset[str]:
    """Fields of which a profile must not show what few rows share."""
    return frozenset(f.name for f in resource.fields if f.sensitivity in _HARMFUL)


def profile_new_data(
    control: ControlStore,
    store: Store,
    look: Callable[[Resource, int, View], object] | None = None,
) -> int:
    """Profile versions that nobody has looked at, a few at a time; how many.

    ``look`` is given the same view of each, whole, for whatever else is to be told from it.
    """
    with control.read() as session:
        waiting = unprofiled(session, _AT_ONCE)
    for of, number in waiting:
        sizes: dict[str, int] = {}
        try:
            view = store.view(of.slug, number=number)
            view.profile(guarded_fields(of))
            sizes = dict(_sizes(view))
            if look is not None:
                look(of, number, view)
        except QuanyuError as error:  # looked at all the same: it would fail again and again
            _log.warning("data.not_profiled", dataset=of.slug, version=number, error=str(error))
        with control.begin() as session:
            note_sizes(session, of.id, number, sizes)
    return len(waiting)


def _sizes(view: View) -> Iterator[tuple[str, int]]:
    if view.version.rows > _MEASURED_ROWS:
        return
    shaped = view.geometry is not GeometryType.NONE
    forms = {
        "CSV": Format.CSV,
        "GeoJSON": Format.GEOJSON,
        "GeoParquet" if shaped else "Parquet": Format.GEOPARQUET,
    }
    for name, form in forms.items():
        yield name, sum(len(piece) for piece in view.write(Query(limit=ALL), form))
