"""Quality, discussions, corrections, reuses."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "catalogue_0005"
down_revision = "catalogue_0004"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SCORES = (
    "score",
    "findability",
    "accessibility",
    "interoperability",
    "reusability",
    "contextuality",
)


def upgrade() -> None:
    """The tables of care for entries."""
    op.create_table(
        "resource_care",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        *(sa.Column(name, sa.SmallInteger(), nullable=False) for name in _SCORES),
        sa.Column("data_version", sa.Integer(), nullable=True),
        sa.Column("data_at", Moment(), nullable=True),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("overdue_at", Moment(), nullable=True),
        sa.Column("profiled", sa.Integer(), nullable=True),
        sa.Column("sizes", Json(), nullable=False),
        sa.Column("elsewhere", sa.Boolean(), nullable=False),
        sa.Column("checked_at", Moment(), nullable=True),
        sa.Column("answered", Json(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_resource_care"),
        sa.UniqueConstraint("resource", name="uq_resource_care_resource"),
        sa.ForeignKeyConstraint(
            ["number"], ["resource.number"], name="fk_resource_care_number", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_resource_care_dates", "resource_care", ["overdue_at", "due_at"])
    op.create_index("ix_resource_care_checked_at", "resource_care", ["checked_at"])
    op.create_index("ix_resource_care_score", "resource_care", ["score"])
    _discussions()
    _corrections()
    _reuses()
    op.create_table(
        "resource_follow",
        _resource("resource_follow"),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("resource", "member", name="pk_resource_follow"),
        _of("resource_follow"),
    )
    op.create_index("ix_resource_follow_member", "resource_follow", ["member"])
    op.create_table(
        "resource_told",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("step", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_resource_told"),
    )


def _resource(_table: str) -> sa.Column[str]:
    return sa.Column("resource", sa.String(40), nullable=False)


def _of(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["resource"], ["resource.id"], name=f"fk_{table}_resource")


def _named(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        _resource(table),
        sa.PrimaryKeyConstraint("number", name=f"pk_{table}"),
        sa.UniqueConstraint("id", name=f"uq_{table}_id"),
        _of(table),
    ]


def _discussions() -> None:
    table = "resource_discussion"
    op.create_table(
        table,
        *_named(table),
        sa.Column("thread", sa.String(40), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("hidden_at", Moment(), nullable=True),
        sa.Column("hidden_reason", sa.Text(), nullable=False),
    )
    op.create_index(f"ix_{table}_thread", table, ["resource", "thread", "number"])
    op.create_index(f"ix_{table}_member", table, ["member"])


def _corrections() -> None:
    table = "resource_correction"
    op.create_table(
        table,
        *_named(table),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("record", sa.String(500), nullable=False),
        sa.Column("field", sa.String(500), nullable=False),
        sa.Column("wrong", sa.Text(), nullable=False),
        sa.Column("correct", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("party", sa.String(40), nullable=True),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("contact", sa.String(500), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("escalated_at", Moment(), nullable=True),
        sa.Column("answered_at", Moment(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("correct_by", Moment(), nullable=True),
        sa.Column("done_at", Moment(), nullable=True),
        sa.Column("done_version", sa.Integer(), nullable=True),
    )
    op.create_index(f"ix_{table}_owed", table, ["state", "due_at"])
    for column in ("resource", "provider", "member", "at"):
        op.create_index(f"ix_{table}_{column}", table, [column])


def _reuses() -> None:
    table = "resource_reuse"
    op.create_table(
        table,
        *_named(table),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_index(f"ix_{table}_shown", table, ["resource", "state"])
    for column in ("provider", "member"):
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    """Without them."""
    for table in ("told", "follow", "reuse", "correction", "discussion", "care"):
        op.drop_table(f"resource_{table}")
