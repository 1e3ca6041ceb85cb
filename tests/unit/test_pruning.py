"""When a role forgets what is old, and how often it asks whether there is any."""

from datetime import timedelta
from typing import cast

from pipeline.pruning import REST_SECONDS, Pruning
from pipeline.runner import Runner

KEEP, CLAIMS = timedelta(hours=48), timedelta(days=366)


class Kept:
    """In a runner's place: so many rounds there is something old."""

    def __init__(self, rounds: int) -> None:
        self.left, self.asked = rounds, 0

    async def prune(self, keep: timedelta, keep_claims: timedelta) -> bool:
        assert (keep, keep_claims) == (KEEP, CLAIMS)
        self.asked, self.left = self.asked + 1, self.left - 1
        return self.left >= 0


async def test_each_sweep_forgets_while_something_old_is_left_and_then_rests() -> None:
    kept, now = Kept(rounds=2), [0.0]
    pruning = Pruning(cast(Runner, kept), KEEP, CLAIMS, lambda: now[0])
    for asked in (1, 2, 3, 3, 3):
        await pruning.prune()
        assert kept.asked == asked
    now[0] = REST_SECONDS - 1
    await pruning.prune()
    assert kept.asked == 3
    now[0] = REST_SECONDS
    await pruning.prune()
    await pruning.prune()
    assert kept.asked == 4
