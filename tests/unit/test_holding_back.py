"""While the network is busy, a client publishes what comes through and some more; else all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from dienstverlener import HELD_BACK, Assertion, Dienstverlener, Refusal
from dienstverlener.holding_back import MORE, HoldingBack
from dienstverlener.outcome import LegalSubject, own_refusal
from pipeline.settings import Settings
from schemas.refusals import EXPLANATIONS, RefusalCode
from schemas.values import Level
from tests.unit.builders import SERVICE, world

RETRY_SECONDS = 5
THROUGH = Assertion(UUID(int=1), SERVICE, Level.EH3, LegalSubject({}), "p")
REFUSED = own_refusal(UUID(int=1), RefusalCode.NO_MANDATE, "")
BUSY = Refusal(UUID(int=1), RefusalCode.BUSY, "", "", "", "", retry_after_seconds=RETRY_SECONDS)


@dataclass
class Client:
    """What holds a client back, with a clock that is moved by hand."""

    chance: Callable[[], float] = field(default_factory=lambda: Random(1).random)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.holding = HoldingBack(lambda: self.now, self.chance)

    def asking(self, rate: int, seconds: float) -> Iterator[bool]:
        """Whether each of so many a second is published."""
        for _ in range(round(rate * seconds)):
            self.now += 1 / rate
            yield self.holding.publishes()

    def in_a_storm(self, rate: int, seconds: float, takes: int) -> int:
        """How many are published, to a network that takes so many a second, at once or within a
        second, and refuses the rest."""
        published, room = 0, float(takes)
        for is_published in self.asking(rate, seconds):
            room = min(room + takes / rate, float(takes))
            published += is_published
            if is_published:
                self.holding.answered(THROUGH if room >= 1 else BUSY)
                room -= room >= 1
        return published


def test_everything_is_published_while_nothing_is_refused_as_busy() -> None:
    client = Client(chance=lambda: 0.999)
    assert all(client.asking(500, 5))
    client.holding.answered(REFUSED)
    assert all(client.asking(500, 5))


def test_after_a_refusal_as_busy_most_are_held_back_until_the_time_is_over() -> None:
    client = Client()
    list(client.asking(500, 1))
    client.holding.answered(BUSY)
    assert sum(client.asking(500, 1)) <= 5
    client.now += RETRY_SECONDS
    assert all(client.asking(500, 1))


@pytest.mark.parametrize("takes", [50, 100, 250])
def test_in_a_storm_as_many_are_published_as_come_through_and_some_more(takes: int) -> None:
    client = Client()
    client.in_a_storm(2500, 20, takes)
    published = client.in_a_storm(2500, 20, takes) / 20
    assert takes <= published <= 1.1 * MORE * takes + 1


def test_one_that_comes_alone_is_always_published() -> None:
    client = Client(chance=lambda: 0.99)
    for _ in range(10):
        client.now += 5
        client.holding.answered(BUSY)
        assert client.holding.publishes()


def test_when_nothing_comes_through_one_a_second_is_let_through_to_find_out() -> None:
    client = Client()
    client.holding.answered(BUSY)
    published = 0
    for is_published in client.asking(1000, 30):
        published += is_published
        if is_published:
            client.holding.answered(BUSY)
    assert 10 <= published <= 60


def test_client_finds_its_way_up_again_once_the_network_takes_what_it_gets() -> None:
    client = Client()
    client.in_a_storm(2500, 20, takes=0)
    found = [client.in_a_storm(2500, 5, takes=250) / 5 for _ in range(5)]
    assert found[0] < 100
    assert found[-1] >= 200


def test_everything_is_published_again_soon_after_a_storm() -> None:
    client = Client()
    client.in_a_storm(2500, 20, takes=250)
    client.in_a_storm(80, 4, takes=250)
    assert client.in_a_storm(80, 10, takes=250) == 800


def test_what_is_held_back_holds_back_what_comes_after_it_while_the_storm_goes_on() -> None:
    client = Client()
    client.holding.answered(BUSY)
    for _ in range(10):
        assert sum(client.asking(500, 2)) <= 20


def test_time_to_come_back_is_what_the_network_said_and_counts_down() -> None:
    client = Client()
    client.holding.answered(BUSY)
    assert client.holding.retry_after_seconds == RETRY_SECONDS
    client.now += 1.5
    assert client.holding.retry_after_seconds == 4
    client.now += 60
    assert client.holding.retry_after_seconds == 1


# --- the client


class Connected(Dienstverlener):
    """A client whose requests are answered by the test."""

    def __init__(self, holding_back: HoldingBack | None, outcome: Assertion | Refusal) -> None:
        settings = Settings(kafka="127.0.0.1:1", network=Path("n"), secrets=Path("s"))
        producer: Any = None
        super().__init__(world().keys("haven"), settings, producer, holding_back)
        self.outcome, self.published = outcome, 0

    async def publish(self, service: str, **request: Any) -> UUID:
        self.published += 1
        self._give(self.outcome_to(request["request_id"]))
        return UUID(str(request["request_id"]))

    def outcome_to(self, request_id: UUID) -> Any:
        fields = {**vars(self.outcome), "request_id": request_id}
        return type(self.outcome)(**fields)


async def test_client_refuses_by_itself_what_it_holds_back_and_publishes_nothing() -> None:
    client = Connected(Client(chance=lambda: 0.999).holding, BUSY)
    first, request_id = await client.authenticate(SERVICE), uuid4()
    assert isinstance(first, Refusal)
    assert first.reason == ""
    held = [await client.authenticate(SERVICE, request_id=request_id) for _ in range(3)][-1]
    told = EXPLANATIONS[RefusalCode.BUSY]
    assert held == Refusal(
        request_id,
        RefusalCode.BUSY,
        told.top_level,
        told.second_level,
        told.nl,
        told.en,
        reason=HELD_BACK,
        retry_after_seconds=RETRY_SECONDS,
    )
    assert client.published < 4


async def test_client_comes_back_when_the_time_is_over() -> None:
    clock = Client(chance=lambda: 0.999)
    client = Connected(clock.holding, BUSY)
    for _ in range(4):
        await client.authenticate(SERVICE)
    held, client.outcome = client.published, THROUGH
    clock.now += RETRY_SECONDS
    assert isinstance(await client.authenticate(SERVICE), Assertion)
    assert client.published == held + 1


async def test_client_that_is_told_not_to_hold_back_publishes_everything() -> None:
    client = Connected(None, BUSY)
    for _ in range(20):
        await client.authenticate(SERVICE)
    assert client.published == 20
