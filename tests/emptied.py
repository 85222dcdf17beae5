"""Databases on PostgreSQL for one test after another: emptied, which takes a twentieth of the time
that a copy of a migrated one takes, and made anew where a test left more than rows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, NullPool, create_engine, text

from quanyu.kernel import ControlStore, migrate

_TEMPLATE = "template_quanyu"
_FORM = """
SELECT md5(string_agg(one, ' ' ORDER BY one)) FROM (
  SELECT concat_ws('.', relname, relkind, attname, atttypid, attnotnull) AS one FROM pg_class
    LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND NOT attisdropped
    WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT version_num FROM alembic_version) AS form
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> :but"
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_RESTART = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
"""


class Databases:
    """Migrated, empty databases of a server, whose URL prefix has a place for a ``name``."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._free: list[Engine] = []
        self._count = 0
        self._make(_TEMPLATE, "template1")
        store = ControlStore(server.format(name=_TEMPLATE))
        migrate(store)
        with store.engine.connect() as connection:
            self._form = connection.scalar(text(_FORM))
            tables = connection.scalars(text(_TABLES), {"but": "alembic_version"}).all()
        store.close()
        self._filled = " UNION ALL ".join(
            f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in tables
        )

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of a database for one test."""
        if self._free:
            engine = self._free.pop()
        else:
            self._count += 1
            name = f"quanyu_{self._count}"
            self._make(name, _TEMPLATE)
            engine = create_engine(self._server.format(name=name), poolclass=NullPool)
        yield engine.url.render_as_string(hide_password=False)
        with engine.begin() as connection:
            emptied = self._empty(connection)
        if emptied:
            self._free.append(engine)
        else:
            self._admin(f'DROP DATABASE "{engine.url.database}"')

    def _empty(self, connection: Connection) -> bool:
        """Take all rows out; not where more than rows was left, or somebody still is there."""
        if not _alone(connection) or connection.scalar(text(_FORM)) != self._form:
            return False
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        for name in connection.scalars(text(self._filled)).all():
            connection.execute(text(f'DELETE FROM "{name}"'))
        connection.execute(text(_RESTART))
        return True

    def _make(self, name: str, template: str) -> None:
        self._admin(f'CREATE DATABASE "{name}" TEMPLATE {template}')

    def _admin(self, statement: str) -> None:
        admin = create_engine(self._server.format(name="postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(statement))
        admin.dispose()


def _alone(connection: Connection) -> bool:
    """Whether all others went, which a server takes a moment to notice."""
    for _ in range(100):
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        if not connection.scalar(text(_OTHERS)):
            return True
        time.sleep(0.02)
    return False
