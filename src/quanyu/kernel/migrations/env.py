"""Alembic's environment: the store comes from the caller, never from a file."""

from alembic import context

from quanyu.kernel.control import ControlStore, Table

store: ControlStore = context.config.attributes["store"]

with store.engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        render_as_batch=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
