"""Structured logs: one JSON document a line on stderr, with IDs and codes and nothing personal."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

import structlog
from pydantic_core import to_json

_QUIET_SECONDS = 10.0
_COMMON: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(level: str, participant: str) -> None:
    """Log our own events and those of the libraries in one form, on stderr."""
    structlog.contextvars.bind_contextvars(participant=participant)
    structlog.configure(
        processors=[*_COMMON, structlog.processors.JSONRenderer(_json)],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Sparing())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            structlog.processors.JSONRenderer(_json), foreign_pre_chain=_COMMON
        )
    )
    logging.basicConfig(level=max(_number(level), logging.WARNING), handlers=[handler], force=True)


def _json(event: Any, **_: Any) -> str:
    """Whatever is in it: a log says what happened, and makes nothing happen."""
    try:
        return to_json(event, fallback=repr).decode()
    except ValueError:  # bytes or halves of characters that are no UTF-8
        return json.dumps(event, default=repr)


class Sparing(logging.Filter):
    """Lets each place in a library say something once in ten seconds: a client whose server is
    away repeats itself many times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place, now = (record.pathname, record.lineno), time.monotonic()
        if now - self._said.get(place, -_QUIET_SECONDS) < _QUIET_SECONDS:
            return False
        self._said[place] = now
        return True


def _number(level: str) -> int:
    return logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
