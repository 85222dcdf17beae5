"""The store's front door: versions of datasets, and views of them through restrictions."""

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely

from quanyu.kernel import ControlStore
from quanyu.spacetime import versions as register
from quanyu.spacetime.copies import Copies, mark_used
from quanyu.spacetime.engine import Engine
from quanyu.spacetime.model import OPEN, Bbox, Restriction, Version
from quanyu.spacetime.restricted import region_of, restricted
from quanyu.spacetime.serving import build
from quanyu.spacetime.table_scan import scan
from quanyu.spacetime.tile_cache import TileCache
from quanyu.spacetime.view import View

if TYPE_CHECKING:
    from quanyu.spacetime.imagery.handles import Handles
    from quanyu.spacetime.imagery.imagery import Imagery
    from quanyu.spacetime.imagery.opening import SeenRow

_NEWEST_S = 0.5  # how long the newest number of a dataset is believed
_VIEWS = 512
_ENGINES = 4
_MARK_S = 60.0
_OPEN_KEY = OPEN.key
_UNOPENED = "unopened"
_PATIENCE_ROWS = 50_000  # so many are laid out in about a second: short enough to wait for


_Key = tuple[str, int, str]


class Store:
    """Handles and bounded caches; one for each process, shared by its threads.

    ``tables_url`` is where Delta tables are, ``cache_dir`` where serving copies go;
    ``engine_memory`` and ``engine_threads`` bound one query engine, ``cache_bytes`` the copies.
    """

    def __init__(
        self,
        control: ControlStore,
        tables_url: str,
        cache_dir: Path,
        *,
        engine_memory: str = "1GB",
        engine_threads: int = 2,
        cache_bytes: int = 4 << 30,
        tile_bytes: int = 64 << 20,
    ) -> None:
        self.control = control
        self.tables_url = tables_url
        self.cache_dir = cache_dir
        self._engine_memory = engine_memory
        self._engine_threads = engine_threads
        self._copies = Copies(cache_dir / "serving", cache_bytes)
        self._tiles = TileCache(tile_bytes)
        self._cache_bytes = cache_bytes
        self._rasters: Handles | None = None
        self._lock = threading.RLock()
        self._newest: dict[str, tuple[float, Version]] = {}
        self._views: OrderedDict[_Key, View] = OrderedDict()
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._marked: dict[_Key, float] = {}

    def datasets(self) -> list[str]:
        """Names of all datasets, in order."""
        with self.control.read() as session:
            return register.datasets(session)

    def versions(self, dataset: str) -> list[Version]:
        """Every version of a dataset, oldest first."""
        with self.control.read() as session:
            return register.versions(session, dataset)

    def version(self, dataset: str, number: int | None = None) -> Version:
        """That version, or the newest as of half a second ago; raises ``NotFound``."""
        if number is not None:
            with self.control.read() as session:
                return register.version(session, dataset, number)
        known = self._newest.get(dataset)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        with self.control.read() as session:
            newest = register.version(session, dataset)
        self._newest[dataset] = (time.monotonic() + _NEWEST_S, newest)
        return newest

    def foresee(self, datasets: Collection[str]) -> None:
        """Learn in one question which the newest versions of many datasets are."""
        now = time.monotonic()
        unknown = [n for n in datasets if n not in self._newest or self._newest[n][0] <= now]
        if not unknown:
            return
        with self.control.read() as session:
            found = register.newest(session, unknown)
        for version in found:
            self._newest[version.dataset] = (now + _NEWEST_S, version)

    def view(
        self, dataset: str, restriction: Restriction = OPEN, number: int | None = None
    ) -> View:
        """What ``restriction`` lets be seen of a version; raises ``NotFound``, or ``Invalid`` for a
        restriction that cannot be applied to it."""
        if number is None:
            number = self.version(dataset).number
        key = (dataset, number, _OPEN_KEY if restriction is OPEN else restriction.key)
        with self._lock:
            found = self._views.get(key)
            if found is not None:
                self._views.move_to_end(key)
                self._mark(key)
                return found
        made = self._view(self.version(dataset, number), restriction)
        with self._lock:
            kept = self._views.setdefault(key, made)
            while len(self._views) > _VIEWS:
                self._marked.pop(self._views.popitem(last=False)[0], None)
        return kept

    def close(self) -> None:
        """Free the query engines and let go of all views."""
        with self._lock:
            for engine in self._engines.values():
                engine.close()
            self._engines.clear()
            self._views.clear()
            if self._rasters is not None:
                self._rasters.close()

    def _mark(self, key: _Key) -> None:
        now = time.monotonic()
        if self._marked.get(key, 0.0) < now:
            self._marked[key] = now + _MARK_S
            mark_used(self._copies.folder(*key))

    def _view(self, version: Version, restriction: Restriction) -> View:
        folder = self._copies.folder(version.dataset, version.number, restriction.key)
        # The table itself is opened only where there is no copy of it yet.
        relation = restricted(version, restriction, _UNOPENED)
        opened = self._copies.open(folder, relation)
        if opened is None and restriction.open and "://" not in self.tables_url:
            relation = restricted(version, restriction, scan(self.tables_url, version)[0])
        make = partial(self._make, version, restriction)
        return View(
            version,
            restriction,
            relation,
            opened=opened,
            build=partial(self._copies.build, folder, relation, make),
            patience_rows=sys.maxsize if "://" in self.tables_url else _PATIENCE_ROWS,
            engine=partial(self._engine, version.dataset, version.table),
            tiles=self._tiles,
            city=partial(self._city, version),
            imagery=partial(self._imagery, version, restriction) if version.imagery else None,
        )

    def _imagery(
        self,
        version: Version,
        restriction: Restriction,
        bands: tuple[str, ...],
        rows: "Sequence[SeenRow]",
    ) -> "Imagery":
        # GDAL takes its time to load: only nodes that have imagery wait for it.
        from quanyu.spacetime.imagery.handles import Handles
        from quanyu.spacetime.imagery.opening import imagery_of

        with self._lock:
            if self._rasters is None:
                self._rasters = Handles()
        return imagery_of(
            version,
            restriction,
            bands,
            rows,
            tables_url=self.tables_url,
            cache=self.cache_dir,
            most_bytes=self._cache_bytes,
            tiles=self._tiles,
            handles=self._rasters,
        )

    def _city(self, version: Version) -> Mapping[str, Any] | None:
        if not version.city_model:
            return None
        from quanyu.spacetime.kept import city_of

        return city_of(f"{self.tables_url.rstrip('/')}/{version.table}", version.delta_version)

    def _make(self, version: Version, restriction: Restriction, folder: Path) -> None:
        table, arrow = scan(self.tables_url, version)
        area = version.bbox
        if restriction.region is not None and area is not None:
            area = _overlap(area, region_of(restriction).bounds)
        engine = self._engine(version.dataset, version.table)
        build(engine, restricted(version, restriction, table), area, folder, arrow)

    def _engine(self, dataset: str, table: str) -> Engine:
        """The engine of a dataset: it can open that dataset's files and no others."""
        with self._lock:
            engine = self._engines.get(dataset)
            if engine is None:
                folders = [self._copies.root / dataset]
                if "://" not in self.tables_url:
                    folders.append(Path(self.tables_url) / table)
                spill = self.cache_dir / "spill"
                engine = Engine(folders, spill, self._engine_memory, self._engine_threads)
                self._engines[dataset] = engine
                while len(self._engines) > _ENGINES:
                    self._engines.popitem(last=False)  # closed when its last statement ends
            self._engines.move_to_end(dataset)
            return engine


def _overlap(one: Bbox, other: Bbox) -> Bbox:
    box = shapely.intersection(shapely.box(*one), shapely.box(*other))
    return one if box.is_empty else box.bounds
