"""`herken check`, which knows nothing of herken's code, judges the whole network at the end: all
twelve invariants, over every topic and log."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from tests.faults.fault import Arena, Fault, Row
from tests.faults.verdicts import Allowed

NAME = "herken check"
_SHOWN = 20


async def checked(arena: Arena, faults: Sequence[Fault]) -> Row | None:
    """Its row in the table; None where there is no checker in this tree."""
    if find_spec("checker") is None:
        arena.progress("herken check is not there: nothing but outcomes is judged")
        return None
    began = time.monotonic()
    arena.progress("herken check reads it all")
    code, document = await _run(arena, [each.allowed for each in faults])
    return _row(code, document, time.monotonic() - began, arena.buggy)


async def _run(arena: Arena, allowed: Sequence[Allowed]) -> tuple[int, dict[str, Any]]:
    network = arena.crew.network
    late_by, apart = max(a.late_by for a in allowed), max(a.apart for a in allowed)
    bounds = ["--late-by", str(late_by), "--clock-bound", str(apart)]
    options = ["--json", "--logs", str(network.logs), *bounds]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "herken", "check", *options),
        env={**os.environ, **network.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    told, _ = await process.communicate()
    return process.returncode or 0, json.loads(told or b"{}")


def _row(code: int, document: dict[str, Any], seconds: float, buggy: set[str]) -> Row:
    every = document.get("violations", ())
    found = [each for each in every if not _is_on_purpose(each, buggy)]
    violations = [_said(each) for each in found][:_SHOWN]
    total = sum(each["violations"] for each in document.get("invariants", ()))
    total -= len(every) - len(found)
    if total > len(violations):
        violations.append(f"and {total - len(violations)} more")
    if code not in (0, 1):
        violations.append(f"it ended with {code}")
    read = document.get("read", {})
    logins = read.get("logins", 0)
    return Row(NAME, 1, logins, 0, 0, 0, 0.0, violations, round(seconds, 1), read)


def _is_on_purpose(violation: dict[str, Any], buggy: set[str]) -> bool:
    """Whether it is the dead letter of a bug that a fault had put there."""
    return violation["request_id"] in buggy and "handler_failed" in violation["sentence"]


def _said(violation: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in violation.items())
