"""A registry's portal, played: log in to it with herken itself, and command.

async with Portal.connect("terp", settings) as portal:
    login = await portal.log_in("management")  # somebody answers at the browser meanwhile
    events = await portal.command(login, Withdraw(what=mandate))
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from dienstverlener import Assertion, Dienstverlener, Refusal
from pipeline.beside import beside
from pipeline.errors import HerkenError, WrongUse
from pipeline.kafka import PATIENCE, keep_trying, started
from pipeline.keys import Keys, Trust, seal, utc_now
from pipeline.settings import Settings
from schemas import codec
from schemas.administration import EventKind, MandateCommand, MandateEvent, Shown
from schemas.codec import Received, Record, Untrusted
from schemas.commands import Command, CommandContent
from schemas.directory import Participant
from schemas.topics import MANDATE_COMMANDS, MANDATE_EVENTS
from schemas.values import Role

LogInAs = Literal["management", "representation", "operation"]
INDEXES: Final[dict[LogInAs, int]] = {"management": 1, "representation": 2, "operation": 3}
"""Of the three services of a portal: what its ServiceIDs end in."""
_ANSWERED_SECONDS: Final = 15.0


class NotLoggedIn(HerkenError):
    """The login to the portal was refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code}: {refusal.explanation_en}")
        self.refusal = refusal


class NoAnswer(HerkenError):
    """The registry did not answer in the time given."""


class Portal:
    """Logs in, commands, and reads the registry's events, as the registry's own dienstverlener."""

    def __init__(
        self,
        registry: Participant,
        keys: Keys,
        dienstverlener: Dienstverlener,
        producer: AIOKafkaProducer,
    ) -> None:
        self.registry = registry
        self._keys, self._dienstverlener, self._producer = keys, dienstverlener, producer
        self._events: dict[UUID, dict[tuple[UUID | None, int, int], MandateEvent]]
        self._events = defaultdict(dict)
        self._news = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, registry: str, settings: Settings | None = None
    ) -> AsyncIterator[Portal]:
        """Connect as the portal of this registry.

        Raises WrongUse (there is none), ServerUnreachable.
        """
        settings = settings or Settings.read()
        found, name = portal_of(registry, settings)
        keys = Keys.load(settings.network, settings.secrets, name)
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka,
            acks="all",
            enable_idempotence=True,
            **PATIENCE,
        )
        consumer = AIOKafkaConsumer(
            MANDATE_EVENTS.of(found.name),
            bootstrap_servers=settings.kafka,
            enable_auto_commit=False,
            auto_offset_reset="latest",
            isolation_level="read_committed",
        )
        async with Dienstverlener.connect(name, settings) as dienstverlener:
            portal = cls(found, keys, dienstverlener, producer)
            async with started(settings.kafka, producer, consumer), portal._reading(consumer):
                keep_trying(producer)
                yield portal

    # --- asking

    async def log_in(self, as_: LogInAs, **request: Any) -> Assertion:
        """Log in to one of the portal's services. `request`: as for `Dienstverlener.authenticate`.

        Raises NotLoggedIn, NoOutcome.
        """
        service = service_id(self._keys.me, as_)
        outcome = await self._dienstverlener.authenticate(service, **request)
        if isinstance(outcome, Refusal):
            raise NotLoggedIn(outcome)
        return outcome

    async def command(
        self,
        login: Assertion,
        content: CommandContent,
        command_id: UUID | None = None,
        timeout: float = _ANSWERED_SECONDS,
    ) -> list[MandateEvent]:
        """Command, and await all events that it leads to. A refusal is an event too.

        Raises NoAnswer.
        """
        command = Command(command_id=command_id or uuid4(), content=content)
        await self._send(login, command)
        return await self._awaited(
            command.command_id,
            lambda events: bool(events) and len(events) >= events[0].total,
            timeout,
        )

    async def located(
        self, assignment: UUID, timeout: float = _ANSWERED_SECONDS
    ) -> list[MandateEvent]:
        """Await that another registry said where an assignment's link is. Raises NoAnswer."""
        kind = EventKind.ASSIGNMENT_LOCATED
        return await self._awaited(
            assignment, lambda events: any(event.kind is kind for event in events), timeout
        )

    def shown(self, event: MandateEvent) -> Shown | None:
        """What an event shows to who commanded. Raises Unreadable."""
        return self._keys.open(event.shown, Shown) if event.shown else None

    async def _send(self, login: Assertion, command: Command) -> None:
        now, registry = utc_now(), self.registry
        message = MandateCommand(
            request_id=command.command_id,
            outcome=login.outcome,
            command=seal(command, registry, now),
        )
        topic, signer = MANDATE_COMMANDS.of(registry.name), self._keys.signer(now)
        audience = (registry.entity_id,)
        record = codec.encode_signed(topic, message, signer, audience, uuid4(), now)
        await self._producer.send_and_wait(
            record.topic, record.value, record.key, headers=list(record.headers)
        )

    # --- reading

    async def _awaited(self, id_: UUID, complete: Any, timeout: float) -> list[MandateEvent]:
        try:
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(lambda: complete(self._of(id_)))
                return self._of(id_)
        except TimeoutError:
            raise NoAnswer(f"no answer to command {id_}: does the registry run?") from None

    def _of(self, id_: UUID) -> list[MandateEvent]:
        return sorted(self._events.get(id_, {}).values(), key=lambda event: event.number)

    @asynccontextmanager
    async def _reading(self, consumer: AIOKafkaConsumer) -> AsyncIterator[None]:
        async with beside(self._read(consumer)):
            yield

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            batches = await consumer.getmany(timeout_ms=500)
            for raw in (raw for batch in batches.values() for raw in batch):
                await self._take(raw)

    async def _take(self, raw: ConsumerRecord) -> None:
        headers = tuple((name, value or b"") for name, value in raw.headers)
        record = Record(raw.topic, raw.key or b"", raw.value or b"", headers)
        me, directory = self._keys.me, self._keys.directory
        try:
            found = codec.decode(record, MANDATE_EVENTS, me, directory, utc_now())
        except Untrusted:
            return
        if isinstance(found, Received):
            event: MandateEvent = found.message
            async with self._news:
                place = (event.object, event.revision, event.number)
                self._events[event.request_id][place] = event
                self._news.notify_all()


def portal_of(registry: str, settings: Settings) -> tuple[Participant, str]:
    """A registry, and the name of its portal. Raises WrongUse."""
    directory = Trust(settings.network).directory
    found = directory.named(registry)
    portal = directory.participant(found.portal) if found and found.portal else None
    if found is None or found.role is not Role.REGISTRY or portal is None:
        raise WrongUse(f"{registry} is no registry with a portal in the directory")
    return found, portal.name


def service_id(portal: Participant, as_: LogInAs) -> str:
    """The ServiceID of one of a portal's services."""
    oin = portal.entity_id.split(":")[3]
    return f"urn:etoegang:DV:{oin}:services:{INDEXES[as_]}"
