"""What datastreams promise, so that silent ones are a range of an index; and who has a feature."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json
from quanyu.streams.cadences import cadence_of

revision = "things_0003"
down_revision = "things_0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PIECE = 10_000


def upgrade() -> None:
    op.create_table(
        "stream_cadence",
        sa.Column("datastream", _NUMBER, nullable=False),
        sa.Column("root", _NUMBER, nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["datastream"],
            ["stream_datastream.number"],
            name="fk_stream_cadence_datastream",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["root"], ["stream_root.number"], name="fk_stream_cadence_root"),
        sa.PrimaryKeyConstraint("datastream", name="pk_stream_cadence"),
    )
    op.create_index("ix_stream_cadence_seen", "stream_cadence", ["root", "seconds", "seen"])
    for table in ("stream_thing", "stream_location"):
        op.create_index(f"ix_{table}_feature", table, ["feature"])
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    streams = sa.table(
        "stream_datastream",
        sa.column("number", sa.BigInteger()),
        sa.column("root", sa.BigInteger()),
        sa.column("properties", Json()),
    )
    into = sa.table(
        "stream_cadence",
        *(sa.column(name, sa.BigInteger()) for name in ("datastream", "root", "seconds", "seen")),
    )
    after = 0
    while True:
        rows = connection.execute(
            sa.select(streams.c.number, streams.c.root, streams.c.properties)
            .where(streams.c.number > after)
            .order_by(streams.c.number)
            .limit(_PIECE)
        ).all()
        if not rows:
            return
        after = rows[-1].number
        connection.execute(
            sa.insert(into),
            [
                {
                    "datastream": row.number,
                    "root": row.root,
                    "seconds": cadence_of(row.properties),
                    "seen": 0,
                }
                for row in rows
            ],
        )


def downgrade() -> None:
    for table in ("stream_location", "stream_thing"):
        op.drop_index(f"ix_{table}_feature", table_name=table)
    op.drop_table("stream_cadence")
