"""Which processes take part, what they spend, and which of them come and go."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from loadtest.processes import (
    GENERATOR,
    PASSWORDS,
    POSTGRES,
    Processes,
    _is_herken,
    of_running,
)
from providers.credentials import argon2id

KAFKA = "127.0.0.1:59999"
SPIN = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\n"
WAIT = "import sys; print('there', flush=True); sys.stdin.read()"


@contextmanager
def started(code: str, *arguments: str, **environment: str) -> Iterator[psutil.Process]:
    """A process that did what it had to and waits to be let go."""
    with subprocess.Popen(
        [sys.executable, "-c", code + WAIT, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield psutil.Process(process.pid)
        process.kill()


@pytest.mark.parametrize(
    ("words", "it_is"),
    [
        (["/x/python", "-m", "herken", "run", "makelaar", "polder"], True),
        (["/x/python", "/x/.venv/bin/herken", "run", "makelaar", "polder"], True),
        (["/x/python", "/x/guardian.py", "5", "", "python", "-m", "herken", "run"], False),
        (["/x/python", "-m", "herken", "up"], False),
        (["/x/herken/bin/python", "run.py"], False),
        (["herken"], False),
        ([], False),
    ],
)
def test_role_is_known_by_its_command_line(words: list[str], it_is: bool) -> None:
    assert _is_herken(words, ("run",)) is it_is


def test_roles_on_this_kafka_are_found_and_those_on_another_are_not() -> None:
    words = ("herken", "run", "registry", "terp", "weide")
    with (
        started("", *words, HERKEN_KAFKA=KAFKA) as one,
        started("", *words, HERKEN_KAFKA="127.0.0.1:1") as other,
        started("", HERKEN_KAFKA=KAFKA) as unlike,
        started("", argon2id.__name__, HERKEN_KAFKA=KAFKA) as checks,
        started("", argon2id.__name__, HERKEN_KAFKA="127.0.0.1:1"),
    ):
        found = of_running(KAFKA, {"mine": unlike.pid, "gone": 2**22 + 1})()
    assert found["terp+weide"] == [one]
    assert other not in found["terp+weide"]
    assert found["mine"] == [unlike]
    assert found[PASSWORDS] == [checks]
    assert found[GENERATOR] == [psutil.Process()]
    assert "gone" not in found


def test_cpu_of_a_process_counts_from_the_first_look_and_after_its_end() -> None:
    group: dict[str, list[psutil.Process]] = {"role": []}
    with started(SPIN) as before:
        group["role"] = [before]
        processes = Processes(lambda: group)
        processes.look()
        with started(SPIN) as one:
            group["role"] = [before, one]
            spent, happened = processes.look()
            assert spent["role"] >= 190
            assert happened == [f"role appeared (process {one.pid})"]
        group["role"] = [before]
        spent, happened = processes.look()
        assert happened == [f"role ended (process {one.pid})"]
    (told,) = processes.told()
    assert 190 <= told.cpu_ms < 5000
    assert 0 < told.rss_start <= told.rss_max


@pytest.mark.parametrize("name", [POSTGRES, PASSWORDS])
def test_connections_of_postgres_and_who_checks_passwords_come_and_go_unsaid(name: str) -> None:
    me, parent = psutil.Process(), psutil.Process(os.getppid())
    group = {name: [me]}
    processes = Processes(lambda: group)
    processes.look()
    group[name] = [me, parent]
    assert processes.look()[1] == []
    group[name] = []
    assert processes.look()[1] == [f"{name} ended"]
