"""Shows prompts to the scenario's people, and publishes what they answer.

`Browser` reads the prompts of every participant. Who sits before it, `acting` says for one
login, and `anybody` for all others. `command` logs somebody out, or takes his consent back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from pipeline.beside import beside
from pipeline.kafka import PATIENCE, keep_trying, started
from pipeline.keys import Trust, utc_now
from sandbox.founding import Folders, wallets_of
from sandbox.person import Answering, Behaviour, Reply
from schemas import codec
from schemas.dialogue import SessionCommandKind, SessionConfirmation
from schemas.directory import Directory, Participant
from schemas.message import Message
from schemas.topics import PROMPTS, SESSION_CONFIRMATIONS, find

log = structlog.get_logger()
CONFIRMED_SECONDS = 10.0


class Browser:
    """Reads prompts and answers them, until it is closed."""

    def __init__(self, folders: Folders, producer: AIOKafkaProducer) -> None:
        self.directory = Trust(folders.network).directory
        self.wallets = wallets_of(folders)
        self.anybody: Behaviour | None = None
        self.answering = Answering(self.directory, folders.secrets)
        self._producer = producer
        self._acting: dict[UUID, Behaviour] = {}
        self._early: dict[UUID, list[tuple[Message, Participant]]] = {}
        self._confirming: dict[UUID, asyncio.Future[bool]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, kafka: str, folders: Folders) -> AsyncIterator[Browser]:
        """Show prompts from now on."""
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka, acks="all", enable_idempotence=True, **PATIENCE
        )
        browser = cls(folders, producer)
        consumer = AIOKafkaConsumer(*_shown_topics(browser.directory), bootstrap_servers=kafka)
        async with started(kafka, producer, consumer):
            keep_trying(producer)
            async with beside(browser._read(consumer)):
                yield browser

    def acting(self, request_id: UUID, who: Behaviour) -> None:
        """This person is at the browser for this login; he sees what was shown before, too."""
        self._acting[request_id] = who
        for prompt, asker in self._early.pop(request_id, []):
            self._show(prompt, asker, who)

    def left(self, request_id: UUID) -> None:
        """Nobody is at the browser for this login any more: it has ended."""
        self._acting.pop(request_id, None)

    async def command(
        self,
        kind: SessionCommandKind,
        provider: str,
        who: Behaviour,
        dienstverlener: str | None = None,
        timeout: float = CONFIRMED_SECONDS,
    ) -> bool:
        """Give a command to a provider (a name): whether it was done; else there is no session.

        Raises TimeoutError.
        """
        asked = self._named(provider)
        reply = self.answering.command(kind, asked, who, dienstverlener)
        confirmed = asyncio.get_running_loop().create_future()
        self._confirming[reply.message.request_id] = confirmed
        try:
            await self._publish(reply, asked)
            return await asyncio.wait_for(confirmed, timeout)
        finally:
            del self._confirming[reply.message.request_id]

    def _named(self, name: str) -> Participant:
        found = self.directory.named(name)
        if found is None:
            raise LookupError(name)
        return found

    def _confirmed(self, confirmation: SessionConfirmation) -> None:
        confirming = self._confirming.get(confirmation.request_id)
        if confirming is not None and not confirming.done():
            confirming.set_result(confirmation.done)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            batches = await consumer.getmany(timeout_ms=1000)
            for raw in (raw for batch in batches.values() for raw in batch):
                self._prompted(raw)

    def _prompted(self, raw: ConsumerRecord) -> None:
        prompt, asker = _prompt(raw, self.directory)
        if isinstance(prompt, SessionConfirmation):
            self._confirmed(prompt)
            return
        who = self._acting.get(prompt.request_id) or self.anybody
        if who is None:
            self._early.setdefault(prompt.request_id, []).append((prompt, asker))
        else:
            self._show(prompt, asker, who)

    def _show(self, prompt: Message, asker: Participant, who: Behaviour) -> None:
        task = asyncio.create_task(self._answer(prompt, asker, who))
        self._tasks.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("prompt_not_answered", error=type(task.exception()).__name__)

    async def _answer(self, prompt: Message, asker: Participant, who: Behaviour) -> None:
        reply = await self.answering.answer(prompt, asker, who)
        if reply is not None:
            await self._publish(reply, asker)

    async def _publish(self, reply: Reply, asker: Participant) -> None:
        topic = reply.topic.of(asker.name)
        record = codec.encode_unsigned(topic, reply.message, uuid4(), utc_now())
        await self._producer.send_and_wait(
            record.topic, record.value, record.key, headers=list(record.headers)
        )


def _shown_topics(directory: Directory) -> list[str]:
    shown = (*PROMPTS, SESSION_CONFIRMATIONS)
    return [topic.of(owner.name) for topic in shown for owner in directory.in_role(topic.owner)]


def _prompt(raw: ConsumerRecord, directory: Directory) -> tuple[Message, Participant]:
    """A prompt, and who asks. A browser shows what its own site serves, and so trusts it."""
    topic, owner = find(raw.topic)
    asker = directory.named(owner)
    if asker is None:
        raise LookupError(owner)
    return codec.unverified(raw.value.decode(), topic.message), asker
