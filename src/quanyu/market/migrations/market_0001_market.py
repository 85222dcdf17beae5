"""Uses, price plans, the ledger, and what settling makes of them."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "market_0001"
down_revision = None
branch_labels = ("market",)
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "market_meter",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("reached", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_market_meter"),
    )
    op.create_table(
        "market_use",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("agreement", sa.String(40), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("free", sa.Boolean(), nullable=False),
        sa.Column("rows", _NUMBER, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.Column("bytes", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_market_use"),
        sa.UniqueConstraint("id", name="uq_market_use_id"),
    )
    op.create_index("ix_market_use_agreement", "market_use", ["agreement", "period", "number"])
    op.create_table(
        "market_plan",
        sa.Column("offer", sa.String(40), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("plan", Json(), nullable=False),
        sa.Column("sharing", Json(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("offer", name="pk_market_plan"),
    )
    op.create_index("ix_market_plan_kind", "market_plan", ["kind"])
    op.create_index("ix_market_plan_provider", "market_plan", ["provider"])
    op.create_table(
        "market_account",
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(40), nullable=False),
        sa.Column("debits_posted", _NUMBER, nullable=False),
        sa.Column("credits_posted", _NUMBER, nullable=False),
        sa.Column("debits_pending", _NUMBER, nullable=False),
        sa.Column("credits_pending", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_market_account"),
    )
    op.create_index("ix_market_account_owner", "market_account", ["owner"])
    op.create_table(
        "market_transfer",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("chain", sa.String(64), nullable=False),
        sa.Column("debit", sa.String(80), nullable=False),
        sa.Column("credit", sa.String(80), nullable=False),
        sa.Column("amount", _NUMBER, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("resolves", sa.String(64), nullable=True),
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_market_transfer"),
        sa.UniqueConstraint("number", name="uq_market_transfer_number"),
        sa.UniqueConstraint("resolves", name="uq_market_transfer_resolves"),
        sa.CheckConstraint("amount > 0", name="amount"),
    )
    op.create_index("ix_market_transfer_credit", "market_transfer", ["credit"])
    op.create_index("ix_market_transfer_debit", "market_transfer", ["debit"])
    op.create_index("ix_market_transfer_subject", "market_transfer", ["subject"])
    op.create_table(
        "market_settlement",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reach", _NUMBER, nullable=False),
        sa.Column("begun_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_market_settlement"),
    )
    op.create_index("ix_market_settlement_period", "market_settlement", ["period"])
    op.create_index("ix_market_settlement_state", "market_settlement", ["state"])
    op.create_table(
        "market_line",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("settlement", sa.String(40), nullable=False),
        sa.Column("agreement", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("consumer", sa.String(40), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("first", _NUMBER, nullable=False),
        sa.Column("last", _NUMBER, nullable=False),
        sa.Column("uses", _NUMBER, nullable=False),
        sa.Column("rows", _NUMBER, nullable=False),
        sa.Column("bytes", _NUMBER, nullable=False),
        sa.Column("free_uses", _NUMBER, nullable=False),
        sa.Column("amount", _NUMBER, nullable=False),
        sa.Column("credited", _NUMBER, nullable=False),
        sa.Column("public_data", sa.Boolean(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.Column("body", Json(), nullable=False),
        sa.Column("salts", Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_market_line"),
    )
    op.create_index("ix_market_line_agreement", "market_line", ["agreement", "period", "last"])
    op.create_index("ix_market_line_consumer", "market_line", ["consumer"])
    op.create_index("ix_market_line_provider", "market_line", ["provider"])
    op.create_index("ix_market_line_settlement", "market_line", ["settlement"])
    op.create_table(
        "market_share",
        sa.Column("line", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("amount", _NUMBER, nullable=False),
        sa.Column("credited", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("line", "party", name="pk_market_share"),
    )
    op.create_index("ix_market_share_party", "market_share", ["party"])
    op.create_table(
        "market_document",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("settlement", sa.String(40), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("amount", _NUMBER, nullable=False),
        sa.Column("paid", _NUMBER, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.Column("body", Json(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_market_document"),
        sa.UniqueConstraint("code", name="uq_market_document_code"),
    )
    op.create_index("ix_market_document_party", "market_document", ["party", "kind", "period"])
    op.create_index("ix_market_document_settlement", "market_document", ["settlement"])
    op.create_table(
        "market_valuation",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("transcript", Json(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_market_valuation"),
    )
    op.create_index("ix_market_valuation_party", "market_valuation", ["party"])
    op.create_table(
        "market_permitted_income",
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("amount", _NUMBER, nullable=False),
        sa.Column("basis", sa.String(300), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("provider", "period", name="pk_market_permitted_income"),
    )


def downgrade() -> None:
    for name in (
        "market_permitted_income",
        "market_valuation",
        "market_document",
        "market_share",
        "market_line",
        "market_settlement",
        "market_transfer",
        "market_account",
        "market_plan",
        "market_use",
        "market_meter",
    ):
        op.drop_table(name)
