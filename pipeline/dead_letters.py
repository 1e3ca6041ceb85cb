"""Dead letters: what a stage could not handle, with the reason, where it came from, and its
untouched bytes. Redriving one publishes it once more as it was.

Its own headers say nothing personal: reasons are codes, the original bytes are the value.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from pipeline.errors import StageStopped
from schemas.codec import Headers, Record
from schemas.topics import DLQ_MAX_BYTES, DLQ_SUFFIX

LATE = "login_finished"
"""What came after its login had ended. After an outage that is most of what there is to read, and
nothing is misconfigured: it does not count for the limit."""
_OMITTED = "dlq_omitted"
_MOST_BYTES = DLQ_MAX_BYTES - 65_536
_REASON, _ORIGIN, _AT, _HEADERS = "dlq_reason", "dlq_origin", "dlq_at", "dlq_headers"


def bury(record: Record, reason: str, now: datetime) -> Record:
    """The dead letter of a record.

    What is larger than Kafka takes even on a dead-letter topic (a compressed value can be) stays
    where it came from: its dead letter says how much was left out, with its hash.
    """
    headers = {
        _REASON: reason,
        _ORIGIN: f"{record.topic}:{record.position}",
        _AT: now.astimezone(UTC).isoformat(timespec="milliseconds"),
        _HEADERS: _dump(record.headers),
    }
    value = record.value
    if len(value) + len(record.key) + len(headers[_HEADERS]) > _MOST_BYTES:
        headers |= {_OMITTED: f"{len(value)} bytes, sha256 {sha256(value).hexdigest()}"}
        value, headers[_HEADERS] = b"", "[]"
    encoded = tuple((name, text.encode()) for name, text in headers.items())
    return Record(record.topic + DLQ_SUFFIX, record.key, value, encoded)


def is_misfit(output: Record) -> bool:
    """Whether it is a dead letter for any other reason than that it came too late."""
    return output.topic.endswith(DLQ_SUFFIX) and dict(output.headers)[_REASON] != LATE.encode()


def _dump(headers: Headers) -> str:
    return json.dumps([[name, b64encode(value or b"").decode()] for name, value in headers])


def _load(text: str) -> Headers:
    return tuple((name, b64decode(value)) for name, value in json.loads(text))


@dataclass(frozen=True)
class DeadLetterRecord:
    """A dead letter, read back."""

    reason: str
    origin: str
    at: str
    record: Record


def exhume(dead: Record) -> DeadLetterRecord:
    """The dead letter in a record of a dead-letter topic, with the record as it was."""
    headers = {name: value.decode() for name, value in dead.headers}
    original = Record(
        dead.topic.removesuffix(DLQ_SUFFIX), dead.key, dead.value, _load(headers[_HEADERS])
    )
    return DeadLetterRecord(headers[_REASON], headers[_ORIGIN], headers[_AT], original)


@dataclass
class Limit:
    """Stops a stage whose dead letters exceed a share of what it read lately.

    Something is misconfigured then, and draining the topic would lose it from sight. CHOICE:
    more than half of the last 1,000 messages, once 100 have been seen.
    """

    share: float = 0.5
    at_least: int = 100
    window: int = 1000

    def __post_init__(self) -> None:
        self._seen: deque[bool] = deque(maxlen=self.window)

    def count(self, good: int, dead: int) -> None:
        """Raises StageStopped."""
        self._seen.extend([False] * good)
        self._seen.extend([True] * dead)
        total = len(self._seen)
        if total >= self.at_least and sum(self._seen) > self.share * total:
            raise StageStopped(
                f"{sum(self._seen)} of the last {total} messages were dead letters: nothing more "
                "is read. Mend the cause and start again; HERKEN_DEAD_LETTER_SHARE=1 goes on."
            )
