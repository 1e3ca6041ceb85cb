"""Apache Kafka itself, of one node or of three, and the handles to hurt it.

cluster = await started(folder, brokers=3, jars=JARS, progress=print, stack=stack)
victim = await cluster.controller()
await cluster.kill(victim)
await cluster.start(victim)  # returns when it has every message again

Nothing is synced to the disk per message: that is Kafka's default, and compose.yaml's. A message
that was acknowledged is in the page cache of two nodes at least. That survives the death of every
process, so that killing all three at once loses nothing; the loss of power at all three would.
"""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sandbox import kafka, node, ports
from sandbox.java import Kafka, installed
from sandbox.node import COPIES, Node
from sandbox.processes import until_ready

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.05


@dataclass
class Cluster:
    """A running Kafka. Its nodes are called 1, 2, ...; each keeps its port and its data."""

    nodes: dict[int, Node]
    programs: Kafka

    @property
    def address(self) -> str:
        """All nodes' addresses, for clients: "127.0.0.1:PORT,..."."""
        return ",".join(each.address for each in self.nodes.values())

    @property
    def copies(self) -> int:
        """How many copies of a partition there can be."""
        return min(COPIES, len(self.nodes))

    @property
    def answering(self) -> frozenset[int]:
        """The nodes that run and are not paused."""
        return frozenset(each.id for each in self.nodes.values() if each.is_answering)

    async def kill(self, *ids: int) -> None:
        """SIGKILL, all at the same time. Clients see their connections closed at once; the cluster
        gives the partitions to others after 9 s (broker.session.timeout.ms)."""
        await asyncio.gather(*(node.kill(self.nodes[id_]) for id_ in ids))

    async def kill_all(self) -> None:
        """SIGKILL to every node that runs."""
        await self.kill(*(each.id for each in self.nodes.values() if each.is_running))

    async def start(self, *ids: int) -> None:
        """Start nodes that do not run, on the data and ports that they had.

        Returns when they are in sync: every partition has a leader, and those of its copies that
        are on nodes that answer have all of it. More than half of the nodes must answer for that.
        Raises: ServerFailed.
        """
        for id_ in ids:
            if not self.nodes[id_].is_running:
                await node.start(self.nodes[id_], self._all, self.programs)
        await self._until_ready(ids, self._is_in_sync)

    async def start_all(self) -> None:
        """Start every node that does not run. Raises: ServerFailed."""
        await self.start(*(each.id for each in self._all if not each.is_running))

    def pause(self, id_: int) -> None:
        """SIGSTOP: connections stay open and nothing answers, as with a machine that hangs."""
        node.signal_to(self.nodes[id_], signal.SIGSTOP)

    def resume(self, id_: int) -> None:
        """SIGCONT. `in_sync` waits until the node has caught up."""
        node.signal_to(self.nodes[id_], signal.SIGCONT)

    async def in_sync(self) -> None:
        """Return when every node that answers is in sync, as `start` does.

        Raises: TimeoutError.
        """
        async with asyncio.timeout(_PATIENCE_SECONDS):
            for id_ in sorted(self.answering):
                while not await self._is_in_sync(self.nodes[id_]):
                    await asyncio.sleep(_PAUSE_SECONDS)

    def disk_full(self, id_: int) -> None:
        """No file of a node grows any more (RLIMIT_FSIZE): every write fails, as on a full disk,
        but with EFBIG instead of ENOSPC. Kafka gives the folder up, and the node ends by itself;
        `start` gives it room again."""
        node.forbid_writes(self.nodes[id_])

    async def has_ended(self, id_: int) -> None:
        """Return when a node has ended by itself. Raises: TimeoutError."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while self.nodes[id_].is_running:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def controller(self) -> int:
        """The node that is the active controller: the newest leader of whom most nodes know.

        Waits for an election that goes on. Raises: TimeoutError.
        """
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while (leader := await asyncio.to_thread(self._elected)) is None:
                await asyncio.sleep(_PAUSE_SECONDS)
        return leader

    def _elected(self) -> int | None:
        votes = [self.nodes[id_].vote() for id_ in self.answering]
        newest = max(votes, default=(-1, -1))
        agreed = 2 * votes.count(newest) > len(self.nodes)
        return newest[1] if agreed and newest[1] in self.answering else None

    async def leads(self) -> Counter[int]:
        """How many partitions each node leads. One that was started again leads none until Kafka
        balances them (every 5 minutes), or another one ends."""
        told = await kafka.leaders(self.nodes[min(self.answering)].address)
        return Counter(dict.fromkeys(self.nodes, 0)) + Counter(told)

    async def busiest(self) -> int:
        """The node that leads most partitions: the one whose end is felt most."""
        return (await self.leads()).most_common(1)[0][0]

    async def stop(self) -> None:
        """Stop every node that runs, in peace."""
        await asyncio.gather(*(node.stop_in_peace(each, self.programs) for each in self._all))

    @property
    def _all(self) -> Sequence[Node]:
        return list(self.nodes.values())

    async def _is_in_sync(self, asked: Node) -> bool:
        return await kafka.is_in_sync(asked.address, self.answering)

    async def can_be_used(self) -> None:
        """Return when topics with all their copies can be made, and groups have a coordinator."""
        await self._until_ready(sorted(self.nodes)[:1], self._answers)

    async def _answers(self, asked: Node) -> bool:
        return await kafka.can_be_used(asked.address, self.copies)

    async def _until_ready(
        self, ids: Sequence[int], answers: Callable[[Node], Awaitable[bool]]
    ) -> None:
        """Each of these nodes is asked itself: it knows what happened to it."""
        for each in (self.nodes[id_] for id_ in ids):
            answering = partial(answers, each)
            await until_ready(self._name(each), each.running(), each.log_file, answering)

    def _name(self, each: Node) -> str:
        return "Kafka" if len(self.nodes) == 1 else f"Kafka node {each.id}"


async def started(
    folder: Path,
    *,
    jars: Path,
    progress: Callable[[str], None],
    stack: AsyncExitStack,
    brokers: int = 1,
) -> Cluster:
    """Start a Kafka with its data in `folder`, and stop it when `stack` closes.

    Raises: ServerFailed.
    """
    programs = await installed(jars, progress)
    began = time.monotonic()
    cluster = Cluster(_nodes(folder, brokers), programs)
    progress(f"starting Kafka on {cluster.address}")
    stack.push_async_callback(cluster.stop)
    await cluster.start_all()
    await cluster.can_be_used()
    progress(f"Kafka is ready ({time.monotonic() - began:.1f} s)")
    return cluster


def _nodes(folder: Path, count: int) -> dict[int, Node]:
    free = ports.free(2 * count)
    folders = [folder] if count == 1 else [folder / str(id_) for id_ in range(1, count + 1)]
    return {
        id_: Node(id_, free[2 * id_ - 2], free[2 * id_ - 1], folders[id_ - 1])
        for id_ in range(1, count + 1)
    }
