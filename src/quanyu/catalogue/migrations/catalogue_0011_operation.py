"""Authorised operation: authorisations, their resources and steps, annual reports."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "catalogue_0011"
down_revision = "catalogue_0010"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "operation",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("grantor", sa.String(40), nullable=False),
        sa.Column("operator", sa.String(40), nullable=False),
        sa.Column("filing", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("body", Json(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operation"),
    )
    op.create_index("ix_operation_grantor", "operation", ["grantor"])
    op.create_index("ix_operation_operator", "operation", ["operator"])
    op.create_table(
        "operation_resource",
        sa.Column("operation", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("operation", "resource", name="pk_operation_resource"),
        sa.ForeignKeyConstraint(
            ["operation"], ["operation.id"], name="fk_operation_resource_operation"
        ),
        sa.ForeignKeyConstraint(
            ["resource"], ["resource.id"], name="fk_operation_resource_resource"
        ),
    )
    op.create_index("ix_operation_resource_resource", "operation_resource", ["resource"])
    op.create_table(
        "operation_step",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("operation", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("move", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_operation_step"),
        sa.ForeignKeyConstraint(
            ["operation"], ["operation.id"], name="fk_operation_step_operation"
        ),
    )
    op.create_index("ix_operation_step_operation", "operation_step", ["operation"])
    op.create_table(
        "operation_report",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("operation", sa.String(40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operation_report"),
        sa.ForeignKeyConstraint(
            ["operation"], ["operation.id"], name="fk_operation_report_operation"
        ),
    )
    op.create_index("ix_operation_report_operation", "operation_report", ["operation"])


def downgrade() -> None:
    for name in ("operation_report", "operation_step", "operation_resource", "operation"):
        op.drop_table(name)
