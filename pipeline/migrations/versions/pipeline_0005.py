"""Signed bytes are base64 of what is random: Postgres tries to compress them in vain."""

from alembic import op

revision = "pipeline_0005"
down_revision = "pipeline_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE inputs ALTER outputs SET STORAGE EXTERNAL")
