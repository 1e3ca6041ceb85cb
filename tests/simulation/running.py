"""One history, step by step: at each step somebody gets the turn, and whom it is the seed says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from pipeline import dead_letters
from pipeline.delivery import deliver, deliver_due
from pipeline.errors import RETRIABLE
from schemas.codec import Record, message_id
from schemas.topics import DLQ_SUFFIX, OUTCOMES
from tests.simulation import substitutes
from tests.simulation.actors import PROMPT_TOPICS, Actors
from tests.simulation.cast import Cast
from tests.simulation.deeds import Deeds
from tests.simulation.harming import Harming
from tests.simulation.kafka import Batch, Group, Topics
from tests.simulation.network import Clock, Process, Task, members
from tests.simulation.plan import Lie, Plan
from tests.simulation.points import Point, reach

Turn = tuple[Callable[[Any], None], Any]
TICK_US = 10_000
MOST_STEPS = 5_000
GRACE = timedelta(seconds=15)
"""After a deadline: a sweep, its publication, and once more what an earlier sweep left."""
_UNCONFIRMED = timedelta(seconds=6)


@dataclass(frozen=True)
class Published:
    """When a record of an outcome came onto its topic."""

    record: Record
    at: datetime


class Run:
    """One history. `story` gets a line for whatever happens, where it is given."""

    def __init__(self, cast: Cast, plan: Plan, story: list[str] | None = None) -> None:
        substitutes.chance.seed(plan.seed)
        self.cast, self.plan, self.story = cast, plan, story
        self.clock, self.seen = Clock(), Counter[str]()
        self.topics = Topics(self.clock.now)
        self.actors = Actors(cast, plan.logins, plan.seed)
        self.steps = 0
        self.current: Task | None = None
        self.members = members(
            cast, self.topics, self.clock, self._step, self._who, self._lie, self._busy
        )
        self.makelaar = self.members["duin"]
        self.broken: list[str] = []
        self.outcomes: list[Published] = []
        self.withdrawn: dict[Any, int] = {}
        self.appended: set[tuple[str, bytes]] = set()
        self.dead: dict[str, str] = {}
        self.picks: list[int] = []
        self._random = Random(f"{plan.seed}:turns")
        self.tasks: list[Task] = []
        self._deeds = Deeds(self, plan.deeds)
        self._prompts: list[Record] = []
        self._shown: set[bytes] = set()
        self.progress: Counter[bytes] = Counter()
        self._reached: Counter[Point] = Counter()
        self._faults = {(f.at, f.nth): f.harm for f in plan.faults}
        self._harming = Harming(self)
        self._input_ids: dict[tuple[str, bytes], UUID] = {}
        self.twice = False
        self.spread = timedelta()
        self.stands_still_until = 0

    # --- turns

    def play(self) -> Run:
        """Until nothing is left to do."""
        while self.steps < MOST_STEPS:
            turns = self._turns()
            if turns:
                self.steps += 1
                self.clock.us += TICK_US if self.steps > self.stands_still_until else 0
                turn, who = turns[self.pick(len(turns))]
                turn(who)
            elif not self._go_on():
                return self
        self.broken.append("1: it never ends")
        for task in self.tasks:
            task.work.close()
        return self

    def pick(self, count: int) -> int:
        given = self.plan.picks
        if given is None:
            found = int(self._random.random() * count)
        else:
            at = len(self.picks)
            found = given[at] % count if at < len(given) else 0
        self.picks.append(found)
        return found

    def _turns(self) -> list[Turn]:
        """Everybody who may go next, and what he would do."""
        turns: list[Turn] = [(self.advance, task) for task in self.tasks if task.is_runnable]
        if self.topics.lagging:
            lagging = list(self.topics.lagging.values())
            turns += [(self._poll, group) for group in lagging if group.reader()]
        turns += [(self._answer, prompt) for prompt in self._prompts]
        turns += [(self._deeds.do, deed) for deed in self._deeds.ready()]
        turns += [(self._harming.come_back, process) for process in self._harming.away]
        if self._may_sweep():
            turns += [(self._sweep, process) for process in self._sweepers()]
        return turns

    def _may_sweep(self) -> bool:
        """A quick look, before a closer one: whether anything is due by any clock."""
        ledger = self.makelaar.ledger
        return bool(ledger.unconfirmed) or self.clock.us + self._spread_us >= ledger.next_due_us

    def _sweepers(self) -> list[Process]:
        """Those who would find something to do."""
        ledger, now = self.makelaar.ledger, self.clock.now()
        left = any(ledger.inputs[id_].handled_at + _UNCONFIRMED < now for id_ in ledger.unconfirmed)
        due = ledger.next_due
        idle = [process for process in self.makelaar.live if not process.sweeps]
        return [p for p in idle if left or (due is not None and due <= p.now())]

    @property
    def _spread_us(self) -> float:
        return self.spread.total_seconds() * 1e6 if self.spread else 0.0

    def _go_on(self) -> bool:
        """Nobody has anything to do: what waits for something is done now, then time goes on."""
        if self._deeds.hasten():
            return True
        due, now = self.makelaar.ledger.next_due, self.clock.now()
        if self.makelaar.ledger.unconfirmed:
            self.clock.move_to(now + _UNCONFIRMED)
            return True
        if due is None or due + self.spread + timedelta(hours=1) < now:
            return False
        self.clock.move_to(max(due + self.spread, now + timedelta(milliseconds=100)))
        return True

    # --- tasks

    def start(self, what: str, process: Process | None, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(Task(what, process, work))

    def advance(self, task: Task, error: Exception | None = None) -> None:
        self.current = task
        try:
            task.at = task.work.throw(error) if error else task.work.send(None)
        except StopIteration:
            self.end(task)
        except Exception as raised:
            self.end(task)
            self._broke(task, raised)
        else:
            if isinstance(task.at, Point):
                self._reach(task, task.at)

    def end(self, task: Task) -> None:
        if task in self.tasks:
            self.tasks.remove(task)

    def _broke(self, task: Task, error: Exception) -> None:
        """What the runner does not catch ends its process; a sweep is tried again."""
        self.tell(f"{task.name} broke off: {type(error).__name__}")
        if task.process is not None and task.what != "deadline":
            self.broken.append(f"{task.name} raised {error!r}")
            self._harming.crash(task.process)

    def _reach(self, task: Task, point: Point) -> None:
        self._reached[point] += 1
        self.tell(f"{task.name}: {point}")
        harm = self._faults.get((point, self._reached[point]))
        if harm is not None and task.process is not None:
            self._harming.strike(task, task.process, harm, point)

    def _step(self) -> int:
        return self.steps

    def _who(self) -> str:
        return self.current.what if self.current else "nobody"

    def _lie(self, request_id: UUID) -> Lie | None:
        login = self.actors.of(str(request_id).encode())
        return login.lie if login else None

    def _busy(self, key: bytes) -> bool:
        """Whether it waits too long this time: read again, it may not."""
        login = self.actors.of(key)
        return login is not None and login.busy and self.steps % 2 == 0

    # --- consuming

    def _poll(self, group: Group) -> None:
        process = group.reader()
        if process is not None:
            batch = group.poll(process, 1 + self.pick(3))
            places = ", ".join(record.position for record in batch.records)
            self.tell(f"{process.name} reads {group.topic} {places}")
            self.start(group.stage.topic.name, process, self._consume(process, batch))

    async def _consume(self, process: Process, batch: Batch) -> None:
        stage = batch.group.stage
        await deliver(
            lambda: process.runner.process(stage, batch.records),
            self._publish,
            lambda: self._commit(batch),
        )
        batch.group.busy.discard(process)
        await reach(Point.OFFSETS_COMMITTED)

    async def _publish(self, records: Sequence[Record]) -> None:
        """In the order of each partition; which one first, is chosen."""
        for record in self._ordered(records):
            await reach(Point.PUBLISH)
            for _ in range(2 if self.twice else 1):
                self.append(record)
            self.twice = False
        await reach(Point.PUBLISHED)

    def _ordered(self, records: Sequence[Record]) -> list[Record]:
        if len(records) < 2 or self.pick(2) == 0:
            return list(records)
        last = {(record.topic, record.key): n for n, record in enumerate(records)}
        return sorted(records, key=lambda record: -last[record.topic, record.key])

    async def _commit(self, batch: Batch) -> None:
        if not batch.group.commit(batch):
            self.seen["commit refused"] += 1
            self.tell(f"  the commit of {batch.group.topic} is refused")
            return
        for record in batch.records:
            fault = self.unsettled(record)
            if fault is not None:
                self.broken.append(
                    f"10: offset of {record.topic} {record.position} committed: {fault}"
                )

    def unsettled(self, record: Record) -> str | None:
        """Why an input is not settled: neither dead-lettered, nor handled and all of it sent."""
        if f"{record.topic}:{record.position}" in self.dead:
            return None
        owner = record.topic.rsplit(".", 1)[1]
        id_ = self.input_id(record.topic, record.value)
        stored = self.members[owner].ledger.inputs.get(id_)
        if stored is None:
            return "its input was not handled"
        if stored.handled.position not in (None, record.position):
            return None
        missing = [
            r.topic for r in stored.handled.outputs if (r.topic, r.value) not in self.appended
        ]
        return f"nothing was sent on {', '.join(missing)}" if missing else None

    def input_id(self, topic: str, value: bytes) -> UUID:
        found = self._input_ids.get((topic, value))
        if found is None:
            found = self._input_ids[topic, value] = message_id(topic, value.decode())
        return found

    # --- appending

    def append(self, record: Record) -> None:
        placed = self.topics.append(record)
        self.tell(f"    -> {placed.topic} {placed.position}")
        self.appended.add((record.topic, record.value))
        self.progress[record.key] += 1
        kind = record.topic.partition(".")[0]
        if record.topic.endswith(DLQ_SUFFIX):
            letter = dead_letters.exhume(record)
            self.dead[letter.origin] = letter.reason
            self.seen[f"dead letter: {letter.reason}"] += 1
        elif kind == OUTCOMES.name:
            self.outcomes.append(Published(placed, self.clock.now()))
        elif kind in PROMPT_TOPICS and record.value not in self._shown:
            self._shown.add(record.value)
            self._prompts.append(record)

    def _answer(self, prompt: Record) -> None:
        self._prompts.remove(prompt)
        for record in self.actors.answers(prompt, self.clock.now()):
            self.tell(f"the user answers {prompt.topic}")
            self.append(record)

    # --- sweeping

    def _sweep(self, process: Process) -> None:
        process.sweeps = True
        self.tell(f"{process.name} sweeps")
        self.start("deadline", process, self._sweeping(process))

    async def _sweeping(self, process: Process) -> None:
        try:
            await deliver_due(process.runner, self._publish)
        except RETRIABLE:
            self.seen["sweep failed"] += 1
        finally:
            process.sweeps = False

    # --- telling

    def tell(self, text: str) -> None:
        if self.story is not None:
            self.story.append(text)
