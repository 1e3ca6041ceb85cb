"""The means that a provider issued."""

from alembic import op

revision = "providers_0001"
down_revision = None
branch_labels = ("providers",)
depends_on = "pipeline_0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE means (
            id uuid PRIMARY KEY,
            subject uuid NOT NULL,
            registry text NOT NULL,
            level text NOT NULL,
            username text UNIQUE,
            password_hash text,
            totp_secret text,
            key_id text UNIQUE,
            public_key jsonb,
            failures integer NOT NULL DEFAULT 0,
            issued_at timestamptz NOT NULL DEFAULT now(),
            withdrawn_at timestamptz,
            CHECK (username IS NOT NULL OR key_id IS NOT NULL)
        )
        """
    )
