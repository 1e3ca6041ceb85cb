"""A batch in one statement: an error where not all of it could be written."""

from alembic import op

revision = "pipeline_0003"
down_revision = "pipeline_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION require_whole(whole boolean) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT whole THEN
                RAISE EXCEPTION 'not all of it could be written' USING ERRCODE = '40001';
            END IF;
        END $$
        """
    )
