"""Everybody who takes part in a run from outside, connected to the network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from loadtest.asking import Asking
from loadtest.crowd import Crowd
from loadtest.ground import Ground
from loadtest.lag import Lags
from loadtest.wire import Wire
from pipeline.catalogue import Follower
from pipeline.keys import Keys, Trust, scheme_key
from sandbox.founding import wallets_of
from schemas.catalogue import Catalogue


@dataclass(frozen=True)
class Connected:
    """Who asks (by the dienstverlener's name), who answers, and how Kafka is reached."""

    asking: Mapping[str, Asking]
    crowd: Crowd
    wire: Wire
    lags: Lags


@asynccontextmanager
async def connected(ground: Ground) -> AsyncIterator[Connected]:
    """Raises ServerUnreachable; WrongUse where the scenario is not this network's."""
    kafka, network = ground.settings.kafka, ground.settings.network
    directory = Trust(network).directory
    wallets = {each.person: each for each in wallets_of(ground.folders).people}
    crowd = Crowd(ground.scenario, directory, ground.settings.secrets, wallets)
    async with AsyncExitStack() as stack:
        follower = await stack.enter_async_context(Follower.following(kafka, scheme_key(network)))
        asking = _asking(ground, lambda: follower.catalogue)
        _require_there(ground, asking, crowd)
        wire = await stack.enter_async_context(Wire.open(kafka, directory))
        lags = await stack.enter_async_context(Lags.open(kafka, wire.ends, directory))
        yield Connected(asking, crowd, wire, lags)


def _asking(ground: Ground, offered: Callable[[], Catalogue]) -> dict[str, Asking]:
    network, secrets = ground.settings.network, ground.settings.secrets
    names = {entry.dienstverlener for each in ground.pool.entries.values() for entry in each}
    return {name: Asking(Keys.load(network, secrets, name, offered)) for name in names}


def _require_there(ground: Ground, asking: Mapping[str, Asking], crowd: Crowd) -> None:
    """Raises WrongUse."""
    for entry in (entry for each in ground.pool.entries.values() for entry in each):
        asking[entry.dienstverlener].makelaar(entry.service)
        for person in entry.people:
            crowd.who(entry, person)
