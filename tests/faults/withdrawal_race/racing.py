"""One race, from the founding of its network to its judgement."""

from __future__ import annotations

from pathlib import Path

from sandbox.network import RoleFailed
from sandbox.servers import Servers
from tests.faults.withdrawal_race.ground import dsn, ground
from tests.faults.withdrawal_race.judging import Judged, judge
from tests.faults.withdrawal_race.playing import player, progress

AT_ONCE = 10


async def race(
    servers: Servers,
    folder: Path,
    *,
    withdrawals: int,
    workers: int = 3,
    seed: int = 1,
    broken: bool = False,
    at_once: int = AT_ONCE,
) -> Judged:
    """Race on servers that run. Raises TimeoutError: the registry did not answer; RoleFailed."""
    standing = ground(servers, folder, withdrawals, seed, workers=workers, guarded_=not broken)
    async with standing as there, player(there, seed) as playing:
        thrown = await playing.play(at_once, progress(withdrawals))
        if not all(each.is_running for each in there.network.roles):
            raise RoleFailed("a worker ended: this was no race of as many as were started")
        return await judge(dsn(there.network), thrown)
