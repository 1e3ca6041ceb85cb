"""A whole network in one process, without Kafka: the real roles on a real Postgres, and a relay
that carries every record to whoever reads its topic.

    async with opened(network, scenario, servers.postgres) as relay:
        login = relay.begin(KEY)
        await relay.settle()
        relay.read  # the outcomes, as their dienstverlener read them

What is under way is delivered a topic at a time, one batch each. `tamper` may put something else
in a batch's place. The clock is the relay's own, so that nobody has to wait for a one-time code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import cast
from uuid import UUID, uuid4

import pyotp

from dienstverlener import Assertion, Refusal
from dienstverlener.verify import verify
from pipeline import dead_letters
from pipeline.dead_letters import DeadLetterRecord
from pipeline.keys import Keys, seal, utc_now
from pipeline.runner import Runner
from pipeline.stage import Stage
from registry.kept import Assignment
from sandbox import scenario as s
from sandbox.expecting import is_of
from sandbox.person import STEP_SECONDS, Answering, Behaviour, CodeBook
from sandbox.portal import LogInAs
from sandbox.portal import service_id as portal_service
from sandbox.scenario import Scenario
from schemas import codec
from schemas.administration import MandateCommand, MandateEvent
from schemas.catalogue import Service
from schemas.codec import Record, Untrusted
from schemas.commands import Command
from schemas.dialogue import SessionCommandKind, SessionConfirmation, SignatureAnswer
from schemas.directory import Participant
from schemas.message import Message
from schemas.messages import AuthnRequest
from schemas.sealed import SignatureSecret
from schemas.topics import (
    AUTHN_REQUESTS,
    DLQ_SUFFIX,
    MANDATE_COMMANDS,
    MANDATE_EVENTS,
    OUTCOMES,
    PROMPTS,
    SESSION_CONFIRMATIONS,
    SIGNATURE_ANSWERS,
    Topic,
    find,
)
from tests.support.forge import Login, World
from tests.support.kinds import Kind

STALLED_SECONDS = 10.0
Tamper = Callable[[list[Record]], Sequence[list[Record]]]
"""The batches to deliver in place of a batch."""


@dataclass(frozen=True)
class Sent:
    """A record, and the kind of topic whose message led to it."""

    record: Record
    cause: str


@dataclass(frozen=True)
class Read:
    """An outcome, and what its dienstverlener made of it."""

    record: Record
    cause: str
    verdict: str


class Clock:
    """The time, as far ahead as somebody needs it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


class Codes(CodeBook):
    """Gives each one-time code once; where one more is needed, the clock goes on."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    async def next(self, secret: str) -> str:
        step = max(self._step() - 1, self._used.get(secret, 0) + 1)
        self._used[secret] = step
        self._clock.ahead += timedelta(seconds=STEP_SECONDS * max(0, step - self._step() - 1))
        return pyotp.TOTP(secret).generate_otp(step)

    def _step(self) -> int:
        return int(self._clock().timestamp()) // STEP_SECONDS


class Relay:
    """Carries records between the roles of one network."""

    def __init__(
        self,
        world: World,
        scenario: Scenario,
        keys: Mapping[str, Keys],
        runners: Mapping[str, tuple[Runner, Stage]],
        answering: Answering,
    ) -> None:
        self.world, self._scenario = world, scenario
        self._keys, self._runners, self._answering = keys, runners, answering
        self._at_the_browser: dict[UUID, Behaviour] = {}
        self._commanding: dict[UUID, Kind] = {}
        self._browsers = count()
        self._sessions: dict[str, str | None] = {}
        self.clear()

    def clear(self) -> None:
        """Forget all that was carried, and whatever is still under way."""
        self._under_way: list[Sent] = []
        self._shown: set[bytes] = set()
        self._offset = 0
        self.logins: dict[UUID, Login] = {}
        self.prompts: list[Record] = []
        self.dead: list[DeadLetterRecord] = []
        self.read: list[Read] = []

    # --- logins

    async def browser(self, kind: Kind) -> str:
        """A new browser, in which everything was done that comes before; that is forgotten."""
        name, clock = f"browser {next(self._browsers)}", self.world.clock
        if isinstance(clock, Clock):
            clock.ahead -= kind.idle
            for before in kind.after:
                self.begin(before, name)
                await self.settle()
            clock.ahead += kind.idle
        self._sessions[name] = self._session()
        self.clear()
        return name

    def _session(self) -> str | None:
        """By what the browser became known, where it did."""
        signed = f"{SIGNATURE_ANSWERS.name}."
        records = [record for login in self.logins.values() for record in login.records]
        for record in (each for each in records if each.topic.startswith(signed)):
            sealed = SignatureAnswer.model_validate_json(record.value).secret or ""
            return self.world.unsealed(sealed, SignatureSecret).session
        return None

    def begin(self, kind: Kind, browser: str | None = None) -> UUID:
        """Publish a request; the person answers its prompts."""
        behaviour = self._behaviour(kind, browser)
        if kind.session_command is not None:
            return self._ask_provider(kind, kind.session_command, behaviour)
        service = self._service(kind)
        dienstverlener = self._named(service.dienstverlener)
        request = AuthnRequest(
            request_id=uuid4(),
            service=service.service_id,
            provider=self.world.entity(kind.asks_for) if kind.asks_for else None,
            **kind.request,
        )
        login = Login(dienstverlener.name, session=self._sessions.get(browser or ""))
        self._started(request.request_id, login, behaviour)
        self._commanding[request.request_id] = kind
        self._send(AUTHN_REQUESTS, self._named(service.makelaar), dienstverlener, request)
        return request.request_id

    def _started(self, request_id: UUID, login: Login, behaviour: Behaviour) -> None:
        self.logins[request_id] = login
        self._at_the_browser[request_id] = behaviour

    def _send(self, topic: Topic, to: Participant, by: Participant, message: Message) -> None:
        now, signer = self.world.clock(), self._keys[by.name].signer(self.world.clock())
        audience = (to.entity_id,)
        self.publish(
            codec.encode_signed(topic.of(to.name), message, signer, audience, uuid4(), now)
        )

    def _service(self, kind: Kind) -> Service:
        """The service that is logged in to. Raises LookupError."""
        if kind.portal:
            id_ = portal_service(self._portal(kind), cast(LogInAs, kind.service))
        else:
            id_ = s.service_id(*self._scenario.service(kind.service))
        found = next(iter(self._keys.values())).catalogue.service(id_)
        if found is None:
            raise LookupError(kind.service)
        return found

    def _portal(self, kind: Kind) -> Participant:
        return self._named(self.world.participant(kind.portal).portal or "")

    def _named(self, entity_id: str) -> Participant:
        """Raises LookupError."""
        found = self.world.directory.participant(entity_id)
        if found is None:
            raise LookupError(entity_id)
        return found

    def _behaviour(self, kind: Kind, browser: str | None) -> Behaviour:
        chosen = self.world.prefix + kind.chosen if kind.chosen else None
        kvk = self._scenario.organisation(kind.acted_for).kvk
        return Behaviour(
            self.world.wallet(kind.person),
            provider=chosen,
            kvk=kvk,
            uses_session=kind.uses_session,
            browser=browser,
        )

    # --- commands

    def _ask_provider(self, kind: Kind, command: SessionCommandKind, who: Behaviour) -> UUID:
        """What a user asks of the provider of his first means."""
        provider = self.world.directory.named(who.wallet.means[0].provider)
        if provider is None:
            raise LookupError(kind.person)
        reply = self._answering.command(command, provider, who)
        request_id = reply.message.request_id
        self._started(request_id, Login(""), who)
        topic, now = reply.topic.of(provider.name), self.world.clock()
        self.publish(codec.encode_unsigned(topic, reply.message, uuid4(), now))
        return request_id

    def _command(self, request_id: UUID, login: Assertion, kind: Kind) -> None:
        """The portal commands, as it does for who logged in to it."""
        registry, command = self.world.participant(kind.portal), kind.command
        if command is None:
            return
        content = Command(command_id=request_id, content=command)
        sealed = seal(content, registry, self.world.clock())
        message = MandateCommand(request_id=request_id, outcome=login.outcome, command=sealed)
        self._send(MANDATE_COMMANDS, registry, self._portal(kind), message)

    def verdict(self, request_id: UUID) -> str:
        """What came of a login, or of the command after it."""
        found = [read.verdict for read in self.read if read.record.key in keys_of(request_id)]
        return " and ".join(found) or "nothing"

    # --- carrying

    def publish(self, record: Record, cause: str = "") -> None:
        """Put a record under way."""
        self._offset += 1
        placed = replace(record, position=f"0:{self._offset}")
        self._under_way.append(Sent(placed, cause))
        login = self._login(record)
        if login is not None:
            login.records.append(placed)

    def _login(self, record: Record) -> Login | None:
        """The login that a record is of: it has its ID, or that of the assignment it makes."""
        return next(
            (login for id_, login in self.logins.items() if record.key in keys_of(id_)), None
        )

    async def settle(self, tamper: Tamper | None = None) -> None:
        """Deliver until nothing is under way. Raises TimeoutError where that never comes."""
        async with asyncio.timeout(STALLED_SECONDS):
            while self._under_way:
                batch, causes = self._next_batch()
                for part in tamper(batch) if tamper else [batch]:
                    await self.deliver(part, causes)

    def _next_batch(self) -> tuple[list[Record], dict[str, str]]:
        topic = self._under_way[0].record.topic
        batch = [sent for sent in self._under_way if sent.record.topic == topic]
        self._under_way = [sent for sent in self._under_way if sent.record.topic != topic]
        causes = {sent.record.position: sent.cause for sent in batch}
        return [sent.record for sent in batch], causes

    async def deliver(self, batch: list[Record], causes: Mapping[str, str] | None = None) -> None:
        """Hand a batch of one topic to its reader."""
        topic = batch[0].topic if batch else ""
        if topic in self._runners:
            runner, stage = self._runners[topic]
            for part in parts(batch, stage.batch):
                for output in await runner.process(stage, part):
                    self.publish(output, stage.topic.name)
        for record in batch if topic not in self._runners else ():
            await self._deliver_one(record, (causes or {}).get(record.position, ""))

    async def _deliver_one(self, record: Record, cause: str) -> None:
        if record.topic.endswith(DLQ_SUFFIX):
            self.dead.append(dead_letters.exhume(record))
            return
        topic, owner = find(record.topic)
        if topic is OUTCOMES:
            self._verify(record, owner, cause)
        if topic in (MANDATE_EVENTS, SESSION_CONFIRMATIONS):
            self._told(record, topic, cause)
        if topic in PROMPTS and record.value not in self._shown:
            self._shown.add(record.value)
            await self._show(record)

    def _verify(self, record: Record, owner: str, cause: str) -> None:
        """As the dienstverlener's client does."""
        try:
            outcome = verify(record, self._keys[owner], self.world.clock())
        except Untrusted as untrusted:
            self.publish(dead_letters.bury(record, untrusted.reason, self.world.clock()))
            return
        kind = self._commanding.get(outcome.request_id)
        if isinstance(outcome, Assertion) and kind is not None and kind.command is not None:
            self._command(outcome.request_id, outcome, kind)
        else:
            self.read.append(Read(record, cause, self._verdict(outcome)))

    def _verdict(self, outcome: Assertion | Refusal) -> str:
        if isinstance(outcome, Refusal):
            return str(outcome.code)
        legal, kvk = outcome.legal_subject, outcome.intermediary
        organisations = self._scenario.organisations
        (name,) = [each.name for each in organisations if is_of(each, legal)]
        through = [f"through {each.name}" for each in organisations if kvk and each.kvk == kvk]
        known = [what for what, value in vars(outcome.person).items() if value is not None]
        person = [f"with {' and '.join(known)}"] if known else []
        return " ".join([f"assertion {outcome.level} for {name}", *through, *person])

    def _told(self, record: Record, topic: Topic, cause: str) -> None:
        """What a registry's portal, or a provider's user, is told."""
        match codec.unverified(record.value.decode(), topic.message):
            case MandateEvent(reason=None) as event:
                verdict = str(event.kind)
            case MandateEvent() as event:
                verdict = f"{event.kind}: {event.reason}"
            case SessionConfirmation() as told:
                verdict = f"{told.command} {'done' if told.done else 'not done'}"
            case _:
                return
        self.read.append(Read(record, cause, verdict))

    async def _show(self, record: Record) -> None:
        """A browser shows the same prompt once, to whoever sits before it."""
        self.prompts.append(record)
        topic, owner = find(record.topic)
        prompt = codec.unverified(record.value.decode(), topic.message)
        who, asker = self._at_the_browser.get(prompt.request_id), self.world.directory.named(owner)
        reply = await self._answering.answer(prompt, asker, who) if who and asker else None
        if reply is not None:
            to, now = reply.topic.of(owner), self.world.clock()
            self.publish(codec.encode_unsigned(to, reply.message, uuid4(), now))


def parts(batch: list[Record], most: int) -> Sequence[list[Record]]:
    """A batch in parts of at most so many records."""
    return [batch[start : start + most] for start in range(0, len(batch), most)]


def keys_of(request_id: UUID) -> tuple[bytes, bytes]:
    """What a login's messages are keyed by: its ID, or that of the assignment that it makes."""
    made = codec.message_id(Assignment.TABLE, str(request_id))
    return str(request_id).encode(), str(made).encode()
