"""What is owed under agreements."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Moment

revision = "agreements_0003"
down_revision = "agreements_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agreement_obligation",
        sa.Column("agreement", sa.String(40), primary_key=True),
        sa.Column("rule", sa.String(200), primary_key=True),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("due", Moment(), nullable=True),
        sa.Column("next_at", Moment(), nullable=True),
        sa.Column("confirmed_at", Moment(), nullable=True),
        sa.Column("confirmed_by", sa.String(40), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement"], ["agreement.id"], name="fk_agreement_obligation_agreement"
        ),
    )
    op.create_index("ix_agreement_obligation_next_at", "agreement_obligation", ["next_at"])


def downgrade() -> None:
    op.drop_table("agreement_obligation")
