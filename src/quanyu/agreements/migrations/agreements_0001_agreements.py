"""Offers, agreements, their steps, quotas and the gate's salt."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "agreements_0001"
down_revision = None
branch_labels = ("agreements",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "offer",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
    )
    op.create_index("ix_offer_resource", "offer", ["resource"])
    op.create_index("ix_offer_provider", "offer", ["provider"])
    op.create_table(
        "agreement",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("offer", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("consumer", sa.String(40), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("held_by", Json(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("requested_at", Moment(), nullable=False),
        sa.Column("signed_at", Moment(), nullable=True),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["offer"], ["offer.id"], name="fk_agreement_offer"),
    )
    op.create_index("ix_agreement_offer", "agreement", ["offer"])
    op.create_index("ix_agreement_resource", "agreement", ["resource"])
    op.create_index("ix_agreement_consumer_resource", "agreement", ["consumer", "resource"])
    op.create_index("ix_agreement_provider_state", "agreement", ["provider", "state"])
    op.create_table(
        "agreement_step",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("agreement", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement"], ["agreement.id"], name="fk_agreement_step_agreement"
        ),
    )
    op.create_index("ix_agreement_step_agreement", "agreement_step", ["agreement"])
    op.create_table(
        "agreement_quota",
        sa.Column("agreement", sa.String(80), primary_key=True),
        sa.Column("rule", sa.String(200), primary_key=True),
        sa.Column("used", _NUMBER, nullable=False),
        sa.Column("due", _NUMBER, nullable=False),
        sa.Column("wanted_at", _NUMBER, nullable=False),
    )
    op.create_table(
        "agreement_quota_lease",
        sa.Column("worker", sa.String(40), primary_key=True),
        sa.Column("agreement", sa.String(80), primary_key=True),
        sa.Column("rule", sa.String(200), primary_key=True),
        sa.Column("expires_at", _NUMBER, nullable=False),
    )
    op.create_table(
        "gate_salt",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("salt", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    for table in (
        "gate_salt",
        "agreement_quota_lease",
        "agreement_quota",
        "agreement_step",
        "agreement",
        "offer",
    ):
        op.drop_table(table)
