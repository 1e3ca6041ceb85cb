"""The tables of every role: logins, handled inputs, claims."""

from alembic import op

revision = "pipeline_0001"
down_revision = None
branch_labels = ("pipeline",)
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE logins (
            request_id uuid PRIMARY KEY,
            version integer NOT NULL,
            body jsonb NOT NULL,
            due_at timestamptz
        )
        """
    )
    op.execute("CREATE INDEX logins_due ON logins (due_at) WHERE due_at IS NOT NULL")
    op.execute(
        """
        CREATE TABLE inputs (
            id uuid PRIMARY KEY,
            outputs text NOT NULL,
            unconfirmed boolean NOT NULL DEFAULT false,
            handled_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX inputs_unconfirmed ON inputs (handled_at) WHERE unconfirmed")
    op.execute(
        """
        CREATE TABLE claims (
            claim text PRIMARY KEY,
            input_id uuid NOT NULL,
            claimed_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
