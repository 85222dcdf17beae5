"""Algorithms that parties send, their runs, and secure sums."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "compute_0002"
down_revision = "compute_0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _algorithms()
    _runs()
    _sums()


def _algorithms() -> None:
    op.create_table(
        "compute_algorithm",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("document", Json(), nullable=False),
        sa.Column("resource", sa.String(40), nullable=True),
        sa.Column("deployed", sa.Boolean(), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_compute_algorithm"),
        sa.UniqueConstraint("id", name="uq_compute_algorithm_id"),
        sa.UniqueConstraint("party", "name", "digest", name="uq_compute_algorithm_digest"),
    )
    op.create_index("ix_compute_algorithm_party", "compute_algorithm", ["party"])
    op.create_index("ix_compute_algorithm_member", "compute_algorithm", ["member"])


def _runs() -> None:
    op.create_table(
        "compute_run",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("algorithm", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("collection", sa.String(128), nullable=False),
        sa.Column("agreement", sa.String(64), nullable=False),
        sa.Column("request", Json(), nullable=False),
        sa.Column("inputs", sa.String(64), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("reviewed", sa.Boolean(), nullable=False),
        sa.Column("groups", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("updated", Moment(), nullable=False),
        sa.Column("finished", Moment(), nullable=True),
        sa.Column("decided", Moment(), nullable=True),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("expires", Moment(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("rows", _NUMBER, nullable=True),
        sa.Column("use", sa.String(40), nullable=True),
        sa.Column("findings", Json(), nullable=False),
        sa.Column("problem", Json(), nullable=True),
        sa.Column("reviewer", sa.String(40), nullable=True),
        sa.Column("reasons", sa.String(2000), nullable=True),
        sa.Column("ran", sa.String(40), nullable=True),
        sa.Column("leaf", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_compute_run"),
        sa.UniqueConstraint("id", name="uq_compute_run_id"),
    )
    op.create_index("ix_compute_run_expires", "compute_run", ["expires"])
    op.create_index("ix_compute_run_member", "compute_run", ["member"])
    op.create_index("ix_compute_run_reviewer", "compute_run", ["reviewer"])
    op.create_index("ix_compute_run_party_number", "compute_run", ["party", "number"])
    op.create_index("ix_compute_run_provider_state", "compute_run", ["provider", "state"])
    op.create_index("ix_compute_run_state_until", "compute_run", ["state", "until"])
    op.create_table(
        "compute_run_output",
        sa.Column("run", sa.String(40), nullable=False),
        sa.Column("output", sa.String(64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run", "output", name="pk_compute_run_output"),
    )


def _sums() -> None:
    op.create_table(
        "compute_sum_round",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("groups", Json(), nullable=False),
        sa.Column("decimals", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("ends", Moment(), nullable=False),
        sa.Column("result", Json(), nullable=True),
        sa.Column("leaf", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_compute_sum_round"),
    )
    op.create_index("ix_compute_sum_round_party", "compute_sum_round", ["party"])
    op.create_index("ix_compute_sum_round_ends", "compute_sum_round", ["ends"])
    op.create_table(
        "compute_sum_member",
        sa.Column("round", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("masked", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("round", "party", name="pk_compute_sum_member"),
    )


def downgrade() -> None:
    for name in (
        "compute_sum_member",
        "compute_sum_round",
        "compute_run_output",
        "compute_run",
        "compute_algorithm",
    ):
        op.drop_table(name)
