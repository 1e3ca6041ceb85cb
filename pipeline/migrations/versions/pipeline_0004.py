"""What is old is forgotten: since when a login has nothing due, and the order in which rows go."""

from alembic import op

revision = "pipeline_0004"
down_revision = "pipeline_0003"
branch_labels = None
depends_on = None

_CHANGES = (
    "ALTER TABLE logins ADD COLUMN settled_at timestamptz",
    "UPDATE logins SET settled_at = now() WHERE due_at IS NULL",
    "CREATE INDEX logins_settled ON logins (settled_at) WHERE settled_at IS NOT NULL",
    "CREATE INDEX inputs_handled ON inputs (handled_at) WHERE NOT unconfirmed",
    "CREATE INDEX claims_claimed ON claims (claimed_at)",
)


def upgrade() -> None:
    for change in _CHANGES:
        op.execute(change)
