"""Health: figures, their history, quality rules and results, probes of services."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "health_0001"
down_revision = None
branch_labels = ("health",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _number() -> sa.Column[int]:
    return sa.Column("number", _NUMBER, autoincrement=True, nullable=False)


def _resource() -> sa.Column[str]:
    return sa.Column("resource", sa.String(40), nullable=False)


def upgrade() -> None:
    op.create_table(
        "health",
        _resource(),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=False),
        sa.Column("parts", Json(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("work_order", sa.String(40), nullable=True),
        sa.Column("silent_until", Moment(), nullable=True),
        sa.Column("silent_reason", sa.String(500), nullable=False),
        sa.Column("silent_by", sa.String(40), nullable=True),
        _key("health", "resource"),
    )
    op.create_table(
        "health_change",
        _number(),
        _resource(),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=False),
        sa.Column("parts", Json(), nullable=False),
        _key("health_change", "number"),
    )
    op.create_index("ix_health_change_resource", "health_change", ["resource", "number"])
    op.create_table(
        "health_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("good", "warning", "bad", "unknown")
        ),
        _key("health_day", "day", "provider"),
    )
    _rules()
    _probes()


def _rules() -> None:
    op.create_table(
        "quality_rules",
        _resource(),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rules", Json(), nullable=False),
        sa.Column("declared_at", Moment(), nullable=False),
        sa.Column("checked_at", Moment(), nullable=True),
        sa.Column("checked_revision", sa.Integer(), nullable=False),
        sa.Column("next_at", Moment(), nullable=False),
        _key("quality_rules", "resource"),
    )
    op.create_index("ix_quality_rules_next_at", "quality_rules", ["next_at"])
    op.create_table(
        "quality_result",
        _number(),
        _resource(),
        sa.Column("run", sa.String(40), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("dimension", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(8), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("failing", sa.BigInteger(), nullable=False),
        sa.Column("found", sa.String(60), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        _key("quality_result", "number"),
    )
    op.create_index("ix_quality_result_resource", "quality_result", ["resource", "run"])


def _probes() -> None:
    op.create_table(
        "service_probe",
        _number(),
        _resource(),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        _key("service_probe", "number"),
    )
    op.create_index("ix_service_probe_resource", "service_probe", ["resource", "number"])
    op.create_table(
        "service_probed",
        _resource(),
        sa.Column("next_at", Moment(), nullable=False),
        _key("service_probed", "resource"),
    )
    op.create_index("ix_service_probed_next_at", "service_probed", ["next_at"])
    op.create_table(
        "run_outcome",
        _number(),
        _resource(),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        _key("run_outcome", "number"),
    )
    op.create_index("ix_run_outcome_resource", "run_outcome", ["resource", "number"])


def downgrade() -> None:
    for name in (
        "run_outcome",
        "service_probed",
        "service_probe",
        "quality_result",
        "quality_rules",
        "health_day",
        "health_change",
        "health",
    ):
        op.drop_table(name)
