"""The clients of the benchmark's peers count verified answers only: in their own environment, which
is made where it is not there."""

from __future__ import annotations

import asyncio
import json
import subprocess

import pytest

from benchmarks.peers.environments import CLIENTS, python


@pytest.mark.timeout(300)
@pytest.mark.parametrize("protocol", ["saml", "oidc"])
async def test_an_answer_counts_when_it_is_whole_and_never_else(protocol: str) -> None:
    made = await python(CLIENTS, lambda _: None)
    command = [str(made), "-m", "tests.support.peers_clients"]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
    held = json.loads(ran.stdout)[protocol]
    assert held.pop("whole")
    assert len(held) >= 4
    assert not any(held.values()), held
