"""What happens to workers: they die, hang, lose their partitions, and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.network import Process, Task
from tests.simulation.plan import Harm
from tests.simulation.points import Point

if TYPE_CHECKING:
    from tests.simulation.running import Run


class Harming:
    """The faults of one history. `away`: processes that are not there now, and may come back."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.away: list[Process] = []

    def strike(self, task: Task, process: Process, harm: Harm, point: Point) -> None:
        self.run.seen[f"{harm.name.lower()} {point}"] += 1
        self.run.tell(f"  !! {process.name}: {harm}")
        member = self.run.members[process.participant]
        match harm:
            case Harm.CRASH:
                self.crash(process)
            case Harm.HANG:
                process.is_hung = True
                self.away.append(process)
                member.share()
            case Harm.REBALANCE:
                member.share(shift=1)
            case Harm.OFFSETS_LOST:
                for group in member.groups:
                    group.forget()
            case Harm.TWICE:
                self.run.twice = True
            case Harm.LOST_ANSWER:
                self.run.advance(task, ConnectionResetError("the database does not answer"))

    def crash(self, process: Process) -> None:
        process.is_up, process.is_hung, process.sweeps = False, False, False
        for task in [each for each in self.run.tasks if each.process is process]:
            self.run.end(task)
            task.work.close()
        member = self.run.members[process.participant]
        for group in member.groups:
            group.busy.discard(process)
        member.share()
        if process not in self.away:
            self.away.append(process)

    def come_back(self, process: Process) -> None:
        self.away.remove(process)
        self.run.tell(f"{process.name} is back")
        process.is_up, process.is_hung = True, False
        self.run.members[process.participant].share()
