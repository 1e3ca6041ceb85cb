"""What a service does with a batch before the runner has it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from aiokafka import ConsumerRecord
from faststream.kafka import KafkaMessage

from pipeline.service import _undecoded


@pytest.fixture
def _no_search_for_garbage() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_search_for_garbage")
async def test_batch_is_not_kept_when_it_was_handled() -> None:
    """A role seldom searches for garbage: thousands of records would be in memory meanwhile."""
    records = (ConsumerRecord("t", 0, 7, 0, 0, b"key", b"value", None, 3, 5, ()),)
    message = KafkaMessage(raw_message=records, body=[b"value"], consumer=None)
    message.set_decoder(_undecoded)
    assert await message.decode() is records
    kept = weakref.ref(message)
    del message
    assert kept() is None
