"""The migrations of parties and catalogue make just the tables that the code declares."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData

import quanyu.catalogue
import quanyu.parties
from quanyu.kernel import ControlStore, Table

ROOMS = (
    "party",
    "member",
    "api_token",
    "sign_in_attempt",
    "oidc_attempt",
    "invitation",
    "delegation",
    "act",
    "notice",
    "webhook",
    "resource",
    "application",
)


def test_migrations_and_tables_agree(any_store: ControlStore) -> None:
    declared = MetaData(naming_convention=Table.metadata.naming_convention)
    for table in Table.metadata.sorted_tables:
        if table.name.startswith(ROOMS):
            table.to_metadata(declared)

    def ours(name: str | None, kind: str, parents: dict[str, str | None]) -> bool:
        table = name if kind == "table" else parents.get("table_name")
        return table is None or table.startswith(ROOMS)

    with any_store.engine.connect() as connection:
        options = {"compare_type": False, "include_name": ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, declared) == []


@pytest.mark.parametrize("module", [quanyu.parties, quanyu.catalogue])
def test_faces_are_complete(module) -> None:
    for name in module.__all__:
        assert getattr(module, name) is not None
