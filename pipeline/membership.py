"""Membership of consumer groups: how soon a process that died is missed, and how it comes back.

A process with an instance name is a static member (KIP-345): killed and started again, it has its
partitions back at once, without a rebalance. One that does not come back is missed after
SESSION_MS, and its partitions go to the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.types import Int16, Int32, Schema, String

SESSION_MS: Final = 6_000
"""The shortest that brokers allow by default (group.min.session.timeout.ms)."""
HEARTBEAT_MS: Final = 1_000
"""Also how long it takes at most until a member learns of a rebalance, which waits for it."""
REBALANCE_MS: Final = 3_000
"""A rebalance waits so long for who does not join again. Whoever is killed in the middle of one is
missed a session after its end: 9 s, and with the client's default, a session, 12 s."""
FENCED_INSTANCE_ID: Final = 82


class _Answer(Response):  # type: ignore[misc]
    API_KEY = 12
    API_VERSION = 3
    SCHEMA = Schema(("throttle_time_ms", Int32), ("error_code", Int16))


class _HeartbeatOfInstance(RequestStruct):  # type: ignore[misc]
    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class _Heartbeat(Request[_HeartbeatOfInstance]):  # type: ignore[misc]
    """A heartbeat that says which instance it is of: only then can the answer be that another
    process has that name now. aiokafka's own does not, and would join again and again."""

    API_KEY = 12

    def __init__(self, ordinary: HeartbeatRequest, instance: str) -> None:
        self._fields = (ordinary._group, ordinary._generation_id, ordinary._member_id, instance)

    def build(self, request_struct_class: type[_HeartbeatOfInstance]) -> _HeartbeatOfInstance:
        return request_struct_class(*self._fields)


def options(instance: str) -> dict[str, Any]:
    """A consumer's part in its group. `instance`: empty for a member that is new each time."""
    return {
        "session_timeout_ms": SESSION_MS,
        "heartbeat_interval_ms": HEARTBEAT_MS,
        "rebalance_timeout_ms": REBALANCE_MS,
        "group_instance_id": instance or None,
    }


def watch(consumer: Any, instance: str, taken_over: Callable[[], None]) -> None:
    """Call `taken_over` when another process has joined under the same name, which ends this one's
    membership. `consumer`: an AIOKafkaConsumer that is started."""
    coordinator = consumer._coordinator
    ordinary = coordinator._send_req

    async def send(request: Any) -> Any:
        if isinstance(request, HeartbeatRequest):
            request = _Heartbeat(request, instance)
        response = await ordinary(request)
        if getattr(response, "error_code", None) == FENCED_INSTANCE_ID:
            taken_over()
        return response

    coordinator._send_req = send
