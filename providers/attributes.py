"""What this provider knows of the people who hold its means: the table of persons."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import asyncpg

from pipeline.stage import Connection
from schemas.sealed import PersonAttributes
from schemas.values import AttributeName

FIELDS: dict[AttributeName, str] = {
    AttributeName.FIRST_NAME: "first_name",
    AttributeName.FAMILY_NAME: "family_name",
    AttributeName.DATE_OF_BIRTH: "date_of_birth",
}
"""Where each attribute of a person is."""


async def add(
    connection: Connection | asyncpg.Connection, subject: UUID, attributes: PersonAttributes
) -> None:
    """Keep what is known of a person; what was kept before is replaced."""
    await connection.execute(
        "INSERT INTO persons (subject, first_name, family_name, date_of_birth)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (subject) DO UPDATE"
        " SET first_name = EXCLUDED.first_name, family_name = EXCLUDED.family_name,"
        " date_of_birth = EXCLUDED.date_of_birth",
        subject,
        attributes.first_name,
        attributes.family_name,
        attributes.date_of_birth,
    )


async def of(connection: Connection, subjects: Iterable[UUID]) -> dict[UUID, PersonAttributes]:
    """What is known of these people, as far as anything is."""
    wanted = list(subjects)
    if not wanted:
        return {}
    query = (
        "SELECT subject, first_name, family_name, date_of_birth FROM persons"
        " WHERE subject = ANY($1)"
    )
    return {
        subject: PersonAttributes(first_name=first, family_name=family, date_of_birth=born)
        for subject, first, family, born in await connection.fetch(query, wanted)
    }


def names_of(attributes: PersonAttributes) -> frozenset[AttributeName]:
    """Which attributes are known."""
    return frozenset(n for n, field in FIELDS.items() if getattr(attributes, field) is not None)


def only(attributes: PersonAttributes, names: Iterable[AttributeName]) -> PersonAttributes:
    """These attributes, and nothing else that is known."""
    return PersonAttributes(**{FIELDS[n]: getattr(attributes, FIELDS[n]) for n in names})


NOTHING = PersonAttributes()
"""Of whom nothing is known."""
