"""A dienstverlener's connection to the network: publish requests, read verified outcomes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from pydantic import Field, ValidationError

from dienstverlener.holding_back import HoldingBack
from dienstverlener.offered import Offers
from dienstverlener.outcome import Assertion, Refusal, held_back
from dienstverlener.verify import verify
from pipeline import dead_letters
from pipeline.beside import beside
from pipeline.catalogue import Follower
from pipeline.errors import HerkenError, WrongUse
from pipeline.kafka import PATIENCE, keep_trying, started, unreachable
from pipeline.keys import Keys, scheme_key, utc_now
from pipeline.settings import FromEnvironment, Settings
from schemas import codec
from schemas.catalogue import Service
from schemas.codec import Record, Untrusted
from schemas.directory import Participant
from schemas.message import Message
from schemas.messages import AuthnRequest, Cancellation
from schemas.topics import AUTHN_REQUESTS, CANCELLATIONS, DLQ_MAX_BYTES, OUTCOMES, Topic
from schemas.values import Level

log = structlog.get_logger()

Outcome = Assertion | Refusal
_REMEMBERED: Final = 10_000
_GRACE_SECONDS: Final = 10.0
_PUBLISH_SECONDS: Final = 60.0
"""How long Kafka may take to have a message, one of its brokers being replaced."""


class NoOutcome(HerkenError):
    """No outcome came in the time given. It may come later: see `outcomes()`."""


class Identity(FromEnvironment):
    """Which dienstverlener this is: `HERKEN_DIENSTVERLENER`, its name in the directory."""

    dienstverlener: str = Field(min_length=1)


class Dienstverlener:
    """Publishes signed requests and reads outcomes, each verified.

    `authenticate` is `publish` and the one outcome to it; `outcomes` reads them apart.
    """

    def __init__(
        self,
        keys: Keys,
        settings: Settings,
        producer: AIOKafkaProducer,
        holding_back: HoldingBack | None = None,
    ) -> None:
        self._keys, self._settings, self._producer = keys, settings, producer
        self._offers, self._holding_back = Offers(keys), holding_back
        self._waiting: dict[UUID, asyncio.Future[Outcome]] = {}

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        name: str | None = None,
        settings: Settings | None = None,
        *,
        hold_back: bool = True,
    ) -> AsyncIterator[Dienstverlener]:
        """Connect as the dienstverlener of this name; what is not given, the environment says.

        hold_back  while the network is busy, refuse some requests here instead of publishing them
        Raises WrongUse (a setting or file is missing), ServerUnreachable.
        """
        settings = settings or Settings.read()
        name = name or Identity.read().dienstverlener
        following = Follower.following(settings.kafka, scheme_key(settings.network))
        async with following as follower:
            offered = lambda: follower.catalogue  # noqa: E731
            keys = Keys.load(settings.network, settings.secrets, name, offered)
            producer = _producer(settings)
            client = cls(keys, settings, producer, HoldingBack() if hold_back else None)
            reader = client._consumer(client._topic)
            async with started(settings.kafka, producer, reader), client._reading(reader):
                keep_trying(producer)
                yield client

    @property
    def services(self) -> list[Service]:
        """Our services, as the catalogue has them."""
        return self._keys.catalogue.of(self._keys.me.entity_id)

    async def publish(  # noqa: PLR0913 -- a request has as many parts
        self,
        service: str,
        *,
        level: Level | None = None,
        force_authn: bool = False,
        provider: str | None = None,
        declared: tuple[str, ...] = (),
        browser: str | None = None,
        answer_within_seconds: int | None = None,
        request_id: UUID | None = None,
    ) -> UUID:
        """Publish a request; returns its ID once Kafka has it.

        service                 a ServiceID
        level                   None: the service's own
        provider                EntityID of the only provider that will do
        declared                EntityIDs of providers that the user said he has means of
        browser                 your own random name for the user's browser: his choice of means
                                can be remembered under it
        answer_within_seconds   a deadline shorter than the makelaar's (1 to 3600)
        Raises WrongUse; ServerUnreachable where Kafka does not take it in time: it may do so later.
        """
        try:
            request = AuthnRequest(
                request_id=request_id or uuid4(),
                service=service,
                level=level,
                force_authn=force_authn,
                provider=provider,
                declared=declared,
                browser=browser,
                answer_within_seconds=answer_within_seconds,
            )
        except ValidationError as error:
            fields = ", ".join(str(e["loc"][0]) for e in error.errors())
            raise WrongUse(f"the request is not well-formed: {fields}") from None
        await self._send(AUTHN_REQUESTS, self._makelaar(service), request)
        return request.request_id

    async def authenticate(
        self,
        service: str,
        *,
        timeout: float | None = None,
        **request: Any,
    ) -> Outcome:
        """Publish a request, and await its one outcome. `request`: as for `publish`.

        While the network is busy, it may not be published at all: then its outcome is a refusal of
        our own, `busy`, with HELD_BACK as its reason.

        timeout  seconds; None: the network's own deadline and a little more
        Raises NoOutcome, WrongUse, ServerUnreachable.
        """
        request_id, holding_back = request.pop("request_id", None) or uuid4(), self._holding_back
        if holding_back is not None and not holding_back.publishes():
            return held_back(request_id, holding_back.retry_after_seconds)
        outcome = await self._asked(service, request_id, timeout, request)
        if holding_back is not None:
            holding_back.answered(outcome)
        return outcome

    async def _asked(
        self, service: str, request_id: UUID, timeout: float | None, request: dict[str, Any]
    ) -> Outcome:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        try:
            async with asyncio.timeout(timeout or self._patience(request)):
                await self.publish(service, request_id=request_id, **request)
                return await future
        except TimeoutError:
            raise NoOutcome(f"no outcome for request {request_id}: is the network up?") from None
        finally:
            self._waiting.pop(request_id, None)

    async def cancel(self, request_id: UUID, service: str) -> None:
        """Ask the makelaar to end a login. Its outcome comes as always."""
        makelaar = self._makelaar(service)
        await self._send(CANCELLATIONS, makelaar, Cancellation(request_id=request_id))

    async def outcomes(self, group: str = "outcomes") -> AsyncIterator[Outcome]:
        """Every outcome, each once, verified, from where this group of readers left off.

        Outcomes count as read when all that came with them were taken: after a crash, some come
        again.
        """
        consumer = self._consumer(self._topic, group_id=f"{self._keys.me.name}.{group}")
        seen = _Seen()
        async with started(self._settings.kafka, consumer):
            while True:
                for outcome in await self._read(consumer, seen):
                    yield outcome
                await consumer.commit()

    # --- writing

    def _makelaar(self, service: str) -> Participant:
        known = self._offers.look().service(service)
        makelaar = self._keys.directory.participant(known.makelaar) if known else None
        if makelaar is None:
            mine = ", ".join(s.service_id for s in self.services) or "none"
            raise WrongUse(f"the catalogue has no such service; ours are: {mine}")
        return makelaar

    async def _send(self, topic: Topic, owner: Participant, message: Message) -> None:
        now = utc_now()
        audience, signer = (owner.entity_id,), self._keys.signer(now)
        record = codec.encode_signed(topic.of(owner.name), message, signer, audience, uuid4(), now)
        await self._publish(record)

    async def _publish(self, record: Record) -> None:
        sending = self._producer.send_and_wait(
            record.topic, record.value, record.key, headers=list(record.headers)
        )
        try:
            await asyncio.wait_for(sending, _PUBLISH_SECONDS)
        except TimeoutError as error:
            raise unreachable(self._settings.kafka, error) from None

    def _patience(self, request: dict[str, Any]) -> float:
        asked = request.get("answer_within_seconds") or self._settings.deadline_seconds
        return float(asked + _GRACE_SECONDS)

    # --- reading

    @property
    def _topic(self) -> str:
        return OUTCOMES.of(self._keys.me.name)

    def _consumer(self, *topics: str, **options: Any) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            *topics,
            bootstrap_servers=self._settings.kafka,
            enable_auto_commit=False,
            auto_offset_reset="earliest" if "group_id" in options else "latest",
            isolation_level="read_committed",
            **PATIENCE,
            **options,
        )

    @asynccontextmanager
    async def _reading(self, consumer: AIOKafkaConsumer) -> AsyncIterator[None]:
        """Read outcomes from now on, for whoever awaits one."""
        async with beside(self._resolve(consumer)):
            yield

    async def _resolve(self, consumer: AIOKafkaConsumer) -> None:
        """Give each outcome to who awaits it. Where reading fails, nobody waits in vain."""
        seen = _Seen()
        try:
            while True:
                for outcome in await self._read(consumer, seen):
                    self._give(outcome)
        except Exception as error:
            log.error("reading_stopped", error=type(error).__name__)  # noqa: TRY400
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(NoOutcome("reading outcomes stopped: connect again"))
            raise

    def _give(self, outcome: Outcome) -> None:
        waiting = self._waiting.get(outcome.request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)

    async def _read(self, consumer: AIOKafkaConsumer, seen: _Seen) -> list[Outcome]:
        """The next outcomes; what cannot be trusted goes to the dead letters."""
        batches = await consumer.getmany(timeout_ms=500)
        read = []
        for raw in (raw for batch in batches.values() for raw in batch):
            outcome = await self._verify(_record(raw))
            if outcome is not None and seen.is_new(raw.value):
                read.append(outcome)
        return read

    async def _verify(self, record: Record) -> Outcome | None:
        try:
            return verify(record, self._keys, utc_now(), self._offers)
        except Untrusted as untrusted:
            log.warning("dead_letter", topic=record.topic, reason=untrusted.reason)
            await self._publish(dead_letters.bury(record, untrusted.reason, utc_now()))
            return None


class _Seen:
    """Drops what comes twice: after a crash the network sends the same bytes again."""

    def __init__(self) -> None:
        self._digests: OrderedDict[bytes, None] = OrderedDict()

    def is_new(self, value: bytes) -> bool:
        digest = sha256(value).digest()
        if digest in self._digests:
            return False
        self._digests[digest] = None
        if len(self._digests) > _REMEMBERED:
            self._digests.popitem(last=False)
        return True


def _producer(settings: Settings) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        acks="all",
        enable_idempotence=True,
        max_request_size=DLQ_MAX_BYTES,
        **PATIENCE,
    )


def _record(raw: ConsumerRecord) -> Record:
    position = f"{raw.partition}:{raw.offset}"
    headers = tuple((name, value or b"") for name, value in raw.headers)
    return Record(raw.topic, raw.key or b"", raw.value or b"", headers, position)
