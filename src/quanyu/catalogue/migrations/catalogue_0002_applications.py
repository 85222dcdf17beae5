"""Applications for registration, what happened to them, objections to them."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "catalogue_0002"
down_revision = "catalogue_0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "application",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("open_of", sa.String(40), nullable=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("submitter", sa.String(40), nullable=True),
        sa.Column("assigned", sa.String(40), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("base_revision", sa.Integer(), nullable=False),
        sa.Column("base", Json(), nullable=False),
        sa.Column("proposed", Json(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("comments", Json(), nullable=False),
        sa.Column("approvals", Json(), nullable=False),
        sa.Column("approvals_needed", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("submitted_at", Moment(), nullable=True),
        sa.Column("deadline", Moment(), nullable=True),
        sa.Column("reminded", sa.Integer(), nullable=False),
        sa.Column("publicity_from", Moment(), nullable=True),
        sa.Column("publicity_until", Moment(), nullable=True),
        sa.Column("paused_at", Moment(), nullable=True),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_application"),
        sa.UniqueConstraint("id", name="uq_application_id"),
        sa.UniqueConstraint("open_of", name="uq_application_open_of"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_application_resource"),
    )
    op.create_index("ix_application_due", "application", ["state", "deadline", "number"])
    op.create_index("ix_application_provider", "application", ["provider", "number"])
    op.create_index("ix_application_resource", "application", ["resource"])
    op.create_index("ix_application_assigned", "application", ["assigned"])
    op.create_table(
        "application_step",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("application", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("move", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("party", sa.String(40), nullable=True),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("comments", Json(), nullable=False),
        sa.Column("checklist", Json(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_application_step"),
        sa.ForeignKeyConstraint(
            ["application"], ["application.id"], name="fk_application_step_application"
        ),
    )
    op.create_index("ix_application_step_application", "application_step", ["application"])
    op.create_index("ix_application_step_at", "application_step", ["at"])
    op.create_table(
        "application_objection",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("application", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("party", sa.String(40), nullable=True),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("contact", sa.String(200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", Moment(), nullable=True),
        sa.Column("answered_by", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_application_objection"),
        sa.UniqueConstraint("id", name="uq_application_objection_id"),
        sa.ForeignKeyConstraint(
            ["application"], ["application.id"], name="fk_application_objection_application"
        ),
    )
    op.create_index(
        "ix_application_objection_application", "application_objection", ["application"]
    )


def downgrade() -> None:
    for table in ("application_objection", "application_step", "application"):
        op.drop_table(table)
