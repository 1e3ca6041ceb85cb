"""What came of each login: every outcome on every outcomes topic, verified by the client library,
and judged by what was expected."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError

from dienstverlener import Assertion, Refusal
from dienstverlener.verify import verify
from pipeline.beside import beside
from pipeline.kafka import started
from pipeline.keys import Keys
from sandbox.expecting import Known, differs
from sandbox.scenario import Expected, Scenario
from schemas.codec import Record, Untrusted
from schemas.refusals import RefusalCode
from schemas.topics import OUTCOMES

LATE_BY_SECONDS = 5.0
"""An outcome may be so much later than its deadline: a sweep, and publishing."""
_AGAIN_SECONDS = 0.5
MISSED_SECONDS = 10.0
"""And so much later where workers die: until another one has what they had."""


@dataclass(frozen=True)
class Sent:
    """A request that Kafka has: what must come of it, and until when."""

    request_id: UUID
    kind: str
    expect: Expected
    at: float
    deadline: float


@dataclass(frozen=True)
class Found:
    """One distinct outcome: where it is first, when it was published, and what it comes to."""

    place: str
    at: float
    outcome: Assertion | Refusal | str


@dataclass(frozen=True)
class Violation:
    """What is wrong with a login."""

    request_id: UUID
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.request_id} ({self.kind}): {self.what}"


@dataclass(frozen=True)
class Allowed:
    """What a fault may turn logins into.

    codes    refusals that may come in the place of what was expected
    faults   why an outcome may not be believed (yet) by who reads it
    kinds    logins that may come to another assertion: a session that is not known is no end
    share    of how many logins at most
    late_by  by how many seconds outcomes may be late
    apart    and by how many the clocks are
    """

    codes: frozenset[RefusalCode] = frozenset()
    faults: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    share: float = 0.0
    late_by: float = LATE_BY_SECONDS
    apart: float = 1.0


WORKERS_DIE = Allowed(late_by=LATE_BY_SECONDS + MISSED_SECONDS)


@dataclass
class Verdict:
    """What a fault led to. `turned`: into what it may turn them."""

    logins: int = 0
    outcomes: int = 0
    repeats: int = 0
    turned: int = 0
    latest: float = 0.0
    violations: list[Violation] = field(default_factory=list)


class Outcomes:
    """Every outcome from the start of the run on."""

    def __init__(self, scenario: Scenario, keys: Mapping[str, Keys]) -> None:
        self._known, self._keys = Known(scenario), keys
        self.found: dict[UUID, dict[bytes, Found]] = defaultdict(dict)
        self.records = 0
        self._news = asyncio.Condition()

    @asynccontextmanager
    async def reading(self, kafka: str) -> AsyncIterator[None]:
        """Read from now on, and go on through whatever happens to Kafka."""
        topics = [OUTCOMES.of(name) for name in self._keys]
        consumer = AIOKafkaConsumer(
            *topics, bootstrap_servers=kafka, isolation_level="read_committed"
        )
        async with started(kafka, consumer), beside(self._read(consumer)):
            yield

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                batches = await consumer.getmany(timeout_ms=500)
            except KafkaError:
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            async with self._news:
                for raw in (raw for batch in batches.values() for raw in batch):
                    self._take(raw)
                self._news.notify_all()

    def _take(self, raw: ConsumerRecord) -> None:
        self.records += 1
        of_this = self.found[UUID(raw.key.decode())]
        digest = sha256(raw.value).digest()
        if digest not in of_this:
            place = f"{raw.topic}:{raw.partition}:{raw.offset}"
            of_this[digest] = Found(place, raw.timestamp / 1000, self._verified(raw))

    def _verified(self, raw: ConsumerRecord) -> Assertion | Refusal | str:
        headers = tuple((name, value or b"") for name, value in raw.headers)
        record = Record(raw.topic, raw.key, raw.value, headers, f"{raw.partition}:{raw.offset}")
        at = datetime.fromtimestamp(raw.timestamp / 1000, UTC)
        try:
            return verify(record, self._keys[raw.topic.partition(".")[2]], at)
        except Untrusted as untrusted:
            return untrusted.reason

    async def first(self, request_id: UUID, seconds: float) -> Found:
        """The first outcome of a login. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(lambda: bool(self.found.get(request_id)))
            return next(iter(self.found[request_id].values()))

    async def settled(self, sent: Iterable[Sent], late_by: float) -> None:
        """Return when each has an outcome, or should have had it."""
        waiting = list(sent)
        while waiting:
            now = time.time()
            waiting = [
                each
                for each in waiting
                if not self.found.get(each.request_id) and now < each.deadline + late_by + 2
            ]
            await asyncio.sleep(0.2)

    # --- judging

    def judge(self, sent: Sequence[Sent], allowed: Allowed) -> Verdict:
        """Every login: one distinct outcome, the expected one, in time."""
        verdict = Verdict(logins=len(sent))
        for each in sent:
            self._judge_one(each, allowed, verdict)
        if verdict.turned > allowed.share * len(sent):
            what = f"{verdict.turned} of {len(sent)} logins were turned into {allowed.codes}"
            verdict.violations.append(Violation(UUID(int=0), "all", what))
        return verdict

    def _judge_one(self, sent: Sent, allowed: Allowed, verdict: Verdict) -> None:
        found = list(self.found.get(sent.request_id, {}).values())
        verdict.outcomes += len(found)

        def wrong(what: str) -> None:
            verdict.violations.append(Violation(sent.request_id, sent.kind, what))

        if len(found) != 1:
            places = ", ".join(each.place for each in found) or "nowhere"
            wrong(f"{len(found)} distinct outcomes: {places}")
            return
        late = found[0].at - sent.deadline
        verdict.latest = max(verdict.latest, late)
        if late > allowed.late_by:
            wrong(f"{late:.1f} s after its deadline: {found[0].place}")
        if _is_turned(found[0], sent, allowed):
            verdict.turned += 1
        elif unlike := self._unlike(found[0], sent):
            wrong(f"{unlike} instead of {_text(sent.expect)}: {found[0].place}")

    def _unlike(self, found: Found, sent: Sent) -> str:
        if isinstance(found.outcome, str):
            return f"untrusted ({found.outcome})"
        return ", ".join(differs(sent.expect, found.outcome, self._known))


def _is_turned(found: Found, sent: Sent, allowed: Allowed) -> bool:
    match found.outcome:
        case Refusal(code=code):
            return code in allowed.codes and code is not sent.expect.refusal
        case str() as fault:
            return fault in allowed.faults
    return sent.kind in allowed.kinds


def _text(expect: Expected) -> str:
    return str(expect.refusal or f"assertion {expect.assertion}")
