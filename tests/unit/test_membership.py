"""A member of a group says which instance it is, and learns that another one has its place."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.protocol.group import HeartbeatRequest
from pydantic import BaseModel

from pipeline import membership
from pipeline.membership import FENCED_INSTANCE_ID
from pipeline.service import Service
from pipeline.settings import Settings
from pipeline.stage import RoleStages

BROKER_TAKES = {12: (0, 4)}


class Coordinator:
    """Answers each request with the same error code, and keeps what was sent."""

    def __init__(self, error_code: int) -> None:
        self.sent: list[Any] = []
        self._answer = SimpleNamespace(error_code=error_code)

    async def _send_req(self, request: Any) -> Any:
        self.sent.append(request)
        return self._answer


def watched(error_code: int) -> tuple[Coordinator, list[str]]:
    coordinator, told = Coordinator(error_code), list[str]()
    consumer = SimpleNamespace(_coordinator=coordinator)
    membership.watch(consumer, "polder-1", lambda: told.append("taken over"))
    return coordinator, told


async def test_heartbeat_says_which_instance_it_is_of() -> None:
    coordinator, _ = watched(0)
    await coordinator._send_req(HeartbeatRequest("polder.authn-requests", 7, "polder-1-abc"))
    request = coordinator.sent[0].prepare(BROKER_TAKES)
    assert (request.API_KEY, request.API_VERSION) == (12, 3)
    assert request.to_object() == {
        "group": "polder.authn-requests",
        "generation_id": 7,
        "member_id": "polder-1-abc",
        "group_instance_id": "polder-1",
    }


@pytest.mark.parametrize(("error_code", "is_told"), [(0, 0), (25, 0), (27, 0), (82, 1)])
async def test_member_is_told_when_its_place_is_taken_and_for_nothing_else(
    error_code: int, is_told: int
) -> None:
    assert FENCED_INSTANCE_ID == 82
    coordinator, told = watched(error_code)
    await coordinator._send_req(HeartbeatRequest("group", 1, "member"))
    assert len(told) == is_told


async def test_other_requests_go_as_they_are() -> None:
    coordinator, _ = watched(0)
    request = object()
    await coordinator._send_req(request)
    assert coordinator.sent == [request]


@pytest.mark.parametrize(("instance", "id_"), [("", None), ("polder-1", "polder-1")])
def test_member_is_static_when_it_has_a_name(instance: str, id_: str | None) -> None:
    assert membership.options(instance) == {
        "session_timeout_ms": 6_000,
        "heartbeat_interval_ms": 1_000,
        "rebalance_timeout_ms": 3_000,
        "group_instance_id": id_,
    }


async def test_service_is_not_assigned_before_every_stage_has_joined() -> None:
    """Stages join one after the other: the first has partitions while the last has none yet."""
    settings = Settings(kafka="127.0.0.1:1", network=Path("n"), secrets=Path("s"))
    service = Service("polder", RoleStages(BaseModel, lambda: None, []), Any, settings)
    consumer = SimpleNamespace(assignment=lambda: {("authn-requests.polder", 0)})
    service._subscribers = {"authn-requests": SimpleNamespace(consumer=consumer)}
    assert not service.is_assigned()
    service._has_joined = True
    assert service.is_assigned()
