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
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import pyotp

from dienstverlener import Assertion, Refusal
from dienstverlener.verify import verify
from herken.wiring import BUILD
from pipeline import database, dead_letters
from pipeline.dead_letters import DeadLetterRecord
from pipeline.keys import Keys, utc_now
from pipeline.runner import Runner
from pipeline.settings import Settings, database_user, role_dsn
from pipeline.stage import Stage
from pipeline.store import Store
from sandbox import scenario as s
from sandbox.catalogue import entries
from sandbox.expecting import is_of
from sandbox.founding import Folders, Founded
from sandbox.person import STEP_SECONDS, Answering, Behaviour, CodeBook
from sandbox.scenario import Scenario
from sandbox.seeding import seed
from schemas import codec
from schemas.catalogue import Catalogue
from schemas.codec import Record, Untrusted
from schemas.jose import PrivateKey
from schemas.messages import AuthnRequest
from schemas.topics import AUTHN_REQUESTS, DLQ_SUFFIX, OUTCOMES, USER, find
from tests.support.forge import Login, World

STALLED_SECONDS = 10.0
Tamper = Callable[[list[Record]], Sequence[list[Record]]]
"""The batches to deliver in place of a batch."""


@dataclass(frozen=True)
class Kind:
    """A way to log in, and what comes of it where nobody interferes. `asks_for` is the provider
    that the dienstverlener asks for; `chosen` and `acted_for` are what the person chooses."""

    name: str
    service: str
    usual: str
    asks_for: str | None = None
    chosen: str | None = None
    acted_for: str = "korenmolen"
    person: str = "ans"


KEY = Kind("key", "lozingsaangifte", "assertion EH4 for korenmolen")
PASSWORD = Kind("password", "omgevingsvergunning", "assertion EH3 for korenmolen", asks_for="dijk")
CHOICE = Kind(
    "choice",
    "parkeerontheffing",
    "assertion EH3 for scheepswerf",
    chosen="sluis",
    acted_for="scheepswerf",
)


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

    def begin(self, kind: Kind) -> UUID:
        """Publish a request; the person answers its prompts."""
        dienstverlener, service = self._scenario.service(kind.service)
        request = AuthnRequest(
            request_id=uuid4(),
            service=s.service_id(dienstverlener, service),
            provider=self.world.entity(kind.asks_for) if kind.asks_for else None,
        )
        self.logins[request.request_id] = Login(dienstverlener.name)
        self._at_the_browser[request.request_id] = self._behaviour(kind)
        makelaar = self.world.directory.named(service.makelaar)
        now, signer = self.world.clock(), self._keys[dienstverlener.name].signer(self.world.clock())
        topic, audience = AUTHN_REQUESTS.of(service.makelaar), (makelaar.entity_id,)  # type: ignore[union-attr]
        self.publish(codec.encode_signed(topic, request, signer, audience, uuid4(), now))
        return request.request_id

    def _behaviour(self, kind: Kind) -> Behaviour:
        chosen = self.world.prefix + kind.chosen if kind.chosen else None
        kvk = self._scenario.organisation(kind.acted_for).kvk
        return Behaviour(self.world.wallet(kind.person), provider=chosen, kvk=kvk)

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
        return next((v for k, v in self.logins.items() if str(k).encode() == record.key), None)

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
            for output in await runner.process(stage, batch):
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
        if topic.reader == USER and record.value not in self._shown:
            self._shown.add(record.value)
            await self._show(record)

    def _verify(self, record: Record, owner: str, cause: str) -> None:
        """As the dienstverlener's client does."""
        try:
            outcome = verify(record, self._keys[owner], self.world.clock())
        except Untrusted as untrusted:
            self.publish(dead_letters.bury(record, untrusted.reason, self.world.clock()))
        else:
            self.read.append(Read(record, cause, self._verdict(outcome)))

    def _verdict(self, outcome: Assertion | Refusal) -> str:
        if isinstance(outcome, Refusal):
            return str(outcome.code)
        legal, kvk = outcome.legal_subject, outcome.intermediary
        (name,) = [o.name for o in self._scenario.organisations if is_of(o, legal)]
        through = [o.name for o in self._scenario.organisations if kvk and o.kvk == kvk]
        return " ".join(
            [f"assertion {outcome.level} for {name}", *(f"through {n}" for n in through)]
        )

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


# --- opening one


@dataclass(frozen=True)
class Files:
    """A founded network, as `sandbox.founding` made it. `prefix` is before the short names that
    tests use; `spare` as in World."""

    founded: Founded
    folders: Folders
    prefix: str = ""
    spare: Mapping[str, PrivateKey] = field(default_factory=dict)


@asynccontextmanager
async def opened(files: Files, scenario: Scenario, postgres: str) -> AsyncIterator[Relay]:
    """A relay in a database of its own, which is dropped with its users at the end. Users are
    shared by all databases of a Postgres: give its participants names that no other has."""
    clock, users = Clock(), [database_user(party.name) for party in scenario.parties]
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(_database(postgres, users))
        await seed(scenario, files.founded, dsn, clock())
        directory, folders = files.founded.directory, files.folders
        catalogue = Catalogue().with_entries(entries(scenario, clock()))
        keys = {
            p.name: Keys.load(folders.network, folders.secrets, p.name, lambda: catalogue)
            for p in directory.participants
        }
        runners = {}
        for participant in [p for p in directory.participants if p.role in BUILD]:
            runners |= await _runners(keys[participant.name], files, dsn, clock, stack)
        wallets, answering = files.founded.wallets, Answering(directory, folders.secrets)
        answering.codes = Codes(clock)
        world = World(directory, files.founded.secrets, wallets, clock, files.prefix, files.spare)
        yield Relay(world, scenario, keys, runners, answering)


@asynccontextmanager
async def _database(postgres: str, users: Sequence[str]) -> AsyncIterator[str]:
    """The DSN of a new database. What it commits need not outlive a power cut."""
    name, admin = f"relay_{secrets.token_hex(4)}", await database.connect(postgres)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        await admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        yield urlunsplit(urlsplit(postgres)._replace(path=f"/{name}"))
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        for user in users:
            await admin.execute(f'DROP ROLE IF EXISTS "{user}"')
        await admin.close()


async def _runners(
    keys: Keys, files: Files, dsn: str, clock: Clock, stack: AsyncExitStack
) -> dict[str, tuple[Runner, Stage]]:
    """A participant's runner, for each topic that it reads."""
    name, folders = keys.secrets.name, files.folders
    settings = Settings(kafka="", network=folders.network, secrets=folders.secrets)
    role = BUILD[keys.me.role](keys, settings)
    own = role_dsn(dsn, database_user(name), keys.secrets.database_password)
    pool = await database.pool(own, size=2)
    stack.push_async_callback(pool.close)
    runner = Runner(role, keys, Store(pool), clock)
    return {stage.topic.of(name): (runner, stage) for stage in role.stages}
