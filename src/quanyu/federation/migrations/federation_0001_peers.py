"""Peers, negotiations, transfers, their messages, filings of digital contracts."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "federation_0001"
down_revision = None
branch_labels = ("federation",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "federation_peer",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("participant", sa.String(200), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("address", sa.String(2000), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_federation_peer"),
        sa.UniqueConstraint("participant", name="uq_federation_peer_participant"),
        sa.UniqueConstraint("party", name="uq_federation_peer_party"),
    )
    op.create_table(
        "federation_process",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("peer", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("their_pid", sa.String(200), nullable=True),
        sa.Column("callback", sa.String(2000), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("offer", sa.String(200), nullable=False),
        sa.Column("agreement", sa.String(200), nullable=True),
        sa.Column("terms", Json(), nullable=True),
        sa.Column("signed", Json(), nullable=True),
        sa.Column("format", sa.String(64), nullable=False),
        sa.Column("approvals", Json(), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("held", sa.String(16), nullable=False),
        sa.Column("token", sa.String(40), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("act_at", Moment(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["peer"], ["federation_peer.id"], name="fk_federation_process_peer"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_federation_process"),
        sa.UniqueConstraint(
            "kind", "peer", "role", "their_pid", name="uq_federation_process_their"
        ),
    )
    for name, columns in (
        ("act", ["act_at"]),
        ("party", ["party", "kind"]),
        ("agreement", ["agreement"]),
    ):
        op.create_index(f"ix_federation_process_{name}", "federation_process", columns)
    op.create_table(
        "federation_message",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("process", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("move", sa.String(16), nullable=False),
        sa.Column("sender", sa.String(16), nullable=False),
        sa.Column("outgoing", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("body", Json(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(500), nullable=False),
        sa.ForeignKeyConstraint(
            ["process"], ["federation_process.id"], name="fk_federation_message_process"
        ),
        sa.PrimaryKeyConstraint("number", name="pk_federation_message"),
    )
    op.create_index("ix_federation_message_process", "federation_message", ["process"])
    op.create_index("ix_federation_message_due", "federation_message", ["due_at", "number"])
    op.create_table(
        "federation_filing",
        sa.Column("agreement", sa.String(200), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("authority", sa.String(200), nullable=False),
        sa.Column("reference", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("agreement", name="pk_federation_filing"),
    )


def downgrade() -> None:
    for table in ("filing", "message", "process", "peer"):
        op.drop_table(f"federation_{table}")
