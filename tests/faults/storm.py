"""A retry storm: every client sends each request again and again, as it was and signed anew."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from dienstverlener import Dienstverlener
from pipeline.keys import utc_now
from schemas import codec
from schemas.codec import Record
from schemas.messages import AuthnRequest
from schemas.topics import AUTHN_REQUESTS
from tests.faults.fault import RATE, Arena, Fault
from tests.faults.kinds import picking
from tests.faults.load import patiently
from tests.faults.verdicts import Allowed, Sent

SECONDS: Final = 60.0
RESENT: Final = 10
"""Times in turn: the same bytes, and the same request signed anew."""
GOODPUT: Final = 0.9
_ANSWERED_SECONDS = 10.0
"""What comes later than this is not counted: its user is gone."""
_BETWEEN_SECONDS = 0.2


@dataclass
class Resending:
    """The clients of a network, who send whatever they send ten times more."""

    clients: Mapping[str, Dienstverlener]
    count: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self) -> None:
        """From now on, and until `end`."""
        for client in self.clients.values():
            client._publish = _resender(self, client)  # type: ignore[method-assign]

    async def end(self) -> None:
        for client in self.clients.values():
            del client._publish  # its class has its own
        await asyncio.gather(*self._tasks)

    def resend(self, client: Dienstverlener, record: Record) -> None:
        task = asyncio.create_task(self._resend(client, record))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resend(self, client: Dienstverlener, record: Record) -> None:
        for number in range(RESENT):
            await asyncio.sleep(_BETWEEN_SECONDS)
            again = record if number % 2 else signed_anew(client, record)
            await _published(client, again)
            self.count += 1


def _resender(resending: Resending, client: Dienstverlener):  # type: ignore[no-untyped-def]  # noqa: ANN202
    async def publish(record: Record) -> None:
        await Dienstverlener._publish(client, record)
        if record.topic.startswith(f"{AUTHN_REQUESTS.name}."):
            resending.resend(client, record)

    return publish


async def _published(client: Dienstverlener, record: Record) -> None:
    await patiently(lambda: Dienstverlener._publish(client, record))


def signed_anew(client: Dienstverlener, record: Record) -> Record:
    """The same request, of a client that does not know that it sent it before."""
    now, message = utc_now(), codec.unverified(record.value.decode(), AuthnRequest)
    makelaar = client._keys.directory.named(record.topic.partition(".")[2])
    if makelaar is None:
        raise LookupError(record.topic)
    audience, signer = (makelaar.entity_id,), client._keys.signer(now)
    return codec.encode_signed(record.topic, message, signer, audience, uuid4(), now)


async def storm(arena: Arena) -> int:
    """The same load for 60 s without resending and for 60 s with it: as much comes of it."""
    without = await _goodput(arena)
    resending = Resending(arena.people.clients)
    resending.begin()
    try:
        with_it = await _goodput(arena)
    finally:
        await resending.end()
    arena.measured["offered"] = f"{RATE:.0f} logins/s for {SECONDS:.0f} s"
    arena.measured["answered in 10 s without resending"] = f"{without:.1%}"
    arena.measured["answered in 10 s with resending"] = f"{with_it:.1%}"
    arena.measured["requests sent again"] = resending.count
    if with_it < GOODPUT * without:
        arena.found.append(f"{with_it:.1%} were answered in time, without resending {without:.1%}")
    return resending.count


async def _goodput(arena: Arena) -> float:
    """The share of logins that got what they had to, before their users were gone."""
    first = len(arena.people.sent)
    async with arena.people.loading(picking(arena.seed), RATE):
        await asyncio.sleep(SECONDS)
    sent = arena.people.sent[first:]
    await arena.people.outcomes.settled(sent, 0)
    return sum(_is_good(arena, each) for each in sent) / len(sent)


def _is_good(arena: Arena, sent: Sent) -> bool:
    outcomes = arena.people.outcomes
    found: Sequence[float] = [each.at for each in outcomes.found[sent.request_id].values()]
    in_time = bool(found) and found[0] - sent.at <= _ANSWERED_SECONDS
    return in_time and not outcomes.judge([sent], Allowed()).violations


FAULTS = (Fault("retry storm", storm, 140, rate=0),)
