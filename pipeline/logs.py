"""Structured logs: one JSON document a line on stderr, with IDs and codes and nothing personal."""

from __future__ import annotations

import logging
import sys

import structlog

_COMMON: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(level: str, participant: str) -> None:
    """Log our own events and those of the libraries in one form, on stderr."""
    structlog.contextvars.bind_contextvars(participant=participant)
    structlog.configure(
        processors=[*_COMMON, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            structlog.processors.JSONRenderer(), foreign_pre_chain=_COMMON
        )
    )
    logging.basicConfig(level=max(_number(level), logging.WARNING), handlers=[handler], force=True)


def _number(level: str) -> int:
    return logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
