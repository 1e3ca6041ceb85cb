"""One history, step by step: at each step somebody gets the turn, and whom it is the seed says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from pipeline import dead_letters
from pipeline.delivery import deliver, deliver_due
from pipeline.errors import RETRIABLE
from pipeline.ledger import Conflict
from schemas import codec
from schemas.codec import Record, message_id
from schemas.messages import Outcome
from schemas.topics import AUTHN_REQUESTS, DLQ_SUFFIX, OUTCOMES
from tests.simulation import substitutes, tables
from tests.simulation.actors import PROMPT_TOPICS, Actors
from tests.simulation.cast import BY_NAME, LINK, Cast
from tests.simulation.kafka import Batch, Group, Topics
from tests.simulation.memory import MemorySession
from tests.simulation.network import Clock, Member, Process, Task, members
from tests.simulation.plan import Deed, Doing, Harm, Plan
from tests.simulation.points import Point, reach

Turn = tuple[Callable[[Any], None], Any]
TICK_US = 10_000
MOST_STEPS = 5_000
GRACE = timedelta(seconds=15)
"""After a deadline: a sweep, its publication, and once more what an earlier sweep left."""
_UNCONFIRMED = timedelta(seconds=6)
_STANDSTILL = 40
"""Steps for which a clock that was moved stays where it is: a great deal happens in one instant."""
_STARTING = AUTHN_REQUESTS.name
"""While a login is being started, its deadline is not known, and no clock moves to another's."""


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
        self.clock, self.topics, self.seen = Clock(), Topics(), Counter[str]()
        self.actors = Actors(cast, plan.logins, plan.seed)
        self.steps = 0
        self.current: Task | None = None
        self.members = members(cast, self.topics, self.clock, self._step, self._who)
        self.makelaar = self.members["duin"]
        self.broken: list[str] = []
        self.outcomes: list[Published] = []
        self.withdrawn: dict[Any, int] = {}
        self.appended: set[tuple[str, bytes]] = set()
        self.dead: dict[str, str] = {}
        self.picks: list[int] = []
        self._random = Random(f"{plan.seed}:turns")
        self._tasks: list[Task] = []
        self._deeds = list(plan.deeds)
        self._prompts: list[Record] = []
        self._shown: set[bytes] = set()
        self._progress: Counter[bytes] = Counter()
        self._reached: Counter[Point] = Counter()
        self._faults = {(f.at, f.nth): f.harm for f in plan.faults}
        self._away: list[Process] = []
        self._input_ids: dict[tuple[str, bytes], UUID] = {}
        self._twice = False
        self._spread = timedelta()
        self._stands_still_until = 0

    # --- turns

    def play(self) -> Run:
        """Until nothing is left to do."""
        while self.steps < MOST_STEPS:
            turns = self._turns()
            if turns:
                self.steps += 1
                self.clock.us += TICK_US if self.steps > self._stands_still_until else 0
                turn, who = turns[self._pick(len(turns))]
                turn(who)
            elif not self._go_on():
                return self
        self.broken.append("1: it never ends")
        for task in self._tasks:
            task.work.close()
        return self

    def _pick(self, count: int) -> int:
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
        turns: list[Turn] = [(self._advance, task) for task in self._tasks if task.is_runnable]
        if self.topics.lagging:
            lagging = list(self.topics.lagging.values())
            turns += [(self._poll, group) for group in lagging if group.reader()]
        turns += [(self._answer, prompt) for prompt in self._prompts]
        turns += [(self._do, deed) for deed in self._deeds if self._is_ready(deed)]
        turns += [(self._come_back, process) for process in self._away]
        if self._may_sweep():
            turns += [(self._sweep, process) for process in self._sweepers()]
        return turns

    def _is_ready(self, deed: Deed) -> bool:
        key = self._key(deed)
        if key is None:  # its login was left out
            return True
        if self._progress[key] < deed.after:
            return False
        at_work = {task.what for task in self._tasks}
        if deed.doing is Doing.CLOCK and _STARTING in at_work:
            return False
        return not deed.amid or not _AMID[deed.doing].isdisjoint(at_work)

    def _key(self, deed: Deed) -> bytes | None:
        id_ = self.actors.ids.get(deed.login)
        return None if id_ is None else str(id_).encode()

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
        return self._spread.total_seconds() * 1e6 if self._spread else 0.0

    def _go_on(self) -> bool:
        """Nobody has anything to do: what waits for something is done now, then time goes on."""
        if self._deeds:
            self._deeds = [_at_once(deed) for deed in self._deeds]
            return True
        due, now = self.makelaar.ledger.next_due, self.clock.now()
        if self.makelaar.ledger.unconfirmed:
            self.clock.move_to(now + _UNCONFIRMED)
            return True
        if due is None or due + self._spread + timedelta(hours=1) < now:
            return False
        self.clock.move_to(max(due + self._spread, now + timedelta(milliseconds=100)))
        return True

    # --- tasks

    def _start(self, what: str, process: Process | None, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(Task(what, process, work))

    def _advance(self, task: Task, error: Exception | None = None) -> None:
        self.current = task
        try:
            task.at = task.work.throw(error) if error else task.work.send(None)
        except StopIteration:
            self._end(task)
        except Exception as raised:
            self._end(task)
            self._broke(task, raised)
        else:
            if isinstance(task.at, Point):
                self._reach(task, task.at)

    def _end(self, task: Task) -> None:
        if task in self._tasks:
            self._tasks.remove(task)

    def _broke(self, task: Task, error: Exception) -> None:
        """What the runner does not catch ends its process; a sweep is tried again."""
        self.tell(f"{task.name} broke off: {type(error).__name__}")
        if task.process is not None and task.what != "deadline":
            self.broken.append(f"{task.name} raised {error!r}")
            self._crash(task.process)

    def _reach(self, task: Task, point: Point) -> None:
        self._reached[point] += 1
        self.tell(f"{task.name}: {point}")
        harm = self._faults.get((point, self._reached[point]))
        if harm is not None and task.process is not None:
            self._strike(task, task.process, harm, point)

    def _step(self) -> int:
        return self.steps

    def _who(self) -> str:
        return self.current.what if self.current else "nobody"

    # --- faults

    def _strike(self, task: Task, process: Process, harm: Harm, point: Point) -> None:
        self.seen[f"{harm.name.lower()} {point}"] += 1
        self.tell(f"  !! {process.name}: {harm}")
        member = self.members[process.participant]
        match harm:
            case Harm.CRASH:
                self._crash(process)
            case Harm.HANG:
                process.is_hung = True
                self._away.append(process)
                member.share()
            case Harm.REBALANCE:
                member.share(shift=1)
            case Harm.OFFSETS_LOST:
                for group in member.groups:
                    group.forget()
            case Harm.TWICE:
                self._twice = True
            case Harm.LOST_ANSWER:
                self._advance(task, ConnectionResetError("the database does not answer"))

    def _crash(self, process: Process) -> None:
        process.is_up, process.is_hung, process.sweeps = False, False, False
        for task in [each for each in self._tasks if each.process is process]:
            self._end(task)
            task.work.close()
        member = self.members[process.participant]
        for group in member.groups:
            group.busy.discard(process)
        member.share()
        if process not in self._away:
            self._away.append(process)

    def _come_back(self, process: Process) -> None:
        self._away.remove(process)
        self.tell(f"{process.name} is back")
        process.is_up, process.is_hung = True, False
        self.members[process.participant].share()

    # --- consuming

    def _poll(self, group: Group) -> None:
        process = group.reader()
        if process is not None:
            batch = group.poll(process, 1 + self._pick(3))
            places = ", ".join(record.position for record in batch.records)
            self.tell(f"{process.name} reads {group.topic} {places}")
            self._start(group.stage.topic.name, process, self._consume(process, batch))

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
            for _ in range(2 if self._twice else 1):
                self.append(record)
            self._twice = False
        await reach(Point.PUBLISHED)

    def _ordered(self, records: Sequence[Record]) -> list[Record]:
        if len(records) < 2 or self._pick(2) == 0:
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
        self._progress[record.key] += 1
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
        self._start("deadline", process, self._sweeping(process))

    async def _sweeping(self, process: Process) -> None:
        try:
            await deliver_due(process.runner, self._publish)
        except RETRIABLE:
            self.seen["sweep failed"] += 1
        finally:
            process.sweeps = False

    # --- deeds

    def _do(self, deed: Deed) -> None:
        self._deeds.remove(deed)
        if deed.login not in self.actors.logins:
            return
        self.tell(f"login {deed.login}: {deed.doing}")
        self.seen[f"deed: {deed.doing}"] += 1
        match deed.doing:
            case Doing.REQUEST | Doing.ANEW:
                now, anew = self.clock.now(), deed.doing is Doing.ANEW
                self.append(self.actors.request(deed.login, now, anew=anew))
            case Doing.AGAIN:
                record = self.actors.again(deed.login)
                if record is not None:
                    self.append(record)
            case Doing.CANCEL:
                self.append(self.actors.cancellation(deed.login, self.clock.now()))
            case Doing.CLOCK:
                self._to_deadline(deed)
            case Doing.SKEW:
                self._set_clock(deed)
            case _:
                self._withdraw(deed)

    def _to_deadline(self, deed: Deed) -> None:
        """Never so far that others' outcomes would be late only because nobody had a turn."""
        waiting = self._awaited_until()
        row = waiting.get(self.actors.ids[deed.login])
        if row is not None:
            to = row + timedelta(milliseconds=deed.number)
            self.clock.move_to(min(to, min(waiting.values()) + timedelta(seconds=1)))
            self._stands_still_until = self.steps + _STANDSTILL
            self.tell(f"  it is {self.clock.now():%H:%M:%S.%f}, the deadline {row:%H:%M:%S.%f}")

    def _awaited_until(self) -> dict[UUID, datetime]:
        """The deadlines of logins without a published outcome."""
        told = {codec.unverified(o.record.value.decode(), Outcome).request for o in self.outcomes}
        model, rows = self.cast.roles["duin"].row, self.makelaar.ledger.rows
        logins = [model.model_validate_json(row.body) for row in rows.values()]
        return {each.request_id: each.deadline for each in logins if each.request not in told}

    def _set_clock(self, deed: Deed) -> None:
        every = [process for member in self.members.values() for process in member.processes]
        process = every[self._pick(len(every))]
        process.offset = timedelta(seconds=deed.number)
        self._spread = max(self._spread, 2 * abs(process.offset))
        self.tell(f"  the clock of {process.name} is {deed.number} s off")

    @property
    def spread(self) -> timedelta:
        """How far two clocks of this history may differ."""
        return self._spread

    def _withdraw(self, deed: Deed) -> None:
        player = BY_NAME[self.actors.logins[deed.login].player]
        if deed.doing is Doing.WITHDRAW_LINK:
            self._start("withdrawal", None, self._withdrawing(self.members["pier"], LINK))
        elif player.held:
            key = player.held[deed.number % len(player.held)]
            registry = self.members[player.registry]
            self._start("withdrawal", None, self._withdrawing(registry, key))

    async def _withdrawing(self, registry: Member, key: Any) -> None:
        """Until it is written; then it is answered."""
        ledger = registry.ledger
        while ledger.tables[key].withdrawn_at is None:
            try:
                await tables.withdraw(MemorySession(ledger), key, self.clock.now())
            except (Conflict, *RETRIABLE):
                self.seen["withdrawal tried again"] += 1
        self.withdrawn[key] = min(self.withdrawn.get(key, self.steps), self.steps)
        self.tell(f"  answered: {key[0]} is withdrawn")

    # --- telling

    def tell(self, text: str) -> None:
        if self.story is not None:
            self.story.append(text)


def _at_once(deed: Deed) -> Deed:
    return replace(deed, after=0, amid=False)


_RESULTS = {"authentication-results", "mandate-decisions", "confirmations", "means-choices"}
_DECISIONS = {"mandate-queries", "representation-choices", "confirmation-queries"}
_ANYTHING = {*_RESULTS, *_DECISIONS, "authn-requests", "signature-answers"}
_AMID = {
    **dict.fromkeys(Doing, _ANYTHING),
    Doing.CANCEL: {*_RESULTS, "authn-requests", "deadline"},
    Doing.WITHDRAW: _DECISIONS,
    Doing.WITHDRAW_LINK: {"confirmation-queries"},
}
"""What somebody has to be in the middle of."""
