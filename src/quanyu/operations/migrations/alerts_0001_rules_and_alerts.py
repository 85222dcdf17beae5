"""Rules, what is known of their subjects, alerts, silences, on-call calendars."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "alerts_0001"
down_revision = None
branch_labels = ("alerts",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "operations_rule",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("document", Json(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.Column("enrolled", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operations_rule"),
        sa.UniqueConstraint("resource", "name", name="uq_operations_rule_resource"),
    )
    op.create_index("ix_operations_rule_party", "operations_rule", ["party"])
    op.create_index("ix_operations_rule_state", "operations_rule", ["state"])
    op.create_table(
        "operations_rule_version",
        sa.Column("rule", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("document", Json(), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("rule", "version", name="pk_operations_rule_version"),
    )
    op.create_table(
        "operations_judged",
        sa.Column("rule", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("base_at", sa.BigInteger(), nullable=False),
        sa.Column("base", Json(), nullable=False),
        sa.Column("head_at", sa.BigInteger(), nullable=False),
        sa.Column("head", Json(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("rule", "subject", name="pk_operations_judged"),
    )
    op.create_index("ix_operations_judged_due_at", "operations_judged", ["due_at"])
    op.create_table(
        "operations_rules_reached",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_operations_rules_reached"),
    )
    op.create_table(
        "operations_alert",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("rule", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("datastreams", Json(), nullable=False),
        sa.Column("thing", sa.String(255), nullable=False),
        sa.Column("thing_name", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("unit", sa.String(64), nullable=False),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("group_key", sa.String(400), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("began_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("peak", sa.Double(), nullable=True),
        sa.Column("raised_at", Moment(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.Column("why", sa.String(32), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("acknowledged_at", Moment(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("told_at", Moment(), nullable=True),
        sa.Column("escalate_at", Moment(), nullable=True),
        sa.Column("order_at", Moment(), nullable=True),
        sa.Column("work_order", sa.String(40), nullable=True),
        sa.Column("recheck_at", Moment(), nullable=True),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operations_alert"),
    )
    op.create_index("ix_operations_alert_changed_at", "operations_alert", ["changed_at"])
    op.create_index("ix_operations_alert_escalate_at", "operations_alert", ["escalate_at"])
    op.create_index("ix_operations_alert_group_key", "operations_alert", ["group_key"])
    op.create_index("ix_operations_alert_order_at", "operations_alert", ["order_at"])
    op.create_index("ix_operations_alert_party", "operations_alert", ["party"])
    op.create_index("ix_operations_alert_recheck_at", "operations_alert", ["recheck_at"])
    op.create_index("ix_operations_alert_resource", "operations_alert", ["resource", "id"])
    op.create_index(
        "ix_operations_alert_rule",
        "operations_alert",
        ["rule", "version", "subject", "began"],
        unique=True,
    )
    op.create_index("ix_operations_alert_state", "operations_alert", ["state", "resource"])
    op.create_table(
        "operations_silence",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("matcher", Json(), nullable=False),
        sa.Column("starts_at", Moment(), nullable=False),
        sa.Column("ends_at", Moment(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operations_silence"),
    )
    op.create_index("ix_operations_silence_party", "operations_silence", ["party", "ends_at"])
    op.create_table(
        "operations_calendar",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("document", Json(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operations_calendar"),
        sa.UniqueConstraint("party", "name", name="uq_operations_calendar_party"),
    )
    op.create_table(
        "operations_override",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("calendar", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("starts_at", Moment(), nullable=False),
        sa.Column("ends_at", Moment(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operations_override"),
    )
    op.create_index(
        "ix_operations_override_calendar", "operations_override", ["calendar", "ends_at"]
    )
