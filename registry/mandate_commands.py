"""Stage: the registry's own portal hands on a command of who logged in to it.

mandate-commands.<registry> -> mandate-events.<registry>, charges.<registry>,
                               chain-information-queries.<other registry>

One command at a time: each sees what the one before it wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from dienstverlener.outcome import Assertion
from dienstverlener.verify import verify_kept
from pipeline.keys import Keys, Unreadable
from pipeline.stage import Batch, Change, Facts, Key, Moment, Outgoing, Step
from registry import billing, events
from registry.administration import actors, lines
from registry.administration.actors import Actor, As
from registry.administration.choices import Choices
from registry.administration.commands import decide
from registry.administration.done import Done
from registry.administration.loading import Loader
from registry.administration.loading import actor as actor_of
from registry.administration.situation import Situation
from registry.events import By
from registry.rules import Registry
from registry.tables import resting_on
from schemas.administration import CommandRefusal, MandateCommand
from schemas.codec import Faulty, Received, Untrusted
from schemas.commands import Accept, Command, CommandContent, Withdraw


@dataclass(frozen=True)
class Commanded:
    """A command, opened and verified, and what the tables say about it.

    refusal  why it is refused before anything is judged
    content  what is commanded, `situation` what it is judged by
    claims   what it takes: its ID, and its ID with this content
    before   of these, those taken by an earlier input
    """

    registry: Registry
    choices: Choices
    refusal: CommandRefusal | None = None
    content: CommandContent | None = None
    situation: Situation | None = None
    claims: tuple[str, ...] = ()
    before: Mapping[str, UUID] = field(default_factory=dict)


def handle(
    _: Any, received: Received[MandateCommand], commanded: Commanded, moment: Moment
) -> Step[Any]:
    """Do it, or say why not. The same command again says the same again; another command under its
    ID is refused."""
    registry, command = commanded.registry, received.message.request_id
    if received.sender is None or received.sender.entity_id != registry.me.portal:
        return Step(reject="not_the_own_portal")
    if commanded.claims and commanded.claims[-1] in commanded.before:
        return Step(repeat=commanded.before[commanded.claims[-1]])
    if commanded.before:
        return _refuse(command, CommandRefusal.COMMAND_ID_REUSED, commanded, moment)
    if commanded.content is None or commanded.situation is None or commanded.refusal is not None:
        reason = commanded.refusal or CommandRefusal.COMMAND_MALFORMED
        return _refuse(command, reason, commanded, moment)
    judged = decide(commanded.content, commanded.situation)
    if isinstance(judged, CommandRefusal):
        return _refuse(command, judged, commanded, moment)
    return _done(command, judged, commanded, commanded.situation)


def faulty(_: Any, fault: Faulty, registry: Registry, moment: Moment) -> Step[Any]:
    """Answer a portal whose command does not hold."""
    if fault.sender.entity_id != registry.me.portal:
        return Step(reject="not_the_own_portal")
    reason = CommandRefusal.COMMAND_MALFORMED
    return Step(send=[events.refused(fault.request_id, reason, registry, moment.now)])


def _refuse(
    command: UUID, reason: CommandRefusal, commanded: Commanded, moment: Moment
) -> Step[Any]:
    taken = frozenset() if commanded.before else frozenset(commanded.claims)
    told = events.refused(command, reason, commanded.registry, moment.now)
    return Step(send=[told], claims=taken)


_BY = {As.MANAGER: By.MANAGER, As.REPRESENTATIVE: By.REPRESENTATIVE, As.OPERATOR: By.OPERATOR}


def _done(command: UUID, done: Done, commanded: Commanded, situation: Situation) -> Step[Any]:
    registry, now, by = commanded.registry, situation.now, _BY[situation.actor.as_]
    changes, sent = events.told(command, done.told, by, registry, now, len(done.told))
    if done.shown is not None:
        pages = lines.pages(done.shown, more=done.more)
        sent += events.shown(command, pages, registry, now)
    written, charged = _charged(done, commanded, now)
    return Step(
        send=[*sent, *charged, *done.asks],
        changes=[*changes, *written],
        claims=frozenset(commanded.claims),
        relies_on=_relied_on(done, situation.actor),
    )


def _relied_on(done: Done, actor: Actor) -> dict[Key, int]:
    """What was read and is not written: it must be as it was read. What is written has the guard of
    its own revision."""
    written = {told.thing.id for told in done.told}
    read = [each for each in (*done.relies_on, *actor.authority) if each.id not in written]
    return resting_on(*read)


def _charged(
    done: Done, commanded: Commanded, now: datetime
) -> tuple[list[Change], list[Outgoing]]:
    registry = commanded.registry
    charged = [
        billing.charge(registry, cost.kind, cost.organisation, cost.cause, now)
        for cost in done.costs
    ]
    return [each.change for each in charged], [each.outgoing for each in charged]


# --- what is known about a command


def facts(keys: Keys, choices: Choices) -> Facts:
    """Open and verify commands, and read what they have to be judged by."""

    async def load(batch: Batch[Registry]) -> list[Commanded]:
        return [await _commanded(batch, each.message, keys, choices) for each in batch.received]

    return load


async def _commanded(
    batch: Batch[Registry], message: MandateCommand, keys: Keys, choices: Choices
) -> Commanded:
    registry, now = batch.known, batch.now
    try:
        command = _opened(message, keys)
        login = _verified(message, choices)
    except Unreadable:
        return Commanded(registry, choices, CommandRefusal.COMMAND_MALFORMED)
    except Untrusted:
        return Commanded(registry, choices, CommandRefusal.ASSERTION_REFUSED)
    claims = _claims(command, login)
    before = await _taken(batch, claims)
    as_ = actors.judge_login(login, registry, now, choices.authenticated_within)
    if before or not isinstance(as_, As):
        refusal = None if isinstance(as_, As) else as_
        return Commanded(registry, choices, refusal, claims=claims, before=before)
    actor = await actor_of(batch.connection, login, as_, registry, now)
    refusal = judge_authority(command.content, actor, login, registry)
    found = await Loader(batch.connection, actor).found(command.content)
    situation = Situation(registry, actor, command.command_id, found, now)
    return Commanded(registry, choices, refusal, command.content, situation, claims)


def _opened(message: MandateCommand, keys: Keys) -> Command:
    """What is commanded, of this very message. Raises Unreadable."""
    command = keys.open(message.command, Command)
    if command.command_id != message.request_id:
        raise Unreadable("of_another_command")
    return command


def _verified(message: MandateCommand, choices: Choices) -> Assertion:
    """The portal's own login, verified as the portal. Raises Untrusted."""
    if choices.portal is None:
        raise Untrusted("no_portal")
    login = verify_kept(message.outcome, choices.portal)
    if not isinstance(login, Assertion):
        raise Untrusted("no_assertion")
    return login


def _claims(command: Command, login: Assertion) -> tuple[str, str]:
    """A command's ID can be used once; with the same content by the same person, it is the same."""
    content = f"{login.acting_subject}\n{command.content.model_dump_json()}"
    name = f"command:{command.command_id}"
    return name, f"{name}:{sha256(content.encode()).hexdigest()}"


async def _taken(batch: Batch[Registry], claims: tuple[str, ...]) -> dict[str, UUID]:
    rows = await batch.connection.fetch(
        "SELECT claim, input_id FROM claims WHERE claim = ANY($1)", list(claims)
    )
    return {row["claim"]: row["input_id"] for row in rows}


def judge_authority(
    content: CommandContent, actor: Actor, login: Assertion, registry: Registry
) -> CommandRefusal | None:
    """Whoever this registry says may command must still have the mandate for it. By another
    registry's word, a manager can only accept or withdraw what his organisation is intermediary of.
    """
    if login.registry == registry.me.entity_id:
        return None if actor.authority else CommandRefusal.NOT_AUTHORISED
    abroad = actor.as_ is As.MANAGER and isinstance(content, Accept | Withdraw)
    return None if abroad else CommandRefusal.NOT_AUTHORISED
