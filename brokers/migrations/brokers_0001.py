"""What a makelaar remembers of means that were chosen."""

from alembic import op

revision = "brokers_0001"
down_revision = None
branch_labels = ("brokers",)
depends_on = "pipeline_0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE remembered_means (
            dienstverlener text NOT NULL,
            browser text NOT NULL,
            provider text NOT NULL,
            chosen_at timestamptz NOT NULL,
            PRIMARY KEY (dienstverlener, browser)
        )
        """
    )
