"""A whole city out of one OpenStreetMap extract."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from quanyu.kernel import Invalid
from quanyu.spacetime.intake import IngestOptions, IngestReport, Place, Progress, ingest

OSM_ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"
OSM_THEMES = ("buildings", "streets", "services", "landuse", "facilities", "pipelines")


def ingest_osm(
    place: Place,
    source: str | Path,
    city: str,
    *,
    themes: tuple[str, ...] = OSM_THEMES,
    options: IngestOptions | None = None,
    progress: Callable[[str, Progress], None] | None = None,
) -> dict[str, IngestReport]:
    """Ingest each theme of an extract into ``{city}-{theme}``; reports by theme.

    A theme that the extract holds nothing of is left out. The data is under the ODbL: whoever shows
    it owes :data:`OSM_ATTRIBUTION`. Raises what :func:`quanyu.spacetime.ingest` raises.
    """
    reports: dict[str, IngestReport] = {}
    for theme in themes:
        chosen = replace(options or IngestOptions(), format="osm", layer=theme)

        def tell(state: Progress, theme: str = theme) -> None:
            if progress is not None:
                progress(theme, state)

        try:
            reports[theme] = ingest(place, source, f"{city}-{theme}", chosen, tell)
        except Invalid as error:
            if error.detail != "the file holds no rows":
                raise
    return reports
