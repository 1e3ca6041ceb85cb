"""Errors by consequence. A refusal is a message and no error."""

from __future__ import annotations

import asyncpg
from aiokafka.errors import KafkaError


class HerkenError(Exception):
    """Root of what this project raises; its text says what to do."""


class StageStopped(HerkenError):
    """The stage must not go on: somebody has to look first."""


class ServerUnreachable(HerkenError):
    """Kafka or Postgres does not answer."""


class WrongUse(HerkenError):
    """What the user gave is not usable; the text says what would be."""


RETRIABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidTransactionStateError,  # read-only after a fail-over, or idle for too long
    asyncpg.ObjectNotInPrerequisiteStateError,  # a lock that was not to be had in time
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    asyncpg.InternalClientError,  # what asyncpg makes of a connection that ends at a bad moment
    KafkaError,
)
"""The world outside is at fault: wait and try again."""

CRASH = (
    WrongUse,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidSchemaNameError,
)
"""We ourselves are set up wrongly: no message is at fault, and none may be lost by it."""

BAD_DATA = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""One message holds something that Postgres refuses: that message, and no other, is at fault."""
