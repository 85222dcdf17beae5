"""Products out of resources; an index to count steps by."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "catalogue_0006"
down_revision = "catalogue_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "product",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("delivery", sa.String(16), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("area", sa.String(6), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("listed_at", Moment(), nullable=True),
        sa.Column("body", Json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_product"),
        sa.UniqueConstraint("code", name="uq_product_code"),
    )
    op.create_index("ix_product_newest", "product", ["state", "id"])
    op.create_index("ix_product_provider", "product", ["provider"])
    op.create_table(
        "product_source",
        sa.Column("product", sa.String(40), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("product", "source", name="pk_product_source"),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name="fk_product_source_product"),
        sa.ForeignKeyConstraint(["source"], ["resource.id"], name="fk_product_source_source"),
    )
    op.create_index("ix_product_source_source", "product_source", ["source"])
    op.create_index("ix_resource_step_counted", "resource_step", ["kind", "at"])


def downgrade() -> None:
    op.drop_index("ix_resource_step_counted", "resource_step")
    op.drop_table("product_source")
    op.drop_table("product")
