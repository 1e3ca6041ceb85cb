"""`python -m benchmarks.chain`: what does a login through a chain cost, beside a direct one?

One running network, real processes, Kafka, Postgres and keys. The same service, provider and level:
one person has a mandate of his own; another, of an intermediary, an assignment at the same registry
for somebody whose link is at a second one. Both log in in turns: one at a time for the latency, and
many at once for the CPU of all processes together. Medians of all turns; a chain may cost at most
1.5 times as much.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import cpu_seconds, processes_of
from dienstverlener import Assertion, Dienstverlener
from pipeline import logs
from sandbox import scenario as s
from sandbox.browser import Browser
from sandbox.network import Network, network
from sandbox.person import Behaviour
from sandbox.scenario import Scenario

LIMIT: Final = 1.5
DIRECT, CHAIN = "direct", "chain"
PEOPLE: Final = {DIRECT: "dirk", CHAIN: "carla"}
DIENSTVERLENER, SERVICE = "kadaster", "perceel"
_FIRST, _SECOND = "grens", "paal"
_LEVEL = "EH3"


@dataclass
class Timings:
    """Of one kind of login: milliseconds of each one by itself; CPU milliseconds a login of each
    burst, by process; and logins a second of each burst."""

    single: list[float] = field(default_factory=list)
    cpu: list[dict[str, float]] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)


@dataclass
class Bench:
    """A running network, and who logs in."""

    browser: Browser
    client: Dienstverlener
    service: str
    running: Network
    timings: dict[str, Timings] = field(default_factory=lambda: {k: Timings() for k in PEOPLE})

    async def turn(self, singles: int, logins: int, first: str) -> None:
        """Some one at a time, the two kinds after each other; then a burst of each."""
        kinds = sorted(PEOPLE, key=lambda kind: kind != first)
        for _ in range(singles):
            for kind in kinds:
                self.timings[kind].single.append(await self._login(kind))
        for kind in kinds:
            await self._burst(kind, logins)

    async def _burst(self, kind: str, logins: int) -> None:
        processes = processes_of(self.running)  # anew: Postgres has one for each connection
        before = {name: cpu_seconds(group) for name, group in processes.items()}
        began = time.perf_counter()
        await asyncio.gather(*(self._login(kind) for _ in range(logins)))
        seconds = time.perf_counter() - began
        spent = {n: cpu_seconds(group) - before[n] for n, group in processes.items()}
        timings = self.timings[kind]
        timings.cpu.append({name: cpu * 1000 / logins for name, cpu in spent.items()})
        timings.rate.append(logins / seconds)

    async def _login(self, kind: str) -> float:
        """One login; its milliseconds. Raises RuntimeError where it is not as it should be."""
        self.browser.anybody = Behaviour(self.browser.wallets.of(PEOPLE[kind]))
        began = time.perf_counter()
        outcome = await self.client.authenticate(self.service, timeout=120)
        if not isinstance(outcome, Assertion):
            raise RuntimeError(f"a {kind} login was refused: {outcome.code}")  # noqa: TRY004
        if (outcome.intermediary is not None) != (kind == CHAIN):
            raise RuntimeError(f"a {kind} login came to something else")
        return (time.perf_counter() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chain")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--single", type=int, default=20, help="one at a time, of each, a turn")
    parser.add_argument("--logins", type=int, default=200, help="at once, of each, a turn")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = parser.parse_args()
    logs.configure("CRITICAL", "benchmark")
    report = asyncio.run(measure(options.turns, options.single, options.logins))
    print(json.dumps(report, indent=2) if options.json else _told(report))
    sys.exit(0 if report["within_limit"] else 1)


async def measure(turns: int, singles: int, logins: int) -> dict[str, Any]:
    """Found the network, and let both log in in turns."""
    with tempfile.TemporaryDirectory() as folder:
        founding = network(scenario(), Path(folder), progress=_progress, deadline_seconds=600)
        async with founding as running, _bench(running) as bench:
            for turn in range(turns + 1):
                _progress(f"turn {turn} of {turns}" if turn else "warming up")
                await bench.turn(singles, logins, (DIRECT, CHAIN)[turn % 2])
                if not turn:
                    bench.timings = {kind: Timings() for kind in PEOPLE}
            return _report(bench, turns, singles, logins)


@asynccontextmanager
async def _bench(running: Network) -> AsyncIterator[Bench]:
    service = s.service_id(*running.scenario.service(SERVICE))
    browsing = Browser.open(running.servers.kafka, running.folders)
    connecting = Dienstverlener.connect(DIENSTVERLENER, running.settings)
    async with browsing as browser, connecting as client:
        yield Bench(browser, client, service, running)


# --- the network


def scenario() -> Scenario:
    """The least that has both kinds of login."""
    means = {"provider": "slot", "registry": _FIRST, "level": _LEVEL}
    return Scenario.model_validate(
        {
            "herken": 1,
            "makelaars": [_party("poort", 1)],
            "providers": [{**_party("slot", 2), "credential": "key", "highest_level": "EH4"}],
            "registries": [
                {**_party(n, i), "chains": True} for n, i in ((_FIRST, 3), (_SECOND, 4))
            ],
            "dienstverleners": [{**_party(DIENSTVERLENER, 5), "services": [_service()]}],
            "organisations": [
                _organisation("tuinderij", "90000701", _FIRST),
                _organisation("landmeter", "90000702", _FIRST),
                _organisation("akkerbouw", "90000703", _SECOND),
            ],
            "people": [
                {"name": PEOPLE[DIRECT], "organisation": "tuinderij", "means": [means]},
                {"name": PEOPLE[CHAIN], "organisation": "landmeter", "means": [means]},
            ],
            "mandates": [
                {
                    "person": PEOPLE[DIRECT],
                    "organisation": "tuinderij",
                    "service": SERVICE,
                    "level": _LEVEL,
                }
            ],
            "links": [
                {"organisation": "akkerbouw", "intermediary": "landmeter"}
                | {"services": [SERVICE], "level": _LEVEL}
            ],
            "assignments": [
                {"person": PEOPLE[CHAIN], "principal": "akkerbouw"}
                | {"services": [SERVICE], "level": _LEVEL}
            ],
        }
    )


def _party(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "display_name": name.title(), "oin": f"00000099{number:09}000"}


def _service() -> dict[str, Any]:
    fields = {"name": SERVICE, "display_name": "Perceel splitsen", "index": 1}
    return {**fields, "makelaar": "poort", "level": _LEVEL}


def _organisation(name: str, kvk: str, registry: str) -> dict[str, Any]:
    return {"name": name, "display_name": name.title(), "kvk": kvk, "registry": registry}


# --- how it is told


def _report(bench: Bench, turns: int, singles: int, logins: int) -> dict[str, Any]:
    kinds = {kind: _figures(timings) for kind, timings in bench.timings.items()}
    one, other = kinds[DIRECT], kinds[CHAIN]
    names = ("cpu_ms", "latency_median_ms", "latency_p95_ms")
    ratios = {name: round(other[name] / one[name], 2) for name in names}
    spread = _spread([sum(each.values()) for each in bench.timings[DIRECT].cpu])
    return {
        "turns": turns,
        "singles": turns * singles,
        "logins": turns * logins,
        "kinds": kinds,
        "ratios": ratios,
        "cpu_ratios_of_turns": _of_turns(bench),
        "direct_cpu_spread": spread,
        "limit": LIMIT,
        "within_limit": ratios["cpu_ms"] <= LIMIT and ratios["latency_median_ms"] <= LIMIT,
    }


def _figures(timings: Timings) -> dict[str, Any]:
    names = timings.cpu[0]
    by_process = {n: round(statistics.median(t[n] for t in timings.cpu), 2) for n in names}
    return {
        "cpu_ms": round(statistics.median(sum(turn.values()) for turn in timings.cpu), 2),
        "latency_median_ms": round(statistics.median(timings.single), 1),
        "latency_p95_ms": round(statistics.quantiles(timings.single, n=20)[-1], 1),
        "logins_per_second": round(statistics.median(timings.rate)),
        "cpu_ms_by_process": by_process,
    }


def _of_turns(bench: Bench) -> list[float]:
    """The CPU ratio of each turn by itself."""
    pairs = zip(bench.timings[DIRECT].cpu, bench.timings[CHAIN].cpu, strict=True)
    return sorted(round(sum(chain.values()) / sum(one.values()), 2) for one, chain in pairs)


def _spread(values: Sequence[float]) -> float:
    """How much the largest is above the smallest, of what should be the same."""
    return round(max(values) / min(values), 2)


def _told(report: dict[str, Any]) -> str:
    one, other = (report["kinds"][kind] for kind in (DIRECT, CHAIN))
    lines = [
        f"{report['singles']} logins of each kind one at a time, {report['logins']} in bursts, in "
        f"{report['turns']} turns",
        "",
        f"{'':<28}{'direct':>9}{'chain':>9}{'ratio':>8}",
    ]
    for label, name in (
        ("CPU of all, ms a login", "cpu_ms"),
        ("latency, median ms", "latency_median_ms"),
        ("latency, p95 ms", "latency_p95_ms"),
    ):
        lines.append(f"{label:<28}{one[name]:>9}{other[name]:>9}{report['ratios'][name]:>8}")
    rates = one["logins_per_second"], other["logins_per_second"]
    lines += [f"{'logins a second':<28}{rates[0]:>9}{rates[1]:>9}", "", "CPU, ms a login"]
    for name, cpu in one["cpu_ms_by_process"].items():
        lines.append(f"  {name:<26}{cpu:>9}{other['cpu_ms_by_process'][name]:>9}")
    turns = report["cpu_ratios_of_turns"]
    verdict = "within" if report["within_limit"] else "NOT within"
    lines += [
        "",
        f"CPU ratio of each turn: {turns[0]} to {turns[-1]}; a direct login's own CPU differs "
        f"{report['direct_cpu_spread']} times between turns",
        f"{verdict} {LIMIT}",
    ]
    return "\n".join(lines)


def _progress(text: str) -> None:
    print(f"benchmark: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
