"""The register of rights; rights that applications ask for; certificates."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "catalogue_0009"
down_revision = "catalogue_0008"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "resource_right",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("holder", sa.String(40), nullable=False),
        sa.Column("body", Json(), nullable=False),
        sa.Column("application", sa.String(40), nullable=False),
        sa.Column("entered_at", Moment(), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("ended_leaf", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_resource_right"),
        sa.UniqueConstraint("id", name="uq_resource_right_id"),
        sa.ForeignKeyConstraint(["resource"], ["resource.id"], name="fk_resource_right_resource"),
        sa.ForeignKeyConstraint(
            ["application"], ["application.id"], name="fk_resource_right_application"
        ),
    )
    op.create_index("ix_resource_right_of", "resource_right", ["resource", "entered_at"])
    op.create_index("ix_resource_right_holder", "resource_right", ["holder", "ended_at"])
    op.create_index("ix_resource_right_application", "resource_right", ["application"])
    op.create_table(
        "registration_certificate",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("serial", sa.String(60), nullable=False),
        sa.Column("resource", sa.String(40), nullable=False),
        sa.Column("application", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("issued_at", Moment(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_registration_certificate"),
        sa.UniqueConstraint("id", name="uq_registration_certificate_id"),
        sa.UniqueConstraint("serial", name="uq_registration_certificate_serial"),
        sa.UniqueConstraint("application", name="uq_registration_certificate_application"),
        sa.ForeignKeyConstraint(
            ["resource"], ["resource.id"], name="fk_registration_certificate_resource"
        ),
        sa.ForeignKeyConstraint(
            ["application"], ["application.id"], name="fk_registration_certificate_application"
        ),
    )
    op.create_index(
        "ix_registration_certificate_resource", "registration_certificate", ["resource"]
    )
    op.add_column("application", sa.Column("rights", Json(), nullable=True))
    op.add_column("application", sa.Column("rights_base", Json(), nullable=True))


def downgrade() -> None:
    op.drop_column("application", "rights_base")
    op.drop_column("application", "rights")
    op.drop_table("registration_certificate")
    op.drop_table("resource_right")
