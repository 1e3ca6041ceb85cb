"""pytest fixtures for whoever tests against a herken network. In your `conftest.py`:

    pytest_plugins = ["sandbox.pytest_plugin"]

and in a test:

    async def test_a_login(herken_network):
        dv = herken_network.dienstverleners["waterdam"]
        with herken_network.at_the_browser("ans", provider="sluis"):
            outcome = await dv.authenticate(herken_network.service("omgevingsvergunning"))

`herken_scenario` can be overridden: a path to another scenario file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from dienstverlener import Dienstverlener
from sandbox import scenario as s
from sandbox.network import Network, network_on
from sandbox.person import Behaviour
from sandbox.play import Player
from sandbox.scenario import Does
from sandbox.scenario_file import load
from sandbox.servers import Servers, running

DEADLINE_SECONDS = 60


@dataclass(frozen=True)
class RunningNetwork:
    """A running network, with everybody connected who takes part from outside."""

    network: Network
    player: Player

    @property
    def dienstverleners(self) -> dict[str, Dienstverlener]:
        """Each dienstverlener of the scenario, connected, by its short name."""
        return self.player.dienstverleners

    def service(self, name: str) -> str:
        """The ServiceID of a service, by its short name. Raises KeyError."""
        return s.service_id(*self.network.scenario.service(name))

    @contextmanager
    def at_the_browser(
        self, person: str, *, does: Does = Does.ANSWER, provider: str | None = None
    ) -> Iterator[None]:
        """Let a person of the scenario answer every prompt of the block."""
        browser = self.player.browser
        browser.anybody = Behaviour(browser.wallets.of(person), does, provider)
        try:
            yield
        finally:
            browser.anybody = None


@pytest.fixture(scope="session")
def herken_scenario() -> Path:
    """The scenario that the network is founded from."""
    return Path(__file__).resolve().parents[1] / "scenarios" / "first-login.yaml"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def herken_servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """A real Kafka and a real Postgres, for the whole session."""
    async with running(tmp_path_factory.mktemp("servers"), progress=_silent) as servers:
        yield servers


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def herken_network(
    herken_servers: Servers, herken_scenario: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningNetwork]:
    """A whole network, each role in a process of its own, for the whole session."""
    scenario, folder = load(herken_scenario), tmp_path_factory.mktemp("network")
    founding = network_on(herken_servers, scenario, folder, _silent, DEADLINE_SECONDS)
    async with founding as network:
        playing = Player.ready(scenario, network.settings, network.folders)
        async with playing as player:
            yield RunningNetwork(network, player)


def _silent(_: str) -> None:
    """Progress is for people; a test shows what failed."""
