"""Stage: who is logged in logs out, or takes back what he agreed to share.

session-commands.<provider> -> session-confirmations.<provider>

The nonce inside the secret is the command's own request ID (32 hexadecimal digits), so that a
secret that was sealed for one command, or for a challenge, is good for no other. Given once more, a
command changes nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pipeline.keys import Keys, Unreadable
from pipeline.stage import Batch, Change, Facts, Moment, Outgoing, Step
from providers import consents, session_rules, sessions
from providers.authentication import Authentication
from providers.rules import Provider
from providers.sessions import Session
from schemas.codec import Received
from schemas.dialogue import SessionCommand, SessionCommandKind, SessionConfirmation
from schemas.sealed import SessionSecret
from schemas.topics import SESSION_CONFIRMATIONS


@dataclass(frozen=True)
class Commanded:
    """Why a command is unusable; else the session that it is about, as far as there is one."""

    provider: Provider
    unusable: str | None = None
    session: Session | None = None


def nonce_of(command_id: UUID) -> str:
    """What a command's secret is bound by."""
    return command_id.hex


def handle(
    _: Authentication | None,
    received: Received[SessionCommand],
    commanded: Commanded,
    moment: Moment,
) -> Step[Authentication]:
    """Do it where the session is there, and say whether it was."""
    if commanded.unusable is not None:
        return Step(reject=commanded.unusable)
    session, command = commanded.session, received.message
    live = session if session_rules.is_live(session, moment.now) else None
    confirmation = SessionConfirmation(
        request_id=command.request_id, command=command.command, done=live is not None
    )
    send = [Outgoing(SESSION_CONFIRMATIONS, commanded.provider.me, confirmation)]
    return Step(send=send, changes=_changes(command, live, moment) if live else ())


def _changes(command: SessionCommand, session: Session, moment: Moment) -> Sequence[Change]:
    """Source: [AS] logout ends the provider's session; consent can be revoked."""
    match command.command:
        case SessionCommandKind.LOGOUT:
            return [sessions.end(session.key, moment.now)]
        case SessionCommandKind.REVOKE_CONSENT:
            return [consents.revoke(session.subject, command.dienstverlener)]


def facts(keys: Keys) -> Facts:
    """Find the sessions of a batch."""

    async def check(batch: Batch[Provider]) -> list[Commanded]:
        secrets = [_opened(keys, received) for received in batch.received]
        wanted = {_key(secret) for secret in secrets} - {""}
        known = await sessions.by_key(batch.connection, wanted)
        return [
            Commanded(
                batch.known, secret if isinstance(secret, str) else None, known.get(_key(secret))
            )
            for secret in secrets
        ]

    return check


def _opened(keys: Keys, received: Received[Any]) -> SessionSecret | str:
    """The secret, or a reason why it is unusable."""
    command = received.message
    try:
        secret = keys.open(command.secret, SessionSecret)
    except Unreadable as unreadable:
        return unreadable.code
    return secret if secret.nonce == nonce_of(command.request_id) else "nonce_refused"


def _key(secret: SessionSecret | str) -> str:
    return "" if isinstance(secret, str) else sessions.key_of(secret.session)
