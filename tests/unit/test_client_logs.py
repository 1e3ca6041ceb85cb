"""What the client library says by itself, and where."""

from __future__ import annotations

import subprocess
import sys

_WARN = "from dienstverlener.client import log; log.warning('outcome_late')"
_OURS = "import structlog; structlog.configure(logger_factory=structlog.PrintLoggerFactory()); "


def _said(program: str) -> tuple[bool, bool]:
    """Whether it is on stdout, and whether on stderr."""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return "outcome_late" in ran.stdout, "outcome_late" in ran.stderr


def test_warnings_leave_the_programs_stdout_alone() -> None:
    assert _said(_WARN) == (False, True)


def test_a_program_that_has_configured_its_logs_has_them_there() -> None:
    assert _said(_OURS + _WARN) == (True, False)
