"""The clients of the benchmark's peers count verified answers only."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks.peers.environments import CLIENTS, PEERS

_PYTHON = Path(PEERS) / CLIENTS / "bin" / "python"


@pytest.mark.skipif(not _PYTHON.exists(), reason="`make bench` makes the clients' environment")
@pytest.mark.parametrize("protocol", ["saml", "oidc"])
def test_an_answer_counts_when_it_is_whole_and_never_else(protocol: str) -> None:
    command = [str(_PYTHON), "-m", "tests.support.peers_clients"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    held = json.loads(printed)[protocol]
    assert held.pop("whole")
    assert len(held) >= 4
    assert not any(held.values()), held
