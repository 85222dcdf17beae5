"""Notices, their ways, webhooks."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "parties_0003"
down_revision = "parties_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("params", Json(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name="fk_notice_party"),
        sa.UniqueConstraint("party", "key", name="uq_notice_key"),
    )
    op.create_index("ix_notice_created_at", "notice", ["created_at"])
    op.create_table(
        "notice_reader",
        sa.Column("notice", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("page", sa.Boolean(), nullable=False),
        sa.Column("read_at", Moment(), nullable=True),
        sa.Column("daily", sa.Boolean(), nullable=False),
        sa.Column("mail_due", Moment(), nullable=True),
        sa.Column("mail_attempts", sa.Integer(), nullable=False),
        sa.Column("mailed_at", Moment(), nullable=True),
        sa.Column("mail_problem", sa.String(200), nullable=True),
        sa.PrimaryKeyConstraint("notice", "member", name="pk_notice_reader"),
        sa.ForeignKeyConstraint(["notice"], ["notice.id"], name="fk_notice_reader_notice"),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name="fk_notice_reader_member"),
    )
    op.create_index("ix_notice_reader_unread", "notice_reader", ["member", "page", "read_at"])
    op.create_index("ix_notice_reader_mail_due", "notice_reader", ["mail_due"])
    op.create_table(
        "notice_choice",
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("page", sa.Boolean(), nullable=False),
        sa.Column("mail", sa.String(8), nullable=False),
        sa.PrimaryKeyConstraint("member", "topic", name="pk_notice_choice"),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name="fk_notice_choice_member"),
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("topics", Json(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhook"),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name="fk_webhook_party"),
    )
    op.create_index("ix_webhook_party", "webhook", ["party"])
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("webhook", sa.String(40), nullable=False),
        sa.Column("notice", sa.String(40), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(200), nullable=True),
        sa.Column("done_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_delivery"),
        sa.ForeignKeyConstraint(["webhook"], ["webhook.id"], name="fk_webhook_delivery_webhook"),
        sa.ForeignKeyConstraint(["notice"], ["notice.id"], name="fk_webhook_delivery_notice"),
    )
    for column in ("webhook", "notice", "due_at"):
        op.create_index(f"ix_webhook_delivery_{column}", "webhook_delivery", [column])


def downgrade() -> None:
    for table in ("webhook_delivery", "webhook", "notice_choice", "notice_reader", "notice"):
        op.drop_table(table)
