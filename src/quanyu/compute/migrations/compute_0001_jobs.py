"""Jobs and their results."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "compute_0001"
down_revision = None
branch_labels = ("compute",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "compute_job",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("process", sa.String(64), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("request", Json(), nullable=False),
        sa.Column("inputs", sa.String(64), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("started", Moment(), nullable=True),
        sa.Column("finished", Moment(), nullable=True),
        sa.Column("updated", Moment(), nullable=False),
        sa.Column("expires", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("problem", Json(), nullable=True),
        sa.Column("sources", Json(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_compute_job"),
        sa.UniqueConstraint("id", name="uq_compute_job_id"),
    )
    op.create_index("ix_compute_job_expires", "compute_job", ["expires"])
    op.create_index("ix_compute_job_member", "compute_job", ["member"])
    op.create_index("ix_compute_job_party_number", "compute_job", ["party", "number"])
    op.create_index("ix_compute_job_state_until", "compute_job", ["state", "until"])
    op.create_table(
        "compute_result",
        sa.Column("job", sa.String(40), nullable=False),
        sa.Column("output", sa.String(64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("holds", sa.String(16), nullable=False),
        sa.Column("rows", _NUMBER, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("job", "output", name="pk_compute_result"),
    )


def downgrade() -> None:
    op.drop_table("compute_result")
    op.drop_table("compute_job")
