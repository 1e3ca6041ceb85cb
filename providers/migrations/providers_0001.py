"""The means that a provider issued, who is logged in, what is known of people and shared."""

from alembic import op

revision = "providers_0001"
down_revision = None
branch_labels = ("providers",)
depends_on = "pipeline_0001"

_TABLES = (
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
        only_for text,
        issued_at timestamptz NOT NULL DEFAULT now(),
        withdrawn_at timestamptz,
        CHECK (username IS NOT NULL OR key_id IS NOT NULL)
    )
    """,
    """
    CREATE TABLE persons (
        subject uuid PRIMARY KEY,
        first_name text,
        family_name text,
        date_of_birth date
    )
    """,
    """
    CREATE TABLE sessions (
        key text PRIMARY KEY,
        id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
        revision integer NOT NULL DEFAULT 1,
        means uuid NOT NULL,
        subject uuid NOT NULL,
        level text NOT NULL,
        authenticated_at timestamptz NOT NULL,
        ended_at timestamptz
    )
    """,
    "CREATE INDEX sessions_means ON sessions (means) WHERE ended_at IS NULL",
    """
    CREATE TABLE consents (
        subject uuid NOT NULL,
        dienstverlener text NOT NULL,
        id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
        revision integer NOT NULL DEFAULT 1,
        attributes text[] NOT NULL,
        PRIMARY KEY (subject, dienstverlener)
    )
    """,
)


def upgrade() -> None:
    for table in _TABLES:
        op.execute(table)
