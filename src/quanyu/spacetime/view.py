"""What one restriction lets be seen of one version, and every question that can be asked of it."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray

from quanyu.kernel import Invalid, NotFound, Refused, Unavailable
from quanyu.spacetime.aggregation import (
    Groups,
    Key,
    Measure,
    Once,
    ZoneIndex,
    grouped,
    guarded,
    zones_of,
)
from quanyu.spacetime.answer import Answer
from quanyu.spacetime.at_place import NOTHING, Found, Place, find_at
from quanyu.spacetime.changes import changed, head, ndjson
from quanyu.spacetime.differences import Difference, differences
from quanyu.spacetime.edits.timeline import Step
from quanyu.spacetime.encode import DECIMALS, METRE_DECIMALS, features, text_value
from quanyu.spacetime.engine import OWN, Engine, identifier, own
from quanyu.spacetime.formats import write, write_encoded
from quanyu.spacetime.imagery.model import ELEVATION, EVERY, Chosen
from quanyu.spacetime.matching import check_window, matching, page_of, valid_rows
from quanyu.spacetime.meeting import Met, meeting
from quanyu.spacetime.model import (
    CITY_FORMATS,
    CRS84,
    FID,
    GEOMETRY,
    HEIGHTS,
    VALID,
    Bbox,
    Field,
    FieldType,
    Format,
    GeometryType,
    Interval,
    Page,
    Query,
    Restriction,
    Version,
)
from quanyu.spacetime.names_index import Named, find_named
from quanyu.spacetime.profile import LEAST, Profile
from quanyu.spacetime.profile_file import keep_profile, kept_profile
from quanyu.spacetime.projection import crs_is_degrees, native, project
from quanyu.spacetime.questions import (
    Question,
    Source,
    ask,
    feature_columns,
    known_field,
)
from quanyu.spacetime.restricted import Relation
from quanyu.spacetime.serving import Served, hilbert_sql, interval_of
from quanyu.spacetime.summary import Summary, summarise
from quanyu.spacetime.tile_cache import TileCache
from quanyu.spacetime.tile_matrices import Tile, matrix_set
from quanyu.spacetime.tiles import draw
from quanyu.spacetime.tokens import digest_of, read_token, write_token
from quanyu.spacetime.value_checking import keys_of, run_checks, wrong_rows
from quanyu.spacetime.value_checks import Checked, ValueCheck, check_suits

if TYPE_CHECKING:
    import pyarrow as pa

    from quanyu.spacetime.imagery.imagery import Imagery
    from quanyu.spacetime.imagery.opening import SeenRow
    from quanyu.spacetime.terrain.terrain import Terrain
    from quanyu.spacetime.tiles3d.scene import Scene3D

OnCluster = Callable[[Query, Sequence[Key], Sequence[Measure]], Groups]

ALL = 1 << 40
"""As ``Query.limit``: every feature there is."""

_PARENTS = "from_json(parents, '[\"VARCHAR\"]')"
"""Ids of the parents of a city object as a list, in SQL."""


@dataclass(frozen=True, slots=True)
class Readable:
    """Rows that may be seen, for an engine of another process: ``columns`` of the relation ``sql``,
    which reads ``files`` and nothing else. Geometry is DuckDB's own type, in CRS84."""

    sql: str
    columns: str
    files: tuple[Path, ...]


class View:
    """A version through a restriction. Safe across threads; cheap to keep, its arrays are maps.

    Everything is answered from the serving copy. Until that is built, an *open* view of a large
    version answers from the table itself; a restricted one waits, so that no value of a caller ever
    meets rows in the engine that the caller may not see.
    """

    def __init__(
        self,
        version: Version,
        restriction: Restriction,
        relation: Relation,
        *,
        opened: Served | None,
        build: Callable[[], Served],
        engine: Callable[[], Engine],
        tiles: TileCache,
        patience_rows: int,
        city: Callable[[], Mapping[str, Any] | None] = lambda: None,
        imagery: "Callable[[tuple[str, ...], Sequence[SeenRow]], Imagery] | None" = None,
        folders: tuple[Path, ...] = (),
        touched: Callable[[int, int], list[str]] = lambda _after, _upto: [],
        steps: Callable[..., list[Step]] = lambda _fid, **_: [],
        on_cluster: OnCluster | None = None,
    ) -> None:
        self.version = version
        self.restriction = restriction
        self.folders = folders
        self._touched = touched
        self._steps = steps
        self._on_cluster = on_cluster
        self._relation = relation
        self._copy = opened
        self._build = build
        self._engine = engine
        self._tiles = tiles
        self._patience_rows = patience_rows
        self._city = city
        self._open_imagery = imagery
        self._imagery: Imagery | None = None
        self._building: threading.Thread | None = None
        self._starting = threading.Lock()
        self._key = restriction.key

    @property
    def fields(self) -> tuple[Field, ...]:
        """Properties that may be seen, with the types that they are seen in."""
        return self._relation.fields

    @property
    def geometry(self) -> GeometryType:
        """Type of the geometry that is seen: coarsened it is a point, clipped perhaps mixed."""
        return self._relation.geometry

    @property
    def ready(self) -> bool:
        """Whether the serving copy is open: then pages, features and tiles take about 1 ms."""
        return self._copy is not None

    def prepare(self) -> None:
        """Build the serving copy now and wait for it; of imagery what tiles come from too."""
        self._for_figures()
        if self.restriction.figures is not None:
            return
        if self.version.imagery:
            self.imagery().prepare()

    def extent(self) -> tuple[Bbox | None, Interval]:
        """Bounding box and time of what may be seen; unknown where only figures are given."""
        if self.restriction.figures is not None:
            return None, (None, None)
        copy = self._copy_now()
        if copy is None:
            return self.version.bbox, self.version.interval
        return copy.about.bbox, interval_of(copy.about.interval)

    def count(self, query: Query | None = None) -> int:
        """Exactly how many features answer a query; its page, sort and properties do not matter."""
        query = query or Query()
        copy = self._copy_now()
        if copy is not None and query.filter is None and not _deep(query):
            if query.bbox is None and query.interval is None:
                return copy.about.rows
            return sum(len(rows) for rows in matching(copy, query))
        sql, params = ask(self._source(copy), query).count()
        return int(self._engine().rows(sql, params)[0][0])

    def page(self, query: Query, form: Format = Format.GEOJSON) -> Page:
        """One page of features in GeoJSON or JSON-FG; raises ``Invalid`` for what cannot be."""
        if query.limit < 1:
            raise Invalid("a page has at least one feature", field="limit", mend="give 1 or more")
        digest = digest_of(self.version, self._key, query)
        place = read_token(query.after, self.version.number, digest) if query.after else 0
        copy = self._copy_now()
        if copy is not None and form is Format.GEOJSON and _plain(query, self._relation):
            text, returned, following = self._quick(copy, query, place)
        else:
            question = ask(self._source(copy), query)
            text, returned, following = self._asked(question, query, place, form)
        more = None if following is None else write_token(self.version.number, digest, following)
        matched: int | None = None
        if query.count:
            matched = self.count(query)
        elif (
            query.filter is None
            and query.bbox is None
            and query.interval is None
            and copy is not None
        ):
            matched = copy.about.rows
        elif more is None and not place:
            matched = returned
        return Page(text, returned, matched, more)

    def feature(
        self,
        fid: str,
        crs: str = CRS84,
        form: Format = Format.GEOJSON,
        interval: Interval | None = None,
    ) -> bytes | None:
        """One feature, or ``None`` when there is none that may be seen (and was valid then)."""
        copy = self._copy_now()
        row = None
        if copy is not None:
            row = copy.find(fid)
            if row is None:
                return None
            if (
                interval is not None
                and not valid_rows(copy, np.array([row], np.int64), interval).size
            ):
                return None
            if form is Format.GEOJSON and native(crs):
                return copy.join(np.array([row], np.int64))
        query = Query(filter=_is(fid), interval=interval, crs=crs, limit=1)
        question = ask(self._source(copy), query)
        return self._asked(question, query, 0, form)[0] or None

    def meeting(self, area: Any, interval: Interval | None = None, most: int = 10_000) -> Met:
        """Features that intersect ``area``, a shapely geometry in CRS84, and are valid at some time
        in ``interval``; waits for the serving copy. Raises ``Invalid`` for more than ``most``, and
        where there is no geometry."""
        if self.geometry is GeometryType.NONE:
            raise Invalid(
                "these data have no geometry", field="geometry", mend="ask other data for places"
            )
        return meeting(self._whole(), area, interval, most)

    def tile(
        self,
        z: int,
        x: int,
        y: int,
        matrix: str = "WebMercatorQuad",
        interval: Interval | None = None,
    ) -> bytes:
        """A vector tile (MVT 2.1), its layer named as the dataset; ``b""`` when it is empty.

        ``interval`` leaves only features that were valid at some time in it.

        Raises ``NotFound`` for a tile or a matrix set that there is not.
        """
        asked = Tile(matrix_set(matrix), z, x, y)
        if self.geometry is GeometryType.NONE:
            raise NotFound("{dataset} has no geometry", dataset=self.version.dataset)
        place = self._tile_key(z, x, y, matrix, interval)
        found = self._tiles.get(place)
        if found is None:
            found = draw(self._whole(), self.version.dataset, asked, interval)
            self._tiles.put(place, found)
        return found

    def cached_tile(
        self,
        z: int,
        x: int,
        y: int,
        matrix: str = "WebMercatorQuad",
        interval: Interval | None = None,
    ) -> bytes | None:
        """The tile when it has been drawn lately, else ``None``."""
        return self._tiles.get(self._tile_key(z, x, y, matrix, interval))

    def write(
        self,
        query: Query,
        form: Format,
        counted: Callable[[int], None] | None = None,
        *,
        named: bool = False,
    ) -> Iterator[bytes]:
        """The answer as a file of that form, streamed in bounded memory; ``named`` with a place for
        the name of its use, where the form has one (:data:`~quanyu.spacetime.NAMING`).

        ``query.limit`` holds (``ALL`` for everything) and ``query.after`` too. ``counted`` hears of
        rows as they go out. Raises ``Invalid`` before the first byte.
        """
        digest = digest_of(self.version, self._key, query)
        place = read_token(query.after, self.version.number, digest) if query.after else 0
        copy = self._copy_now()
        if copy is not None and form is Format.GEOJSON and _plain(query, self._relation):
            check_window(copy, query)
            return write_encoded(copy, query, place, counted or _unheard, named=named)
        question = ask(self._source(copy), query)
        answer = Answer(self._engine(), question, query, place, counted or _unheard, named)
        if form in CITY_FORMATS:
            return self._city_file(answer, form)
        if form is Format.LAZ:
            # Imported where used, as city models are.
            from quanyu.spacetime.point_file import laz

            return laz(answer, self.version.source_crs)
        return write(answer, form)

    def _city_file(self, answer: Answer, form: Format) -> Iterator[bytes]:
        if not self._relation.has_geometry:
            raise Invalid(
                "these data have no geometry, which a city model needs",
                field="f",
                mend="take csv or parquet",
            )
        if not native(answer.query.crs):
            raise Invalid(
                "a city model is given in its own reference system",
                field="crs",
                mend="leave crs out",
            )
        # Imported where used: servers that give no city models start quicker.
        from quanyu.spacetime.cityobjects.export import write_city
        from quanyu.spacetime.cityobjects.scene import scene_of

        return write_city(answer, form, scene_of(self.version, self._city(), self.extent()[0]))

    def imagery(self) -> "Imagery":
        """The scenes and bands that may be seen; raises ``NotFound`` where rows are no scenes."""
        if self._imagery is None:
            if self._open_imagery is None:
                raise NotFound("{dataset} holds no imagery", dataset=self.version.dataset)
            bands = tuple(f.name for f in self.fields if f.type is FieldType.JSON)
            columns = ", ".join([FID, "valid_from", *map(identifier, bands)])
            source = self.rows()
            table = self._engine().table(f"SELECT {columns} FROM {source.sql}", source.params)
            rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
            seen = [(fid, at, dict(zip(bands, said, strict=True))) for fid, at, *said in rows]
            self._imagery = self._open_imagery(bands, seen)
        return self._imagery

    @property
    def imagery_open(self) -> bool:
        """Whether :meth:`imagery` answers at once."""
        return self._imagery is not None

    @property
    def cloud(self) -> bool:
        """Whether its rows are points with heights, as far as may be seen."""
        return self.geometry is GeometryType.POINT and self._relation.has_z

    @property
    def elevation(self) -> bool:
        """Whether it is imagery that holds the height of the ground, as far as may be seen."""
        return self.version.imagery and any(
            f.name == ELEVATION and f.type is FieldType.JSON for f in self.fields
        )

    def terrain(self, chosen: Chosen = EVERY) -> "Terrain":
        """The heights of the ground that may be seen, as meshes and pictures.

        Raises ``NotFound`` where there are none.
        """
        if not self.elevation:
            raise NotFound(
                "{dataset} holds no heights that may be seen", dataset=self.version.dataset
            )
        from quanyu.spacetime.terrain.terrain import Terrain

        key = (self.version.dataset, self.version.number, self._key)
        return Terrain(self.imagery(), chosen, self._tiles, key)

    def relatives(self, fid: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Ids of the parents and of the children of a city object, as far as they may be seen;
        ``None`` where objects of these data have no parents."""
        if not self._families:
            return None
        source = self._source(self._copy_now())
        above = (
            f"SELECT {FID} FROM {source.sql} WHERE {FID} IN (SELECT unnest({_PARENTS})"
            f" FROM {source.sql} WHERE {FID} = $fid) ORDER BY 1"
        )
        parents = self._engine().rows(above, source.params | {"fid": fid})
        return tuple(row[0] for row in parents), self._children(fid)

    def below(self, fid: str) -> tuple[str, ...]:
        """Ids of all city objects below one, as far as they may be seen."""
        found: dict[str, None] = {}
        waiting = [fid] if self._families else []
        while waiting:
            children = self._children(waiting.pop())
            new = [child for child in children if child not in found and child != fid]
            found |= dict.fromkeys(new)
            waiting += new
        return tuple(found)

    @property
    def _families(self) -> bool:
        """Whether objects of these data have parents that may be seen."""
        return self.version.city_model and any(f.name == "parents" for f in self.fields)

    def _children(self, fid: str) -> tuple[str, ...]:
        source = self._source(self._copy_now())
        sql = (
            f"SELECT {FID} FROM {source.sql} WHERE contains(parents, $said)"
            f" AND list_contains({_PARENTS}, $fid) ORDER BY {own('ordinal')}"
        )
        # Few rows are read as JSON: those in which the id stands as JSON writes it.
        params = source.params | {"fid": fid, "said": orjson.dumps(fid).decode()}
        return tuple(row[0] for row in self._engine().rows(sql, params))

    def distinct(self, field: str, limit: int = 100) -> list[Any]:
        """Values of a property, the most frequent first; times as RFC 3339 text."""
        column = known_field(field, self.fields, "field")
        if column.type in (FieldType.BINARY, FieldType.JSON):
            raise Invalid("“{name}” has no values to list", field="field", name=field)
        source = self._source(self._copy_now())
        sql = (
            f"SELECT {text_value(column)}, count(*) FROM {source.sql}"
            f" WHERE {identifier(field)} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $limit"
        )
        return [row[0] for row in self._engine().rows(sql, source.params | {"limit": limit})]

    def summary(self, field: str) -> Summary:
        """Figures of a property: how many values, how many are missing, least, greatest, mean."""
        column = known_field(field, self.fields, "field")
        return summarise(self._engine(), self._source(self._copy_now()), column)

    def rows_within(self, query: Query) -> "pa.Table":
        """Up to ``query.limit`` features as Arrow: ``fid``, the properties, validity, and geometry
        as WKB in CRS84; ``zmin`` and ``zmax`` in metres where the data have heights."""
        question = ask(self.rows(), query)
        names = [FID, *(identifier(field.name) for field in question.fields), *VALID]
        if self._relation.has_geometry:
            names += [GEOMETRY, *(HEIGHTS if self._relation.has_z else ())]
        sql, params = question.rows(", ".join(names), query.limit, 0)
        return self._engine().table(sql, params)

    def aggregate(
        self,
        query: Query,
        keys: Sequence[Key],
        measures: Sequence[Measure],
        *,
        on_cluster: bool = False,
        once: Once | None = None,
    ) -> Groups:
        """Figures of the features that answer ``query``, by group; the query's page, sort and
        properties do not matter. Raises as :func:`~quanyu.spacetime.aggregation.grouped`.

        ``on_cluster``: computed by the node's cluster, out of the table itself and the edits since
        laid over it; the same but for the last digits of fractions. Raises ``Unavailable`` where
        there is none.

        ``once`` keeps the ledger of questions answered with noise, where the restriction asks for
        it: given a question and how to make its answer, it gives the answer.
        """
        figures = self.restriction.figures
        if figures is not None:
            if on_cluster:
                raise Invalid(
                    "under this agreement figures are computed on the node alone",
                    field="engine",
                    mend="leave engine out",
                )
            copy = self._for_figures()
            source = Source(copy.rows_sql, {}, self._relation, ordered=True)
            return guarded(self._engine(), source, query, keys, measures, asked=figures, once=once)
        if not on_cluster:
            return grouped(self._engine(), self.rows(), query, keys, measures)
        if self._on_cluster is None:
            raise Unavailable(
                "this node has no cluster to compute on",
                field="engine",
                mend="leave engine out; who runs the node sets QUANYU_CLUSTER",
            )
        return self._on_cluster(query, keys, measures)

    def zones(self, field: str | None = None) -> tuple[NDArray[Any], ZoneIndex]:
        """Labels of the areas that may be seen, and an index over them; labels are ids or the
        values of a property. Raises ``Invalid`` when a value is not of one area alone, or for more
        than :data:`~quanyu.spacetime.MOST_ZONES`."""
        column = FID if field is None else identifier(known_field(field, self.fields, "by").name)
        return zones_of(self._engine(), self.rows(), column)

    def profile(self, guarded: frozenset[str] = frozenset(), least: int = LEAST) -> Profile:
        """What all values are like; kept with the serving copy, so that it is computed once.

        Of properties in ``guarded`` nothing is told that fewer than ``least`` rows share. The first
        time it takes seconds for each million rows.
        """
        copy = self._whole()
        return keep_profile(
            self._engine(),
            self._source(copy),
            copy,
            self.version,
            guarded=guarded,
            least=least,
        )

    def kept_profile(
        self, guarded: frozenset[str] = frozenset(), least: int = LEAST
    ) -> Profile | None:
        """:meth:`profile` when it has been computed before, else ``None``."""
        self._check_rows()
        copy = self._copy
        return None if copy is None else kept_profile(copy, guarded, least)

    def check(self, checks: Sequence[ValueCheck], other: "Callable[[str], View]") -> list[Checked]:
        """The outcome of each check over all rows that may be seen, most of them in one pass.

        ``other`` gives the view of another dataset that a check compares with. Raises ``Invalid``
        for a check that these data cannot be asked, alike for hidden and absent columns.
        """
        for one in checks:
            check_suits(one, self.fields, geometry=self._relation.has_geometry)
        return run_checks(self._engine(), self.rows(), checks, _keys_by(other))

    def wrong(
        self, check: ValueCheck, other: "Callable[[str], View]", limit: int = 20
    ) -> list[dict[str, Any]]:
        """Some of the rows that may be seen and fail a check: ``fid`` and the values concerned."""
        check_suits(check, self.fields, geometry=self._relation.has_geometry)
        return wrong_rows(self._engine(), self.rows(), check, _keys_by(other), limit)

    def keys(self, columns: Sequence[str]) -> "pa.Table":
        """Distinct values of columns as text, named ``k0``, ``k1`` … in their order."""
        for name in columns:
            if name != FID:
                known_field(name, self.fields, "theirs")
        return keys_of(self._engine(), self.rows(), columns)

    def changes(
        self,
        older: "View",
        form: Format = Format.NDJSON,
        counted: Callable[[int], None] | None = None,
    ) -> Iterator[bytes]:
        """Rows that differ from those of ``older``, a view of another version of these data through
        the same restriction, as NDJSON (a first line says between which versions) or CSV."""
        self._check_alike(older)
        query = Query(limit=ALL)
        question = ask(changed(self.rows(), older.rows()), query)
        answer = Answer(self._engine(), question, query, 0, counted or _unheard)
        if form is not Format.NDJSON:
            return write(answer, form)
        first = head(self.version.dataset, older.version.number, self.version.number)
        return chain([first], ndjson(answer))

    def differences(
        self, older: "View", *, after: str | None = None, limit: int = 100
    ) -> list[Difference]:
        """Features that differ from those of ``older``, a view of another version of these data
        through the same restriction, with their values before and after: a page in order of ids,
        behind the id ``after``."""
        self._check_alike(older)
        fids = None
        if older.version.whole == self.version.whole:
            fids = self._touched(*sorted((older.version.number, self.version.number)))
        return differences(
            self._engine(), self.rows(), older.rows(), fids=fids, after=after, limit=limit
        )

    def history(self, fid: str, *, before: int | None = None, limit: int = 20) -> list[Step]:
        """What edits made of a feature up to this version, the newest first, as far as it may be
        seen; only versions lower than ``before``."""
        self._check_rows()
        return self._steps(fid, before=before, limit=limit)

    def _check_alike(self, older: "View") -> None:
        alike = older.version.dataset == self.version.dataset
        if not alike or older.restriction.key != self._key:
            raise ValueError("only versions of one dataset under one restriction can be compared")

    def at(self, place: Place, interval: Interval | None = None, limit: int = 20) -> Found:
        """What may be seen at a place, in GeoJSON (CRS84), the nearest first."""
        if self.geometry is GeometryType.NONE:
            return NOTHING
        self._check_rows()
        return find_at(self._copy or self._whole(), place, interval, limit)

    def geometry_of(self, fid: str) -> Any:
        """The geometry of a feature in CRS84; ``None`` when there is none that may be seen."""
        self._check_rows()
        copy = self._copy or self._whole()
        row = copy.find(fid) if self._relation.has_geometry else None
        return None if row is None else copy.geometries(np.array([row]))[0]

    def named(self, text: str, limit: int = 5) -> list[tuple[Named, Any]]:
        """Features whose name or address holds a text, the likest first, with their geometries.

        The first time it takes about a second for each million rows.
        """
        if not self._relation.has_geometry:
            return []
        copy = self._whole()
        found = find_named(self._engine, self._source(copy), copy, text, limit)
        rows = np.array([one.row for one in found], np.int64)
        return list(zip(found, copy.geometries(rows), strict=True)) if found else []

    def rows(self) -> Source:
        """All rows that may be seen, for questions asked within the store."""
        return self._source(self._whole())

    def readable(self) -> Readable:
        """The rows with their ids, properties, geometry and validity; waits for the serving copy,
        which holds nothing else."""
        copy = self._whole()
        names = [FID, *(identifier(field.name) for field in self.fields)]
        if self._relation.has_geometry:
            names.append(f"ST_GeomFromWKB({GEOMETRY}) AS {GEOMETRY}")
        return Readable(copy.rows_sql, ", ".join([*names, *VALID]), copy.files)

    @property
    def stands(self) -> bool:
        """Whether it can be shown in three dimensions."""
        from quanyu.spacetime.tiles3d.scene import stands

        return stands(self._relation)

    def in_3d(self, lod: int = 4) -> "Scene3D":
        """The view as 3D Tiles, objects in the finest level of detail up to ``lod``.

        Raises ``NotFound`` where no third dimension may be seen, ``Invalid`` (``lod``) for a level
        that there is not.
        """
        from quanyu.spacetime.tiles3d.scene import Scene3D, check_lod

        check_lod(lod)
        if not self.stands:
            raise NotFound(
                "{dataset} has no third dimension that may be seen", dataset=self.version.dataset
            )
        # Where there are no solids, blocks are the finest there is: drawn once, not four times.
        finest = lod if self._relation.lods else min(lod, 1)
        return Scene3D(self._whole(), finest, self._engine, self._city)

    def _tile_key(
        self, z: int, x: int, y: int, matrix: str, interval: Interval | None
    ) -> tuple[object, ...]:
        version = self.version
        return (version.dataset, version.number, self._key, matrix, z, x, y, interval)

    def _check_rows(self) -> None:
        """The second lock behind the gate's: nothing that holds a row passes where only figures
        are given."""
        if self.restriction.figures is not None:
            raise Refused(
                "the agreement gives figures of groups only, no rows",
                rule="figures.only",
                mend="ask for statistics",
            )

    def _whole(self) -> Served:
        """The copy with all its files, for answers that hold rows."""
        self._check_rows()
        return self._for_figures()

    def _for_figures(self) -> Served:
        """The copy with all its files: built when it is not there, or not any more."""
        copy = self._copy
        if copy is None or not copy.there():
            copy = self._copy = self._build()
        return copy

    def _copy_now(self) -> Served | None:
        """The copy; ``None`` while a large open one is being built behind."""
        self._check_rows()
        if self._copy is not None:
            return self._copy
        if not self.restriction.open or self.version.rows <= self._patience_rows:
            return self._whole()
        with self._starting:
            alive = self._building is not None and self._building.is_alive()
            if not (alive or self.ready):
                self._building = threading.Thread(target=self._whole, daemon=True)
                self._building.start()
        return self._copy

    def _source(self, copy: Served | None) -> Source:
        if copy is not None:
            return Source(self._whole().rows_sql, {}, self._relation, ordered=True)
        # Only open views come here. The same order as the copy's, so that tokens hold for both.
        order = FID
        if self._relation.has_geometry and self.version.bbox is not None:
            order = f"{hilbert_sql(self.version.bbox)} NULLS LAST, {FID}"
        numbered = f"SELECT *, row_number() OVER (ORDER BY {order}) - 1 AS {own('ordinal')}"
        sql = f"({numbered} FROM ({self._relation.sql}))"
        return Source(sql, dict(self._relation.params), self._relation, ordered=False)

    def _quick(self, copy: Served, query: Query, place: int) -> tuple[bytes, int, int | None]:
        """A page out of the index and the encoded features."""
        rows = page_of(copy, query, place)
        following = int(rows[query.limit]) if len(rows) > query.limit else None
        rows = rows[: query.limit]
        return copy.join(rows), len(rows), following

    def _asked(
        self, question: Question, query: Query, place: int, form: Format
    ) -> tuple[bytes, int, int | None]:
        """A page by way of the query engine."""
        jsonfg = form is Format.JSONFG
        limit = min(query.limit, ALL)
        sql, params = question.rows(feature_columns(question, time=jsonfg), limit + 1, place)
        table = self._engine().table(sql, params)
        more = table.num_rows > limit
        following = None
        if more:
            next_row = int(table.column(OWN + "ordinal")[limit].as_py())
            following = place + limit if question.sorted else next_row
            table = table.slice(0, limit)
        geometries = None
        if self._relation.has_geometry:
            column = table.column(GEOMETRY).to_numpy()
            geometries = project(shapely.from_wkb(column), query.crs)
        decimals = DECIMALS if crs_is_degrees(query.crs) else METRE_DECIMALS
        place_member = jsonfg and not native(query.crs)
        text = features(table, geometries, decimals=decimals, place=place_member)
        joined = "".join(text.to_pylist()).encode()[1:]
        return joined, table.num_rows, following


def _keys_by(other: "Callable[[str], View]") -> "Callable[[str, tuple[str, ...]], pa.Table]":
    return lambda dataset, columns: other(dataset).keys(columns)


def _plain(query: Query, relation: Relation) -> bool:
    """Whether the index and the encoded features answer it."""
    return (
        query.filter is None
        and not query.sortby
        and query.properties is None
        and native(query.crs)
        and not (_deep(query) and relation.has_z)
    )


def _deep(query: Query) -> bool:
    return query.bbox is not None and len(query.bbox) == 6


def _is(fid: str) -> dict[str, Any]:
    return {"op": "=", "args": [{"property": FID}, fid]}


def _unheard(_rows: int) -> None:
    return None
