"""One dienstverlener of the load: what it asks, and how it verifies what comes back.

The client library's own parts, without its connection: one producer and one consumer serve all.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from aiokafka import ConsumerRecord

from dienstverlener import Assertion, Refusal
from dienstverlener.offered import Offers
from dienstverlener.verify import verify
from loadtest.pool import Entry
from pipeline.errors import WrongUse
from pipeline.keys import Keys
from schemas import codec
from schemas.codec import Record, Untrusted
from schemas.directory import Participant
from schemas.message import Message
from schemas.messages import AuthnRequest, Cancellation
from schemas.topics import AUTHN_REQUESTS, CANCELLATIONS, Topic


class Asking:
    """Signs requests, and verifies outcomes in full."""

    def __init__(self, keys: Keys) -> None:
        self._keys, self._offers = keys, Offers(keys)

    def makelaar(self, service: str) -> Participant:
        """Where a service (ServiceID) is connected. Raises WrongUse."""
        known = self._offers.look().service(service)
        found = self._keys.directory.participant(known.makelaar) if known else None
        if found is None:
            raise WrongUse(
                f"the network's catalogue has no {service}: is --scenario the file that this "
                "network was founded from?"
            )
        return found

    def request(self, entry: Entry, request_id: UUID, within: int, now: datetime) -> Record:
        """A request for what this login asks, to be answered within so many seconds."""
        request = AuthnRequest(
            request_id=request_id,
            service=entry.service,
            level=entry.login.level,
            force_authn=entry.login.force_authn,
            provider=entry.asks_for,
            declared=entry.declared,
            answer_within_seconds=within,
        )
        return self._signed(AUTHN_REQUESTS, entry, request, now)

    def cancellation(self, entry: Entry, request_id: UUID, now: datetime) -> Record:
        """That a login is to end."""
        return self._signed(CANCELLATIONS, entry, Cancellation(request_id=request_id), now)

    def _signed(self, topic: Topic, entry: Entry, message: Message, now: datetime) -> Record:
        makelaar, signer = self.makelaar(entry.service), self._keys.signer(now)
        audience = (makelaar.entity_id,)
        return codec.encode_signed(topic.of(makelaar.name), message, signer, audience, uuid4(), now)

    def verified(self, raw: ConsumerRecord, now: datetime) -> Assertion | Refusal | str:
        """What an outcome comes to, as the client library has it; or why it does not verify."""
        headers = tuple((name, value or b"") for name, value in raw.headers)
        record = Record(raw.topic, raw.key or b"", raw.value or b"", headers)
        try:
            return verify(record, self._keys, now, self._offers)
        except Untrusted as untrusted:
            return untrusted.reason
