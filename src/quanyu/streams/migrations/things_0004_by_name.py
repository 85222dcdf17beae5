"""Entities by name, and those of one name by number: a page of many of one name is a range too."""

from alembic import op

revision = "things_0004"
down_revision = "things_0003"
branch_labels = None
depends_on = None

_TABLES = (
    *("stream_thing", "stream_location", "stream_sensor"),
    *("stream_observed_property", "stream_datastream", "stream_feature"),
)


def upgrade() -> None:
    _index("root", "name", "number")


def downgrade() -> None:
    _index("root", "name")


def _index(*columns: str) -> None:
    for table in _TABLES:
        op.drop_index(f"ix_{table}_name", table_name=table)
        op.create_index(f"ix_{table}_name", table, list(columns))
