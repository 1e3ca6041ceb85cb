"""What the README shows an engineer, run as it stands there."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from dienstverlener import Assertion, Dienstverlener, Level, Refusal, RefusalCode
from sandbox.pytest_plugin import RunningNetwork

BLOCKS = re.findall(r"```python\n(.*?)```", Path("README.md").read_text(), re.DOTALL)
PROGRAM, FIXTURE_TEST = BLOCKS


async def test_program_of_the_readme_is_granted(
    herken_network: RunningNetwork, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {**os.environ, **herken_network.network.environment}
    with herken_network.at_the_browser("ans", provider="sluis"):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(program), env=environment, stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
    assert out.decode() == "somebody may act for a company, at EH3\n"


async def test_fixture_of_the_readme_gives_a_network(herken_network: RunningNetwork) -> None:
    names: dict[str, object] = {"Level": Level}
    exec(FIXTURE_TEST, names)
    await names["test_a_company_can_log_in"](herken_network)  # type: ignore[operator]


async def test_two_halves_apart_give_the_same_outcome(
    herken_network: RunningNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in herken_network.network.environment.items():
        monkeypatch.setenv(name, value)
    service = herken_network.service("omgevingsvergunning")
    async with Dienstverlener.connect() as dv:
        with herken_network.at_the_browser("ans", provider="sluis"):
            request_id = await dv.publish(service)
            async for outcome in dv.outcomes(group="test-two-halves"):
                if outcome.request_id == request_id:
                    break
    assert isinstance(outcome, Assertion)


async def test_login_is_refused_when_the_dienstverlener_cancels(
    herken_network: RunningNetwork,
) -> None:
    dv = herken_network.dienstverleners["waterdam"]
    service, request_id = herken_network.service("omgevingsvergunning"), uuid4()
    outcome = asyncio.create_task(dv.authenticate(service, request_id=request_id))
    await asyncio.sleep(0)
    await dv.cancel(request_id, service)
    refusal = await outcome
    assert isinstance(refusal, Refusal)
    assert refusal.code is RefusalCode.CANCELLED_BY_DIENSTVERLENER
