"""Dead letters: they keep what came, untouched, and stop a stage that makes too many."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from pipeline.dead_letters import DeadLetterRecord, Limit, bury, exhume, is_misfit
from pipeline.errors import StageStopped
from schemas.codec import Record
from schemas.topics import DLQ_MAX_BYTES
from tests.unit.builders import NOW

RECORD = Record(
    "authn-requests.duin", b"\xffkey", b"\x00\xff", (("ce_id", b"\xfe"), ("ce_id", b"")), "3:41"
)


def test_dead_letter_goes_beside_its_topic_with_reason_and_origin() -> None:
    dead = bury(RECORD, "not_jws", NOW)
    assert (dead.topic, dead.key, dead.value) == (
        "authn-requests.duin.dlq",
        b"\xffkey",
        b"\x00\xff",
    )
    headers = {name: value.decode() for name, value in dead.headers}
    assert headers.pop("dlq_headers")
    assert headers == {
        "dlq_reason": "not_jws",
        "dlq_origin": "authn-requests.duin:3:41",
        "dlq_at": "2026-03-02T09:30:00.000+00:00",
    }


def test_dead_letter_gives_back_what_was_buried() -> None:
    found = exhume(bury(RECORD, "not_jws", NOW))
    original = Record(RECORD.topic, RECORD.key, RECORD.value, RECORD.headers)
    assert found == DeadLetterRecord(
        "not_jws", "authn-requests.duin:3:41", "2026-03-02T09:30:00.000+00:00", original
    )


def test_dead_letter_without_headers_comes_back_without() -> None:
    bare = Record("outcomes.haven", b"", b"")
    assert exhume(bury(bare, "too_large", NOW)).record == bare


def test_header_without_a_value_can_be_buried() -> None:
    """Kafka's headers may be null."""
    record = Record("outcomes.haven", b"", b"", (("ce_id", None),))  # type: ignore[arg-type]
    headers = dict(bury(record, "type_refused", NOW).headers)
    assert json.loads(headers["dlq_headers"]) == [["ce_id", ""]]


def huge(most: int) -> Record:
    """A record whose dead letter would be as large as this, but for its own few headers."""
    return Record("outcomes.haven", b"k" * 10, b"v" * (most - len("[]") - 10))


MOST = DLQ_MAX_BYTES - 65_536


def test_dead_letter_leaves_out_what_is_larger_than_kafka_takes() -> None:
    record = huge(MOST + 1)
    dead = bury(record, "too_large", NOW)
    headers = {name: value.decode() for name, value in dead.headers}
    size, hashed = len(record.value), sha256(record.value).hexdigest()
    assert headers["dlq_omitted"] == f"{size} bytes, sha256 {hashed}"
    assert (dead.key, dead.value, headers["dlq_headers"]) == (record.key, b"", "[]")


def test_dead_letter_is_whole_at_its_largest() -> None:
    dead = bury(huge(MOST), "too_large", NOW)
    assert "dlq_omitted" not in dict(dead.headers)
    assert exhume(dead).record == huge(MOST)


# --- the limit


def counted(limit: Limit, *counts: tuple[int, int]) -> bool:
    """Whether the stage may still go on after these numbers of good and dead ones."""
    try:
        for good, dead in counts:
            limit.count(good, dead)
    except StageStopped:
        return False
    return True


@pytest.mark.parametrize(
    ("good", "dead", "goes_on"),
    [
        (0, 99, True),  # too few to tell
        (0, 100, False),
        (50, 50, True),
        (49, 51, False),
        (100, 0, True),
        (500, 500, True),
        (499, 501, False),
    ],
)
def test_stage_stops_when_more_than_half_are_dead_letters(
    good: int, dead: int, goes_on: bool
) -> None:
    assert counted(Limit(), (good, dead)) is goes_on


def test_stage_stops_for_what_it_read_lately() -> None:
    assert counted(Limit(), (100_000, 0), (0, 500))
    assert not counted(Limit(), (100_000, 0), (0, 501))


def test_dead_letters_are_forgotten_after_enough_good_ones() -> None:
    assert counted(Limit(), (600, 400), (1_000, 0), (0, 500))


@pytest.mark.parametrize(
    ("reason", "counts"), [("login_finished", False), ("expired", True), ("handler_failed", True)]
)
def test_dead_letter_counts_unless_it_only_came_too_late(reason: str, counts: bool) -> None:
    assert is_misfit(bury(RECORD, reason, NOW)) is counts


def test_what_a_stage_sends_counts_as_no_dead_letter() -> None:
    assert not is_misfit(RECORD)


def test_stage_never_stops_when_the_share_is_the_whole() -> None:
    assert counted(Limit(share=1.0), (0, 10_000))


def test_stage_says_how_many_and_what_to_do_when_it_stops() -> None:
    with pytest.raises(StageStopped, match=r"^60 of the last 100 messages were dead letters"):
        Limit().count(40, 60)
