"""DuckDB, shut in: it reads the folders it was given, runs compiled statements, and stops in time.

No statement holds text of a caller: values travel as parameters, names come from the table's own
columns. The sandbox is the second lock behind that first one.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quanyu.kernel import Invalid, TooLarge, Unavailable
from quanyu.spacetime.unavailable import being_replaced, damaged

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from pyarrow.dataset import Dataset

TIMEOUT_S = 30.0
BATCH_ROWS = 8192
OWN = "quanyu:"
"""Prefix of names that a statement makes up: none may hide a property called ``id`` or ``area``."""
_CONCURRENT = 8
_STREAMS = 32  # apart from the others: who reads a file slowly must not keep pages waiting
_WAIT_S = 10.0
_DAMAGED = ("No magic bytes found", "too small to be a Parquet file")
"""What DuckDB says of files that are no Parquet; it has no error of its own for them."""


def load_engines() -> None:
    """Load what answers from tables, in one thread, before several may come to it at once.

    Their libraries have locks of their own beside Python's, which are taken while they load.
    """
    import deltalake  # noqa: F401
    import duckdb  # noqa: F401
    import pyarrow.dataset
    import pyarrow.parquet  # noqa: F401


class Engine:
    """One DuckDB instance that may read ``folders`` and nothing else; safe across threads.

    Raises ``Unavailable`` when a statement passes its time or all slots stay taken, ``TooLarge``
    when it passes ``memory``, ``Invalid`` when a caller's values cannot be computed with.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        spill: Path,
        memory: str,
        threads: int,
        *,
        keep_footers: bool = False,
        dataset: str | None = None,
    ) -> None:
        """``keep_footers``: what stands at the end of Parquet files is read once, as long as none
        is ever changed in place. ``dataset``: whose files they are, as errors say."""
        import duckdb

        self._dataset = dataset
        spill.mkdir(parents=True, exist_ok=True)
        self._instance = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                # The extension comes by path out of a pinned wheel; checking its signature again
                # would take 0.3 s, and nothing can be loaded once external access is off.
                "allow_unsigned_extensions": True,
                "memory_limit": memory,
                "threads": threads,
                "temp_directory": str(spill),
            },
        )
        self._instance.execute(f"LOAD '{spatial_extension()}'")
        allowed = ", ".join(_text(f"{folder.resolve()}/") for folder in folders)
        for statement in (
            "SET TimeZone = 'UTC'",
            "SET geometry_always_xy = true",
            f"SET parquet_metadata_cache = {str(keep_footers).lower()}",
            f"SET allowed_directories = [{allowed}]",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            self._instance.execute(statement)
        self._slots = threading.BoundedSemaphore(_CONCURRENT)
        self._streams = threading.BoundedSemaphore(_STREAMS)

    def rows(
        self, sql: str, params: Mapping[str, Any], timeout: float = TIMEOUT_S
    ) -> list[tuple[Any, ...]]:
        """All rows of a small answer."""
        with self._cursor(self._slots, timeout) as cursor:
            return cursor.execute(sql, dict(params)).fetchall()

    def table(
        self,
        sql: str,
        params: Mapping[str, Any],
        timeout: float = TIMEOUT_S,
        arrow: "Dataset | pa.Table | pa.RecordBatchReader | None" = None,
        beside: Mapping[str, "Dataset | pa.Table"] | None = None,
    ) -> "pa.Table":
        """A bounded answer as one Arrow table; ``arrow`` as in :meth:`run`, more ``beside`` it."""
        with self._cursor(self._slots, timeout) as cursor:
            if arrow is not None:
                cursor.register("arrow_table", arrow)
            for name, relation in (beside or {}).items():
                cursor.register(name, relation)
            return cursor.execute(sql, dict(params)).to_arrow_table()

    def batches(
        self,
        sql: str,
        params: Mapping[str, Any],
        size: int = BATCH_ROWS,
        arrow: "Dataset | pa.Table | None" = None,
    ) -> Iterator["pa.RecordBatch"]:
        """An answer of any size, in Arrow batches, with bounded memory and no limit of time.

        ``arrow`` as in :meth:`run`.
        """
        with self._cursor(self._streams) as cursor:
            if arrow is not None:
                cursor.register("arrow_table", arrow)
            yield from cursor.execute(sql, dict(params)).to_arrow_reader(size)

    def run(
        self, sql: str, params: Mapping[str, Any], arrow: "Dataset | pa.Table | None" = None
    ) -> None:
        """A statement of the store's own, such as building a serving copy; no limit of time.

        ``arrow`` is known to it as ``arrow_table``.
        """
        with self._cursor(self._streams) as cursor:
            if arrow is not None:
                cursor.register("arrow_table", arrow)
            cursor.execute(sql, dict(params))

    def close(self) -> None:
        """Free the instance."""
        self._instance.close()

    @contextmanager
    def _cursor(
        self, slots: threading.BoundedSemaphore, timeout: float | None = None
    ) -> Iterator["duckdb.DuckDBPyConnection"]:
        import duckdb

        if not slots.acquire(timeout=_WAIT_S):
            raise Unavailable("the query engine is busy", mend="try again in a moment")
        try:
            cursor = self._instance.cursor()
            alarm = threading.Timer(timeout, cursor.interrupt) if timeout else None
            if alarm:
                alarm.daemon = True
                alarm.start()
            try:
                yield cursor
            finally:
                if alarm:
                    alarm.cancel()
                cursor.close()
        except duckdb.InterruptException as error:
            raise Unavailable(
                "the query took longer than {seconds} s",
                mend="ask for a smaller area or a simpler filter",
                seconds=timeout,
            ) from error
        except duckdb.OutOfMemoryException as error:
            raise TooLarge(
                "the query needs more memory than this node gives one query",
                mend="ask for a smaller area, without sorting",
            ) from error
        except duckdb.IOException as error:
            raise being_replaced(self._dataset) from error
        except duckdb.InvalidInputException as error:
            if any(said in str(error) for said in _DAMAGED):
                raise damaged(self._dataset) from error
            raise _uncomputable() from error
        except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
            raise _uncomputable() from error
        finally:
            slots.release()


def _uncomputable() -> Invalid:
    """The engine's own text may quote values of rows, so it is not passed on."""
    return Invalid(
        "the filter cannot be computed on these values",
        field="filter",
        mend="compare values of like kinds, within the range of their types",
    )


def own(name: str) -> str:
    """A name of the store's own inside a statement, quoted; no property is called so."""
    return identifier(OWN + name)


def identifier(name: str) -> str:
    """A column's name, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def spatial_extension() -> str:
    """Path of DuckDB's spatial extension, out of its wheel."""
    import duckdb_extension_spatial

    folder = Path(duckdb_extension_spatial.__file__).parent / "extensions"
    return str(next(folder.glob("*/spatial.duckdb_extension")))
