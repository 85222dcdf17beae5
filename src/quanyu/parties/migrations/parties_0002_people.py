"""Sign-in by OpenID Connect, invitations, delegations, acts, and what an account page needs."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "parties_0002"
down_revision = "parties_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("member", sa.Column("email", sa.String(254), nullable=True))
    op.add_column("member", sa.Column("language", sa.String(2), nullable=True))
    op.add_column("member", sa.Column("erase_at", Moment(), nullable=True))
    op.add_column("member", sa.Column("erased_at", Moment(), nullable=True))
    op.create_index("ix_member_erase_at", "member", ["erase_at"])
    op.add_column("member_session", sa.Column("origin", sa.String(64), nullable=True))
    op.add_column("member_session", sa.Column("agent", sa.String(80), nullable=True))
    op.add_column("member_session", sa.Column("issuer", sa.String(400), nullable=True))
    op.create_table(
        "member_identity",
        sa.Column("issuer", sa.String(400), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("provisioned", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_member_identity"),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name="fk_member_identity_member"),
    )
    op.create_index("ix_member_identity_member", "member_identity", ["member"])
    op.create_table(
        "oidc_attempt",
        sa.Column("state_hash", sa.String(64), nullable=False),
        sa.Column("browser_hash", sa.String(64), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("verifier", sa.String(128), nullable=False),
        sa.Column("back", sa.Text(), nullable=False),
        sa.Column("invitation", sa.String(40), nullable=True),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name="pk_oidc_attempt"),
    )
    op.create_index("ix_oidc_attempt_expires_at", "oidc_attempt", ["expires_at"])
    op.create_table(
        "invitation",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("roles", Json(), nullable=False),
        sa.Column("member", sa.String(40), nullable=True),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("created_by", sa.String(40), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("accepted_at", Moment(), nullable=True),
        sa.Column("accepted_by", sa.String(40), nullable=True),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_invitation"),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name="fk_invitation_party"),
        sa.UniqueConstraint("secret_hash", name="uq_invitation_secret_hash"),
    )
    op.create_index("ix_invitation_party", "invitation", ["party"])
    op.create_table(
        "delegation",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("giver", sa.String(40), nullable=False),
        sa.Column("taker", sa.String(40), nullable=False),
        sa.Column("roles", Json(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("starts_at", Moment(), nullable=False),
        sa.Column("ends_at", Moment(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_delegation"),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name="fk_delegation_party"),
        sa.ForeignKeyConstraint(["giver"], ["member.id"], name="fk_delegation_giver"),
        sa.ForeignKeyConstraint(["taker"], ["member.id"], name="fk_delegation_taker"),
    )
    for column in ("party", "giver", "taker"):
        op.create_index(f"ix_delegation_{column}", "delegation", [column])
    op.create_table(
        "act",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(40), nullable=True),
        sa.Column("actor_party", sa.String(40), nullable=True),
        sa.Column("on_behalf_of", Json(), nullable=False),
        sa.Column("token", sa.String(40), nullable=True),
        sa.Column("party", sa.String(40), nullable=True),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("origin", sa.String(64), nullable=True),
        sa.Column("details", Json(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("leaf", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_act"),
    )
    for column in ("at", "kind", "actor", "actor_party", "party", "subject"):
        op.create_index(f"ix_act_{column}", "act", [column])


def downgrade() -> None:
    for table in ("act", "delegation", "invitation", "oidc_attempt", "member_identity"):
        op.drop_table(table)
    for column in ("origin", "agent", "issuer"):
        op.drop_column("member_session", column)
    op.drop_index("ix_member_erase_at", "member")
    for column in ("email", "language", "erase_at", "erased_at"):
        op.drop_column("member", column)
