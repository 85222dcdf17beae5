"""Parties, members, sessions, tokens and failed sign-ins."""

import sqlalchemy as sa
from alembic import op

from quanyu.kernel import Json, Moment

revision = "parties_0001"
down_revision = None
branch_labels = ("parties",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "party",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("credit_code", sa.String(18), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("example", sa.Boolean(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_party"),
        sa.UniqueConstraint("credit_code", name="uq_party_credit_code"),
    )
    node = sa.text("kind = 'city_node'")
    op.create_index(
        "uq_party_node", "party", ["kind"], unique=True, sqlite_where=node, postgresql_where=node
    )
    op.create_table(
        "member",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("login", sa.String(128), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("roles", Json(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_member"),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name="fk_member_party"),
        sa.UniqueConstraint("login", name="uq_member_login"),
    )
    op.create_index("ix_member_party", "member", ["party"])
    op.create_table(
        "member_session",
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_member_session"),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name="fk_member_session_member"),
    )
    op.create_index("ix_member_session_member", "member_session", ["member"])
    op.create_index("ix_member_session_expires_at", "member_session", ["expires_at"])
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("party", sa.String(40), nullable=False),
        sa.Column("member", sa.String(40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", Json(), nullable=False),
        sa.Column("agreement", sa.String(40), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.Column("last_used_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_token"),
        sa.ForeignKeyConstraint(["party"], ["party.id"], name="fk_api_token_party"),
        sa.ForeignKeyConstraint(["member"], ["member.id"], name="fk_api_token_member"),
        sa.UniqueConstraint("secret_hash", name="uq_api_token_secret_hash"),
    )
    for column in ("party", "member", "agreement"):
        op.create_index(f"ix_api_token_{column}", "api_token", [column])
    op.create_table(
        "sign_in_attempt",
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sign_in_attempt"),
    )
    op.create_index("ix_sign_in_attempt_since", "sign_in_attempt", ["since"])


def downgrade() -> None:
    for table in ("sign_in_attempt", "api_token", "member_session", "member", "party"):
        op.drop_table(table)
