"""The mandates that a registry holds."""

from alembic import op

revision = "registry_0001"
down_revision = None
branch_labels = ("registry",)
depends_on = "pipeline_0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE mandates (
            id uuid PRIMARY KEY,
            provider text NOT NULL,
            subject uuid NOT NULL,
            person uuid NOT NULL,
            kvk text NOT NULL CHECK (kvk ~ '^[0-9]{8}$'),
            organisation text NOT NULL,
            service uuid NOT NULL,
            level text NOT NULL,
            valid_from timestamptz NOT NULL,
            valid_until timestamptz NOT NULL,
            vestiging text CHECK (vestiging ~ '^[0-9]{12}$'),
            withdrawn_at timestamptz,
            registered_at timestamptz NOT NULL DEFAULT now(),
            CHECK (valid_from < valid_until),
            CHECK (valid_until <= valid_from + interval '5 years 1 day')
        )
        """
    )
    op.execute("CREATE INDEX mandates_holder ON mandates (provider, subject)")
