"""The measurement: a network, logins one at a time, logins all at once, and a bare relay."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil

from benchmarks.relay import relays_per_second
from dienstverlener import Assertion, Dienstverlener
from sandbox import scenario as s
from sandbox.browser import Browser
from sandbox.network import Network, network
from sandbox.person import Behaviour
from sandbox.scenario_file import load

SCENARIO, SERVICE, PERSON = Path("scenarios/first-login.yaml"), "lozingsaangifte", "ans"
DEADLINE_SECONDS = 600


async def measure(logins: int, single: int, runs: int) -> dict[str, Any]:
    """Measure it all; a few minutes at most."""
    scenario = load(SCENARIO)
    with tempfile.TemporaryDirectory() as folder:
        founding = network(
            scenario, Path(folder), progress=_progress, deadline_seconds=DEADLINE_SECONDS
        )
        async with founding as running, AsyncExitStack() as stack:
            browser = await stack.enter_async_context(
                Browser.open(running.servers.kafka, running.folders)
            )
            browser.anybody = Behaviour(browser.wallets.of(PERSON))
            dienstverlener, service = scenario.service(SERVICE)
            client = await stack.enter_async_context(
                Dienstverlener.connect(dienstverlener.name, running.settings)
            )
            service_id = s.service_id(dienstverlener, service)
            return await _measure(running, client, service_id, (logins, single, runs))


async def _measure(
    running: Network, client: Dienstverlener, service: str, sizes: tuple[int, int, int]
) -> dict[str, Any]:
    logins, single, runs = sizes
    _progress("warming up")
    await asyncio.gather(*(_login(client, service) for _ in range(50)))
    _progress(f"{single} logins one at a time")
    one_by_one = [await _login(client, service) for _ in range(single)]
    processes = processes_of(running)
    before = {name: cpu_seconds(group) for name, group in processes.items()}
    bursts = [await _burst(client, service, logins, n + 1, runs) for n in range(runs)]
    cpu = {n: (cpu_seconds(g) - before[n]) * 1000 / (logins * runs) for n, g in processes.items()}
    _progress("the baseline: a bare relay")
    relay = await relays_per_second(running.servers.kafka, logins)
    rates = [rate for rate, _ in bursts]
    rate = statistics.median(rates)
    return {
        "single": single,
        "single_median_ms": round(statistics.median(one_by_one), 1),
        "single_p95_ms": round(statistics.quantiles(one_by_one, n=20)[-1], 1),
        "logins": logins,
        "bursts": [round(rate) for rate in rates],
        "logins_per_second": round(rate),
        "all_verified": all(granted == logins for _, granted in bursts),
        "relay_per_second": round(relay),
        "times_the_relay": round(relay / rate, 1),
        "cpu_ms_all": round(sum(cpu.values()), 2),
        "processes": [
            {"name": name, "cpu_ms": round(cpu[name], 2), "rss_mb": round(_rss(group))}
            for name, group in processes.items()
        ],
    }


async def _login(client: Dienstverlener, service: str) -> float:
    """One login; its milliseconds. Raises RuntimeError where it is refused."""
    began = time.perf_counter()
    outcome = await client.authenticate(service)
    if not isinstance(outcome, Assertion):
        raise RuntimeError(f"a login was refused: {outcome.code}")  # noqa: TRY004 -- no type is wrong
    return (time.perf_counter() - began) * 1000


async def _burst(
    client: Dienstverlener, service: str, logins: int, number: int, runs: int
) -> tuple[float, int]:
    """All logins at once: verified logins a second, and how many were granted."""
    _progress(f"{logins} logins at once ({number} of {runs})")
    began = time.perf_counter()
    outcomes = await asyncio.gather(*(client.authenticate(service) for _ in range(logins)))
    seconds = time.perf_counter() - began
    return logins / seconds, sum(isinstance(outcome, Assertion) for outcome in outcomes)


def processes_of(running: Network) -> dict[str, list[psutil.Process]]:
    """Who takes part: each role, the servers, and the client with the users in this process."""
    named = {role.participant.name: [psutil.Process(role.process.pid)] for role in running.roles}
    mine = psutil.Process(os.getpid())
    servers: dict[str, list[psutil.Process]] = {"kafka": [], "postgres": []}
    for child in mine.children(recursive=True):
        if child.name() == "java":
            servers["kafka"].append(child)
        elif child.name() == "postgres":
            servers["postgres"].append(child)
    return {**named, "client and users": [mine], **servers}


def cpu_seconds(group: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in group]
    return sum(spent.user + spent.system for spent in times)


def _rss(group: list[psutil.Process]) -> float:
    return max(process.memory_info().rss for process in group) / 1_048_576


def _progress(text: str) -> None:
    print(f"benchmark: {text}", file=sys.stderr, flush=True)
