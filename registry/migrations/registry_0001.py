"""What a registry keeps, what it told of it, and what that costs."""

from alembic import op

revision = "registry_0001"
down_revision = None
branch_labels = ("registry",)
depends_on = "pipeline_0001"

_PERIOD = """
    valid_from timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    registered_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    CHECK (valid_from < valid_until),
    CHECK (valid_until <= valid_from + interval '5 years 1 day')
"""
_TABLES = (
    """
    CREATE TABLE organisations (
        id uuid PRIMARY KEY,
        revision integer NOT NULL,
        kind text NOT NULL,
        name text NOT NULL,
        kvk text UNIQUE CHECK (kvk ~ '^[0-9]{8}$'),
        rsin text UNIQUE CHECK (rsin ~ '^[0-9]{9}$'),
        bsn text CHECK (bsn ~ '^[0-9]{9}$'),
        vestigingen text[] NOT NULL,
        joint boolean NOT NULL
    )
    """,
    """
    CREATE TABLE people (
        id uuid PRIMARY KEY,
        revision integer NOT NULL,
        name text NOT NULL,
        organisation uuid NOT NULL REFERENCES organisations,
        holders jsonb NOT NULL
    )
    """,
    """
    CREATE TABLE holders (
        provider text NOT NULL,
        subject uuid NOT NULL,
        person uuid NOT NULL REFERENCES people,
        PRIMARY KEY (provider, subject)
    )
    """,
    "CREATE INDEX holders_person ON holders (person)",
    f"""
    CREATE TABLE mandates (
        id uuid PRIMARY KEY,
        revision integer NOT NULL,
        person uuid NOT NULL REFERENCES people,
        organisation uuid NOT NULL REFERENCES organisations,
        scope jsonb NOT NULL,
        level text NOT NULL,
        vestiging text CHECK (vestiging ~ '^[0-9]{{12}}$'),
        document text,
        {_PERIOD}
    )
    """,
    "CREATE INDEX mandates_person ON mandates (person)",
    "CREATE INDEX mandates_organisation ON mandates (organisation)",
    f"""
    CREATE TABLE links (
        id uuid PRIMARY KEY,
        revision integer NOT NULL,
        organisation uuid NOT NULL REFERENCES organisations,
        intermediary text NOT NULL CHECK (intermediary ~ '^[0-9]{{8}}$'),
        services uuid[] NOT NULL,
        level text NOT NULL,
        vestiging text CHECK (vestiging ~ '^[0-9]{{12}}$'),
        document text,
        accepted_at timestamptz,
        {_PERIOD}
    )
    """,
    "CREATE INDEX links_between ON links (organisation, intermediary)",
    "CREATE INDEX links_intermediary ON links (intermediary)",
    f"""
    CREATE TABLE assignments (
        id uuid PRIMARY KEY,
        revision integer NOT NULL,
        person uuid NOT NULL REFERENCES people,
        organisation uuid NOT NULL REFERENCES organisations,
        principal jsonb NOT NULL,
        principal_name text NOT NULL,
        services uuid[] NOT NULL,
        level text NOT NULL,
        vestiging text CHECK (vestiging ~ '^[0-9]{{12}}$'),
        registry text,
        link uuid,
        {_PERIOD}
    )
    """,
    "CREATE INDEX assignments_person ON assignments (person)",
    "CREATE INDEX assignments_organisation ON assignments (organisation)",
    """
    CREATE INDEX assignments_in_force ON assignments (organisation, valid_until)
        WHERE withdrawn_at IS NULL
    """,
    """
    CREATE TABLE awaiting (
        id uuid PRIMARY KEY,
        revision integer NOT NULL,
        content text NOT NULL,
        organisation uuid NOT NULL,
        approved_by text[] NOT NULL,
        registered_at timestamptz NOT NULL,
        done_at timestamptz
    )
    """,
    """
    CREATE TABLE events (
        id uuid PRIMARY KEY,
        command uuid NOT NULL,
        kind text NOT NULL,
        object uuid NOT NULL,
        revision integer NOT NULL,
        content text NOT NULL,
        at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX events_object ON events (object, revision)",
    """
    CREATE TABLE charges (
        id uuid PRIMARY KEY,
        kind text NOT NULL,
        organisation text NOT NULL,
        month text NOT NULL,
        cents integer NOT NULL,
        at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX charges_month ON charges (month, organisation)",
)


def upgrade() -> None:
    for table in _TABLES:
        op.execute(table)
