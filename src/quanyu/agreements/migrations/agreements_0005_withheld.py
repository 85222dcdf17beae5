"""Resources that are not offered for now."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "agreements_0005"
down_revision = "agreements_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "withheld",
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("params", Json(), nullable=False),
        sa.Column("overruled_at", Moment(), nullable=True),
        sa.Column("overruled_by", sa.String(40), nullable=True),
        sa.Column("overruled_member", sa.String(40), nullable=True),
        sa.Column("overruled_because", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("resource", name="pk_withheld"),
    )


def downgrade() -> None:
    op.drop_table("withheld")
