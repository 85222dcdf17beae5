"""Alembic's environment: the store comes from the caller, never from a file."""

from alembic import context

from quanyu.kernel.control import ControlStore, Table

store: ControlStore = context.config.attributes["store"]

# A writer from the beginning: SQLite refuses at once whoever reads first and then writes after
# another has written. So a second process waits, and finds all done.
with store.engine.execution_options(quanyu_write=True).connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        render_as_batch=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
