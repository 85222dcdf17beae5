"""The store's front door: versions of datasets, and views of them through restrictions."""

import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from quanyu.kernel import ControlStore, Unavailable
from quanyu.spacetime import versions as register
from quanyu.spacetime.aggregation import Groups, Key, Measure, work_of
from quanyu.spacetime.copies import Copies, mark_used
from quanyu.spacetime.edits.register import changed_tables, touched_between
from quanyu.spacetime.edits.rows import GONE, Row, last_of_each, schema_of, table_of
from quanyu.spacetime.edits.timeline import timeline
from quanyu.spacetime.engine import Engine, identifier, own
from quanyu.spacetime.layered import GONE_ROWS, LayeredCopy, open_layered
from quanyu.spacetime.model import (
    FID,
    GEOMETRY,
    HEIGHTS,
    OPEN,
    Bbox,
    FieldType,
    Query,
    Restriction,
    Version,
)
from quanyu.spacetime.restricted import Relation, region_of, restricted
from quanyu.spacetime.serving import Served, ServingCopy
from quanyu.spacetime.serving import build as build_copy
from quanyu.spacetime.table_scan import ARROW, check_files, scan
from quanyu.spacetime.tile_cache import TileCache
from quanyu.spacetime.view import View

if TYPE_CHECKING:
    import pyarrow as pa

    from quanyu.spacetime.imagery.handles import Handles
    from quanyu.spacetime.imagery.imagery import Imagery
    from quanyu.spacetime.imagery.opening import SeenRow

_EDITED = ".edited"
_TOUCHED = 64  # datasets whose edits are kept in memory
_IDENTITIES = (FieldType.STRING, FieldType.INTEGER)
_SAMPLE = 1000
_FEW = 50  # so many rows are read one by one
_OVERS_KEPT = 8  # copies of edits of one table under one restriction
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
    ``engine_memory`` and ``engine_threads`` bound one query engine, ``cache_bytes`` the copies;
    ``cluster`` is the address of a Ray cluster whose machines can open the tables too.
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
        cluster: str | None = None,
    ) -> None:
        self.cluster = cluster
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
        self._newest: dict[str, tuple[float, int, Version]] = {}
        self._views: OrderedDict[_Key, View] = OrderedDict()
        self._engines: OrderedDict[tuple[str, str], Engine] = OrderedDict()
        self._marked: dict[_Key, float] = {}
        self._touched: OrderedDict[tuple[str, int], tuple[int, pa.Table]] = OrderedDict()
        self._highest: dict[tuple[str, int], int | None] = {}
        self._identities: dict[tuple[str, int], frozenset[str]] = {}

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
        edition = self.edition(dataset)
        if known is not None and known[0] > time.monotonic() and known[1] == edition:
            return known[2]
        newest = self.newest(dataset)
        self._newest[dataset] = (time.monotonic() + _NEWEST_S, edition, newest)
        return newest

    def foresee(self, datasets: Collection[str]) -> dict[str, Version]:
        """The newest versions of many datasets, by their names, learned in one question."""
        now = time.monotonic()
        known = {name: self._newest.get(name) for name in datasets}
        found = {
            name: one[2]
            for name, one in known.items()
            if one is not None and one[0] > now and one[1] == self.edition(name)
        }
        unknown = [name for name in datasets if name not in found]
        if not unknown:
            return found
        editions = {name: self.edition(name) for name in unknown}
        with self.control.read() as session:
            read = register.newest(session, unknown)
        for version in read:
            name = version.dataset
            self._newest[name] = (now + _NEWEST_S, editions[name], version)
            found[name] = version
        return found

    def newest(self, dataset: str) -> Version:
        """The newest version as it is this moment; raises ``NotFound``."""
        with self.control.read() as session:
            return register.version(session, dataset)

    def check_files(self, dataset: str) -> None:
        """Raise ``DataUnavailable`` where the files of the newest version cannot be read; raises
        ``NotFound``. Copies that are served from are not asked: they can be deleted."""
        check_files(self.tables_url, base_of(self.newest(dataset)))

    def version_as_of(
        self, dataset: str, moment: datetime, allowed: frozenset[int] | None = None
    ) -> int:
        """The number of the newest version that had been published by then (among ``allowed``);
        raises ``NotFound`` when there was none yet."""
        with self.control.read() as session:
            return register.version_as_of(session, dataset, moment, allowed)

    def mark_edited(self, dataset: str) -> None:
        """Let every process of this machine know that there is a newer version."""
        with self._lock:
            self._newest.pop(dataset, None)
        path = self._copies.root / dataset / _EDITED
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        now_ns = time.time_ns()
        os.utime(path, ns=(now_ns, now_ns))

    def edition(self, dataset: str) -> int:
        """Another number than before once a dataset has been edited on this machine: what is
        believed of its newest version holds no longer. Takes microseconds."""
        try:
            return (self._copies.root / dataset / _EDITED).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def touched(self, version: Version) -> "pa.Table":
        """Rows that edits since :attr:`Version.base` touched, as the last of them left each."""
        known = self._touched.get((version.dataset, version.base))
        start, tables = version.base, []
        if known is not None and known[0] <= version.number:
            start, tables = known[0], [known[1]]
        with self.control.read() as session:
            tables += changed_tables(session, version.dataset, start, version.number)
        import pyarrow as pa

        found = last_of_each(pa.concat_tables([schema_of(version).empty_table(), *tables]))
        with self._lock:
            self._touched[(version.dataset, version.base)] = (version.number, found)
            while len(self._touched) > _TOUCHED:
                self._touched.popitem(last=False)
        return found

    def rows_of(self, version: Version, fids: Sequence[str]) -> dict[str, Row]:
        """Whole rows by their ids, whatever any restriction hides of them; for the store alone."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not fids:
            return {}
        over = self.touched(version)
        wanted = over.filter(pc.is_in(over.column(FID), pa.array(fids, pa.string())))
        found: dict[str, Row] = {row[FID]: row for row in wanted.to_pylist()}
        rest = [fid for fid in fids if fid not in found]
        if rest:
            found |= {row[FID]: row for row in self._rows_below(version, rest).to_pylist()}
        return {fid: row for fid, row in found.items() if not row.pop(GONE, False)}

    def _rows_below(self, version: Version, fids: Sequence[str]) -> "pa.Table":
        """Rows of the version's table: by their places in its open copy, else by a scan."""
        whole = base_of(version)
        folder = self._copies.folder(whole.dataset, whole.number, _OPEN_KEY)
        relation = restricted(whole, OPEN, _UNOPENED)
        copy = self._copies.open(folder, relation) if len(fids) <= _FEW else None
        if copy is not None:
            places = [row for fid in fids if (row := copy.find(fid)) is not None]
            return copy.rows(np.sort(np.array(places, np.int64)))
        names = [name for name in schema_of(version).names if name != GONE]
        table, arrow = scan(self.tables_url, version)
        sql = (
            f"SELECT {', '.join(map(identifier, names))} FROM {table}"
            f" WHERE {FID} IN (SELECT unnest($fids))"
        )
        engine = self._engine(version.dataset, version.table)
        return engine.table(sql, {"fids": list(fids)}, arrow=arrow)

    def seen_by(
        self, version: Version, restriction: Restriction, rows: Sequence[Row]
    ) -> dict[str, Row]:
        """Which of some rows may be seen, and how."""
        if restriction.open or not rows:
            return {row[FID]: row for row in rows}
        relation = restricted(version, restriction, ARROW)
        table = table_of(version, rows).drop_columns([GONE])
        engine = self._engine(version.dataset, version.table)
        seen = engine.table(f"FROM ({relation.sql})", relation.params, arrow=table)
        return {row[FID]: row for row in seen.to_pylist()}

    def below(self, version: Version, fid: str) -> tuple[str, ...]:
        """Ids of all city objects below one, whatever any restriction hides of them."""
        return self.view(version.dataset, OPEN, version.number).below(fid)

    def identities(self, version: Version) -> frozenset[str]:
        """Names of properties that say the id of their feature over again, as ids are often a
        column of the source: looked at in the first rows of the table."""
        key = (version.table, version.delta_version)
        if key not in self._identities:
            names = [f.name for f in version.fields if f.type in _IDENTITIES]
            table, arrow = scan(self.tables_url, version)
            tests = ", ".join(
                f"coalesce(bool_and(CAST({identifier(name)} AS VARCHAR) = {FID}), false)"
                for name in names
            )
            same: Sequence[bool] = ()
            if names:
                sql = f"SELECT count(*), {tests} FROM (SELECT * FROM {table} LIMIT {_SAMPLE})"
                read = self.engine_of(version).table(sql, {}, arrow=arrow)
                count, *same = [column[0].as_py() for column in read.columns]
                same = same if count > 1 else ()
            found = frozenset(name for name, one in zip(names, same, strict=False) if one)
            self._identities[key] = found
        return self._identities[key]

    def highest_id(self, version: Version) -> int | None:
        """The highest id of the version's table where all are numbers; else ``None``."""
        key = (version.table, version.delta_version)
        if key not in self._highest:
            table, arrow = scan(self.tables_url, version)
            sql = (
                f"SELECT max(TRY_CAST({FID} AS UBIGINT)), coalesce(bool_and("
                f"regexp_full_match({FID}, '0|[1-9][0-9]{{0,14}}')), true) FROM {table}"
            )
            engine = self._engine(version.dataset, version.table)
            highest, numbered = engine.table(sql, {}, arrow=arrow).to_pylist()[0].values()
            self._highest[key] = int(highest or 0) if numbered else None
        return self._highest[key]

    def around(
        self, version: Version, restriction: Restriction, box: Bbox, but: Collection[str]
    ) -> list[Row]:
        """Shapes and heights of rows that may be seen and whose boxes meet ``box``, except some by
        their ids."""
        source = self.view(version.dataset, restriction, version.number).rows()
        if not source.relation.has_z:
            return []
        west, south, east, north = box
        sql = (
            f"SELECT {FID}, {GEOMETRY}, {', '.join(HEIGHTS)} FROM {source.sql}"
            f" WHERE xmax >= $west AND xmin <= $east AND ymax >= $south AND ymin <= $north"
            f" AND {HEIGHTS[0]} IS NOT NULL AND {FID} NOT IN (SELECT unnest($but::VARCHAR[]))"
        )
        sides = {"west": west, "south": south, "east": east, "north": north, "but": list(but)}
        found: list[Row] = (
            self.engine_of(version).table(sql, {**source.params, **sides}).to_pylist()
        )
        return found

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
                self._mark(key, found)
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

    def lay_out(self, whole: Version) -> None:
        """Build the copies of a table under every restriction that its dataset is seen through
        here, before anybody asks for them."""
        with self._lock:
            views = [view for view in self._views.values() if view.version.dataset == whole.dataset]
        for restriction in {view.restriction.key: view.restriction for view in views}.values():
            folder = self._copies.folder(whole.dataset, whole.number, restriction.key)
            relation = restricted(whole, restriction, _UNOPENED)
            self._copies.build(folder, relation, partial(self._make, whole, restriction))

    def engine_of(self, version: Version) -> Engine:
        """The engine over a version's table."""
        return self._engine(version.dataset, version.table)

    def scratch(self, version: Version) -> Path:
        """A folder that the engine of a version can read, for files of a moment."""
        folder = self._copies.root / version.dataset / ".scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _mark(self, key: _Key, view: View) -> None:
        now = time.monotonic()
        if self._marked.get(key, 0.0) < now:
            self._marked[key] = now + _MARK_S
            for folder in view.folders:
                mark_used(folder)

    def _view(self, version: Version, restriction: Restriction) -> View:
        whole = base_of(version)
        folder = self._copies.folder(whole.dataset, whole.number, restriction.key)
        # The table itself is opened only where there is no copy of it yet.
        relation = restricted(version, restriction, _UNOPENED)
        below = self._copies.open(folder, relation)
        make = partial(self._make, whole, restriction)
        opened: Served | None = below
        build_below = partial(self._copies.build, folder, relation, make)
        build: Callable[[], Served] = build_below
        folders = [folder]
        if version.edited:
            folders.append(self._over_folder(version, restriction))
            opened = open_layered(below, self._copies.open(folders[1], relation))
            build = partial(self._layered, version, restriction, relation, build_below)
            if opened is None and below is not None:
                opened = build()
        elif opened is None and restriction.open and "://" not in self.tables_url:
            relation = restricted(version, restriction, scan(self.tables_url, version)[0])
            build = partial(self._copies.build, folder, relation, make)
        remote = "://" in self.tables_url
        return View(
            version,
            restriction,
            relation,
            opened=opened,
            build=build,
            # What edits are laid over has to be there first: its rows are counted through.
            patience_rows=sys.maxsize if remote or version.edited else _PATIENCE_ROWS,
            engine=partial(self._engine, version.dataset, version.table),
            tiles=self._tiles,
            city=partial(self.city, version),
            imagery=partial(self._imagery, version, restriction) if version.imagery else None,
            folders=tuple(folders),
            touched=partial(self._touched_between, version.dataset),
            steps=partial(timeline, self, version, restriction),
            on_cluster=partial(self._on_cluster, version, restriction) if self.cluster else None,
        )

    def _on_cluster(
        self,
        version: Version,
        restriction: Restriction,
        query: Query,
        keys: Sequence[Key],
        measures: Sequence[Measure],
    ) -> Groups:
        touched = self.touched(version)
        ids = touched.column(FID).to_pylist()
        work = work_of(version, restriction, query, keys, measures, touched=ids)
        try:
            from quanyu.spacetime.aggregation.cluster import Cluster, grouped_on
        except ImportError as error:
            raise Unavailable(
                "this node has no programs to compute on a cluster",
                field="engine",
                mend="leave engine out; who runs the node installs quanyu[distributed]",
            ) from error
        cluster = Cluster(self.cluster or "", self._engine_memory, self._engine_threads)
        url = f"{self.tables_url.rstrip('/')}/{version.table}"
        return grouped_on(cluster, self.engine_of(version), url, work, touched)

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

    def _touched_between(self, dataset: str, after: int, upto: int) -> list[str]:
        with self.control.read() as session:
            return touched_between(session, dataset, after, upto)

    def _over_folder(self, version: Version, restriction: Restriction) -> Path:
        name = f"{restriction.key}-over-{version.base}"
        return self._copies.folder(version.dataset, version.number, name)

    def _layered(
        self,
        version: Version,
        restriction: Restriction,
        relation: Relation,
        make_below: Callable[[], ServingCopy],
    ) -> LayeredCopy:
        """The copy of the table that edits are laid over, and a small one of what they left."""
        below = make_below()
        folder = self._over_folder(version, restriction)
        while True:
            make = partial(self._make_over, version, restriction, below)
            over = self._copies.build(folder, relation, make)
            found = open_layered(below, over)
            if found is not None:
                self._copies.forget_over(folder, _OVERS_KEPT)
                return found

    def _make_over(
        self, version: Version, restriction: Restriction, below: ServingCopy, folder: Path
    ) -> None:
        """Lay out what edits left of the rows that they touched, as far as it may be seen."""
        touched = self.touched(version)
        relation = restricted(version, restriction, f"(FROM {ARROW} WHERE NOT {own('gone')})")
        engine = self._engine(version.dataset, version.table)
        below_rows = (below.find(fid) for fid in touched.column(FID).to_pylist())
        gone = np.sort(np.array([row for row in below_rows if row is not None], np.int64))
        # The mask first: a copy without it would show both states of a row.
        build_copy(engine, relation, version.bbox, folder, touched, beside={GONE_ROWS: gone})

    def city(self, version: Version) -> Mapping[str, Any] | None:
        """Head, reference system and names of attributes of a city model; ``None`` of others."""
        if not version.city_model:
            return None
        from quanyu.spacetime.kept import city_of

        return city_of(self.tables_url, version)

    def _make(self, version: Version, restriction: Restriction, folder: Path) -> None:
        table, arrow = scan(self.tables_url, version)
        area = version.bbox
        if restriction.region is not None and area is not None:
            area = _overlap(area, region_of(restriction).bounds)
        engine = self._engine(version.dataset, version.table)
        build_copy(engine, restricted(version, restriction, table), area, folder, arrow)

    def _engine(self, dataset: str, table: str) -> Engine:
        """The engine of a table: it can open its files, the dataset's copies, and no others."""
        key = (dataset, table)
        with self._lock:
            engine = self._engines.get(key)
            if engine is None:
                folders = [self._copies.root / dataset]
                if "://" not in self.tables_url:
                    folders.append(Path(self.tables_url) / table)
                spill = self.cache_dir / "spill"
                engine = Engine(
                    folders, spill, self._engine_memory, self._engine_threads, dataset=dataset
                )
                self._engines[key] = engine
                while len(self._engines) > _ENGINES:
                    self._engines.popitem(last=False)  # closed when its last statement ends
            self._engines.move_to_end(key)
            return engine


def base_of(version: Version) -> Version:
    """The version as its table has it, without the edits laid over it."""
    return replace(version, number=version.base, whole=version.base) if version.edited else version


def _overlap(one: Bbox, other: Bbox) -> Bbox:
    box = shapely.intersection(shapely.box(*one), shapely.box(*other))
    return one if box.is_empty else box.bounds
